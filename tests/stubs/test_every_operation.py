"""Every operation of every shipped stub's document gets an answer in the service's voice: never an exception, never a 5xx."""

import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from childproof.catalog import load_catalog
from childproof.catalog.shipped import shipped
from childproof.model import Call, Protocol
from childproof.stubkit.cases.matching import pairs as form_pairs
from childproof.stubkit.document.openapi import Operation
from childproof.stubkit.invented.synth import Synthesizer
from childproof.stubkit.stub import Answer, Stub
from childproof.world.clock import ClockSettings
from childproof.world.store import Store
from tests.stubs.there import there

START = 1767603600000
CATALOG = load_catalog()
NAMES = sorted(path.parent.name for path in shipped("stubs").glob("*/stub.yaml"))
STUBS = [name for name in NAMES if CATALOG.get(name).service.api is not None]


def asked(stub: Stub, operation: Operation, rng: random.Random, known: dict[str, str]) -> Call:
    """A call of an operation with invented values; ids of path parameters from what was created before, if anything."""
    service = stub.service
    assert service.api is not None
    maker = Synthesizer(service.api, rng, START)
    known_there = there(stub, operation)
    path = re.sub(
        r"\{([^{}]+)\}",
        lambda fit: known_there.get(fit[1]) or known.get(_resource(stub, operation, fit[1]), "nothing_1"),
        operation.path,
    )
    query = {
        str(parameter["name"]): maker.value(parameter.get("schema") or {}, str(parameter["name"]))
        for parameter in operation.parameters
        if parameter.get("in") == "query" and parameter.get("required")
    }
    body, headers = b"", dict(service.auth.example())
    if operation.request_schema is not None and operation.method != "GET":
        value = maker.value(operation.request_schema)
        form = service.settings.body == "form"
        body = urlencode(form_pairs(value)).encode() if form else msgspec.json.encode(value)
        headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
    host, base = service.address(operation)
    return Call(
        Protocol.HTTP, host, 443, scheme="https", method=operation.method, path=base + path,
        query=urlencode(form_pairs(query)), headers=tuple(headers.items()), body=body,
    )  # fmt: skip


def _resource(stub: Stub, operation: Operation, parameter: str) -> str:
    found = stub.service.registry.of_parameter(operation.path, parameter)
    return found.name if found is not None else parameter


def answers(stub: Stub, store: Store) -> Iterator[tuple[Operation, Answer, Any]]:
    assert stub.service.api is not None
    world = store.create(stub.name, seed=1, clock=ClockSettings(START, "step", 1000))
    rng = random.Random(1)
    known: dict[str, str] = {}
    order = {"POST": 0, "GET": 1, "PUT": 2, "PATCH": 2, "DELETE": 3}
    operations = sorted(
        stub.service.api.operations(),
        key=lambda one: (one.method == "DELETE", len(one.path_parameters), order.get(one.method, 4)),
    )
    for operation in operations:
        with world.transaction() as tx:
            answer = stub.answer(asked(stub, operation, rng, known), tx)
        assert not answer.error, answer.error
        try:
            body = msgspec.json.decode(answer.reply.body) if answer.reply.body else None
        except msgspec.DecodeError:
            body = answer.reply.body
        if answer.reply.status < 300 and isinstance(body, dict) and isinstance(body.get("id"), str):
            plan = stub.service.plan(operation.method, operation.path)
            if plan is not None and plan.resource is not None and operation.method == "POST":
                known.setdefault(plan.resource.name, body["id"])
        yield operation, answer, body


@pytest.mark.parametrize("name", STUBS)
def test_every_operation_is_answered(name: str) -> None:
    fine = total = 0
    with Store.open(":memory:", wall=lambda: START) as store:
        for operation, answer, _ in answers(CATALOG.get(name), store):
            assert answer.reply.status < 500, (operation.name, answer.reply)
            assert answer.operation == operation.name
            total += 1
            fine += answer.reply.status < 300
    assert fine > total / 3, f"only {fine} of {total} operations took an invented request"
