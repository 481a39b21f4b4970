"""What the commands share that read a database: finding it, opening it, and text that is safe to show."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from childproof.errors import ChildproofError, InputError, StoreError
from childproof.ledger import Entry, Ledger
from childproof.model.text import printable
from childproof.world import Store

from .options import milliseconds
from .unasked import say_unasked

if TYPE_CHECKING:
    from .records import Records


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--db, as the commands that write it have it."""
    return click.option("--db", metavar="FILE", help="The database of worlds and ledger [default: childproof.db].")(
        command
    )


@contextmanager
def open_ledger(db: str | None) -> Iterator[tuple[Store, Ledger]]:
    """The configured database, for reading, also while another process writes it. Raises StoreError."""
    path = db or _configured()
    with Store.open(path, wall=_no_clock, readonly=True) as store:
        yield store, Ledger(store.connection, lock=store.lock)


@contextmanager
def open_worlds(db: str | None, *, create: bool = False) -> Iterator[tuple[Store, Ledger]]:
    """The configured database, for writing, also beside a process that uses it. Raises StoreError.

    Where there is none, only `create` makes one: a mistyped name is no new database.
    """
    from childproof.run.compose import wall_clock  # noqa: PLC0415 (the engine's imports: only where time matters)

    path = db or _configured()
    if not create and not Path(path).is_file():
        raise StoreError(f"{path}: there is no such file; `childproof run` makes it, --db names another")
    with Store.open(path, wall=wall_clock) as store:
        yield store, Ledger(store.connection, lock=store.lock)


def call_number(store: Store, ledger: Ledger, world: str, text: str) -> int:
    """What `--at` names: a call's number, its id or the beginning of one, or a time of the world in ISO 8601.

    Raises StoreError for what isn't there, InputError for what is none of these.
    """
    if text.isdecimal():
        return int(text)
    found = ledger.find(text, world=world)
    exact = [entry for entry in found if text in (entry.id, entry.id.removeprefix("call_"))]
    if len(found) == 1 or exact:
        return (exact or found)[0].seq
    if found:
        some = "\n".join(f"  {entry.id}  call {entry.seq}  {printable(entry.target)}" for entry in found)
        raise StoreError(
            f"{len(found)} or more calls of {world} begin with {text!r}; write more of one of these:\n{some}"
        )
    try:
        time = milliseconds(text)
    except ValueError:
        raise InputError.single(
            "--at",
            f"{text!r}: world {world} has no such call",
            "a call's number, its id or the beginning of one, or a time",
            "--at 41, --at call_5f1c or --at 2026-01-05T09:00:00Z",
        ) from None
    return store.call_at(world, time)


def find_call(records: "Records", call: str, world: str | None) -> Entry:
    """The entry that a person means by an id, the beginning of one, or a number in its world. Raises ChildproofError."""
    names = records.names()
    if world is not None:
        records.branch(world)  # says which there are, if not this one
    number = call.isdecimal() and len(call) <= _LONGEST_NUMBER
    if number:
        owners = [world] if world is not None else names
        if len(owners) > _WORLDS:
            raise ChildproofError(f"call {call} of which world? Add --world; `childproof world list` lists them")
        numbered = {entry.id: entry for name in owners if (entry := records.at(name, int(call))) is not None}
        if len(numbered) == 1:
            return next(iter(numbered.values()))
        if numbered:
            some = "\n".join(f"  {entry.world}  {printable(entry.target)}" for entry in numbered.values())
            raise ChildproofError(f"call {call} of which world? Add --world with one of these:\n{some}")
    # A few digits are a number: the id that happens to begin with them is not what anybody means.
    found = records.beginning(call) if call and not (number and len(call) < _SHORTEST_ID) else []
    exact = [entry for entry in found if call in (entry.id, entry.id.removeprefix("call_"))]
    if len(found) == 1 or exact:
        return (exact or found)[0]
    if found:
        some = "\n".join(f"  {entry.id}  {printable(entry.target)}" for entry in found)
        raise ChildproofError(f"{len(found)} or more calls begin with {call!r}; write more of one of these:\n{some}")
    where = f"world {world}" if world is not None else f"worlds: {', '.join(names) or 'none'}"
    raise ChildproofError(f"{records.place} has no call {call!r} ({where}); `childproof log` lists the calls")


_SAID = f"{__name__}.said"
_LONGEST_NUMBER = 9  # digits of a call's number
_SHORTEST_ID = 6  # digits that may also be the beginning of an id
_WORLDS = 20  # that are looked into for a number


def duration(microseconds: int) -> str:
    """Microseconds as people read them: `850 µs`, `1.4 ms`, `2.3 s`."""
    if microseconds < 1000:
        return f"{microseconds} µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1000:.1f} ms"
    return f"{microseconds / 1_000_000:.1f} s"


def _configured() -> str:
    """The database of the configuration. A server that the environment names wasn't asked: that is said, once a command."""
    from childproof.run.config.config import load_config  # noqa: PLC0415 (reads YAML: only where no file is named)

    store = load_config(os.environ, Path.cwd()).store
    context = click.get_current_context(silent=True)
    if context is not None and not context.meta.setdefault(_SAID, False):
        context.meta[_SAID] = True
        say_unasked(f"this command looks into {store}", "it asks no server, and --db FILE says that a file is meant")
    return store


def _no_clock() -> int:
    """Reading what was recorded never asks for the time."""
    return 0


__all__ = ["call_number", "duration", "find_call", "open_ledger", "open_worlds", "printable", "store_option"]
