"""An entry as one line of JSON: the form that programs read (`childproof log --json`)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from childproof.model.text import printable_json

from .entry import Entry, Recorded

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Stable within version 1: keys are added, never renamed, removed or given another meaning.
VERSION = 1
LINE_KEYS = {
    "version": "of this format, 1",
    "id": "the call's id, for `childproof show`",
    "world": "the world that the call was made in; an inherited call names the world it was made in",
    "sandbox": "who made it",
    "seq": "its number in the world",
    "at": "real time, RFC 3339 with milliseconds, UTC",
    "world_at": "the world's time, likewise",
    "protocol": "http, smtp, dns, tcp, udp or ip; websocket for a message of one; clock for what passing time did in the world",
    "target": "the call in one line",
    "host": "the host, normalised",
    "port": "the port",
    "method": "HTTP method, or DNS record type",
    "path": "HTTP path, with the query where there is one",
    "verdict": "stub, reply, allow or deny",
    "rule": "the rule that decided; null where none matched",
    "reason": "why, in words",
    "stub": "the stub that answered, or null",
    "operation": "the stub's operation, or null",
    "fidelity": "modelled, generic, synthesized or gap; null where no stub answered",
    "status": "the protocol's status code, or null",
    "duration_us": "microseconds from the call to the answer",
    "request": "{headers: [[name, value]…], body, size, sha256, cut}, redacted, or null",
    "reply": "likewise",
    "changes": "[{service, kind, id, before, after}…], redacted",
    "effects": "[{service, type, id, data}…], redacted",
    "upstream": "{dns, connections, bytes_out, bytes_in}: what left the machine for this call",
    "error": "an error inside childproof, a stub or upstream, or null",
    "settled": "false while an allowed call is under way; a later line with the same id completes it",
    "trace": "shared by all that follows from one call: 32 hexadecimal digits, a W3C trace id",
    "cause": "the id of the call that this one follows from; null for one that the sandbox made",
    "would": "[{verdict, rule, reason}…]: what rules that aren't enforced would have said instead",
}


def entry_line(entry: Entry) -> dict[str, Any]:
    """An entry as plain JSON values, with exactly the keys of LINE_KEYS, in their order."""
    values: dict[str, Any] = {"version": VERSION}
    for key in LINE_KEYS:
        if key != "version":
            values[key] = getattr(entry, key)
    values["at"] = timestamp(entry.at)
    values["world_at"] = timestamp(entry.world_at)
    for key, part in (("request", entry.request), ("reply", entry.reply)):
        values[key] = None if part is None else _recorded(part)
    plain: dict[str, Any] = msgspec.to_builtins(values)
    return plain


def to_line(entry: Entry) -> str:
    """An entry as one line of JSON, without the newline."""
    return printable_json(msgspec.json.encode(entry_line(entry)).decode())


def from_line(line: Mapping[str, Any]) -> Entry:
    """The entry that such a line tells of. Keys of a later version are left out. Raises ValueError for what is no line."""
    values = {key: line[key] for key in LINE_KEYS if key != "version" and key in line}
    for key in ("at", "world_at"):
        moment = datetime.fromisoformat(values[key])
        values[key] = (moment - _EPOCH) // timedelta(milliseconds=1)
    return msgspec.convert(values, Entry)


def timestamp(at: int) -> str:
    """Unix milliseconds as RFC 3339 in UTC."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def _recorded(part: Recorded) -> dict[str, Any]:
    return {"headers": part.headers, "body": part.body, "size": part.size, "sha256": part.sha256, "cut": part.cut}
