"""Prometheus' text format: what is counted, and that nothing breaks out of a line."""

import re

from childproof.ledger.metrics import METRICS, MOST, Metrics, to_metrics
from childproof.model import Change, Upstream, Would

from .conftest import make_entry

SAMPLE = re.compile(r'[a-z_]+\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\} [0-9.]+')


def samples(*entries):
    lines = list(to_metrics(entries))
    assert all(line.startswith(("# HELP ", "# TYPE ")) or SAMPLE.fullmatch(line) for line in lines)
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_calls_changes_effects_and_what_left_the_machine_are_counted():
    allowed = {"verdict": "allow", "stub": None, "fidelity": None, "changes": (), "effects": ()}
    found = samples(
        make_entry("main", 1),
        make_entry("main", 2, changes=(Change("stripe", "thing", "a", {"n": 1}, None),), error="boom"),
        make_entry("try", 1, **allowed, upstream=Upstream(1, 2, 30, 40)),
    )
    assert (
        found['childproof_calls_total{world="main",protocol="http",verdict="stub",stub="stripe",fidelity="modelled"}']
        == "2"
    )
    assert found['childproof_calls_total{world="try",protocol="http",verdict="allow",stub="",fidelity=""}'] == "1"
    assert found['childproof_changes_total{world="main",service="stripe",kind="thing",what="created"}'] == "1"
    assert found['childproof_changes_total{world="main",service="stripe",kind="thing",what="deleted"}'] == "1"
    assert found['childproof_effects_total{world="main",service="stripe",type="thing.created"}'] == "2"
    assert found['childproof_errors_total{world="main"}'] == "1"
    assert found['childproof_upstream_dns_total{world="try"}'] == "1"
    assert found['childproof_upstream_connections_total{world="try"}'] == "2"
    assert found['childproof_upstream_bytes_total{world="try",direction="out"}'] == "30"
    assert found['childproof_upstream_bytes_total{world="try",direction="in"}'] == "40"


def test_what_a_rule_would_have_denied_is_counted_by_its_name():
    found = samples(make_entry("main", 1, would=(Would("strict", "no"), Would("other", "no"))))
    assert found['childproof_would_deny_total{rule="strict"}'] == found['childproof_would_deny_total{rule="other"}']


def test_durations_are_a_cumulative_histogram():
    found = samples(*(make_entry("main", n, duration_us=us) for n, us in enumerate((400, 1000, 1001, 60_000_000), 1)))
    name = "childproof_call_duration_seconds"
    assert found[f'{name}_bucket{{verdict="stub",stub="stripe",le="0.0005"}}'] == "1"
    assert found[f'{name}_bucket{{verdict="stub",stub="stripe",le="0.001"}}'] == "2"
    assert found[f'{name}_bucket{{verdict="stub",stub="stripe",le="10.0"}}'] == "3"
    assert (
        found[f'{name}_bucket{{verdict="stub",stub="stripe",le="+Inf"}}']
        == found[f'{name}_count{{verdict="stub",stub="stripe"}}']
        == "4"
    )
    assert found[f'{name}_sum{{verdict="stub",stub="stripe"}}'] == "60.002401"


def test_a_name_cannot_break_out_of_its_label():
    change = Change('s"} 1\nx', "k\\", "i", None, {})
    assert 'childproof_changes_total{world="main",service="s\\"} 1\\nx",kind="k\\\\",what="created"}' in samples(
        make_entry("main", 1, changes=(change,))
    )


def test_labels_are_bounded_whatever_a_sandbox_or_a_file_makes_up():
    """A tenant's name is a sandbox's to choose; rules come and go with reloads. Nothing is lost of the sums."""
    metrics = Metrics()
    for n in range(MOST["rule"] + 20):
        change = Change("stripe", f"charge@acct_{n}", "i", None, {})
        metrics.add(make_entry("main", n, rule=f"rule-{n}", stub=f"stub-{n}", changes=(change,)))
    found = dict(line.rsplit(" ", 1) for line in metrics.lines() if not line.startswith("#"))
    by_name = {name: [line for line in found if line.startswith(name)] for name in METRICS}
    assert len(by_name["childproof_changes_total"]) == 1
    assert len(by_name["childproof_rules_total"]) == MOST["rule"] + 1
    assert len(by_name["childproof_calls_total"]) == MOST["stub"] + 1
    assert sum(int(found[line]) for line in by_name["childproof_rules_total"]) == MOST["rule"] + 20
    assert not [line for line in found if "acct_" in line]
