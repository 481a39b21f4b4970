"""System calls that Python lacks, each as a function that raises OSError, and the constants they take."""

import ctypes
import os
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_RELATIME = 1 << 21

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_SECCOMP = 22
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECCOMP_MODE_FILTER = 2
# NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off and NO_CAP_AMBIENT_RAISE, all of them locked: uid 0 means nothing from here on.
_SECUREBITS = 0b11101111
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_POSSIBLE_CAPABILITY = 63

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount, bind, move or remount; the error names the target."""
    result = _libc.mount(
        os.fsencode(source), os.fsencode(target), kind.encode() or None, flags, options.encode() or None
    )
    if result != 0:
        _fail(target)


def restrict(target: str, flags: int) -> None:
    """Add flags to one mount point, keeping those that it has (an unprivileged mount can't lose any)."""
    mount("none", target, flags=MS_REMOUNT | MS_BIND | flags | _present_flags(target))


def read_only(target: str) -> None:
    """Make one mount point read-only."""
    restrict(target, MS_RDONLY)


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this signal when the parent is gone (PR_SET_PDEATHSIG)."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def hide_from_tracers() -> None:
    """Make /proc/self, and this process for ptrace, inaccessible to processes of the same user (PR_SET_DUMPABLE)."""
    _prctl(_PR_SET_DUMPABLE, 0)


def no_new_privileges() -> None:
    """From here on no exec gains anything: set-user-id bits and file capabilities are ignored."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Empty every capability set, the bounding set included, for this process and all that it will start."""
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(_LAST_POSSIBLE_CAPABILITY + 1):
        if _libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) < 0:
            break  # past the last one that this kernel knows
        _prctl(_PR_CAPBSET_DROP, capability)
    _prctl(_PR_SET_SECUREBITS, _SECUREBITS)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    if _libc.capset(header, struct.pack("=6I", *[0] * 6)) != 0:
        _fail("capset")


def install_filter(program: bytes) -> None:
    """Install a seccomp filter (classic BPF, 8 bytes an instruction); no_new_privileges() must come before."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    description = Program(len(program) // 8, program)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(description))


def _present_flags(target: str) -> int:
    flags = os.statvfs(target).f_flag
    present = 0
    # statvfs and mount number these alike but for relatime.
    for bit in (MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME):
        present |= flags & bit
    return present | (MS_RELATIME if flags & 4096 else 0)


def _prctl(option: int, *arguments: int) -> None:
    padded = [*arguments, 0, 0, 0, 0][:4]
    if _libc.prctl(option, *padded) != 0:
        _fail(f"prctl({option})")


def _fail(what: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), what)
