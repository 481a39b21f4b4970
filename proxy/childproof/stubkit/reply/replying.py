"""A stub's HTTP replies, as its service words them: what an operation made, what was refused, the headers of both."""

from collections.abc import Iterable
from typing import Any

import msgspec

from childproof.model import Call, Reply
from childproof.model.grpc import is_grpc
from childproof.stubkit.clock import http_date
from childproof.stubkit.context.context import Context
from childproof.stubkit.entity import Response
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.service import Plan, Service
from childproof.stubkit.streams import procedures
from childproof.stubkit.streams.streaming import Streamed
from childproof.world.transaction import Transaction

from .rendering import JSON, encode, link_header, shown

_NO_BODY = (204, 304)


class Frame(msgspec.Struct, frozen=True):
    """What one HTTP call carries through its answering: `headers` are in each of its replies."""

    call: Call
    tx: Transaction
    headers: tuple[tuple[str, str], ...]
    request_id: str | None


def headers(service: Service, call: Call, tx: Transaction) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """The headers of every reply of this stub, and the request id among them."""
    out = [("Date", http_date(tx.now()))]
    request_id = None
    for template in service.settings.headers:
        if template.echo:
            value = call.header(template.name) or template.text
            if not value:
                continue
        else:
            value = template.make(tx) if template.make is not None else template.text
        if template.is_request_id:
            request_id = value
        out.append((template.name, value))
    return tuple(out), request_id


def reply(service: Service, ctx: Context, frame: Frame, plan: Plan, made: Any) -> Reply:
    """What an operation made, as the service sends it: expanded, shown, in JSON or XML. Raises Refusal."""
    response = made if isinstance(made, Response) else Response(plan.operation.status, made)
    body = response.body
    if plan.reader.arguments is not None and service.settings.procedures is not None:
        body = service.settings.procedures.succeeded(body)
    if isinstance(body, Streamed):
        return Reply(response.status, (*response.headers.items(), *frame.headers), stream=body.stream)
    if service.settings.expand:
        wanted = ctx.query.get(service.settings.expand)
        if wanted is None and isinstance(ctx.body, dict):
            wanted = ctx.body.get(service.settings.expand)
        if wanted:
            body = service.expander.expand(body, wanted, plan.reply_schema, ctx.find, ctx.compute)
    extra = list(response.headers.items())
    if ctx.pages:
        extra.append(("Link", link_header(ctx.pages)))
    body = shown(body, plan.lists.items, plan.documented)
    xml = service.xml
    if xml is not None and xml.applies(plan.operation) and not isinstance(body, str | bytes):
        body = xml.render(plan.operation, body, frame.request_id)
        extra.append(("Content-Type", plan.operation.reply_type))
    return _render(service, frame, response.status, body, extra)


def _render(service: Service, frame: Frame, status: int, body: Any, extra: Iterable[tuple[str, str]] = ()) -> Reply:
    raw, media = encode(body, service.settings.indent)
    if status in _NO_BODY:
        raw = b""
    told = [*frame.headers, *extra]
    if raw and not any(name.lower() == "content-type" for name, _ in extra):
        said = service.settings.content_type if media == JSON else media
        told.insert(0, ("Content-Type", said))
    if frame.call.method == "HEAD":  # RFC 9110, section 9.3.2: what GET would say
        return Reply(status, (*told, ("Content-Length", str(len(raw)))))
    return Reply(status, tuple(told), raw)


def refused(service: Service, frame: Frame, refusal: Refusal) -> Reply:
    """A refusal in the service's own words."""
    call = frame.call
    if is_grpc(call):
        return procedures.refused(service, refusal, frame.headers)
    context = {
        "method": call.method, "path": call.path, "procedure": call.path.rpartition("/")[2], "host": call.host, "url": f"{call.scheme}://{call.host}{call.path}",
        "request_id": frame.request_id, "now": frame.tx.now() // 1000,
    }  # fmt: skip
    errors = service.errors_at(call.path)
    status, body, raw = errors.render(refusal, context)
    media = "text/plain; charset=utf-8" if isinstance(body, str) else errors.content_type
    if service.settings.indent and media.endswith("json"):
        raw = encode(body, service.settings.indent)[0]
    raw = b"" if call.method == "HEAD" else raw
    told = (*errors.headers(refusal, context), *service.auth.challenge(refusal), *refusal.headers.items())
    return Reply(status, (("Content-Type", media), *frame.headers, *told), raw)
