"""Several requests in one: a JSON list of them, or MIME parts that are each an HTTP request (`multipart/mixed`).

Declared by `batch` at an operation. Each is answered by the stub itself, in the transaction of the whole; where the batch
is atomic, a refusal of one undoes all.
"""

from collections.abc import Callable, Iterator, Mapping
from email import message_from_bytes
from email.message import Message
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from childproof.model import Call, Effect, Reply, replace
from childproof.world.transaction import Transaction

from .context.context import Context
from .entity import Response
from .refusal import Refusal

if TYPE_CHECKING:
    from .stub import Answer

MOST = 1000
_INHERITED = frozenset({"authorization", "cookie", "user-agent"})
Ask = Callable[[Call, Transaction], "Answer"]


class _Part(msgspec.Struct, frozen=True):
    """One request of a batch; `name` is what its reply is known by."""

    call: Call
    name: str = ""


class _Undone(Exception):
    """A request of an atomic batch was refused: no error, but the way out of its transaction."""


def answered(
    ctx: Context, tx: Transaction, entry: Mapping[str, Any], ask: Ask, is_batch: Callable[[Call], bool]
) -> Response:
    """Answer all requests of a batch in their order. Raises Refusal for what is none, and for batches in a batch."""
    mixed = (ctx.header("content-type") or "").lower().startswith("multipart/")
    parts = list(_mime_parts(ctx.call) if mixed else _json_parts(ctx, entry))
    most = entry.get("most", MOST)
    if len(parts) > most:
        raise Refusal.of("too_long", param=entry.get("requests") or None, limit=most)
    replies: list[Reply] = []
    effects: list[Effect] = []
    try:
        with tx.savepoint():
            for part in parts:
                if is_batch(part.call):
                    raise Refusal.of("invalid_body", reason="a batch in a batch")
                answer = ask(part.call, tx)
                replies.append(answer.reply)
                effects.extend(answer.effects)
                ctx.failure = ctx.failure or answer.error
                _go_on(answer.reply, atomic=bool(entry.get("atomic")))
    except _Undone:
        effects.clear()
        replies = _dependent(replies, len(parts))
    ctx.effects.extend(effects)
    if mixed:
        return _mime_reply(ctx, parts, replies)
    return Response(entry.get("status", 200), _json_reply(entry, parts, replies))


def _go_on(reply: Reply, *, atomic: bool) -> None:
    if atomic and reply.status >= 400:
        raise _Undone


def _dependent(replies: list[Reply], count: int) -> list[Reply]:
    """What an atomic batch says of each request when one was refused: that one's reply, and 424 for the others (RFC 4918)."""
    other = Reply(424, (("Content-Type", "application/json"),), b"{}")
    return [*(other for _ in replies[:-1]), replies[-1], *(other for _ in range(count - len(replies)))]


def _json_parts(ctx: Context, entry: Mapping[str, Any]) -> Iterator[_Part]:
    key = entry.get("requests", "")
    written: Any = ctx.body
    if key and isinstance(written, dict):
        written = written.get(key)
    if isinstance(written, str):  # a form's field that holds the list as JSON
        try:
            written = msgspec.json.decode(written)
        except msgspec.DecodeError:
            raise Refusal.of("invalid_array", param=key, value=written) from None
    if not isinstance(written, list):
        raise Refusal.of("invalid_array", param=key or None, value=written)
    for place, one in enumerate(written):
        path = one.get(entry.get("path", "path")) if isinstance(one, dict) else None
        if not isinstance(path, str):
            name = entry.get("path", "path")
            raise Refusal.of("missing", param=f"{key}[{place}][{name}]" if key else f"[{place}][{name}]", leaf=name)
        body = one.get(entry.get("body", "body"))
        raw = b"" if body is None else body.encode() if isinstance(body, str) else msgspec.json.encode(body)
        given = one.get(entry.get("headers", "headers"))
        headers = [(str(name), str(value)) for name, value in given.items()] if isinstance(given, dict) else []
        if raw and not any(name.lower() == "content-type" for name, _ in headers):
            form = isinstance(body, str) and not body.lstrip().startswith(("{", "["))
            headers.append(("content-type", "application/x-www-form-urlencoded" if form else "application/json"))
        method = str(one.get(entry.get("method", "method"), "GET")).upper()
        yield _Part(_call(ctx.call, method, path, headers, raw), str(one.get(entry.get("id", "id"), "")))


def _json_reply(entry: Mapping[str, Any], parts: list[_Part], replies: list[Reply]) -> Any:
    made = []
    for part, reply in zip(parts, replies, strict=True):
        headers = {name.lower(): value for name, value in reply.headers}
        body = msgspec.json.decode(reply.body) if reply.body and "json" in headers.get("content-type", "") else None
        one = {
            entry.get("code", "status"): reply.status,
            entry.get("headers", "headers"): headers,
            entry.get("body", "body"): body
            if reply.body and body is not None
            else reply.body.decode("utf-8", "replace") or None,
        }
        if part.name:
            one[entry.get("id", "id")] = part.name
        made.append(one)
    return {entry["replies"]: made} if "replies" in entry else made


def _mime_parts(call: Call) -> Iterator[_Part]:
    kind = call.header("content-type") or ""
    message = message_from_bytes(b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + call.body)
    if not message.is_multipart():
        raise Refusal.of("invalid_body", reason="no parts")
    for part in message.get_payload():
        if not isinstance(part, Message):
            raise Refusal.of("invalid_body", reason="a part that can't be read")
        payload = part.get_payload(decode=True)
        raw = (payload if isinstance(payload, bytes) else b"").lstrip()
        line, _, rest = raw.partition(b"\n")
        words = line.decode("latin-1").split()
        if len(words) < 2:
            raise Refusal.of("invalid_body", reason="a part that is no request")
        head, _, body = rest.replace(b"\r\n", b"\n").partition(b"\n\n")
        fields = [field.partition(":") for field in head.decode("latin-1").split("\n") if ":" in field]
        headers = [(name.strip(), value.strip()) for name, _, value in fields]
        yield _Part(_call(call, words[0].upper(), words[1], headers, body.rstrip(b"\n")), part.get("Content-ID", ""))


def _mime_reply(ctx: Context, parts: list[_Part], replies: list[Reply]) -> Response:
    boundary = f"batch_{ctx.token(24)}"
    out = []
    for part, reply in zip(parts, replies, strict=True):
        head = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        name = f"Content-ID: <response-{part.name.strip('<>')}>\r\n" if part.name else ""
        out.append(
            f"--{boundary}\r\nContent-Type: application/http\r\n{name}\r\nHTTP/1.1 {reply.status} \r\n{head}\r\n".encode(
                "latin-1"
            )
            + reply.body
            + b"\r\n"
        )
    body = b"".join(out) + f"--{boundary}--\r\n".encode()
    return Response(200, body, {"Content-Type": f"multipart/mixed; boundary={boundary}"})


def _call(whole: Call, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Call:
    """A request of a batch as a call of its own: it has the whole's key where it brings none."""
    given = {name.lower() for name, _ in headers}
    kept = [header for header in whole.headers if header[0].lower() in _INHERITED - given]
    split = urlsplit(target)
    path = split.path if split.path.startswith("/") else f"/{split.path}"
    return replace(whole, method=method, path=path, query=split.query, headers=(*kept, *headers), body=body, upgrade="")
