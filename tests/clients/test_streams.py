"""Streams, WebSockets and gRPC by libraries that we did not write, through the real proxy to a stub of tests/data."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets.sync.server

from tests.clients.served import Served, serving

STUB = Path(__file__).parents[1] / "data" / "stubs" / "live"
RULES = """
version: 1
rules:
  - {name: live, match: {host: "*.live.example"}, stub: live}
  - {name: canned, match: {host: canned.example}, reply: {parts: ["one ", {pause: 50ms}, "two"]}}
"""
# what each script begins with: an order, placed over plain HTTP
PLACED = """
import os, ssl, json, httpx
trust = ssl.create_default_context(cafile=os.environ["CA"])
class OnlyHttp2(ssl.SSLContext):
    def set_alpn_protocols(self, protocols): super().set_alpn_protocols(["h2"])
only_http2 = OnlyHttp2(ssl.PROTOCOL_TLS_CLIENT)
only_http2.load_verify_locations(os.environ["CA"])
KEY = {"authorization": "Bearer key"}
def client(http2=False):
    verify = only_http2 if http2 else trust
    return httpx.Client(proxy=os.environ["PROXY"], verify=verify, headers=KEY, timeout=20, http1=not http2, http2=http2)
api = "https://api.live.example"
with client() as http:
    order = http.post(api + "/orders", json={"item": "tea"}).json()["id"]
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("live")
    (folder / "rules.yaml").write_text(RULES)
    with serving(folder, "--rules", "rules.yaml", "--stubs", str(STUB)) as running:
        yield running


def script(served: Served, code: str, **env: str) -> list[str]:
    done = served.run(sys.executable, "-c", PLACED + code, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def last(served: Served, **wanted: Any) -> dict[str, Any]:
    """The newest entry with these values."""
    found = [entry for entry in served.entries() if all(entry[key] == value for key, value in wanted.items())]
    assert found, wanted
    return found[-1]


EVENTS = """
with client(%s) as http:
    with http.stream("GET", api + "/feed?pause=0.05") as reply:
        assert reply.headers["content-type"] == "text/event-stream", reply.headers
        lines = list(reply.iter_lines())
    print(reply.http_version)
    ids = [line[4:] for line in lines if line.startswith("id: ")]
    assert order in ids and lines[-2] == "data: [DONE]", lines
    with http.stream("GET", api + "/feed", headers={"last-event-id": ids[-1]}) as reply:
        assert not [line for line in reply.iter_lines() if line.startswith("id: ")]
"""


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_httpx_reads_server_sent_events_and_goes_on_where_it_left(live: Served, version: str) -> None:
    assert script(live, EVENTS % (version == "h2")) == ["HTTP/1.1" if version == "h1" else "HTTP/2"]
    entry = last(live, operation="GET /feed")
    assert (entry["status"], entry["error"], entry["verdict"]) == (200, None, "stub")
    assert entry["reply"]["body"].startswith(": orders\n\n")
    assert entry["reply"]["body"].endswith("data: [DONE]\n\n")
    assert entry["duration_us"] > 0


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("flag", ["--http1.1", "--http2", "--http1.0"])
def test_curl_reads_a_stream_to_its_end(live: Served, flag: str) -> None:
    key = ("-H", "authorization: Bearer key")
    done = live.run("curl", "-sSN", flag, *key, "-x", f"http://{live.http}", "https://api.live.example/feed?pause=0")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("data: [DONE]\n\n")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("flag", ["--http1.1", "--http2"])
def test_a_stream_without_end_is_broken_off_by_the_client_and_bounded_in_the_record(live: Served, flag: str) -> None:
    key = ("-H", "authorization: Bearer key")
    address = "https://api.live.example/endless"
    live.run("curl", "-sSN", flag, *key, "-x", f"http://{live.http}", "-o", "/dev/null", "--max-time", "0.5", address)
    script(live, "import time; time.sleep(0.2)")
    entry = last(live, operation="GET /endless")
    assert "the client" in entry["error"]
    assert entry["reply"]["size"] > 1_000_000
    assert entry["reply"]["cut"] is True
    assert len(entry["reply"]["body"]) <= 64 * 1024


def test_a_rules_own_reply_may_come_in_parts(live: Served) -> None:
    assert script(live, 'with client() as http: print(http.get("https://canned.example/").text)') == ["one two"]
    entry = last(live, rule="canned")
    assert (entry["verdict"], entry["reply"]["body"]) == ("reply", "one two")


BROKEN = """
with client(http2=%s) as http:
    try:
        with http.stream("GET", api + "/broken") as reply:
            for chunk in reply.iter_bytes(): print(chunk.decode())
    except httpx.RemoteProtocolError:
        print("broken off")
"""


@pytest.mark.parametrize("http2", ["False", "True"])
def test_a_stubs_bug_in_a_stream_breaks_it_off(live: Served, http2: str) -> None:
    assert script(live, BROKEN % http2)[-1] == "broken off"
    entry = last(live, operation="GET /broken")
    assert "the call's transaction is over" in entry["error"]


def test_steps_of_a_stream_are_calls_of_their_own_where_they_change_something(live: Served) -> None:
    before = len(live.entries())
    lines = script(live, 'with client() as http: print(http.post(api + "/import").text)')
    assert [set(json.loads(line)) >= {"item"} for line in lines[:2]] == [True, True]
    assert json.loads(lines[2]) == {"error": "nothing ordered"}
    first = last(live, operation="POST /import")
    steps = [entry for entry in live.entries()[before:] if entry["cause"] == first["id"]]
    assert [entry["operation"] for entry in steps] == ["POST /import: _ordered"] * 2
    assert [len(entry["changes"]) > 0 for entry in steps] == [True, True]
    assert {entry["trace"] for entry in steps} == {first["trace"]}


WATCH = """
import threading
with client() as http:
    def later():
        with client() as other: other.post(api + "/orders", json={"item": "seen"})
    threading.Timer(0.3, later).start()
    with http.stream("GET", api + "/watch") as reply:
        print([line for line in reply.iter_lines() if line][0][:6])
"""


def test_a_stream_sees_what_other_calls_do(tmp_path: Path) -> None:
    """It looks every 50 ms, and looking leaves no entries."""
    (tmp_path / "rules.yaml").write_text(RULES)
    with serving(tmp_path, "--rules", "rules.yaml", "--stubs", str(STUB)) as served:
        code = PLACED.partition("with client()")[0] + WATCH
        done = served.run(sys.executable, "-c", code)
        assert done.stdout == "data: \n", done.stderr
        assert [entry["operation"] for entry in served.entries()] == ["GET /watch", "POST /orders"]


LAZY = """
import socket, time
host, port = os.environ["PROXY"].removeprefix("http://").split(":")
def lazy():
    sock = socket.create_connection((host, int(port)), 10)
    sock.sendall(b"CONNECT api.live.example:443 HTTP/1.1\\r\\nHost: api.live.example:443\\r\\n\\r\\n")
    assert b" 200 " in sock.recv(1000)
    sock = trust.wrap_socket(sock, server_hostname="api.live.example")
    sock.sendall(b"GET /endless HTTP/1.1\\r\\nHost: api.live.example\\r\\nAuthorization: Bearer key\\r\\n\\r\\n")
    return sock
socks = [lazy() for _ in range(5)]
time.sleep(0.5)
with client() as http:
    print(http.get(api + "/orders").status_code)
"""


def test_clients_that_do_not_read_cost_no_memory_and_hold_up_nobody(live: Served) -> None:
    before = len(live.entries())
    assert script(live, LAZY) == ["200"]
    script(live, "import time; time.sleep(0.3)")
    sizes = [entry["reply"]["size"] for entry in live.entries()[before:] if entry["operation"] == "GET /endless"]
    assert len(sizes) == 5
    assert 0 < max(sizes) < 16_000_000  # what sockets hold on their way; it would be without bound otherwise


def test_a_stream_that_is_open_as_the_proxy_stops_has_its_record(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    code = (
        PLACED
        + """
with client() as http, http.stream("GET", api + "/feed?pause=600") as reply:
    for line in reply.iter_lines(): print(line, flush=True)
"""
    )
    with serving(tmp_path, "--rules", "rules.yaml", "--stubs", str(STUB)) as served:
        env = {**os.environ, "PROXY": f"http://{served.http}", "CA": str(served.ca)}
        reader = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert reader.stdout is not None
        while b"id: " not in reader.stdout.readline():
            pass
    reader.communicate(timeout=20)
    entry = last(served, operation="GET /feed")
    assert entry["error"].startswith("the client left; ")
    assert "event: order" in entry["reply"]["body"]


ALLOWED = """
import websockets.sync.client
with websockets.sync.client.connect(os.environ["ADDRESS"], proxy=os.environ["PROXY"]) as ws:
    ws.send("hello")
    print(ws.recv())
"""


def test_an_allowed_websocket_passes_and_its_entry_says_what_was_said(tmp_path: Path) -> None:
    def echo(connection: websockets.sync.server.ServerConnection) -> None:
        for message in connection:
            connection.send(f"you said {message!r}")

    rules = "version: 1\nrules:\n  - {name: here, match: {cidr: 127.0.0.0/8, port: %d}, allow: {}}\n"
    with websockets.sync.server.serve(echo, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        (tmp_path / "rules.yaml").write_text(rules % port)
        with serving(tmp_path, "--rules", "rules.yaml") as served:
            done = served.run(sys.executable, "-c", "import os" + ALLOWED, env={"ADDRESS": f"ws://127.0.0.1:{port}/"})
            assert done.stdout == "you said 'hello'\n", done.stderr
    [entry] = served.entries()
    assert (entry["verdict"], entry["status"], entry["error"]) == ("allow", 101, None)
    assert entry["reply"]["body"].splitlines() == [
        '{"from":"client","text":"hello"}',
        '{"from":"server","text":"you said \'hello\'"}',
    ]
    assert entry["upstream"]["bytes_out"] > 100


SOCKET = """
import asyncio, websockets
async def main():
    options = dict(proxy=os.environ.get("PROXY"), ssl=trust, additional_headers=KEY)
    async with websockets.connect("wss://api.live.example/rooms/blue/live", subprotocols=["orders.v1"], **options) as ws:
        print(ws.subprotocol, ws.response.headers["x-room"], json.loads(await ws.recv()))
        await ws.send(json.dumps({"item": "coffee"}))
        print(json.loads(await ws.recv())["count"])
        await ws.send(["{\\"item\\": ", "\\"cake\\"}"])
        print(json.loads(await ws.recv())["count"])
        await ws.send(b"abc")
        print(await ws.recv())
        await ws.send("{}")
        print(json.loads(await ws.recv())["error"]["message"])
        await (await ws.ping())
        await ws.send("slowly")
        print(await ws.recv(), await ws.recv())
        await ws.send("bye")
        print(await ws.recv())
        try:
            await ws.recv()
        except websockets.ConnectionClosed as closed:
            print(closed.rcvd.code, closed.rcvd.reason)
    for room, headers in (("closed", KEY), ("blue", {})):
        try:
            await websockets.connect(f"wss://api.live.example/rooms/{room}/live", **{**options, "additional_headers": headers})
        except websockets.InvalidStatus as refused:
            print(refused.response.status_code, json.loads(refused.response.body)["error"]["code"])
    try:
        await websockets.connect("wss://nobody.example/", proxy=os.environ.get("PROXY"), ssl=trust)
    except websockets.InvalidStatus as refused:
        print(refused.response.status_code, json.loads(refused.response.body)["error"]["type"])
    async with websockets.connect("wss://api.live.example/rooms/blue/live", **options) as ws:
        await ws.recv()
        await ws.send("bug")
        try:
            await ws.recv()
        except websockets.ConnectionClosed as closed:
            print(closed.rcvd.code)
asyncio.run(main())
"""
SAID = [
    "orders.v1 blue {'room': 'blue'}",
    "1",
    "2",
    "b'cba'",
    "What would you like?",
    "one two",
    "see you",
    "4000 bye",
    "404 no_room",
    "401 unauthorized",
    "403 childproof_denied",
    "1011",
]


def test_the_websockets_library_talks_to_a_stub(live: Served) -> None:
    assert script(live, SOCKET) == SAID
    opened = [entry for entry in live.entries() if entry["operation"] == "WEBSOCKET /rooms/{room}/live"]
    upgrades = [entry for entry in opened if entry["protocol"] == "http"]
    assert [entry["status"] for entry in upgrades] == [101, 404, 401, 101]
    messages = [entry for entry in opened if entry["cause"] == upgrades[0]["id"]]
    assert {entry["protocol"] for entry in messages} == {"websocket"}
    assert messages[0]["target"] == "TEXT wss://api.live.example/rooms/blue/live"
    assert json.loads(messages[0]["request"]["body"]) == {"item": "coffee"}
    assert len(messages[0]["changes"]) == 1
    assert messages[-1]["status"] == 4000
    failed = next(entry for entry in live.entries() if entry["cause"] == upgrades[3]["id"])
    assert (failed["status"], failed["verdict"]) == (1011, "deny")
    assert "a bug" in failed["error"]


GRPC = """
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
found = descriptor_pb2.FileDescriptorSet.FromString(open(os.environ["DESCRIPTORS"], "rb").read())
pool = descriptor_pool.DescriptorPool()
pool.AddSerializedFile(found.file[0].SerializeToString())
Order = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))
if os.environ.get("PLAIN"):
    channel = grpc.insecure_channel("grpc.live.example:50051")
else:
    channel = grpc.secure_channel("grpc.live.example:443", grpc.ssl_channel_credentials(open(os.environ["CA"], "rb").read()))
coders = dict(request_serializer=Order.SerializeToString, response_deserializer=Order.FromString)
KEY = [("authorization", "Bearer key")]
def failing(call):
    try:
        list(call) if hasattr(call, "__iter__") else call()
    except grpc.RpcError as error:
        print(error.code().name, "" if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED else error.details())
place = channel.unary_unary("/shop.Orders/Place", **coders)
made = place(Order(item="pen"), metadata=KEY, timeout=20)
get = channel.unary_unary("/shop.Orders/Get", **coders)
same, call = get.with_call(Order(id=made.id), metadata=KEY, timeout=20)
print(same.item, dict(call.initial_metadata())["x-shop"])
watch = channel.unary_stream("/shop.Orders/Watch", **coders)
print("pen" in [order.item for order in watch(Order(), metadata=KEY, timeout=20)])
many = channel.stream_unary("/shop.Orders/PlaceMany", **coders)
print(many(iter([Order(item="a"), Order(item="b")]), metadata=KEY, timeout=20).item)
print(place(Order(item="x" * 70_000), metadata=KEY, timeout=20, compression=grpc.Compression.Gzip).item == "x" * 70_000)
failing(lambda: place(Order(), metadata=KEY, timeout=20))
failing(lambda: get(Order(id="ord_0"), metadata=KEY, timeout=20))
failing(watch(Order(item="gold"), metadata=KEY, timeout=20))
failing(watch(Order(item="never"), metadata=KEY, timeout=0.6))
failing(lambda: place(Order(item="x"), timeout=20))
failing(lambda: channel.unary_unary("/shop.Orders/Cancel", **coders)(Order(), metadata=KEY, timeout=20))
failing(lambda: channel.unary_unary("/other.Service/Do", **coders)(Order(), metadata=KEY, timeout=20))
other = grpc.secure_channel("nobody.example:443", grpc.ssl_channel_credentials(open(os.environ["CA"], "rb").read()))
failing(lambda: other.unary_unary("/shop.Orders/Place", **coders)(Order(), timeout=20))
"""
ANSWERED = [
    "pen yes",
    "True",
    "2 orders",
    "True",
    "INVALID_ARGUMENT What would you like? 100 % is no item.",
    "NOT_FOUND No order has the id ord_0.",
    "NOT_FOUND no more gold",
    "DEADLINE_EXCEEDED ",
    "UNAUTHENTICATED No API key was given.",
    "UNIMPLEMENTED unknown method Cancel for service shop.Orders",
    "UNIMPLEMENTED unknown service other.Service",
    "PERMISSION_DENIED childproof: no rule matches (default: deny)",
]


def test_grpcio_calls_a_stub_through_the_explicit_proxy(live: Served) -> None:
    env = {"https_proxy": f"http://{live.http}", "DESCRIPTORS": str(STUB / "shop.binpb")}
    assert script(live, GRPC, **env) == ANSWERED
    entries = live.entries()
    place = [entry for entry in entries if entry["operation"] == "RPC /shop.Orders/Place"]
    assert place[0]["fidelity"] == "modelled"
    assert len(place[0]["changes"]) == 1
    gaps = [entry["path"] for entry in entries if entry["fidelity"] == "gap"]
    assert gaps == ["/shop.Orders/Cancel", "/other.Service/Do"]
    watched = [entry for entry in entries if entry["operation"] == "RPC /shop.Orders/Watch"]
    assert [entry["status"] for entry in watched] == [200, 200, 200]


@pytest.mark.sealed
@pytest.mark.parametrize("plain", ["", "yes"], ids=["tls", "prior-knowledge"])
def test_grpcio_calls_a_stub_from_within_the_sandbox(needs_sealing: None, tmp_path: Path, plain: str) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    code = GRPC.replace('os.environ["CA"]', '"/etc/ssl/certs/ca-certificates.crt"')
    done = subprocess.run(
        [
            *(sys.executable, "-m", "childproof", "run", "--rules", "rules.yaml", "--stubs", str(STUB), "--"),
            *(
                "env",
                f"DESCRIPTORS={STUB / 'shop.binpb'}",
                f"PLAIN={plain}",
                sys.executable,
                "-c",
                "import os\n" + code,
            ),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, ANSWERED), done.stderr
