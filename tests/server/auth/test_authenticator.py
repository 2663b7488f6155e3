"""Which tokens are believed, by which keys, and that nothing of them is told."""

import base64
import hashlib
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from carillon.auth import Authenticator
from carillon.auth.jwks import Jwks
from carillon.auth.keys import KeyringFile, read_jwks, read_keyring
from carillon.config import AuthSettings
from carillon.errors import AuthError, ConfigError, KeysUnavailable, TokenExpired

SECRET, OTHER = "first secret, thirty-two bytes long", "other secret, thirty-two bytes long"
NOW = time.time()
PRIVATE = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def token(key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {"hash": "alice", "name": "Alice", "exp": int(NOW) + 60} | changes
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm=algorithm, headers=headers)


def headed(header: Any) -> str:
    """A token with this header, which no library would write."""
    text = header if isinstance(header, str) else json.dumps(header)
    parts = [text.encode(), json.dumps({"hash": "alice", "exp": int(NOW) + 60}).encode(), b"signature"]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def jwk(algorithm: str, kid: str) -> dict[str, Any]:
    public = json.loads(get_default_algorithms()[algorithm].to_jwk(PRIVATE[algorithm].public_key()))
    return {**public, "kid": kid, "use": "sig"}


def keyring(path: Path, **secrets: str) -> Path:
    path.write_text(json.dumps({"keys": [{"kid": kid, "secret": secret, "use": "sign"} for kid, secret in secrets.items()]}))
    return path


async def test_a_good_token_names_its_user() -> None:
    identity = await Authenticator(AuthSettings(secret=SECRET)).authenticate(token(username="al", image_profile="https://x/y.png"), NOW)
    assert (identity.user.user_id, identity.user.name, identity.user.username) == ("alice", "Alice", "al")
    assert identity.expires_at == int(NOW) + 60


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a.b.c",
        token(OTHER),
        token(algorithm="HS512"),
        token(exp=None),
        token(exp=int(NOW) - 60),
        token(exp="soon"),
        token(exp=10**400),
        token(exp=float("inf")),
        token(exp=float("nan")),
        token(nbf="soon"),
        token(nbf=int(NOW) + 600),
        token(hash=None),
        token(hash=""),
        token(hash=7),
        token(hash="x" * 300),
        token(hash="a\nb"),
        jwt.encode({"hash": "alice", "exp": int(NOW) + 60}, None, algorithm="none"),
        "x" * 9000,
        headed({"alg": ["HS256"]}),
        headed({"alg": {"HS256": 1}}),
        headed({"alg": "HS256", "kid": ["one"]}),
        headed({"alg": "HS256", "kid": {"one": 1}}),
        headed("[" * 3000),
        "\ud800.b.c",
    ],
    ids=[
        "nothing",
        "three parts",
        "a stranger's key",
        "another algorithm",
        "no exp",
        "expired",
        "a word as exp",
        "a huge exp",
        "an infinite exp",
        "exp is no number",
        "a word as nbf",
        "not yet",
        "no hash",
        "an empty hash",
        "a number as hash",
        "a long hash",
        "a line break in hash",
        "no signature",
        "far too long",
        "a list as alg",
        "an object as alg",
        "a list as kid",
        "an object as kid",
        "a header without a bottom",
        "half a character",
    ],
)
async def test_bad_tokens(bad: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(AuthError) as refused:
        await Authenticator(AuthSettings(secret=SECRET)).authenticate(bad, NOW)
    for part in [part for part in bad.split(".") if len(part) > 8]:
        assert part not in str(refused.value)
        assert part not in caplog.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
headers = st.fixed_dictionaries(
    {"alg": st.sampled_from(["HS256", "ES256"]) | json_values},
    optional=dict.fromkeys(("kid", "typ", "b64", "crit", "zip"), json_values),
)


@given((headers | json_values).map(headed) | st.text(st.characters(), max_size=100))
async def test_any_token_is_an_auth_error_at_most(text: str) -> None:
    """Anything else would be an HTTP 500, and no refusal that the limits count."""
    for authenticator in (Authenticator(AuthSettings(secret=SECRET)), with_provider(Provider(jwk("ES256", "one")))):
        with pytest.raises(AuthError):
            await authenticator.authenticate(text, NOW)


async def test_expiry_has_a_leeway() -> None:
    authenticator = Authenticator(AuthSettings(secret=SECRET, leeway=30))
    await authenticator.authenticate(token(exp=int(NOW) - 10), NOW)
    with pytest.raises(TokenExpired):
        await authenticator.authenticate(token(exp=int(NOW) - 40), NOW)


async def test_audience_issuer_and_user_claim_where_they_are_set() -> None:
    authenticator = Authenticator(AuthSettings(secret=SECRET, audience="calls", issuer="me", user_claim="sub"))
    identity = await authenticator.authenticate(token(aud=["calls", "x"], iss="me", sub="bob"), NOW)
    assert identity.user.user_id == "bob"
    for wrong in ({"iss": "me"}, {"aud": "other", "iss": "me"}, {"aud": "calls"}, {"aud": "calls", "iss": "you"}):
        with pytest.raises(AuthError):
            await authenticator.authenticate(token(sub="bob", **wrong), NOW)


async def test_a_keyring_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = keyring(tmp_path / "keyring.json", one=SECRET)
    authenticator = Authenticator(AuthSettings(keyring_file=path))
    await authenticator.authenticate(token(headers={"kid": "one"}), NOW)
    await authenticator.authenticate(token(), NOW)
    fresh = keyring(tmp_path / "fresh.json", one=SECRET, two=OTHER)
    os.replace(fresh, path)
    await authenticator.authenticate(token(OTHER, headers={"kid": "two"}), NOW + 2)
    with pytest.raises(AuthError):
        await authenticator.authenticate(token(OTHER, headers={"kid": "one"}), NOW + 2)
    path.write_text("{broken")
    await authenticator.authenticate(token(OTHER), NOW + 4)


def test_a_keyring_that_cannot_be_read_at_start_is_an_error(tmp_path: Path) -> None:
    for text in ("", "{}", '{"keys": []}', '{"keys": [{"kid": "a", "secret": "short"}]}'):
        (tmp_path / "keyring.json").write_text(text)
        with pytest.raises(ConfigError) as refused:
            Authenticator(AuthSettings(keyring_file=tmp_path / "keyring.json"))
        assert "short" not in str(refused.value)
    with pytest.raises(OSError, match="No such file"):
        KeyringFile(tmp_path / "none.json")


class Provider(httpx.AsyncBaseTransport):
    """An identity provider that counts how often it is asked."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys, self.asked, self.broken = list(keys), 0, False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(500 if self.broken else 200, json={"keys": self.keys})


def with_provider(provider: Provider) -> Authenticator:
    settings = AuthSettings(jwks_url="https://login.example.com/jwks")
    return Authenticator(settings, sources=(Jwks(str(settings.jwks_url), refetch=30, lifetime=3600, transport=provider),))


@pytest.mark.parametrize("algorithm", PRIVATE)
async def test_public_keys(algorithm: str) -> None:
    provider = Provider(jwk("RS256", "r"), jwk("ES256", "e"), jwk("EdDSA", "o"))
    authenticator = with_provider(provider)
    kid = {"RS256": "r", "ES256": "e", "EdDSA": "o"}[algorithm]
    for headers in ({"kid": kid}, None, {"kid": kid, "jku": "https://evil.example.com"}):
        identity = await authenticator.authenticate(token(PRIVATE[algorithm], algorithm, headers), NOW)
        assert identity.user.user_id == "alice"
    assert provider.asked == 1


async def test_an_unknown_key_is_asked_for_at_most_every_half_minute() -> None:
    provider = Provider(jwk("ES256", "old"))
    authenticator = with_provider(provider)
    rotated = token(PRIVATE["ES256"], "ES256", {"kid": "new"})
    for second in range(29):
        with pytest.raises(AuthError):
            await authenticator.authenticate(rotated, NOW + second)
    assert provider.asked == 1
    provider.keys = [jwk("ES256", "new")]
    await authenticator.authenticate(rotated, NOW + 31)
    assert provider.asked == 2


async def test_a_provider_that_fails_leaves_the_keys_in_force() -> None:
    provider = Provider(jwk("ES256", "e"))
    authenticator = with_provider(provider)
    good = token(PRIVATE["ES256"], "ES256", {"kid": "e"})
    await authenticator.authenticate(good, NOW)
    provider.broken = True
    await authenticator.authenticate(token(PRIVATE["ES256"], "ES256", {"kid": "e"}, exp=int(NOW) + 9000), NOW + 4000)
    assert provider.asked == 2


async def test_while_the_keys_cannot_be_had_it_cannot_be_told_whether_a_token_is_good() -> None:
    provider = Provider(jwk("ES256", "e"))
    provider.broken = True
    authenticator = with_provider(provider)
    good = token(PRIVATE["ES256"], "ES256", {"kid": "e"})
    for seconds, wait in ((0, 30), (20, 10)):
        with pytest.raises(KeysUnavailable) as unknown:
            await authenticator.authenticate(good, NOW + seconds)
        assert unknown.value.retry_after == wait
    with pytest.raises(AuthError, match="Token of an algorithm"):
        await authenticator.authenticate(token(), NOW)
    provider.broken = False
    assert (await authenticator.authenticate(good, NOW + 30)).user.user_id == "alice"
    with pytest.raises(AuthError, match="Invalid token"):
        await authenticator.authenticate(token(PRIVATE["EdDSA"], "EdDSA", {"kid": "e"}), NOW + 31)


async def test_a_clock_that_goes_back_keeps_nobody_from_fetching_the_keys() -> None:
    provider = Provider(jwk("ES256", "e"))
    provider.broken = True
    authenticator = with_provider(provider)
    good = token(PRIVATE["ES256"], "ES256", {"kid": "e"})
    with pytest.raises(KeysUnavailable):
        await authenticator.authenticate(good, NOW + 86_400)
    provider.broken = False
    assert (await authenticator.authenticate(good, NOW)).user.user_id == "alice"


async def test_a_public_key_never_serves_as_a_secret() -> None:
    """The classic confusion (RFC 8725 §2.1): an HS256 token signed with the text of a public key."""
    authenticator = with_provider(Provider(jwk("RS256", "r")))
    with pytest.raises(AuthError, match="algorithm"):
        await authenticator.authenticate(token(jwk("RS256", "r")["n"], "HS256", {"kid": "r"}), NOW)


@given(st.binary(max_size=200))
def test_any_bytes_as_keys_are_a_value_error_at_most(data: bytes) -> None:
    for read in (read_keyring, read_jwks):
        try:
            read(data)
        except ValueError:
            continue


async def test_it_tells_which_keyring_is_in_force(tmp_path: Path) -> None:
    """An operator that rotates keys waits for this; it asks pods that have seen no token since."""
    path = keyring(tmp_path / "keyring.json", one=SECRET)
    authenticator = Authenticator(AuthSettings(keyring_file=path))
    first = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert authenticator.keyrings(1.0) == [(first,)]
    fresh = keyring(tmp_path / "fresh.json", one=SECRET, two=OTHER)
    second = hashlib.sha256(fresh.read_bytes()).hexdigest()[:16]
    fresh.replace(path)
    assert authenticator.keyrings(10.0) == [(second,)]
    path.write_text("broken")
    assert authenticator.keyrings(20.0) == [(second,)]
    assert Authenticator(AuthSettings(secret=SECRET)).keyrings(1.0) == []
