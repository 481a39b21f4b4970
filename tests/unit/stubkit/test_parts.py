"""The parts that need no stub: routing, ids, lists, money, outcomes, errors, schemas."""

import random
import re
from typing import Any

import pytest

from childproof.model import Effect
from childproof.stubkit.declared.settings import duration
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.routing import Router
from childproof.stubkit.ids import compile_id
from childproof.stubkit.invented.synth import Synthesizer
from childproof.stubkit.outcome.money import decimals, money
from childproof.stubkit.outcome.outcome import OutcomeError, compile_outcomes, render_outcomes
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.reply.errors import ErrorDialect, choices, compile_template
from childproof.stubkit.reply.lists import ListDialect, Listed
from childproof.stubkit.request.coercion import coercer
from childproof.stubkit.request.complaint import complaints
from childproof.stubkit.request.conversion import validator
from childproof.world.store import Store

ROUTER = Router(["/a", "/a/{id}", "/a/search", "/a/{id}/b/{b}", "/a/{name}.json", "/a/{id}:cancel", "/{tenant}/x"])


SPANNING = Router(["/f/{path}", "/f/{path}/history", "/f/{path}/at/{day}", "/f/all", "/{owner}/{path}"], {"path"})


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/f/a/b/c", "/f/{path}", {"path": "a/b/c"}),
        ("/f/a/b/history", "/f/{path}/history", {"path": "a/b"}),
        ("/f/a/at/1/at/2", "/f/{path}/at/{day}", {"path": "a/at/1", "day": "2"}),
        ("/f/all", "/f/all", {}),
        ("/f/all/x", "/f/{path}", {"path": "all/x"}),
        ("/f/a%2Fb/c", "/f/{path}", {"path": "a/b/c"}),
        ("/o/a/b", "/{owner}/{path}", {"owner": "o", "path": "a/b"}),
    ],
)
def test_a_parameter_may_span_segments(path: str, template: str, values: dict[str, str]) -> None:
    """Its value takes as few segments as the rest of the template leaves it."""
    assert SPANNING.match(path) == (template, values)


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/a", "/a", {}),
        ("/a/", "/a", {}),
        ("/a/1", "/a/{id}", {"id": "1"}),
        ("/a/search", "/a/search", {}),
        ("/a/1/b/2", "/a/{id}/b/{b}", {"id": "1", "b": "2"}),
        ("/a/report.json", "/a/{name}.json", {"name": "report"}),
        ("/a/7:cancel", "/a/{id}:cancel", {"id": "7"}),
        ("/a/x%2Fy", "/a/{id}", {"id": "x/y"}),
        ("/acme/x", "/{tenant}/x", {"tenant": "acme"}),
        ("/a/x", "/a/{id}", {"id": "x"}),
    ],
)
def test_a_path_finds_its_most_literal_template(path: str, template: str, values: dict) -> None:
    assert ROUTER.match(path) == (template, values)


@pytest.mark.parametrize("path", ["/b", "/a/1/b", "/a//b/2", "/a/1/b/2/3", "/"])
def test_a_path_that_fits_nothing_finds_nothing(path: str) -> None:
    assert ROUTER.match(path) is None


@pytest.mark.parametrize(
    ("template", "pattern"),
    [
        ("cus_{alnum:14}", r"cus_[A-Za-z0-9]{14}"),
        ("{prefix}-{hex:8}-{digits:3}", r"p-[0-9a-f]{8}-[0-9]{3}"),
        ("{uuid}", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("n{counter}", r"n[12]"),
    ],
)
def test_ids_follow_their_template_and_never_repeat(template: str, pattern: str, store: Store) -> None:
    make = compile_id(template, prefix="p", service="s", counter="c")
    with store.world("main").transaction() as tx:
        made = [make(tx), make(tx)]
    assert all(re.fullmatch(pattern, one) for one in made)
    assert made[0] != made[1]


def test_an_unknown_placeholder_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no placeholder \{alpha\}; there are \{alnum:14\}"):
        compile_id("x_{alpha:3}")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (42000, "usd", "$420.00"),
        (5, "USD", "$0.05"),
        (500, "jpy", "¥500"),
        (1234500, "kwd", "1,234.500 KWD"),
        (-2000, "eur", "-€20.00"),
        (1000000, "chf", "10,000.00 CHF"),
        (7, "xyz", "0.07 XYZ"),
    ],
)
def test_money_has_its_currencys_decimals(amount: int, currency: str, text: str) -> None:
    assert money(amount, currency) == text


def test_decimals_follow_iso_4217() -> None:
    assert [decimals(code) for code in ("usd", "JPY", "BHD", "CLF")] == [2, 0, 3, 4]


def effect(kind: str, **data: Any) -> Effect:
    return Effect("stripe", kind, "x", data)


WORDS = {
    "charge.succeeded": "charged {sum(amount) | money(currency)} to {distinct(customer) | plural('customer')}",
    "refund.created": "refunded {sum(amount) | money(currency)}",
    "charge.failed": {"note": "{count | plural('decline')}"},
    "mail.sent": "sent {count | plural('message')} to {list(to)}",
    "mail.first": {"note": "{first(subject) | quote}"},
    "mail.all": {"note": "{list(subject) | quote}"},
}


@pytest.mark.parametrize(
    ("effects", "text"),
    [
        ([], ""),
        ([effect("other")], ""),
        (
            [effect("charge.succeeded", amount=40000, currency="usd", customer="a"), effect("charge.succeeded", amount=2000, currency="usd", customer="a"),
             effect("refund.created", amount=2000, currency="usd"), effect("charge.failed")],
            "would have charged $420.00 to 1 customer, refunded $20.00 · 1 decline",
        ),
        (
            [effect("charge.succeeded", amount=100, currency="usd", customer="a"), effect("charge.succeeded", amount=500, currency="jpy", customer="b")],
            "would have charged $1.00 and ¥500 to 2 customers",
        ),
        ([effect("charge.failed"), effect("charge.failed")], "2 declines"),
        ([effect("mail.sent", to=["a", "b"]), effect("mail.sent", to=["a", "c", "d"])], "would have sent 2 messages to a, b, c and 1 more"),
        ([effect("charge.succeeded", amount=100, currency=unit, customer="a") for unit in ("usd", "jpy", "eur")],
         "would have charged $1.00, ¥100 and €1.00 to 1 customer"),
        ([effect("mail.first", subject="Hi")], '"Hi"'),
        ([effect("mail.all", subject="Hi"), effect("mail.all", subject="Again")], '"Hi" and "Again"'),
        ([effect("mail.all", subject="x" * 41)], f'"{"x" * 39}…"'),
    ],
)  # fmt: skip
def test_outcomes_read_as_words(effects: list[Effect], text: str) -> None:
    assert render_outcomes(compile_outcomes(WORDS), effects) == text


@pytest.mark.parametrize(
    "template", ["{total(x)}", "{sum(x) | euros}", "{count | money(currency)}", "{sum(x) | plural('y')}"]
)
def test_a_broken_outcome_template_is_refused_by_name(template: str) -> None:
    with pytest.raises(OutcomeError) as caught:
        compile_outcomes({"a.b": template})
    assert caught.value.type == "a.b"


ITEMS = [{"id": f"i{n}"} for n in range(5)]


def page(query: dict, **options: Any) -> Any:
    source = Listed(ITEMS, lambda item: item["id"], lambda wanted: Refusal.of("not_found", value=wanted))
    lists = ListDialect(limit_name="limit", default=2, maximum=3, items="data", **options)
    return lists.page(source, query, path="/x", id_of=lambda item: item["id"])


def ids(made: Any) -> list[str]:
    return [item["id"] for item in made.items]


def test_a_cursor_pages_on_and_back() -> None:
    options = {"style": "cursor", "cursor": "after", "before": "before", "more": "more"}
    first = page({}, **options)
    assert (ids(first), first.body["more"]) == (["i0", "i1"], True)
    assert ids(page({"after": "i1"}, **options)) == ["i2", "i3"]
    last = page({"after": "i3"}, **options)
    assert (ids(last), last.body["more"]) == (["i4"], False)
    back = page({"before": "i3"}, **options)
    assert (ids(back), back.body["more"]) == (["i1", "i2"], True)
    assert page({"before": "i2"}, **options).body["more"] is False
    with pytest.raises(Refusal):
        page({"after": "i9"}, **options)


@pytest.mark.parametrize(("style", "steps"), [("offset", [None, 2, 4]), ("page", [None, 2, 3]), ("link", [None, 2, 3])])
def test_numbers_page_through_everything_once(style: str, steps: list) -> None:
    seen = []
    for step in steps:
        made = page({} if step is None else {"p": step}, style=style, cursor="p", next="meta.next", total="total")
        seen.extend(ids(made))
        assert made.body["total"] == 5
    assert seen == [item["id"] for item in ITEMS]
    assert made.body["meta"]["next"] is None


def test_a_token_is_opaque_and_leads_on() -> None:
    seen, token = [], None
    for _ in range(3):
        made = page({"t": token} if token else {}, style="token", cursor="t", next="next")
        seen.extend(ids(made))
        token = made.body["next"]
    assert (seen, token) == ([item["id"] for item in ITEMS], None)
    with pytest.raises(Refusal):
        page({"t": "%%%"}, style="token", cursor="t", next="next")


@pytest.mark.parametrize("limit", [0, 4, "x", True])
def test_a_limit_out_of_range_is_refused(limit: Any) -> None:
    with pytest.raises(Refusal):
        page({"limit": limit}, style="cursor", cursor="after")


def test_a_list_may_be_the_body_itself() -> None:
    source = Listed(ITEMS, lambda item: item["id"], lambda wanted: Refusal.of("not_found"))
    assert ListDialect().page(source, {}, path="/x", id_of=lambda item: item["id"]).body == ITEMS


def render(written: dict, refusal: Refusal) -> tuple[int, Any]:
    status, body, _ = ErrorDialect(written).render(refusal, {"method": "GET", "path": "/x", "request_id": "req_1"})
    return status, body


@pytest.mark.parametrize(
    ("written", "refusal", "wanted"),
    [
        ({}, Refusal.of("missing", param="a"), (400, {"error": {"code": "missing", "message": "The parameter a is required.", "param": "a"}})),
        ({}, Refusal(402, "declined", "No.", decline_code="x"), (402, {"error": {"code": "declined", "message": "No.", "decline_code": "x"}})),
        ({"body": {"ok": False, "error": "{code}"}, "status": 200}, Refusal(404, "user_not_found", "?"), (200, {"ok": False, "error": "user_not_found"})),
        (
            {"body": {"message": "Validation Failed", "errors": [{"field": "{param}", "code": "{code}"}]}},
            Refusal(422, "missing_field", param="title"),
            (422, {"message": "Validation Failed", "errors": [{"field": "title", "code": "missing_field"}]}),
        ),
        ({"body": {"m": "{message}", "u": "https://x/{code}"}, "kinds": {"missing": {"code": None, "message": "{param}!"}}}, Refusal.of("missing", param="a"), (400, {"m": "a!"})),
        ({"kinds": {"not_found": {"status": 410, "param": "id"}}}, Refusal.of("not_found", resource="r", value="v"), (410, {"error": {"code": "not_found", "message": "No r has the id v.", "param": "id"}})),
    ],
)  # fmt: skip
def test_error_dialects_word_and_wrap(written: dict, refusal: Refusal, wanted: tuple) -> None:
    assert render(written, refusal) == wanted


def test_errors_can_be_xml() -> None:
    dialect = ErrorDialect({"format": "xml", "root": "Error", "body": {"Code": "{code}", "Message": "{message}"}})
    _, _, raw = dialect.render(Refusal(404, "NoSuchKey", "<gone> & away"), {})
    assert raw.decode().endswith("<Error><Code>NoSuchKey</Code><Message>&lt;gone&gt; &amp; away</Message></Error>")
    assert dialect.content_type == "text/xml"


def test_choices_read_as_a_list() -> None:
    assert [choices(["a"]), choices(["a", "b"]), choices(["a", "b", 3])] == ["a", "a or b", "a, b, or 3"]


def test_templates_keep_types_and_leave_out_what_is_missing() -> None:
    render = compile_template({"a": "{x}", "b": ["{x}", "n={x}"], "c": "{y}"})
    assert render({"x": 5}) == {"a": 5, "b": [5, "n=5"]}
    assert compile_template({"c": "{y}"}, keep_null=True)({"y": None}) == {"c": None}


API = OpenApi(
    "test",
    b"""{"openapi": "3.0.0", "paths": {}, "components": {"schemas": {
    "Tree": {"type": "object", "properties": {"size": {"type": "integer"}, "below": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}},
    "Old": {"type": "integer", "minimum": 1, "exclusiveMinimum": true, "nullable": true},
    "Person": {"type": "object", "required": ["email", "id"], "properties": {"id": {"type": "string", "readOnly": true}, "email": {"type": "string"}}}
    }}}""",
)


@pytest.mark.parametrize(
    ("schema", "given", "wanted"),
    [
        ({"type": "integer"}, "12", 12),
        ({"type": "integer"}, "1.5", "1.5"),
        ({"type": "integer"}, "9" * 40, "9" * 40),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "yes", "yes"),
        ({"type": "string"}, "12", "12"),
        ({"type": "array", "items": {"type": "integer"}}, {"0": "1", "5": "2"}, [1, 2]),
        ({"anyOf": [{"type": "integer"}, {"type": "string", "enum": [""]}]}, "", ""),
        ({"anyOf": [{"type": "integer"}, {"type": "string", "enum": ["now"]}]}, "now", "now"),
        ({"anyOf": [{"type": "integer"}, {"type": "string", "enum": ["now"]}]}, "5", 5),
        (
            {"anyOf": [{"type": "object", "properties": {"gt": {"type": "integer"}}}, {"type": "integer"}]},
            {"gt": "5"},
            {"gt": 5},
        ),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": "1"}, {"a": 1}),
        (
            {"$ref": "#/components/schemas/Tree"},
            {"size": "1", "below": [{"size": "2"}]},
            {"size": 1, "below": [{"size": 2}]},
        ),
    ],
)
def test_form_values_become_what_the_schema_asks(schema: dict, given: Any, wanted: Any) -> None:
    got = coercer(API, schema)(given)
    assert (got, type(got)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("schema", "value", "wanted"),
    [
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {"a": "x"}, [("invalid_integer", ("a",))]),
        ({"type": "object", "properties": {"a": {"type": "string", "enum": ["p", "q"]}}}, {"a": "x"}, [("invalid_enum", ("a",))]),
        ({"type": "object", "properties": {"a": {"type": "string", "maxLength": 1}}}, {"a": "xx"}, [("too_long", ("a",))]),
        ({"type": "object", "properties": {"a": {}}, "required": ["b"]}, {"c": 1}, [("unknown_parameter", ("c",)), ("missing", ("b",))]),
        ({"type": "object", "properties": {"a": {"anyOf": [{"type": "integer"}, {"type": "string", "enum": [""]}]}}}, {"a": "x"}, [("invalid_enum", ("a",))]),
        ({"type": "object", "properties": {"a": {"anyOf": [{"type": "object", "properties": {"z": {"type": "string", "maxLength": 1}}}, {"type": "string", "enum": [""]}]}}}, {"a": {"z": "xx"}}, [("too_long", ("a", "z"))]),
        ({"$ref": "#/components/schemas/Old"}, None, []),
        ({"$ref": "#/components/schemas/Old"}, 1, [("too_small", ())]),
        ({"$ref": "#/components/schemas/Person"}, {"email": "a"}, []),
    ],
)  # fmt: skip
def test_complaints_name_their_kind_and_place(schema: dict, value: Any, wanted: list) -> None:
    found = complaints(validator(API, schema, refuse_unknown=True), value)
    assert [(complaint.kind, complaint.path) for complaint in found] == wanted


def test_invented_values_fit_their_schema_and_repeat_with_the_seed() -> None:
    schema = {
        "type": "object",
        "required": ["email", "age", "kind", "when", "website", "inner", "code"],
        "properties": {
            "email": {"type": "string"}, "age": {"type": "integer", "minimum": 18, "maximum": 20}, "kind": {"enum": ["a", "b"], "type": "string"},
            "when": {"type": "string", "format": "date-time"}, "website": {"type": "string", "format": "uri"},
            "inner": {"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}, "left": {"type": "object"}}},
            "code": {"type": "string", "minLength": 4, "maxLength": 4}, "gone": {"type": "string", "nullable": True},
        },
    }  # fmt: skip
    made = Synthesizer(API, random.Random(1), 1767603600000).object(schema)
    assert validator(API, schema, refuse_unknown=True).is_valid(made)
    assert "@" in made["email"]
    assert (made["when"], len(made["code"]), made["gone"]) == ("2026-01-05T09:00:00Z", 4, None)
    assert made == Synthesizer(API, random.Random(1), 1767603600000).object(schema)


def test_durations_are_milliseconds() -> None:
    assert [duration(text) for text in ("250ms", "30s", "5m", "2h", "1d")] == [
        250,
        30_000,
        300_000,
        7_200_000,
        86_400_000,
    ]
