"""Files that a sealed command must not see, and those that it must not change: the record, keys, and what judges it."""

from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING

import childproof

from .config.config import Config

if TYPE_CHECKING:
    from .compose import Parts


def hidden(config: Config, *others: Path) -> list[Path]:
    """What the command must not see: the CA's key, the record, which it could otherwise rewrite, the control API; `others`."""
    store = Path(realpath(config.store))  # SQLite keeps its log beside the file itself, not beside a link to it
    files = [store.with_name(store.name + suffix) for suffix in ("", "-wal", "-shm", ".serve")]
    if config.store == ":memory:":
        files = []
    files += others
    if config.control is not None:
        files += [
            Path(path) for path in (config.control.path, f"{config.control.path}.sandboxes") if config.control.path
        ]
        if config.control.token is not None and config.control.token.file:
            files.append(Path(config.control.token.file))
    keys = [config.ca.key] if config.ca.key is not None else []
    if config.otlp is not None and config.otlp.headers_file is not None:
        keys.append(config.otlp.headers_file)
    return [config.state_dir, *keys, *(file for file in files if file.exists())]


def judging(parts: "Parts") -> list[Path]:
    """What judges and answers the next run too, and so must not be the command's to change."""
    from childproof.catalog.shipped import shipped  # noqa: PLC0415 (imported by now)

    origin = parts.config.origin
    return [
        *([origin.file] if origin is not None else []),
        *parts.rule_files,
        *parts.config.stubs,
        *parts.config.worlds,
        shipped("stubs"),
        shipped("rules"),
        Path(childproof.__file__).parent,
    ]
