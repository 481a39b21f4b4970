"""`childproof.client` at a real server: every method, every class of refusal, and several who share one client."""

import asyncio
import http.client
import itertools
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from childproof import client as package
from childproof.client import Client, ControlError

from .conftest import Server

FILE = """
world: shop
seed: 7
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: {count: 2, given: [{name: Jenny Rosen, email: jenny@example.com}]}
stripe:
  customers: {count: 2}
email:
  mailboxes: people
  messages: [{to: people, subject: Welcome, text: Nice to see you., ago: 1d}]
"""
RULES = "version: 1\nrules:\n  - {name: shop, match: {host: shop.example}, reply: {text: tea}}\n"
JENNY = "jenny@example.com"


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Who knows the token; the worlds that a test makes are gone afterwards."""
    with Client(server.url, token=server.token) as client:
        before = {world.name for world in client.worlds()}
        yield client
        for world in client.worlds():
            if world.name not in before and any(world.name == one.name for one in client.worlds()):
                client.delete(world.name, with_children=True)


def call(address: str | None) -> None:
    """A call by a sandbox's proxy."""
    connection = http.client.HTTPConnection(*(address or "").split(":"), timeout=30)  # type: ignore[arg-type]  # a port's digits
    connection.request("GET", "http://shop.example/")
    assert connection.getresponse().read() == b"tea"
    connection.close()


def test_every_method(client: Client) -> None:
    """Each does what its name says, in a day of one world; a method that is not in the table fails."""
    worlds = lambda: [world.name for world in client.worlds()]  # noqa: E731 (one word for one look)
    box: Any = None

    def made() -> bool:
        nonlocal box
        box = client.create_sandbox(from_="shop", rules=RULES, ttl=600, listen={"stubs": ["stripe"]})
        call(box.http)
        return bool(box.world in worlds() and box.ca.startswith("-----BEGIN") and box.environment["HTTPS_PROXY"])

    def last() -> Any:
        return [*client.calls(box.world)][-1]

    def messages() -> Any:
        return client.messages("shop", JENNY)

    def closed() -> bool:
        client.close()
        return client.health().status == "alive"

    def refused(asking: Callable[[], Any]) -> str:
        with pytest.raises(ControlError) as told:
            asking()
        return told.value.kind

    table: dict[str, Callable[[], Any]] = {
        "health": lambda: client.health().status == "alive",
        "ready": lambda: client.ready().status == "ready",
        "create": lambda: client.create("shop", file=FILE).seed == 7,
        "worlds": lambda: "shop" in worlds(),
        "world": lambda: client.world("shop").parent is None,
        "fork": lambda: client.fork("shop", "shop/try", metadata={"a": "b"}).metadata == {"a": "b"},
        "clock": lambda: client.clock("shop/try").run == "frozen",
        "advance": lambda: client.advance("shop/try", "30d").now.startswith("2026-02-04T09:00:00"),
        "set_clock": lambda: client.set_clock("shop/try", "step:5s@2026-03-01T00:00:00Z").step == 5000,
        "diff": lambda: client.diff("shop/try", other="shop")["b"] == "shop/try",
        "reset": lambda: client.reset("shop/try").world.name == "shop/try",
        "export": lambda: "world: shop" in client.export("shop"),
        "import_": lambda: client.import_(client.export("shop"), name="again").name == "again",
        "delete": lambda: client.delete("again") == ["again"],
        "mailboxes": lambda: next(box for box in client.mailboxes("shop") if box.address == JENNY).messages == 1,
        "messages": lambda: [message["subject"] for message in messages()] == ["Welcome"],
        "message": lambda: client.message("shop", JENNY, messages()[0]["id"])["subject"] == "Welcome",
        "message_source": lambda: b"Subject: Welcome" in client.message_source("shop", JENNY, messages()[0]["id"]),
        "webhooks": lambda: client.webhooks("shop", state="waiting") == [],
        "redeliver": lambda: refused(lambda: client.redeliver("shop", "delivery_1")) == "not_found",
        "kinds": lambda: ("stripe", "customer", 2) in [(k.service, k.kind, k.count) for k in client.kinds("shop")],
        "entities": lambda: client.entities("shop", "stripe", "customer")[0]["email"] == JENNY,
        "entity": lambda: client.entity("shop", "stripe", "customer", client.entities("shop", "stripe", "customer")[1]["id"]),
        "create_sandbox": made,
        "sandboxes": lambda: [one.id for one in client.sandboxes()] == [box.id],
        "sandbox": lambda: client.sandbox(box.id).http == box.http,
        "renew": lambda: client.renew(box.id, ttl=1200).ttl == 1200 and client.renew(box.id).expires > box.expires,
        "report_sandbox": lambda: client.report_sandbox(box.id, width=80).report["calls"] == 1,
        "newest_calls": lambda: client.newest_calls(box.world, 1) == [last()] == client.newest_calls(None, 1),
        "find_calls": lambda: client.find_calls(last()["id"][:12]) == [last()] == [*client.calls(None, service="shop.example")],
        "holdings": lambda: client.holdings("shop").people == 2,
        "calls": lambda: last()["target"] == "GET http://shop.example/" and not [*client.calls(box.world, verdict="deny")],
        "call": lambda: client.call(box.world, last()["id"])["rule"] == "shop",
        "events": lambda: next(iter(client.events(box.world, after="0-0"))).data["rule"] == "shop",
        "report": lambda: client.report(box.world)["calls"] == 1,
        "rules": lambda: client.rules().source in {"files", "put"} and client.rules(box.world).text == RULES,
        "put_rules": lambda: client.put_rules(RULES, etag=client.rules(box.world).etag, world=box.world).rules == 1,
        "explain": lambda: client.explain("GET http://shop.example/", world=box.world).rule == "shop",
        "delete_rules": lambda: client.delete_rules(box.world) or client.rules(box.world).source == "common",
        "check_rules": lambda: client.check_rules(RULES) == 1,
        "stubs": lambda: {stub.name for stub in client.stubs()} >= {"stripe", "email"},
        "stub": lambda: "api.stripe.com" in client.stub("stripe").hosts,
        "coverage": lambda: client.coverage("email").stub == "email",
        "delete_sandbox": lambda: client.delete_sandbox(box.id).world == box.world,
        "close": closed,
    }  # fmt: skip
    assert set(table) == {name for name in dir(Client) if not name.startswith("_")}
    assert all(getattr(Client, name).__doc__ for name in table)
    assert {name: bool(step()) for name, step in table.items()} == dict.fromkeys(table, True)


@pytest.mark.parametrize(
    ("kind", "status", "refused"),
    [
        ("InvalidError", 422, lambda client: client.advance("main", "soon")),
        ("InvalidError", 422, lambda client: client.check_rules("version: 1\nrules: [{}]\n")),
        ("InvalidError", 422, lambda client: client.create_sandbox(ttl=0)),
        ("AccessError", 401, lambda client: Client(client.url).worlds()),
        ("AccessError", 401, lambda client: Client(client.url, token="x" * 32).create("a")),
        ("NotFoundError", 404, lambda client: client.fork("nowhere", "a")),
        ("NotFoundError", 404, lambda client: client.renew("sbx_0")),
        ("NotFoundError", 404, lambda client: client.events("nowhere")),
        ("ConflictError", 409, lambda client: client.create("main")),
        ("ChangedError", 412, lambda client: client.put_rules(RULES, etag='"old"')),
        ("UnreachableError", 0, lambda _: Client("http://127.0.0.1:9").health()),
        ("ServerError", 503, lambda _: None),
        ("TooManyError", 429, lambda _: None),
    ],
)
def test_a_refusal_is_of_a_class_to_catch(
    client: Client, kind: str, status: int, refused: Callable[[Client], object]
) -> None:
    """Which is a ControlError, holds the server's words, and arrives whole from another process."""
    wanted, before = getattr(package, kind), client.worlds()
    try:
        refused(client)
        error: ControlError = package.errors.control_error(status, "word", "said")
    except ControlError as raised:
        error = raised
    again = pickle.loads(pickle.dumps(error))
    for one in (error, again):
        assert (type(one), one.status, str(one), one.errors) == (wanted, status, str(error), error.errors)
        assert (one.kind, one.detail) == (error.kind, error.detail)
    assert client.worlds() == before


def _fork_it(client: Client, number: int) -> tuple[int, str]:
    return os.getpid(), client.fork("main", f"process-{number}").name


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # whose process has threads is what is tried
def test_threads_forks_and_coroutines_share_a_client(client: Client) -> None:
    """Nobody gets another's answer, and connections are kept: a fork opens its own."""
    context = multiprocessing.get_context("fork")
    assert client.health().status == "alive"
    kept = len(client._wire._idle)
    with ThreadPoolExecutor(8) as threads:
        assert [made.name for made in threads.map(lambda n: client.fork("main", f"thread-{n}"), range(40))] == [
            f"thread-{n}" for n in range(40)
        ]
    assert kept <= len(client._wire._idle) <= 8 + kept
    pipes = [context.Pipe() for _ in range(3)]

    def child(number: int) -> None:
        pipes[number][1].send([_fork_it(client, 10 * number + n) for n in range(5)])

    children = [context.Process(target=child, args=(number,)) for number in range(3)]
    for one in children:
        one.start()
    mine = [client.fork("main", f"parent-{n}").name for n in range(5)]
    theirs = [*itertools.chain.from_iterable(pipe[0].recv() for pipe in pipes)]
    for one in children:
        one.join(20)
    assert mine == [f"parent-{n}" for n in range(5)]
    assert [name for _, name in theirs] == [f"process-{10 * number + n}" for number in range(3) for n in range(5)]
    assert len({pid for pid, _ in theirs} | {os.getpid()}) == 4

    async def both() -> list[str]:
        asked = [asyncio.to_thread(client.fork, "main", f"task-{n}") for n in range(2)]
        return [made.name for made in await asyncio.gather(*asked)]

    assert asyncio.run(both()) == ["task-0", "task-1"]
