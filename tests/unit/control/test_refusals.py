"""Each operation's refusals: a problem (RFC 9457) that says where, what was found and what is expected, and nothing changed.

Those that every operation has follow from the table of operations; its own ones are in `OWN`. One that is declared and
not tried here fails, so that a new operation needs its rows.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from childproof.control import events, reader, reading
from childproof.control.api import operations
from childproof.control.openapi import COMMON
from childproof.control.operation import Nothing, Operation
from childproof.engine.passing import Passing
from childproof.errors import AskedError
from childproof.world import World

from .conftest import RULES, Api, Told

NOBODY: Any = None
TABLE = {operation.id: operation for operation in operations(NOBODY, NOBODY)}
LISTS = ("address", "service", "kind")  # of such a name nothing is there, and that isn't refused
# A body that would do.
GOOD: dict[str, dict[str, Any]] = {
    "createWorld": {"name": "new"},
    "forkWorld": {"name": "new"},
    "importWorld": {"file": "world: new"},
    "changeClock": {"run": "real"},
    "replaceRules": {"text": RULES},
    "replaceWorldRules": {"text": RULES},
    "checkRules": {"text": RULES},
    "explainCall": {"call": "GET https://a.example/"},
    "createSandbox": {},
    "renewSandbox": {},
    "resetWorld": {},
}


@dataclass(frozen=True)
class Case:
    """One refusal: `path` are path parameters besides those that are there, `before` makes it so that it happens."""

    operation: str
    status: int
    kind: str
    pointer: str | None = None
    path: dict[str, str] = field(default_factory=dict)
    body: Any = None
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    method: str = ""
    before: Callable[[pytest.MonkeyPatch, Api], None] | None = None

    def __str__(self) -> str:
        shown = next((one for one in (self.body, self.query, self.headers, self.path, self.content) if one), "")
        return f"{self.operation}-{self.status}-{self.kind}-{str(shown)[:30]}"

    def asked(self, api: Api) -> Told:
        """The request."""
        operation = TABLE[self.operation]
        there = {"world": "parent", "call": "1", "stub": "email", "sandbox": "sbx_there", **self.path}
        path = re.sub(r"\{(\w+)\}", lambda name: there.get(name[1], "a"), operation.path).removeprefix("/v1")
        headers = {**dict.fromkeys(operation.needs, "*"), **self.headers}
        body = GOOD.get(self.operation) if self.body is None and self.content is None else self.body
        return api.ask(
            self.method or operation.method, path, body, content=self.content, headers=headers, written=self.query
        )


def common(operation: Operation) -> Iterator[Case]:
    """What follows from the table."""
    one = operation.id
    if not operation.open:
        for token in ("", "Bearer another", "Basic 0123456789abcdef"):
            yield Case(one, 401, "token", "Authorization", headers={"authorization": token})
        yield Case(one, 403, "origin", headers={"origin": "http://evil.example"})
        yield Case(one, 403, "host", headers={"host": "evil.example"})
    yield Case(one, 405, "method", method="TRACE")
    yield Case(one, 400, "parameters", "?nope", query="nope=1")
    for name in re.findall(r"\{(\w+)\}", operation.path):
        yield Case(one, 400, "path", path={name: "%FF"})
        yield Case(one, 400, "path", name, path={name: "a" * 1001})
        if name not in LISTS:
            yield Case(one, 404, "not_found", name, path={name: "nowhere"})
            yield Case(one, 404, "not_found", name, path={name: "..%2F..%2Fetc"})
    for name in operation.needs:
        yield Case(one, 428, "etag_needed", name, headers={name: ""})
        yield Case(one, 412, "changed", name, headers={name: '"another"'})
    if operation.query is not Nothing:
        for wanted in msgspec.structs.fields(operation.query):
            name = wanted.encode_name
            yield Case(one, 400, "parameters", f"?{name}", query=f"{name}=1&{name}=1")
    if operation.body is None:
        yield Case(one, 400, "body", content=b"{}")
    else:
        yield from bodies(operation)


def bodies(operation: Operation) -> Iterator[Case]:
    """Likewise, of those that take a body."""
    one = operation.id
    yield Case(one, 400, "json", "", content=b'{"name": ')
    yield Case(one, 400, "json", "", content=b"\xff")
    yield Case(one, 413, "too_large", content=b" " * 5000, before=_small)
    yield Case(one, 415, "media_type", "Content-Type", headers={"content-type": "text/plain"})
    yield Case(one, 422, "invalid", "", body=[1])
    yield Case(one, 422, "invalid", "/nope", body={**GOOD[one], "nope": 1})
    for wanted in msgspec.structs.fields(operation.body):
        name = wanted.encode_name
        yield Case(one, 422, "invalid", f"/{name}", body={**GOOD[one], name: 1.5})
        if wanted.required:
            rest = {key: value for key, value in GOOD[one].items() if key != name}
            yield Case(one, 422, "invalid", f"/{name}", content=json.dumps(rest).encode())


def _small(patch: pytest.MonkeyPatch, api: Api) -> None:
    patch.setattr(reading, "LARGEST", 1000)


def _crowded(patch: pytest.MonkeyPatch, api: Api) -> None:
    patch.setattr(reader, "MOST_IN_MEMORY", 1)


def _ailing(patch: pytest.MonkeyPatch, api: Api) -> None:
    for name, status in (("alive", 500), ("ready", 503)):
        patch.setitem(api.states, name, (status, {"reasons": ["the disk is full"]}))


def _streaming(patch: pytest.MonkeyPatch, api: Api) -> None:
    patch.setattr(events, "MOST", 0)


def _endless(patch: pytest.MonkeyPatch, api: Api) -> None:
    def advance(passing: Passing, world: World, by: int) -> None:
        raise AskedError("jobs schedule jobs without end")

    patch.setattr(Passing, "advance", advance)


OWN = [
    Case("createWorld", 404, "not_found", "/from", body={"name": "new", "from": "nowhere"}),
    Case("createWorld", 409, "exists", "/name", body={"name": "main"}),
    Case("createWorld", 409, "no_such_call", "/at", body={"name": "new", "from": "parent", "at": 99}),
    Case("createWorld", 409, "no_such_call", "/at", body={"name": "new", "from": "parent", "at": "call_ffff"}),
    Case("createWorld", 409, "no_such_call", "/at", body={"name": "new", "from": "parent", "at": "2001-01-01"}),
    Case("createWorld", 422, "invalid", "/at", body={"name": "new", "from": "parent", "at": "what?"}),
    Case("createWorld", 422, "invalid", "/at", body={"name": "new", "at": 1}),
    Case("createWorld", 422, "invalid", "/file", body={"name": "new", "from": "parent", "file": "world: a"}),
    Case("createWorld", 422, "invalid", "/seed", body={"name": "new", "from": "parent", "seed": 1}),
    Case("createWorld", 422, "invalid", "/clock", body={"name": "new", "file": "world: a", "clock": "frozen"}),
    Case("createWorld", 422, "invalid", "/clock", body={"name": "new", "clock": "late"}),
    Case("createWorld", 422, "invalid", "/file", body={"name": "new", "file": "world: ["}),
    Case("createWorld", 422, "invalid", "/name", body={"name": "a b"}),
    Case("createWorld", 422, "invalid", "/name", body={"name": "a\n"}),
    Case("createWorld", 422, "invalid", "/name", body={"name": ""}),
    Case("createWorld", 422, "invalid", "/metadata", body={"name": "new", "metadata": {"a": 1}}),
    Case("createWorld", 400, "json", content=b"[" * 100_000),
    Case("createWorld", 400, "json", content=b'{"name": "\\ud800"}'),
    Case("forkWorld", 409, "exists", "/name", body={"name": "main"}),
    Case("forkWorld", 409, "no_such_call", "/at", body={"name": "new", "at": 99}),
    Case("forkWorld", 422, "invalid", "/at", body={"name": "new", "at": -1}),
    Case("forkWorld", 404, "not_found", path={"world": "deleted"}),
    Case("resetWorld", 409, "no_such_call", "/at", body={"at": 99}),
    Case("resetWorld", 409, "refused", "/at", path={"world": "parent:child"}, body={"at": 1}),
    Case("deleteWorld", 409, "refused"),
    Case("deleteWorld", 422, "invalid", "?with_children", query="with_children=maybe"),
    Case("diffWorld", 404, "not_found", "?with", query="with=nowhere"),
    Case("diffWorld", 409, "no_such_call", "?at", query="at=99"),
    Case("diffWorld", 409, "no_such_call", "?at", query="with=main&at=1"),
    Case("diffWorld", 409, "too_large", before=_crowded),
    Case("diffWorld", 422, "invalid", "?with", query="with=a+b"),
    Case("exportWorld", 409, "too_large", before=_crowded),
    Case("getReport", 409, "too_large", before=_crowded),
    Case("importWorld", 409, "exists", "/name", body={"name": "main", "file": "world: new"}),
    Case("importWorld", 422, "invalid", "/file", body={"file": "world: ["}),
    Case("importWorld", 422, "invalid", "/file", body={"file": "version: 1"}),
    Case("changeClock", 409, "refused", body={"advance": "1d"}, before=_endless),
    Case("changeClock", 422, "invalid", "", body={}),
    Case("changeClock", 422, "invalid", "", body={"advance": "1d", "run": "real"}),
    Case("changeClock", 422, "invalid", "/advance", body={"advance": "soon"}),
    Case("changeClock", 422, "invalid", "/advance", body={"advance": "999999999999999w"}),
    Case("changeClock", 422, "invalid", "/run", body={"run": "late"}),
    Case("listCalls", 404, "not_found", query="trace=call_none"),
    Case("listCalls", 422, "invalid", "?limit", query="limit=0"),
    Case("listCalls", 422, "invalid", "?limit", query="limit=many"),
    Case("listCalls", 422, "invalid", "?after", query="after=-1"),
    Case("listCalls", 422, "invalid", "?verdict", query="verdict=maybe"),
    Case("listCalls", 422, "invalid", "?fidelity", query="fidelity=maybe"),
    Case("listCalls", 422, "invalid", "?since", query="since=soon"),
    Case("listCalls", 422, "invalid", "?protocol", query="protocol=http,ftp"),
    Case("listAllCalls", 404, "not_found", query="trace=call_none"),
    Case("listAllCalls", 422, "invalid", "?last", query="last=0"),
    Case("followAll", 404, "not_found", query="trace=call_none"),
    Case("followAll", 429, "too_many", before=_streaming),
    Case("followWorld", 404, "not_found", query="trace=call_none"),
    Case("followWorld", 422, "invalid", "Last-Event-ID", headers={"last-event-id": "yesterday"}),
    Case("followWorld", 422, "invalid", "?follow", query="follow=maybe"),
    Case("followWorld", 422, "invalid", "?since", query="since=soon"),
    Case("followWorld", 429, "too_many", before=_streaming),
    Case("listEntities", 409, "no_such_entity", "?after", query="after=none"),
    Case("listEntities", 422, "invalid", "?limit", query="limit=1001"),
    Case("replaceRules", 422, "invalid", "/text", body={"text": "version: 1\nrulez: []\n"}),
    Case("replaceRules", 422, "invalid", "/text", body={"text": "version: 1\ninclude: [/etc/passwd]\nrules: []"}),
    Case("replaceWorldRules", 422, "invalid", "/text", body={"text": "version: 1\nrulez: []\n"}),
    Case("deleteWorldRules", 412, "changed", "If-Match", headers={"if-match": '"another"'}),
    Case("checkRules", 422, "invalid", "/text", body={"text": "version: 1\nrulez: []\n"}),
    Case("checkRules", 422, "invalid", "/text/1/text", body={"text": [
        {"name": "a.yaml", "text": "version: 1\nrules: []\n"}, {"name": "b.yaml", "text": "version: 1\nrulez: []\n"}]}),
    Case("checkRules", 422, "invalid", "/text/0/name", body={"text": [{"name": "", "text": ""}]}),
    Case("explainCall", 404, "not_found", "/world", body={"call": "GET https://a.example/", "world": "nowhere"}),
    Case("explainCall", 422, "invalid", "/call", body={"call": "what?"}),
    Case("explainCall", 422, "invalid", "/call/target", body={"call": {"target": "what?"}}),
    Case("explainCall", 422, "invalid", "/call/headers/0", body={"call": {"target": "GET https://a.example/", "headers": [["a"]]}}),
    Case("explainCall", 422, "invalid", "/text", body={"call": "GET https://a.example/", "text": "rules: ["}),
    Case("explainCall", 422, "invalid", "/text", body={"call": "GET https://a.example/", "text": "", "world": "main"}),
    Case("createSandbox", 422, "invalid", "/ttl", body={"ttl": 0}),
    Case("createSandbox", 422, "invalid", "/listen/hhtp", body={"listen": {"hhtp": True}}),
    Case("createSandbox", 422, "invalid", "/listen/stubs/1", body={"listen": {"stubs": ["email", 7]}}),
    Case("renewSandbox", 422, "invalid", "/ttl", body={"ttl": 10**9}),
    Case("reportSandbox", 422, "invalid", "?width", query="width=1"),
    Case("getHealth", 500, "unready", before=_ailing),
    Case("getReady", 503, "unready", before=_ailing),
]  # fmt: skip
# What whoever makes sandboxes refuses: tests/clients/test_many_sandboxes.py has these.
ELSEWHERE = {("createSandbox", 404), ("createSandbox", 409), ("createSandbox", 429)}


@pytest.fixture(scope="module")
def ground(api: Api) -> Api:
    """With a world of two calls, a fork of it, one that is gone, and a sandbox."""
    api.made("parent")
    api.pass_time("parent", 2)
    api.made("parent/child", **{"from": "parent"})
    api.made("deleted")
    assert api.ask("DELETE", "/worlds/deleted").status == 200
    made = api.ask("POST", "/sandboxes", {}).json
    api.host.boxes["sbx_there"] = api.host.boxes[made["id"]]
    return api


@pytest.mark.parametrize("name", TABLE)
def test_what_an_operation_refuses(ground: Api, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each refusal that it declares is met, has its place, and leaves everything as it was."""
    operation, met, before = TABLE[name], set[int](), ground.state()
    for case in [*common(operation), *(one for one in OWN if one.operation == name)]:
        with monkeypatch.context() as patch:
            if case.before is not None:
                case.before(patch, ground)
            told = case.asked(ground)
        assert (told.status, told.headers.get("content-type")) == (case.status, "application/problem+json"), (
            case,
            told,
        )
        problem = told.json
        assert problem["type"] == f"/v1/problems#{case.kind}", (case, problem)
        assert problem["status"] == case.status
        assert all((problem["title"], problem["detail"])), (case, problem)
        errors = problem.get("errors", [])
        assert all(one["found"] and one["expected"] for one in errors), (case, problem)
        if case.pointer is not None:
            assert case.pointer in [one["pointer"] for one in errors], (case, problem)
        assert told.status in {*operation.problems, *COMMON}, case
        assert ground.state() == before, case
        met.add(told.status)
    declared = {status for status in operation.problems if (name, status) not in ELSEWHERE}
    assert declared <= met


def test_every_case_is_of_an_operation() -> None:
    """A name that is misspelt would never be tried."""
    assert {case.operation for case in OWN} | {*GOOD} <= {*TABLE}
