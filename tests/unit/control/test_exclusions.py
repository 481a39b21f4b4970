"""Fields that don't go together: the document says so just where the server refuses them."""

import itertools
import re
from typing import Any

import jsonschema_rs
import pytest

from childproof.control.api import described

from .conftest import Api

DOCUMENT = described()
TOLD = {operation["operationId"]: operation for methods in DOCUMENT["paths"].values() for operation in methods.values()}
VALUES: dict[str, list[Any]] = {
    "from": [None, "main"],
    "at": [None, 0],
    "seed": [1],
    "clock": ["frozen"],
    "file": [None, "world: new"],
    "world": [None, "main"],
    "rules": [None, "version: 1\nrules: []"],
    "text": [None, "version: 1\nrules: []"],
    "advance": ["1d"],
    "run": ["real"],
}
ABSENT = object()


@pytest.mark.parametrize(
    ("operation", "path", "names", "more"),
    [
        ("createWorld", "/worlds", ("from", "at", "seed", "clock", "file"), {"name": "excluded"}),
        ("changeClock", "/worlds/excluding/clock", ("advance", "run"), {}),
        ("explainCall", "/rules/explain", ("world", "text"), {"call": "DNS example.com"}),
    ],
)
def test_what_does_not_go_together_is_told(
    api: Api, operation: str, path: str, names: tuple[str, ...], more: dict[str, Any]
) -> None:
    """Every combination of fields that are left out, null and given: refused with 422 just where the document says so."""
    if operation == "changeClock":
        api.made("excluding")
    schema = TOLD[operation]["requestBody"]["content"]["application/json"]["schema"]
    valid = jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    method = re.search(
        r"patch|post", str([m for p in DOCUMENT["paths"].values() for m, o in p.items() if o is TOLD[operation]])
    )
    assert method
    for chosen in itertools.product(*([ABSENT, *VALUES[name]] for name in names)):
        body = more | {name: value for name, value in zip(names, chosen, strict=True) if value is not ABSENT}
        told = api.ask(method[0].upper(), path, body)
        assert (told.status < 300) == valid.is_valid(body), (body, told)
        assert told.status in (200, 201, 422), (body, told)
        if told.status == 201:
            assert api.ask("DELETE", "/worlds/excluded").status == 200
