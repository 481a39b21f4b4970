"""Operations that are only begun: 202 with a resource to poll, which is done once the world's clock has come so far.

Declared by `async` at an operation. What the operation does is done at the end, in a transaction of its own, as if the
call came then; where that is refused, the polled resource says so.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from childproof.model import Call, Protocol
from childproof.stubkit.context.context import Context
from childproof.stubkit.declared.settings import duration
from childproof.stubkit.entity import Entity, Response
from childproof.stubkit.refusal import Refusal
from childproof.world.transaction import Transaction

if TYPE_CHECKING:
    from childproof.stubkit.service import Plan, Service

JOB = "~async"  # no name that a stub can give to a job
Act = Callable[[Context, "Plan"], Any]


def begun(ctx: Context, service: "Service", plan: "Plan", entry: Mapping[str, Any], tx: Transaction) -> Response:
    """Store the resource to poll, put off what comes, and say where to poll."""
    states = entry.get("states", ["pending", "done"])
    field = entry.get("field", "status")
    running = ctx.create(entry["resource"], **{field: states[0]})
    call = ctx.call
    asked = {
        "operation": plan.operation.name, "polled": running.id, "state": 1, "query": ctx.query, "body": ctx.body,
        "path": dict(ctx.path), "tenant": ctx.tenant,
        "call": {"method": call.method, "path": call.path, "query": call.query, "host": call.host,
                 "headers": [list(header) for header in call.headers], "body": b64encode(call.body).decode()},
    }  # fmt: skip
    _put_off(tx, service, entry, asked)
    headers = {entry.get("header", "Location"): _where(service, ctx, entry["resource"], running.id)}
    if "retry_after" in entry:
        headers["Retry-After"] = str(duration(entry["retry_after"]) // 1000)
    return Response(202, running, headers)


def go_on(service: "Service", tx: Transaction, payload: dict[str, Any], act: Act) -> Context:
    """The next state of what was begun; at the last one, `act` does what the operation does."""
    kept = payload["call"]
    call = Call(
        Protocol.HTTP, kept["host"], 443, world=tx.world, method=kept["method"], scheme="https", path=kept["path"],
        query=kept["query"], headers=tuple((name, value) for name, value in kept["headers"]), body=b64decode(kept["body"]),
    )  # fmt: skip
    plan = service.plan(*payload["operation"].split(" ", 1))
    assert plan is not None  # the operation was called, and a document doesn't change under a running world
    entry = (plan.declared or {})["async"]
    ctx = Context(
        service, tx, call, plan=plan, path=payload["path"], query=payload["query"], body=payload["body"],
        tenant=payload["tenant"],
    )  # fmt: skip
    running = ctx.find(entry["resource"], payload["polled"])
    if running is None:
        return ctx  # somebody has taken it away: nothing to be done for
    states = entry.get("states", ["pending", "done"])
    field, number = entry.get("field", "status"), payload["state"]
    if number < len(states) - 1:
        ctx.update(running, **{field: states[number]})
        _put_off(tx, service, entry, {**payload, "state": number + 1})
        return ctx
    changes: dict[str, Any] = {field: states[-1]}
    try:
        with tx.savepoint():
            made = act(ctx, plan)
        body = made.body if isinstance(made, Response) else made
        if "result" in entry:
            changes[entry["result"]] = body.id if isinstance(body, Entity) else body
    except Refusal as refusal:
        ctx.effects.clear()
        _, told, _ = service.errors.render(refusal, {"method": call.method, "path": call.path})
        changes = {field: entry.get("failed", "failed")}
        if "error" in entry:
            changes[entry["error"]] = told
    ctx.update(running, **changes)
    return ctx


def _put_off(tx: Transaction, service: "Service", entry: Mapping[str, Any], payload: dict[str, Any]) -> None:
    states = entry.get("states", ["pending", "done"])
    after = duration(entry.get("after", "0s"))
    at, before = after * payload["state"] // (len(states) - 1), after * (payload["state"] - 1) // (len(states) - 1)
    tx.schedule(tx.now() + at - before, service.name, JOB, payload)


def _where(service: "Service", ctx: Context, resource: str, id: str) -> str:  # noqa: A002 - the concept's name
    """The address of the resource to poll."""
    kind = service.registry.named(resource)
    collection = kind.path or f"/{resource}s"
    item = service.inference.item_path(collection) if service.inference is not None else ""
    path = (item[: item.rindex("{")] if item else f"{collection}/") + id
    for name, value in ctx.path.items():
        path = path.replace("{" + name + "}", value)
    return f"{service.base}{path}"
