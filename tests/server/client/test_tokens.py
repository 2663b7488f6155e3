"""Tokens for test users are those that the server accepts, whatever its settings."""

import json
import time
from pathlib import Path

import pytest

from carillon.auth import Authenticator
from carillon.client.demo_users import DEMO_SECRET
from carillon.client.tokens import signer, subject
from carillon.config import AuthSettings

SECRET = "a secret for tests that is longer than the sixty-four bytes which SHA-512 asks for"


def keyring(path: Path, *keys: dict[str, str]) -> str:
    path.write_text(json.dumps({"keys": keys}))
    return str(path)


async def accepted(settings: AuthSettings, token: str) -> str:
    identity = await Authenticator(settings).authenticate(token, time.time())
    return identity.user.user_id


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_shared_secret_with_all_that_the_server_may_ask_for(algorithm: str) -> None:
    environ = {"JWT_SECRET": SECRET, "JWT_ALGORITHMS": f"RS256,{algorithm}", "JWT_AUDIENCE": "calls", "JWT_ISSUER": "https://issuer/"}
    token = signer(environ | {"JWT_USER_CLAIM": "sub"}).sign("alice")
    settings = AuthSettings(secret=SECRET, algorithms=(algorithm,), audience="calls", issuer="https://issuer/", user_claim="sub")
    assert await accepted(settings, token) == "alice"
    assert subject(token, "sub") == "alice"


async def test_the_signing_key_of_a_keyring(tmp_path: Path) -> None:
    file = keyring(
        tmp_path / "keyring.json",
        {"kid": "0", "secret": "o" * 32, "use": "verify"},
        {"kid": "1", "secret": "n" * 32, "use": "sign"},
    )
    token = signer({"JWT_KEYRING_FILE": file, "JWT_SECRET": "ignored"}).sign("bob")
    assert await accepted(AuthSettings(keyring_file=Path(file)), token) == "bob"


def test_without_any_variable_the_demo_is_meant() -> None:
    assert signer({}).secret == DEMO_SECRET


@pytest.mark.parametrize(
    "text", ["", "[]", '{"keys": []}', '{"keys": [{"kid": "0", "secret": "topsecret", "use": "verify"}]}', '{"keys": [3]}']
)
def test_a_keyring_that_cannot_sign_is_told_by_name_and_without_its_content(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keyring.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="no keyring with a key") as error:
        signer({"JWT_KEYRING_FILE": str(file)})
    assert "topsecret" not in str(error.value)


@pytest.mark.parametrize("token", ["", "a.b", "a.e30.c", "a.W10.c"])
def test_what_has_no_user_is_an_error_in_words(token: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        subject(token)


def test_a_signer_shows_no_secret() -> None:
    assert SECRET not in repr(signer({"JWT_SECRET": SECRET}))
