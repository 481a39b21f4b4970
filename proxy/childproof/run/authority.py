"""The authority of a running proxy: which one it is, where its public part goes, and what happens when it changes."""

import asyncio
import datetime as dt
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from os.path import realpath
from pathlib import Path
from typing import Any, Protocol

from childproof.capture.mitm.ca import (
    CA,
    CERT_NAME,
    KEY_NAME,
    NEXT_NAME,
    OLD_NAME,
    ensure_ca,
    fingerprint,
    show,
    utc_now,
)
from childproof.catalog.footprint import Footprint, differ, footprint
from childproof.errors import ChildproofError, InputError, StoreError
from childproof.sandbox.trust import trust
from childproof.sandbox.trust.amending import BUNDLE_NAME, JAVA_NAME, WGET_NAME

from .config.config import Config

ENV_NAME, SCRIPT_NAME = "childproof.env", "trust.sh"
LOOK_SECONDS = 1.0
_SETTLED, _ROUNDS = 0.25, 20
_DAY = 86_400.0
_FRESH = dt.timedelta(days=30)  # of the year that a host's certificate lasts
_WARN = dt.timedelta(days=30)
_WARN_PART = 4  # of a lifetime shorter than that: a warning in its last quarter


class Signing(Protocol):
    """Who signs for hosts: HttpCapture."""

    def replace_ca(self, ca: CA) -> None:
        """Sign with another authority from now on."""


def open_ca(config: Config, *, now: Callable[[], dt.datetime] = utc_now) -> CA:
    """The mounted authority where one is configured, else the one in the state folder, made if it isn't there.

    Raises InputError for what can't sign, StoreError for a folder that can't be written.
    """
    given = config.ca
    if given.cert is None or given.key is None:
        return ensure_ca(config.state_dir, now=now)
    from childproof.capture.mitm.mounted import read_mounted  # noqa: PLC0415 (only where one is mounted)

    ca = read_mounted(given.cert, given.key, config.state_dir / CERT_NAME, now=now)
    try:
        config.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        show(ca.cert_pem, ca.public)
    except OSError as error:
        if given.publish is None:
            raise StoreError(
                f"{config.state_dir}: the certificate to trust can't be written here: {error.strerror}; expected a folder "
                "that can be written\n    write: ca: {publish: FOLDER}, or state: FOLDER"
            ) from None
        return CA(given.publish / CERT_NAME, ca.key_pem, ca.certificate, ca.key, chain=ca.chain, trusted=ca.trusted)
    return ca


def publish(ca: CA, folder: Path) -> None:
    """Put what workloads need, and never a key, into `folder`: each file whole or not at all, and only where it differs.

    Raises InputError where the folder is the key's own, StoreError where it isn't there or can't be written.
    """
    if Path(realpath(ca.key_pem)).is_relative_to(realpath(folder)):
        raise InputError.single(
            "ca.publish", f"{folder} holds the authority's key", "a folder that workloads may see", "/run/childproof/ca"
        )
    publish_public(ca.public, folder)


def publish_public(public: bytes, folder: Path) -> None:
    """Put there what follows from the certificates to trust, as PEM. Raises StoreError as `publish` does."""
    bundles = trust.Bundles.build(public, trust.system_roots())
    names = trust.variables(f"{folder}/{CERT_NAME}", f"{folder}/{BUNDLE_NAME}")
    contents = {
        CERT_NAME: bundles.bare,
        BUNDLE_NAME: bundles.merged,
        JAVA_NAME: bundles.java(),
        WGET_NAME: f"ca_certificate = {folder}/{BUNDLE_NAME}\n".encode(),
        ENV_NAME: "".join(f"{name}={value}\n" for name, value in names.items()).encode(),
        SCRIPT_NAME: script(),
    }
    try:
        if not folder.is_dir():
            there = folder.exists()
            raise (
                NotADirectoryError(20, "it is no folder") if there else FileNotFoundError(2, "there is no such folder")
            )
        for name, content in contents.items():
            show(folder / name, content)
    except OSError as error:
        raise StoreError(
            f"{folder}: the certificates can't be published here: {error.strerror}; expected a folder that this user may "
            f"write (ca.publish; a volume that the workload mounts read-only){_instead(folder, error)}"
        ) from None


def _instead(folder: Path, error: OSError) -> str:
    """What to do about a folder that can't be written to; a disk that is full or read-only has no such line."""
    if isinstance(error, FileNotFoundError):
        return f"\n    write: mkdir -p {folder}"
    if isinstance(error, PermissionError):
        return f"; in Kubernetes `fsGroup: {os.getegid()}` at the pod\n    write: chown {os.geteuid()} {folder}"
    return ""


def script() -> bytes:
    """The start wrapper for workloads that have neither childproof nor Python."""
    return files("childproof.sandbox.trust").joinpath(SCRIPT_NAME).read_bytes()


class Authority:
    """The authority in use. `reload` looks again; what it finds broken changes nothing."""

    def __init__(self, config: Config, *, now: Callable[[], dt.datetime] = utc_now) -> None:
        self._config = config
        self._now = now
        self._read = open_ca(config, now=now)
        self._before: CA | None = None
        self._since = now()
        self._publish()

    @property
    def ca(self) -> CA:
        """What signs now."""
        return self._read

    @property
    def files(self) -> tuple[Path, ...]:
        """What to watch: when one of these changes, it is time for `reload_ca`."""
        given = self._config.ca
        if given.cert is not None and given.key is not None:
            return given.cert, given.key
        return tuple(self._config.state_dir / name for name in (KEY_NAME, NEXT_NAME, OLD_NAME))

    @property
    def warning(self) -> str:
        """What is to be said because the authority ends soon; empty as long as it doesn't."""
        left = self._read.ends - self._now()
        whole = self._read.certificate.not_valid_after_utc - self._read.certificate.not_valid_before_utc
        if left > min(_WARN, whole / _WARN_PART):
            return ""
        means = "mount a new one" if self._config.ca.cert else "childproof ca rotate"
        ends = _iso(self._read.ends)
        verb = "expired" if left <= dt.timedelta() else "expires"
        return f"the certificate authority {verb} at {ends}: {means}"

    def expiry(self) -> float:
        """When it expires, in unix time."""
        return self._read.ends.timestamp()

    def told(self) -> dict[str, Any]:
        """What a probe's page says of it."""
        return {
            "sha256": fingerprint(self._read.certificate),
            "expires": _iso(self._read.ends),
            "warning": self.warning,
        }

    def reload(self) -> bool:
        """Read and publish the authority again; whether it changed. Raises ChildproofError, and then all is as it was."""
        found = open_ca(self._config, now=self._now)
        before = self._read
        changed = (found.certificate, found.chain, found.trusted) != (before.certificate, before.chain, before.trusted)
        if changed and found.certificate != before.certificate:
            self._before = before
        self._read, self._since = found, self._now()
        try:
            self._publish()
        except ChildproofError:
            self._read = before
            raise
        return changed

    def stale(self) -> bool:
        """Whether it is time for new certificates of hosts, although the authority is the same."""
        return self._now() - self._since > _FRESH

    def _publish(self) -> None:
        folder = self._config.ca.publish
        if folder is None:
            return
        ca = self._read
        if self._before is not None and self._config.ca.cert is not None:
            # A mounted one may be replaced at once: another proxy that serves the same workloads may sign with the old.
            kept = tuple(dict.fromkeys((*ca.trusted, *self._before.trusted)))
            ca = CA(ca.cert_pem, ca.key_pem, ca.certificate, ca.key, chain=ca.chain, trusted=kept)
        publish(ca, folder)


def _iso(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


type Say = Callable[[str], None]


def reload_ca(authority: Authority, signing: Signing, say: Say, warn: Say | None = None) -> bool:
    """Take over a changed authority, for new connections; say what came of it. Never raises: the old one stays.

    False where the new one is broken, which `warn` is told, if it is given.
    """
    try:
        changed = authority.reload()
    except Exception as error:  # noqa: BLE001 (out of memory, or a bug of ours: as little a reason to stop signing)
        problem = str(error) if isinstance(error, ChildproofError) else repr(error)
        (warn or say)(f"the certificate authority stays as it was, the new one is broken:\n{problem}")
        return False
    if changed:
        signing.replace_ca(authority.ca)
        say(f"the certificate authority was read again: SHA-256 {fingerprint(authority.ca.certificate)}")
    return True


@asynccontextmanager
async def tended(
    authority: Authority,
    signing: Signing,
    say: Say,
    warn: Say | None = None,
    *,
    watch: bool = True,
    every: float = LOOK_SECONDS,
) -> AsyncIterator[Callable[[], None]]:
    """While it lasts: a changed authority is taken over, one that will expire is warned of daily, hosts' certificates renewed.

    Gives a function that has the authority read again soon, whatever is watched: for SIGHUP.
    """
    wanted = asyncio.Event()
    task = asyncio.create_task(
        _tend(authority, signing, say, warn or say, wanted=wanted, every=every if watch else None)
    )
    try:
        yield wanted.set
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _tend(
    authority: Authority, signing: Signing, say: Say, warn: Say, *, wanted: asyncio.Event, every: float | None
) -> None:
    seen, warned = footprint(authority.files), 0.0
    loop = asyncio.get_running_loop()
    while True:
        if authority.warning and (not warned or loop.time() - warned > _DAY):
            warn(authority.warning)
            warned = loop.time()
        with suppress(TimeoutError):
            await asyncio.wait_for(wanted.wait(), every or _DAY / 24)
        found = footprint(authority.files)
        if wanted.is_set() or authority.stale() or differ(found, seen):
            wanted.clear()
            seen = await _settled(authority, found)
            stale = authority.stale()
            if reload_ca(authority, signing, say, warn) and stale:
                signing.replace_ca(authority.ca)


async def _settled(authority: Authority, found: Footprint) -> Footprint:
    """What the files are like once they have stayed so for a moment: certificate and key are written one after the other."""
    for _ in range(_ROUNDS):
        await asyncio.sleep(_SETTLED)
        again = footprint(authority.files)
        if not differ(again, found):
            break
        found = again
    return found
