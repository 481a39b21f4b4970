"""What a world is to be like, as tests write it: files are read here, so that the same text is the same world."""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from childproof.client import ControlError
from childproof.errors import InputError

_EXPORTED = "a file of `childproof world export`"
KEYS = {
    "seed": "a number that ids and randomness follow from",
    "clock": "real, frozen@TIME, step:1s@TIME",
    "rules": "a rule file, its text, or its rules as a list",
    "stubs": "folders of stubs besides those that ship",
    "file": "a world file",
    "from_": f"{_EXPORTED}, to go on from",
}
_POINTERS = {"/text": "rules", "/file": "file"}  # what a fault of the API is about


@dataclass(frozen=True, slots=True)
class Options:
    """A kind of world. `rules`, `file` and `from_` are texts, None where there are none.

    `named` says where each came from, for messages: kinds of the same texts are the same kind.
    """

    seed: int = 0
    clock: str = "real"
    rules: str | None = None
    stubs: tuple[Path, ...] = ()
    file: str | None = None
    from_: str | None = None
    place: str = field(default="", compare=False)
    named: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def plain(self) -> bool:
        """Whether it is the world that everybody gets who asks for nothing."""
        return self == Options(stubs=self.stubs)

    @property
    def name(self) -> str:
        """A name for the world that is forked for each test: the same for the same kind."""
        said = repr((self.seed, self.clock, self.rules, self.file, self.from_)).encode()
        return "base" if self.plain else f"base-{hashlib.sha256(said).hexdigest()[:12]}"

    def worded(self, error: ControlError) -> str:
        """Why the server makes no such world, with the places in what the test wrote, or in its files."""
        lines = []
        for one in error.errors:
            key = _POINTERS.get(one.pointer, "")
            key = "from_" if key == "file" and self.from_ is not None else key
            where = self.named.get(key, one.pointer.removeprefix("/"))
            found = one.found.removeprefix("file:")
            glue = ":" if found[:1].isdigit() else ": "  # a line and a column
            write = f"from_={where!r}" if key == "file" and _EXPORTED in found else one.write
            written = f"\n    write: {write}" if write else ""
            lines.append(f"  {where}{glue}{found}; expected {one.expected}{written}")
        told = "\n".join(["no such world can be made", *lines]) if lines else f"no such world can be made: {error}"
        return f"{self.place}: {told}" if self.place else told


def options(given: Mapping[str, Any], folders: Sequence[Path], place: str) -> Options:
    """Options of keywords; files are looked for in `folders`, in this order. Raises InputError for what doesn't fit."""
    for key in given:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            raise InputError.single(
                place, f"unknown key {key!r}", f"one of {', '.join(KEYS)}", f"{near[0]}=…" if near else ""
            )
    given = {key: value for key, value in given.items() if value is not None}
    if "file" in given and "from_" in given:
        raise InputError.single(place, "file and from_", "one of them: both say what the world begins with")
    texts, named = {}, {}
    for key in ("rules", "file", "from_"):
        if key in given:
            texts[key], named[key] = _text(key, given[key], folders, place)
    seed, clock = given.get("seed", 0), given.get("clock", "real")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise InputError.single(f"{place}: seed", repr(seed), "a number", "seed=7")
    if not isinstance(clock, str):
        raise InputError.single(f"{place}: clock", repr(clock), KEYS["clock"], 'clock="frozen@2026-01-05T09:00:00Z"')
    return Options(seed, clock, stubs=_stubs(given.get("stubs", ()), folders, place), place=place, named=named, **texts)


def _stubs(given: Any, folders: Sequence[Path], place: str) -> tuple[Path, ...]:
    stubs = (given,) if isinstance(given, str | Path) else given
    if not isinstance(stubs, list | tuple) or not all(isinstance(stub, str | Path) for stub in stubs):
        raise InputError.single(f"{place}: stubs", repr(given), "folders, as a list", 'stubs=["stubs/mine"]')
    return tuple(_found(Path(stub), folders, f"{place}: stubs") for stub in stubs)


def _text(key: str, given: Any, folders: Sequence[Path], place: str) -> tuple[str, str]:
    """A text, and what to call it. A text stays as it is: what has line breaks is no file's name."""
    if isinstance(given, str) and "\n" in given:
        return given, key
    if isinstance(given, str | Path):
        path = _found(Path(given), folders, f"{place}: {key}")
        try:
            return path.read_text(encoding="utf-8"), str(given)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError.single(f"{place}: {key}", f"{path} can't be read: {error}", KEYS[key]) from None
    if key == "rules" and isinstance(given, list):
        given = {"version": 1, "default": "deny", "rules": given}
    if not isinstance(given, Mapping):
        raise InputError.single(f"{place}: {key}", repr(given), KEYS[key])
    try:
        return msgspec.json.format(msgspec.json.encode(given)).decode(), f"{key} (as JSON)"  # which is YAML
    except TypeError as error:
        raise InputError.single(f"{place}: {key}", str(error), KEYS[key]) from None


def _found(path: Path, folders: Sequence[Path], place: str) -> Path:
    for folder in folders:
        if (folder / path).exists():
            return (folder / path).resolve()
    looked = ", ".join(dict.fromkeys(str(folder) for folder in folders))
    raise InputError.single(place, f"there is no {path} in {looked}", "a path from the test's folder or the root")
