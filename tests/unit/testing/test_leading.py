"""This process's clients, led and left alone again."""

import contextlib
import os
import smtplib
import socket
import ssl
from pathlib import Path

import pytest

from childproof.testing.leading import Way, _local, _tunnel, led

PATCHED = [(smtplib.SMTP, "_get_socket"), (ssl.SSLContext, "wrap_socket"), (ssl.SSLContext, "wrap_bio")]


def test_of_several_at_once_the_newest_is_in_force_and_nothing_is_left_whatever_their_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Threads end theirs as they like: what one has set, the other must not put back."""
    monkeypatch.setenv("CP_KEPT", "mine")
    plain = [getattr(*one) for one in PATCHED]
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(led(Way({"CP_KEPT": "1", "CP_FIRST": "1"}, str(tmp_path), "http://127.0.0.1:1")))
    second.enter_context(led(Way({"CP_KEPT": "2", "CP_SECOND": "2"}, str(tmp_path), "http://127.0.0.1:2")))
    assert [os.environ.get(name) for name in ("CP_KEPT", "CP_FIRST", "CP_SECOND")] == ["2", None, "2"]
    first.close()
    assert [os.environ.get(name) for name in ("CP_KEPT", "CP_FIRST", "CP_SECOND")] == ["2", None, "2"]
    assert [getattr(*one) for one in PATCHED] != plain
    second.close()
    assert [os.environ.get(name) for name in ("CP_KEPT", "CP_FIRST", "CP_SECOND")] == ["mine", None, None]
    assert [getattr(*one) for one in PATCHED] == plain


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("smtp.example.com", "smtp.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("2001:db8::1", "[2001:db8::1]"),
    ],
)
def test_a_tunnel_leaves_what_comes_after_its_head(host: str, asked: str) -> None:
    """A mail server greets at once: its line may lie right behind the proxy's reply."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n220 hello\r\n")
        _tunnel(near, host, 587)
        assert far.recv(1000).startswith(f"CONNECT {asked}:587 HTTP/1.1\r\n".encode())
        assert near.recv(1000) == b"220 hello\r\n"


def test_a_tunnel_that_is_refused_says_so_in_the_proxys_words() -> None:
    """And one that is cut off, too."""
    near, far = socket.socketpair()
    with near:
        far.sendall(b"HTTP/1.1 403 Forbidden\r\nx: y\r\n\r\n")
        with pytest.raises(ConnectionRefusedError, match="403 Forbidden"):
            _tunnel(near, "smtp.example.com", 25)
        far.close()
        with pytest.raises(ConnectionError):
            _tunnel(near, "smtp.example.com", 25)


def test_what_is_on_this_machine_is_told_from_what_is_not() -> None:
    """Names and addresses of the loopback."""
    assert all(map(_local, ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1", ""]))
    assert not any(map(_local, ["localhost.example.com", "10.0.0.1", "smtp.example.com"]))
