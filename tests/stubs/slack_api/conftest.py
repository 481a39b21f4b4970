"""The official slack_sdk as the judge: its WebClient talks to the stub directly, without proxy or socket.

Every reply that it gets is also checked against the response schema of the surface.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.request import Request

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from childproof.model import Reply
from childproof.stubkit.stub import Stub
from tests.stubs.inprocess import fresh_world, hold, https, let_pass, shipped_catalog

BOT = "xoxb-childproof-test"
USER = "xoxp-childproof-test"


@pytest.fixture(scope="session")
def stub() -> Stub:
    return shipped_catalog().get("slack")


@pytest.fixture
def api(stub: Stub) -> Iterator["Api"]:
    with fresh_world() as world:
        yield Api(stub, world)


@pytest.fixture
def bot(api: "Api") -> "InProcess":
    """The app's client, with its bot token."""
    return InProcess(api, BOT)


@pytest.fixture
def user(api: "Api") -> "InProcess":
    """The client of the user who installed the app."""
    return InProcess(api, USER)


@dataclass
class Api:
    """The stub with a world: raw calls, and what they left behind."""

    stub: Stub
    world: Any
    effects: list[Any] = field(default_factory=list)

    def send(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Reply:
        call = https(method, url, headers, body)
        with self.world.transaction() as tx:
            answer = self.stub.answer(call, tx)
        assert not answer.error, answer.error
        self.effects.extend(answer.effects)
        if answer.reply.body[:1] == b"{" and json.loads(answer.reply.body).get("ok"):
            hold(self.stub, call, answer)
        return answer.reply

    def call(self, name: str, body: str | bytes = "", token: str | None = BOT, **headers: str) -> Any:
        """What a method answers to a form, or to JSON if the headers say so."""
        sent = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        sent |= {key.replace("_", "-"): value for key, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        raw = body.encode() if isinstance(body, str) else body
        return json.loads(self.send("POST", f"https://slack.com/api/{name}", sent, raw).body)

    def passes(self, seconds: int) -> None:
        """Let the world's time pass and what falls due in it be done, earliest first. A job that fails is raised."""
        self.effects.extend(let_pass(self.world, seconds, self.stub))

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The events of a type so far, oldest first."""
        return [dict(effect.data) for effect in self.effects if effect.type == kind]


class InProcess(WebClient):
    """The SDK's client with a transport that asks the stub instead of the network."""

    def __init__(self, api: Api, token: str) -> None:
        super().__init__(token=token)
        self.api = api

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        headers = {name: str(value) for name, value in req.header_items()}
        body = req.data if isinstance(req.data, bytes) else b""
        reply = self.api.send(req.get_method(), url, headers, body)
        told = Message()
        for name, value in reply.headers:
            told[name] = value
        return {"status": reply.status, "headers": told, "body": reply.body.decode()}


def error(action: Any, *args: Any, **options: Any) -> str:
    """The error that a call ends in."""
    with pytest.raises(SlackApiError) as caught:
        action(*args, **options)
    return str(caught.value.response["error"])
