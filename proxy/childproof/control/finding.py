"""What a request means by its texts: a call of a world by number, id or time, a clock. Raises Problem, with the field."""

import re
from typing import NoReturn

from childproof.errors import AskedError
from childproof.ledger import Entry
from childproof.world import ClockSettings
from childproof.world.written import CLOCKS, read_clock, read_time

from .desk import Desk
from .problems import Mistake, Problem, not_found

_ID = re.compile(r"(?:call_)?[0-9a-f]{1,16}")
MOST = 2**63 - 1  # the largest number that the store knows


def invalid(pointer: str, found: str, expected: str, write: str = "") -> NoReturn:
    """Raise the Problem of one value that doesn't fit."""
    mistake = Mistake(pointer, found, expected, write)
    raise Problem(422, "invalid", f"{found}; expected {expected}", mistakes=[mistake])


def clock_settings(text: str, pointer: str) -> ClockSettings:
    """A clock as people write it."""
    try:
        return read_clock(text)
    except ValueError as error:
        invalid(pointer, str(error), CLOCKS, "frozen@2026-01-05T09:00:00Z")


def call_number(desk: Desk, world: str, at: str | int, pointer: str) -> int:
    """A call's number, its id or the beginning of one, or a time of the world: the number of a call that there is."""
    text = str(at)
    try:
        if not (text.isascii() and text.isdecimal()):
            return _named(desk, world, text, pointer)
        number = min(int(text[:25]), MOST)  # which no world will have made
        with desk.store.world(world).view(at=number):
            return number
    except AskedError as error:
        mistake = Mistake(pointer, repr(text[:100]), "a call that the world has made", "GET its calls")
        raise Problem(409, "no_such_call", _without_file(desk, str(error)), mistakes=[mistake]) from None


def _named(desk: Desk, world: str, text: str, pointer: str) -> int:
    expected = "a call's number or id, or a time of the world"
    found = desk.ledger.find(text, world=world) if text else []
    exact = [entry for entry in found if text in (entry.id, entry.id.removeprefix("call_"))]
    if len(found) == 1 or exact:
        return (exact or found)[0].seq
    if found:
        said = f"{len(found)} or more calls begin with {text[:100]!r}"
        raise Problem(409, "ambiguous", said, mistakes=[Mistake(pointer, said, "more of one id", found[0].id)])
    if _ID.fullmatch(text):
        raise AskedError(f"world {world} has no call {text}")
    try:
        time = read_time(text)
    except ValueError:
        invalid(pointer, f"{text[:100]!r} is no call of this world", expected, "41 or 2026-01-05T09:00:00Z")
    if abs(time) > MOST:
        invalid(pointer, text[:100], expected)
    return desk.store.call_at(world, time)


def call_of(desk: Desk, world: str | None, wanted: str, pointer: str = "call") -> Entry:
    """The entry of a world's call by its id or number; of any world's by its id. Raises Problem (404, at `pointer`)."""
    number = int(wanted[:25]) if wanted.isascii() and wanted.isdecimal() else None
    found = None
    if world is not None and number is not None and 0 < number <= MOST:
        found = desk.ledger.at(world, number)
    if found is None and wanted and (number is None or world is None):
        listed = desk.ledger.find(wanted, world=world)
        found = next((one for one in listed if wanted in (one.id, one.id.removeprefix("call_"))), None)
    if found is None:
        raise not_found("call", wanted, "GET the world's calls lists them", pointer=pointer)
    return found


def refused(desk: Desk, error: AskedError) -> Problem:
    """A well store that can't do what was asked of it."""
    return Problem(409, "refused", _without_file(desk, str(error)))


def _without_file(desk: Desk, text: str) -> str:
    """The store's words, for somebody who knows of no file."""
    return text.removeprefix(f"{desk.store.path} ")
