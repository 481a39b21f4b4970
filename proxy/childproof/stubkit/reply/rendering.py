"""Replies as bytes: what of an entity is shown, JSON compact or indented, and the Link header."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from childproof.model import Call
from childproof.stubkit.entity import public

from .lists import put

JSON = "application/json"


def shown(body: Any, items: str | None, documented: Collection[str] = ()) -> Any:
    """A reply without the fields that only the stub knows: of an entity, and of the entities in a list.

    `items` is the key (dotted) under which a list reply has its entities, `documented` as in `public`.
    """
    if isinstance(body, list):
        return [public(item, documented) if isinstance(item, dict) else item for item in body]
    if not isinstance(body, dict):
        return body
    out = public(body, documented)
    if items is not None:
        node: Any = out
        for step in items.split("."):
            node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, list):
            put(out, items, shown(node, None, documented))
    return out


def encode(body: Any, indent: int) -> tuple[bytes, str]:
    """A body's bytes and media type: JSON for values, text and bytes as they are, nothing for None."""
    if body is None:
        return b"", JSON
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    raw = msgspec.json.encode(body)
    return (msgspec.json.format(raw, indent=indent) if indent else raw), JSON


def address(call: Call, changes: Mapping[str, Any]) -> str:
    """A call's own address with other values of some query parameters; without those whose value is None."""
    names = {quote(name, safe="") for name in changes} | {*changes}
    parts = [part for part in call.query.split("&") if part and part.partition("=")[0] not in names]
    parts += [
        f"{quote(name, safe='')}={quote(str(value), safe='')}" for name, value in changes.items() if value is not None
    ]
    if call.stub:  # at an address of its own: the one that the client knows
        there = call.header("host") or call.host
        return f"http://{there}{call.path}" + (f"?{'&'.join(parts)}" if parts else "")
    port = "" if call.port == (443 if call.scheme == "https" else 80) else f":{call.port}"
    return f"{call.scheme}://{call.host}{port}{call.path}" + (f"?{'&'.join(parts)}" if parts else "")


def link_header(pages: Mapping[str, str]) -> str:
    """A Link header (RFC 8288) to other pages, by relation."""
    return ", ".join(f'<{target}>; rel="{relation}"' for relation, target in pages.items())
