"""Trying a stub out: some of its resources created, retrieved, listed, changed and deleted, in a world of their own.

What is sent is made up from the document's schemas, and every reply is compared with them. So an author sees what a
document gives before writing a line, and tests hold it for documents that nobody wrote for this.
"""

import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from childproof.model import Call, Protocol
from childproof.stubkit.context.context import Context
from childproof.stubkit.document.openapi import Operation
from childproof.stubkit.document.routing import parameters
from childproof.stubkit.generic import generic
from childproof.stubkit.invented.synth import Synthesizer
from childproof.stubkit.stub import Answer, Stub
from childproof.world.clock import ClockSettings
from childproof.world.store import Store
from childproof.world.world import World

_START = 1767603600000
_CHANGES = ("PUT", "PATCH")


class Step(msgspec.Struct, frozen=True):
    """One call: its operation, the status that came, and what was wrong with it (nothing: it went well)."""

    operation: str
    status: int
    faults: tuple[str, ...]


class Rehearsed(msgspec.Struct, frozen=True):
    """What became of one resource."""

    resource: str
    steps: tuple[Step, ...]

    @property
    def faults(self) -> list[str]:
        """Everything that was wrong, with its operation."""
        return [f"{step.operation}: {fault}" for step in self.steps for fault in step.faults]


def rehearse(stub: Stub, most: int = 5) -> list[Rehearsed]:
    """Try up to `most` resources that are created at a path without parameters. Empty where there are none."""
    api, inference = stub.service.api, stub.service.inference
    if api is None or inference is None:
        return []
    out: list[Rehearsed] = []
    with Store.open(":memory:", wall=lambda: _START) as store:
        store.create("main", seed=7, clock=ClockSettings(_START, "frozen"))
        for path in api.paths:
            operation = api.operation("POST", path) if "{" not in path else None
            if operation is None or not _plain(operation):
                continue
            inferred = inference.operation(operation)
            if inferred.action == "create" and inferred.item:
                out.append(_Rehearsal(stub, store.world("main")).run(operation, inferred.item))
                if len(out) == most:
                    break
    return out


def _plain(operation: Operation) -> bool:
    return (
        operation.request_schema is None or "json" in operation.request_type or "urlencoded" in operation.request_type
    )


class _Rehearsal:
    def __init__(self, stub: Stub, world: World) -> None:
        self._stub = stub
        self._world = world
        assert stub.service.api is not None
        self._api = stub.service.api

    def run(self, creation: Operation, item: str) -> Rehearsed:
        plan = self._stub.service.plan("POST", creation.path)
        assert plan is not None
        assert plan.resource is not None
        return Rehearsed(plan.resource.name, tuple(self._steps(creation, item, plan.resource.id_field)))

    def _steps(self, creation: Operation, item: str, id_field: str) -> Iterator[Step]:
        plan = self._stub.service.plan("POST", creation.path)
        assert plan is not None
        assert plan.resource is not None
        made, step = self._call(creation, creation.path)
        yield step
        if made.reply.status >= 300:
            return
        with self._world.transaction() as tx:
            stored = tx.list(self._stub.name, plan.resource.name, newest_first=True, limit=1)
        if not stored:
            yield Step(creation.name, made.reply.status, ("nothing was stored",))
            return
        mine = str(stored[0].get(id_field))
        path = item.replace("{" + parameters(item)[-1] + "}", quote(mine, safe=""))
        for method in ("GET", *_CHANGES):
            operation = self._api.operation(method, item)
            if operation is not None and _plain(operation):
                yield self._call(operation, path)[1]
        listing = self._api.operation("GET", creation.path)
        if listing is not None:
            yield self._call(listing, creation.path)[1]
        deletion, retrieval = self._api.operation("DELETE", item), self._api.operation("GET", item)
        if deletion is not None and _plain(deletion):
            yield self._call(deletion, path)[1]
            if retrieval is not None and self._stub.service.plan("GET", item) is not None:
                yield self._gone(retrieval, path)

    def _gone(self, retrieval: Operation, path: str) -> Step:
        """What was deleted is gone, unless the document's retrieval is none of a stored thing."""
        answer, _ = self._call(retrieval, path)
        plan = self._stub.service.plan("GET", retrieval.path)
        stored = plan is not None and plan.action == "retrieve" and plan.resource is not None
        there = stored and answer.reply.status < 300 and b'"deleted":true' not in answer.reply.body
        return Step(retrieval.name, answer.reply.status, ("still there after it was deleted",) if there else ())

    def _call(self, operation: Operation, path: str) -> tuple[Answer, Step]:
        maker = Synthesizer(self._api, random.Random(3), _START)  # noqa: S311 - made up, not secret
        query = {
            str(one["name"]): _text(maker.value(one.get("schema") or {}, str(one["name"])))
            for one in operation.parameters
            if one.get("in") == "query" and one.get("required")
        }
        plan = self._stub.service.plan(operation.method, operation.path)
        if plan is not None and plan.lists.limit_name in query:
            query[plan.lists.limit_name] = str(plan.lists.default)
        headers = {
            str(one["name"]): str(_text(maker.value(one.get("schema") or {}, str(one["name"]))))
            for one in operation.parameters
            if one.get("in") == "header" and one.get("required")
        }
        headers |= self._stub.service.auth.example()
        body = b""
        if operation.request_schema is not None and operation.method not in {"GET", "DELETE"}:
            value = maker.value(operation.request_schema, "", -1)
            self._refer(operation, value)
            form = "urlencoded" in operation.request_type
            body = urlencode(list(_pairs(value))).encode() if form else msgspec.json.encode(value)
            headers["Content-Type"] = operation.request_type.partition(";")[0] if form else "application/json"
        service = self._stub.service
        host, base = service.address(operation)
        call = Call(
            Protocol.HTTP, host, 443, scheme="https", world=self._world.name, method=operation.method,
            path=base + path, query=urlencode(query, doseq=True), headers=tuple(headers.items()), body=body, tls=True,
        )  # fmt: skip
        with self._world.transaction() as tx:
            answer = self._stub.answer(call, tx)
        reply = answer.reply
        if answer.error:
            return answer, Step(operation.name, reply.status, (answer.error.strip().splitlines()[-1],))
        conformance = service.conformance
        misfits = (
            conformance.misfits(operation.method, operation.path, reply.status, reply.headers, reply.body)
            if conformance
            else []
        )
        faults = [str(misfit) for misfit in misfits or ()]
        if reply.status >= 300 and reply.status != operation.status:
            faults.append(f"refused with {reply.status}: {reply.body[:200].decode(errors='replace')}")
        return answer, Step(operation.name, reply.status, tuple(faults))

    def _refer(self, operation: Operation, value: Any) -> None:
        """Let the fields that refer to others refer to something that is there."""
        plan = self._stub.service.plan(operation.method, operation.path)
        if plan is None or plan.resource is None or not isinstance(value, dict):
            return
        fields = value.get(plan.unwrap) if plan.unwrap else value
        service = self._stub.service
        for name, target in plan.resource.refs.items():
            if isinstance(fields, dict) and isinstance(fields.get(name), str | int):
                kind = service.registry.named(target)
                with self._world.transaction() as tx:
                    ctx = Context(service, tx, Call(Protocol.HTTP, service.host, 443), quiet=True)
                    there = tx.list(service.name, kind.name, limit=1) or [generic.invent(ctx, service, kind, tx)]
                fields[name] = there[0][kind.id_field]


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(one) for one in value]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _pairs(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _pairs(inner, f"{prefix}[{key}]" if prefix else str(key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _pairs(inner, f"{prefix}[{place}]")
    elif value is not None:
        yield prefix, str(_text(value))
