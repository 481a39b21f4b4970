"""The control API through a real server: what it answers, what it refuses, and that nothing is half-changed."""

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from childproof.client import Client, ControlError

from .conftest import TOKEN, Server, start, stop

DENY = "version: 1\nrules:\n  - {name: no, match: {host: a.example}, deny: {reason: closed}}\n"


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Who knows the token."""
    with Client(server.url, token=server.token) as client:
        yield client


def raw(server: Server, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """One request, with exactly these headers."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
    connection.putrequest(method, path, skip_host="host" in headers, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    if body is not None:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, json.loads(content) if content.startswith(b"{") else content


def test_who_may_ask(server: Server) -> None:
    """The token, all of it; no browser, and no other name for the loopback. Health is told to anybody."""
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert raw(server, "GET", "/v1/worlds", **bearer)[0] == 200
    assert raw(server, "GET", "/v1/health")[0] == 200
    for headers, status in (
        ({}, 401),
        ({"authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({**bearer, "origin": "http://evil.example"}, 403),
        ({**bearer, "host": "evil.example"}, 403),
        ({**bearer, "host": "127.0.0.1.evil.example"}, 403),
    ):
        found, problem = raw(server, "GET", "/v1/worlds", **headers)
        assert (found, problem["status"]) == (status, status)
        assert raw(server, "GET", "/v1/nothing", **headers)[0] == status  # not even that nothing is there


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "pointer"),
    [
        ("GET", "/v1/worlds/none", None, 404, "world"),
        ("GET", "/v1/worlds/..%2F..%2Fetc", None, 404, None),
        ("GET", "/v1/worlds/%FF", None, 400, None),
        ("GET", "/v1/worlds/main/calls?limit=0", None, 422, "?limit"),
        ("GET", "/v1/worlds/main/calls?limit=1&limit=2", None, 400, "?limit"),
        ("GET", "/v1/worlds/main/calls?protocol=ftp", None, 422, "?protocol"),
        ("GET", "/v1/worlds/main/calls?trace=none", None, 404, "?trace"),
        ("GET", "/v1/worlds/main/calls/none", None, 404, "call"),
        ("GET", "/v1/worlds/main/diff?at=99", None, 409, "?at"),
        ("POST", "/v1/worlds", {"name": "a b"}, 422, "/name"),
        ("POST", "/v1/worlds", {"name": "new", "more": 1}, 422, "/more"),
        ("POST", "/v1/worlds", {"name": "new", "from": "none"}, 404, "/from"),
        ("POST", "/v1/worlds", {"name": "new", "clock": "late"}, 422, "/clock"),
        ("POST", "/v1/worlds", {"name": "new", "file": "world: [", "seed": 0}, 422, "/file"),
        ("POST", "/v1/worlds", {"name": "new", "file": "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]"}, 422, "/file"),
        ("POST", "/v1/worlds/main/fork", {"name": "main"}, 409, None),
        ("POST", "/v1/worlds/main/fork", {"name": "new", "at": 99}, 409, "/at"),
        ("PATCH", "/v1/worlds/main/clock", {"advance": "soon"}, 422, "/advance"),
        ("PATCH", "/v1/worlds/main/clock", {}, 422, ""),
        ("POST", "/v1/rules/check", {"text": "version: 1\ninclude: [/etc/passwd]\nrules: []"}, 422, "/text"),
        ("POST", "/v1/rules/explain", {"call": "what?"}, 422, "/call"),
        ("PUT", "/v1/rules", {"text": DENY}, 428, "If-Match"),
        ("GET", "/v1/stubs/none", None, 404, "stub"),
        ("DELETE", "/v1/worlds", None, 405, None),
        ("GET", "/v1/worlds/main/events", None, 422, "Last-Event-ID"),
    ],
)  # fmt: skip
def test_refusals_name_the_field(
    server: Server, client: Client, method: str, path: str, body: Any, status: int, pointer: str | None
) -> None:
    """Each is a problem of RFC 9457 with the place, and has changed nothing."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    content = None
    if body is not None:
        headers["content_type"], content = "application/json", json.dumps(body).encode()
    if "events" in path:
        headers["last_event_id"] = "yesterday"
    found, problem = raw(server, method, path, content, **headers)
    assert (found, problem["status"]) == (status, status), problem
    assert problem["type"].startswith("/v1/problems#")
    if pointer is not None:
        assert pointer in [one["pointer"] for one in problem["errors"]]
    assert "new" not in [world.name for world in client.worlds()]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"name": 1} and more', 400),
        (b"[" * 100_000, 400),
        (b"\xff", 400),
        (b'{"name": "\\ud800"}', 400),
        (b"null", 422),
    ],
)
def test_a_body_that_is_no_json(server: Server, body: bytes, status: int) -> None:
    """Or another one than is wanted: refused, however deep or long."""
    headers = {"authorization": f"Bearer {TOKEN}", "content_type": "application/json"}
    assert raw(server, "POST", "/v1/worlds", body, **headers)[0] == status


def test_a_world_from_beginning_to_end(client: Client) -> None:
    """Make, fork, let time pass, compare, export, import, reset, delete; its record tells of all that."""
    client.create("life/1", seed=7, clock="frozen@2026-01-05T09:00:00Z", metadata={"agent": "a"})
    assert client.advance("life/1", "30d").now == "2026-02-04T09:00:00.000Z"
    client.fork("life/1", "life/2", at=1)
    assert client.clock("life/2").now == "2026-02-04T09:00:00.000Z"
    assert [call["protocol"] for call in client.calls("life/1")] == ["clock"]
    assert client.call("life/1", "1")["target"] == client.call("life/1", client.call("life/1", "1")["id"])["target"]
    assert client.diff("life/1", other="life/2")["services"] == []
    assert client.diff("life/1", at=1)["ancestor"] == {"world": "life/1", "call": 1}
    assert client.import_(client.export("life/1"), name="life/3").calls == 1
    assert client.report("life/1")["calls"] == 0
    with pytest.raises(ControlError, match="would lose their past") as kept:
        client.delete("life/1")
    assert (kept.value.status, kept.value.kind) == (409, "refused")
    assert client.reset("life/1").undone == 1
    assert client.delete("life/1", with_children=True)[0] == "life/1"
    with pytest.raises(ControlError) as gone:
        client.fork("life/1", "life/4")
    assert gone.value.status == 404


def test_a_world_file_is_planted_whole(client: Client) -> None:
    """Its mailboxes are there; a file with faults leaves no world."""
    client.create("planted", file="world: shop\npeople: {count: 3}\nemail: {mailboxes: people}\n")
    assert len(client.mailboxes("planted")) == 3
    with pytest.raises(ControlError) as refused:
        client.create("unplanted", file="world: shop\npeople: many\n")
    assert refused.value.errors[0].pointer == "/file"
    assert "unplanted" not in [world.name for world in client.worlds()]


def test_two_change_the_rules_at_once(server: Server, client: Client) -> None:
    """Whoever was slower is told so, and what the quicker one wrote is in force."""
    before = client.rules()
    codes = []

    def put(number: int) -> None:
        with Client(server.url, token=server.token) as mine:
            try:
                mine.put_rules(f"{DENY}# {number}\n", etag=before.etag)
                codes.append(200)
            except ControlError as error:
                codes.append(error.status)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 412, 412, 412]
    now = client.rules()
    assert (now.source, now.rules) == ("put", 1)
    assert client.explain("GET https://a.example/").reason == "closed"
    with pytest.raises(ControlError) as broken:
        client.put_rules("version: 1\nrulez: []\n", etag=now.etag)
    assert broken.value.errors[0].found.startswith("2:1: unknown key 'rulez'")
    assert client.rules() == now
    client.put_rules(before.text or "", etag=now.etag)


def test_a_world_has_rules_of_its_own(client: Client) -> None:
    """They judge it and its forks, and nobody else; without them it is judged as all are."""
    client.create("ruled")
    client.put_rules(DENY, etag=client.rules("ruled").etag, world="ruled")
    client.fork("ruled", "ruled/fork")
    for world, source in (("ruled", "own"), ("ruled/fork", "own"), ("main", "common")):
        assert client.rules(world).source == source
        assert client.world(world).rules == source
    client.delete_rules("ruled")
    assert client.rules("ruled").source == "common"
    assert client.rules("ruled/fork").text == DENY


def test_events_resume_without_loss_or_double(server: Server, client: Client) -> None:
    """A stream that broke off goes on after its last event; deleting the world ends it."""
    client.create("streamed")
    events = client.events("streamed", after="0-0")
    client.set_clock("streamed", "frozen")
    client.set_clock("streamed", "real")
    first = next(events)
    events.close()
    client.set_clock("streamed", "frozen")
    again = client.events("streamed", after=first.id)
    seen = [first, next(again), next(again)]
    assert [event.data["seq"] for event in seen] == [1, 2, 3]
    client.delete("streamed")
    assert next(again).kind == "deleted"
    again.close()


def test_a_head_that_never_ends_is_refused(server: Server, client: Client) -> None:
    """And so are garbage, and a body that is too large: others are answered meanwhile."""
    place = urlsplit(server.url)
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=10) as sock:
        sock.sendall(b"GET /v1/health HTTP/1.1\r\nhost: localhost\r\n" + b"x-a: " + b"a" * 70_000)
        assert sock.recv(100).startswith(b"HTTP/1.1 400")
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=10) as sock:
        sock.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400")
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=10) as sock:
        head = "POST /v1/rules/check HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json"
        sock.sendall(f"{head}\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n".format(TOKEN).encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 400")  # whose end is the body's?
    assert client.health().status == "alive"


def test_what_may_not_start(tmp_path: Path) -> None:
    """Beyond the loopback without a token; a socket where another server, or a file, is. What a dead one left is replaced."""
    taken = tmp_path / "taken"
    taken.write_text("mine")
    stale = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(stale))
    live = start(tmp_path, "--control", f"unix:{stale}")
    try:
        assert stale.stat().st_mode & 0o777 == 0o600
        environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        for address, code, words in (
            ("0.0.0.0:0", 2, "no token"),
            (f"unix:{stale}", 3, "another server listens here"),
            (f"unix:{taken}", 3, "another file is there"),
        ):
            command = [sys.executable, "-m", "childproof", "serve", "--db", "another.db", "--http", "127.0.0.1:0"]
            command += ["--control", address]
            ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
            assert (ran.returncode, words in ran.stderr) == (code, True), ran.stderr
        with Client(f"unix:{stale}", token=TOKEN) as client:
            stream = client.events("main", after="0-0")
            threading.Thread(target=lambda: next(stream, None), daemon=True).start()
            time.sleep(0.1)  # it is open, and doesn't hold up the end
            assert stop(live) == 0
    finally:
        live.process.kill()
    assert not stale.exists()
    assert taken.read_text() == "mine"
