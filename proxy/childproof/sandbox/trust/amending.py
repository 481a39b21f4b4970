"""Trust inside a workload whose mount namespace isn't ours: bundles are amended in place, variables lead to merged ones.

What `trust.sh` does without Python; both leave the same marks, so that either may follow the other. The table of
variables is `trust.variables`, the search `bundles.find_bundles`.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from typing import BinaryIO

import msgspec

from . import trust

CERT_NAME, BUNDLE_NAME, JAVA_NAME, WGET_NAME = "childproof-ca-cert.pem", "bundle.pem", "cacerts.jks", "wgetrc"
USUAL = "/run/childproof/ca"
_BEGIN = b"# childproof: begin (the authority of this sandbox, added by trust.sh)\n"
_END = b"# childproof: end\n"
_BLOCK = re.compile(rb"\n?^# childproof: begin.*?^# childproof: end\n?", re.DOTALL | re.MULTILINE)
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Published(msgspec.Struct, frozen=True):
    """The folder where childproof publishes, as this workload sees it, and the certificates in it."""

    folder: str
    certificates: tuple[bytes, ...]
    name: str = CERT_NAME

    @classmethod
    def read(cls, folder: str, name: str = CERT_NAME) -> "Published":
        """Raises OSError where it isn't there, ValueError where it holds no certificate."""
        with open(os.path.join(folder, name), "rb") as file:
            found = tuple(_CERTIFICATE.findall(file.read()))
        if not found:
            raise ValueError(f"{folder}/{name} holds no certificate")
        return cls(os.path.abspath(folder), found, name)

    @property
    def cert(self) -> str:
        """The path of the certificate alone."""
        return os.path.join(self.folder, self.name)

    def trusted_in(self, path: str) -> bool:
        """Whether a bundle holds all of them."""
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            return False
        return all(one in content for one in self.certificates)

    def added_to(self, bundle: bytes) -> bytes:
        """A bundle with them, and without what was added before."""
        kept = _BLOCK.sub(b"", bundle)
        return kept + b"\n" + _BEGIN + b"\n".join(self.certificates) + b"\n" + _END

    def amend(self, path: str) -> bool:
        """Have the bundle at `path` hold them; whether it does now.

        A copy takes the file's place where that can be: package managers link one file into many environments.
        """
        path = os.path.realpath(path)
        try:
            with open(path, "rb") as file:
                before = file.read()
        except OSError:
            return False
        content = self.added_to(before)
        if content == before or (_BLOCK.search(before) is None and all(one in before for one in self.certificates)):
            return True
        return _replace(path, content) or _overwrite(path, content)

    def merge(self, env: Mapping[str, str], folder: str | None) -> str:
        """The path of a bundle with this workload's own roots and ours: in `folder`, else what childproof published."""
        published = os.path.join(self.folder, BUNDLE_NAME)
        if folder is None:
            return published
        roots = self._roots(env, folder)
        if not roots:
            return published
        path = os.path.join(folder, BUNDLE_NAME)
        content = self.added_to(roots)
        with contextlib.suppress(OSError), open(path, "rb") as file:
            if file.read() == content:
                return path
        return path if _write(path, content) else published

    def _roots(self, env: Mapping[str, str], folder: str) -> bytes:
        for path in (env.get("SSL_CERT_FILE", ""), env.get("NIX_SSL_CERT_FILE", ""), *trust.SYSTEM_BUNDLES):
            if not path or path.startswith((self.folder + "/", folder + "/")):
                continue
            try:
                with open(path, "rb") as file:
                    content = file.read()
            except OSError:
                continue
            if b"BEGIN CERTIFICATE" in content:
                return _BLOCK.sub(b"", content)
        return b""


def place_to_write(env: Mapping[str, str]) -> str | None:
    """A folder of this user's own to write in: others may write to /tmp as well. None where there is none."""
    for base in (env.get("TMPDIR", ""), "/tmp", "/var/tmp", "/dev/shm", env.get("HOME", "")):  # noqa: S108
        if not base.startswith("/"):
            continue
        folder = os.path.join(base, f"childproof-trust-{os.getuid()}")
        try:
            with contextlib.suppress(FileExistsError):
                os.makedirs(folder, 0o755)
            seen = os.lstat(folder)
        except OSError:
            continue
        if (
            seen.st_uid == os.getuid()
            and os.path.isdir(folder)
            and not os.path.islink(folder)
            and os.access(folder, os.W_OK)
        ):
            return folder
    return None


def wget_settings(env: Mapping[str, str], published: Published) -> dict[str, str]:
    """What leads wget with GnuTLS, as Debian builds it, to the bundle, where the user has no settings of their own."""
    file = os.path.join(published.folder, WGET_NAME)
    own = env.get("WGETRC") or os.path.exists(os.path.join(env.get("HOME", "/nowhere"), ".wgetrc"))
    return {} if own or not os.path.exists(file) else {"WGETRC": file}


def java_options(env: Mapping[str, str], published: Published, proxy: str = "") -> str:
    """JAVA_TOOL_OPTIONS with the published key store, and the proxy's address where there is one."""
    options = [f"-Djavax.net.ssl.trustStore={os.path.join(published.folder, JAVA_NAME)}"]
    if proxy:
        host, _, port = proxy.partition("://")[2].partition("/")[0].rpartition(":")
        options += [
            f"-D{scheme}.proxy{name}={value}"
            for scheme in ("http", "https")
            for name, value in (("Host", host), ("Port", port))
        ]
    wanted, present = " ".join(options), env.get("JAVA_TOOL_OPTIONS", "")
    return present if wanted in present else f"{present} {wanted}".strip()


def _draft(path: str) -> str:
    """A name beside a file that nobody can know before: others may write there, and would put a link in its way."""
    return f"{os.path.dirname(path)}/.childproof.{os.urandom(8).hex()}"


def _new(path: str) -> BinaryIO:
    """A file that wasn't there. Raises OSError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _replace(path: str, content: bytes) -> bool:
    """With the owner and the permissions that the file has."""
    try:
        return _draw_up(path, content, os.stat(path))
    except OSError:
        return False


def _overwrite(path: str, content: bytes) -> bool:
    """In place, for a file that is mounted by itself. It only grows, so whoever reads meanwhile misses our part alone."""
    try:
        with open(path, "r+b") as file:
            file.write(content)
            file.truncate()
    except OSError:
        return False
    return True


def _write(path: str, content: bytes) -> bool:
    """Ours, for everybody to read."""
    return _draw_up(path, content, None)


def _draw_up(path: str, content: bytes, like: os.stat_result | None) -> bool:
    """Whole, or as it was: a draft beside it takes its place."""
    draft = _draft(path)
    try:
        with _new(draft) as file:
            if like is not None:
                with contextlib.suppress(OSError):
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fchmod(file.fileno(), 0o644 if like is None else like.st_mode & 0o7777)
            file.write(content)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        return False
    return True
