"""Reading a world file: everything wrong with it at once, with its place; then values that planting can rely on."""

import difflib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from childproof.catalog import Catalog
from childproof.documents import Document, read_yaml, schema_faults
from childproof.errors import Fault, InputError
from childproof.stubkit.invented.people import Crowd
from childproof.stubkit.service import Service
from childproof.world import REAL, ClockSettings
from childproof.world.written import read_duration

from .schema import COMMON, world_schema

_MOST = 5_000_000  # values in one file


class WorldFile(msgspec.Struct, frozen=True):
    """A world file that is right as far as it can be told without planting it.

    `start` is the first call's time (unix milliseconds); `services` and `sections` go by the service's name, in the
    order of the file.
    """

    document: Document
    name: str
    seed: int
    clock: ClockSettings
    start: int
    people: Crowd
    services: Mapping[str, Service]
    sections: Mapping[str, Mapping[str, Any]]


def read_world_file(path: Path, catalog: Catalog, wall: Callable[[], int], *, text: str | None = None) -> WorldFile:
    """Read and check a world file, or a `text` that stands for one.

    Raises InputError with every fault, those of the stubs that it needs among them.
    """
    document, faults = read_yaml(_text(path) if text is None else text, str(path), most=_MOST)
    value = document.value
    if not isinstance(value, dict):
        raise InputError([*faults, document.fault((), "no mapping", "a world file", "world: shop")])
    if "version" in value and "state" in value:
        found = "a file of `childproof world export`"
        raise InputError([document.fault((), found, "a world file", f"childproof world import {path}")])
    services, more = _services(document, catalog)
    faults += more
    schema = world_schema(services.values(), {name: _mapping(value[name]) for name in services}, names=catalog)
    faults += [_nearer(document, fault, catalog) for fault in schema_faults(document, schema)]
    if faults:
        raise InputError(faults)
    clock, start = _clock(document, wall)
    return WorldFile(
        document,
        value["world"],
        value.get("seed", 0),
        clock,
        start,
        _people(document),
        services,
        {name: value[name] for name in services},
    )


def world_name(path: Path) -> str:
    """The name that a file has for its world, all else unchecked. Raises InputError where it has none."""
    document, faults = read_yaml(_text(path), str(path), most=_MOST)
    name = document.value.get("world") if isinstance(document.value, dict) else None
    if faults or not isinstance(name, str):
        raise InputError(faults or [document.fault((), "no 'world'", "the world's name", "world: shop")])
    return name


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError.single(path, f"can't be read: {error.strerror}", "a world file") from None
    except UnicodeDecodeError:
        raise InputError.single(path, "not UTF-8", "a world file") from None


def _services(document: Document, catalog: Catalog) -> tuple[dict[str, Service], list[Fault]]:
    found: dict[str, Service] = {}
    faults: list[Fault] = []
    for name in document.value:
        if name in COMMON or name not in catalog:
            continue
        try:
            found[name] = catalog.get(name).service
        except InputError as error:
            faults.extend(error.faults)
    return found, faults


def _nearer(document: Document, fault: Fault, catalog: Catalog) -> Fault:
    """A service that there is no stub of: say how to bring one."""
    for name in document.value:
        if name in COMMON or name in catalog or fault.found != f"unknown key {name!r}":
            continue
        near = difflib.get_close_matches(name, [*COMMON, *catalog], 1)
        expected = f"one of {', '.join(COMMON)}, or a service: {', '.join(sorted(catalog))}"
        write = f"{near[0]}:" if near else "childproof world seed --stubs DIR, with the stub in DIR"
        return document.fault((name,), fault.found, expected, write)
    return fault


def _mapping(value: Any) -> list[str]:
    return [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []


def _clock(document: Document, wall: Callable[[], int]) -> tuple[ClockSettings, int]:
    """The clock's settings, and the first call's time. Raises InputError for a time that is none."""
    written = document.value.get("clock", {})
    run, now = written.get("run", "real"), wall()
    start: int | None = None
    if "start" in written:
        try:
            moment = datetime.fromisoformat(written["start"])
            start = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        except ValueError:
            found = f"clock.start: {written['start']!r}"
            raise InputError([document.fault(("clock", "start"), found, "a time like 2026-01-05T09:00:00Z")]) from None
    if "offset" in written:
        if start is not None or run != "real":
            found = "clock.offset beside clock.start" if start is not None else f"clock.offset of a {run} clock"
            raise InputError([document.fault(("clock", "offset"), found, "one of the two, with a real clock")])
        start = now + read_duration(written["offset"], signed=True)
    if "step" in written and run != "step":
        raise InputError([document.fault(("clock", "step"), f"clock.step of a {run} clock", "run: step", "run: step")])
    if start is None and run == "real":
        return REAL, now
    start = now if start is None else start
    return ClockSettings(start, run, read_duration(written.get("step", "1s"))), start


def _people(document: Document) -> Crowd:
    """The people. Raises InputError where two would be one: the same address or login."""
    written = document.value.get("people", 0)
    if isinstance(written, int):
        written = {"count": written}
    given = tuple(written.get("given", ()))
    count = written.get("count", len(given))
    faults = []
    if count < len(given):
        found = f"people.count: {count}, with {len(given)} given"
        faults.append(document.fault(("people", "count"), found, "at least as many", f"count: {len(given)}"))
    crowd = Crowd(document.value.get("seed", 0), max(count, len(given)), written.get("locale", "en_US"), given)
    for key in ("name", "email", "login"):
        seen: dict[str, int] = {}
        for place, one in enumerate(given):
            text = str(one.get(key, "")).casefold()
            first = seen.setdefault(text, place) if text else place
            if first != place:
                found = f"people.given.{place}.{key}: {one[key]!r} a second time; the first is people.given.{first}"
                faults.append(document.fault(("people", "given", place, key), found, f"each {key} once"))
    made = {one.email.casefold(): number for number, one in enumerate(crowd) if number >= len(given)} if given else {}
    for place, one in enumerate(given):
        if str(one.get("email", "")).casefold() in made:
            found = f"people.given.{place}.email: {one['email']!r}, which another person gets"
            faults.append(document.fault(("people", "given", place, "email"), found, "another address"))
    if faults:
        raise InputError(faults)
    return crowd
