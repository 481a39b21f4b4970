"""The stubs beside Stripe's, without a network: how soon each is ready, and what everyday calls cost.

Calls go through the engine as an agent's do: judged, validated, answered from a world in a file, their entry written. A mail is
two: the call, and the message that the `email` stub receives.
"""

import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlencode

from bench.row import Row
from bench.stripe_stub import Timed, engine, figure
from childproof.catalog import Catalog, load_catalog
from childproof.catalog.shipped import shipped
from childproof.model import Call, Protocol

STUBS = ("slack", "github", "resend", "sendgrid", "postmark", "mailgun", "ses", "email")
CALLS = 60
ROUNDS = 3
READY = """
import re, time
import childproof.run.proxy, childproof.run.compose, childproof.stubkit.folder.loading
from childproof.catalog import load_catalog
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
catalog = load_catalog(())
catalog.names()
started, before = time.process_time(), resident()
for name in {names!r}:
    catalog.get(name)
print({what})
"""
_JSON = {"content-type": "application/json"}
_FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Service:
    """Where calls go, and who makes them."""

    host: str
    headers: Mapping[str, str]


SLACK = Service("slack.com", {"authorization": "Bearer xoxb-1234567890-1234567890123-bench", **_FORM})
GITHUB = Service("api.github.com", {"authorization": "Bearer ghp_bench", **_JSON})
SENDGRID = Service("api.sendgrid.com", {"authorization": "Bearer SG.bench.bench", **_JSON})
POSTMARK = Service("api.postmarkapp.com", {"x-postmark-server-token": "b0000000-0000-4000-8000-000000000000", **_JSON})
RESEND = Service("api.resend.com", {"authorization": "Bearer re_bench", **_JSON})
MAILGUN = Service("api.mailgun.net", {"authorization": "Basic YXBpOmtleS1iZW5jaA==", **_FORM})


class Side:
    """An engine over a world in a file, and what was taken by what it was asked."""

    def __init__(self, path: str, catalog: Catalog, kind: type[sqlite3.Connection]) -> None:
        rules = (shipped("rules") / "default.yaml").read_text()
        self.engine, self.connection = engine(path, catalog, kind, rules, step=60_000)
        self.numbers = count()

    def ask(self, service: Service, method: str, target: str, body: Any = None) -> Any:
        """What is answered, decoded. Ends the process where it is a refusal."""
        return self._asked(self._call(service, method, target, body))[0]

    def timed(self, service: Service, method: str, target: str, body: Any = None) -> tuple[float, float]:
        """Microseconds of processor time, and those of SQLite's statements among them where these are timed."""
        return self._asked(self._call(service, method, target, body))[1]

    def _asked(self, call: Call) -> tuple[Any, tuple[float, float]]:
        before = self._spent()
        started = time.process_time()
        reply = self.engine.handle(call).reply
        taken = (time.process_time() - started) * 1e6
        statements = (self._spent() - before) / 1000
        if reply is None or reply.status >= 400 or b'"ok":false' in bytes(reply.body):
            sys.exit(f"bench: {call.method} {call.path} was answered with {reply}")
        return json.loads(bytes(reply.body) or b"null"), (taken, statements)

    def _spent(self) -> int:
        return self.connection.spent if isinstance(self.connection, Timed) else 0

    @staticmethod
    def _call(service: Service, method: str, target: str, body: Any) -> Call:
        path, _, query = target.partition("?")
        data = "" if body is None else urlencode(body) if service.headers.items() >= _FORM.items() else json.dumps(body)
        headers = {"host": service.host, "user-agent": "bench", **service.headers}
        return Call(
            Protocol.HTTP, service.host, 443, "bench", method=method, scheme="https",
            path=path, query=query, headers=tuple(headers.items()), body=data.encode(),
        )  # fmt: skip


type _Scene = Callable[[Side], Callable[[], tuple[float, float]]]


def rows() -> Iterator[Row]:
    """Readiness in fresh processes, then calls in this one."""
    for name in STUBS:
        ready = figure(READY.format(names=(name,), what="time.process_time() - started"))
        yield Row(f"the {name} stub ready: processor time", f"{ready * 1000:.0f} ms", "< 500 ms")
    every = ("stripe", *STUBS)
    ready = figure(READY.format(names=every, what="time.process_time() - started"))
    yield Row("all of them and Stripe's, one after the other", f"{ready * 1000:.0f} ms")
    yield Row(
        "  resident memory that they add", f"{figure(READY.format(names=every, what='resident() - before')):.0f} MB"
    )
    catalog = load_catalog(())
    for what, scene in SCENES.items():
        whole, statements = _measured(catalog, scene)
        yield Row(what, f"{whole:.0f} µs")
        yield Row("  of it ours, without SQLite's statements", f"{whole - statements:.0f} µs", "< 500 µs")


def _measured(catalog: Catalog, scene: _Scene) -> tuple[float, float]:
    """Microseconds of a call, and of SQLite's statements in it; these are timed in calls of their own."""
    with tempfile.TemporaryDirectory() as folder:
        plain = scene(Side(f"{folder}/plain.db", catalog, sqlite3.Connection))
        timed = scene(Side(f"{folder}/timed.db", catalog, Timed))
        for _ in range(15):
            plain()
            timed()
        rounds = [
            (statistics.median(plain()[0] for _ in range(CALLS)), statistics.median(timed()[1] for _ in range(CALLS)))
            for _ in range(ROUNDS)
        ]
    return min(whole for whole, _ in rounds), min(statements for _, statements in rounds)


def _same(service: Service, method: str, target: str, body: Any = None) -> _Scene:
    return lambda side: lambda: side.timed(service, method, target, body)


def _channel(side: Side) -> str:
    return str(side.ask(SLACK, "GET", "/api/conversations.list")["channels"][0]["id"])


def _post(side: Side) -> Callable[[], tuple[float, float]]:
    channel = _channel(side)
    return lambda: side.timed(SLACK, "POST", "/api/chat.postMessage", {"channel": channel, "text": "Hello there"})


def _history(side: Side) -> Callable[[], tuple[float, float]]:
    channel = _channel(side)
    for number in range(20):
        side.ask(SLACK, "POST", "/api/chat.postMessage", {"channel": channel, "text": f"Number {number}"})
    return lambda: side.timed(SLACK, "GET", f"/api/conversations.history?channel={channel}&limit=20")


def _repository(side: Side) -> str:
    return f"/repos/{side.ask(GITHUB, 'POST', '/user/repos', {'name': 'shop', 'auto_init': True})['full_name']}"


def _of_repository(method: str, below: str, body: Any = None, *, issues: int = 1) -> _Scene:
    def scene(side: Side) -> Callable[[], tuple[float, float]]:
        home = _repository(side)
        for number in range(issues):
            side.ask(GITHUB, "POST", f"{home}/issues", {"title": f"Number {number}"})
        return lambda: side.timed(GITHUB, method, home + below, body)

    return scene


def _put(side: Side) -> Callable[[], tuple[float, float]]:
    home = _repository(side)
    file = {"message": "A file", "content": "aGVsbG8="}
    return lambda: side.timed(GITHUB, "PUT", f"{home}/contents/d/f{next(side.numbers)}.txt", file)


def _branch(side: Side, home: str) -> str:
    """A branch with a commit of its own."""
    name = f"b{next(side.numbers)}"
    sha = side.ask(GITHUB, "GET", f"{home}/git/ref/heads/main")["object"]["sha"]
    side.ask(GITHUB, "POST", f"{home}/git/refs", {"ref": f"refs/heads/{name}", "sha": sha})
    side.ask(GITHUB, "PUT", f"{home}/contents/{name}.txt", {"message": "m", "content": "aGVsbG8=", "branch": name})
    return name


def _pull(side: Side) -> Callable[[], tuple[float, float]]:
    home = _repository(side)
    return lambda: side.timed(
        GITHUB, "POST", f"{home}/pulls", {"title": "A change", "head": _branch(side, home), "base": "main"}
    )


def _merge(side: Side) -> Callable[[], tuple[float, float]]:
    home = _repository(side)

    def merged() -> tuple[float, float]:
        head = _branch(side, home)
        opened = side.ask(GITHUB, "POST", f"{home}/pulls", {"title": "A change", "head": head, "base": "main"})
        return side.timed(GITHUB, "PUT", f"{home}/pulls/{opened['number']}/merge", {"merge_method": "squash"})

    return merged


_SENT = {"from": "shop@childproof.example", "to": "jenny@home.example", "subject": "Receipt", "text": "Thank you"}
SCENES: Mapping[str, _Scene] = {
    "Slack: chat.postMessage": _post,
    "Slack: conversations.history, 20 messages": _history,
    "Slack: users.list": _same(SLACK, "GET", "/api/users.list"),
    "GitHub: a repository": _of_repository("GET", ""),
    "GitHub: a list of 20 issues": _of_repository("GET", "/issues?per_page=20", issues=20),
    "GitHub: an issue is opened": _of_repository("POST", "/issues", {"title": "It fails", "body": "Always"}),
    "GitHub: a comment": _of_repository("POST", "/issues/1/comments", {"body": "Me, too"}),
    "GitHub: a file is committed": _put,
    "GitHub: a pull request is opened": _pull,
    "GitHub: a pull request is merged": _merge,
    "SendGrid: a mail, sent and delivered": _same(SENDGRID, "POST", "/v3/mail/send", {
        "personalizations": [{"to": [{"email": "jenny@example.com"}]}], "from": {"email": "shop@example.com"},
        "subject": "Receipt", "content": [{"type": "text/plain", "value": "Thank you"}],
    }),
    "Postmark: the same": _same(POSTMARK, "POST", "/email", {
        "From": "shop@example.com", "To": "jenny@example.com", "Subject": "Receipt", "TextBody": "Thank you",
    }),
    "Resend: the same": _same(RESEND, "POST", "/emails", _SENT),
    "Mailgun: the same": _same(MAILGUN, "POST", "/v3/childproof.example/messages", _SENT),
}  # fmt: skip
