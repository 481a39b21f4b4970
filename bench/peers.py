"""Servers of one canned reply, each in a process of its own: ours in three stages, and what others have.

`python -m bench.peers KIND PORT` serves; `commands` gives the command lines, npm's mockttp among them where npm is there.
"""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.npm import NoNpm, package

HOST = "api.stripe.com"
BODY = b'{"id": "cus_123", "object": "customer", "email": "jenny@example.com"}'
MOCKTTP = "4.6.5"
_FIELDS = (
    b"User-Agent: Stripe/v1 PythonBindings/12\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
    b"Connection: keep-alive\r\nAuthorization: Bearer sk_test_1\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 23\r\n\r\nemail=jenny@example.com"
)
REQUEST = b"POST /v1/customers HTTP/1.1\r\nHost: api.stripe.com\r\n" + _FIELDS
ABSOLUTE = b"POST http://api.stripe.com/v1/customers HTTP/1.1\r\nHost: api.stripe.com\r\n" + _FIELDS


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: what to call it in the table, a short name, and the command line, to which the port is added."""

    name: str
    kind: str
    command: tuple[str, ...]
    missing: str = ""  # why it can't be had here

    def serve(self, port: int) -> list[str]:
        """Its command line."""
        if self.kind == "mockttp":
            return [*self.command, str(port), BODY.decode()]
        return [*self.command, str(port)]


def peers() -> Iterator[Peer]:
    """Others first, then ours."""
    ours = {
        "mitmdump": "stock mitmdump",
        "minimal": "minimal Master",
        "mockttp": f"mockttp {MOCKTTP}",
        "capture": "childproof capture",
        "forwardable": "childproof capture, forwardable host",
        "engine": "childproof capture + engine + ledger",
    }
    for kind, name in ours.items():
        if kind == "mockttp":
            node, folder = shutil.which("node"), _mockttp()
            script = str(Path(__file__).with_name("mockttp.js"))
            found = (node, script, folder) if node and folder else ()
            yield Peer(name, kind, found, "" if found else "not installed")
        else:
            yield Peer(name, kind, (sys.executable, "-m", "bench.peers", kind))


def _mockttp() -> str:
    """Where mockttp is, put there by npm on first use; empty where it can't be had."""
    try:
        return str(package("mockttp", MOCKTTP))
    except NoNpm:
        return ""


# the servers

_CANNED = f"""
from mitmproxy import http
def request(flow):
    flow.response = http.Response.make(200, {BODY!r}, {{"content-type": "application/json"}})
"""


def _serve_mitmdump(port: int, directory: Path) -> None:
    from mitmproxy.tools.main import mitmdump  # noqa: PLC0415 - each server process imports its own

    script = directory / "canned.py"
    script.write_text(_CANNED)
    place = ("--listen-host", "127.0.0.1", "-p", str(port), "--set", f"confdir={directory}")
    # eager would dial, and fail
    mitmdump(["-q", *place, "--set", "connection_strategy=lazy", "-s", str(script)])


async def _serve_minimal(port: int, directory: Path) -> None:
    from mitmproxy import http  # noqa: PLC0415
    from mitmproxy.addons.next_layer import NextLayer  # noqa: PLC0415

    from childproof.capture.mitm.lean import Master, Options, Proxyserver, TlsConfig  # noqa: PLC0415

    class Canned:
        def request(self, flow: http.HTTPFlow) -> None:
            flow.response = http.Response.make(200, BODY, {"content-type": "application/json"})

    options = Options()
    master = Master(options)
    master.addons.add(Proxyserver(), NextLayer(), TlsConfig(), Canned())
    options.update(
        confdir=str(directory), mode=[f"regular@127.0.0.1:{port}"], connection_strategy="lazy", upstream_cert=False
    )
    await master.run()


class _Canned:
    """A judge that always says the same."""

    max_body = 10 * 1024 * 1024

    def __init__(self, *, forwardable: bool) -> None:
        from childproof.model import Action, Outcome, Reply, Verdict  # noqa: PLC0415

        reply = Reply(200, (("content-type", "application/json"),), BODY)
        self._outcome = Outcome("call_1", Verdict(Action.STUB, "stripe", "canned"), reply)
        self._forwardable = forwardable

    def handle(self, call: Any) -> Any:  # noqa: ARG002 - the point
        return self._outcome

    def settle(self, *_: Any) -> None:
        """Nothing is forwarded."""

    def may_allow(self, *_: Any) -> bool:
        return self._forwardable


async def _serve_capture(port: int, directory: Path, judge: Any) -> None:
    from childproof.capture.destination import Ingress  # noqa: PLC0415
    from childproof.capture.mitm.ca import ensure_ca  # noqa: PLC0415
    from childproof.capture.mitm.capture import HttpCapture  # noqa: PLC0415

    capture = HttpCapture(judge, ensure_ca(directory))
    await capture.start()
    await capture.listen("127.0.0.1", port, Ingress("main", "bench"))
    await asyncio.Event().wait()


_RULES = """
version: 1
rules:
  - name: canned
    match: {host: api.stripe.com, method: POST, path: /v1/customers}
    reply: {status: 200, json: {id: cus_123, object: customer, email: jenny@example.com}}
"""


def _engine(directory: Path) -> Any:
    """The real engine with a world and a ledger in a file; its reply is a rule's."""
    from childproof.run.compose import compose  # noqa: PLC0415
    from childproof.run.config.config import Config  # noqa: PLC0415

    rules = directory / "rules.yaml"
    rules.write_text(_RULES)
    config = Config(state_dir=directory, rules=(rules,), store=str(directory / "bench.db"))
    return compose(config, worlds=("main",)).engine


def _serve(kind: str, port: int, directory: Path) -> None:
    match kind:
        case "mitmdump":
            _serve_mitmdump(port, directory)
        case "minimal":
            asyncio.run(_serve_minimal(port, directory))
        case "engine":
            asyncio.run(_serve_capture(port, directory, _engine(directory)))
        case _:
            asyncio.run(_serve_capture(port, directory, _Canned(forwardable=kind == "forwardable")))


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), Path.cwd())
