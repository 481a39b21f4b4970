"""Parameters outside of query and body, and services that tell of all faults at once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from childproof.model import Call, Protocol
from childproof.stubkit.folder.loading import load_stub
from childproof.world.clock import ClockSettings
from childproof.world.store import Store

DOCUMENT = """
openapi: 3.1.0
info: {title: Hub, version: "1"}
servers: [{url: https://hub.example}]
paths:
  /{area}/issues:
    parameters:
      - {name: area, in: path, required: true, schema: {enum: [north, south]}}
      - {name: X-Version, in: header, required: true, schema: {type: integer, minimum: 2}}
      - {name: X-Tags, in: header, schema: {type: array, items: {enum: [a, b]}}}
      - {name: theme, in: cookie, schema: {type: boolean}}
      - {name: Accept, in: header, schema: {enum: [never]}}
    post:
      requestBody: {content: {application/json: {schema: {type: object, required: [title], properties: {title: {type: string},
        points: {type: integer}, labels: {type: array, items: {type: object, properties: {name: {type: string}}}}}}}}}
      responses: {"201": {content: {application/json: {schema: {type: object, properties: {ok: {type: boolean}}}}}}}
"""
STUB = """
stub: hub
hosts: [hub.example]
openapi: openapi.yaml
auth: none
dialect:
  parameter_style: dots
  unknown_parameters: refuse
  errors:
    body: {message: "{message}", param: "{param}", errors: "{errors}"}
"""
ALL = """
    each: {field: "{param}", code: "{code}"}
    kinds:
      several: {status: 422, message: Validation Failed}
      missing: {code: missing_field}
"""


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Callable[..., tuple[int, Any]]]:
    with Store.open(":memory:", wall=lambda: 0) as store:
        world = store.create("test", clock=ClockSettings(0, "frozen"))

        def ask(stub: str, body: Any, path: str = "/north/issues", **headers: str) -> tuple[int, Any]:
            (tmp_path / "hub").mkdir(exist_ok=True)
            (tmp_path / "hub" / "openapi.yaml").write_text(DOCUMENT)
            (tmp_path / "hub" / "stub.yaml").write_text(stub)
            sent = tuple(
                (name.replace("_", "-"), value) for name, value in {"X_Version": "2", **headers}.items() if value
            )
            call = Call(
                Protocol.HTTP, "hub.example", 443, scheme="https", method="POST", path=path,
                headers=(("Content-Type", "application/json"), *sent), body=msgspec.json.encode(body),
            )  # fmt: skip
            with world.transaction() as tx:
                reply = load_stub(tmp_path / "hub").answer(call, tx).reply
            return reply.status, msgspec.json.decode(reply.body)

        yield ask


@pytest.mark.parametrize(
    ("path", "headers", "param"),
    [
        ("/north/issues", {"X_Tags": "a, b".replace(" ", ""), "Cookie": 'x=1; theme="true"', "Accept": "*/*"}, None),
        ("/west/issues", {}, "area"),
        ("/north/issues", {"X_Version": ""}, "X-Version"),
        ("/north/issues", {"X_Version": "two"}, "X-Version"),
        ("/north/issues", {"X_Version": "1"}, "X-Version"),
        ("/north/issues", {"X_Tags": "a,c"}, "X-Tags.1"),
        ("/north/issues", {"Cookie": "theme=dark"}, "theme"),
    ],
)
def test_path_headers_and_cookies_are_checked(ask: Any, path: str, headers: dict[str, str], param: str | None) -> None:
    """By their schemas, coerced from texts; headers that say what formats are spoken aren't parameters."""
    status, body = ask(STUB, {"title": "x"}, path, **headers)
    assert (status, body.get("param")) == ((201, None) if param is None else (400, param))


WRONG = {"points": "many", "labels": [{"name": "a"}, {"name": 2, "no": 1}], "what": 1}


def test_all_that_is_wrong_is_told_at_once_where_the_service_does_so(ask: Any) -> None:
    """Each fault in the shape of `each`, nested places named in the service's way."""
    status, body = ask(STUB + ALL, WRONG)
    assert (status, body["message"]) == (422, "Validation Failed")
    assert sorted((fault["field"], fault["code"]) for fault in body["errors"]) == [
        ("labels.1.name", "invalid"),
        ("labels.1.no", "unknown_parameter"),
        ("points", "invalid"),
        ("title", "missing_field"),
        ("what", "unknown_parameter"),
    ]


def test_else_the_first_thing_is_told(ask: Any) -> None:
    """What is unknown comes first, and there is no list."""
    status, body = ask(STUB, WRONG)
    assert (status, body["param"] in {"labels.1.no", "what"}, "errors" in body) == (400, True, False)
