"""One stub: from a call to its answer, inside the call's transaction.

The order is the vendors': authenticate, replay an idempotent request, find the operation, read and check the request,
act, word the reply. Whatever an operation refuses is undone; what the request left behind otherwise is kept.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import msgspec

from childproof.model import Call, Effect, Fidelity, Protocol, Reply
from childproof.world.transaction import Transaction

from . import generic
from .auth import TOKENS
from .clock import http_date
from .context import Context, public
from .entity import Response
from .errors import text
from .lists import put
from .outcome import render_outcomes
from .refusal import Refusal
from .service import Plan, Service

_KEYS = "_idempotency"
_SEEDED = "_seeded"
_RATES = "_rates"
_NO_BODY = (204, 304)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a stub made of a call. `operation` is None for a gap and for what isn't HTTP's."""

    reply: Reply
    operation: str | None
    fidelity: Fidelity
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class _Frame:
    """What one HTTP call carries through its answering."""

    call: Call
    tx: Transaction
    headers: tuple[tuple[str, str], ...]
    request_id: str | None


class Stub:
    """The fake of one service. Immutable; all state is in the transaction that each call brings."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.name = service.name
        self.hosts = service.manifest.hosts

    def answer(self, call: Call, tx: Transaction) -> Answer:
        """Answer a call within its transaction. A refusal is an answer; an exception is a bug of ours or the stub's."""
        self._seed(tx)
        if call.protocol is not Protocol.HTTP:
            return self._receive(call, tx)
        headers, request_id = self._headers(call, tx)
        frame = _Frame(call, tx, headers, request_id)
        found = self.service.find(call)
        name = found[0].operation.name if found is not None else None
        fidelity = found[0].fidelity if found is not None else Fidelity.GAP
        try:
            if found is None or found[0].operation.security != []:
                self.service.auth.check(call, tx)
            limited = self._limit(frame)
            frame = replace(frame, headers=(*frame.headers, *limited))
            replayed = self._replay(frame)
            if replayed is not None:
                return Answer(replayed, name, fidelity)
            if found is None:
                raise Refusal.of("unknown_url")
            plan, path = found
            query, body = plan.reader.query(call), plan.reader.body(call)
        except Refusal as refusal:
            return Answer(self._refused(frame, refusal), name, fidelity)
        ctx = Context(self.service, tx, call, plan=plan, path=path, query=query, body=body, request_id=request_id)
        reply = self._act(ctx, frame, plan)
        self._remember(frame, reply)
        return Answer(reply, name, fidelity, tuple(ctx.effects))

    def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
        """Do scheduled work (`@job`). Gives its effects. LookupError for a job that the stub doesn't have."""
        behaviour = self.service.behaviours.jobs.get(job)
        if behaviour is None:
            raise LookupError(f"the stub {self.name} has no @job({job!r})")
        ctx = Context(self.service, tx, Call(protocol=Protocol.HTTP, host=self._host(), port=443, world=tx.world))
        with tx.savepoint():
            behaviour(ctx, payload)
        return tuple(ctx.effects)

    def outcomes(self, effects: Iterable[Effect]) -> str:
        """What the effects amount to, in the stub's own words; "" where nothing is worth telling."""
        return render_outcomes(self.service.outcomes, effects)

    # --- acting

    def _act(self, ctx: Context, frame: _Frame, plan: Plan) -> Reply:
        try:
            with frame.tx.savepoint():
                try:
                    made = self._perform(ctx, plan, frame.tx)
                    return self._reply(ctx, frame, plan, made)
                except Refusal as refusal:
                    if refusal.keep_changes:
                        return self._refused(frame, refusal)
                    raise
        except Refusal as refusal:
            ctx.effects.clear()
            return self._refused(frame, refusal)

    def _perform(self, ctx: Context, plan: Plan, tx: Transaction) -> Any:
        if plan.behaviour is not None:
            return plan.behaviour(ctx, **ctx.path)
        if plan.declared is not None:
            return generic.declared(ctx, self.service, plan, tx)
        return generic.perform(ctx, self.service, plan, tx)

    def _reply(self, ctx: Context, frame: _Frame, plan: Plan, made: Any) -> Reply:
        response = made if isinstance(made, Response) else Response(plan.operation.status, made)
        body = response.body
        if self.service.settings.expand:
            wanted = ctx.query.get(self.service.settings.expand)
            if wanted is None and isinstance(ctx.body, dict):
                wanted = ctx.body.get(self.service.settings.expand)
            if wanted:
                body = self.service.expander.expand(body, wanted, plan.reply_schema, ctx.find, ctx.compute)
        extra = list(response.headers.items())
        if plan.lists.style == "link" and ctx.page_following is not None:
            extra.append(("Link", _link(frame.call, plan.lists.cursor, ctx.page_following)))
        return self._render(frame, response.status, _shown(body, plan.lists.items), extra)

    def _render(self, frame: _Frame, status: int, body: Any, extra: Iterable[tuple[str, str]] = ()) -> Reply:
        raw, media = _encode(body, self.service.settings.indent)
        if status in _NO_BODY:
            raw = b""
        headers = [*frame.headers, *extra]
        if raw and not any(name.lower() == "content-type" for name, _ in extra):
            headers.insert(0, ("Content-Type", media))
        return Reply(status, tuple(headers), b"" if frame.call.method == "HEAD" else raw)

    def _refused(self, frame: _Frame, refusal: Refusal) -> Reply:
        call = frame.call
        context = {
            "method": call.method, "path": call.path, "host": call.host, "url": f"{call.scheme}://{call.host}{call.path}",
            "request_id": frame.request_id, "now": frame.tx.now() // 1000,
        }  # fmt: skip
        errors = self.service.errors
        status, body, raw = errors.render(refusal, context)
        if self.service.settings.indent and errors.content_type.endswith("json"):
            raw = _encode(body, self.service.settings.indent)[0]
        raw = b"" if call.method == "HEAD" else raw
        return Reply(status, (("Content-Type", errors.content_type), *frame.headers), raw)

    # --- around it

    def _receive(self, call: Call, tx: Transaction) -> Answer:
        behaviour = self.service.behaviours.receivers.get(call.protocol.value)
        if behaviour is None:
            return Answer(Reply(550, (), f"{self.name} takes no {call.protocol.value}".encode()), None, Fidelity.GAP)
        ctx = Context(self.service, tx, call)
        name = f"{call.protocol.value.upper()} message"
        try:
            with tx.savepoint():
                made = behaviour(ctx)
        except Refusal as refusal:
            status, values = self.service.errors.words(refusal, {})
            return Answer(Reply(status, (), text(values.get("message")).encode()), name, Fidelity.MODELLED)
        response = made if isinstance(made, Response) else Response(250, "OK")
        body = response.body if isinstance(response.body, bytes) else text(response.body).encode()
        return Answer(Reply(response.status, (), body), name, Fidelity.MODELLED, tuple(ctx.effects))

    def _headers(self, call: Call, tx: Transaction) -> tuple[tuple[tuple[str, str], ...], str | None]:
        """The headers of every reply of this stub, and the request id among them."""
        out = [("Date", http_date(tx.now()))]
        request_id = None
        for template in self.service.settings.headers:
            if template.echo:
                value = call.header(template.name) or template.text
                if not value:
                    continue
            else:
                value = template.make(tx) if template.make is not None else template.text
            if "request-id" in template.name.lower():
                request_id = value
            out.append((template.name, value))
        return tuple(out), request_id

    def _limit(self, frame: _Frame) -> list[tuple[str, str]]:
        """Count the call against the rate limit; the headers that tell of it. Raises Refusal (rate_limited)."""
        rate = self.service.settings.rate_limit
        if rate is None:
            return []
        window = frame.tx.now() // rate.per
        row = frame.tx.get(_RATES, self.name, "window") or {}
        count = int(row["count"]) + 1 if row.get("window") == window else 1
        frame.tx.put(_RATES, self.name, "window", {"window": window, "count": count})
        values = {
            "limit": rate.calls,
            "remaining": max(0, rate.calls - count),
            "reset": (window + 1) * rate.per // 1000,
            "reset_after": -(-((window + 1) * rate.per - frame.tx.now()) // 1000),
        }
        if count > rate.calls:
            raise Refusal.of("rate_limited", **values)
        return [(name, _fill(template, values)) for name, template in rate.headers.items()]

    def _replay(self, frame: _Frame) -> Reply | None:
        """The reply that this idempotency key got before. Raises Refusal where it was used for another request."""
        key = self._key(frame.call)
        if key is None:
            return None
        row = frame.tx.get(_KEYS, self.name, key)
        if row is None:
            return None
        settings = self.service.settings.idempotency
        assert settings is not None
        if row["fingerprint"] != _fingerprint(frame.call):
            raise Refusal.of(
                "idempotency_conflict", key=key, **({"status": settings.conflict} if settings.conflict else {})
            )
        values = {"original_request_id": row["request_id"], "key": key}
        again = [(name, _fill(template, values)) for name, template in settings.replay_headers.items()]
        kept = tuple((name, value) for name, value in row["headers"])
        return Reply(row["status"], (*kept, *again), base64.b64decode(row["body"]))

    def _remember(self, frame: _Frame, reply: Reply) -> None:
        key = self._key(frame.call)
        if key is None:
            return
        row = {
            "fingerprint": _fingerprint(frame.call),
            "request_id": frame.request_id or "",
            "status": reply.status,
            "headers": [list(header) for header in reply.headers],
            "body": base64.b64encode(reply.body).decode(),
        }
        frame.tx.put(_KEYS, self.name, key, row)

    def _key(self, call: Call) -> str | None:
        settings = self.service.settings.idempotency
        if settings is None or call.method not in settings.methods:
            return None
        return call.header(settings.header) or None

    def _seed(self, tx: Transaction) -> None:
        """What a fresh world holds, on the first call to this stub in it."""
        seeds = self.service.seeds
        if not seeds or tx.get(_SEEDED, self.name, "done") is not None:
            return
        tx.put(_SEEDED, self.name, "done", {"at": tx.now()})
        call = Call(protocol=Protocol.HTTP, host=self._host(), port=443, world=tx.world)
        ctx = Context(self.service, tx, call, quiet=True)
        for token in seeds.get("tokens", ()):
            tx.put(TOKENS, self.name, str(token), {"token": token})
        for resource, entities in seeds.items():
            if resource == "tokens":
                continue
            id_field = self.service.registry.named(resource).id_field
            for entity in entities:
                given = {name: value for name, value in entity.items() if name != id_field}
                ctx.create(resource, str(entity[id_field]) if id_field in entity else None, **given)

    def _host(self) -> str:
        return self.hosts[0].removeprefix("*.")


def _shown(body: Any, items: str | None) -> Any:
    """A reply without the fields that only the stub knows: of an entity, and of the entities in a list."""
    if isinstance(body, list):
        return [public(item) if isinstance(item, dict) else item for item in body]
    if not isinstance(body, dict):
        return body
    shown = public(body)
    if items is not None and "." not in items and isinstance(shown.get(items), list):
        shown[items] = _shown(shown[items], None)
    elif items is not None and "." in items:
        node: Any = shown
        for step in items.split("."):
            node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, list):
            put(shown, items, _shown(node, None))
    return shown


def _encode(body: Any, indent: int) -> tuple[bytes, str]:
    if body is None:
        return b"", "application/json"
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    raw = msgspec.json.encode(body)
    return (msgspec.json.format(raw, indent=indent) if indent else raw), "application/json"


def _fill(template: str, values: Mapping[str, Any]) -> str:
    for name, value in values.items():
        template = template.replace("{" + name + "}", str(value))
    return template


def _fingerprint(call: Call) -> str:
    return sha256(b"\n".join((call.method.encode(), call.path.encode(), call.query.encode(), call.body))).hexdigest()


def _link(call: Call, parameter: str, following: Any) -> str:
    parts = [part for part in call.query.split("&") if part and not part.startswith(f"{parameter}=")]
    query = "&".join([*parts, f"{parameter}={following}"])
    return f'<{call.scheme}://{call.host}{call.path}?{query}>; rel="next"'
