"""Filters of a list: equality on fields, and the index that a field gets once scanning for it becomes expensive."""

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

# An index is made when one filter had to read more entities than this; small worlds never pay for one.
SCAN_LIMIT = 512
MAX_INDEXES = 64
_PATH = re.compile(r"[A-Za-z0-9_-]{1,60}(?:\.[A-Za-z0-9_-]{1,60}){0,5}")


def field(value: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where anything on the way is missing."""
    node: Any = value
    for part in path.split("."):
        if not isinstance(node, dict):
            return None
        node = node.get(part)
    return node


def matches(value: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether every field equals what is wanted. A missing field equals None; True is not 1."""
    for path, wanted in where.items():  # a plain loop: a filter without an index reads hundreds of entities
        found = field(value, path) if "." in path else value.get(path)
        if found is not wanted and (found != wanted or isinstance(found, bool) != isinstance(wanted, bool)):
            return False
    return True


def index_name(collection: int, path: str) -> str:
    """The name of the index of one field of one collection; also how it is found again."""
    return f"where:{collection}:{path}"


def indexable(path: str, wanted: Any) -> bool:
    """Whether an index can answer for this field: a plain path and a plain value."""
    if not isinstance(wanted, str | int) or _PATH.fullmatch(path) is None:
        return False
    return "\0" not in wanted if isinstance(wanted, str) else abs(wanted) < 2**53


def expression(path: str) -> str:
    """The SQL expression of a field. `path` must be `indexable`: it is part of the statement's text."""
    steps = "".join(f'."{part}"' for part in path.split("."))
    return f"json_extract(value, '${steps}')"


def create_index(connection: sqlite3.Connection, collection: int, path: str) -> None:
    """Index one field of one collection, in all worlds and for all time."""
    name = index_name(collection, path)
    connection.execute(
        f'CREATE INDEX IF NOT EXISTS "{name}" ON version(world, {expression(path)}, ordinal) '
        f"WHERE collection = {int(collection)}"
    )


def known_indexes(connection: sqlite3.Connection) -> set[str]:
    """The names of all field indexes in the file."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'where:%'")
    return {str(name) for (name,) in rows}
