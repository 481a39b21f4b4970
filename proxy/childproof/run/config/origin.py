"""Where a configuration came from, so that its file can be read again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import Config


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that was read, in what surroundings, what it said, and the flags that were given beside it.

    The file is settled at the start: one that is gone later is a fault, not a configuration by default.
    """

    file: Path
    directory: Path
    environ: Mapping[str, str] = field(repr=False)
    written: "Config" = field(repr=False)
    rules: tuple[Path, ...] = ()
    stubs: tuple[Path, ...] = ()
