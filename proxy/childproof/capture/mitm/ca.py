"""The certificate authority that sandboxes trust: one EC P-256 key in a state directory, made once and kept.

EC instead of RSA saves a third of a new connection and makes a new host's certificate in 0.1 ms.
"""

import datetime as dt
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from childproof.errors import InputError

CERT_NAME = "childproof-ca-cert.pem"
KEY_NAME = "childproof-ca.pem"
_YEARS_10 = dt.timedelta(days=3650)
_YESTERDAY = dt.timedelta(days=-2)  # a sandbox's clock may be behind


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class CA:
    """A certificate authority on disk. `cert_pem` may go into a sandbox; `key_pem` (0600: key, then certificate) never."""

    cert_pem: Path
    key_pem: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure_ca(directory: Path, *, now: Callable[[], dt.datetime] = _utc_now) -> CA:
    """The authority kept in `directory`, made on first use. Two processes that start at once get the same one.

    Raises InputError where the directory holds something else under these names, or can't be written.
    """
    key_pem, cert_pem = directory / KEY_NAME, directory / CERT_NAME
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not key_pem.exists():
            _make(key_pem, now())
        raw = key_pem.read_bytes()
        certificate, key = _parse(key_pem, raw)
        public = certificate.public_bytes(serialization.Encoding.PEM)
        if not cert_pem.exists() or cert_pem.read_bytes() != public:
            _place(cert_pem, public, 0o644, replace=True)
    except OSError as error:
        raise InputError.single(
            directory,
            f"the certificate authority can't be kept here: {error.strerror}",
            "a folder that can be written; another one is named by CHILDPROOF_STATE or by `state:` in childproof.yaml",
            "CHILDPROOF_STATE=$PWD/.childproof childproof …",
        ) from None
    if certificate.not_valid_after_utc < now():
        raise InputError.single(key_pem, "the certificate authority has expired", "a valid one", f"rm {key_pem}")
    return CA(cert_pem, key_pem, certificate, key)


def _make(path: Path, now: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "childproof"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "childproof sandbox authority"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + _YESTERDAY)
        .not_valid_after(now + _YEARS_10)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _place(path, secret + certificate.public_bytes(serialization.Encoding.PEM), 0o600, replace=False)


_KEY_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _place(path: Path, content: bytes, mode: int, *, replace: bool) -> None:
    """Write whole or not at all. Without `replace`, whoever was first wins and our copy is dropped."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600, and a name of our own
    draft = Path(name)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(draft, mode)  # noqa: PTH101 - whatever the umask said
    if replace:
        draft.replace(path)
        return
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _parse(path: Path, raw: bytes) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        key = serialization.load_pem_private_key(raw, None)
        certificate = x509.load_pem_x509_certificate(raw)
    except (ValueError, TypeError) as error:
        raise InputError.single(
            path, f"no key and certificate: {error}", "a PEM key, then its certificate", f"rm {path}"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise InputError.single(path, "the key is not the certificate's", "an EC key and its certificate", f"rm {path}")
    if path.stat().st_mode & 0o077:
        raise InputError.single(path, "the authority's key can be read by others", "mode 0600", f"chmod 600 {path}")
    return certificate, key
