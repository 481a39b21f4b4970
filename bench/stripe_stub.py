"""The Stripe stub without a network: how soon it is ready, what a call costs, what it keeps in memory."""

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from bench.row import Row, median_us
from childproof.catalog import Catalog, load_catalog
from childproof.engine import Engine
from childproof.ledger import Ledger
from childproof.model import Call, Protocol
from childproof.policy import Source, load_ruleset
from childproof.world import ClockSettings, Store

START = 1_767_603_600_000
ROUNDS = 7
CALLS = 400
RULES = "version: 1\nrules: [{name: stripe, match: {host: api.stripe.com}, stub: stripe}]\n"
READY = """
import time
from childproof.catalog import load_catalog
from childproof.world import Store
started = time.process_time()
load_catalog(()).get("stripe")
print(time.process_time() - started)
"""
GROWN = """
import re
from childproof.catalog import load_catalog
from childproof.world import Store
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
before = resident()
load_catalog(()).get("stripe")
print(resident() - before)
"""
MEMORY = """
import os, re
import childproof.run.proxy, childproof.run.compose
from childproof.catalog import load_catalog
stub = load_catalog(()).get("stripe")
print(int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""


def rows() -> Iterator[Row]:
    """Readiness and memory in fresh processes, then calls in this one."""
    yield Row("the Stripe stub ready (419 paths): processor time", f"{figure(READY):.2f} s", "< 0.5 s")
    yield Row("resident memory that the Stripe stub adds", f"{figure(GROWN):.0f} MB", "< 40 MB")
    yield Row("resident memory with capture and the Stripe stub loaded", f"{figure(MEMORY):.0f} MB", "< 90 MB")
    catalog = load_catalog(())
    whole, statements = _created(catalog)
    yield Row("a customer through the engine, in a file: processor time", f"{whole:.0f} µs")
    yield Row("  of it SQLite's statements", f"{statements:.0f} µs")
    yield Row("  of it ours", f"{whole - statements:.0f} µs", "< 400 µs")
    stub = catalog.get("stripe")
    with Store.open(":memory:", wall=lambda: START) as store:
        world = store.create("bench", clock=ClockSettings(start=START, run="step"))

        def post(path: str, **fields: str) -> None:
            headers = (
                ("authorization", "Bearer sk_test_bench"),
                ("content-type", "application/x-www-form-urlencoded"),
            )
            body = urlencode(fields).encode()
            call = Call(
                Protocol.HTTP, "api.stripe.com", 443,
                method="POST", scheme="https", path=path, headers=headers, body=body,
            )  # fmt: skip
            with world.transaction() as tx:
                status = stub.answer(call, tx).reply.status
            if status != 200:
                sys.exit(f"bench: {path} answered {status}")

        median = median_us(lambda: post("/v1/customers", name="Jenny", email="jenny@example.com"))
        yield Row("POST /v1/customers: validated, stored, event emitted", f"{median:.0f} µs")
        pay = {"amount": "4200", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
        median = median_us(lambda: post("/v1/payment_intents", **pay, **{"payment_method_types[0]": "card"}), number=50)
        yield Row("POST /v1/payment_intents: confirmed, with charge and fee", f"{median:.0f} µs")


class Timed(sqlite3.Connection):
    """A connection that counts what its statements take, in nanoseconds of this process's processor time."""

    spent = 0

    def execute(self, *given: Any) -> sqlite3.Cursor:
        """See sqlite3.Connection."""
        started = time.process_time_ns()
        try:
            return super().execute(*given)
        finally:
            self.spent += time.process_time_ns() - started

    def executemany(self, *given: Any) -> sqlite3.Cursor:
        """See sqlite3.Connection."""
        started = time.process_time_ns()
        try:
            return super().executemany(*given)
        finally:
            self.spent += time.process_time_ns() - started


def _created(catalog: Catalog) -> tuple[float, float]:
    """Microseconds of processor time for a customer made through the engine, and those of SQLite's statements among them.

    The statements are timed in calls of their own, so that the first figure has no timing in it.
    """
    wholes, statements = [], []
    with tempfile.TemporaryDirectory() as folder:
        plain = engine(f"{folder}/plain.db", catalog, sqlite3.Connection)[0]
        timed, connection = engine(f"{folder}/timed.db", catalog, Timed)
        _made(plain)
        _made(timed)
        assert isinstance(connection, Timed)
        for _ in range(ROUNDS):
            wholes.append(_made(plain))
            connection.spent = 0
            _made(timed)
            statements.append(connection.spent / CALLS / 1000)
    return statistics.median(wholes), statistics.median(statements)


def engine(
    path: str, catalog: Catalog, kind: type[sqlite3.Connection], rules: str = RULES, step: int = 0
) -> tuple[Engine, sqlite3.Connection]:
    """An engine over a new world in a file, and the connection, of that kind. Its clock goes on by `step` ms a call."""
    with mock.patch.object(sqlite3, "connect", partial(sqlite3.connect, factory=kind)):
        store = Store.open(path, wall=lambda: START)
    store.create("bench", clock=ClockSettings(start=START, run="step", **({"step": step} if step else {})))
    ruleset = load_ruleset([Source("rules.yaml", rules)], stubs=catalog, include_roots=[])
    ledger = Ledger(store.connection, lock=store.lock)
    made = Engine(store=store, ledger=ledger, rules=ruleset, catalog=catalog, wall=lambda: START)
    return made, store.connection


def _made(engine: Engine) -> float:
    """Microseconds of processor time a customer, of many."""
    headers = (("authorization", "Bearer sk_test_bench"), ("content-type", "application/x-www-form-urlencoded"))
    body = urlencode({"name": "Jenny", "email": "jenny@example.com"}).encode()
    started = time.process_time()
    for _ in range(CALLS):
        call = Call(
            Protocol.HTTP, "api.stripe.com", 443, "bench",
            method="POST", scheme="https", path="/v1/customers", headers=headers, body=body,
        )  # fmt: skip
        reply = engine.handle(call).reply
        if reply is None or reply.status != 200:
            sys.exit("bench: no customer was made")
    return (time.process_time() - started) / CALLS * 1e6


def figure(code: str) -> float:
    """What a process of its own prints, from bytecode, as an installed package runs."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}
        for _ in range(2):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    return float(done.stdout)
