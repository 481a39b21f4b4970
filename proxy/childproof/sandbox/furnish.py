"""What the sandbox's first process does with its mount namespace, step by step, from what the parent tells it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec

from . import hide, mounts
from .network import RESOLVER
from .trust import trust
from .trust.bundles import find_bundles, find_java_stores

type Step = Callable[[str], AbstractContextManager[None]]

_HOSTS_LINE = re.compile(rb"^hosts:.*$", re.MULTILINE)


class StepError(Exception):
    """One step of sealing failed: which, and the system's own words."""

    def __init__(self, step_name: str, error: Exception) -> None:
        self.step = step_name
        self.number = error.errno if isinstance(error, OSError) else None
        words = str(error)
        if isinstance(error, OSError) and error.strerror:
            words = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        super().__init__(words)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say which step an error came from."""
    try:
        yield
    except StepError:
        raise
    except Exception as error:
        raise StepError(name, error) from error


class Survey(msgspec.Struct, frozen=True):
    """What has to be found before anything is covered. Made while the parent is still busy with its own start."""

    sockets: Sequence[str]
    socket_directories: Sequence[str]
    bundles: Sequence[str]
    java_stores: Sequence[str]
    terminal: str | None
    tree: Sequence[mounts.MountPoint]

    @classmethod
    def make(cls, command: Sequence[str], env: Mapping[str, str], cwd: str, listening: list[str]) -> "Survey":
        """Look around in the mount namespace as it still is."""
        tree = list(mounts.mount_points())
        # A file that is mounted by itself may be a socket from elsewhere: `docker run -v /run/docker.sock:/any/name`.
        found = [*listening, *(mount.path for mount in tree), *hide.sockets_in(_places(env, cwd))]
        return cls(
            sockets=list(hide.sockets(env, found)),
            socket_directories=list(hide.socket_directories(env.get("HOME", ""))),
            bundles=find_bundles(command, env, cwd),
            java_stores=find_java_stores(env),
            terminal=_terminal(),
            tree=tree,
        )


def furnish(survey: Survey, ca_pem: bytes, hidden: Sequence[str], read_only: Sequence[str]) -> dict[str, str]:
    """Rearrange the mount namespace; the variables that clients need to trust us. Raises StepError."""
    uid, gid = os.getuid(), os.getgid()
    with step("reading the CA certificate"):
        bundles = trust.Bundles.build(ca_pem, trust.system_roots())
        nsswitch = _nsswitch()
    covered = [alias for path in hidden for alias in mounts.aliases(path, survey.tree)]
    kept = [alias for path in read_only for alias in mounts.aliases(path, survey.tree)]
    resolv_conf = os.path.realpath("/etc/resolv.conf")
    with step("keeping mounts private"):
        mounts.private_tree()
    with step("an empty /run"):
        mounts.cover_run(uid)
    blanks = mounts.Blanks()
    with step("a /dev of its own"):
        mounts.own_devices(survey.terminal)
    with step("a fresh /proc"):
        mounts.own_proc(gid)
    with step("a read-only /sys"):
        mounts.restrict_others(root=uid == 0)
    with step("protecting rules"):
        for path in kept:
            if os.path.exists(path):
                mounts.bind_file(path, path)
    with step("hiding childproof's own files"):
        for path in covered:
            blanks.hide(path)
    with step("hiding sockets"):
        for path in (*survey.socket_directories, *survey.sockets):
            for alias in mounts.aliases(path, survey.tree):
                blanks.hide(alias)
    with step("binding the resolver"):
        _bind_resolver(resolv_conf, nsswitch)
    with step("binding the CA"):
        names = _bind_trust(bundles, survey)
    with step("closing childproof's own files"):
        mounts.close_own_files()
    return names


def _places(env: Mapping[str, str], cwd: str) -> list[str]:
    """Where people and programs put sockets of their own."""
    named = (env.get(name, "") for name in ("HOME", "TMPDIR"))
    return [cwd, *(path for path in named if path.startswith("/")), "/tmp", "/var/tmp"]  # noqa: S108 (to look, not to write)


def _bind_resolver(resolv_conf: str, nsswitch: bytes | None) -> None:
    # Nothing is lost on a loopback: who waits, waits for a proxy that has much to do. One that is gone refuses at once.
    source = mounts.own_file("resolv.conf", f"nameserver {RESOLVER}\noptions timeout:5 attempts:4\n".encode())
    if resolv_conf.startswith(("/run/", "/var/run/")):
        # It was a file of systemd-resolved or resolvconf, under what is empty now.
        os.makedirs(os.path.dirname(resolv_conf), exist_ok=True)
        Path(resolv_conf).touch()
    if os.path.exists(resolv_conf):
        # Without the file a resolver asks 127.0.0.1, and port 53 there is ours as well.
        mounts.bind_file(source, resolv_conf)
    if nsswitch is not None:
        mounts.bind_file(mounts.own_file("nsswitch.conf", nsswitch), os.path.realpath("/etc/nsswitch.conf"))


def _nsswitch() -> bytes | None:
    """nsswitch.conf with names looked up in /etc/hosts and by DNS alone; None where it says so already."""
    try:
        content = Path("/etc/nsswitch.conf").read_bytes()
    except OSError:
        return None
    changed = _HOSTS_LINE.sub(b"hosts: files dns", content)
    sources = [line.split()[1:] for line in _HOSTS_LINE.findall(content)]
    return None if all(source == [b"files", b"dns"] for source in sources) else changed


def _bind_trust(bundles: trust.Bundles, survey: Survey) -> dict[str, str]:
    bare = mounts.own_file("ca.pem", bundles.bare)
    merged = mounts.own_file("bundle.pem", bundles.merged)
    for path in survey.bundles:
        if os.path.exists(path):
            mounts.bind_file(merged, path)
    if survey.java_stores:
        store = mounts.own_file("cacerts.jks", bundles.java())
        for path in survey.java_stores:
            if os.path.exists(path):
                mounts.bind_file(store, path)
    return trust.variables(bare, merged)


def _terminal() -> str | None:
    for descriptor in (0, 1, 2):
        try:
            return os.ttyname(descriptor)
        except OSError:
            continue
    return None
