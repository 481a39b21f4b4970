"""What can go wrong, sorted by who must act.

An operator's or stub author's mistake is an `InputError`: a list of faults, each with the place, what was found,
what was expected and the line to write instead. The command line prints them. Whatever a sandbox does is never an
exception here; it becomes a denial. Any other exception is a bug of ours: deny, record, continue.

Each class says which exit code it ends a command with (`exit_code`), so that a deployment can tell whom to wake; the codes are
in docs/configuration.md.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

BUG = 70  # the exit code for an exception that nobody meant (EX_SOFTWARE of sysexits.h)


class ChildproofError(Exception):
    """The base of every error that childproof raises on purpose."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in something that a person wrote.

    `line` and `column` count from 1; 0 means that the fault has no place within the file. `write` is the text to
    write instead, empty where there is no single answer.
    """

    file: str
    line: int
    column: int
    found: str
    expected: str
    write: str = ""

    def __str__(self) -> str:
        place = self.file if not self.line else f"{self.file}:{self.line}:{self.column}"
        text = f"{place}: {self.found}; expected {self.expected}"
        return f"{text}\n    write: {self.write}" if self.write else text


class InputError(ChildproofError):
    """A rule file, a stub, a case, a configuration or an option is wrong. Holds every fault found, in order."""

    exit_code = 2

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))

    @classmethod
    def single(cls, file: str | Path, found: str, expected: str, write: str = "") -> Self:
        """An error with one fault that concerns a whole file or option."""
        return cls([Fault(str(file), 0, 0, found, expected, write)])


def unreadable(path: Path, error: OSError, expected: str, *, shown: str = "") -> InputError:
    """Why a file or folder that a person named can't be read. `expected` is what should be there, `shown` how to call it.

    Where this user may not, the fault says who that is, and opens what is in the way: often a folder above.
    """
    found, write = f"can't be read: {error.strerror or error}", ""
    if isinstance(error, PermissionError):
        expected += f" that this user may read (uid {os.geteuid()})"
        here = path.absolute()
        above = next((str(folder) for folder in reversed(here.parents) if not _enters(folder)), "")
        write = f"chmod a+rx {above or here}" if above or here.is_dir() else f"chmod a+r {here}"
    return InputError.single(shown or path, found, expected, write)


def _enters(folder: Path) -> bool:
    return os.access(folder, os.X_OK, effective_ids=os.access in os.supports_effective_ids)


class ListenError(InputError):
    """Addresses that can't be listened on: in use, not permitted, not this machine's. Holds all of them."""

    exit_code = 3


class StoreError(ChildproofError):
    """The database or state can't be opened, written or trusted. The message names the file and what to do."""

    exit_code = 4


class AskedError(StoreError):
    """The store is well, and what was asked of it can't be done: a world that isn't there, a name that is taken."""

    exit_code = 1


class WorldGoneError(StoreError):
    """A world that was in use isn't there any more. Nothing was done in it."""


class SandboxError(ChildproofError):
    """The kernel, or who runs it, doesn't allow what containing takes. One sentence for the user, with the way out."""

    exit_code = 5


class CheckError(ChildproofError):
    """What was set up doesn't hold, or isn't there: a check that was asked for failed. The message says which."""

    exit_code = 6


class ServerGoneError(ChildproofError):
    """The server that served a sandbox has gone, and the sandbox with it."""

    exit_code = 7
