"""Parsing, through the real explicit proxy with real allow rules: what two parsers might read in two ways goes nowhere."""

import sys

import pytest

from tests.escape.beside import HERE, Seen, beside_the_sinkhole, once

pytestmark = pytest.mark.sealed  # it runs beside the sinkhole, which takes namespaces

BAD_TARGETS = [
    "connect_nul", "connect_user", "connect_backslash", "connect_too_long", "connect_fake_punycode", "connect_zone",
    "connect_port_0", "connect_two_ports", "connect_space",
]  # fmt: skip
# What was tried, how the answer begins, and what the one entry says.
REQUESTS = {
    "connect_ssh": ("HTTP/1.1 403", "TCP x.allowed.example:22"),
    "host_in_a_tunnel": ("HTTP/1.1 200", "but the Host header says attacker.example"),
    "uri_in_a_tunnel": ("HTTP/1.1 200", "but the request's URI says attacker.example"),
    "ssh_in_a_tunnel": ("HTTP/1.1 200", "x.allowed.example:443"),
    "an_empty_tunnel": ("HTTP/1.1 200", "the connection ended before anything could be read from it"),
    "a_tunnel_in_a_tunnel": ("HTTP/1.1 200", "CONNECT inside a connection that has its destination already"),
    "uri_user": ("HTTP/1.1 400", "'x.allowed.example@attacker.example' is no host name"),
    "uri_backslash": ("HTTP/1.1 400", "is no host name"),
    "dots": ("HTTP/1.1 403", "GET http://x.allowed.example/public/../private"),
    "encoded_dots": ("HTTP/1.1 403", "GET http://x.allowed.example/public/%2e%2e/private"),
    "encoded_slash": ("HTTP/1.1 403", "GET http://x.allowed.example/public%2f..%2fprivate"),
    "doubled_slash": ("HTTP/1.1 403", "GET http://x.allowed.example//public/a"),
    "path_parameter": ("HTTP/1.1 403", "GET http://x.allowed.example/public/..;/private"),
    "backslash_path": ("HTTP/1.1 403", "GET http://x.allowed.example/public\\..\\private"),
    "method_override": ("HTTP/1.1 403", "GET http://x.allowed.example/public/a · "),
    "two_hosts": ("HTTP/1.1 400", "Host"),
    "cl_te": ("HTTP/1.1 400", "Content-Length"),
    "te_te": ("HTTP/1.1 ", "ransfer-Encoding"),
    "folded_header": ("HTTP/1.1 ", "x.allowed.example"),
    "space_before_colon": ("HTTP/1.1 400", "x.allowed.example"),
    "body_past_the_limit": ("HTTP/1.1 413", "POST http://x.allowed.example/judged"),
    "packed_body": ("HTTP/1.1 403", "POST http://x.allowed.example/judged"),
    "bomb": ("HTTP/1.1 403", "POST http://x.allowed.example/judged"),
    "duplicate_keys": ("HTTP/1.1 403", "POST http://x.allowed.example/judged"),
    "line_breaks_without_end": ("HTTP/1.1 403", "GET http://patient.example/"),
}


@pytest.fixture(scope="module")
def explicit(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    command = (sys.executable, str(HERE / "attempts_explicit.py"))
    seen, _ = once(tmp_path_factory, "explicit", lambda folder: beside_the_sinkhole(folder, "ordinary", *command))
    return seen


def test_nothing_left_and_nothing_was_allowed(explicit: Seen) -> None:
    """Not even the name of the host that the rules allow was asked for."""
    assert explicit.code == 0, explicit.err
    assert explicit.frames == []
    assert explicit.awake
    assert {entry.verdict for entry in explicit.entries} == {"deny"}
    assert {entry.upstream.dns for entry in explicit.entries} == {0}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_a_target_that_is_no_host_is_refused(explicit: Seen, name: str) -> None:
    assert explicit.answers[name].startswith("HTTP/1.1 400"), explicit.answers[name]


@pytest.mark.parametrize("name", ["socks_nul", "socks_newline", "socks_user", "socks_too_long"])
def test_a_socks_name_that_is_no_host_is_refused(explicit: Seen, name: str) -> None:
    assert explicit.answers[name].startswith("05000508"), explicit.answers[name]


def test_each_bad_target_has_its_entry(explicit: Seen) -> None:
    reasons = [entry.reason for entry in explicit.entries]
    assert sum("the SOCKS5 target" in reason for reason in reasons) == 4
    assert sum("CONNECT" in entry.method for entry in explicit.entries) >= len(BAD_TARGETS)


@pytest.mark.parametrize(
    ("name", "answer", "reason"),
    [("socks_udp", "05000507", "UDP ASSOCIATE"), ("socks_login", "05ff", "insists on a login"), ("socks_4", "", "a proxy port takes")],
)  # fmt: skip
def test_other_wishes_of_a_socks_client_are_refused(explicit: Seen, name: str, answer: str, reason: str) -> None:
    assert explicit.answers[name].startswith(answer)
    assert explicit.recorded(reason)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_with_two_readings_is_refused_and_recorded(explicit: Seen, name: str) -> None:
    answer, entry = REQUESTS[name]
    assert explicit.answers[name].startswith(answer), explicit.answers[name]
    assert explicit.recorded(entry), [f"{found.target} · {found.reason}" for found in explicit.entries]


def test_the_proxy_is_no_relay_to_itself(explicit: Seen) -> None:
    tunnel, *others = explicit.answers["the_proxy_itself"]
    assert "HTTP/1.1 403" in tunnel
    assert all(answer.startswith("HTTP/1.1 403") for answer in others)
    assert len(explicit.recorded("http://127.0.0.1:")) == 2
    assert explicit.recorded("http://[::1]:")
