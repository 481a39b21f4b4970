"""What lasts and is allowed passes, read and counted: WebSockets, event streams, gRPC."""

import asyncio
import contextlib
import json
import ssl
import threading
import time
from concurrent import futures

import grpc
import pytest
import websockets.exceptions
import websockets.sync.client
import websockets.sync.server
from cryptography.hazmat.primitives import serialization

from childproof.capture.dialer import Dialed
from childproof.capture.mitm.leaf import Leaves
from childproof.model import Upstream, replace
from tests.escape.lasting import client, connect, settled


def pem(upstream_ca, folder):
    """A certificate for api.example by the upstream's authority."""
    leaves = Leaves(upstream_ca)
    file = folder / "leaf.pem"
    file.write_bytes(leaves._key_pem + leaves.certificate("api.example").public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def leading(stopped, tools):
    """A machine where everything is allowed and leads to one port of this machine."""

    def start(port):
        async def dial(_forward):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            return Dialed(reader, writer, "127.0.0.1", Upstream(dns=1, connections=1))

        stopped.start(dial=dial)
        stopped.judge.decide = tools.allow
        stopped.judge.forwards = lambda _host: True
        return stopped

    return start


@pytest.fixture
def upstream_socket(upstream_ca, tmp_path):
    """A WebSocket server that answers as `answer(connection)` does."""
    running = contextlib.ExitStack()

    def start(answer, **more):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem(upstream_ca, tmp_path))
        server = running.enter_context(
            websockets.sync.server.serve(answer, "127.0.0.1", 0, ssl=context, compression="deflate", **more)
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.socket.getsockname()[1]

    with running:
        yield start


def echo(ws):
    for message in ws:
        ws.send(message if isinstance(message, bytes) else f"you said {message}")


def test_an_allowed_websocket_passes_and_is_recorded_with_its_bytes(leading, upstream_socket):
    machine = leading(upstream_socket(echo, subprotocols=["a.v1"]))
    with connect(machine, subprotocols=["a.v1"]) as ws:
        assert (ws.subprotocol, ws.protocol.extensions) == ("a.v1", [])
        ws.send("hello")
        assert ws.recv() == "you said hello"
        ws.send(b"\0\xff")
        assert ws.recv() == b"\0\xff"
        ws.send(["in ", "pieces"])
        assert ws.recv() == "you said in pieces"
        assert ws.ping().wait(5)
    [(outcome, upstream, reply, error)] = settled(machine)
    assert machine.judge.calls[0].upgrade == "websocket"
    assert (outcome.forward.host, reply.status, error) == ("api.example", 101, "")
    assert (upstream.dns, upstream.connections) == (1, 1)
    assert upstream.bytes_out > 100
    lines = [json.loads(line) for line in reply.body.splitlines()]
    assert lines == [
        {"from": "client", "text": "hello"},
        {"from": "server", "text": "you said hello"},
        {"from": "client", "base64": "AP8="},
        {"from": "server", "base64": "AP8="},
        {"from": "client", "text": "in pieces"},
        {"from": "server", "text": "you said in pieces"},
    ]


def test_an_allowed_websockets_record_is_bounded(leading, upstream_socket):
    machine = leading(upstream_socket(lambda ws: [None for _ in ws]))
    with connect(machine) as ws:
        for _ in range(20):
            ws.send("x" * 10_000)
    [(_, _, reply, _)] = settled(machine)
    assert reply.size > 200_000
    assert len(reply.body) == 72 * 1024


def test_a_message_over_the_limit_does_not_pass(leading, upstream_socket):
    got = []
    machine = leading(upstream_socket(got.extend))
    machine.judge.max_body = 1000
    with connect(machine) as ws:
        ws.send("x" * 1001)
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            ws.recv()
    assert closed.value.rcvd.code == 1009
    assert "more than 1000 bytes" in settled(machine)[0][3]
    assert got == []


def test_a_message_that_the_leak_guard_stops_goes_nowhere_and_is_not_recorded(leading, upstream_socket):
    got = []
    machine = leading(upstream_socket(got.extend))
    allow = machine.judge.decide

    def screened(call):
        outcome = allow(call)
        forward = replace(outcome.forward, screen=lambda data: "leak guard: a canary" if b"canary" in data else "")
        return replace(outcome, forward=forward)

    machine.judge.decide = screened
    with connect(machine) as ws:
        ws.send("hello")
        ws.send("a canary")
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            ws.recv()
    assert closed.value.rcvd.code == 1008
    [(_, _, reply, error)] = settled(machine)
    assert error == "leak guard: a canary"
    deadline = time.monotonic() + 5
    while not got and time.monotonic() < deadline:  # the server may read it after the end is recorded
        time.sleep(0.01)
    assert (got, b"canary" in reply.body) == (["hello"], False)


@pytest.mark.parametrize("way", ["ping", "pong", "close"])
def test_what_pings_and_closes_carry_is_looked_at_too(leading, upstream_socket, way):
    """A ping has 125 bytes of the client's choice, a close 123."""
    heard = []

    def listening(ws):
        process = ws.process_event
        ws.process_event = lambda event: (heard.append(bytes(event.data)), process(event))[1]
        list(ws)

    machine = leading(upstream_socket(listening))
    allow = machine.judge.decide

    def screened(call):
        outcome = allow(call)
        forward = replace(outcome.forward, screen=lambda data: "leak guard: a canary" if b"canary" in data else "")
        return replace(outcome, forward=forward)

    machine.judge.decide = screened
    with contextlib.suppress(websockets.exceptions.ConnectionClosed), connect(machine) as ws:
        if way == "close":
            ws.close(1000, "a canary")
        else:
            (ws.ping if way == "ping" else ws.pong)("a canary")
            ws.recv()
    [(_, _, _, error)] = settled(machine)
    assert error == "leak guard: a canary"
    assert not any(b"canary" in frame for frame in heard)


def test_what_a_server_says_is_bounded_as_a_reply_is(leading, upstream_socket):
    machine = leading(upstream_socket(echo))
    allow = machine.judge.decide
    machine.judge.decide = lambda call: replace(allow(call), forward=replace(allow(call).forward, reply=100))
    with connect(machine) as ws:
        ws.send("x" * 80)
        assert ws.recv().startswith("you said x")
        ws.send("y" * 80)
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            ws.recv()
    assert settled(machine)[0][3] == "the server sent more than 100 bytes"


def test_what_is_no_frame_does_not_pass(leading, upstream_socket):
    got = []
    machine = leading(upstream_socket(got.extend))
    over = (websockets.exceptions.ConnectionClosed, OSError)  # the client may be writing as the end comes
    with contextlib.suppress(*over), connect(machine) as ws:
        ws.socket.sendall(b"\x83\x80\0\0\0\0")
        ws.recv()
    assert "the client broke the protocol" in settled(machine)[0][3]
    assert got == []


def test_an_upstream_that_leaves_ends_the_clients_connection(leading, upstream_socket):
    machine = leading(upstream_socket(lambda ws: ws.socket.close()))
    with connect(machine) as ws, pytest.raises(websockets.exceptions.ConnectionClosed):
        ws.recv()
    assert "the server left" in settled(machine)[0][3]


def test_a_server_that_does_not_switch_is_answered_as_http(stopped, tools):
    stopped.start()
    stopped.judge.decide = tools.allow
    stopped.judge.forwards = lambda _host: True
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(stopped)
    assert refused.value.response.status_code == 200
    assert b"upgrade: websocket" in stopped.sentinel.requests[0].lower()
    assert b"sec-websocket-extensions" not in stopped.sentinel.requests[0].lower()
    assert settled(stopped)[0][2].status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 x\r\nupgrade: something\r\nconnection: upgrade\r\n\r\nraw bytes",
        b"HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n",
    ],
    ids=["another protocol", "an extension that nobody asked for"],
)
def test_a_server_that_switches_otherwise_is_cut_off(stopped, tools, answer):
    stopped.start()
    stopped.sentinel.answer = answer
    stopped.judge.decide = tools.allow
    stopped.judge.forwards = lambda _host: True
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(stopped)
    assert refused.value.response.status_code == 502


def test_an_allowed_event_stream_passes_as_it_comes(stopped, tools):
    stopped.start()
    chunks = b"".join(b"%x\r\ndata: %d\n\n\r\n" % (len(b"data: %d\n\n" % n), n) for n in range(3))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    stopped.sentinel.answer = head + chunks + b"0\r\n\r\n"
    stopped.judge.decide = tools.allow
    stopped.judge.forwards = lambda _host: True
    with client(stopped, http2=False) as http, http.stream("GET", "https://api.example/feed") as reply:
        assert b"".join(reply.iter_bytes()) == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    [(_, upstream, kept, error)] = settled(stopped)
    assert (kept.body, error, upstream.connections) == (b"data: 0\n\ndata: 1\n\ndata: 2\n\n", "", 1)


class Echo(grpc.GenericRpcHandler):
    """Any method of an upstream: unary, or a stream of three where its name says so."""

    def service(self, details):
        if details.method.endswith("Many"):
            return grpc.unary_stream_rpc_method_handler(lambda message, _: iter([message] * 3))
        if details.method.endswith("Fail"):
            return grpc.unary_unary_rpc_method_handler(
                lambda _, context: context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
            )
        return grpc.unary_unary_rpc_method_handler(lambda message, _: message[::-1])


def test_allowed_grpc_calls_pass_unary_and_streaming(leading, upstream_ca, tmp_path):
    file = pem(upstream_ca, tmp_path).read_bytes()
    at = file.index(b"-----BEGIN CERTIFICATE")
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Echo()])
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(file[:at], file[at:])]))
    server.start()
    try:
        machine = leading(port)
        trust = grpc.ssl_channel_credentials(machine.ca.cert_pem.read_bytes())
        options = [("grpc.http_proxy", f"http://127.0.0.1:{machine.port}")]
        with grpc.secure_channel("api.example:443", trust, options) as channel:
            assert channel.unary_unary("/x.Y/One")(b"abc", timeout=10) == b"cba"
            assert list(channel.unary_stream("/x.Y/Many")(b"abc", timeout=10)) == [b"abc"] * 3
            with pytest.raises(grpc.RpcError) as failed:
                channel.unary_unary("/x.Y/Fail")(b"abc", timeout=10)
            assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.NOT_FOUND, "no such thing")
        figures = [upstream for _, upstream, _, _ in settled(machine, 3)]
        assert [figure.connections for figure in figures] == [1, 0, 0]
        assert all(figure.bytes_out > 0 for figure in figures)
    finally:
        server.stop(0).wait(5)
