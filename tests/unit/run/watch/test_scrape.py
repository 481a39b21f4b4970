"""Prometheus asks for /metrics: what it gets, read with its own parser, and what anybody else gets."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from childproof.engine import Missing
from childproof.errors import InputError
from childproof.ledger.metrics import METRICS, OTHERS, WORLDS, Metrics
from childproof.model import Upstream, Written, replace
from childproof.run.server import pages
from childproof.run.watch.scrape import scraped
from childproof.run.watch.watching import Watching
from tests.unit.run.report.test_report import ENTRY, STUBBED


def ask(request: bytes, exposition: Callable[[], str] = lambda: "x 1\n") -> bytes:
    async def run() -> bytes:
        async with scraped("127.0.0.1:0", exposition) as address:
            host, _, port = address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            answer = await reader.read()
            writer.close()
            return answer

    return asyncio.run(run())


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_what_was_counted() -> None:
    watching = Watching()
    watching.recorded(replace(STUBBED, duration_us=700), (Written("stripe", "customer", "c", None, None),))
    watching.recorded(replace(STUBBED, fidelity="gap"), ())
    watching.recorded(ENTRY, ())
    allowed = replace(ENTRY, id="call_2", verdict="allow", rule="docs", status=None)
    watching.recorded(allowed, ())
    watching.settled("call_2", Upstream(1, 1, 300, 4000), 200, 2_000_000, None)
    watching.hearing(lambda _: None)("oh")
    text = watching.exposition(Missing(calls=2))
    found = samples(text)
    calls = {"world": "demo", "protocol": "http", "stub": "stripe", "verdict": "stub"}
    assert found["childproof_calls_total", tuple(sorted({**calls, "fidelity": "gap"}.items()))] == 1
    assert found["childproof_rules_total", (("rule", "docs"), ("verdict", "allow"))] == 1
    assert found["childproof_upstream_bytes_total", (("direction", "out"), ("world", "demo"))] == 300
    assert (
        found["childproof_call_duration_seconds_bucket", (("le", "0.001"), ("stub", "stripe"), ("verdict", "stub"))]
        == 2
    )
    allowed_label = (("stub", ""), ("verdict", "allow"))
    assert found["childproof_call_duration_seconds_sum", allowed_label] == 2
    assert found["childproof_upstream_duration_seconds_sum", ()] == 2 - ENTRY.duration_us / 1e6
    assert (found["childproof_trouble_total", ()], found["childproof_unrecorded_total", ()]) == (1, 2)
    assert found["childproof_telemetry_lost_total", ()] == 0
    # The parser leaves `_total` out of a counter's name.
    assert {name.removesuffix("_total") for name in METRICS} <= {
        one.name for one in text_string_to_metric_families(text)
    }


def test_a_thousand_worlds_are_no_thousand_labels() -> None:
    metrics = Metrics()
    for number in range(WORLDS + 50):
        metrics.add(replace(ENTRY, world=f"try-{number}"))
    found = samples("\n".join(metrics.lines()) + "\n")
    worlds = {dict(labels).get("world") for name, labels in found if name == "childproof_calls_total"}
    assert len(worlds) == WORLDS + 1
    assert OTHERS in worlds


@pytest.mark.parametrize(
    ("request_", "first"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200"),
        (b"GET /metrics?a=b HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 404"),
        (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 405"),
        (b"CONNECT api.stripe.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 404"),
        (b"\x16\x03\x01 hello\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 40_000, b"HTTP/1.1 431"),
    ],
)
def test_only_get_metrics_is_answered(request_: bytes, first: bytes) -> None:
    answer = ask(request_)
    assert answer.startswith(first)
    assert answer.endswith(b"\r\n\r\nx 1\n") is (first == b"HTTP/1.1 200")


def test_a_head_has_no_body() -> None:
    assert ask(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"\r\n\r\n")


def test_who_sits_beside_the_proxy_keeps_no_probe_from_outside_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workload that holds all connections it may have; a kubelet that gets no answer would end the proxy."""
    monkeypatch.setattr(pages, "is_here", lambda address: address == "127.0.0.1")

    async def run() -> tuple[int, bytes]:
        async with scraped("127.0.0.1:0", lambda: "x 1\n") as address:
            port = int(address.rpartition(":")[2])
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(pages.MOST)]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.3", 0))
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await reader.read()
            writer.close()
            gone = sum(other.at_eof() or other.exception() is not None for other, _ in held)
            for _, other in held:
                other.transport.abort()
            return gone, answer

    gone, answer = asyncio.run(run())
    assert gone == pages.MOST - pages.MOST_FROM_HERE
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_port_that_is_taken_is_a_fault_that_says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        async def run() -> None:
            async with scraped(address, str):
                pass

        with pytest.raises(InputError, match=f"metrics {address}: another program listens here"):
            asyncio.run(run())
