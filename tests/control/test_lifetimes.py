"""What goes on while something ends: a reset during a call and a stream, a deletion, an expiry, and the server's own end."""

import http.client
import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from childproof.client import Client, ControlError
from childproof.world import Store

from .conftest import TOKEN, Server, start, stop

RULES = "version: 1\nrules:\n  - {name: shop, match: {host: shop.example}, reply: {text: hello}}\n"
BODY = b"x" * 100


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Who knows the token."""
    with Client(server.url, token=server.token) as client:
        yield client


class HalfACall:
    """A call through a proxy whose body isn't all there yet."""

    def __init__(self, proxy: str | None) -> None:
        assert proxy is not None
        host, port = proxy.split(":")
        self.sock = socket.create_connection((host, int(port)), timeout=20)
        head = f"POST http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {len(BODY)}\r\n\r\n"
        self.sock.sendall(head.encode() + BODY[:50])

    def end(self) -> bytes:
        """Send the rest; what comes back, empty where nobody is there."""
        try:
            self.sock.sendall(BODY[50:])
            return self.sock.recv(65536)
        except ConnectionError:
            return b""
        finally:
            self.sock.close()


def asking(server: Server, method: str, path: str, body: str | None = None) -> http.client.HTTPConnection:
    """A request whose answer is read later."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
    connection.request(method, path, body, {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"})
    return connection


def refusal(ask: Callable[[], object]) -> ControlError | None:
    """Why something was refused; None where it wasn't."""
    try:
        ask()
    except ControlError as error:
        return error
    return None


def test_a_reset_during_a_call_and_a_stream(client: Client) -> None:
    """The call is answered in the world as it is then; the stream goes on, and tells of nothing twice."""
    made = client.create_sandbox(rules=RULES)
    events = client.events(made.world, after="0-0")
    assert HalfACall(made.http).end().endswith(b"hello")
    first = next(events)
    under_way = HalfACall(made.http)
    assert client.reset(made.world).undone == 1
    assert under_way.end().endswith(b"hello")
    second = next(events)
    assert (first.data["seq"], second.data["seq"]) == (1, 1)
    assert first.data["id"] != second.data["id"] or first.id != second.id
    assert [call["rule"] for call in client.calls(made.world)] == ["shop"]
    assert client.reset(made.world).undone == 1
    client.delete_sandbox(made.id)
    assert next(events).kind == "deleted"
    events.close()


def test_a_world_that_is_deleted_under_its_sandbox(client: Client) -> None:
    """Its calls are denied, one that was under way too; the sandbox can be deleted all the same, once."""
    made = client.create_sandbox(rules=RULES)
    under_way = HalfACall(made.http)
    client.delete(made.world)
    for call in (under_way, HalfACall(made.http)):
        assert call.end().startswith(b"HTTP/1.1 403")
    with pytest.raises(ControlError) as gone:
        client.fork(made.world, "fork")
    assert gone.value.status == 404
    client.delete_sandbox(made.id)
    for again in (client.delete_sandbox, client.renew):
        with pytest.raises(ControlError) as unknown:
            again(made.id)
        assert unknown.value.status == 404


def test_a_port_that_is_used_again_leads_to_its_new_world_alone(client: Client) -> None:
    """A call from before is ended, and nothing that it sends arrives in the new sandbox's world."""
    first = client.create_sandbox(rules=RULES)
    under_way, port = HalfACall(first.http), int(str(first.http).rpartition(":")[2])
    client.delete_sandbox(first.id)
    second = client.create_sandbox(rules=RULES.replace("hello", "other"), listen={"port": port})
    assert b"other" not in under_way.end()  # refused, or nobody is there
    assert HalfACall(second.http).end().endswith(b"other")
    assert len(list(client.calls(second.world))) == 1
    client.delete_sandbox(second.id)


def test_a_server_that_stops_says_so(tmp_path: Path) -> None:
    """It isn't ready, and makes no sandbox; calls under way are answered, and neither streams nor long work hold up its end."""
    server = start(tmp_path, "--control", "127.0.0.1:0")
    try:
        with Client(server.url, token=TOKEN) as client:
            made = client.create_sandbox(rules=RULES)
            asked = [HalfACall(made.http), HalfACall(made.http)]
            stream = asking(server, "GET", "/v1/worlds/main/events")
            following = stream.getresponse()
            body = json.dumps({"name": "late", "file": "world: late\npeople: {count: 1000000}\n"})
            planting = asking(server, "POST", "/v1/worlds", body)
            server.process.send_signal(signal.SIGTERM)
            while (refused := refusal(client.ready)) is None:
                pass
            assert (refused.status, refused.kind) == (503, "unready")
            assert client.health().status == "alive"
            refused = refusal(client.create_sandbox)
            assert refused is not None
            assert (refused.status, refused.kind) == (503, "stopping")
            assert all(call.end().endswith(b"hello") for call in asked)
            assert stop(server) == 0
            assert planting.getresponse().status == 503
            assert following.read().startswith(b": events of main")
            planting.close()
            stream.close()
    finally:
        server.process.kill()
    with Store.open(str(tmp_path / "childproof.db"), wall=lambda: 0, readonly=True) as store:
        assert store.names() == ["main"]
