"""From a request's parts to a call."""

import pytest

from childproof.capture.destination import Destination, Ingress
from childproof.capture.mitm.calls import Request, Site, build_call, decide
from childproof.capture.mitm.replies import denial, render, reply_of, response_headers
from childproof.model import Action, Outcome, Protocol, Reply, Verdict, Violation

SITE = Site(Ingress("w", "s"), Destination("api.example", 443, "198.18.0.1"), tls=True, sni="api.example")
PROXY = Site(Ingress("w", "s"), None)


def request(target=b"/a/b?c=d", headers=((b"Host", b"api.example"),), **more):
    return Request(more.pop("method", b"GET"), target, more.pop("version", "1.1"), headers, **more)


def test_all_parts_arrive():
    call = build_call(SITE, request(headers=((b"Host", b"api.example"), (b"X-A", b"\xe9")), body=b"body"))
    assert (call.protocol, call.host, call.port, call.world, call.sandbox) == (
        Protocol.HTTP,
        "api.example",
        443,
        "w",
        "s",
    )
    assert (call.method, call.scheme, call.path, call.query, call.body) == ("GET", "https", "/a/b", "c=d", b"body")
    assert (call.address, call.tls, call.violation) == ("198.18.0.1", True, None)
    assert call.headers == (("Host", "api.example"), ("X-A", "é"))


def test_a_path_is_kept_raw():
    assert build_call(SITE, request(b"/a%2f..//b")).path == "/a%2f..//b"


def test_a_proxy_request_names_its_destination():
    call = build_call(PROXY, request(b"HTTP://API.example:8080?x=1", headers=((b"Host", b"api.example:8080"),)))
    assert (call.scheme, call.host, call.port, call.path, call.query, call.violation) == (
        "http", "api.example", 8080, "/", "x=1", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (request(b"x"), "malformed"),
        (request(b"/ x"), "malformed"),
        (request(b"*"), "malformed"),
        (request(b"ftp://api.example/"), "malformed"),
        (request(b"//evil.example/x"), None),
        (request(method=b"G@T"), "malformed"),
        (request(method=b"CONNECT"), "unsupported"),
        (request(headers=()), "malformed"),
        (request(headers=(), version="1.0"), None),
        (request(version="2.0"), "malformed"),
        (request(headers=((b"Host", b"api.example"), (b"host", b"api.example"))), "malformed"),
        (request(headers=((b"Host", b"evil.example"),)), "host_mismatch"),
        (request(b"https://evil.example/", headers=((b"Host", b"api.example"),)), "host_mismatch"),
        (request(b"http://api.example/"), "host_mismatch"),
        (request(b"https://user@api.example/"), "bad_host"),
        (request(version="2.0", scheme="https", authority=b"evil.example", headers=()), "host_mismatch"),
        (request(version="2.0", scheme="https", authority=b"api.example", headers=()), None),
        (request(version="2.0", scheme="https", authority=b"api.example", headers=((b"host", b"evil"),)), "host_mismatch"),
    ],
)  # fmt: skip
def test_violations(made, kind):
    found = build_call(SITE, made).violation
    assert (found.kind if found else None) == kind


def test_a_call_with_a_violation_still_says_where_it_went():
    call = build_call(SITE, request(), Violation("body_too_large", "x", 413))
    assert (call.host, call.violation.kind) == ("api.example", "body_too_large")


def test_a_judge_that_raises_denies():
    class Broken:
        def handle(self, call):
            raise ValueError("a bug")

    outcome = decide(Broken(), build_call(SITE, request()))
    assert (outcome.verdict.action, outcome.forward, outcome.reply.status) == (Action.DENY, None, 500)


def test_an_outcome_that_says_nothing_is_a_denial():
    assert reply_of(Outcome("c", Verdict(reason="because"))).status == 403
    assert reply_of(Outcome("c", Verdict(Action.ALLOW))).status == 502


def test_a_reply_s_framing_is_ours():
    reply = Reply(
        200, (("Content-Length", "99"), ("Transfer-Encoding", "chunked"), ("Connection", "close"), ("A", "b")), b"xy"
    )
    assert response_headers(reply, head_request=False) == [(b"A", b"b"), (b"content-length", b"2")]


@pytest.mark.parametrize("header", [("a", "b\r\nc: d"), ("a b", "c"), ("", "c"), ("a", "\x00")])
def test_a_header_that_breaks_a_message_apart_is_refused(header):
    with pytest.raises(ValueError, match="characters"):
        response_headers(Reply(200, (header,)), head_request=False)


def test_a_rendered_denial():
    raw = render(denial(403, "no rule matches", call="call_1"), head_request=False, last=True)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert head.endswith(b"connection: close")
    assert b'"type": "childproof_denied"' in body
