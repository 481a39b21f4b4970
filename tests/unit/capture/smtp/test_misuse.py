"""What no well-behaved client does: every way ends in SMTP's own error and an entry, never in a hang or a leak."""

import base64
import logging
import re
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

Address = tuple[str, int]


def hear(sock: socket.socket) -> bytes:
    """One whole reply, however many lines it has."""
    heard = b""
    while not re.search(rb"(?:^|\n)\d{3} [^\n]*\n$", heard):
        chunk = sock.recv(10_000)
        assert chunk, heard
        heard += chunk
    return heard


def talk(address: Address, *sends: bytes, half_close: bool = False) -> bytes:
    """Send what is given, each part after a reply to the one before, and read to the end."""
    with socket.create_connection(address, 10) as sock:
        heard = hear(sock)
        for place, data in enumerate(sends):
            sock.sendall(data)
            if place < len(sends) - 1:
                heard += hear(sock)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        while chunk := sock.recv(10_000):
            heard += chunk
        return heard


def test_commands_pipelined_behind_starttls_are_thrown_away(
    converse: Callable[..., Any], judge: Any, certificates: Any
) -> None:
    """The injection bug (RFC 3207, section 4.2): what came in plain must not count as said under TLS."""
    injected = b"EHLO evil\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<a@example.com>\r\nDATA\r\nx\r\n.\r\n"

    def client(address: Address) -> bytes:
        sock = socket.create_connection(address, 10)
        hear(sock)
        sock.sendall(b"EHLO me\r\n")
        hear(sock)
        sock.sendall(b"STARTTLS\r\n" + injected)
        assert hear(sock).startswith(b"220")
        with certificates.client().wrap_socket(sock, server_hostname="smtp.gmail.com") as tls:
            tls.sendall(b"RCPT TO:<a@example.com>\r\n")
            answer = hear(tls)
            tls.sendall(b"QUIT\r\n")
            return answer

    assert converse(judge, 587, client).startswith(b"503")
    assert [call.method for call in judge.calls] == ["SESSION"]


def test_pipelined_commands_are_served_in_order(converse: Callable[..., Any], judge: Any) -> None:
    """Also when the client half-closes at once, as `printf … | nc` does: nothing that was sent is lost."""
    script = b"EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nhello\r\n.\r\n"
    heard = converse(judge, 25, lambda address: talk(address, script, half_close=True))
    assert heard.endswith(b"250 2.0.0 OK call_1\r\n")
    assert [call.body for call in judge.calls] == [b"hello\r\n"]


def test_a_message_that_is_cut_off_is_no_message(converse: Callable[..., Any], judge: Any) -> None:
    script = b"EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nhello\r\n"
    converse(judge, 25, lambda address: talk(address, script, half_close=True))
    assert [(call.method, call.body, call.envelope.helo) for call in judge.calls] == [("SESSION", b"", "me")]


def test_only_crlf_dot_crlf_ends_a_message(converse: Callable[..., Any], judge: Any) -> None:
    """SMTP smuggling: a second message behind a bare line feed must stay part of the first."""
    inner = b"one\r\n\n.\nMAIL FROM:<evil@example.com>\r\n\r.\r\nRCPT TO:<x@example.com>\r\n"
    script = b"EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n" + inner + b".\r\nQUIT\r\n"
    converse(judge, 25, lambda address: talk(address, script))
    assert [call.envelope.sender for call in judge.calls] == ["a@example.com"]
    assert judge.calls[0].body == inner


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (b"\x80\xff\r\n", b"500"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"500"),
        (b"EHLO me\r\nMAIL FROM:\r\n", b"501"),
        (b"EHLO me\r\nMAIL FROM:<a@example.com> WHAT=1\r\n", b"555"),
        (b"EHLO me\r\nMAIL FROM:<\xff\xfe@example.com>\r\n", b"501"),
        (b"EHLO me\x00\r\n", b"501"),
        (b"EHLO me\r\nAUTH PLAIN !!!\r\n", b"501"),
        (b"HELO " + b"x" * 20_000 + b"\r\n", b"500"),
        (b"x" * 3_000_000 + b"\r\n", b"500"),
    ],
)
def test_broken_commands_get_an_error_and_one_entry(
    converse: Callable[..., Any], judge: Any, script: bytes, code: bytes
) -> None:
    heard = converse(judge, 25, lambda address: talk(address, script + b"QUIT\r\n"))
    assert b"\r\n" + code in heard
    assert judge.violations == ["malformed"]
    assert len(judge.calls) == 1


def test_a_flood_of_broken_commands_is_one_entry_and_ends(converse: Callable[..., Any], judge: Any) -> None:
    heard = converse(judge, 25, lambda address: talk(address, b"WHAT\r\n" * 100))
    assert heard.count(b"\r\n") <= 7
    assert judge.violations == ["malformed"]


def test_a_connection_that_says_nothing_is_an_entry(converse: Callable[..., Any], judge: Any) -> None:
    converse(judge, 25, lambda address: talk(address, half_close=True))
    assert [(call.method, call.violation) for call in judge.calls] == [("SESSION", None)]


def test_no_tls_where_tls_is_due_is_recorded(converse: Callable[..., Any], judge: Any) -> None:
    def client(address: Address) -> bytes:
        with socket.create_connection(address, 10) as sock:
            sock.sendall(b"EHLO me\r\n")
            return sock.recv(1000)

    converse(judge, 465, client)
    assert judge.violations == ["malformed"]
    assert "TLS handshake" in judge.calls[0].violation.reason


@pytest.mark.parametrize("port", [465, 587])
def test_a_client_that_does_not_trust_us_is_recorded(converse: Callable[..., Any], judge: Any, port: int) -> None:
    def client(address: Address) -> None:
        with socket.create_connection(address, 10) as sock:
            if port == 587:
                hear(sock)
                sock.sendall(b"EHLO me\r\n")
                hear(sock)
                sock.sendall(b"STARTTLS\r\n")
                hear(sock)
            with pytest.raises(ssl.SSLCertVerificationError):
                ssl.create_default_context().wrap_socket(sock, server_hostname="smtp.gmail.com")

    converse(judge, port, client)
    assert len(judge.calls) == 1


@pytest.mark.parametrize("port", [465, 587])
@pytest.mark.parametrize("hello", [b"", b"\x16\x03\x01\x00\x10\x01"])
def test_a_client_that_vanishes_in_the_handshake_is_recorded(
    converse: Callable[..., Any], judge: Any, port: int, hello: bytes
) -> None:
    """It ends at once; nobody waits for the timeout."""

    def client(address: Address) -> None:
        with socket.create_connection(address, 10) as sock:
            if port == 587:
                hear(sock)
                sock.sendall(b"STARTTLS\r\n")
                hear(sock)
            sock.sendall(hello)

    converse(judge, port, client)
    assert judge.violations == ["malformed"]


@pytest.mark.parametrize("port", [465, 587])
def test_another_server_name_than_the_host_dialled_is_refused(
    converse: Callable[..., Any], judge: Any, certificates: Any, port: int
) -> None:
    def client(address: Address) -> None:
        with socket.create_connection(address, 10) as sock:
            if port == 587:
                hear(sock)
                sock.sendall(b"STARTTLS\r\n")
                hear(sock)
            with pytest.raises(ssl.SSLError):
                certificates.client().wrap_socket(sock, server_hostname="smtp.evil.example")

    converse(judge, port, client)
    assert judge.violations == ["host_mismatch"]


def test_tls_within_tls_is_refused(converse: Callable[..., Any], judge: Any, certificates: Any) -> None:
    def client(address: Address) -> bytes:
        sock = socket.create_connection(address, 10)
        with certificates.client().wrap_socket(sock, server_hostname="smtp.gmail.com") as tls:
            hear(tls)
            tls.sendall(b"STARTTLS\r\n")
            return hear(tls)

    assert converse(judge, 465, client).startswith(b"503")


def test_nothing_of_a_session_reaches_a_log(
    converse: Callable[..., Any], judge: Any, caplog: pytest.LogCaptureFixture
) -> None:
    script = (
        b"EHLO me\r\nAUTH PLAIN AG1lAHNlY3JldHNlY3JldA== c2VjcmV0\r\nAUTH PLAIN AG1lAHNlY3JldHNlY3JldA==\r\nQUIT\r\n"
    )
    with caplog.at_level(logging.DEBUG):
        converse(judge, 25, lambda address: talk(address, script))
    assert "AG1l" not in caplog.text
    assert "c2VjcmV0" not in caplog.text


def test_a_login_name_cannot_break_a_line(converse: Callable[..., Any], judge: Any) -> None:
    blob = base64.b64encode(b"\0a\r\nb\x1b[31m\xff" + b"x" * 1000 + b"\0pw")
    converse(judge, 25, lambda address: talk(address, b"EHLO me\r\nAUTH PLAIN " + blob + b"\r\nQUIT\r\n"))
    user = judge.calls[0].envelope.user
    assert user.isprintable()
    assert len(user) <= 320


def test_nothing_is_taken_after_goodbye(converse: Callable[..., Any], judge: Any) -> None:
    """A client that is sent away for its nonsense has no message judged that it had pipelined behind it."""
    nonsense = b"".join(b"NONSENSE%d\r\n" % number for number in range(20))
    script = (
        b"EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n" + nonsense + b"DATA\r\nhello\r\n.\r\n"
    )
    heard = converse(judge, 25, lambda address: talk(address, script, half_close=True))
    assert heard.splitlines()[-1].startswith(b"502 5.5.1 Too many")
    assert [call.method for call in judge.calls] == ["SESSION"]
