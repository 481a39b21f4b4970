"""What is refused has changed nothing: not one row of the store, no rules, and no sandbox."""

import json
from itertools import product
from typing import Any

import pytest

from .conftest import Api

LONG = "".join(f"  - {{name: r{number}, match: {{host: h{number}.example}}, deny: {{}}}}\n" for number in range(400))
SHOP = "world: odd\npeople: {count: 2}\nemail: {mailboxes: people}\nstripe: {customers: {count: -1}}\n"
WRONG: list[Any] = [
    b"", b"{", b"[]", b"null", b'"x"', b'{"name": "\xff"}', b"[" * 5000,
    {"name": "odd", "more": 1}, {"name": ""}, {"name": "odd\n"}, {"name": "odd", "from": "none"}, {"name": "odd", "from": "base", "at": 99},
    {"name": "odd", "at": 99}, {"name": "odd", "file": "a: ["}, {"name": "odd", "file": SHOP}, {"name": "odd", "clock": "frozen@never"},
    {"name": "odd", "seed": 2**70}, {"name": "base"}, {"name": "odd", "metadata": {"sandbox-until": ""}}, {"text": "version: 2\nrules: []"},
    {"text": f"version: 1\nrules:\n{LONG}  - {{name: bad}}\n"}, {"text": "version: 1\ninclude: [/etc/hosts]\nrules: []"}, {"text": 7},
    {"advance": "-1d"}, {"advance": "1d", "run": "real"}, {"advance": "9999999d"}, {"run": "?"}, {"file": "version: 1\nworld: odd\n"},
    {"at": 99}, {"at": "none"}, {"at": -1}, {"ttl": -1}, {"sealed": 1},
]  # fmt: skip
PLACES = [
    ("POST", "/worlds"), ("POST", "/worlds/base/fork"), ("POST", "/worlds/base/reset"), ("PATCH", "/worlds/base/clock"),
    ("POST", "/worlds/import"), ("PUT", "/rules"), ("PUT", "/worlds/base/rules"), ("DELETE", "/worlds/base"), ("DELETE", "/worlds/none"),
    ("POST", "/worlds/none/fork"), ("POST", "/worlds/none/reset"), ("POST", "/sandboxes/none/renew"), ("DELETE", "/sandboxes/none"),
]  # fmt: skip
FITS = [("POST", "/worlds/base/reset", b"")]  # no body is one without fields


@pytest.fixture
def base(api: Api) -> str:
    """A world that has a child, so that it can't be deleted, and some past."""
    if "base" not in api.desk.store.names():
        api.made("base", metadata={"a": "b"})
        api.pass_time("base", 2)
        api.ask("POST", "/worlds/base/fork", {"name": "base/child"})
    return "base"


def rows(api: Api) -> list[str]:
    """All that the store holds."""
    return [*api.desk.store.connection.iterdump()]


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("match", ["", "old", "now"])
def test_no_refusal_changes_a_row(api: Api, match: str) -> None:
    """Whatever is sent, wherever it is sent; with the ETag of what is in force, too."""
    before, state = rows(api), api.state()
    tags = {"old": '"0123"', "": ""}
    for (method, path), body in product(PLACES, WRONG):
        if (method, path, body) in FITS or (method != "PUT" and match):
            continue
        tag = api.ask("GET", path).headers["etag"] if match == "now" else tags[match]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        found = api.ask(method, path, content=content, headers={"if-match": tag})
        assert 400 <= found.status < 500, (method, path, body, found)
        assert found.json["type"].startswith("/v1/problems#")
    assert rows(api) == before
    assert api.state() == state
    assert api.trouble == []
