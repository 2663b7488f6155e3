"""The serving certificate of the metrics API: self-signed by an authority of its own, whose certificate the APIService carries.

All replicas of the operator serve with the same one, which is kept in a Secret. Its key never leaves that Secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=60)
BACKDATED = timedelta(minutes=5)
"""Clocks of API servers may be behind."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM, as a Secret of type kubernetes.io/tls holds them."""

    authority: bytes
    certificate: bytes
    key: bytes

    @classmethod
    def read(cls, data: Mapping[str, bytes]) -> "Certificate | None":
        """None where something is missing."""
        found = [data.get(name, b"") for name in ("ca.crt", "tls.crt", "tls.key")]
        return cls(*found) if all(found) else None

    def data(self) -> dict[str, bytes]:
        return {"ca.crt": self.authority, "tls.crt": self.certificate, "tls.key": self.key}

    def due(self, host: str, now: datetime) -> bool:
        """Whether another one is needed: this one ends soon, names another host, or cannot be read."""
        try:
            found = x509.load_pem_x509_certificate(self.certificate)
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, x509.ExtensionNotFound):
            return True
        return found.not_valid_after_utc - now < RENEW_BEFORE or host not in names.get_values_for_type(x509.DNSName)


def issue(host: str, now: datetime) -> Certificate:
    """host: SERVICE.NAMESPACE.svc, by which the aggregator calls. now: in UTC."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "carillon-operator metrics authority")])
    authority = (
        _builder(issuer, issuer, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    certificate = (
        _builder(subject, issuer, key, now)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .add_extension(_usage(authority=False), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(authority.public_bytes(pem), certificate.public_bytes(pem), private)


def utc(now: float) -> datetime:
    """Unix time in seconds."""
    return datetime.fromtimestamp(now, UTC)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    """RFC 5280, 4.2.1.3."""
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
