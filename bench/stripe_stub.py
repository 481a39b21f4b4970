"""The Stripe stub without a network: how soon it is ready, what a call costs, what it keeps in memory."""

import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlencode

from bench.row import Row, median_us
from childproof.catalog import load_catalog
from childproof.model import Call, Protocol
from childproof.world import ClockSettings, Store

START = 1_767_603_600_000
READY = """
import time
from childproof.catalog import load_catalog
from childproof.world import Store
started = time.perf_counter()
load_catalog(()).get("stripe")
print(time.perf_counter() - started)
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
    yield Row("the Stripe stub ready (419 paths)", f"{_figure(READY):.2f} s", "< 0.5 s")
    yield Row("resident memory with capture and the Stripe stub loaded", f"{_figure(MEMORY):.0f} MB", "< 90 MB")
    stub = load_catalog(()).get("stripe")
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

        figure = median_us(lambda: post("/v1/customers", name="Jenny", email="jenny@example.com"))
        yield Row("POST /v1/customers: validated, stored, event emitted", f"{figure:.0f} µs")
        pay = {"amount": "4200", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
        figure = median_us(lambda: post("/v1/payment_intents", **pay, **{"payment_method_types[0]": "card"}), number=50)
        yield Row("POST /v1/payment_intents: confirmed, with charge and fee", f"{figure:.0f} µs")


def _figure(code: str) -> float:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)
