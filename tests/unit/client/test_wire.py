"""Connections to a server: kept, noticed when they are closed, and every failure a sentence with what to do."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from childproof.client import Client, ControlError, events, wire
from childproof.client.wire import Wire
from childproof.control.messages import Mistaken
from childproof.errors import InputError


def read_head(connection: socket.socket) -> bytes:
    """A request's head, with its body read as well: who closes with bytes unread resets the connection."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(4096)
        if not part:
            return b""
        head += part
    head, _, body = head.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length is not None and len(body) < int(length[1]):
        body += connection.recv(4096)
    return head + b"\r\n"


def answer(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


@contextmanager
def listening(path: Path, serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server of one thread at a unix socket; `serve` has each connection in turn."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                serve(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"unix:{path}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def test_a_connection_is_kept_and_one_that_the_server_closed_is_replaced(tmp_path: Path) -> None:
    """Two requests share a connection; after a close, the next one takes another, also where it can't be sent twice."""
    connections: list[int] = []
    closed = threading.Event()

    def serve(connection: socket.socket) -> None:
        connections.append(1)
        for _ in range(2):
            if read_head(connection):
                connection.sendall(answer(b"{}"))
        connection.close()
        closed.set()

    with listening(tmp_path / "s", serve) as url:
        wire = Wire(url, None, 5)
        assert [wire.request("POST", "/").status for _ in range(2)] == [200] * 2
        assert closed.wait(10)  # a request that crosses the close on its way couldn't be sent twice
        assert [wire.request("POST", "/").status for _ in range(2)] == [200] * 2
        wire.close()
    assert len(connections) == 2


def test_the_token_goes_with_each_request_and_a_problem_is_an_error_with_its_words(tmp_path: Path) -> None:
    """What the server says is wrong is there as fields and as a message."""
    heads: list[bytes] = []
    problem = (
        b'{"type": "/v1/problems#invalid", "title": "Unprocessable Content", "status": 422, "detail": "2 faults, nothing was'
        b' changed", "errors": [{"pointer": "/text", "found": "1:1: allo", "expected": "allow", "write": "allow: {}"}]}'
    )

    def serve(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(answer(problem, "422 Unprocessable Content", "connection: close\r\n"))

    with (
        listening(tmp_path / "s", serve) as url,
        Client(url, token="secret") as client,
        pytest.raises(ControlError) as raised,
    ):
        client.check_rules("x")
    assert b"authorization: Bearer secret\r\n" in heads[0]
    error = raised.value
    assert (error.status, error.kind, error.exit_code, error.errors[0].pointer) == (422, "invalid", 2, "/text")
    assert str(error) == ("2 faults, nothing was changed\n  /text: 1:1: allo; expected allow\n    write: allow: {}")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"", "closed the connection without an answer"),
        (b"220 mail.example ESMTP\r\n", "does not speak HTTP"),
        (answer(b"<html>", "404 Not Found"), "answered 404, and not as childproof does"),
    ],
)
def test_what_is_no_control_api_is_said_to_be_none(tmp_path: Path, reply: bytes, said: str) -> None:
    """Another program at the address is a sentence, not a traceback of ours."""

    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(reply)

    with listening(tmp_path / "s", serve) as url, pytest.raises(ControlError, match=said):
        Client(url).worlds()


CALLS = b'{"calls": [], "next": %d}'
STREAM = "content-type: text/event-stream\r\n"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b'{"worlds": [{"na', b'{"a": "\xff"}', b"[" * 100_000, b"<html>"]
)
def test_an_answer_of_another_shape_is_an_error_of_the_client(tmp_path: Path, body: bytes) -> None:
    """Whatever is asked: one sentence and one exit code, never a traceback out of the middle of what reads it."""

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            while read_head(connection):
                connection.sendall(answer(body))

    asked: list[Callable[[Client], object]] = [
        Client.worlds,
        Client.rules,
        lambda client: list(client.calls("main")),
        lambda client: client.newest_calls("main", 1),
        lambda client: client.find_calls("call_1"),
        lambda client: client.messages("main", "ann@example.com"),
        lambda client: client.message_source("main", "ann@example.com", "msg_1"),
        lambda client: client.entities("main", "email", "message"),
        lambda client: client.export("main"),
        lambda client: next(iter(client.events("main"))),
    ]
    for ask in asked:
        with listening(tmp_path / "s", serve) as url, Client(url) as client, pytest.raises(ControlError) as raised:
            ask(client)
        assert (raised.value.kind, raised.value.exit_code) == ("foreign", 7), (body, raised.value)
        (tmp_path / "s").unlink()


@pytest.mark.parametrize(
    "page", [CALLS % 0, CALLS % 5, b'{"entities": [], "next": "a"}', b'{"entities": [{}], "next": "a"}']
)
def test_pages_that_lead_back_are_not_read_for_ever(tmp_path: Path, page: bytes) -> None:
    """A server that gives the same page again and again ends the reading."""

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            while read_head(connection):
                connection.sendall(answer(page))

    with listening(tmp_path / "s", serve) as url, Client(url) as client, pytest.raises(ControlError, match="again"):
        list(client.calls("main")) if b"calls" in page else client.entities("main", "email", "message")


def test_an_answer_without_an_end_is_neither_awaited_nor_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by a number of bytes, time by the client's timeout; also where each part comes in time."""
    monkeypatch.setattr(wire, "LARGEST", 1 << 20)
    monkeypatch.setattr(events, "LONGEST", 1 << 20)
    sent: list[Any] = ["", b" " * 65536]

    def serve(connection: socket.socket) -> None:
        read_head(connection)
        with suppress(OSError):
            connection.sendall(f"HTTP/1.1 200 OK\r\n{sent[0]}\r\n".encode())
            while True:
                connection.sendall(sent[1])
                time.sleep(0.001)

    with listening(tmp_path / "s", serve) as url:
        for sent[0] in ("", "content-length: 99999999999\r\n"):
            with pytest.raises(ControlError, match="more than 1 MiB"):
                Client(url).worlds()
        sent[0] = STREAM
        with pytest.raises(ControlError, match="a line of more than 1 MiB"):
            Client(url).events("main")
        sent[:] = ["", b" "]
        with pytest.raises(ControlError, match="took longer"):
            Client(url, timeout=0.01).worlds()


def test_a_server_that_does_not_answer_ends_with_the_time_waited(tmp_path: Path) -> None:
    """Nobody waits forever."""
    done = threading.Event()
    with listening(tmp_path / "s", lambda _: done.wait(5) and None) as url:
        with pytest.raises(ControlError, match=r"took longer than 0\.05 seconds") as raised:
            Client(url, timeout=0.05).worlds()
        done.set()
    assert (raised.value.status, raised.value.kind) == (0, "unreachable")


def test_where_nobody_listens_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    """A missing socket and a refused port name the command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for url, said in (
        (f"unix:{tmp_path}/none", "there is no socket"),
        (f"http://127.0.0.1:{port}", "nobody listens at"),
    ):
        with pytest.raises(ControlError, match=f"{said}.*childproof serve --control"):
            Client(url).worlds()


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:15000",
        "ftp://localhost/",
        "http://",
        "http://localhost:port",
        "http://[::1",
        "http://a b/",
        "http://me@localhost",
    ],
)
def test_an_address_that_is_none_is_refused_with_two_that_are(url: str) -> None:
    """Before anything is asked."""
    with pytest.raises(InputError, match=r"unix:/run/childproof\.sock or http://127\.0\.0\.1:15000"):
        Client(url)


def test_a_certificate_has_to_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands before a server and speaks TLS: unknown it is refused with what to name, known it is asked."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    cert = made.add_extension(addresses, critical=False).sign(key, SHA256())
    file = tmp_path / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + cert.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            with suppress(ssl.SSLError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                read_head(connection)
                connection.sendall(answer(b'{"worlds": []}'))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        with pytest.raises(ControlError, match=r"isn't trusted here: .*SSL_CERT_FILE") as refused:
            Client(url).worlds()
        assert refused.value.exit_code == 7
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert Client(url).worlds() == []
        thread.join(5)


def test_what_a_sentence_says_is_not_said_again_as_a_field() -> None:
    """A field adds a line only where it says more, be it quoted there or not."""
    told = ControlError(409, "no_such_call", "world a has no call 99", [Mistaken("/at", "'99'", "a call")])
    assert str(told) == "world a has no call 99"
    more = ControlError(409, "no_such_call", "nothing was done", [Mistaken("/at", "'99'", "a call")])
    assert str(more) == "nothing was done\n  /at: '99'; expected a call"
