"""Certificates for the hosts that a sandbox talks to, minted on demand and kept, in both TLS libraries' terms.

mitmproxy speaks through pyOpenSSL, aiosmtpd through `ssl`. One leaf key per process serves all hosts; it is not the
authority's key, since `ssl` only takes keys from a file.
"""

import datetime as dt
import functools
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

from .ca import CA, pem, utc_now

MAX_HOSTS = 1024  # a sandbox that makes names up must not fill our memory
MAX_CONTEXTS = 256  # 25 kB each, and half a millisecond to make again
ALPN = (b"http/1.1", b"h2", b"http/1.0")  # in our order of preference: h2 costs about twice
_VALID = dt.timedelta(days=365)
_YESTERDAY = dt.timedelta(days=-2)
_MAX_COMMON_NAME = 64  # RFC 5280, appendix A.1: ub-common-name-length


class Leaves:
    """Server-side TLS for any host, signed by `ca`."""

    def __init__(self, ca: CA, *, now: Callable[[], dt.datetime] = utc_now) -> None:
        self._now = now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._key_pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._set(ca)
        self.certificate = functools.lru_cache(MAX_HOSTS)(self._mint)
        self.openssl = functools.lru_cache(MAX_CONTEXTS)(self._openssl)
        self.context_for = functools.lru_cache(MAX_CONTEXTS)(self._context_for)

    def replace(self, ca: CA) -> None:
        """Sign with another authority from now on. Connections that are open go on with what they have.

        A session that was begun before is not resumed but begun anew, as clients do unasked.
        """
        self._set(ca)
        for kept in (self.certificate, self.openssl, self.context_for):
            kept.cache_clear()

    def _set(self, ca: CA) -> None:
        self._ca = ca
        try:
            own_id = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            self._issuer_id = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id)
        except x509.ExtensionNotFound:  # of an authority that others made
            self._issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())

    def _mint(self, host: str) -> x509.Certificate:
        """A certificate for one normalised host name or address."""
        now = self._now()
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, host)] if len(host) < _MAX_COMMON_NAME else []
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name(subject))
            .issuer_name(self._ca.certificate.subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now + _YESTERDAY, self._ca.certificate.not_valid_before_utc))
            .not_valid_after(min(now + _VALID, self._ca.ends))
            # RFC 5280, section 4.2.1.6: critical where there is no subject
            .add_extension(x509.SubjectAlternativeName([name]), critical=not subject)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(self._issuer_id, critical=False)
            .sign(self._ca.key, hashes.SHA256())
        )

    def _openssl(self, host: str) -> SSL.Context:
        """A pyOpenSSL context, one per host, so that sessions resume."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.set_verify(SSL.VERIFY_NONE)
        context.use_certificate(self.certificate(host))
        context.use_privatekey(self._key)
        for between in self._ca.chain:
            context.add_extra_chain_cert(between)
        context.set_alpn_select_callback(_select_alpn)
        return context

    def _context_for(self, host: str) -> ssl.SSLContext:
        """An `ssl` context, for protocols that mitmproxy doesn't speak. Without ALPN."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        content = self._key_pem + pem((self.certificate(host), *self._ca.chain))
        # `load_cert_chain` reads files only: a nameless one where the system has them
        with _secret_file(content) as path:
            context.load_cert_chain(path)
        return context


class _secret_file:  # noqa: N801 - used as a function
    """A path under which `content` can be read by this process, for the length of a `with`."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __enter__(self) -> str:
        if hasattr(os, "memfd_create"):
            self._descriptor = os.memfd_create("childproof-leaf", os.MFD_CLOEXEC)
            self._path = f"/proc/self/fd/{self._descriptor}"
        else:
            self._descriptor, self._path = tempfile.mkstemp()  # 0600
        os.write(self._descriptor, self._content)
        return self._path

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if not self._path.startswith("/proc/"):
            os.unlink(self._path)  # noqa: PTH108 - mkstemp gave a string


def _select_alpn(_connection: SSL.Connection, offers: list[bytes]) -> bytes:
    chosen = next((protocol for protocol in ALPN if protocol in offers), None)
    # pyOpenSSL keeps the type of this constant to itself
    return SSL.NO_OVERLAPPING_PROTOCOLS if chosen is None else chosen  # type: ignore[return-value]
