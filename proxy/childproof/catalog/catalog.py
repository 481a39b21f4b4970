"""All stubs that this process can use, by name: those that ship, those that are installed, those in given folders."""

import difflib
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from childproof.errors import Fault, InputError, unreadable

from .footprint import Footprint, footprint
from .shipped import shipped

if TYPE_CHECKING:
    from childproof.stubkit.declared.manifest import Manifest
    from childproof.stubkit.stub import Stub

GROUP = "childproof.stubs"
_NO_STUBS = ("lost+found",)  # what a file system puts into a folder by itself, for root alone


class Loaded(msgspec.Struct, frozen=True):
    """A stub with what it was loaded from: its folder where that was given, its setting, its files as they were."""

    stub: "Stub"
    given: Path | None
    unknown_ids: str
    footprint: Footprint


class Catalog(Collection[str]):
    """The names of all stubs; each is loaded when it is first asked for.

    A given folder wins over an installed stub, that over a shipped one. `given` are the names from folders that
    somebody named: work in progress, to be checked before use. `unknown_ids` is what stubs are told of it, by name.
    """

    def __init__(
        self,
        shipped: Mapping[str, Path],
        *,
        given: Mapping[str, Path],
        installed: Callable[[], Mapping[str, Path]],
        unknown_ids: Mapping[str, str] | None = None,
    ) -> None:
        self._at_hand = {**shipped, **given}
        self._given = given
        self._installed = installed
        self._unknown_ids = unknown_ids or {}
        self._loaded: dict[str, Loaded] = {}
        self.given = tuple(given)

    @cached_property
    def _folders(self) -> dict[str, Path]:
        # Looking through all installed packages takes 30 ms: not before a stub is used, or a name is none of ours.
        return {**self._at_hand, **self._installed(), **self._given}

    def __contains__(self, name: object) -> bool:
        return name in self._at_hand or name in self._folders

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self._folders)

    def names(self) -> list[str]:
        """The names of all stubs, sorted."""
        return sorted(self._folders)

    def folder(self, name: str) -> Path:
        """Where a stub's files are. LookupError for an unknown name."""
        if name not in self._folders:
            raise LookupError(f"no stub {name!r}; there are {', '.join(self.names())}")
        return self._folders[name]

    def get(self, name: str) -> "Stub":
        """A stub, loaded on first use. Raises InputError for a broken one, LookupError for an unknown name."""
        from childproof.stubkit.folder.loading import load_stub  # noqa: PLC0415 (a tenth of a second, for the first stubbed call)

        loaded = self._loaded.get(name)
        if loaded is None:
            # From before it is loaded: what changes meanwhile is a change.
            before = self._print_of(name)
            stub = load_stub(self.folder(name), self._unknown_ids.get(name, ""))
            loaded = self._loaded[name] = Loaded(stub, self._given.get(name), self._unknown_ids.get(name, ""), before)
        return loaded.stub

    def loaded(self) -> dict[str, "Loaded"]:
        """The stubs that have been loaded, by name."""
        return dict(self._loaded)

    def keep(self, former: "Catalog") -> None:
        """Take over what another catalog has loaded, but for given stubs whose files or settings have changed since.

        Stubs that ship or are installed are part of the program: they change with its next start.
        """
        for name, loaded in former.loaded().items():
            same = (loaded.given, loaded.unknown_ids) == (self._given.get(name), self._unknown_ids.get(name, ""))
            if same and loaded.footprint == self._print_of(name):
                self._loaded.setdefault(name, loaded)

    def _print_of(self, name: str) -> Footprint:
        return footprint([self._given[name]]) if name in self._given else {}

    def manifest(self, name: str) -> "Manifest":
        """What a stub's stub.yaml says, without loading the rest. Raises InputError, LookupError."""
        from childproof.stubkit.declared.manifest import read_manifest  # noqa: PLC0415 (likewise)

        return read_manifest(self.folder(name) / "stub.yaml")

    def check(self, names: Iterable[str] | None = None) -> None:
        """Load these stubs, by default all. Raises InputError with the faults of all of them."""
        faults: list[Fault] = []
        for name in self.names() if names is None else names:
            try:
                self.get(name)
            except InputError as error:
                faults.extend(error.faults)
        if faults:
            raise InputError(faults)


def load_catalog(folders: Sequence[Path] = (), unknown_ids: Mapping[str, str] | None = None) -> Catalog:
    """The catalog of this installation and of `folders`, each a stub or a folder of stubs.

    `unknown_ids` says by name which stubs refuse or synthesize what nobody has made, whatever their own stub.yaml says.
    Raises InputError with all faults: folders that are missing, ones without a stub, two stubs of one name, names of no stub.
    """
    faults: list[Fault] = []
    given: dict[str, Path] = {}
    for folder in folders:
        try:
            found = _stubs_in(folder)
        except InputError as error:
            faults += error.faults
            continue
        if not found:
            what = "no folder" if not folder.is_dir() else "a folder without a stub.yaml in it or below it"
            near = folder.parent / "stubs" / folder.name  # where `stubs new` writes
            write = f"--stubs {near}" if near.is_dir() else f"childproof stubs new {folder.name} --openapi FILE"
            faults.append(Fault(str(folder), 0, 0, what, "a stub's folder, or a folder of them", write))
        for path in found:
            known = given.setdefault(path.resolve().name, path)
            if known.resolve() != path.resolve():
                faults.append(
                    Fault(str(path), 0, 0, f"a second stub {path.name!r} (the first is {known})", "each name once")
                )
    if faults:
        raise InputError(faults)
    catalog = Catalog(
        {path.name: path for path in _stubs_in(shipped("stubs"))},
        given=given,
        installed=lambda: {path.name: path for path in _installed()},
        unknown_ids=unknown_ids,
    )
    for name, what in (unknown_ids or {}).items():
        if name not in catalog:
            nearest = difflib.get_close_matches(name, catalog.names(), 1)
            write = f"unknown_ids: {{{nearest[0]}: {what}}}" if nearest else ""
            expected = f"one of {', '.join(catalog.names())}"
            raise InputError.single("childproof.yaml", f"unknown_ids.{name}: no stub of this name", expected, write)
    return catalog


def _stubs_in(folder: Path) -> list[Path]:
    """Raises InputError for a folder that can't be looked into: what shipped by its name must not answer instead."""
    if _is_stub(folder):
        return [folder]
    try:
        inside = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(folder, error, "a stub's folder, or a folder of them") from None
    return [path for path in inside if path.name not in _NO_STUBS and _is_stub(path)]


def _is_stub(folder: Path) -> bool:
    try:
        return stat.S_ISREG((folder / "stub.yaml").stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise unreadable(folder, error, "a stub's folder, or a folder of them") from None


def _installed() -> Iterator[Path]:
    """The folders that installed packages offer (entry points of the group `childproof.stubs`), without importing them."""
    from importlib import metadata  # noqa: PLC0415 (brings csv, zipfile and email, which only this search needs)

    for entry in metadata.entry_points(group=GROUP):
        for place in _places(entry.module):
            yield from _stubs_in(place)


def _places(module: str) -> Iterable[Path]:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return []
    locations = spec.submodule_search_locations if spec is not None else None
    return [Path(place) for place in locations or ()]
