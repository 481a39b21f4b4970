"""childproof in tests, evaluation harnesses and notebooks: fresh worlds, what happened in them, what was to happen.

`with childproof.testing.sandbox(rules="rules.yaml") as box:` makes a world; `box.run([...])` runs a command sealed in it,
`box.env` leads clients of this machine there, `box.world` tells what became of their calls. pytest's fixtures give the same.
"""

from pathlib import Path
from typing import Any

from .box import Box, Ran, UnfitError
from .calls import Call
from .mail import Attachment, Message
from .options import options
from .server import ServerFailedError
from .world import World

__all__ = ["Attachment", "Box", "Call", "Message", "Ran", "ServerFailedError", "UnfitError", "World", "sandbox"]


def sandbox(**wanted: Any) -> Box:
    """A fresh world to use with `with`; keywords are those of `@pytest.mark.world`: seed, clock, rules, stubs, file, from_.

    Paths are from the working directory. The first one starts this process's server; threads may have several.
    Raises InputError for what doesn't fit.
    """
    return Box(options(wanted, [Path.cwd()], "sandbox"))
