"""Which stubs a command of `childproof stubs` means: names of the catalog, or folders."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from childproof.catalog import Catalog
from childproof.errors import InputError


def stub_folders(arguments: Iterable[str], catalog: Catalog) -> list[Path]:
    """The folders of the named stubs; of all where none is named. Raises InputError for what is none."""
    named = list(arguments)
    if not named:
        return [catalog.folder(name) for name in catalog.names()]
    found = []
    for argument in named:
        if argument in catalog.names():
            found.append(catalog.folder(argument))
        elif (Path(argument) / "stub.yaml").is_file():
            found.append(Path(argument))
        else:
            known = f"a stub's folder, or one of {', '.join(catalog.names())}"
            # Where `stubs new` writes.
            near = Path("stubs") / argument
            write = f"childproof stubs check {near}" if (near / "stub.yaml").is_file() else ""
            raise InputError.single(argument, "no stub of this name and no folder with a stub.yaml", known, write)
    return found


def known_name(argument: str, names: Sequence[str]) -> str:
    """The name of a server's stub. Raises InputError for what is none, a folder here included."""
    if argument not in names:
        raise InputError.single(argument, "no stub of this name at the server", f"one of {', '.join(names)}")
    return argument
