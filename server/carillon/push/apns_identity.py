"""How Apple knows us: a VoIP certificate (.p12), or a signing key (.p8) that makes provider tokens."""

import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from carillon.errors import ConfigError

RENEW_AFTER = 50 * 60
"""Seconds after which a provider token is replaced. Apple refuses those older than an hour."""
RENEW_AT_MOST = 20 * 60
"""Seconds that a provider token is kept whatever Apple says of it: more frequent changes are TooManyProviderTokenUpdates."""
SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client certificate with its key."""

    pem: bytes = field(repr=False)
    """Certificate, chain and key; the key encrypted with `password`."""
    password: bytes = field(repr=False)
    leaf: x509.Certificate = field(repr=False)

    def load_into(self, context: ssl.SSLContext) -> None:
        """OpenSSL takes keys from files only, so there is one for a moment: in memory, or else private, encrypted and removed."""
        with _momentary_file(self.pem) as path:
            context.load_cert_chain(path, password=self.password)

    def remarks(self, bundle_id: str, now: datetime) -> list[str]:
        """What a person should do about it, a sentence each."""
        found = []
        until, since = self.leaf.not_valid_after_utc, self.leaf.not_valid_before_utc
        if now >= until:
            found.append(f"The APNs certificate (APNS_CERT_PATH) expired on {until:%Y-%m-%d}: Apple refuses every push. Renew it.")
        elif now >= until - SOON:
            found.append(f"The APNs certificate (APNS_CERT_PATH) expires on {until:%Y-%m-%d}; from then on no push reaches iOS. Renew it.")
        elif now < since:
            found.append(f"The APNs certificate (APNS_CERT_PATH) is valid only from {since:%Y-%m-%d} on, or this machine's clock is wrong.")
        subjects = [str(one.value) for one in self.leaf.subject.get_attributes_for_oid(NameOID.USER_ID)]
        if subjects and not {bundle_id, f"{bundle_id}.voip"} & set(subjects):
            found.append(f"The APNs certificate (APNS_CERT_PATH) is for {', '.join(subjects)}, but APNS_BUNDLE_ID is {bundle_id}.")
        return found


def read_certificate(path: Path, passphrase: str) -> Certificate:
    """Raises ConfigError in words; the passphrase is not in them."""
    try:
        key, leaf, chain = pkcs12.load_key_and_certificates(path.read_bytes(), passphrase.encode() or None)
    except (ValueError, OSError):
        raise ConfigError(["APNS_CERT_PATH cannot be opened: it is no .p12 file, or APNS_CERT_PASSPHRASE is not its passphrase."]) from None
    if key is None or leaf is None:
        raise ConfigError(["APNS_CERT_PATH lacks the certificate or its private key: export both together as one .p12 file."])
    password = secrets.token_hex(16).encode()
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, *chain))
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    return Certificate(pem, password, leaf)


@contextmanager
def _momentary_file(content: bytes) -> Iterator[str]:
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("certificate", os.MFD_CLOEXEC)
        path = f"/proc/self/fd/{handle}"
    else:  # not Linux
        handle, path = tempfile.mkstemp()
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(content)
        yield path
    finally:
        os.close(handle)
        if not path.startswith("/proc/"):
            os.unlink(path)


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The .p8 file of Apple's developer account: PKCS #8, P-256. Raises ConfigError in words."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, OSError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ConfigError(["APNS_KEY_PATH is no .p8 signing key: take the file from Apple's developer account (Keys) as it is."])
    return key


class ProviderTokens:
    """One provider token at a time (Apple: Establishing a token-based connection to APNs).

    now: Unix seconds; not a monotonic clock, since Apple compares `iat` with its own.
    """

    def __init__(self, path: Path, key_id: str, team_id: str, now: Callable[[], float]) -> None:
        """Raises ConfigError."""
        self._path, self._key_id, self._team_id, self._now = path, key_id, team_id, now
        self._key = read_key(path)
        self._token = ""
        self._made = 0.0

    def current(self) -> str:
        age = self._now() - self._made
        if not self._token or not 0 <= age < RENEW_AFTER:
            self._make()
        return self._token

    def refused(self, token: str) -> bool:
        """Apple called `token` expired or invalid: whether there is another one to try now."""
        if token != self._token:
            return True
        if not self._take_up() and 0 <= self._now() - self._made < RENEW_AT_MOST:
            return False
        self._make()
        return True

    def _take_up(self) -> bool:
        """Whether the file holds another key, used from now on. Only after a refusal: its id, a setting, may still name the one before."""
        try:
            key = read_key(self._path)
        except ConfigError:  # a Secret that is being replaced: the key that was read goes on
            return False
        changed = key.private_numbers() != self._key.private_numbers()
        self._key = key
        return changed

    def _make(self) -> None:
        self._made = self._now()
        self._token = jwt.encode({"iss": self._team_id, "iat": int(self._made)}, self._key, "ES256", {"kid": self._key_id})


def today(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)
