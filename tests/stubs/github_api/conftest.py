"""PyGithub as the judge: the library talks to the stub directly, without proxy or socket.

Every reply that it gets is also checked against the response schema of GitHub's OpenAPI document.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import github
import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from childproof.stubkit.stub import Stub
from tests.stubs.inprocess import fresh_world, hold, https, let_pass, shipped_catalog

KEY = "ghp_childproof"


@pytest.fixture(scope="session")
def stub() -> Stub:
    return shipped_catalog().get("github")


@pytest.fixture
def api(stub: Stub) -> Iterator["Api"]:
    with fresh_world() as world:
        yield Api(stub, world)


@pytest.fixture(autouse=True)
def wire(api: "Api", monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever `requests` sends goes to the stub."""
    monkeypatch.setattr(requests.Session, "get_adapter", lambda *_, **__: InProcess(api))


@pytest.fixture
def client() -> github.Github:
    return hub(KEY)


def hub(token: str) -> github.Github:
    """PyGithub with a token, without its waiting between calls."""
    return github.Github(
        auth=github.Auth.Token(token), seconds_between_requests=0, seconds_between_writes=0, retry=None
    )


@pytest.fixture
def me(client: github.Github) -> str:
    """The login of the world's first person, whose token it is."""
    return client.get_user().login


@pytest.fixture
def others(api: "Api") -> list[str]:
    """The logins of the people besides."""
    return [one["login"] for one in api.get("/users")[1:]]


@pytest.fixture
def other(others: list[str]) -> github.Github:
    """PyGithub as the world's second person."""
    return hub(f"ghp_as_{others[0]}")


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    raw: bytes
    operation: str | None
    fidelity: Any

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass
class Api:
    """The stub with a world: raw calls, and what they left behind."""

    stub: Stub
    world: Any
    effects: list[Any] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> Any:
        """The body of what is at a path, which has to be there."""
        reply = self.call("GET", path, **headers)
        assert reply.status == 200, (reply.status, reply.raw)
        return reply.body

    def call(self, method: str, path: str, body: Any = None, key: str | None = KEY, **headers: str) -> Reply:
        """A call; a body that is no bytes is sent as JSON. `path` may be a whole URL."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent.setdefault("Authorization", f"Bearer {key}")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.send(method, path, sent, raw)

    def send(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Reply:
        call = https(method, urljoin("https://api.github.com", url), headers, body)
        with self.world.transaction() as tx:
            answer = self.stub.answer(call, tx)
        assert not answer.error, answer.error
        made = answer.reply
        reply = Reply(made.status, dict(made.headers), made.body, answer.operation, answer.fidelity)
        self.effects.extend(answer.effects)
        self.replies.append(reply)
        hold(self.stub, call, answer)
        return reply

    def passes(self, seconds: int) -> None:
        """Let the world's time pass, and what falls due in it be done."""
        self.effects.extend(let_pass(self.world, seconds, self.stub))

    def told(self) -> list[str]:
        """The types of what was told so far, oldest first."""
        return [effect.type for effect in self.effects]


class InProcess(BaseAdapter):
    """A transport of `requests` that asks the stub instead of the network."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.api = api

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
        body = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        raw = body.encode() if isinstance(body, str) else body
        reply = self.api.send(request.method or "GET", request.url or "", dict(request.headers), raw)
        made = requests.Response()
        made.status_code, made.url, made.request = reply.status, request.url or "", request
        made.headers.update(reply.headers)
        made.raw = HTTPResponse(
            io.BytesIO(reply.raw), headers=reply.headers, status=reply.status, preload_content=False
        )
        made.encoding = "utf-8"
        return made

    def close(self) -> None:
        """There is nothing to close."""
