"""Authorities of every kind, made for tests: (certificate, key) pairs in files."""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
KINDS = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "short": lambda: rsa.generate_private_key(65537, 1024),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "other-curve": lambda: ec.generate_private_key(ec.SECP256K1()),
}


class Made:
    """A certificate and its key, signed by itself or by `issuer`."""

    def __init__(
        self,
        name="root",
        kind="ec",
        *,
        issuer=None,
        days=(-1, 90),
        ca=True,
        length=None,
        signs=True,
        uses=None,
        names=None,
    ):
        self.key = KINDS[kind]()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + dt.timedelta(days=days[0]))
            .not_valid_after(NOW + dt.timedelta(days=days[1]))
        )
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=length), critical=True)
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
        )
        usage |= {"decipher_only": False, "digital_signature": True, "crl_sign": signs, "key_cert_sign": signs}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        if uses:
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        if names:
            permitted = [x509.DNSName(name) for name in names]
            builder = builder.add_extension(x509.NameConstraints(permitted, None), critical=True)
        signer = issuer.key if issuer else self.key
        self.certificate = builder.sign(signer, None if kind == "ed25519" else hashes.SHA256())
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, passphrase=None):
        encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


CLIENTS_ONLY = [ExtendedKeyUsageOID.CLIENT_AUTH]


def mount(folder: Path, *certificates: Made, key: Made | bytes, mode: int = 0o440) -> tuple[Path, Path]:
    """Files as a secret is mounted: tls.crt and tls.key."""
    folder.mkdir(exist_ok=True)
    cert, secret = folder / "tls.crt", folder / "tls.key"
    for path, content in (
        (cert, b"".join(one.pem for one in certificates)),
        (secret, key if isinstance(key, bytes) else key.key_pem()),
    ):
        path.unlink(missing_ok=True)
        path.write_bytes(content)
    secret.chmod(mode)
    return cert, secret
