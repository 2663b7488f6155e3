import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat, pkcs12
from fakes.credentials import auth_key, pem

from carillon.errors import ConfigError
from carillon.push import apns_identity
from carillon.push.apns_identity import ProviderTokens, read_certificate, read_key

NOW = datetime(2027, 1, 15, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("since", "life", "bundle_id", "words"),
    [
        (-10, 100, "com.example.app", []),
        (-10, 10, "com.example.app", ["expired on 2027-01-15"]),
        (-10, 5, "com.example.app", ["expired on 2027-01-10"]),
        (-10, 30, "com.example.app", ["expires on 2027-02-04"]),
        (5, 300, "com.example.app", ["valid only from 2027-01-20"]),
        (-10, 100, "com.example.other", ["com.example.app.voip", "com.example.other"]),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said_in_words(made: Any, since: int, life: int, bundle_id: str, words: list[str]) -> None:
    certificate = read_certificate(made.issuer.p12("remarks.p12", since=NOW + since * DAY, life=life * DAY), "")
    remarks = certificate.remarks(bundle_id, NOW)
    assert len(remarks) == (1 if words else 0)
    assert all(word in remarks[0] for word in words)


def test_a_wrong_passphrase_is_said_without_it(made: Any) -> None:
    path = made.issuer.p12("locked.p12", passphrase="correct")
    for passphrase in ("wrong-horse", ""):
        with pytest.raises(ConfigError, match="APNS_CERT_PASSPHRASE") as error:
            read_certificate(path, passphrase)
        assert "wrong-horse" not in str(error.value)


def test_files_that_are_no_identity(made: Any, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(b"junk")
    for path in (junk, tmp_path / "missing"):
        with pytest.raises(ConfigError, match="APNS_CERT_PATH"):
            read_certificate(path, "")
        with pytest.raises(ConfigError, match="APNS_KEY_PATH"):
            read_key(path)
    keyless = tmp_path / "keyless.p12"
    leaf = read_certificate(made.issuer.p12("whole.p12"), "").leaf
    keyless.write_bytes(pkcs12.serialize_key_and_certificates(b"x", None, leaf, None, NoEncryption()))
    with pytest.raises(ConfigError, match="private key"):
        read_certificate(keyless, "")


def test_a_file_locked_the_old_way_opens(made: Any, tmp_path: Path) -> None:
    """Keychain still writes PKCS #12 with triple DES and SHA-1."""
    key, leaf, chain = pkcs12.load_key_and_certificates(made.issuer.p12("new.p12").read_bytes(), None)
    builder = PrivateFormat.PKCS12.encryption_builder().key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    lock = builder.hmac_hash(hashes.SHA1()).build(b"geheim")
    path = tmp_path / "old.p12"
    assert isinstance(key, rsa.RSAPrivateKey)
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"voip", key, leaf, chain, lock))
    assert read_certificate(path, "geheim").leaf == leaf


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())])
def test_a_signing_key_of_another_kind(key: Any, tmp_path: Path) -> None:
    path = tmp_path / "key.p8"
    path.write_bytes(pem(key))
    with pytest.raises(ConfigError, match=r"no \.p8 signing key"):
        read_key(path)


def test_the_key_of_a_certificate_is_never_on_disk(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL reads it through a path; that path leads to memory, and is gone afterwards."""
    seen: list[tuple[str, bytes]] = []

    class Watched(ssl.SSLContext):
        def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
            seen.append((os.readlink(certfile), Path(certfile).read_bytes()))
            super().load_cert_chain(certfile, keyfile, password)

    certificate = read_certificate(made.issuer.p12("memory.p12"), "")
    certificate.load_into(Watched(ssl.PROTOCOL_TLS_CLIENT))
    ((link, content),) = seen
    assert link.startswith("/memfd:")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert not [name for name in os.listdir("/proc/self/fd") if _leads_to_memory(name)]


def _leads_to_memory(name: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{name}").startswith("/memfd:certificate")
    except OSError:
        return False


def test_without_memory_files_the_file_is_private_encrypted_and_removed(made: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(apns_identity.tempfile, "tempdir", str(tmp_path))
    modes: list[int] = []

    class Watched(ssl.SSLContext):
        def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
            modes.append(os.stat(certfile).st_mode & 0o777)
            assert b"BEGIN ENCRYPTED PRIVATE KEY" in Path(certfile).read_bytes()
            super().load_cert_chain(certfile, keyfile, password)

    read_certificate(made.issuer.p12("disk.p12"), "").load_into(Watched(ssl.PROTOCOL_TLS_CLIENT))
    assert modes == [0o600]
    assert list(tmp_path.iterdir()) == []


def test_a_provider_token_is_what_apple_asks_for(made: Any, clock: Any) -> None:
    token = ProviderTokens(made.p8, "ABC123DEFG", "DEF123GHIJ", clock).current()
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": "ABC123DEFG", "typ": "JWT"}
    claims = jwt.decode(token, made.p8_public, algorithms=["ES256"], options={"verify_iat": False})
    assert claims == {"iss": "DEF123GHIJ", "iat": clock.now}


def test_a_key_that_disappears_for_a_moment_goes_on(made: Any, clock: Any, tmp_path: Path) -> None:
    path = tmp_path / "AuthKey.p8"
    path.write_bytes(made.p8.read_bytes())
    tokens = ProviderTokens(path, "K", "T", clock)
    path.unlink()
    first = tokens.current()
    clock.now += 3000
    assert tokens.current() != first
    assert tokens.refused(first)
    assert not tokens.refused(tokens.current())


def test_a_replaced_key_is_not_signed_with_while_apple_takes_the_one_before(made: Any, clock: Any, tmp_path: Path) -> None:
    """Its id comes from the environment and still names the key before: Apple would refuse every push."""
    path = tmp_path / "AuthKey.p8"
    old = auth_key(path)
    tokens = ProviderTokens(path, "K", "T", clock)
    new = auth_key(path)
    clock.now += 3000
    assert jwt.decode(tokens.current(), old, algorithms=["ES256"], options={"verify_iat": False})
    assert tokens.refused(tokens.current())
    assert jwt.decode(tokens.current(), new, algorithms=["ES256"], options={"verify_iat": False})
    assert not tokens.refused(tokens.current())


def test_no_repr_shows_a_key(made: Any) -> None:
    certificate = read_certificate(made.issuer.p12("shown.p12"), "")
    assert "PRIVATE" not in repr(certificate)
    assert certificate.password.decode() not in repr(certificate)
