"""gRPC methods that a stub answers: messages in, messages out, a status at the end.

A request is read to its end before it is answered, so a client may send several messages, but not wait for answers in
between. A function that gives one message answers a unary call; a list or generator of messages makes it stream.
"""

import re
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from childproof.model import Call, Effect, Part, Reply, Stream
from childproof.model.grpc import CODES, grpc_code, grpc_refusal, grpc_trailers
from childproof.stubkit.context.context import Context
from childproof.stubkit.entity import Response
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.service import Service
from childproof.world.transaction import Transaction

from .messages import Codec

if TYPE_CHECKING:
    from .streaming import Items

MOST = 64 << 20  # bytes of a request once it is unpacked
_PREFIX = 5  # a flag and the length of what follows
_TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}

Headers = tuple[tuple[str, str], ...]


def answered(service: Service, call: Call, tx: Transaction, headers: Headers) -> tuple[Reply, tuple[Effect, ...], bool]:
    """The reply to a gRPC call, its effects, and whether the stub has the method."""
    behaviour = service.behaviours.rpcs.get(call.path)
    ctx = Context(service, tx, call)
    try:
        service.auth.check(call, tx)
        if behaviour is None:
            return grpc_refusal(CODES["UNIMPLEMENTED"], _unknown(service, call.path), headers), (), False
        codec = service.codec(call.path)
        ctx.messages = [codec.decode(raw) for raw in unframed(call)]
        first = ctx.messages[0] if ctx.messages else codec.decode(b"")
        with tx.savepoint():
            made = behaviour(ctx, first)
            reply = _reply(ctx, service, codec, made, headers)
    except Refusal as refusal:
        return refused(service, refusal, headers), (), behaviour is not None
    return reply, tuple(ctx.effects), True


def refused(service: Service, refusal: Refusal, headers: Headers) -> Reply:
    """A refusal before anything was answered."""
    return grpc_refusal(*worded(service, refusal), headers)


def worded(service: Service, refusal: Refusal) -> tuple[int, str]:
    """A refusal as a status: its code where that is one of gRPC's by name, else the one for its HTTP status."""
    status, values = service.errors.words(refusal, {})
    named = CODES.get(str(refusal.code or "").upper())
    return (grpc_code(status) if named is None else named), str(values.get("message") or refusal)


def unframed(call: Call) -> Iterator[bytes]:
    """The messages of a request's body. Raises Refusal for what is cut off or packed in a way that nobody knows."""
    body, place, left = call.body, 0, MOST
    while place < len(body):
        if len(body) - place < _PREFIX:
            raise Refusal(400, "INVALID_ARGUMENT", "the request ends within a message's prefix")
        packed, size = body[place], int.from_bytes(body[place + 1 : place + _PREFIX])
        raw = body[place + _PREFIX : place + _PREFIX + size]
        if len(raw) < size:
            raise Refusal(400, "INVALID_ARGUMENT", "the request ends within a message")
        place += _PREFIX + size
        if packed:
            raw = _unpacked(raw, call.header("grpc-encoding") or "", left)
        left -= len(raw)
        yield raw


def framed(message: bytes) -> bytes:
    """A message as it stands on the wire, not packed."""
    return b"\0" + len(message).to_bytes(4) + message


def deadline(call: Call) -> float | None:
    """The seconds after which the client gives up (`grpc-timeout`); None where it doesn't say."""
    found = _TIMEOUT.fullmatch(call.header("grpc-timeout") or "")
    return int(found[1]) * _UNITS[found[2]] if found is not None else None


def _reply(ctx: Context, service: Service, codec: Codec, made: Any, headers: Headers) -> Reply:
    response = made if isinstance(made, Response) else Response(200, made)
    body = response.body
    several = isinstance(body, list | tuple | Iterator)
    items: Items = body if several else (body,)
    if not several:
        items = (codec.encode({} if body is None else body),)  # now, so that a message that can't be is refused whole

    def encode(item: Any) -> bytes:
        return framed(item if not several else codec.encode(item))

    parts = _ended(ctx._parts(items, encode), service, deadline(ctx.call))  # noqa: SLF001 - one unit with the context
    given = (("content-type", "application/grpc"), *headers, *response.headers.items())
    return Reply(200, given, stream=parts)


def _ended(parts: Stream, service: Service, seconds: float | None) -> Stream:
    """The same parts, with a status at the end, at the latest when the client has given up."""
    value: Any = None
    error: Exception | None = None
    passed = 0.0
    try:
        while True:
            try:
                item = parts.throw(error) if error is not None else parts.send(value)
            except StopIteration as end:
                return (*grpc_trailers(CODES["OK"]), *(end.value or ()))
            except Refusal as refusal:
                return grpc_trailers(*worded(service, refusal))
            value = error = None
            if isinstance(item, Part):
                passed += item.delay
                if seconds is not None and passed > seconds:
                    yield Part(b"", max(0.0, item.delay - (passed - seconds)))
                    return grpc_trailers(CODES["DEADLINE_EXCEEDED"], "Deadline Exceeded")
                yield item
                continue
            try:
                value = yield item
            except Exception as failure:  # noqa: BLE001 - raised where the step was asked for
                error = failure
    finally:
        parts.close()


def _unknown(service: Service, path: str) -> str:
    name, _, method = path.strip("/").rpartition("/")
    known = any(rpc.startswith(f"/{name}/") for rpc in service.behaviours.rpcs)
    return f"unknown method {method} for service {name}" if known else f"unknown service {name}"


def _unpacked(raw: bytes, coding: str, most: int) -> bytes:
    if coding != "gzip":
        raise Refusal(501, "UNIMPLEMENTED", f"grpc: Decompressor is not installed for grpc-encoding {coding!r}")
    try:
        unpacker = zlib.decompressobj(31)
        out = unpacker.decompress(raw, max(1, most))
    except zlib.error:
        raise Refusal(400, "INTERNAL", "a message that can't be unpacked") from None
    if not unpacker.eof:
        raise Refusal(429, "RESOURCE_EXHAUSTED", f"a request of more than {MOST} bytes, unpacked")
    return out
