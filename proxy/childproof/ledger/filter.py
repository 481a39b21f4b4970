"""Which entries to read, as a condition in SQL."""

import re
import sqlite3
from functools import lru_cache

import msgspec

from .trace import trace_of

_PART = re.compile(r"\*\*|\*|\?|[^*?]+")
_MEANS = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
_TOUCHES = "EXISTS (SELECT 1 FROM json_each({column}) WHERE json_extract(value, '$.id') = ?)"


class Filter(msgspec.Struct, frozen=True):
    """What an entry must have; None is any.

    `service` is a stub's name or a host. `since` is real time in unix ms, itself included. `path` is a glob over the
    path without its query: `*` stays within a segment, `**` goes beyond. `entity` is the id of something that the call
    changed or told of. `protocols` are those to keep, all of them where it is empty. `trace` is a trace id.
    """

    verdict: str | None = None
    service: str | None = None
    fidelity: str | None = None
    since: int | None = None
    path: str | None = None
    entity: str | None = None
    protocols: tuple[str, ...] = ()
    trace: str | None = None

    def sql(self) -> tuple[str, list[object]]:
        """A condition and its parameters. It needs what `prepare` gives a connection."""
        text, values = "", list[object]()
        if self.verdict is not None:
            text += " AND verdict = ?"
            values.append(self.verdict)
        if self.service is not None:
            text += " AND (service = ? OR host = ?)"
            values += [self.service, self.service]
        if self.fidelity is not None:
            text += " AND json_extract(head, '$.fidelity') = ?"
            values.append(self.fidelity)
        if self.since is not None:
            text += " AND json_extract(head, '$.at') >= ?"
            values.append(self.since)
        if self.path is not None:
            text += " AND path_fits(json_extract(head, '$.path'), ?)"
            values.append(self.path)
        if self.protocols:
            text += f" AND json_extract(head, '$.protocol') IN ({', '.join('?' * len(self.protocols))})"
            values += self.protocols
        if self.trace is not None:
            text += " AND coalesce(json_extract(head, '$.trace'), trace_of(id)) = ?"
            values.append(self.trace)
        if self.entity is not None:
            # Most entries have nothing of it in them, and need not be parsed to tell.
            found = " OR ".join(
                f"(instr({column}, ?) > 0 AND {_TOUCHES.format(column=column)})" for column in ("changes", "effects")
            )
            text += f" AND ({found})"
            values += [self.entity] * 4
        return text, values


ANY = Filter()


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection what conditions need beyond SQL."""
    connection.create_function("path_fits", 2, path_fits, deterministic=True)
    connection.create_function("trace_of", 1, trace_of, deterministic=True)


def path_fits(path: str, glob: str) -> bool:
    """Whether a path, whatever its query, is one that a glob means."""
    return _compile(glob).fullmatch(path.partition("?")[0]) is not None


@lru_cache(maxsize=64)
def _compile(glob: str) -> re.Pattern[str]:
    return re.compile("".join(_MEANS.get(part) or re.escape(part) for part in _PART.findall(glob)), re.DOTALL)
