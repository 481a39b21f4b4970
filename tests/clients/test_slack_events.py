"""A Slack app in the sandbox, as slack_sdk speaks it: told of events at its request URL and over Socket Mode, and answering."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHILDPROOF = [sys.executable, "-c", "from childproof.cli.main import main; main()"]
WORLD = """
world: team
slack:
  apps:
    - {id: A0WATCHER1, name: Watcher, request_url: "http://localhost:3000/slack/events", signing_secret: s3cret, events: [message.channels]}
"""
APP = '''
"""It believes only what is signed, fails once, then hears the same over a socket, is asked to deploy, and answers."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook import WebhookClient

told, asked = queue.Queue(), queue.Queue()
bot, user = WebClient("xoxb-childproof-test"), WebClient("xoxp-childproof-test")


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        retry = self.headers["X-Slack-Retry-Num"], self.headers["X-Slack-Retry-Reason"]
        valid = SignatureVerifier("s3cret").is_valid_request(body, dict(self.headers))
        forged = SignatureVerifier("other").is_valid_request(body, dict(self.headers))
        self.send_response(500 if retry[0] is None else 200)
        self.end_headers()
        told.put((json.loads(body)["event"]["text"], valid, forged, *retry))

    def log_message(self, *arguments):
        pass


threading.Thread(target=HTTPServer(("127.0.0.1", 3000), Hook).serve_forever, daemon=True).start()
general = next(one["id"] for one in user.conversations_list()["channels"] if one["name"] == "general")
user.chat_postMessage(channel=general, text="by post")
print(*told.get(timeout=20))
print(*told.get(timeout=20))


def listen(client, request):
    answer = {"text": "on its way"} if request.type == "slash_commands" else None
    client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload=answer))
    asked.put((request.type, request.payload))


socket = SocketModeClient(app_token="xapp-1-A0WATCHER1-1-abc", web_client=bot, ping_interval=1)
socket.socket_mode_request_listeners.append(listen)
socket.connect()
user.chat_postMessage(channel=general, text="by socket")
kind, payload = asked.get(timeout=20)
print(kind, payload["event"]["text"], payload["api_app_id"])
user.api_call("chat.command", params={"channel": general, "command": "/deploy", "text": "it"})
kind, command = asked.get(timeout=20)
print(kind, command["command"], command["text"])
title = {"type": "plain_text", "text": "Sure?"}
view = bot.views_open(trigger_id=command["trigger_id"], view={"type": "modal", "title": title, "blocks": [{"type": "divider"}]})
print(view["view"]["type"], WebhookClient(command["response_url"]).send(text="done", response_type="in_channel").body)
print(asked.get(timeout=20)[1]["event"]["text"], told.empty())
bot.files_upload_v2(content="a,b", filename="q3.csv", channel=general, initial_comment="the figures")
print(WebhookClient("https://hooks.slack.com/services/T0ABCDEF12/B0ABCDEF12/aBcDeFgHiJkLmNoP").send(text="hooked").body)
print(*[one["text"] for one in bot.conversations_history(channel=general)["messages"]], sep=", ")
for _ in range(2):
    asked.get(timeout=20)
socket.close()
'''
SAID = [
    "by post True False None None",
    "by post True False 1 http_error",
    "events_api by socket A0WATCHER1",
    "slash_commands /deploy it",
    "modal ok",
    "done True",
    "ok",
    "hooked, the figures, done, by socket, by post",
]


@pytest.mark.sealed
@pytest.mark.slow
def test_an_app_in_the_sandbox_is_told_by_webhook_and_by_socket(tmp_path: Path) -> None:
    def childproof(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*CHILDPROOF, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)

    (tmp_path / "world.yaml").write_text(WORLD)
    (tmp_path / "app.py").write_text(APP)
    assert childproof("world", "seed", "world.yaml").returncode == 0
    done = childproof("run", "--world", "team", "--", sys.executable, "app.py")
    assert (done.stdout.splitlines(), done.returncode) == (SAID, 0), done.stderr
    assert "posted 4 messages to #general" in done.stderr
    assert "uploaded 1 file to #general" in done.stderr
    entries = [json.loads(line) for line in childproof("log", "--world", "team", "--json").stdout.splitlines()]
    pushed = [entry for entry in entries if entry["target"] == "NEWS wss://wss-primary.slack.com/link/"]
    [opened] = [entry for entry in entries if entry["operation"] == "WEBSOCKET /link" and entry["protocol"] == "http"]
    assert len(pushed) >= 3
    assert {entry["cause"] for entry in pushed} == {opened["id"]}
    assert not any(entry["upstream"]["connections"] for entry in entries)
