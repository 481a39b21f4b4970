"""The token that a server's control API takes: from a file that is named, or from the environment."""

import os
import re
from pathlib import Path

from childproof.errors import InputError, unreadable

TOKEN = "CHILDPROOF_CONTROL_TOKEN"  # noqa: S105 (a variable's name)
_LONGEST = 4096
_PLAIN = re.compile(r"[\x21-\x7e]+")


def read_token(file: Path | None) -> str | None:
    """The token in a file, else the environment's; None where there is none. Raises InputError."""
    if file is None:
        text, place = os.environ.get(TOKEN, "").strip(), TOKEN
        if not text:
            return None
    else:
        text, place = _first(file), str(file)
    if not _PLAIN.fullmatch(text) or len(text) > _LONGEST:
        found = (
            "no token in it"
            if not text
            else "more than a token"
            if len(text) > _LONGEST
            else "spaces or other characters"
        )
        raise InputError.single(place, found, "the server's token, plain characters on one line")
    return text


def _first(file: Path) -> str:
    """What the file holds, as far as a token may go."""
    try:
        with file.open("rb") as opened:
            return opened.read(_LONGEST + 2).decode("latin-1").strip()
    except OSError as error:
        raise unreadable(file, error, "a file with the server's token") from None
