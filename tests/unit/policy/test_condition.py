"""`when`: what is refused at load, what a call looks like to an expression, and what happens without an answer."""

import subprocess
import sys

import pytest

from childproof.model import Call, Envelope, Protocol, replace
from childproof.policy.condition import ConditionError, EvaluationError, compile_condition
from childproof.policy.facts import Facts

HTTP = (Protocol.HTTP,)
FORM = ("content-type", "application/x-www-form-urlencoded")
POST = Call(
    Protocol.HTTP,
    "api.stripe.com",
    443,
    method="POST",
    scheme="https",
    path="/v1/%63harges",
    query="limit=10&q=a&expand[]=x&expand[]=y",
    headers=(FORM, ("X-Team", "a"), ("x-team", "b")),
    body=b"amount=1000001&currency=usd&metadata[order]=007&items[0][price]=p&big=99999999999999999999",
)


def holds(text: str, call: Call = POST) -> bool:
    return compile_condition(text, (call.protocol,)).holds(Facts(call).part)


@pytest.mark.parametrize(
    "text",
    [
        "call.form.amount > 1000000",
        "call['form']['amount'] == 1000001",
        "call.form.currency == 'usd'",
        "call.form.metadata.order == '007'",
        "call.form.items[0].price == 'p'",
        "call.form.big == '99999999999999999999'",
        "has(call.form.amount) && !has(call.form.nothing)",
        "call.query.limit == 10 && call.query.q == 'a'",
        "call.query.expand.exists(x, x == 'y')",
        "call.headers['x-team'] == 'a, b'",
        "call.method == 'POST' && call.host.endsWith('.stripe.com') && call.port == 443",
        "call.path == '/v1/charges' && call.scheme == 'https' && call.protocol == 'http'",
        "call.path.matches('^/v1/[a-z]+$')",
        "call.body.contains('usd')",
        "'call.nothing' != r'call\\.x' // call.comment",
        "true",
    ],
)
def test_expressions_see_the_call(text: str) -> None:
    assert holds(text)


def test_json_bodies_keep_their_types() -> None:
    call = replace(
        POST, headers=(("content-type", "application/json"),), body=b'{"a": {"b": [1, 2.5, "3", null, true]}}'
    )
    assert holds(
        "call.json.a.b[0] == 1 && call.json.a.b[2] == '3' && call.json.a.b[3] == null && call.json.a.b[4]", call
    )


def test_an_empty_body_is_an_empty_form_and_a_null_document() -> None:
    call = replace(POST, body=b"", headers=())
    assert holds("!has(call.form.amount) && call.json == null && call.body == ''", call)


def test_mail_is_seen_with_its_envelope_and_subject() -> None:
    envelope = Envelope("shop@example.com", ("a@example.com", "b@example.com"), user="shop", tls=True)
    call = Call(
        Protocol.SMTP, "smtp.example.com", 587, body=b"Subject: =?utf-8?q?Caf=C3=A9?=\r\n\r\nHi", envelope=envelope
    )
    assert holds("call.smtp.sender == 'shop@example.com' && size(call.smtp.recipients) == 2 && call.smtp.tls", call)
    assert holds("call.smtp.subject == 'Café' && call.smtp['user'] == 'shop'", call)


@pytest.mark.parametrize(
    ("text", "found", "write"),
    [
        ("form.amount > 1", "unknown variable 'form'", "call.form"),
        ("call.fom.amount > 1", "unknown field call.fom", "call.form"),
        ("call['fom'].amount > 1", "unknown field call.fom", "call.form"),
        ("call == 1", "'call' without a field", ""),
        ("call[call.host] == 1", "'call' without a field", ""),
        ("call.smtp.sender == 'x'", "unknown field call.smtp for http", ""),
        ("call.host.startWith('a')", "unknown function 'startWith'", "startsWith"),
        ("lower(call.host) == 'a'", "unknown function 'lower'", ""),
        ("call.form.amount >", "syntax error at character", ""),
        ("", "syntax error at character 1", ""),
        ("call.path.matches('(')", "the regular expression '('", ""),
        ("call.form.amount == '100'", "never equals", "100"),
        ('call.query.a.b != "-5"', "never equals", "-5"),
        ("[1].exists(call, call == 1)", "a macro's own", ""),
    ],
)
def test_mistakes_are_refused_at_load(text: str, found: str, write: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text, HTTP)
    assert found in str(caught.value)
    assert caught.value.write == write
    assert caught.value.expected


def test_an_unknown_member_of_the_envelope_is_refused() -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition("call.smtp.recipient == 'x'", (Protocol.SMTP,))
    assert caught.value.write == "call.smtp.recipients"


def test_a_rule_for_two_protocols_may_only_use_what_both_have() -> None:
    compile_condition("call.host == 'x' && call.body == ''", (Protocol.HTTP, Protocol.SMTP))
    with pytest.raises(ConditionError):
        compile_condition("call.path == '/'", (Protocol.HTTP, Protocol.SMTP))


def test_text_that_is_no_number_may_be_compared_with_texts() -> None:
    for text in ("call.form.zip == '007'", "call.headers['x-id'] == '5'", "call.form.a == 'x' && '5' == call.host"):
        compile_condition(text, HTTP)


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        ("call.form.nothing > 1", {}, "nothing"),
        ("call.form.currency > 1", {}, "overload"),
        ("call.form.amount", {}, "not true or false"),
        ("call.form.amount / 0 == 1", {}, "division by zero"),
        ("call.form.amount > 1", {"headers": (("content-type", "application/json"),)}, "no form"),
        ("call.form.amount > 1", {"headers": ()}, "no form"),
        ("call.form.amount > 1", {"headers": (FORM, ("content-type", "text/plain"))}, "no form"),
        ("call.form.amount > 1", {"body": b"amount=1&amount=9999999"}, "more than once"),
        ("call.form.amount > 1", {"body": b"a=%ff"}, "can't be read"),
        ("call.query.limit > 1", {"query": "limit=1&limit=2"}, "more than once"),
        ("call.json.a == 1", {}, "no JSON"),
        ("call.json.a == 1", {"body": b'{"a": 1, "a": 2}'}, "more than once"),
        ("call.json.a == 1", {"body": b'{"a": NaN}'}, "NaN"),
        ("call.json.a == 1", {"body": b"[" * 100_000}, "no JSON"),
        ("call.body == ''", {"body": b"\xff\xfe"}, "UTF-8"),
        ("call.form.amount > 1", {"headers": (FORM, ("content-encoding", "gzip"))}, "encoded as gzip"),
        ("call.path == '/'", {"path": "/a/../b"}, "more than one way"),
    ],
)
def test_what_cant_be_told_has_no_answer(text: str, changes: dict[str, object], reason: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        holds(text, replace(POST, **changes))  # type: ignore[arg-type]
    assert reason in str(caught.value)


def test_a_part_that_is_missing_only_matters_where_evaluation_comes_to_it() -> None:
    call = replace(POST, body=b"not json", headers=())
    assert holds("call.method == 'POST' || call.json.a == 1", call)
    assert not holds("call.method == 'GET' && call.json.a == 1", call)


def test_only_the_parts_that_an_expression_mentions_are_worked_out() -> None:
    asked: list[str] = []

    def part(name: str) -> object:
        asked.append(name)
        return Facts(POST).part(name)

    assert compile_condition("call.method == 'POST' && call.headers['x-team'] != ''", HTTP).holds(part)
    assert sorted(asked) == ["headers", "method"]


def test_the_library_comes_without_its_command_line() -> None:
    code = (
        "import sys\n"
        "from childproof.policy import load_ruleset, Source\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'cel']\n"
        "load_ruleset([Source('x', 'version: 1\\nrules: [{name: a, match: {}, when: call.port > 1, deny: {}}]')])\n"
        "assert 'cel.cel' in sys.modules and 'typer' not in sys.modules and 'prompt_toolkit' not in sys.modules\n"
        "import cel\n"
        "assert cel.evaluate('1 + 1') == 2\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
