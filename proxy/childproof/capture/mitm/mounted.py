"""An authority that somebody else made: a certificate and a key in files, as Kubernetes mounts a TLS secret.

Everything that would make clients refuse its certificates later is found here, with one message each.
"""

import datetime as dt
import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from childproof.errors import InputError

from .ca import CA, Key, utc_now

_LEAST_RSA = 2048  # OpenSSL's security level 2, which clients have, refuses less
_ROOT_NAME = "ca.crt"  # where cert-manager puts the issuer's certificate, beside tls.crt and tls.key
_LARGEST = 4 * 1024**2  # bytes: all roots of a machine take a quarter of a MiB
# What `cryptography` raises for what isn't quite a certificate.
_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_READABLE = "`defaultMode: 0440` at the secret's volume and `fsGroup: 15001` at the pod"
_MAKE = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=sandbox"


def read_mounted(cert: Path, key: Path, shown: Path, *, now: Callable[[], dt.datetime] = utc_now) -> CA:
    """The authority of these two files; `shown` is where what to trust will stand. Raises InputError.

    The certificate file may hold the chain up to the root, in any order; a root that is missing is taken from `ca.crt`
    beside it. Other authorities in it are to be trusted, too: that is how the next one is announced before it signs.
    """
    secret = _key(key)
    found = _certificates(cert)
    ours = [one for one in found if one.public_key() == secret.public_key()]
    if not ours:
        raise InputError.single(
            cert,
            f"not the certificate of the key in {key}",
            "the two files of one pair",
            "ca: {cert: tls.crt, key: tls.key}",
        )
    certificate = ours[0]
    path = _path(cert, certificate, found)
    _check(cert, path, now())
    others = (one for one in found if one not in path and _is_ca(one) and one.not_valid_after_utc > now())
    return CA(shown, key, certificate, secret, chain=path[:-1], trusted=(path[-1], *others))


def read_public(cert: Path, *, now: Callable[[], dt.datetime] = utc_now) -> tuple[x509.Certificate, ...]:
    """What clients are to trust of such a certificate file, without its key: its roots. Raises InputError for none."""
    found = _certificates(cert)
    roots = tuple(one for one in found if one.subject == one.issuer and _is_ca(one) and one.not_valid_after_utc > now())
    if not roots:
        _check(cert, _path(cert, found[0], found), now())  # says why
    return roots


def _key(path: Path) -> Key:
    raw = _read(path, "the key of an authority")
    mode = path.stat().st_mode
    if mode & 0o037:
        # The group may read: that is how Kubernetes gives a secret to a user that isn't root.
        raise InputError.single(
            path,
            f"the authority's key can be read or written by others (mode {mode & 0o777:04o})",
            f"mode 0400 or 0440; in Kubernetes {_READABLE}",
            f"chmod 440 {path}",
        )
    try:
        key = serialization.load_pem_private_key(raw, None)
    except TypeError:
        raise InputError.single(
            path, "the key is encrypted", "a key without a passphrase", f"openssl pkey -in {path} -out {path}.plain"
        ) from None
    except ValueError:
        hint = "; a certificate is here, so cert and key may be the wrong way round" if b"CERTIFICATE--" in raw else ""
        raise InputError.single(
            path, f"no private key{hint}", "a PEM key", "ca: {cert: tls.crt, key: tls.key}"
        ) from None
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _LEAST_RSA:
            raise InputError.single(
                path, f"an RSA key of {key.key_size} bits, which clients refuse", f"{_LEAST_RSA} or more, or EC", _MAKE
            )
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, _CURVES):
        return key
    raise InputError.single(path, "a kind of key that not every client takes", "EC (P-256) or RSA", _MAKE)


def _certificates(path: Path) -> tuple[x509.Certificate, ...]:
    found = _pem(path, _read(path, "the certificate of an authority"))
    beside = path.with_name(_ROOT_NAME)
    if beside != path and beside.is_file():
        found += _pem(beside, _read(beside, "a root's certificate"))
    return tuple(dict.fromkeys(found))


def _pem(path: Path, raw: bytes) -> tuple[x509.Certificate, ...]:
    try:
        found = tuple(x509.load_pem_x509_certificates(raw))
        for one in found:
            _ = one.public_key(), one.extensions  # parsed when they are first asked for
    except _UNREADABLE:
        hint = "; a key is here, so cert and key may be the wrong way round" if b"PRIVATE KEY--" in raw else ""
        raise InputError.single(
            path, f"no certificate{hint}", "a PEM certificate", "ca: {cert: tls.crt, key: tls.key}"
        ) from None
    return found


def _read(path: Path, what: str) -> bytes:
    try:
        return _plain(path)
    except OSError as error:
        reason = "is a folder" if isinstance(error, IsADirectoryError) else error.strerror
        who = f" that this user may read (uid {os.geteuid()}); in Kubernetes {_READABLE}"
        expected = f"a file with {what}{who if isinstance(error, PermissionError) else ''}"
        raise InputError.single(
            path, f"can't be read: {reason}", expected, "ca: {cert: tls.crt, key: tls.key}"
        ) from None


def _plain(path: Path) -> bytes:
    """A plain file's content; nothing else is waited for, since a running server reads this in the loop of all calls."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        seen = os.fstat(descriptor)
        if stat.S_ISDIR(seen.st_mode):
            raise IsADirectoryError
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "no plain file")
        if seen.st_size > _LARGEST:
            raise OSError(errno.EFBIG, f"{seen.st_size:,} bytes")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(_LARGEST)
    finally:
        os.close(descriptor)


def _path(file: Path, leaf: x509.Certificate, found: Iterable[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """From what signs up to a root that clients can trust."""
    path = [leaf]
    while path[-1].subject != path[-1].issuer:
        above = next((one for one in found if one not in path and _issued(one, path[-1])), None)
        if above is None:
            issuer = path[-1].issuer.rfc4514_string()
            raise InputError.single(
                file,
                f"an intermediate authority without its root ({issuer})",
                f"the chain up to the root, which is what clients trust, here or in {_ROOT_NAME} beside it",
                f"cat intermediate.pem root.pem > {file}",
            )
        path.append(above)
    return tuple(path)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check(file: Path, path: tuple[x509.Certificate, ...], now: dt.datetime) -> None:
    """Raises InputError for what clients would hold against any of these certificates."""
    for below, one in enumerate(path):
        name = f"the certificate {one.subject.rfc4514_string() or '(without a name)'}"
        if one.not_valid_after_utc <= now:
            ended = one.not_valid_after_utc.date()
            raise InputError.single(file, f"{name} has expired on {ended}", "a valid authority", f"{_MAKE} -out {file}")
        if one.not_valid_before_utc > now:
            begins = f"{one.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}"
            raise InputError.single(file, f"{name} isn't valid before {begins}", "a valid authority, or a right clock")
        if not _is_ca(one):
            raise InputError.single(
                file, f"{name} is not an authority's", "CA:TRUE among its basic constraints", f"{_MAKE} -out {file}"
            )
        length = one.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        if length is not None and length < below:
            raise InputError.single(
                file,
                f"{name} permits {length} authorities below it (its path length), and here {_counted(below)}",
                "an authority that its root permits",
                "openssl x509 -ext basicConstraints",
            )
        _check_uses(file, name, one)


def _counted(number: int) -> str:
    return "is 1" if number == 1 else f"are {number}"


def _check_uses(file: Path, name: str, one: x509.Certificate) -> None:
    for extension in one.extensions:
        match extension.value:
            case x509.KeyUsage(key_cert_sign=False):
                raise InputError.single(file, f"{name} may not sign certificates", "keyCertSign among its key usages")
            case x509.ExtendedKeyUsage() as uses if not {
                ExtendedKeyUsageOID.SERVER_AUTH,
                ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
            } & set(uses):
                raise InputError.single(
                    file, f"{name} is not for servers", "serverAuth among its extended key usages, or none at all"
                )
            case x509.NameConstraints():
                raise InputError.single(
                    file,
                    f"{name} is limited to certain names, so clients would refuse all other hosts",
                    "an authority without name constraints",
                    f"{_MAKE} -out {file}",
                )
            case _:
                pass


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False
