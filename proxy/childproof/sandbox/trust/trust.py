"""The sandbox's certificate authority, in every form that a client reads (the table of TRUST.md).

Variables that *add* to a client's own roots get the bare certificate, those that *replace* them the merged bundle.
"""

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs/ca-bundle.crt",
    "/usr/lib/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
)

_BARE = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
_MERGED = (
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "npm_config_cafile",
    "BUNDLE_SSL_CA_CERT", "CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "PERL_LWP_SSL_CA_FILE", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "NIX_SSL_CERT_FILE", "HTTPLIB2_CA_CERTS",
)  # fmt: skip
_SWITCHES = {"UV_NATIVE_TLS": "1", "UV_SYSTEM_CERTS": "1"}

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_JKS_MAGIC = 0xFEEDFEED
_JKS_PASSWORD = b"\0c\0h\0a\0n\0g\0e\0i\0t"  # every JDK's, in UTF-16; it guards against typos, not against people
_JKS_SALT = b"Mighty Aphrodite"


class Bundles(msgspec.Struct, frozen=True):
    """What clients are given: our certificate alone, all roots with it, and the same as a Java key store."""

    bare: bytes
    merged: bytes

    @classmethod
    def build(cls, ca_pem: bytes, roots: bytes) -> "Bundles":
        """Bundles for a CA. `ca_pem` may hold more than the certificate (a key, say): only certificates are taken."""
        certificates = [match.group(0) for match in _CERTIFICATE.finditer(ca_pem)]
        if not certificates:
            raise ValueError("the CA file holds no certificate")
        bare = b"\n".join(certificates) + b"\n"
        return cls(bare, roots.rstrip(b"\n") + b"\n" + bare if roots else bare)

    def java(self) -> bytes:
        """The merged roots as a JKS key store, which every JDK reads in place of its own `cacerts`."""
        entries = list(_certificates(self.merged))
        body = bytearray(struct.pack("!III", _JKS_MAGIC, 2, len(entries)))
        for number, der in enumerate(entries):
            body += struct.pack("!I", 2) + _utf(f"root-{number}") + struct.pack("!Q", 0)
            body += _utf("X.509") + struct.pack("!I", len(der)) + der
        digest = hashlib.sha1(_JKS_PASSWORD + _JKS_SALT + body, usedforsecurity=False)
        return bytes(body) + digest.digest()


def variables(bare: str, merged: str) -> dict[str, str]:
    """Environment variables for a bare certificate and a merged bundle at these paths."""
    return {**dict.fromkeys(_BARE, bare), **dict.fromkeys(_MERGED, merged), **_SWITCHES}


def system_roots() -> bytes:
    """The machine's own roots: the first bundle found, else certifi's, else none."""
    for path in SYSTEM_BUNDLES:
        try:
            content = Path(path).read_bytes()
        except OSError:
            continue
        if b"BEGIN CERTIFICATE" in content:
            return content
    try:
        import certifi  # noqa: PLC0415 (only on a machine without roots)
    except ImportError:
        return b""
    return Path(certifi.where()).read_bytes()


def _certificates(pem: bytes) -> Iterator[bytes]:
    for match in _CERTIFICATE.finditer(pem):
        try:
            yield base64.b64decode(match.group(1), validate=False)
        except binascii.Error:
            continue


def _utf(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("!H", len(encoded)) + encoded
