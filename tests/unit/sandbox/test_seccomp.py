"""The filter, run by a small interpreter of classic BPF."""

import errno
import struct

import pytest

from childproof.errors import SandboxError
from childproof.sandbox.seccomp import filter_program

ALLOW = 0x7FFF0000
X86_64, I386, AARCH64 = 0xC000003E, 0x40000003, 0xC00000B7


def run(program, audit, number, *arguments):
    data = struct.pack(
        "=iIQ6Q", number if number < 1 << 31 else number - (1 << 32), audit, 0, *(*arguments, *[0] * 6)[:6]
    )
    instructions = list(struct.iter_unpack("=HBBI", program))
    place, register = 0, 0
    while True:
        code, yes, no, value = instructions[place]
        place += 1
        match code:
            case 0x20:
                (register,) = struct.unpack_from("=I", data, value)
            case 0x15:
                place += yes if register == value else no
            case 0x35:
                place += yes if register >= value else no
            case 0x06:
                return value
            case _:
                raise AssertionError(code)


def refused(number):
    return 0x50000 | number


@pytest.mark.parametrize(
    ("audit", "number", "arguments", "verdict"),
    [
        (X86_64, 41, (2, 1, 0), ALLOW),
        (X86_64, 41, (10, 2, 0), ALLOW),
        (X86_64, 41, (1, 1, 0), ALLOW),
        (X86_64, 41, (16, 3, 0), ALLOW),
        (X86_64, 41, (40, 1, 0), refused(errno.EAFNOSUPPORT)),
        (X86_64, 41, (17, 3, 0), refused(errno.EAFNOSUPPORT)),
        (X86_64, 41, (1 << 32 | 40, 1, 0), refused(errno.EAFNOSUPPORT)),
        (X86_64, 16, (0, 0x5412), refused(errno.EPERM)),
        (X86_64, 16, (0, 1 << 32 | 0x5412), refused(errno.EPERM)),
        (X86_64, 16, (0, 0x541C), refused(errno.EPERM)),
        (X86_64, 16, (0, 0x5413), ALLOW),
        (X86_64, 425, (), refused(errno.ENOSYS)),
        (X86_64, 249, (), refused(errno.ENOSYS)),
        (X86_64, 0x40000000 | 41, (2, 1, 0), refused(errno.ENOSYS)),
        (X86_64, 59, (), ALLOW),
        (I386, 359, (40, 1, 0), refused(errno.EAFNOSUPPORT)),
        (I386, 359, (2, 1, 0), ALLOW),
        (I386, 102, (1, 0), refused(errno.ENOSYS)),
        (I386, 54, (0, 0x5412), refused(errno.EPERM)),
        (I386, 41, (40, 1, 0), ALLOW),  # dup there
        (AARCH64, 198, (2, 1, 0), refused(errno.ENOSYS)),  # no architecture of this machine
    ],
)
def test_verdicts_of_an_x86_machine(audit, number, arguments, verdict):
    assert run(filter_program("x86_64"), audit, number, *arguments) == verdict


@pytest.mark.parametrize("machine", ["aarch64", "riscv64"])
def test_other_machines_have_their_own_numbers(machine):
    audit = {"aarch64": AARCH64, "riscv64": 0xC00000F3}[machine]
    program = filter_program(machine)
    assert run(program, audit, 198, 2, 1, 0) == ALLOW
    assert run(program, audit, 198, 40, 1, 0) == refused(errno.EAFNOSUPPORT)
    assert run(program, audit, 29, 0, 0x5412) == refused(errno.EPERM)
    assert run(program, X86_64, 41, 2, 1, 0) == refused(errno.ENOSYS)


def test_an_unknown_processor_is_not_sealed():
    with pytest.raises(SandboxError, match="m68k"):
        filter_program("m68k")
