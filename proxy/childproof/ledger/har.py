"""HTTP calls as an HTTP Archive (HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/), for browsers' developer tools.

What HAR has no word for stands under `_childproof`; the format leaves names with an underscore to its writers. A call
that got no answer has status 0, as browsers write it.
"""

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec

from childproof.model import header

from .entry import Entry, Recorded
from .lines import timestamp
from .recording import BINARY

_SCHEME = re.compile(r"\S+ (https?)://")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_PORTS = {"https": 443, "http": 80}
_IN_URI = "/?:@!$&'()*+,;=%~"  # RFC 3986, section 3.3, beside letters, digits and `-._`
_NOT_KEPT = -1  # HAR's own way to say that a size isn't known
_VERSION = "unknown"  # of HTTP: the ledger doesn't keep it
_TOLD = (
    "id",
    "world",
    "sandbox",
    "seq",
    "verdict",
    "rule",
    "reason",
    "stub",
    "operation",
    "fidelity",
    "error",
    "settled",
    "trace",
    "cause",
)


def to_har(entries: Iterable[Entry], *, version: str) -> Iterator[str]:
    """The archive in pieces, one after the other, so that no ledger is too long for it. Calls other than HTTP are left out.

    `version` is childproof's.
    """
    creator = msgspec.json.encode({"name": "childproof", "version": version}).decode()
    yield f'{{"log":{{"version":"1.2","creator":{creator},"entries":['
    first = True
    for entry in entries:
        if entry.protocol == "http":
            yield ("\n" if first else ",\n") + msgspec.json.encode(har_entry(entry)).decode()
            first = False
    yield "\n]}}\n"


def har_entry(entry: Entry) -> dict[str, Any]:
    """One call as HAR's `entries` have it."""
    took = entry.duration_us / 1000
    return {
        "startedDateTime": timestamp(entry.at),
        "time": took,
        "request": _request(entry),
        "response": _response(entry),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "comment": entry.reason,
        "_childproof": {name: getattr(entry, name) for name in _TOLD},
    }


def _request(entry: Entry) -> dict[str, Any]:
    part = entry.request
    headers = part.headers if part is not None else ()
    _, _, query = entry.path.partition("?")
    request = {
        "method": entry.method,
        "url": _url(entry),
        "httpVersion": _VERSION,
        "cookies": [_cookie(text) for text in "; ".join(_values(headers, "cookie")).split(";") if text.strip()],
        "headers": _pairs(headers),
        "queryString": _pairs(parse_qsl(query, keep_blank_values=True)),
        "headersSize": _NOT_KEPT,
        "bodySize": part.size if part is not None else 0,
    }
    if part is not None and part.size:
        # HAR can't say of a request's body that it is base64; the ledger's own marker tells.
        request["postData"] = {"mimeType": _media(headers), "params": [], "text": part.body, **_comment(part)}
    return request


def _response(entry: Entry) -> dict[str, Any]:
    part = entry.reply
    headers = part.headers if part is not None else ()
    content: dict[str, Any] = {"size": part.size if part is not None else 0, "mimeType": _media(headers)}
    if part is not None and part.size:
        binary = part.body.startswith(BINARY)
        content["text"] = part.body.removeprefix(BINARY)
        content.update({"encoding": "base64"} if binary else {}, **_comment(part))
    status = entry.status or 0
    return {
        "status": status,
        "statusText": _PHRASES.get(status, ""),
        "httpVersion": _VERSION,
        "cookies": [_cookie(value.partition(";")[0]) for value in _values(headers, "set-cookie")],
        "headers": _pairs(headers),
        "content": content,
        "redirectURL": header(headers, "location") or "",
        "headersSize": _NOT_KEPT,
        "bodySize": part.size if part is not None else _NOT_KEPT,
    }


def _url(entry: Entry) -> str:
    found = _SCHEME.match(entry.target)
    scheme = found[1] if found is not None else "https"
    place = f"[{entry.host}]" if ":" in entry.host else entry.host
    port = "" if entry.port == _PORTS[scheme] else f":{entry.port}"
    # A target may have characters that a URI can't (`expand[]=x`): readers of HAR are strict about that.
    path = quote(entry.path, safe=_IN_URI) if entry.path.startswith("/") else ""
    return f"{scheme}://{place}{port}{path}"


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _values(headers: tuple[tuple[str, str], ...], wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted]


def _cookie(text: str) -> dict[str, str]:
    name, _, value = text.strip().partition("=")
    return {"name": name, "value": value}


def _media(headers: tuple[tuple[str, str], ...]) -> str:
    return header(headers, "content-type") or "application/octet-stream"


def _comment(part: Recorded) -> dict[str, str]:
    return {"comment": f"cut: the whole has {part.size} bytes, SHA-256 {part.sha256}"} if part.cut else {}
