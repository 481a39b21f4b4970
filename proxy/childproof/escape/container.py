"""A container without a container engine: a process with mounts, processes, IPC and a host name of its own.

What Kubernetes and the engines do for a container of a pod, done by the kernel's own calls: a root file system that holds
the machine's programs, this Python and childproof and nothing else of the machine; volumes; `/proc` as engines show it; a
user, capabilities, `no_new_privs`. The network namespace is the caller's, or another one. Only a real root can do it.
"""

import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

import childproof
from childproof.sandbox import linux, seccomp

# linux/capability.h
CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP = 0, 1, 3, 4, 5, 6, 7, 8
NET_BIND_SERVICE, NET_ADMIN, NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP = 10, 12, 13, 18, 27, 29, 31
# What Docker and containerd give where a manifest says nothing of capabilities.
ENGINE_DEFAULTS = frozenset({
    CHOWN, DAC_OVERRIDE, FSETID, FOWNER, MKNOD, NET_RAW, SETGID, SETUID, SETFCAP, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT,
    KILL, AUDIT_WRITE,
})  # fmt: skip

_NEWUTS, _NEWPID = 0x04000000, 0x20000000
_MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155}  # everywhere else it is the generic table's
_LAST_CAPABILITY = 63
_PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_SET_KEEPCAPS = 23, 24, 8
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
# Of /etc what programs need to run: the rest is the machine's own business.
_SETTINGS = ("alternatives", "group", "hosts", "ld.so.cache", "localtime", "nsswitch.conf", "passwd", "protocols", "services", "ssl")  # fmt: skip
# As the OCI runtime specification has them for /proc.
_MASKED = ("kcore", "keys", "timer_list", "sched_debug", "scsi")
_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


class Mount(msgspec.Struct, frozen=True):
    """A folder or file of the machine at a place in the container."""

    source: Path
    target: str
    read_only: bool = True


class Container(msgspec.Struct, frozen=True):
    """What a manifest says of one container.

    `capabilities` bound what it can ever have: root has them, another user only those in `ambient`. `root` is an unpacked
    image; without one there are the machine's programs. `network` is a process in another network namespace.
    """

    name: str
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    capabilities: frozenset[int] = frozenset()
    ambient: frozenset[int] = frozenset()
    no_new_privileges: bool = True
    mounts: tuple[Mount, ...] = ()
    empty: tuple[str, ...] = ("/tmp",)  # noqa: S108 (folders in memory of its own, for everybody in it to write)
    environ: Mapping[str, str] = msgspec.field(default_factory=dict)
    directory: str = "/"
    root: Path | None = None
    read_only_root: bool = True
    network: int | None = None

    def start(self, command: Sequence[str], **more: Any) -> subprocess.Popen[str]:
        """Start its first process; `more` is Popen's. It ends with the caller. Raises OSError where the kernel refuses."""
        own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        stage = tempfile.mkdtemp(prefix="childproof-container-")
        try:
            os.unshare(_NEWPID)  # for the next child; what follows takes it back
            return subprocess.Popen(  # noqa: S603
                command,
                env={**_environ(), **self.environ},
                preexec_fn=lambda: self._become(stage),  # noqa: PLW1509 (it takes no lock that a thread could hold)
                text=True,
                **more,
            )
        except subprocess.SubprocessError as error:
            raise OSError(f"the container {self.name} can't be made; see standard error") from error
        finally:
            os.setns(own, _NEWPID)
            os.close(own)
            os.rmdir(stage)

    def run(self, command: Sequence[str], **more: Any) -> subprocess.CompletedProcess[str]:
        """Start it, wait for its end, and tell what it said."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        with self.start(command, **streams) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def _become(self, stage: str) -> None:
        """Runs between fork and exec."""
        try:
            if self.network is not None:
                with open(f"/proc/{self.network}/ns/net", "rb") as file:
                    os.setns(file.fileno(), linux.CLONE_NEWNET)
            os.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWIPC | _NEWUTS)
            socket.sethostname(self.name)
            self._furnish(stage)
            os.chdir(self.directory)
            self._give_up()
        except Exception as error:
            os.write(2, f"container {self.name}: {error!r}\n".encode())
            raise

    def _furnish(self, stage: str) -> None:
        linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
        image = programs() if self.root is None else []
        # A checkout may lie where the container has an empty folder or a volume: it is put back above that.
        covered = (*self.empty, *(one.target for one in self.mounts))
        above = [path for path in image if any(Path(path).is_relative_to(folder) for folder in covered)]
        if self.root is None:
            linux.mount("none", stage, "tmpfs", options="mode=755")
            for path in image:
                if path not in above:
                    _bind(path, stage + path, read_only=True)
        else:
            linux.mount(str(self.root), stage, flags=linux.MS_BIND)
        _kernel_file_systems(stage)
        for folder in (*self.empty, "/dev/shm"):  # noqa: S108
            Path(stage + folder).mkdir(parents=True, exist_ok=True)
            linux.mount("none", stage + folder, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=1777")
        for one in (Mount(Path("/etc/resolv.conf"), os.path.realpath("/etc/resolv.conf")), *self.mounts):
            _bind(str(one.source), stage + one.target, read_only=one.read_only)
        for path in above:
            _bind(path, stage + path, read_only=True)
        if self.read_only_root:
            linux.read_only(stage)
        os.chdir(stage)
        if (
            libc.syscall(_PIVOT_ROOT.get(os.uname().machine, 41), b".", b".") != 0
            or libc.umount2(b".", _MNT_DETACH) != 0
        ):
            raise OSError(ctypes.get_errno(), "pivot_root")

    def _give_up(self) -> None:
        """Its user and capabilities, and what no exec may gain."""
        # As the engines' default profiles have it: no namespace holds AF_VSOCK.
        linux.install_filter(seccomp.without_family(socket.AF_VSOCK))
        for capability in range(_LAST_CAPABILITY + 1):
            if capability in self.capabilities:
                continue
            if libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) < 0:
                break
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.setgroups(self.groups)
        os.setgid(self.gid)
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setuid(self.uid)
        keep = self.capabilities if self.uid == 0 else self.ambient
        low, high = (sum(1 << n % 32 for n in keep if n // 32 == half) for half in (0, 1))
        inherited = sum(1 << n for n in self.ambient)
        header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
        if libc.capset(header, struct.pack("=6I", low, low, inherited, high, high, 0)) != 0:
            raise OSError(ctypes.get_errno(), "capset")
        for capability in self.ambient:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)
        if self.no_new_privileges:
            linux.no_new_privileges()
        linux.die_with_parent(signal.SIGKILL)


def _environ() -> dict[str, str]:
    """Where programs and modules are, and nothing else of the caller's."""
    given = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {"HOME": "/tmp", "LANG": "C.UTF-8", **given}  # noqa: S108


def programs() -> list[str]:
    """The machine's folders that make an image: its programs, this Python, and childproof with its stubs and rules."""
    package = Path(childproof.__file__).resolve().parent
    source = package.parents[1]
    ours = source if (source / "pyproject.toml").exists() else package.parent
    found: list[str] = []
    settings = (f"/etc/{name}" for name in _SETTINGS)
    for path in (*_PROGRAMS, *settings, sys.base_prefix, sys.prefix, str(ours)):
        above = [one for one in found if Path(path).is_relative_to(one)]
        if Path(path).exists() and not above:
            found.append(path)
    return found


def _bind(source: str, target: str, *, read_only: bool) -> None:
    """A link (`/bin` on most systems) stays one."""
    if os.path.islink(source) and not os.path.lexists(target):
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    linux.mount(source, target, flags=linux.MS_BIND)
    if read_only:
        linux.read_only(target)


def _kernel_file_systems(stage: str) -> None:
    """`/proc`, `/sys` and `/dev` as a container has them."""
    for folder in ("proc", "sys", "dev"):
        Path(stage, folder).mkdir(exist_ok=True)
    linux.mount("proc", f"{stage}/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    for name in _READ_ONLY:
        with contextlib.suppress(FileNotFoundError):
            _bind(f"{stage}/proc/{name}", f"{stage}/proc/{name}", read_only=True)
    for name in _MASKED:
        path = Path(stage, "proc", name)
        if path.is_dir():
            linux.mount("none", str(path), "tmpfs", linux.MS_RDONLY)
        elif path.exists():
            linux.mount("/dev/null", str(path), flags=linux.MS_BIND)
    linux.mount("sysfs", f"{stage}/sys", "sysfs", linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    linux.mount("none", f"{stage}/dev", "tmpfs", linux.MS_NOSUID, "mode=755")
    for name in _DEVICES:
        _bind(f"/dev/{name}", f"{stage}/dev/{name}", read_only=False)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"{stage}/dev/{name}")
