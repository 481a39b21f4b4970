"""Where rules come from: files, or texts that stand for files."""

from collections.abc import Sequence
from contextlib import suppress
from os.path import realpath
from pathlib import Path

import msgspec

from childproof.errors import InputError, unreadable


class Source(msgspec.Struct, frozen=True):
    """A rule file's text. `name` stands in error messages; includes are looked for in `folder` first."""

    name: str
    text: str
    folder: Path | None = None


def read_source(file: Path, *, name: str = "") -> Source:
    """Read a file. Raises InputError where that can't be done."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError.single(name or file, f"a byte that is no UTF-8 at {error.start}", "a text file") from None
    except OSError as error:
        raise unreadable(file, error, "a rule file", shown=name) from None
    return Source(name or str(file), text, file.parent)


def find_include(wanted: str, folder: Path | None, roots: Sequence[Path]) -> Path | None:
    """The file that an include means: relative to the including file, then to each root. None where there is none.

    A text without a folder came from elsewhere: nothing beyond the roots is its to read.
    """
    for base in ([folder] if folder is not None else []) + list(roots):
        file = base / wanted
        if folder is None and not Path(realpath(file)).is_relative_to(realpath(base)):
            continue
        with suppress(PermissionError):  # a folder that can't be entered
            if file.is_file():
                return file
    return None
