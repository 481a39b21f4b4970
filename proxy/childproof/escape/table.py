"""The table's rows: an attempt, the part of the matrix it belongs to, and how it must end wherever it is made."""

import inspect
from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from .lines import AREAS, PARTS, line_of
from .ways import Way


class Manner(StrEnum):
    """How a client's calls get in: it dials anything and is caught, or it asks a proxy.

    Caught in a network of its own (`direct`), or in one that it shares with the proxy (`shared`); there also with the
    capabilities that container engines give where nobody takes them (`capable`).
    """

    DIRECT = "direct"
    PROXIED = "proxied"
    SHARED = "shared"
    CAPABLE = "capable"


class Closed(msgspec.Struct, frozen=True):
    """The attempt is stopped: it sees an answer that begins with one of `answers`, and the ledger says what it was.

    `record` must be found in `target · reason` of an entry with this verdict. `reached` are the requests that may get
    to the sinkhole all the same, and must: `GET host/path`, one for each. `unless` are beginnings of answers that mean
    that this machine has no such thing to try.
    """

    answers: tuple[str, ...]
    record: str = ""
    verdict: str = "deny"
    reached: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


class Elsewhere(msgspec.Struct, frozen=True):
    """It is stopped, and takes more than a client to try: `test` of the repository holds it, `FILE::NAME`."""

    test: str


class Open(msgspec.Struct, frozen=True):
    """It can't be closed there, and `why`."""

    why: str


class Absent(msgspec.Struct, frozen=True):
    """There is nothing to try there, and `why`."""

    why: str


ALIKE = Absent("no capability changes what a call says: see pod")
Ending = Closed | Elsewhere | Open | Absent
Make = Callable[[Way], object]


class Attempt(msgspec.Struct, frozen=True):
    """One row. `make` returns what the client saw, or raises; None where the test that holds it makes it."""

    part: str
    name: str
    make: Make | None
    endings: Mapping[Manner, Ending]

    @property
    def about(self) -> str:
        """What is tried, in words."""
        doc = inspect.getdoc(self.make) if inspect.isfunction(self.make) else None
        return doc or self.name.replace("_", " ")


ATTEMPTS: dict[str, Attempt] = {}


def add(part: str, name: str, make: Make | None, **endings: Ending) -> None:
    """Add a row: an ending for each manner, by its name; `direct` and `proxied` at least.

    Raises ValueError for a part that the matrix hasn't, or a name that is taken.
    """
    if part not in PARTS or name in ATTEMPTS:
        raise ValueError(f"{part} {name}: no such part, or a name twice")
    known = {Manner(manner): ending for manner, ending in endings.items()}
    known.setdefault(Manner.SHARED, known[Manner.DIRECT])
    known.setdefault(Manner.CAPABLE, known[Manner.SHARED] if line_of(part) in AREAS["Routing"] else ALIKE)
    ATTEMPTS[name] = Attempt(part, name, make, known)


def attempt(part: str, both: Ending | None = None, **endings: Ending) -> Callable[[Make], Make]:
    """The same as a decorator: the row takes the function's name. `both` ends it alike in every manner."""
    common = {Manner.DIRECT.value: both, Manner.PROXIED.value: both} if both else {}

    def decorate(make: Make) -> Make:
        add(part, getattr(make, "__name__", ""), make, **{**common, **endings})
        return make

    return decorate


def denied(record: str) -> Closed:
    """An HTTP call that is denied in HTTP's words."""
    return Closed(("HTTP/1.1 403",), record)


def malformed(record: str) -> Closed:
    """What is no proper HTTP, or names no host."""
    return Closed(("HTTP/1.1 400", "Refused: HTTP/1.1 400"), record)


def reset(record: str) -> Closed:
    """What is neither HTTP nor mail: the connection is reset, or the tunnel refused."""
    return Closed(("reset", "ConnectionResetError", "Refused: HTTP/1.1 403"), record)


AROUND = Open(
    "a client that leaves the proxy out is not seen: only where connections are caught is there no other way out"
)
UNCONTAINED = Open("the client is a process like any other: what its user may do, it may do")
NO_PROXY = Absent("there is no proxy to speak to inside: every connection is caught as it is")
