"""The certificate authority that sandboxes trust: one EC P-256 key in a state directory, made once and kept.

EC instead of RSA saves a third of a new connection and makes a new host's certificate in 0.1 ms. One that others made
is read by `mounted`; `rotation` replaces this one step by step.
"""

import contextlib
import datetime as dt
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from childproof.errors import InputError, StoreError

CERT_NAME = "childproof-ca-cert.pem"  # what to trust
KEY_NAME = "childproof-ca.pem"  # what signs: key, then certificate
NEXT_NAME = "childproof-ca-next.pem"  # what will: key, then certificate
OLD_NAME = "childproof-ca-old.pem"  # what did: the certificate alone
_YEARS_10 = dt.timedelta(days=3650)
_YESTERDAY = dt.timedelta(days=-2)  # a sandbox's clock may be behind

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def utc_now() -> dt.datetime:
    """The machine's time."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class CA:
    """A certificate authority on disk. `cert_pem` may go into a sandbox; `key_pem` (for us alone) never.

    `certificate` and `key` sign. `chain` is what stands between a host and a root,
    itself included, for servers to send along; `trusted` is
    what clients are to trust, which during a rotation is more than one, and is what `cert_pem` holds.
    """

    cert_pem: Path
    key_pem: Path
    certificate: x509.Certificate
    key: Key = field(repr=False, compare=False)
    chain: tuple[x509.Certificate, ...] = ()
    trusted: tuple[x509.Certificate, ...] = ()

    @property
    def public(self) -> bytes:
        """The certificates to trust, as PEM."""
        return pem(self.trusted or (self.certificate,))

    @property
    def ends(self) -> dt.datetime:
        """When the first of the certificates that a client looks at expires."""
        return min(one.not_valid_after_utc for one in (self.certificate, *self.chain, *self.trusted[:1]))


def pem(certificates: tuple[x509.Certificate, ...]) -> bytes:
    """Certificates as PEM, one after the other."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 in hex with colons, as openssl and browsers write it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def ensure_ca(directory: Path, *, now: Callable[[], dt.datetime] = utc_now) -> CA:
    """The authority kept in `directory`, made on first use. Two processes that start at once get the same one.

    A directory that can't be written does where it holds all that is needed. Raises InputError where it holds
    something else under these names, StoreError where it can't be read or written.
    """
    key_pem = directory / KEY_NAME
    try:
        if not key_pem.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(directory):
                if not key_pem.exists():
                    make(key_pem, now())
        with locked(directory):
            certificate, key = _read(key_pem)
            trusted = dict.fromkeys((certificate, *_others(directory)))
            ca = CA(directory / CERT_NAME, key_pem, certificate, key, trusted=tuple(trusted))
            show(ca.cert_pem, ca.public)
    except OSError as error:
        raise unkept(directory, error) from None
    if certificate.not_valid_after_utc < now():
        raise InputError.single(key_pem, "the certificate authority has expired", "a valid one", f"rm {key_pem}")
    return ca


def unkept(directory: Path, error: OSError) -> StoreError:
    """The message for a folder that can't be read or written."""
    return StoreError(
        f"{directory}: the certificate authority can't be kept here: {error.strerror}; expected a folder that can be "
        "written; another one is named by CHILDPROOF_STATE or by `state:` in childproof.yaml\n"
        "    write: CHILDPROOF_STATE=$PWD/.childproof childproof …"
    )


def show(path: Path, public: bytes) -> None:
    """Have the certificates to trust in a file for all to read, written only where they aren't there yet."""
    if not _holds(path, public):
        place(path, public, 0o644, replace=True)


def _holds(path: Path, content: bytes) -> bool:
    """Whether the file itself holds just that. Links and pipes don't: others may be able to write into the folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        return stat.S_ISREG(seen.st_mode) and seen.st_size == len(content) and file.read() == content


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Nobody else changes the authority in `directory` meanwhile. File systems that know no locks go without."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make(path: Path, now: dt.datetime, common_name: str = "childproof") -> None:
    """A new key and its certificate into a file of their own. Whoever was first wins."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
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
    place(path, secret + pem((certificate,)), 0o600, replace=False)


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


def place(path: Path, content: bytes, mode: int, *, replace: bool) -> None:
    """Write whole or not at all. Without `replace`, whoever was first wins and our copy is dropped."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600, and a name of our own
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)  # whatever the umask said
            os.fsync(descriptor)
        if replace:
            draft.replace(path)
        else:
            _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _link(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError as error:
        # File systems without hard links: whoever makes an authority holds the lock.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        draft.replace(path)


def read_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates of a file of ours; none where it isn't there. Raises InputError for what are none."""
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except FileNotFoundError:
        return ()
    except ValueError as error:
        raise InputError.single(path, f"no certificate: {error}", "a PEM certificate", f"rm {path}") from None


def _others(directory: Path) -> Iterator[x509.Certificate]:
    """What else is to be trusted while a rotation goes on."""
    for name in (NEXT_NAME, OLD_NAME):
        yield from read_certificates(directory / name)


def _read(path: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    raw = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(raw, None)
        certificate = x509.load_pem_x509_certificate(raw)
    except (ValueError, TypeError):
        raise InputError.single(
            path, "no key and certificate", "a PEM key, then its certificate", f"rm {path}"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise InputError.single(path, "the key is not the certificate's", "an EC key and its certificate", f"rm {path}")
    mode = path.stat().st_mode
    if mode & 0o007:
        raise InputError.single(path, "the authority's key can be read by others", "mode 0600", f"chmod 600 {path}")
    if mode & 0o070:
        # Kubernetes gives a volume's files to its group at each mount (fsGroup): taken back, where that can be.
        try:
            path.chmod(0o600)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EPERM, errno.EACCES):
                raise
    return certificate, key
