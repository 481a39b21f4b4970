"""What a run came to: read from the ledger's entries, worded by each stub, printed for people or machines."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from childproof.ledger import Entry
from childproof.model import Effect, Protocol, Upstream

MAX_LINES = 12  # of each kind; the rest is counted and left to `childproof log`


@dataclass(frozen=True, slots=True)
class Line:
    """Calls that ended alike: how they read, why, and how many there were."""

    target: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run. `calls` leaves name look-ups out; those are in `lookups`. `upstream` is the sum over all."""

    world: str
    calls: int
    lookups: int
    upstream: Upstream
    services: tuple[tuple[str, str], ...] = ()
    allowed: tuple[Line, ...] = ()
    denied: tuple[Line, ...] = ()
    gaps: tuple[Line, ...] = ()
    errors: int = 0
    fidelity: dict[str, int] = field(default_factory=dict)

    @property
    def bytes_left(self) -> int:
        """How many bytes were sent to the outside, all calls together."""
        return self.upstream.bytes_out


def summarize(world: str, entries: Iterable[Entry], outcomes: Callable[[str, Sequence[Effect]], str]) -> Report:
    """Fold a run's entries into its report. `outcomes(service, effects)` words what a service would have done."""
    calls = lookups = errors = 0
    dns = connections = bytes_out = bytes_in = 0
    touched: dict[str, list[Effect]] = {}
    lines: dict[str, Counter[tuple[str, str]]] = {"allow": Counter(), "deny": Counter(), "gap": Counter()}
    fidelity: Counter[str] = Counter()
    for entry in entries:
        if entry.protocol == Protocol.DNS:
            lookups += 1
        else:
            calls += 1
        dns += entry.upstream.dns
        connections += entry.upstream.connections
        bytes_out += entry.upstream.bytes_out
        bytes_in += entry.upstream.bytes_in
        errors += entry.error is not None
        if entry.fidelity:
            fidelity[entry.fidelity] += 1
        if entry.stub:
            touched.setdefault(entry.stub, [])
        for effect in entry.effects:
            touched.setdefault(effect.service, []).append(effect)
        if entry.fidelity == "gap":
            lines["gap"][entry.target, f"the {entry.stub} stub does not model it"] += 1
        elif entry.verdict == "allow":
            lines["allow"][entry.host, _volume(entry)] += 1
        elif entry.verdict == "deny":
            lines["deny"][entry.target, entry.reason] += 1
    worded = ((name, outcomes(name, effects)) for name, effects in touched.items())
    return Report(
        world=world,
        calls=calls,
        lookups=lookups,
        upstream=Upstream(dns, connections, bytes_out, bytes_in),
        services=tuple((name, words or "nothing that matters outside") for name, words in worded),
        allowed=_lines(lines["allow"]),
        denied=_lines(lines["deny"]),
        gaps=_lines(lines["gap"]),
        errors=errors,
        fidelity=dict(fidelity),
    )


def to_text(report: Report, *, ledger: str, log_command: str) -> str:
    """The report as people read it at the end of a run; no trailing newline."""
    left = report.bytes_left
    head = f"childproof · world {report.world} · {_plural(report.calls, 'call')} · {_amount(left)} left this machine"
    rows = [(name, words) for name, words in report.services]
    for label, lines in (("allowed", report.allowed), ("denied", report.denied), ("gaps", report.gaps)):
        rows += _rows(label, lines)
    if report.errors:
        rows.append(("errors", f"{_plural(report.errors, 'call')} denied by an error inside childproof or a stub"))
    rows.append(("ledger", f"{ledger} · {log_command}"))
    width = max(len(label) for label, _ in rows)
    return "\n".join([head, *(f"  {label:<{width}}   {text}" for label, text in rows)])


def to_json(report: Report, *, ledger: str) -> dict[str, Any]:
    """The report for machines. Keys are stable within `version` 1."""

    def lines(items: Sequence[Line]) -> list[dict[str, Any]]:
        return [{"target": line.target, "reason": line.reason, "count": line.count} for line in items]

    return {
        "version": 1,
        "world": report.world,
        "calls": report.calls,
        "lookups": report.lookups,
        "upstream": {
            "dns": report.upstream.dns,
            "connections": report.upstream.connections,
            "bytes_out": report.upstream.bytes_out,
            "bytes_in": report.upstream.bytes_in,
        },
        "services": [{"stub": name, "outcome": words} for name, words in report.services],
        "allowed": lines(report.allowed),
        "denied": lines(report.denied),
        "gaps": lines(report.gaps),
        "errors": report.errors,
        "fidelity": report.fidelity,
        "ledger": ledger,
    }


def _lines(counts: Counter[tuple[str, str]]) -> tuple[Line, ...]:
    return tuple(Line(target, reason, count) for (target, reason), count in counts.items())


def _rows(label: str, lines: Sequence[Line]) -> list[tuple[str, str]]:
    shown = lines[:MAX_LINES]
    width = max((len(_target(line)) for line in shown), default=0)
    rows = [
        (label if not place else "", f"{_target(line):<{width}}   {line.reason}") for place, line in enumerate(shown)
    ]
    if len(lines) > len(shown):
        rows.append(("", f"… and {len(lines) - len(shown)} more kinds of call"))
    return rows


def _target(line: Line) -> str:
    return line.target if line.count == 1 else f"{line.target} ({line.count} times)"


def _volume(entry: Entry) -> str:
    return f"rule {entry.rule}"


def _amount(count: int) -> str:
    for size, unit in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} byte{'s' if count != 1 else ''}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"
