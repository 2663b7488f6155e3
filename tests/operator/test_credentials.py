"""What is said of Secrets that people made: what is wrong and what to do, and nothing of what is in them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12

from carillon_operator.credentials import complaints
from carillon_operator.spec import Spec, decode

NOW = datetime(2026, 11, 28, tzinfo=UTC)
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(key: Any, encryption: Any = None) -> bytes:
    found: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return found


def certificate(*, user: str = "com.example.app", begins: timedelta = timedelta(days=-1), ends: timedelta = timedelta(days=1)) -> Any:
    names = [x509.NameAttribute(x509.NameOID.COMMON_NAME, "VoIP Services")]
    names += [x509.NameAttribute(x509.NameOID.USER_ID, user)] if user else []
    builder = x509.CertificateBuilder().subject_name(x509.Name(names)).issuer_name(x509.Name(names)).public_key(EC.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW + begins).not_valid_after(NOW + ends)
    return builder.sign(EC, hashes.SHA256())


def p12(*, passphrase: bytes = b"", key: Any = EC, leaf: Any = None) -> bytes:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"voip", key, leaf or certificate(), None, encryption)


ACCOUNT = {
    "type": "service_account",
    "client_email": "push@example.iam.gserviceaccount.com",
    "private_key": pem(RSA).decode(),
    "token_uri": "https://oauth2.googleapis.com/token",
    "project_id": "example",
}
KEYRING = {"keys": [{"kid": "1", "secret": "s" * 32, "use": "sign"}]}
FCM = {"push": {"fcm": {"secret": {"name": "google", "key": "account.json"}}}}
P8 = {"push": {"apns": {"bundleId": "com.example.app", "keySecret": {"name": "apple", "key": "key.p8"}}}}
P8["push"]["apns"] |= {"keyId": "ABCDEFGHIJ", "teamId": "0123456789"}
P12 = {"push": {"apns": {"bundleId": "com.example.app", "certificateSecret": {"name": "apple", "key": "voip.p12"}}}}
OPENED = {"push": {"apns": {**P12["push"]["apns"], "passphraseSecret": {"name": "opens", "key": "passphrase"}}}}
AUTH = {"auth": {"existingSecret": {"name": "keys"}}}
SHARED = {"auth": {"existingSecret": {"name": "keys", "key": "secret", "format": "Secret"}}}
TLS = {
    "redis": {
        "external": {
            "url": "rediss://redis.example.com",
            "passwordSecret": {"name": "redis", "key": "password"},
            "tls": {"caSecret": {"name": "ca", "key": "ca.crt"}, "clientCertificate": {"name": "client"}},
        }
    }
}
TURN = {"turn": {"urls": ["turn:turn.example.com"], "secret": {"name": "coturn", "key": "secret"}}}
OTLP = {"telemetry": {"otlp": {"endpoint": "https://otlp.example.com", "headersSecret": {"name": "otlp", "key": "headers"}}}}


def spec(fields: dict[str, Any]) -> Spec:
    return decode({"spec": fields}).spec


def secret(**data: bytes | str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode() for key, value in data.items()}
    return {"metadata": {"name": "x"}, "data": encoded}


def said(fields: dict[str, Any], **secrets: dict[str, Any]) -> list[tuple[str, str]]:
    return complaints(spec(fields), secrets, NOW.timestamp())


def account(**changes: Any) -> dict[str, Any]:
    content = {key: value for key, value in (ACCOUNT | changes).items() if value is not None}
    return secret(**{"account.json": json.dumps(content)})


@pytest.mark.parametrize(
    ("fields", "secrets"),
    [
        ({}, {}),
        (FCM, {"google": account()}),
        (FCM, {"google": account(universe_domain="googleapis.com")}),
        (P8, {"apple": secret(**{"key.p8": pem(EC)})}),
        (P12, {"apple": secret(**{"voip.p12": p12()})}),
        (P12, {"apple": secret(**{"voip.p12": p12(leaf=certificate(user="com.example.app.voip"))})}),
        (P12, {"apple": secret(**{"voip.p12": p12(leaf=certificate(user=""))})}),
        (OPENED, {"apple": secret(**{"voip.p12": p12(passphrase=b"sesame")}), "opens": secret(passphrase="sesame")}),
        (AUTH, {"keys": secret(**{"keyring.json": json.dumps(KEYRING)})}),
        (SHARED, {"keys": secret(secret="s" * 32)}),
        (
            TLS,
            {
                "redis": secret(password="p"),
                "ca": secret(**{"ca.crt": certificate().public_bytes(Encoding.PEM)}),
                "client": secret(**{"tls.crt": certificate().public_bytes(Encoding.PEM), "tls.key": pem(EC)}),
            },
        ),
        (TURN, {"coturn": secret(secret="s")}),
        (OTLP, {"otlp": secret(headers="authorization=Bearer x,tenant=1")}),
    ],
)
def test_nothing_is_said_of_what_is_well(fields: dict[str, Any], secrets: dict[str, Any]) -> None:
    assert said(fields, **secrets) == []


HIDDEN = "hidden-value"


@pytest.mark.parametrize(
    ("fields", "secrets", "sentence"),
    [
        (FCM, {"google": secret(**{"account.json": HIDDEN})}, "is not JSON. Download the service account's key"),
        (FCM, {"google": secret(**{"account.json": "[]"})}, '"type" is not "service_account"'),
        (FCM, {"google": account(type="authorized_user")}, "google-services.json is another file"),
        (FCM, {"google": account(client_email=None, token_uri="")}, "lacks client_email, token_uri. Store the downloaded file as it is."),
        (FCM, {"google": account(private_key=HIDDEN)}, "has a private_key that cannot be read"),
        (P8, {"apple": secret(**{"key.p8": HIDDEN})}, "is no .p8 signing key. Store the file AuthKey_"),
        (P8, {"apple": secret(**{"key.p8": pem(EC, BestAvailableEncryption(b"x"))})}, "is no .p8 signing key"),
        (P8, {"apple": secret(**{"key.p8": pem(RSA)})}, "is a private key, but not one of Apple's (P-256)"),
        (P8, {"apple": secret(**{"key.p8": pem(ec.generate_private_key(ec.SECP384R1()))})}, "not one of Apple's (P-256)"),
        (P12, {"apple": secret(**{"voip.p12": HIDDEN})}, "cannot be opened: it is no .p12 file, or its passphrase is another"),
        (P12, {"apple": secret(**{"voip.p12": p12(passphrase=b"sesame")})}, "cannot be opened"),
        (
            OPENED,
            {"apple": secret(**{"voip.p12": p12(passphrase=b"sesame")}), "opens": secret(passphrase=HIDDEN)},
            "cannot be opened",
        ),
        (P12, {"apple": secret(**{"voip.p12": p12(key=None)})}, "lacks the certificate or its private key"),
        (P12, {"apple": secret(**{"voip.p12": p12(leaf=certificate(ends=timedelta(hours=-1)))})}, "expired on 2026-11-27. Renew it."),
        (P12, {"apple": secret(**{"voip.p12": p12(leaf=certificate(begins=timedelta(hours=2)))})}, "is valid only from 2026-11-28 on."),
        (P12, {"apple": secret(**{"voip.p12": p12(leaf=certificate(user="com.other"))})}, "is for com.other, and not for com.example.app."),
        (AUTH, {"keys": secret(**{"keyring.json": HIDDEN})}, "is no keyring: it is not JSON."),
        (AUTH, {"keys": secret(**{"keyring.json": b"\xff\xfe"})}, "is no keyring: it is no text."),
        (AUTH, {"keys": secret(**{"keyring.json": json.dumps({"keys": []})})}, 'it has no list "keys" with keys in it'),
        (
            AUTH,
            {"keys": secret(**{"keyring.json": json.dumps({"keys": [{"kid": "1", "secret": "short", "use": "sign"}]})})},
            "has keys shorter than 16 bytes: 1.",
        ),
        (SHARED, {"keys": secret(secret="short")}, "is shorter than 16 bytes"),
        (SHARED, {"keys": secret(secret="s" * 32 + "\n")}, "ends with a line break"),
        (TURN, {"coturn": secret(secret=" \n")}, "is empty."),
        (TURN, {"coturn": secret(secret=b"\xff")}, "is no text."),
        (OTLP, {"otlp": secret(headers=HIDDEN)}, "is not of the form name=value,name=value."),
    ],
)
def test_what_is_wrong_is_said_in_words_that_quote_nothing(fields: dict[str, Any], secrets: dict[str, Any], sentence: str) -> None:
    ((reason, message),) = said(fields, **secrets)
    assert reason == "SecretInvalid"
    assert sentence in message
    assert HIDDEN not in message
    assert "sesame" not in message


def test_certificates_of_redis_are_looked_at() -> None:
    old = certificate(ends=timedelta(hours=-1)).public_bytes(Encoding.PEM)
    found = said(
        TLS,
        redis=secret(password="p"),
        ca=secret(**{"ca.crt": "none"}),
        client=secret(**{"tls.crt": old, "tls.key": pem(EC, BestAvailableEncryption(b"x"))}),
    )
    assert [message for _, message in found] == [
        "redis.external.tls.caSecret: ca.crt of Secret ca holds no certificate in PEM form.",
        "redis.external.tls.clientCertificate: tls.crt of Secret client expired on 2026-11-27. Renew it.",
        "redis.external.tls.clientCertificate: tls.key of Secret client holds no private key in PEM form without a passphrase.",
    ]


def test_a_secret_that_is_not_there_is_named_with_what_to_do() -> None:
    assert said(FCM) == [("SecretMissing", "push.fcm.secret: there is no Secret google. Create it with the key account.json.")]


def test_a_key_that_is_not_there_is_named_beside_those_that_are() -> None:
    assert said(FCM, google=secret(other="x", b="y")) == [
        ("SecretMissing", "push.fcm.secret: Secret google has no key account.json; it has b, other.")
    ]
    assert said(FCM, google={"metadata": {}}) == [
        ("SecretMissing", "push.fcm.secret: Secret google has no key account.json; it has nothing.")
    ]


def test_all_of_them_are_told() -> None:
    assert len(said({**FCM, **TURN, **OTLP})) == 3
