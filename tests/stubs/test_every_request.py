"""Every operation of every shipped stub's document: a valid request is taken or refused in the vendor's words, and what
is wrong with a request is refused with its name. Each reply is as the document says.
"""

import random
import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest

from childproof.catalog import load_catalog
from childproof.catalog.shipped import shipped
from childproof.model import Call, Fidelity, Protocol
from childproof.stubkit.cases.matching import pairs as form_pairs
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.shape import properties, types
from childproof.stubkit.generic import generic
from childproof.stubkit.invented.synth import Synthesizer
from childproof.stubkit.request.uploads import FORM, write_multipart
from childproof.stubkit.stub import Answer, Stub
from childproof.world.clock import ClockSettings
from childproof.world.store import Store
from childproof.world.transaction import Transaction
from childproof.world.world import World
from tests.stripe_events import event_misfits
from tests.stubs.there import home, there

START = 1767603600000
CATALOG = load_catalog()
STUBS = [
    name
    for name in sorted(path.parent.name for path in shipped("stubs").glob("*/stub.yaml"))
    if CATALOG.get(name).service.api is not None
]


class Caller:
    """Calls the operations of one stub, in one world, with invented values."""

    def __init__(self, stub: Stub, world: World) -> None:
        assert stub.service.api is not None
        self.stub = stub
        self.api: OpenApi = stub.service.api
        self.world = world

    def ids(self, operation: Operation, tx: Transaction) -> dict[str, str]:
        """For each path parameter an id: for behaviour an unknown one, else that of something that is there."""
        service = self.stub.service
        found = {}
        known = there(self.stub, operation)
        for name in operation.path_parameters:
            kind = service.registry.of_parameter(operation.path, name)
            found[name] = known.get(name) or self.choice(operation, name) or "nothing_1"
            # What behaviour works on, behaviour has made: with more in it than the document tells.
            if name not in known and kind is not None and operation.name not in service.behaviours.operations:
                found[name] = generic.invent(home(self.stub, operation, tx), service, kind, tx).id
        return found

    def choice(self, operation: Operation, name: str) -> str:
        """What a path's parameter may be, where the document lists that."""
        nodes = [one.get("schema") or {} for one in operation.parameters if (one["in"], one["name"]) == ("path", name)]
        return next((str(self.api.resolve(node)["enum"][0]) for node in nodes if "enum" in self.api.resolve(node)), "")

    def body(self, operation: Operation) -> Any:
        """What an operation asks for, and nothing more."""
        if operation.request_schema is None or operation.method in {"GET", "HEAD"}:
            return None
        return self.invented(operation.request_schema)

    def query(self, operation: Operation) -> dict[str, Any]:
        asked = [one for one in operation.parameters if one.get("in") == "query" and one.get("required")]
        return {str(one["name"]): self.invented(one.get("schema") or {}, str(one["name"])) for one in asked}

    def invented(self, schema: dict[str, Any], name: str = "") -> Any:
        value = Synthesizer(self.api, random.Random(1), START).value(_asking(self.api, schema), name, 1)
        if not isinstance(value, dict):
            return value
        required = properties(self.api, schema).required
        return {key: inner for key, inner in value.items() if inner is not None or key in required}

    def call(self, operation: Operation, query: Any, body: Any, *, more: str = "") -> tuple[Answer, Any]:
        """Make the call in a transaction that is undone; its answer and the decoded body. Checks what holds of all."""
        service = self.stub.service
        with self.world.transaction() as tx:
            ids = self.ids(operation, tx)
            path = re.sub(r"\{([^{}]+)\}", lambda fit: quote(ids[fit[1]], safe=""), operation.path)
            headers, raw = dict(service.auth.example()), b""
            if body is not None:
                raw, headers["Content-Type"] = self.encoded(operation, body)
            pairs = urlencode(form_pairs(query))
            host, base = service.address(operation)
            call = Call(
                Protocol.HTTP, host, 443, scheme="https", method=operation.method, path=base + path,
                query="&".join(filter(None, (pairs, more))), headers=tuple(headers.items()), body=raw,
            )  # fmt: skip
            answer = self.stub.answer(call, tx)
        reply = answer.reply
        assert service.conformance is not None
        misfits = service.conformance.misfits(operation.method, operation.path, reply.status, reply.headers, reply.body)
        assert not misfits, f"{operation.name}: " + "; ".join(map(str, misfits))
        if service.name == "stripe":
            assert not event_misfits(self.stub, answer.effects), operation.name
        try:
            return answer, msgspec.json.decode(reply.body) if reply.body else None
        except msgspec.DecodeError:
            return answer, reply.body.decode()

    def encoded(self, operation: Operation, body: Any) -> tuple[bytes, str]:
        if FORM in operation.request_type:
            known = properties(self.api, operation.request_schema or {}).known
            files = [name for name in body if self.api.resolve(known.get(name, {})).get("format") == "binary"]
            texts = {name: value for name, value in body.items() if name not in files}
            return write_multipart(form_pairs(texts), {name: {"name": "a.pdf", "text": "%PDF-1.4"} for name in files})
        if "json" in operation.request_type:
            return msgspec.json.encode(body), "application/json"
        if self.stub.service.settings.dotted_forms:
            body = _said(body)
        return urlencode(form_pairs(body)).encode(), "application/x-www-form-urlencoded"


def _said(value: Any) -> Any:
    """Empty lists and objects as forms say them that have dots in their names."""
    if isinstance(value, dict):
        return {name: _said(inner) for name, inner in value.items()} or ""
    return [_said(inner) for inner in value] or "" if isinstance(value, list) else value


_LEAST = {"array": {"minItems": 1}, "object": {"minProperties": 1}}


def _asking(api: OpenApi, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose required lists and objects hold something: empty ones can't be said in a form."""
    shape = properties(api, schema)
    filled = {}
    for name in shape.required & shape.known.keys():
        least = _LEAST.get(next(iter(types(api, shape.known[name])), ""))
        if least is not None:
            filled[name] = {"allOf": [shape.known[name], least]}
    return {**schema, "allOf": [*schema.get("allOf", ()), {"properties": filled}]} if filled else schema


MANY = 700
"""From so many operations on, every fifth stands for those that no code was written for: the kit answers them all alike."""


def operations(name: str) -> Iterator[Operation]:
    service = CATALOG.get(name).service
    assert service.api is not None
    found = list(service.api.operations())
    for number, operation in enumerate(found):
        if len(found) < MANY or number % 5 == 0 or operation.name in service.behaviours.operations:
            yield operation


@pytest.fixture(scope="module")
def callers() -> Iterator[dict[str, Caller]]:
    with Store.open(":memory:", wall=lambda: START) as store:
        yield {
            name: Caller(CATALOG.get(name), store.create(name, seed=1, clock=ClockSettings(START, "step", 1000)))
            for name in STUBS
        }


def areas() -> Iterator[tuple[str, str, list[Operation]]]:
    """The operations of each stub by what their paths begin with: thousands of tests of a millisecond each would cost more."""
    for name in STUBS:
        service = CATALOG.get(name).service
        assert service.api is not None
        found: dict[str, list[Operation]] = {}
        for operation in operations(name):
            steps = [step.partition(".")[0] for step in operation.path.split("/") if step and "{" not in step]
            found.setdefault("/".join(steps[:2]), []).append(operation)
        yield from ((name, area, among) for area, among in found.items())


AREAS = list(areas())
IDS = [f"{name}: {area}" for name, area, _ in AREAS]


def told(faults: Mapping[str, BaseException]) -> str:
    """What went wrong with which operations."""
    return "\n\n".join(
        f"{operation}: " + "".join(traceback.format_exception(error)[-2:]) for operation, error in faults.items()
    )


@pytest.mark.parametrize(("name", "area", "among"), AREAS, ids=IDS)
def test_valid_requests_are_taken_or_refused_in_the_vendors_words(
    name: str, area: str, among: list[Operation], callers: dict[str, Caller]
) -> None:
    """Never for their shape: a refusal tells of what the world is like, as an error of the document's."""
    caller = callers[name]
    faults: dict[str, BaseException] = {}
    for operation in among:
        try:
            answered(caller, operation)
        except Exception as error:  # noqa: BLE001 (told with those of the others)
            faults[operation.name] = error
    assert not faults, told(faults)


def answered(caller: Caller, operation: Operation) -> None:
    answer, body = caller.call(operation, caller.query(operation), caller.body(operation))
    assert answer.operation == operation.name
    assert answer.reply.status < 500, answer.reply
    assert answer.fidelity is not Fidelity.GAP
    if answer.reply.status >= 400 and isinstance(body, dict):
        assert "message" in str(body).lower() or body.keys() == {"ok", "error"}  # a word for it, in some dialects


def refused(caller: Caller, operation: Operation, query: Any, body: Any) -> str:
    """What an error says, by a call that must be refused. Some services refuse at a status of success, in a word."""
    answer, said = caller.call(operation, query, body)
    dialect = caller.stub.service.settings.procedures
    success = dialect.success if dialect is not None and dialect.takes(operation.path) else {}
    if not any(said.get(name) != value for name, value in success.items()):
        assert 400 <= answer.reply.status < 500, (answer.operation, answer.reply)
    return msgspec.json.encode(said).decode()


@pytest.mark.parametrize(("name", "area", "among"), AREAS, ids=IDS)
def test_each_wrong_request_is_refused_with_its_parameter(
    name: str, area: str, among: list[Operation], callers: dict[str, Caller]
) -> None:
    """An unknown parameter, a missing one, another type, another choice: each is named, before anything happens."""
    faults: dict[str, BaseException] = {}
    for operation in among:
        if operation.request_schema is None or operation.method not in {"POST", "PUT", "PATCH"}:
            continue
        try:
            each_refused(callers[name], operation)
        except Exception as error:  # noqa: BLE001 (told with those of the others)
            faults[operation.name] = error
    assert not faults, told(faults)


def each_refused(caller: Caller, operation: Operation) -> None:
    api = caller.api
    assert operation.request_schema is not None
    shape = properties(api, operation.request_schema)
    valid = caller.body(operation) or {}
    query = caller.query(operation)
    listed = not api.resolve(operation.request_schema).get("additionalProperties")
    if caller.stub.service.settings.refuse_unknown and listed:
        told = refused(caller, operation, query, {**valid, "no_such_parameter": "1"})
        assert "no_such_parameter" in told
    # What one of several shapes needs, another may do without.
    several = {"anyOf", "oneOf"} & api.resolve(operation.request_schema).keys()
    auth = caller.stub.service.manifest.auth
    key = auth.get("parameter") if isinstance(auth, dict) else None  # it is in the headers
    for missing in () if several else sorted(shape.required - {key}):
        told = refused(caller, operation, query, {key: value for key, value in valid.items() if key != missing})
        assert missing in told
    for wrong, value in _wrong(api, shape.known):
        told = refused(caller, operation, query, {**valid, wrong: value})
        assert wrong in told or str(value) in told  # some services quote what was sent and leave out where it stood


def _wrong(api: OpenApi, known: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """One parameter of each kind with a value that isn't of it."""
    seen = set()
    for name, written in known.items():
        node = api.resolve(written)
        kind = "enum" if "enum" in node else node.get("type")
        if not isinstance(kind, str) or kind in seen or kind not in {"integer", "boolean", "enum", "object"}:
            continue
        seen.add(kind)
        yield name, "no_such_thing"
