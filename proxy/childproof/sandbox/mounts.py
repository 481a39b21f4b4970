"""The file system as a sealed command sees it: everything of the user's, but no way out through it.

Runs in the sandbox's first process, in its own mount namespace, before the command exists. Every mount made here is
locked for whoever makes a namespace of their own below (mount_namespaces(7)), so nothing can be uncovered again.
"""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from . import linux
from .linux import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC

OWN = "/run/childproof"  # our files inside the sandbox; everything below is read-only to it

_MOVE = 8192
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fuse", "kvm")
_ACCELERATORS = re.compile(r"nvidia.*|dri|kfd|accel|dxg")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# As container runtimes have it: what lets root without capabilities reach the kernel, and what tells of the host.
_PROC_READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "mtrr")
_PROC_EMPTY = ("kcore", "keys", "key-users", "kmsg", "latency_stats", "sched_debug", "timer_list", "timer_stats")
_KERNEL_KINDS = frozenset(
    {
        "proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs", "efivarfs", "bpf", "pstore",
        "binfmt_misc", "selinuxfs", "resctrl",
    }
)  # fmt: skip


class MountPoint(msgspec.Struct, frozen=True):
    """A line of /proc/self/mountinfo: the file system, which part of it is mounted, where, and its kind."""

    device: str
    root: str
    path: str
    kind: str = ""


def private_tree() -> None:
    """Keep every later mount to ourselves."""
    linux.mount("none", "/", flags=MS_REC | MS_PRIVATE)


def cover_run(uid: int) -> None:
    """An empty /run with the few things that programs need there; our own folder in it."""
    links = _links("/run")
    shared = [name for name in ("lock", "shm") if os.path.isdir(f"/run/{name}") and name not in links]
    _tmpfs("/run", "mode=0755,size=64m")
    os.mkdir(OWN, 0o755)
    for name, target in links.items():
        os.symlink(target, f"/run/{name}")  # NixOS has its whole system behind one
    for name in shared:
        os.mkdir(f"/run/{name}")
        os.chmod(f"/run/{name}", 0o1777)  # noqa: S103 (everybody's, as on the host)
    os.makedirs(f"/run/user/{uid}")
    os.chmod(f"/run/user/{uid}", 0o700)
    if os.path.isdir("/var/run") and not os.path.islink("/var/run"):
        _tmpfs("/var/run", "mode=0755,size=16m")


def own_file(name: str, content: bytes) -> str:
    """A file of ours inside the sandbox; its path there."""
    path = f"{OWN}/{name}"
    with open(path, "wb") as file:
        os.fchmod(file.fileno(), 0o444)
        file.write(content)
    return path


def close_own_files() -> None:
    """Make our folder read-only. Files bound elsewhere must have been made so on their own."""
    linux.mount(OWN, OWN, flags=MS_BIND)
    linux.read_only(OWN)


def own_devices(terminal: str | None) -> None:
    """A /dev with harmless devices, accelerators and the command's own terminal, and a private /dev/shm and /dev/pts.

    Without it, root in the sandbox could read and write the machine's disks, and anybody the user's other terminals.
    """
    build = f"{OWN}/dev"
    os.mkdir(build)
    linux.mount("tmpfs", build, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=16m")
    accelerators = [name for name in os.listdir("/dev") if _ACCELERATORS.fullmatch(name)]
    for name in (*_DEVICES, *accelerators):
        source = f"/dev/{name}"
        if not os.path.exists(source):
            continue
        if os.path.isdir(source):
            os.mkdir(f"{build}/{name}")
        else:
            _touch(f"{build}/{name}")
        linux.mount(source, f"{build}/{name}", flags=MS_BIND | MS_REC)
    if terminal:
        _touch(f"{build}/console")
        linux.mount(terminal, f"{build}/console", flags=MS_BIND)
    os.mkdir(f"{build}/pts")
    linux.mount("devpts", f"{build}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    os.mkdir(f"{build}/shm")
    linux.mount("tmpfs", f"{build}/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"{build}/{name}")
    linux.mount(build, "/dev", flags=_MOVE)
    os.rmdir(build)


def own_proc(group: int) -> None:
    """A fresh /proc that knows only the sandbox's processes; the kernel's switches in it are read-only."""
    linux.mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for path, value in (
        # Servers of the sandbox may use any port; pings are to be refused and recorded, not to lack permission.
        ("net/ipv4/ip_unprivileged_port_start", "0"),
        ("net/ipv4/ping_group_range", f"{group} {group}"),
    ):
        with contextlib.suppress(OSError):
            Path(f"/proc/sys/{path}").write_text(value)
    for name in _PROC_READ_ONLY:
        path = f"/proc/{name}"
        if os.path.exists(path):
            linux.mount(path, path, flags=MS_BIND | MS_REC)
            linux.read_only(path)
    for name in _PROC_EMPTY:
        if os.path.exists(f"/proc/{name}"):
            linux.mount("/dev/null", f"/proc/{name}", flags=MS_BIND)


def restrict_others(*, root: bool) -> None:
    """Make the kernel's own file systems read-only wherever they are mounted: uevent helpers, release agents.

    For root also device nodes outside /dev are closed: without capabilities it may still open what it owns.
    """
    for mount in mount_points():
        # What is listed below these two is covered by now, and what covers it was made just so.
        if _within(mount.path, "/proc") or _within(mount.path, "/dev"):
            continue
        of_kernel = mount.kind in _KERNEL_KINDS or _within(mount.path, "/sys")
        if not (of_kernel or root):
            continue
        try:
            linux.restrict(mount.path, (MS_RDONLY if of_kernel else 0) | MS_NODEV)
        except OSError as error:
            # What this user can't even look up, the command can't either; what is covered or gone neither.
            if error.errno not in (errno.EACCES, errno.ENOENT):
                raise


def bind_file(source: str, target: str) -> None:
    """Put one file in place of another, read-only."""
    linux.mount(source, target, flags=MS_BIND)
    linux.read_only(target)


class Blanks:
    """An empty folder and an empty file to put over what is hidden."""

    def __init__(self) -> None:
        self._folder = f"{OWN}/nothing"
        os.mkdir(self._folder, 0o555)
        self._file = own_file("empty", b"")

    def hide(self, path: str) -> None:
        """Put emptiness over a file, a socket or a folder. What isn't there (any more) needs no hiding."""
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return
        except PermissionError:
            return  # this user can't get there, so the command can't
        try:
            bind_file(self._folder if stat.S_ISDIR(mode) else self._file, path)
        except FileNotFoundError:
            return


def aliases(path: str, mounts: Iterable[MountPoint]) -> list[str]:
    """All paths by which a file or folder is reached: the same file system may be mounted in several places."""
    mounts = list(mounts)
    path = os.path.realpath(path)
    # Of several mounts on one place the last is on top.
    home = max((m for m in reversed(mounts) if _within(path, m.path)), key=lambda m: len(m.path), default=None)
    if home is None:
        return [path]
    inner = _join(home.root, os.path.relpath(path, home.path))
    found = [path]
    for mount in mounts:
        if mount.device == home.device and _within(inner, mount.root):
            other = _join(mount.path, os.path.relpath(inner, mount.root))
            if other not in found and os.path.lexists(other):
                found.append(other)
    return found


def mount_points() -> Iterator[MountPoint]:
    """What is mounted where, as /proc/self/mountinfo tells it (proc_pid_mountinfo(5))."""
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            fields = line.split()
            kind = fields[fields.index(b"-") + 1].decode()  # after a varying number of optional fields
            yield MountPoint(fields[2].decode(), _unescape(fields[3]), _unescape(fields[4]), kind)


def _unescape(field: bytes) -> str:
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match.group(1), 8)]), field))


def _within(path: str, folder: str) -> bool:
    return folder in ("/", path) or path.startswith(folder + "/")


def _join(folder: str, relative: str) -> str:
    return os.path.normpath(os.path.join(folder, relative))


def _links(folder: str) -> dict[str, str]:
    with os.scandir(folder) as entries:
        return {entry.name: os.readlink(entry.path) for entry in entries if entry.is_symlink()}


def _tmpfs(target: str, options: str) -> None:
    linux.mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, options)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
