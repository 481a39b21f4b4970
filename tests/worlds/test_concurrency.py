"""Many clients at once through the real proxy: exact within a world, and no world waits for another."""

import json
import os
import select
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from childproof.ledger import Ledger
from childproof.model import replace
from childproof.world import Store, worldfile
from tests.clients.served import Served, serving

KEY = ("sk_test_client", "")
MANY = 24
RULES = """
version: 1
rules:
  - name: few
    match: {host: few.example}
    limit: {calls: 23, per: 1d}
    reply: {text: passed}
  - name: cents
    match: {host: cents.example}
    limit: {sum: "int(call.query.n)", max: 100}
    reply: {text: passed}
  - {name: slow, match: {host: slow.example}, reply: {text: late}, delay: 1h}
  - {name: lost, match: {host: lost.example}, reply: {text: never}, fault: {kind: timeout}}
  - {name: stripe, match: {host: api.stripe.com}, stub: stripe}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with ruled(tmp_path_factory.mktemp("served")) as running:
        yield running


@contextmanager
def ruled(folder: Path, **options: Any) -> Iterator[Served]:
    (folder / "rules.yaml").write_text(RULES)
    with serving(folder, "--rules", "rules.yaml", "--report", "json", **options) as running:
        yield running


def at_once(served: Sequence[Served], send: Callable[[requests.Session, int], Any], count: int = MANY) -> list[Any]:
    """`count` connections, to each proxy in turn; what `send` gives for each, in any order of being answered."""

    def one(number: int) -> Any:
        with requests.Session() as session:
            session.proxies = {"http": f"http://{served[number % len(served)].http}"}
            return send(session, number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def stripe(session: requests.Session, path: str, key: str = "", **form: Any) -> dict[str, Any]:
    headers = {"idempotency-key": key} if key else {}
    reply = session.post(f"http://api.stripe.com/v1/{path}", auth=KEY, data=form, headers=headers, timeout=60)
    body: dict[str, Any] = reply.json()
    return {**body, "code": reply.status_code}


def pay(session: requests.Session, amount: int) -> dict[str, Any]:
    made = stripe(
        session, "payment_intents", amount=amount, currency="usd", payment_method="pm_card_visa", confirm="true",
        **{"payment_method_types[]": "card"},
    )  # fmt: skip
    assert made["code"] == 200, made
    return made


def balance(served: Served) -> int:
    proxies = {"http": f"http://{served.http}"}
    found = requests.get("http://api.stripe.com/v1/balance", auth=KEY, proxies=proxies, timeout=60).json()
    return sum(part["amount"] for part in [*found["available"], *found["pending"]])


def net(served: Served) -> int:
    """What all balance transactions come to, by the vendor's own list."""
    proxies = {"http": f"http://{served.http}"}
    total, query = 0, {"limit": "100"}
    while True:
        page = requests.get(
            "http://api.stripe.com/v1/balance_transactions", params=query, auth=KEY, proxies=proxies, timeout=60
        ).json()
        total += sum(one["net"] for one in page["data"])
        if not page["has_more"]:
            return total
        query["starting_after"] = page["data"][-1]["id"]


def test_a_limit_lets_exactly_as_many_calls_pass_as_it_says(served: Served) -> None:
    statuses = at_once([served], lambda session, _: session.get("http://few.example/", timeout=60).status_code)
    assert Counter(statuses) == {200: MANY - 1, 429: 1}


def test_a_limit_on_a_sum_is_used_up_exactly(served: Served) -> None:
    """Calls of 7 each fit fourteen times into 100, whatever order they come in."""
    statuses = at_once([served], lambda session, _: session.get("http://cents.example/?n=7", timeout=60).status_code)
    assert Counter(statuses) == {200: 14, 429: MANY - 14}


def test_one_idempotency_key_makes_one_object(served: Served) -> None:
    made = at_once([served], lambda session, _: stripe(session, "customers", key="once", name="Jenny"))
    assert {one["code"] for one in made} == {200}
    assert len({one["id"] for one in made}) == 1
    creations = [entry for entry in served.entries() if entry["operation"] == "POST /v1/customers"]
    changed = [change for entry in creations for change in entry["changes"] if change["kind"] == "customer"]
    assert [change["id"] for change in changed].count(made[0]["id"]) == 1


def test_balances_add_up_and_a_charge_is_refunded_to_the_cent(served: Served) -> None:
    with requests.Session() as session:
        session.proxies = {"http": f"http://{served.http}"}
        intent = pay(session, 1000)["id"]
    paid = at_once([served], lambda session, number: pay(session, 100 + number)["amount"])
    assert sorted(paid) == [100 + number for number in range(MANY)]
    # Ten refunds of a hundred fit into a thousand.
    refunds = at_once([served], lambda session, _: stripe(session, "refunds", payment_intent=intent, amount=100))
    assert Counter(one["code"] for one in refunds) == {200: 10, 400: MANY - 10}
    assert balance(served) == net(served)


@contextmanager
def beside(folder: Path) -> Iterator[Served]:
    """A second proxy on the file of a server: a command's, which tells its address and waits for the block's end."""
    command = [sys.executable, "-m", "childproof", "run", "--mode", "env", "--rules", "rules.yaml", "--report", "json"]
    process = subprocess.Popen(
        [*command, "--", "sh", "-c", 'echo "$HTTP_PROXY"; read line'],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    http = process.stdout.readline().strip().removeprefix("http://")
    try:
        yield Served(http, "", folder / "none", folder / "childproof.db", process, "")
    finally:
        _, said = process.communicate("\n", timeout=60)
    assert process.returncode == 0, said


def test_two_proxies_on_one_file_lose_no_call_and_deny_none(tmp_path: Path) -> None:
    """Each waits for the other's write; ids, numbers and the limit's count are one."""
    with ExitStack() as stack:
        both = [stack.enter_context(ruled(tmp_path)), stack.enter_context(beside(tmp_path))]

        def several(session: requests.Session, number: int) -> list[str]:
            made = [stripe(session, "customers", name=f"Jenny {number}") for _ in range(6)]
            assert {one["code"] for one in made} == {200}, made
            return [one["id"] for one in made]

        made = [one for ids in at_once(both, several, 8) for one in ids]
        statuses = at_once(both, lambda session, _: session.get("http://few.example/", timeout=60).status_code)
        assert Counter(statuses) == {200: MANY - 1, 429: 1}
    assert len(set(made)) == len(made) == 48
    with Store.open(tmp_path / "childproof.db", wall=lambda: 0, readonly=True) as store:
        ledger = Ledger(store.connection)
        assert store.check() == ledger.check() == []
        entries = list(ledger.entries(world="main"))
        assert [entry.seq for entry in entries] == list(range(1, 48 + MANY + 1))
        with store.world("main").view() as now:
            assert sorted(item["id"] for item in now.list("stripe", "customer")) == sorted(made)


def asked(proxy: str, host: str) -> socket.socket:
    """A connection that has sent its request and waits."""
    name, _, port = proxy.rpartition(":")
    sock = socket.create_connection((name, int(port)), 60)
    sock.sendall(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return sock


def recorded(served: Served, host: str) -> bool:
    return any(entry["host"] == host for entry in served.entries())


def test_a_world_whose_calls_are_held_up_holds_up_no_other_and_not_itself(tmp_path: Path) -> None:
    """In one process: a delayed reply, one that never comes, a client that stops in the middle; others are answered."""
    (tmp_path / "childproof.yaml").write_text(
        'listen: [{world: held, http: "127.0.0.1:0"}, {world: free, http: "127.0.0.1:0"}]\n'
    )
    with ruled(tmp_path, listen=()) as held:
        free = replace(held, http=held.socks)  # the second listener
        waiting = [asked(held.http, "slow.example"), asked(held.http, "lost.example")]
        half = socket.create_connection(("127.0.0.1", int(held.http.rpartition(":")[2])), 60)
        half.sendall(
            b"POST http://api.stripe.com/v1/customers HTTP/1.1\r\nHost: api.stripe.com\r\nContent-Length: 99\r\n\r\n"
        )
        while not (recorded(held, "slow.example") and recorded(held, "lost.example")):
            pass
        for others in ([free], [held]):
            made = at_once(others, lambda session, _: stripe(session, "customers", name="Jenny"), 8)
            assert {one["code"] for one in made} == {200}
        # None of those that wait has been answered yet: nobody stood behind them.
        assert select.select([*waiting, half], [], [], 0)[0] == []
        for sock in (*waiting, half):
            sock.close()


def test_whole_worlds_are_read_and_made_beside_calls_without_disturbing_them(served: Served, tmp_path: Path) -> None:
    """Somebody reads for long, somebody else imports many entities at once: each call is answered, each thing is whole."""
    with Store.open(tmp_path / "big.db", wall=lambda: 0) as store:
        with store.create("big").transaction() as tx:
            for number in range(4000):
                tx.put("stripe", "customer", f"cus_{number}", {"id": f"cus_{number}", "name": "x" * 100})
        (tmp_path / "big.yaml").write_text("\n".join(worldfile.write(store.export("big"))))
    with Store.open(served.db, wall=lambda: 0, readonly=True) as reader, reader.world("main").view() as before:
        seen = before.count("stripe", "customer")
        importing = subprocess.Popen(
            [sys.executable, "-m", "childproof", "world", "import", str(tmp_path / "big.yaml"), "--db", str(served.db)]
        )
        made: list[str] = []
        while importing.poll() is None:
            made += [one["id"] for one in at_once([served], lambda s, _: stripe(s, "customers", name="Jenny"), 4)]
        assert importing.returncode == 0
        assert len(made) == len(set(made)) > 0
        assert before.count("stripe", "customer") == seen
    with Store.open(served.db, wall=lambda: 0, readonly=True) as reader:
        with reader.world("big").view() as big:
            assert big.count("stripe", "customer") == 4000
        with reader.world("main").view() as now:
            assert now.count("stripe", "customer") == seen + len(made)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "childproof",
            "log",
            "--db",
            str(served.db),
            "--world",
            "main",
            "--verdict",
            "deny",
            "--json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {json.loads(line)["rule"] for line in done.stdout.splitlines()} <= {"few", "cents"}
