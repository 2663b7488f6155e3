"""The files that people get from Apple and Google, made here."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class AppleIssuer:
    """Issues VoIP certificates through an intermediate authority, as Apple does. root: PEM file of what servers trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        root_key, self._key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_name, self._name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("root", "intermediate"))
        since = datetime.now(UTC) - 1000 * DAY
        root = _signed(root_name, root_key.public_key(), root_name, root_key, since, 2000 * DAY, ca=True)
        self._intermediate = _signed(self._name, self._key.public_key(), root_name, root_key, since, 2000 * DAY, ca=True)
        self.root = folder / "apple-root.pem"
        self.root.write_bytes(root.public_bytes(Encoding.PEM))

    def p12(
        self,
        name: str = "voip.p12",
        *,
        bundle_id: str = "com.example.app",
        passphrase: str = "",
        since: datetime | None = None,
        life: timedelta = 300 * DAY,
    ) -> Path:
        """As Keychain exports it: RSA key, the app in the subject's UID, the intermediate beside the certificate."""
        key = rsa.generate_private_key(65537, 2048)
        subject = [(NameOID.USER_ID, f"{bundle_id}.voip"), (NameOID.COMMON_NAME, f"VoIP Services: {bundle_id}")]
        named = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
        certificate = _signed(named, key.public_key(), self._name, self._key, since or datetime.now(UTC) - DAY, life)
        lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        path = self._folder / name
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"voip", key, certificate, [self._intermediate], lock))
        return path


def auth_key(path: Path) -> ec.EllipticCurvePublicKey:
    """Writes a .p8 signing key; returns its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(pem(key))
    return key.public_key()


def service_account(project: str = "demo-project") -> tuple[dict[str, Any], rsa.RSAPublicKey]:
    """The key file of a Google service account and its public half."""
    key = rsa.generate_private_key(65537, 2048)
    content = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "0123456789abcdef",
        "private_key": pem(key).decode(),
        "client_email": f"push@{project}.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return content, key.public_key()


def _signed(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    since: datetime,
    life: timedelta,
    *,
    ca: bool = False,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + life)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
