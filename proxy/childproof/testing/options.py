"""What a world is to be like, as tests write it: files are read here, so that the same text is the same world."""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from childproof.errors import InputError

KEYS = {
    "seed": "a number that ids and randomness follow from",
    "clock": "real, frozen@TIME, step:1s@TIME",
    "rules": "a rule file, or its text",
    "stubs": "folders of stubs besides those that ship",
    "file": "a world file",
    "from_": "a file of `childproof world export`, to go on from",
}


@dataclass(frozen=True, slots=True)
class Options:
    """A kind of world. `rules`, `file` and `from_` are texts, None where there are none."""

    seed: int = 0
    clock: str = "real"
    rules: str | None = None
    stubs: tuple[Path, ...] = ()
    file: str | None = None
    from_: str | None = None

    @property
    def plain(self) -> bool:
        """Whether it is the world that everybody gets who asks for nothing."""
        return self == Options(stubs=self.stubs)

    @property
    def name(self) -> str:
        """A name for the world that is forked for each test: the same for the same kind."""
        said = repr((self.seed, self.clock, self.rules, self.file, self.from_)).encode()
        return "base" if self.plain else f"base-{hashlib.sha256(said).hexdigest()[:12]}"


def options(given: Mapping[str, Any], folders: Sequence[Path], place: str) -> Options:
    """Options of keywords; files are looked for in `folders`, in this order. Raises InputError for what doesn't fit."""
    for key in given:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            raise InputError.single(
                place, f"unknown key {key!r}", f"one of {', '.join(KEYS)}", f"{near[0]}=…" if near else ""
            )
    if given.get("file") is not None and given.get("from_") is not None:
        raise InputError.single(place, "file and from_", "one of them: both say what the world begins with")
    texts = {
        key: _text(given[key], folders, f"{place}: {key}")
        for key in ("rules", "file", "from_")
        if given.get(key) is not None
    }
    named = given.get("stubs") or ()
    stubs = (named,) if isinstance(named, str | Path) else tuple(named)
    found = tuple(_found(Path(stub), folders, f"{place}: stubs") for stub in stubs)
    seed = given.get("seed", 0)
    if not isinstance(seed, int):
        raise InputError.single(f"{place}: seed", repr(seed), "a number", "seed=7")
    return Options(seed, given.get("clock", "real"), stubs=found, **texts)


def _text(given: Any, folders: Sequence[Path], place: str) -> str:
    """A text as it is: what has line breaks is no file's name."""
    if isinstance(given, str) and "\n" in given:
        return given
    return _found(Path(given), folders, place).read_text(encoding="utf-8")


def _found(path: Path, folders: Sequence[Path], place: str) -> Path:
    for folder in folders:
        if (folder / path).exists():
            return (folder / path).resolve()
    looked = ", ".join(dict.fromkeys(str(folder) for folder in folders))
    raise InputError.single(place, f"there is no {path} in {looked}", "a path from the test's folder or the root")
