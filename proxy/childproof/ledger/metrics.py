"""Counts over the ledger in Prometheus' text format (version 0.0.4), also read by OpenMetrics collectors.

Labels have few values each: worlds, protocols, rules, stubs and kinds, never hosts, paths or ids, which a sandbox could
make up. Where there may be thousands, the first ones have a label of their own, and all others share one.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

from childproof.model import NO_UPSTREAM, Change, Upstream, Written

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
    "childproof_would_deny_total": ("counter", "Calls that a rule would have denied, were it enforced.", ("rule",)),
    "childproof_call_duration_seconds": ("histogram", "Time from the call to its answer.", ("verdict", "stub")),
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
# How many values of a label are told apart. Rules, stubs, services, kinds and types stand in files, which may change.
MOST = {"world": WORLDS, "rule": 1000, "stub": 200, "service": 200, "kind": 1000, "type": 1000}


class Histogram:
    """How often something took how long, by labels."""

    def __init__(self, name: str, meaning: str, labels: Labels = ()) -> None:
        self.name, self.meaning, self.labels = name, meaning, labels
        self._buckets: dict[Labels, list[int]] = {}
        self._seconds: dict[Labels, float] = {}

    def add(self, labels: Labels, seconds: float) -> None:
        """Count one."""
        buckets = self._buckets.get(labels)
        if buckets is None:
            buckets = self._buckets[labels] = [0] * (len(BUCKETS) + 1)
            self._seconds[labels] = 0.0
        buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[labels] += seconds

    def lines(self) -> Iterator[str]:
        """The exposition."""
        yield from heading(self.name, "histogram", self.meaning)
        for values, buckets in sorted(self._buckets.items()):
            below = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
                below += count
                yield sample(f"{self.name}_bucket", (*self.labels, "le"), (*values, bound), below)
            yield sample(f"{self.name}_sum", self.labels, values, f"{self._seconds[values]:.6f}")
            yield sample(f"{self.name}_count", self.labels, values, below)


class Metrics:
    """Adds entries up; its size depends on how many worlds, rules, stubs and kinds there are, not on how many calls."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Labels]] = {name: Counter() for name in METRICS}
        self._times = Histogram("childproof_call_duration_seconds", *METRICS["childproof_call_duration_seconds"][1:])
        self._known: dict[str, set[str]] = {label: set() for label in MOST}

    def add(self, entry: Entry, changes: Iterable[Change | Written] | None = None) -> None:
        """Count one entry; its `changes` where it doesn't list them itself."""
        world, stub = self.label("world", entry.world), self.label("stub", entry.stub or "")
        self._count("calls", world, entry.protocol, entry.verdict, stub, entry.fidelity or "")
        self._count("errors", world, by=entry.error is not None)
        self._count("rules", self.label("rule", entry.rule or ""), entry.verdict)
        for would in entry.would:
            self._count("would_deny", self.label("rule", would.rule))
        self._times.add((entry.verdict, stub), entry.duration_us / 1e6)
        for change in entry.changes if changes is None else changes:
            what = "created" if change.before is None else "deleted" if change.after is None else "changed"
            # A tenant's kind has its name, which a sandbox may have chosen.
            kind = self.label("kind", change.kind.partition("@")[0])
            self._count("changes", world, self.label("service", change.service), kind, what)
        for effect in entry.effects:
            service = self.label("service", effect.service)
            self._count("effects", world, service, self.label("type", effect.type))
        self.add_upstream(entry.world, entry.upstream)

    def expect(self, world: str) -> None:
        """Begin a world's counts of what is wrong at zero: of a count that begins with one, nobody sees the increase."""
        self._count("errors", self.label("world", world), by=0)
        self.add_upstream(world, NO_UPSTREAM)

    def add_upstream(self, world: str, upstream: Upstream) -> None:
        """Count what left the machine for a call of a world that has been counted itself."""
        world = self.label("world", world)
        self._count("upstream_dns", world, by=upstream.dns)
        self._count("upstream_connections", world, by=upstream.connections)
        self._count("upstream_bytes", world, "out", by=upstream.bytes_out)
        self._count("upstream_bytes", world, "in", by=upstream.bytes_in)

    def lines(self) -> Iterator[str]:
        """The exposition, line by line, without the newlines."""
        for name, (kind, meaning, labels) in METRICS.items():
            if kind == "histogram":
                yield from self._times.lines()
                continue
            yield from heading(name, kind, meaning)
            for values, count in sorted(self._counts[name].items()):
                yield sample(name, labels, values, count)

    def label(self, label: str, value: str) -> str:
        """The value to tell of a label: its own, or where there are too many that of all others."""
        known = self._known[label]
        if value not in known:
            if len(known) >= MOST[label]:
                return OTHERS
            known.add(value)
        return value

    def _count(self, name: str, *labels: str, by: int = 1) -> None:
        self._counts[f"childproof_{name}_total"][labels] += by


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


def sample(name: str, labels: Labels, values: Labels, value: float | str) -> str:
    """One line: a metric with its labels, and its value."""
    return f"{name}{_labels(labels, values) if labels else ''} {value}"


def _labels(names: Labels, values: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True)) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
