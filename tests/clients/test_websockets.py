"""WebSockets by a library that we did not write, through the real proxy: to a stub of tests/data, and allowed ones."""

import json
import sys
import threading
from pathlib import Path

import websockets.sync.server

from tests.clients.live import script
from tests.clients.served import Served, serving

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
