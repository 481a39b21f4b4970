"""Rules and stubs that are replaced under a running server: calls go on, and each is judged by one state of them."""

import http.client
import http.server
import json
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.clients.served import Served, serving

# In even states the name `one` stands in the first file and `two` in the second, in odd ones the other way round: what is
# read half from one state and half from another has a name twice, and is refused.
FIRST = "version: 1\ninclude: [more.yaml]\nrules: [{name: %s, match: {host: first.example}, deny: {}}]\n"
MORE = """
version: 1
rules:
  - {name: %s, match: {host: state.example}, reply: {status: 200, text: "%d"}}
  - {name: shop, match: {host: shop.example}, stub: shop}
"""
STUB = "stub: shop\nhosts: [shop.example]\nopenapi: openapi.yaml\nresources: {}\n"
DOCUMENT = """
openapi: 3.0.0
info: {title: Shop, version: "1"}
paths: {/state: {get: {responses: {"200": {description: ok, content: {application/json: {schema: {type: integer}}}}}}}}
"""
PYTHON = """
from childproof.stubkit import operation

@operation("GET /state")
def state(ctx):
    return %d
"""


def publish(folder: Path, state: int) -> None:
    """A state of both files, exchanged as a mounted ConfigMap is: by the link that leads to all of them."""
    version = folder / f"..{state}"
    version.mkdir()
    names = ("one", "two") if state % 2 == 0 else ("two", "one")
    (version / "rules.yaml").write_text(FIRST % names[0])
    (version / "more.yaml").write_text(MORE % (names[1], state))
    (folder / "..tmp").symlink_to(version.name)
    (folder / "..tmp").replace(folder / "..data")


class Client(threading.Thread):
    """Asks without a pause for the state, over connections that stay open; everything that came back."""

    def __init__(self, address: str, url: str) -> None:
        super().__init__(daemon=True)
        self._address, self._url = address, url
        self.answers: list[tuple[int, bytes]] = []
        self.over = threading.Event()

    def run(self) -> None:
        host, _, port = self._address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        while not self.over.is_set():
            connection.request("GET", self._url)
            reply = connection.getresponse()
            self.answers.append((reply.status, reply.read()))
            time.sleep(0.002)
        connection.close()

    def sees(self, state: int) -> bool:
        return bool(self.answers) and self.answers[-1][1] == b"%d" % state


def ready(head: str) -> dict[str, Any]:
    """What /readyz says; it must be 200."""
    [address] = re.findall(r"health +http://([\d.:]+)", head)
    with urlopen(f"http://{address}/readyz", timeout=10) as reply:
        found: dict[str, Any] = json.load(reply)
        return found


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def test_calls_go_on_while_rules_and_stubs_are_replaced(tmp_path: Path) -> None:
    """By signals in the middle of the exchange, and by files that change: none fails, none is judged by half of two."""
    rules, stub = tmp_path / "rules", tmp_path / "stubs" / "shop"
    rules.mkdir()
    stub.mkdir(parents=True)
    for name in ("rules.yaml", "more.yaml"):
        (rules / name).symlink_to(f"..data/{name}")
    publish(rules, 0)
    (stub / "stub.yaml").write_text(STUB)
    (stub / "openapi.yaml").write_text(DOCUMENT)
    (stub / "state.py").write_text(PYTHON % 0)
    (tmp_path / "childproof.yaml").write_text("health: 127.0.0.1:0\n")
    options = ("--rules", str(rules / "rules.yaml"), "--stubs", str(stub.parent))
    with serving(tmp_path, *options) as served:
        by_rule = Client(served.http, "http://state.example/")
        by_stub = Client(served.http, "http://shop.example/state")
        by_rule.start()
        by_stub.start()
        for state in range(1, 6):
            served.process.send_signal(signal.SIGHUP)
            publish(rules, state)
            served.process.send_signal(signal.SIGHUP)
            wait_for(lambda state=state: by_rule.sees(state))
        publish(rules, 6)  # nobody says so
        (stub / "state.py").write_text(PYTHON % 6)
        wait_for(lambda: by_rule.sees(6) and by_stub.sees(6))
        (rules / "..data").unlink()  # and is gone: nothing happens, but that it is told
        served.process.send_signal(signal.SIGHUP)
        count = len(by_rule.answers)
        wait_for(lambda: len(by_rule.answers) > count + 20 and not ready(served.head)["reload"]["ok"])
        told = ready(served.head)
        for client in (by_rule, by_stub):
            client.over.set()
            client.join(30)
        recorded = [entry for entry in served.entries() if entry["protocol"] == "http"]
    for client in (by_rule, by_stub):
        assert {status for status, _ in client.answers} == {200}
        states = [int(body) for _, body in client.answers]
        assert states == sorted(states)
        assert states[-1] == 6
    assert len(recorded) == len(by_rule.answers) + len(by_stub.answers)
    assert (told["status"], told["reload"]["failed"]) == ("ready", 1)
    assert told["reload"]["fault"] == "the server's log has it"
    assert served.said.count("the rules stay as they were") == 1
    assert "rules.yaml: can't be read: No such file or directory" in served.said


def test_a_webhook_finds_a_listener_that_was_named_meanwhile(tmp_path: Path) -> None:
    """`webhooks.deliver` takes effect without a restart: what nobody would have taken before arrives."""
    arrived = threading.Event()

    class Shop(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
            arrived.set()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop) as shop:
        threading.Thread(target=shop.serve_forever, daemon=True).start()
        written = "webhooks: {loopback: true, deliver: {%s: %d}}\n"
        config = tmp_path / "childproof.yaml"
        config.write_text(written % ("other.example", shop.server_port))
        with serving(tmp_path) as served:
            proxy = ("-sS", "--fail", "-x", f"http://{served.http}", "-u", "sk_test_childproof:", "-o", "/dev/null")
            hook = ("-d", "url=http://shop.example/hook", "-d", "enabled_events[]=*")
            assert served.run("curl", *proxy, "https://api.stripe.com/v1/webhook_endpoints", *hook).returncode == 0
            config.write_text(written % ("shop.example", shop.server_port))
            served.process.send_signal(signal.SIGHUP)
            wait_for(lambda: post_customer(served, proxy) and arrived.wait(0.2))
        shop.shutdown()


def post_customer(served: Served, proxy: tuple[str, ...]) -> bool:
    return served.run("curl", *proxy, "https://api.stripe.com/v1/customers", "-d", "name=Jenny").returncode == 0
