"""Counts over the ledger in Prometheus' text format (version 0.0.4), also read by OpenMetrics collectors.

Labels have few values each: worlds, protocols, rules, stubs and kinds, never hosts, paths or ids, which a sandbox could
make up. Of worlds, of which there may be thousands, the first ones have a label of their own, and all others share one.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

from childproof.model import Change, Upstream, Written

from .entry import Entry

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
# name -> (type, what it counts, its labels). Within version 1 of the ledger's format they stay.
METRICS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "childproof_calls_total": (
        "counter",
        "Calls, by what became of them.",
        ("world", "protocol", "verdict", "stub", "fidelity"),
    ),
    "childproof_rules_total": ("counter", "Calls, by the rule that decided.", ("rule", "verdict")),
    "childproof_call_duration_seconds": ("histogram", "Time from the call to its answer.", ("verdict",)),
    "childproof_errors_total": ("counter", "Calls with an error inside childproof, a stub or upstream.", ("world",)),
    "childproof_changes_total": (
        "counter",
        "Entities created, changed or deleted.",
        ("world", "service", "kind", "what"),
    ),
    "childproof_effects_total": ("counter", "Effects, by kind.", ("world", "service", "type")),
    "childproof_upstream_dns_total": ("counter", "Name look-ups that left the machine.", ("world",)),
    "childproof_upstream_connections_total": ("counter", "Connections that left the machine.", ("world",)),
    "childproof_upstream_bytes_total": ("counter", "Bytes to and from upstream.", ("world", "direction")),
}

Labels = tuple[str, ...]
WORLDS = 100  # with a label of their own
OTHERS = "_others"


class Metrics:
    """Adds entries up; its size depends on how many worlds, stubs and kinds there are, not on how many calls."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Labels]] = {name: Counter() for name in METRICS}
        self._buckets: dict[Labels, list[int]] = {}
        self._seconds: dict[Labels, float] = {}
        self._worlds: set[str] = set()

    def add(self, entry: Entry, changes: Iterable[Change | Written] | None = None) -> None:
        """Count one entry; its `changes` where it doesn't list them itself."""
        world = self._label(entry.world)
        self._count("calls", world, entry.protocol, entry.verdict, entry.stub or "", entry.fidelity or "")
        self._count("errors", world, by=entry.error is not None)
        self._count("rules", entry.rule or "", entry.verdict)
        self._time((entry.verdict,), entry.duration_us / 1e6)
        for change in entry.changes if changes is None else changes:
            what = "created" if change.before is None else "deleted" if change.after is None else "changed"
            self._count("changes", world, change.service, change.kind, what)
        for effect in entry.effects:
            self._count("effects", world, effect.service, effect.type)
        self.add_upstream(entry.world, entry.upstream)

    def add_upstream(self, world: str, upstream: Upstream) -> None:
        """Count what left the machine for a call of a world that has been counted itself."""
        world = self._label(world)
        self._count("upstream_dns", world, by=upstream.dns)
        self._count("upstream_connections", world, by=upstream.connections)
        self._count("upstream_bytes", world, "out", by=upstream.bytes_out)
        self._count("upstream_bytes", world, "in", by=upstream.bytes_in)

    def lines(self) -> Iterator[str]:
        """The exposition, line by line, without the newlines."""
        for name, (kind, meaning, labels) in METRICS.items():
            yield from heading(name, kind, meaning)
            if kind == "histogram":
                yield from self._histogram(name, labels)
            else:
                for values, count in sorted(self._counts[name].items()):
                    yield f"{name}{_labels(labels, values)} {count}"

    def _label(self, world: str) -> str:
        if world not in self._worlds:
            if len(self._worlds) >= WORLDS:
                return OTHERS
            self._worlds.add(world)
        return world

    def _count(self, name: str, *labels: str, by: int = 1) -> None:
        self._counts[f"childproof_{name}_total"][labels] += by

    def _time(self, labels: Labels, seconds: float) -> None:
        buckets = self._buckets.setdefault(labels, [0] * (len(BUCKETS) + 1))
        buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[labels] = self._seconds.get(labels, 0.0) + seconds

    def _histogram(self, name: str, labels: Labels) -> Iterator[str]:
        for values, buckets in sorted(self._buckets.items()):
            below = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
                below += count
                yield f"{name}_bucket{_labels((*labels, 'le'), (*values, bound))} {below}"
            yield f"{name}_sum{_labels(labels, values)} {self._seconds[values]:.6f}"
            yield f"{name}_count{_labels(labels, values)} {below}"


def heading(name: str, kind: str, meaning: str) -> Iterator[str]:
    """The two lines above a metric's samples."""
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"


def to_metrics(entries: Iterable[Entry]) -> Iterator[str]:
    """The exposition of what these entries add up to, line by line."""
    metrics = Metrics()
    for entry in entries:
        metrics.add(entry)
    return metrics.lines()


def _labels(names: Labels, values: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True)) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
