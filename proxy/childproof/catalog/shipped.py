"""Where the data that ships is: inside the wheel, or beside the sources in a checkout."""

from pathlib import Path
from typing import Literal

from childproof.errors import ChildproofError


def shipped(kind: Literal["stubs", "rules"]) -> Path:
    """The folder of the stubs or rule files that ship. Raises ChildproofError where an installation has lost it."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "_data" / kind, package.parent.parent / kind):
        if candidate.is_dir():
            return candidate
    raise ChildproofError(
        f"this installation of childproof has no {kind}: reinstall it, or run it from a full checkout"
    )
