"""Whether the Secrets that a resource names hold what they should: found out before a pod stumbles over it. What is said quotes nothing."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from carillon_operator.keyring import BadKeyring, parse
from carillon_operator.spec import Spec

SHORTEST = 16
"""Bytes of a shared secret, as the server demands them."""

Check = Callable[[bytes, float], str]
"""A value and the Unix time → what is wrong with it, as the end of a sentence; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Named:
    """A key of a Secret of the user's. field: where the resource names it."""

    field: str
    secret: str
    key: str
    check: Check


def named(spec: Spec, secrets: Mapping[str, Any] | None = None) -> list[Named]:
    """Everything that the resource names. secrets: those that are there, for checks that need two of them."""
    return [*_auth(spec), *_redis(spec), *_push(spec, secrets or {}), *_others(spec)]


def complaints(spec: Spec, secrets: Mapping[str, Any], now: float) -> list[tuple[str, str]]:
    """Reason and sentence of each. now: Unix time in seconds."""
    found = []
    for one in named(spec, secrets):
        secret = secrets.get(one.secret)
        if secret is None:
            found.append(("SecretMissing", f"{one.field}: there is no Secret {one.secret}. Create it with the key {one.key}."))
            continue
        content = value(secret, one.key)
        if content is None:
            has = ", ".join(sorted(secret.get("data") or {})[:8]) or "nothing"
            found.append(("SecretMissing", f"{one.field}: Secret {one.secret} has no key {one.key}; it has {has}."))
        elif wrong := one.check(content, now):
            found.append(("SecretInvalid", f"{one.field}: {one.key} of Secret {one.secret} {wrong}"))
    return found


def value(secret: Mapping[str, Any], key: str) -> bytes | None:
    """The value behind a key; None where there is none."""
    try:
        text = (secret.get("data") or {})[key]
        return base64.b64decode(text)
    except (KeyError, TypeError, binascii.Error):
        return None


# ---------------------------------------------------------------- who is asked what


def _auth(spec: Spec) -> Iterator[Named]:
    if one := spec.auth.existing_secret:
        yield Named("auth.existingSecret", one.name, one.key, _keyring if one.format == "Keyring" else _shared_secret)


def _redis(spec: Spec) -> Iterator[Named]:
    external = spec.redis.external if spec.redis else None
    if external is None:
        return
    passwords = {
        "urlSecret": external.url_secret,
        "passwordSecret": external.password_secret,
        "sentinel.passwordSecret": external.sentinel.password_secret if external.sentinel else None,
    }
    for field, one in passwords.items():
        if one:
            yield Named(f"redis.external.{field}", one.name, one.key, _text)
    if tls := external.tls:
        if tls.ca_secret:
            yield Named("redis.external.tls.caSecret", tls.ca_secret.name, tls.ca_secret.key, _certificates)
        if tls.client_certificate:
            for key, check in (("tls.crt", _certificates), ("tls.key", _private_key)):
                yield Named("redis.external.tls.clientCertificate", tls.client_certificate.name, key, check)


def _push(spec: Spec, secrets: Mapping[str, Any]) -> Iterator[Named]:
    if fcm := spec.push.fcm:
        yield Named("push.fcm.secret", fcm.secret.name, fcm.secret.key, _service_account)
    apns = spec.push.apns
    if apns is None:
        return
    if apns.key_secret:
        yield Named("push.apns.keySecret", apns.key_secret.name, apns.key_secret.key, _apple_key)
    if apns.passphrase_secret:
        yield Named("push.apns.passphraseSecret", apns.passphrase_secret.name, apns.passphrase_secret.key, _text)
    if apns.certificate_secret:
        opens = apns.passphrase_secret
        passphrase = value(secrets.get(opens.name) or {}, opens.key) if opens else b""
        yield Named(
            "push.apns.certificateSecret",
            apns.certificate_secret.name,
            apns.certificate_secret.key,
            lambda content, now: _apple_certificate(content, passphrase or b"", apns.bundle_id, now),
        )


def _others(spec: Spec) -> Iterator[Named]:
    if spec.turn and (one := spec.turn.secret):
        yield Named("turn.secret", one.name, one.key, _text)
    if spec.telemetry.otlp and (headers := spec.telemetry.otlp.headers_secret):
        yield Named("telemetry.otlp.headersSecret", headers.name, headers.key, _headers)


# ---------------------------------------------------------------- checks


def _text(content: bytes, now: float) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "is no text."
    if not text.strip():
        return "is empty."
    return "ends with a line break, which would be part of it. Create it with printf or --from-literal." if text != text.strip() else ""


def _shared_secret(content: bytes, now: float) -> str:
    if len(content) < SHORTEST:
        return f"is shorter than {SHORTEST} bytes, so that it can be guessed. Take at least 32 random bytes."
    return _text(content, now)


def _keyring(content: bytes, now: float) -> str:
    try:
        keys = parse(content.decode())
    except BadKeyring as wrong:
        return f"is no keyring: {wrong}."
    except UnicodeDecodeError:
        return "is no keyring: it is no text."
    short = [one.kid for one in keys if len(one.secret.encode()) < SHORTEST]
    return f"has keys shorter than {SHORTEST} bytes: {', '.join(short)}." if short else ""


def _headers(content: bytes, now: float) -> str:
    wrong = _text(content, now)
    if wrong:
        return wrong
    return "" if all("=" in one for one in content.decode().split(",") if one) else "is not of the form name=value,name=value."


def _certificates(content: bytes, now: float) -> str:
    try:
        found = x509.load_pem_x509_certificates(content)
    except ValueError:
        return "holds no certificate in PEM form."
    return _expiry(found[0], now)


def _private_key(content: bytes, now: float) -> str:
    try:
        load_pem_private_key(content, None)
    except (ValueError, TypeError):
        return "holds no private key in PEM form without a passphrase."
    return ""


def _service_account(content: bytes, now: float) -> str:
    try:
        found = json.loads(content)
    except ValueError:
        return "is not JSON. Download the service account's key from the Firebase console and store the file as it is."
    if not isinstance(found, dict) or found.get("type") != "service_account":
        return 'is no service account\'s key: "type" is not "service_account". google-services.json is another file, for apps.'
    lacking = [name for name in ("client_email", "private_key", "token_uri", "project_id") if not found.get(name)]
    if lacking:
        return f"lacks {', '.join(lacking)}. Store the downloaded file as it is."
    if _private_key(str(found["private_key"]).encode(), now):
        return "has a private_key that cannot be read. Store the downloaded file as it is."
    return ""


def _apple_key(content: bytes, now: float) -> str:
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError):
        return "is no .p8 signing key. Store the file AuthKey_….p8 of Apple's developer account as it is."
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        return "is a private key, but not one of Apple's (P-256)."
    return ""


def _apple_certificate(content: bytes, passphrase: bytes, bundle: str, now: float) -> str:
    try:
        key, leaf, _ = pkcs12.load_key_and_certificates(content, passphrase or None)
    except ValueError:
        return "cannot be opened: it is no .p12 file, or its passphrase is another than that of push.apns.passphraseSecret."
    if key is None or leaf is None:
        return "lacks the certificate or its private key. Export both together as one .p12 file."
    if wrong := _expiry(leaf, now):
        return wrong
    names = {str(one.value) for one in leaf.subject.get_attributes_for_oid(x509.NameOID.USER_ID)}
    return f"is for {', '.join(sorted(names))}, and not for {bundle}." if names and not names & {bundle, f"{bundle}.voip"} else ""


def _expiry(found: x509.Certificate, now: float) -> str:
    at, until = datetime.fromtimestamp(now, UTC), found.not_valid_after_utc
    if at >= until:
        return f"expired on {until:%Y-%m-%d}. Renew it."
    return f"is valid only from {found.not_valid_before_utc:%Y-%m-%d} on." if at < found.not_valid_before_utc else ""
