"""What a case expects of a value and what is there: differences, by place, and values as a message shows them."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from childproof.model import BodyError, Reply, header
from childproof.stubkit.request.xmlbody import parse_xml

ABSENT = object()


def differences(got: Any, wanted: Any, where: str) -> Iterator[tuple[str, str]]:
    """What of `wanted` isn't in `got`, as (place and what was found, what was expected)."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key, inner in wanted.items():
            if key not in got:
                yield f"{where}.{key} is missing", written(inner)
            else:
                yield from differences(got[key], inner, f"{where}.{key}")
    elif isinstance(wanted, list) and isinstance(got, list):
        if len(got) != len(wanted):
            yield f"{where} has {len(got)} items", f"{len(wanted)} items"
            return
        for place, (mine, inner) in enumerate(zip(got, wanted, strict=True)):
            yield from differences(mine, inner, f"{where}.{place}")
    elif isinstance(wanted, str) and len(wanted) > 2 and wanted.startswith("/") and wanted.endswith("/"):
        if not isinstance(got, str | int) or not re.search(wanted[1:-1], str(got)):
            yield f"{where} is {written(got)}", wanted
    elif got != wanted or isinstance(got, bool) != isinstance(wanted, bool):
        yield f"{where} is {written(got)}", written(wanted)


def at(body: Any, path: str) -> Any:
    """What stands at a dotted path of a body; ABSENT where nothing does."""
    for step in path.split("."):
        if isinstance(body, dict) and step in body:
            body = body[step]
        elif isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return ABSENT
    return body


def decoded(reply: Reply) -> Any:
    """A reply's body: JSON as values, XML as what is within its root element, anything else as text."""
    media = (header(reply.headers, "content-type") or "").partition(";")[0].strip().lower()
    if media in {"text/xml", "application/xml"}:
        try:
            return parse_xml(reply.body)
        except BodyError:
            return reply.body.decode(errors="replace")
    try:
        return msgspec.json.decode(reply.body) if reply.body else None
    except msgspec.DecodeError:
        return reply.body.decode(errors="replace")


def pairs(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Nested values as form pairs: `items[0][price]=…`."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in pairs(inner, f"{name}[{key}]" if name else key)]
    if isinstance(value, list):
        return [pair for place, inner in enumerate(value) for pair in pairs(inner, f"{name}[{place}]")]
    text = (
        {True: "true", False: "false", None: ""}.get(value) if value is None or isinstance(value, bool) else str(value)
    )
    return [(name, str(text))]


def written(value: Any) -> str:
    """A value as JSON, of at most 200 characters."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else text[:197] + "..."


def shortened(reply: Reply) -> str:
    """A reply's body in one line, of at most 300 characters."""
    text = " ".join(reply.body.decode(errors="replace").split())
    return text if len(text) <= 300 else text[:297] + "..."
