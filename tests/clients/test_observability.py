"""A real exposition, after calls of every kind, against everything that speaks of metrics: docs, dashboard and alerts."""

import http.client
import json
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from childproof.run.watch.gauges import ALL
from tests.clients.served import serving

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text()
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "childproof.json").read_text())
ALERTS = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
RULES = """
version: 1
include: [more.yaml]
rules:
  - {name: trial, match: {host: strict.example}, enforce: false, deny: {}}
  - {name: canned, match: {host: strict.example}, reply: {status: 200, text: fine}}
  - {name: out, match: {host: 127.0.0.1, port: 9}, allow: {}}
  - {name: stripe, match: {host: api.stripe.com}, stub: stripe}
"""
MORE = "version: 1\nrules: [{name: no, match: {host: no.example}, deny: {}}]\n"
# What Prometheus itself puts on each sample: from where it was scraped.
SCRAPED = {"job", "instance", "namespace", "pod"}


@dataclass
class Scrape:
    """What was read: each sample's name with the values of its labels, and the types by family."""

    labels: dict[str, dict[str, set[str]]]
    values: dict[tuple[str, tuple[tuple[str, str], ...]], float]
    types: dict[str, str]
    meanings: dict[str, str]


def scrape(address: str) -> Scrape:
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", "/metrics")
    found = Scrape({}, {}, {}, {})
    for family in text_string_to_metric_families(connection.getresponse().read().decode()):
        counter = "_total" if family.type == "counter" else ""
        found.types[family.name + counter], found.meanings[family.name + counter] = family.type, family.documentation
        for sample in family.samples:
            known = found.labels.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                known.setdefault(label, set()).add(value)
            found.values[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    connection.close()
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scrape]:
    """After a call of each kind, a reload that worked and one that failed."""
    folder = tmp_path_factory.mktemp("observed")
    rules, more = folder / "rules.yaml", folder / "more.yaml"
    rules.write_text(RULES)
    more.write_text(MORE)
    with serving(folder, "--rules", str(rules), "--metrics", "127.0.0.1:0") as served:
        [address] = re.findall(r"metrics http://(\S+)/metrics", served.head)
        key = ("-u", "sk_test_childproof:")
        charge = ("-d", "amount=2000", "-d", "currency=usd", "-d", "source=tok_visa")
        proxy = ("-x", f"http://{served.http}", "-sS", "-o", str(folder / "body"))
        served.run("curl", *proxy, "https://api.stripe.com/v1/charges", *key, *charge)
        served.run("curl", *proxy, "https://api.stripe.com/v1/nowhere", *key)
        for url in ("http://strict.example/", "http://no.example/", "http://nobody.example/", "http://127.0.0.1:9/"):
            served.run("curl", *proxy, url)
        for text, result in ((MORE, "success"), ("rules: [", "failure")):
            more.write_text(text)
            served.process.send_signal(signal.SIGHUP)
            give_up = time.monotonic() + 30
            reloads = ("childproof_reloads_total", (("result", result),))
            while not (found := scrape(address)).values[reloads] and time.monotonic() < give_up:
                time.sleep(0.05)
        yield found


def test_everything_that_is_declared_is_told_as_declared_and_nothing_else(seen: Scrape) -> None:
    assert seen.types == {name: kind for name, (kind, _, _) in ALL.items()}
    assert seen.meanings == {name: meaning for name, (_, meaning, _) in ALL.items()}
    for name, (kind, _, labels) in ALL.items():
        found = seen.labels[f"{name}_bucket" if kind == "histogram" else name]
        assert set(found) == {*labels, *(["le"] if kind == "histogram" else [])}, name


def test_what_happened_is_what_is_counted(seen: Scrape) -> None:
    def value(name: str, **labels: str) -> float:
        return sum(number for (one, told), number in seen.values.items() if one == name and labels.items() <= {*told})

    calls, rules = "childproof_calls_total", "childproof_rules_total"
    assert value(calls, stub="stripe", fidelity="modelled") == 1
    assert value(calls, stub="stripe", fidelity="gap") == 1
    assert value(rules, rule="no", verdict="deny") == value(rules, rule="", verdict="deny") == 1
    assert value(calls, verdict="reply", world="main") == value("childproof_would_deny_total", rule="trial") == 1
    assert value("childproof_upstream_duration_seconds_count") == value(calls, verdict="allow") == 1
    assert value("childproof_call_duration_seconds_count", stub="stripe") == 2
    assert (value("childproof_rules_loaded"), value("childproof_rules_loaded", action="allow")) == (5, 1)
    assert (value("childproof_worlds"), value("childproof_stubs_loaded")) == (1, 1)
    assert (value("childproof_reloads_total"), value("childproof_reload_failed")) == (2, 1)
    assert 0 < value("process_start_time_seconds") <= value("childproof_reload_last_success_timestamp_seconds")
    assert value("process_open_fds") > 3
    assert value("process_resident_memory_bytes") > 10 << 20


def test_the_page_has_every_metric_and_alert() -> None:
    rows = [
        f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {meaning} |"
        for name, (kind, meaning, labels) in ALL.items()
    ]
    assert re.findall(r"^\| `(?:childproof|process)_.*$", PAGE, re.MULTILINE) == rows
    assert re.findall(r"^\| `(Childproof\w+)`", PAGE, re.MULTILINE) == [rule["alert"] for rule in ALERTS]


def test_names_follow_prometheus_conventions() -> None:
    """Counters end in _total and nothing else does; times are in seconds and sizes in bytes."""
    for name, (kind, meaning, _) in ALL.items():
        assert name.endswith("_total") == (kind == "counter"), name
        assert not re.search(r"_(ms|millis|kb|mb|minutes)(_|$)", name)
        assert meaning.endswith(".")


def selectors(expression: Any) -> Iterator[tuple[str, Any]]:
    """All selectors of a parsed expression, with the metric's name."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression.name, expression.matchers.matchers
        return
    for part in ("lhs", "rhs", "expr", "param", "vector_selector", "args"):
        inner = getattr(expression, part, None)
        for one in inner if isinstance(inner, list) else [inner]:
            if one is not None and not isinstance(one, str):
                yield from selectors(one)


def grouped(text: str) -> set[str]:
    """The labels that an expression groups and joins by."""
    found = re.findall(r"\b(?:by|on|without|ignoring|group_left|group_right) ?\(([^)]*)\)", text)
    return {label.strip() for labels in found for label in labels.split(",") if label.strip()}


def check(text: str, seen: Scrape) -> None:
    """An expression parses, and what it asks for is there: metrics, labels, and values where it names one."""
    named = set()
    for name, matchers in selectors(promql_parser.parse(text)):
        if name == "up":
            continue
        assert name in seen.labels, f"no metric {name}: {text}"
        there = seen.labels[name]
        named |= there.keys()
        for matcher in matchers:
            assert matcher.name in there.keys() | SCRAPED, f"{name} has no label {matcher.name}: {text}"
            if matcher.op == promql_parser.MatchOp.Equal and matcher.name in there:
                assert matcher.value in there[matcher.name], f"{name} has no {matcher.name}={matcher.value}: {text}"
    assert grouped(text) <= named | SCRAPED, text


def expressions() -> list[str]:
    """Of all panels and annotations, with Grafana's own variables filled in."""
    told = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    told += [one["expr"] for one in DASHBOARD["annotations"]["list"]]
    names = {"__rate_interval": "1m", "__range": "1h", **{one["name"]: ".*" for one in DASHBOARD["templating"]["list"]}}
    return [re.sub(r"\$(\w+)", lambda found: names[found[1]], one) for one in told]


def test_every_expression_of_the_dashboard_finds_what_it_asks_for(seen: Scrape) -> None:
    assert len(expressions()) > 40
    for text in expressions():
        check(text, seen)


def test_every_alert_finds_what_it_asks_for(seen: Scrape) -> None:
    for rule in ALERTS:
        check(rule["expr"], seen)
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert {"summary", "description"} <= rule["annotations"].keys()


def test_a_metric_that_is_missing_or_misspelt_is_found(seen: Scrape) -> None:
    """The control of the two before."""
    for text in (
        "childproof_call_total",
        'sum(rate(childproof_calls_total{verdikt="deny"}[5m]))',
        'childproof_calls_total{verdict="denied"}',
        "sum by (host) (childproof_calls_total)",
        "1 + max(childproof_worldz)",
    ):
        with pytest.raises(AssertionError):
            check(text, seen)


def test_the_dashboard_is_one_that_grafana_lays_out() -> None:
    """Panels have ids of their own, a place that no other has, units, a description; variables are all used."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["datasource"]["uid"] == "${datasource}"
    text = json.dumps(panels)
    assert all(f"${one['name']}" in text or f"${{{one['name']}}}" in text for one in DASHBOARD["templating"]["list"])
