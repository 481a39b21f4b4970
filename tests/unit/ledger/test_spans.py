"""An entry as a span: the names that OpenTelemetry's conventions have, and no secret in any of them."""

import json
from typing import Any

import pytest

from childproof.ledger import record
from childproof.ledger.spans import Severity, span_id, span_of
from childproof.model import Effect, Would, replace

from .conftest import make_entry

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def http(**fields: Any) -> Any:
    return replace(make_entry("main", 1), **fields)


def test_an_http_call_has_the_names_of_the_http_conventions() -> None:
    entry = http(
        id="call_0123456789abcdef",
        path="/v1/things/1?expand[]=x",
        operation="POST /v1/things/{thing}",
        request=record((("User-Agent", "stripe-python/16"),), b"amount=1"),
        reply=record((), b"{}"),
    )
    span = span_of(entry)
    assert (span.name, span.id, span.internal, span.failed) == (
        "POST /v1/things/{thing}", "0123456789abcdef", False, ""
    )  # fmt: skip
    wanted = {
        "http.request.method": "POST",
        "url.scheme": "https",
        "url.full": "https://api.stripe.com/v1/things/1?expand[]=x",
        "url.template": "/v1/things/{thing}",
        "server.address": "api.stripe.com",
        "server.port": 443,
        "network.protocol.name": "http",
        "network.transport": "tcp",
        "http.response.status_code": 200,
        "http.request.body.size": 8,
        "http.response.body.size": 2,
        "user_agent.original": "stripe-python/16",
        "childproof.verdict": "stub",
        "childproof.rule": "stripe",
        "childproof.stub": "stripe",
        "childproof.fidelity": "modelled",
        "childproof.world": "main",
        "childproof.sandbox": "box",
        "childproof.seq": 1,
        "childproof.changes": 1,
        "childproof.effects": ["stripe thing.created"],
    }
    assert wanted.items() <= span.attributes.items()
    assert "error.type" not in span.attributes


def test_no_secret_is_in_a_span() -> None:
    """What is told of live is an entry as it was before it was redacted."""
    entry = http(
        target="GET https://api.example/?api_key=hunter22hunter22",
        path="/?api_key=hunter22hunter22",
        reason="password=hunter22hunter22",
        error="Bearer hunter22hunter22hunter22",
        method="sk_live_hunter22hunter22",
        request=record((("user-agent", "x sk_live_hunter22hunter22"),), b""),
    )
    span = span_of(entry)
    assert "hunter22hunter22" not in json.dumps([span.attributes, span.line, span.name, span.failed])
    asked = {"model": "sk_live_hunter22hunter22", "messages": [], "stop": ["ghp_hunter22hunter22hunter22"]}
    answered = {"id": "sk_live_hunter22hunter22", "model": "m"}
    model = span_of(
        http(
            path="/v1/chat/completions",
            request=record((), json.dumps(asked).encode()),
            reply=record((), json.dumps(answered).encode()),
        )
    )
    assert model.attributes["gen_ai.operation.name"] == "chat"
    assert "hunter22hunter22" not in json.dumps([model.attributes, model.line, model.name])


@pytest.mark.parametrize(
    ("fields", "name", "severity", "failed"),
    [
        ({"verdict": "deny", "status": 403, "stub": None, "operation": None}, "POST", Severity.WARN, "403"),
        ({"fidelity": "gap", "status": 404, "operation": None}, "POST", Severity.WARN, "404"),
        ({"error": "RuntimeError: oh", "verdict": "deny"}, "POST /v1/things", Severity.ERROR, "childproof_error"),
        ({"error": "refused", "verdict": "allow", "operation": None}, "POST", Severity.ERROR, "upstream_error"),
        ({"method": "BREW", "operation": None}, "HTTP", Severity.INFO, ""),
        ({"protocol": "tcp", "verdict": "deny", "status": None}, "TCP", Severity.WARN, "denied"),
        ({"protocol": "dns", "method": "A", "status": 0}, "DNS A", Severity.DEBUG, ""),
        ({"protocol": "smtp", "method": "MESSAGE", "status": 250}, "send", Severity.INFO, ""),
        ({"protocol": "smtp", "method": "MESSAGE", "status": 550, "verdict": "deny"}, "send", Severity.WARN, "550"),
        ({"protocol": "clock", "method": "JOB", "target": "job shop renew"}, "job shop renew", Severity.DEBUG, ""),
        ({"protocol": "clock", "method": "ADVANCE"}, "clock advance", Severity.DEBUG, ""),
    ],
)
def test_its_name_has_few_values_and_its_severity_follows_the_verdict(
    fields: dict[str, Any], name: str, severity: Severity, failed: str
) -> None:
    span = span_of(http(**fields))
    assert (span.name, span.severity, span.failed) == (name, severity, failed)


def test_protocols_have_the_conventions_of_their_own() -> None:
    dns = span_of(http(protocol="dns", method="A", host="shop.example", port=53)).attributes
    assert dns["dns.question.name"] == "shop.example"
    assert "server.address" not in dns
    mail = span_of(http(protocol="smtp", method="MESSAGE", request=record((), b"Hello"))).attributes
    assert (mail["messaging.system"], mail["messaging.operation.type"]) == ("smtp", "send")
    assert span_of(http(protocol="clock", method="JOB")).internal
    other = span_of(http(method="BREW", operation=None)).attributes
    assert (other["http.request.method"], other["http.request.method_original"]) == ("_OTHER", "BREW")


def test_its_parent_is_its_cause_or_the_agents_own_span() -> None:
    assert span_of(http(cause="call_0123456789abcdef")).parent == "0123456789abcdef"
    brought = record((("traceparent", f"00-{TRACE}-{PARENT}-01"),), b"")
    assert span_of(http(request=brought, trace=TRACE)).parent == PARENT
    assert span_of(http(request=brought)).parent == ""  # a header that was not taken over
    assert span_of(http()).parent == ""


def test_every_call_has_a_span_id() -> None:
    assert span_id("call_0123456789abcdef") == "0123456789abcdef"
    assert len(span_id("call_main_1")) == 16


CHAT = {"model": "small-1", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.2, "max_tokens": 64,
        "stop": "END"}  # fmt: skip
CHATTED = {"id": "cmpl-1", "model": "small-1-0125", "choices": [{"finish_reason": "stop"}],
           "usage": {"prompt_tokens": 9, "completion_tokens": 12}}  # fmt: skip


def model_call(path: str, asked: Any, answered: Any = None, **fields: Any) -> dict[str, Any]:
    request = record((), json.dumps(asked).encode())
    reply = None if answered is None else record((), json.dumps(answered).encode())
    span = span_of(http(host="gateway.example", path=path, request=request, reply=reply, **fields))
    return {name.removeprefix("gen_ai."): value for name, value in span.attributes.items() if name[:7] == "gen_ai."}


def test_a_call_to_a_model_is_known_by_its_shape_whoever_answers() -> None:
    assert model_call("/v1/chat/completions", CHAT, CHATTED) == {
        "operation.name": "chat",
        "provider.name": "openai",
        "conversation.id": "main",
        "request.model": "small-1",
        "request.temperature": 0.2,
        "request.max_tokens": 64,
        "request.stop_sequences": ["END"],
        "response.id": "cmpl-1",
        "response.model": "small-1-0125",
        "response.finish_reasons": ["stop"],
        "usage.input_tokens": 9,
        "usage.output_tokens": 12,
    }
    asked = record((), json.dumps(CHAT).encode())
    assert span_of(http(path="/v1/chat/completions", request=asked)).name == "chat small-1"


@pytest.mark.parametrize(
    ("path", "asked", "answered", "wanted"),
    [
        ("/v1/messages", {"model": "m", "messages": [], "max_tokens": 5, "stop_sequences": ["a"]},
         {"id": "msg_1", "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}},
         {"operation.name": "chat", "provider.name": "anthropic", "response.finish_reasons": ["end_turn"],
          "usage.output_tokens": 2}),
        ("/v1/responses", {"model": "m", "input": "Hi"}, {"usage": {"input_tokens": 3}},
         {"operation.name": "chat", "usage.input_tokens": 3}),
        ("/v1/embeddings", {"model": "e", "input": ["a"]}, {"usage": {"prompt_tokens": 4}},
         {"operation.name": "embeddings", "usage.input_tokens": 4}),
        ("/v1/completions?a=b", {"model": "t", "prompt": "Once"}, None, {"operation.name": "text_completion"}),
        ("/v1beta/models/g-2:generateContent", {"contents": [], "generationConfig": {"temperature": 1}},
         {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 5}, "modelVersion": "g-2-1"},
         {"operation.name": "generate_content", "request.model": "g-2", "request.temperature": 1,
          "response.model": "g-2-1", "response.finish_reasons": ["STOP"], "usage.input_tokens": 5}),
    ],
)  # fmt: skip
def test_each_dialect_is_read(path: str, asked: Any, answered: Any, wanted: dict[str, Any]) -> None:
    assert wanted.items() <= model_call(path, asked, answered).items()


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/messages", {"to": "+1555", "body": "Hi"}),  # somebody else's messages
        ("/v1/messages", {"messages": []}),
        ("/v1/chat/completions/1", CHAT),
        ("/v1/embeddings", [1, 2]),
        ("/v1/embeddings", {"model": 3, "input": "a"}),
    ],
)
def test_what_only_looks_alike_is_no_call_to_a_model(path: str, asked: Any) -> None:
    assert model_call(path, asked) == {}
    assert model_call("/v1/chat/completions", CHAT, method="GET") == {}


def test_a_body_that_was_cut_still_tells_its_model() -> None:
    long = {"model": "small-1", "messages": ["x" * 100_000]}
    assert model_call("/v1/chat/completions", long)["request.model"] == "small-1"


def test_effects_are_told_by_their_kind_alone() -> None:
    span = span_of(http(effects=(Effect("email", "message.sent", "m", {"to": "jenny@home.example"}),)))
    assert span.attributes["childproof.effects"] == ["email message.sent"]
    assert "jenny" not in json.dumps(span.attributes)


def test_a_dry_runs_verdict_is_told_beside_the_one_that_held() -> None:
    span = span_of(http(verdict="allow", would=(Would("no-uploads", "the rule no-uploads"),)))
    assert span.attributes["childproof.would"] == ["deny no-uploads"]
