"""HAR 1.2: every member that the format asks for, of the type that it asks for."""

import json
from typing import Any

import jsonschema_rs

from childproof.ledger import record
from childproof.ledger.har import har_entry, to_har

from .conftest import make_entry

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
PAIRS = {"type": "array", "items": {"type": "object", "required": ["name", "value"], "additionalProperties": TEXT}}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)$"}


def members(optional: dict[str, Any] | None = None, /, **required: Any) -> dict[str, Any]:
    """An object with these members; others begin with an underscore, as the format wants it."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {}), "comment": TEXT},
        "patternProperties": {"^_": {}},
        "additionalProperties": False,
    }


# http://www.softwareishard.com/blog/har-12-spec/
HAR = members(
    log=members(
        {"browser": {}, "pages": {"type": "array"}},
        version={"const": "1.2"},
        creator=members(name=TEXT, version=TEXT),
        entries={
            "type": "array",
            "items": members(
                {"pageref": TEXT, "serverIPAddress": TEXT, "connection": TEXT},
                startedDateTime=TIME,
                time={"type": "number", "minimum": 0},
                request=members(
                    {"postData": members({"params": PAIRS}, mimeType=TEXT, text=TEXT)},
                    method=TEXT,
                    url={"type": "string", "format": "uri"},
                    httpVersion=TEXT,
                    cookies=PAIRS,
                    headers=PAIRS,
                    queryString=PAIRS,
                    headersSize=NUMBER,
                    bodySize=NUMBER,
                ),
                response=members(
                    status=NUMBER,
                    statusText=TEXT,
                    httpVersion=TEXT,
                    cookies=PAIRS,
                    headers=PAIRS,
                    content=members(
                        {"text": TEXT, "encoding": TEXT, "compression": NUMBER}, size=NUMBER, mimeType=TEXT
                    ),
                    redirectURL=TEXT,
                    headersSize=NUMBER,
                    bodySize=NUMBER,
                ),
                cache={"type": "object"},
                timings=members(send=NUMBER, wait=NUMBER, receive=NUMBER),
            ),
        },
    )
)
FORM = (("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", "a=1; b=2"))


def archive(*entries: Any) -> Any:
    made = json.loads("".join(to_har(entries, version="1.0")))
    validator = jsonschema_rs.validator_for(HAR, validate_formats=True)
    assert [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(made)] == []
    return made["log"]["entries"]


def test_an_empty_log_is_an_archive() -> None:
    assert archive() == []


def test_a_call_with_everything() -> None:
    (made,) = archive(
        make_entry(
            "main", 1,
            path="/v1/things?expand[]=a&b=",
            request=record(FORM, b"name=Jenny"),
            reply=record((("Content-Type", "application/json"), ("Set-Cookie", "s=1; Path=/")), b'{"id": 1}'),
        )
    )  # fmt: skip
    request, response = made["request"], made["response"]
    assert request["url"] == "https://api.stripe.com/v1/things?expand%5B%5D=a&b="
    assert request["queryString"] == [{"name": "expand[]", "value": "a"}, {"name": "b", "value": ""}]
    assert [cookie["name"] for cookie in request["cookies"]] == ["a", "b"]
    assert request["postData"] == {"mimeType": "application/x-www-form-urlencoded", "params": [], "text": "name=Jenny"}
    assert (response["status"], response["statusText"]) == (200, "OK")
    assert response["content"] == {"size": 9, "mimeType": "application/json", "text": '{"id": 1}'}
    assert [cookie["name"] for cookie in response["cookies"]] == ["s"]
    assert made["_childproof"]["verdict"] == "stub"
    assert made["time"] == made["timings"]["wait"] == 0.85


def test_other_hosts_ports_and_schemes() -> None:
    def url(target: str, host: str, port: int, path: str) -> str:
        made: str = har_entry(make_entry("main", 1, target=target, host=host, port=port, path=path))["request"]["url"]
        return made

    assert url("GET http://a.example/", "a.example", 80, "/") == "http://a.example/"
    assert url("GET http://a.example:8080/", "a.example", 8080, "/") == "http://a.example:8080/"
    assert url("GET https://[2001:db8::1]/", "2001:db8::1", 443, "/") == "https://[2001:db8::1]/"
    assert url("OPTIONS https://a.example *", "a.example", 443, "*") == "https://a.example"


def test_bytes_are_base64_and_say_so_and_a_cut_body_says_it_is() -> None:
    (made,) = archive(
        make_entry("main", 1, reply=record((), b"\x00\xff"), request=record((), b"x" * 200_000)),
    )
    assert made["response"]["content"]["encoding"] == "base64"
    assert made["response"]["content"]["text"] == "AP8="
    assert made["request"]["bodySize"] == 200_000
    assert made["request"]["postData"]["comment"].startswith("cut: the whole has 200000 bytes, SHA-256 ")


def test_a_call_without_an_answer_has_status_0_and_other_protocols_are_left_out() -> None:
    (made,) = archive(make_entry("main", 1, status=None), make_entry("main", 2, protocol="tcp", target="TCP x:1"))
    assert made["response"]["status"] == 0
