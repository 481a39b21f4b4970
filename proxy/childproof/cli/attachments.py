"""Saving what a sandbox attached to a mail: its file names are not to be trusted."""

import mimetypes
import re
from pathlib import Path, PurePosixPath

from childproof.errors import ChildproofError

_LONGEST = 150  # characters: well within every file system's 255 bytes
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]+')


def save(folder: Path, name: str, kind: str, number: int, content: bytes) -> Path:
    """Write an attachment into `folder`, made if need be, under a name of its own. Never overwrites or leaves `folder`."""
    file = safe_name(name, kind, number)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place in range(1, 1000):
            path = folder / (file if place == 1 else f"{Path(file).stem} ({place}){Path(file).suffix}")
            try:
                # exclusive: neither another file nor a link of this name is written through
                with path.open("xb") as out:
                    out.write(content)
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise ChildproofError(f"{folder}: the attachment can't be saved: {error.strerror or error}") from None
    raise ChildproofError(f"{folder}: there are a thousand files named {file}; save somewhere else")


def safe_name(name: str, kind: str, number: int) -> str:
    """A plain file name: the last part of a path, without control characters, not hidden, not too long."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = _UNSAFE.sub("_", last).strip(" .")
    if not plain.strip("_"):
        return f"attachment-{number}{mimetypes.guess_extension(kind) or '.bin'}"
    stem, suffix = Path(plain).stem, Path(plain).suffix[:20]
    return stem[: _LONGEST - len(suffix)] + suffix
