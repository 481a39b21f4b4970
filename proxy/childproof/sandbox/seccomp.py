"""The filter on system calls: ways out that no network namespace closes.

- Socket families: only unix, IPv4, IPv6, netlink and the kernel's crypto. `AF_VSOCK` above all: it reaches the
  hypervisor from any namespace of a virtual machine.
- io_uring: opens sockets without a system call that a filter would see.
- The keyring calls: `request_key("dns_resolver", …)` has the kernel resolve a name *outside*, and keyrings are shared
  with the user's other sessions.
- `TIOCSTI` and `TIOCLINUX`: type into the terminal that is shared with the user's shell, which would run it after us.

Everything else is left to the kernel's ordinary checks: the process has no capability and can't gain any.
"""

import errno
import platform
import struct
from collections.abc import Iterable, Iterator

import msgspec

from childproof.errors import SandboxError

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENT_0, _ARGUMENT_1 = 0, 4, 16, 24  # offsets in struct seccomp_data (low halves)
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_X32_BIT = 0x40000000

_FAMILIES = (1, 2, 10, 16, 38)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_ALG
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX


class _Calls(msgspec.Struct, frozen=True):
    """One architecture's audit number and its system call numbers; `missing` are answered as if they didn't exist."""

    audit: int
    socket: int
    ioctl: int
    missing: tuple[int, ...]


_X86_64 = _Calls(0xC000003E, 41, 16, (425, 248, 249, 250))
_I386 = _Calls(0x40000003, 359, 54, (425, 286, 287, 288, 102))  # 102: socketcall hides the family behind a pointer
_AARCH64 = _Calls(0xC00000B7, 198, 29, (425, 217, 218, 219))
_ARM = _Calls(0x40000028, 281, 54, (425, 309, 310, 311))
_RISCV64 = _Calls(0xC00000F3, 198, 29, (425, 217, 218, 219))

_MACHINES = {"x86_64": (_X86_64, _I386), "aarch64": (_AARCH64, _ARM), "riscv64": (_RISCV64,)}


def filter_program(machine: str | None = None) -> bytes:
    """The filter for this machine as classic BPF. Raises SandboxError for a processor whose numbers we don't know."""
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        raise SandboxError(f"childproof can't filter system calls on this processor ({machine}).")
    program = [(_LOAD, 0, 0, _ARCHITECTURE)]
    for calls in _MACHINES[machine]:
        block = list(_block(calls))
        # A conditional jump reaches 255 instructions, which is far more than a block has.
        program += [(_EQUAL, 0, len(block), calls.audit), *block]
    program.append(_refuse(errno.ENOSYS))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def without_family(family: int, machine: str | None = None) -> bytes:
    """A filter that refuses sockets of one family and nothing else. Raises SandboxError as `filter_program` does."""
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        raise SandboxError(f"childproof can't filter system calls on this processor ({machine}).")
    program = [(_LOAD, 0, 0, _ARCHITECTURE)]
    for calls in _MACHINES[machine]:
        body = _by_argument(_ARGUMENT_0, (family,), _refuse(errno.EPERM), _allow())
        block = [(_LOAD, 0, 0, _NUMBER), *_when(calls.socket, body), _allow()]
        program += [(_EQUAL, 0, len(block), calls.audit), *block]
    program.append(_refuse(errno.ENOSYS))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


type _Instruction = tuple[int, int, int, int]


def _block(calls: _Calls) -> Iterator[_Instruction]:
    yield (_LOAD, 0, 0, _NUMBER)
    if calls is _X86_64:
        yield (_AT_LEAST, 0, 1, _X32_BIT)
        yield _refuse(errno.ENOSYS)
    for number in calls.missing:
        yield (_EQUAL, 0, 1, number)
        yield _refuse(errno.ENOSYS)
    yield from _when(calls.socket, _by_argument(_ARGUMENT_0, _FAMILIES, _allow(), _refuse(errno.EAFNOSUPPORT)))
    yield from _when(calls.ioctl, _by_argument(_ARGUMENT_1, _TERMINAL_INJECTION, _refuse(errno.EPERM), _allow()))
    yield _allow()


def _when(number: int, body: Iterable[_Instruction]) -> Iterator[_Instruction]:
    """`body`, which returns, for one system call; all others skip it."""
    instructions = list(body)
    yield (_EQUAL, 0, len(instructions), number)
    yield from instructions


def _by_argument(
    offset: int, values: tuple[int, ...], listed: _Instruction, otherwise: _Instruction
) -> Iterator[_Instruction]:
    yield (_LOAD, 0, 0, offset)
    for value in values:
        yield (_EQUAL, 0, 1, value)
        yield listed
    yield otherwise


def _allow() -> _Instruction:
    return (_RETURN, 0, 0, _ALLOW)


def _refuse(number: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERRNO | number)
