"""Streams by libraries that we did not write, through the real proxy to a stub of tests/data."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.live import PLACED, RULES, STUB, last, script
from tests.clients.served import Served, serving

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
