"""kill -9 the proxy while clients are being answered: what was answered is there, and nothing is there by half."""

import json
import os
import smtplib
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests
import stripe

from tests.clients.mail import Tunnelled
from tests.clients.served import Served, serving

KILLS = int(os.environ.get("KILLS", "20"))  # `make kills` does a hundred here; tests/unit/world does eighty below this
CHAINS = 4  # files, each used by one process after the other
MOST = 40  # answers of all clients together, before the axe falls


class Answered:
    """What clients were told that it has happened, and when there is enough of it."""

    def __init__(self) -> None:
        self.customers: list[str] = []
        self.intents: list[str] = []
        self.mails: list[str] = []
        self.wrong: list[str] = []
        self.enough = threading.Event()
        self.wanted = 0

    def count(self) -> int:
        return len(self.customers) + len(self.intents) + len(self.mails)

    def tell(self, kind: list[str], what: str) -> None:
        kind.append(what)
        if self.count() >= self.wanted:
            self.enough.set()


def buys(served: Served, answered: Answered) -> None:
    """The official SDK over HTTPS: a customer, then a payment of hers."""
    stripe.ca_bundle_path = str(served.ca)  # the only way that the SDK takes it
    http = stripe.RequestsClient(proxy=f"http://{served.http}", timeout=10)
    client = stripe.StripeClient("sk_test_client", http_client=http, max_network_retries=0)
    while True:
        customer = client.v1.customers.create({"name": "Jenny"})
        answered.tell(answered.customers, customer.id)
        intent = client.v1.payment_intents.create({
            "amount": 4200, "currency": "usd", "customer": customer.id, "payment_method": "pm_card_visa",
            "payment_method_types": ["card"], "confirm": True,
        })  # fmt: skip
        answered.tell(answered.intents, intent.id)


def signs_up(served: Served, answered: Answered) -> None:
    session = requests.Session()
    session.proxies = {"http": f"http://{served.http}"}
    while True:
        reply = session.post(
            "http://api.stripe.com/v1/customers", auth=("sk_test_client", ""), data={"name": "Jenny"}, timeout=10
        )
        assert reply.status_code == 200, reply.text
        answered.tell(answered.customers, reply.json()["id"])


def writes(served: Served, answered: Answered) -> None:
    with Tunnelled(served.http, "smtp.example.com", 25) as smtp:
        while True:
            subject = f"mail {os.urandom(6).hex()}"
            smtp.sendmail("shop@example.com", ["jenny@example.com"], f"Subject: {subject}\n\nThank you.")
            answered.tell(answered.mails, subject)


def until_it_dies(client: Callable[[Served, Answered], None], served: Served, answered: Answered) -> None:
    try:
        client(served, answered)
    except (requests.RequestException, stripe.APIConnectionError, smtplib.SMTPServerDisconnected, OSError):
        return
    except Exception as error:  # noqa: BLE001 (told by the test itself)
        answered.wrong.append(repr(error))
        answered.enough.set()


CLIENTS = (buys, buys, signs_up, writes)


def told(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "childproof", *arguments, "--db", str(folder / "childproof.db")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("chain", range(CHAINS))
@pytest.mark.timeout(60 + 6 * KILLS)
def test_kill_9_under_load_loses_nothing_answered_and_leaves_no_half(tmp_path: Path, chain: int) -> None:
    moments = Random(chain)
    answered = Answered()
    kills = len(range(chain, KILLS, CHAINS))
    for _ in range(kills):
        with serving(tmp_path, killed=True) as served:
            answered.enough.clear()
            answered.wanted = answered.count() + moments.randrange(1, MOST)
            threads = [threading.Thread(target=until_it_dies, args=(one, served, answered)) for one in CLIENTS]
            for thread in threads:
                thread.start()
            assert answered.enough.wait(40)
            served.process.kill()
            for thread in threads:
                thread.join(20)
            assert answered.wrong == []
    check(tmp_path, answered, kills)


def check(folder: Path, answered: Answered, kills: int) -> None:
    """What was answered is there once; what is there is whole: each change with its call, each call with its changes."""
    entries: list[dict[str, Any]] = [json.loads(line) for line in told(folder, "log", "--json").stdout.splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry["reason"] for entry in entries if entry["verdict"] != "stub"] == []
    made: dict[str, list[str]] = {}
    for entry in entries:
        assert entry["error"] is None
        for change in entry["changes"]:
            if change["before"] is None:
                made.setdefault(change["kind"], []).append(change["id"])
                if change["kind"] == "message":
                    made.setdefault("subject", []).append(change["after"]["subject"])
    for kind, ids in (
        ("customer", answered.customers),
        ("payment_intent", answered.intents),
        ("subject", answered.mails),
    ):
        there = made.get(kind, [])
        assert len(there) == len(set(there))
        assert set(ids) <= set(there)
        assert len(set(ids)) == len(ids)
        # At most the calls that were under way at each kill are there without their answer having arrived.
        assert len(there) - len(ids) <= kills * len(CLIENTS)
    held = json.loads(told(folder, "world", "show", "main", "--json").stdout)["entities"]
    counts = {entity["kind"]: entity["count"] for entity in held}
    for kind in ("customer", "payment_intent", "charge", "message", "delivery"):
        assert counts.get(kind, 0) == len(made.get(kind, [])), kind
    checked = told(folder, "world", "gc", "--check")
    assert checked.returncode == 0, checked.stdout
    assert "sound" in checked.stdout
