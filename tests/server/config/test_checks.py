import pytest

from carillon.config import Settings
from carillon.errors import ConfigError

SECRET = {"JWT_SECRET": "0123456789abcdef0123456789abcdef"}
ACCOUNT = '{"client_email": "a@b", "private_key": "k"}'


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env(environ)
    return caught.value.problems


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_text("{}")
    return str(path)


def test_without_any_key_there_is_no_start():
    (problem,) = problems({})
    assert problem.startswith("JWT_SECRET is missing")
    assert "JWT_KEYRING_FILE" in problem
    assert "JWT_JWKS_URL" in problem


def test_each_source_of_keys_is_enough(file):
    assert Settings.from_env({"JWT_KEYRING_FILE": file}).auth.accepted == ("HS256",)
    assert Settings.from_env({"JWT_JWKS_URL": "https://a/jwks"}).auth.accepted == ("RS256", "ES256", "EdDSA")
    assert Settings.from_env(SECRET | {"JWT_JWKS_URL": "https://a/jwks"}).auth.accepted == ("HS256", "RS256", "ES256", "EdDSA")


def test_an_unreadable_keyring_is_not_reported_twice():
    assert len(problems({"JWT_KEYRING_FILE": "/does/not/exist"})) == 1


@pytest.mark.parametrize(
    ("environ", "begins"),
    [
        ({"JWT_ALGORITHMS": "ES256"}, "JWT_ALGORITHMS has ES256"),
        ({"POD_LEASE": "5"}, "POD_LEASE (5 s)"),
        ({"OUTAGE_NOTICE": "3"}, "OUTAGE_NOTICE (3 s)"),
        ({"GRACE_PERIOD": "26", "POD_LEASE": "25"}, "GRACE_PERIOD (26 s) is less than POD_LEASE"),
        ({"GRACE_PERIOD": "24"}, "GRACE_PERIOD (24 s) is less than PING_INTERVAL"),
        ({"RING_TIMEOUT": "10", "RING_CONFIRM": "10"}, "RING_CONFIRM"),
        ({"RING_TIMEOUT": "10", "GLARE_WINDOW": "11"}, "GLARE_WINDOW"),
        ({"START_TIMEOUT": "15", "COMMAND_TIMEOUT": "14"}, "START_TIMEOUT"),
        ({"METRICS_PORT": "8080"}, "METRICS_PORT is the same as PORT"),
        ({"FCM_PROJECT_ID": "p"}, "FCM_PROJECT_ID is set without"),
        ({"APNS_BUNDLE_ID": "p"}, "APNS_BUNDLE_ID is set without"),
        ({"TURN_URLS": "turn:a"}, "TURN_SECRET is missing"),
        ({"TURN_SECRET": "s"}, "TURN_SECRET is set"),
        ({"MAX_FRAME_BYTES": "600000", "LIMIT_BYTES": "off", "INBOX_BYTES": "9000000", "QUEUE_BYTES": "9000000"}, "BACKLOG_BYTES"),
        ({"LIMIT_BYTES": "1000/1"}, "LIMIT_BYTES"),
    ],
)
def test_what_does_not_go_together_is_said(environ, begins):
    (problem,) = problems(SECRET | environ)
    assert problem.startswith(begins)


@pytest.mark.parametrize(
    ("names", "environ", "begins"),
    [
        (["JWT_KEYRING_FILE"], {}, "JWT_SECRET and JWT_KEYRING_FILE"),
        (["REDIS_CERT_FILE"], {"REDIS_URL": "rediss://a"}, "REDIS_CERT_FILE and REDIS_KEY_FILE"),
        (["REDIS_CA_FILE"], {"REDIS_URL": "redis://a"}, "REDIS_CA_FILE or REDIS_CERT_FILE"),
        (["FCM_SERVICE_ACCOUNT_FILE"], {"FCM_SERVICE_ACCOUNT_JSON": ACCOUNT}, "FCM_SERVICE_ACCOUNT_JSON and"),
        (["APNS_CERT_PATH"], {}, "APNS_BUNDLE_ID is missing"),
        (["APNS_CERT_PATH", "APNS_KEY_PATH"], {"APNS_BUNDLE_ID": "b", "APNS_KEY_ID": "k", "APNS_TEAM_ID": "t"}, "APNS_CERT_PATH and"),
        (["APNS_KEY_PATH"], {"APNS_BUNDLE_ID": "b", "APNS_TEAM_ID": "t"}, "APNS_KEY_ID is missing"),
    ],
)
def test_files_that_do_not_go_together(file, names, environ, begins):
    (problem,) = problems(SECRET | environ | dict.fromkeys(names, file))
    assert problem.startswith(begins)


def test_demo_signs_and_needs_a_secret(file):
    (problem,) = problems({"JWT_KEYRING_FILE": file, "DEMO": "on"})
    assert problem.startswith("DEMO")


def test_weak_secrets_are_remarked_upon_and_not_quoted():
    (published,) = Settings.from_env({"JWT_SECRET": "dev-secret-change-in-production"}).remarks()
    assert "public documentation" in published
    (short,) = Settings.from_env({"JWT_SECRET": "hunter2"}).remarks()
    assert "shorter than 32 bytes" in short
    assert "hunter2" not in short
    assert Settings.from_env(SECRET).remarks() == []
    assert "DEMO" in Settings.from_env(SECRET | {"DEMO": "on"}).remarks()[0]
