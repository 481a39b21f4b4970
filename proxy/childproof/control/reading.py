"""Requests into values: bodies and query parameters are decoded strictly, and what doesn't fit is named by its place."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.requests import Request

from .misfits import misfit
from .operation import Nothing
from .problems import Mistake, Problem

LARGEST = 16 * 1024 * 1024  # bytes of a body: a world file or a ruleset of ten thousand rules fits
LONGEST = 1000  # characters of a name in a path
BODY_SECONDS = 60.0  # for a body to arrive
_SHORT = 64 * 1024  # bytes: larger bodies are texts, and are not read a second time, value by value
_CLOSE = (("connection", "close"),)


def read_path(given: Mapping[str, str]) -> dict[str, str]:
    """A path's parameters, decoded once. Raises Problem."""
    try:
        found = {name: unquote(value, errors="strict") for name, value in given.items()}
    except UnicodeDecodeError:
        raise Problem(400, "path", "the path has bytes that are no UTF-8") from None
    for name, value in found.items():
        if len(value) > LONGEST:
            mistake = Mistake(name, f"{len(value)} characters", f"at most {LONGEST}")
            raise Problem(400, "path", f"no {name} has a name that long", mistakes=[mistake])
    return found


async def read_body(request: Request, wanted: Any) -> Any:
    """The body as `wanted`, None where the operation takes none. Raises Problem."""
    if "transfer-encoding" in request.headers and "content-length" in request.headers:
        raise Problem(400, "http", "a body whose end is told in two ways", headers=_CLOSE)  # RFC 9112, section 6.1
    try:
        async with asyncio.timeout(BODY_SECONDS):
            content = await _content(request)
    except TimeoutError:
        raise Problem(408, "too_slow", f"the body took more than {BODY_SECONDS:g} seconds", headers=_CLOSE) from None
    if wanted is None:
        if content:
            raise Problem(400, "body", "this operation takes no body")
        return None
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content and media != "application/json":
        found = Mistake("Content-Type", media[:100] or "no such header", "application/json", "application/json")
        raise Problem(415, "media_type", f"a body of type {media[:100] or 'unknown'}", mistakes=[found])
    content = content or b"{}"
    try:
        try:
            return msgspec.json.decode(content, type=wanted)
        except msgspec.ValidationError as error:
            return _forgiving(content, wanted, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(
            400, "json", f"the body is no JSON: {error}", mistakes=[Mistake("", f"no JSON: {error}", "a JSON object")]
        ) from None


def read_query(pairs: Sequence[tuple[str, str]], wanted: Any) -> Any:
    """The query's parameters as `wanted`, each given once at most. Raises Problem."""
    values: dict[str, str] = {}
    known = {field.encode_name for field in msgspec.structs.fields(wanted)}
    mistakes = []
    for name, value in pairs:
        if name not in known:
            expected = f"one of {', '.join(sorted(known))}" if known else "no parameters"
            mistakes.append(Mistake(f"?{name}", "an unknown parameter", expected))
        elif name in values:
            mistakes.append(Mistake(f"?{name}", "a parameter that is given twice", "one value"))
        values[name] = value
    if mistakes:
        raise Problem(400, "parameters", "the query doesn't fit; nothing was done", mistakes=mistakes)
    if wanted is Nothing:
        return None
    try:
        return msgspec.convert(values, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise misfit(str(error), values, wanted, query=True) from None


def _forgiving(content: bytes, wanted: Any, error: msgspec.ValidationError) -> Any:
    """The same where 1.0 stands for 1: to JSON Schema, and to some languages' JSON, that is an integer.

    Raises Problem where it doesn't fit either, and as decoding does for what is no JSON behind a value that didn't fit.
    """
    given = msgspec.json.decode(content)
    if len(content) <= _SHORT:
        try:
            return msgspec.convert(_whole(given), wanted)
        except msgspec.ValidationError as again:
            error = again
    raise misfit(str(error), given, wanted)


def _whole(value: Any) -> Any:
    match value:
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [*map(_whole, value)]
        case float() if value.is_integer() and abs(value) < 2**63:
            return int(value)
        case _:
            return value


async def _content(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise Problem(413, "too_large", f"a body of more than {LARGEST} bytes", headers=_CLOSE)
        parts.append(part)
    return b"".join(parts)
