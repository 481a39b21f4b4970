"""childproof in tests, evaluation harnesses and notebooks: fresh worlds, what happened in them, what was to happen.

`with childproof.testing.sandbox(rules="rules.yaml") as box:` makes a world; `box.run([...])` runs a command sealed in it,
`box.env` leads clients of this machine there, `box.world` tells what became of their calls. pytest's fixtures give the same.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from .box import Box, Ran
from .calls import Call
from .link import ServerFailedError, UnfitError
from .mail import Attachment, Message
from .names import UnknownNameError
from .options import options
from .score import Check, Score
from .world import World

__all__ = [
    "Attachment", "Box", "Call", "Check", "Message", "Ran", "Score", "ServerFailedError", "UnfitError", "UnknownNameError",
    "World", "sandbox",
]  # fmt: skip


def sandbox(
    *,
    seed: int | None = None,
    clock: str | None = None,
    rules: str | PathLike[str] | Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None,
    stubs: str | PathLike[str] | Sequence[str | PathLike[str]] | None = None,
    file: str | PathLike[str] | Mapping[str, Any] | None = None,
    from_: str | PathLike[str] | Mapping[str, Any] | None = None,
) -> Box:
    """A fresh world to use with `with`; the keywords are those of `@pytest.mark.world`.

    Paths are from the working directory. The first one starts this process's server; threads may have several.
    Raises InputError for what doesn't fit, UnfitError for what the server finds in it, ServerFailedError.
    """
    wanted = {"seed": seed, "clock": clock, "rules": rules, "stubs": stubs, "file": file, "from_": from_}
    return Box(options(wanted, [Path.cwd()], "sandbox"))
