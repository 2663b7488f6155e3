import dataclasses

import pytest

from carillon.config import Rate, Settings
from carillon.errors import ConfigError

SECRET = {"JWT_SECRET": "0123456789abcdef0123456789abcdef"}


def settings(**environ: str) -> Settings:
    return Settings.from_env(SECRET | environ)


def problems(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env(SECRET | environ)
    return caught.value.problems


def test_a_secret_is_all_that_must_be_set():
    made = settings()
    assert made.server.port == 8080
    assert made.redis.target.hosts == (("localhost", 6379),)
    assert made.auth.accepted == ("HS256",)
    assert made.calls.ring_timeout == 60
    assert made.calls.lease == made.calls.grace + made.calls.renewal
    assert made == settings()


def test_the_references_environment_is_taken_unchanged(tmp_path):
    certificate = tmp_path / "voip.p12"
    certificate.write_bytes(b"p12")
    made = settings(
        PORT="9000",
        JWT_SECRET="dev-secret-change-in-production",
        REDIS_ADDR="redis:6380",
        REDIS_PASSWORD="p@ss/word",
        SERVER_ID="server-7",
        FCM_SERVICE_ACCOUNT_JSON='{"client_email": "a@b", "private_key": "k", "project_id": "p"}',
        FCM_PROJECT_ID="my-firebase-project",
        APNS_CERT_PATH=str(certificate),
        APNS_CERT_PASSPHRASE="phrase",
        APNS_BUNDLE_ID="com.example.app",
        APNS_PRODUCTION="true",
    )
    assert made.server.port == 9000
    assert made.server.server_id == "server-7"
    assert made.redis.target.hosts == (("redis", 6380),)
    assert made.redis.target.password == "p@ss/word"
    assert made.push.fcm.configured
    assert made.push.apns.url == "https://api.push.apple.com"


def test_an_empty_variable_is_an_unset_one():
    assert settings(PORT="", REDIS_PASSWORD=" ", METRICS_PORT="") == settings()


@pytest.mark.parametrize("text", ["on", "true", "1", "yes", "ON", "True"])
def test_switches_take_the_usual_words(text):
    assert settings(APNS_PRODUCTION=text).push.apns.production


def test_every_kind_of_value():
    made = settings(
        RATE_LIMITS="off",
        LIMIT_STARTS="5/60",
        LIMIT_MESSAGES="off",
        GRACE_PERIOD="42.5",
        TRUSTED_PROXIES="10.0.0.0/8, fd00::/8,192.0.2.1",
        ALLOWED_ORIGINS="https://App.example.com,https://*.example.org:8443",
        OFFLINE_POLICY="RING",
        METRICS_PORT="9090",
        TURN_URLS="turn:turn.example.com:3478?transport=udp,stun:stun.example.com",
        TURN_SECRET="s",
    )
    assert not made.limits.enabled
    assert made.limits.starts == Rate(5, 60)
    assert made.limits.starts.per_second == pytest.approx(5 / 60)
    assert made.limits.messages is None
    assert made.calls.grace == 42.5
    assert [str(network) for network in made.server.trusted_proxies] == ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"]
    assert made.server.allowed_origins == ("https://app.example.com", "https://*.example.org:8443")
    assert made.calls.offline_policy == "ring"
    assert made.telemetry.metrics_port == 9090
    assert len(made.turn.urls) == 2


def test_all_mistakes_are_told_at_once_each_by_its_variable_with_what_to_do():
    told = problems(PORT="abc", GRACE_PERIOD="nan", RATE_LIMITS="maybe", LIMIT_STARTS="3", LOG_FORMAT="xml", REDIS_ADDR=":", JWT_SECRET="")
    assert [problem.split()[0].strip(":") for problem in told] == [
        "PORT",
        "REDIS_ADDR",
        "GRACE_PERIOD",
        "RATE_LIMITS",
        "LIMIT_STARTS",
        "LOG_FORMAT",
        "JWT_SECRET",
    ]
    assert told[0] == "PORT: 'abc' is not a whole number from 0 to 65,535. Set it so, or leave it unset."
    assert all(problem.endswith((".", "URL.")) for problem in told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("PORT", "8080.5"),
        ("RING_TIMEOUT", "inf"),
        ("RING_TIMEOUT", "1e9"),
        ("ALLOWED_ORIGINS", "https://app.example.com/path"),
        ("ALLOWED_ORIGINS", "app.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("JWT_ALGORITHMS", "HS256,none"),
        ("JWT_ALGORITHMS", ","),
        ("JWT_JWKS_URL", "http://login.example.com/jwks.json"),
        ("JWT_JWKS_URL", "https://user:pw@login.example.com/jwks.json"),
        ("JWT_JWKS_URL", "file:///etc/passwd"),
        ("JWT_KEYRING_FILE", "/does/not/exist.json"),
        ("TURN_URLS", "https://turn.example.com"),
        ("LIMIT_STARTS", "0/60"),
        ("LIMIT_STARTS", "5/0"),
        ("LIMIT_STARTS", "5/nan"),
        ("CELL", "a}b"),
        ("FCM_SERVICE_ACCOUNT_JSON", "{}"),
        ("FCM_SERVICE_ACCOUNT_JSON", "[1]"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ],
)
def test_what_is_out_of_bounds_is_refused(name, value):
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name}: ")


def test_http_key_sets_are_for_this_machine_only():
    assert settings(JWT_JWKS_URL="http://127.0.0.1:8000/jwks.json").auth.jwks_url


@pytest.mark.parametrize(
    "environ",
    [
        {"REDIS_URL": "http://user:hunter2@host"},
        {"JWT_JWKS_URL": "https://user:hunter2@host/jwks"},
        {"FCM_SERVICE_ACCOUNT_JSON": '{"private_key": "hunter2"'},
        {"TURN_SECRET": "hunter2"},
        {"REDIS_PASSWORD": "hunter2", "PORT": "x"},
        {"JWT_SECRET": "hunter2", "JWT_ALGORITHMS": "RS256"},
    ],
)
def test_no_message_quotes_a_secret(environ):
    assert "hunter2" not in "\n".join(problems(**environ))


def test_secrets_are_in_no_repr(tmp_path):
    account = '{"client_email": "a@b", "private_key": "hunter2"}'
    made = settings(
        JWT_SECRET="hunter2-jwt",
        REDIS_URL="rediss://user:hunter2@host",
        REDIS_PASSWORD="hunter2",
        REDIS_SENTINEL_PASSWORD="hunter2",
        TURN_URLS="turn:a",
        TURN_SECRET="hunter2",
        FCM_SERVICE_ACCOUNT_JSON=account,
        APNS_CERT_PASSPHRASE="hunter2",
    )
    assert "hunter2" not in repr(made)
    assert "hunter2" not in repr(made.redis.target)


def test_a_variable_that_kubernetes_set_for_a_service_is_recognised():
    (problem,) = problems(METRICS_PORT="tcp://10.96.0.7:9090")
    assert "Service named 'metrics'" in problem
    assert "enableServiceLinks" in problem


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings().server.port = 1
