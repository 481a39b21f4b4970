"""What a run came to: read from the ledger's entries, worded by each stub, printed for people or machines."""

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from childproof.engine import NOTHING_MISSING, Missing
from childproof.ledger import Entry
from childproof.model import Effect, Protocol, Upstream
from childproof.model.text import printable

from .webhooks import WebhookTally

MAILED = "mail.queued"  # the kit's effect of mail that a stub sends
MAX_LINES = 12  # of each kind; the rest is counted and left to `childproof log`
_COLUMN = 72  # calls beyond it don't push the reasons of all others aside
_MIN_WIDTH = 40  # below this, a terminal does the wrapping


class Line(msgspec.Struct, frozen=True):
    """Calls that ended alike: how they read, why, and how many there were."""

    target: str
    reason: str
    count: int


class Report(msgspec.Struct, frozen=True):
    """The outcome of a run. `calls` leaves name look-ups out; those are in `lookups`. `upstream` is the sum over all.

    All of it is of what was recorded; `missing` counts what was not.
    """

    world: str
    calls: int
    lookups: int
    upstream: Upstream
    services: tuple[tuple[str, str], ...] = ()
    allowed: tuple[Line, ...] = ()
    denied: tuple[Line, ...] = ()
    would: tuple[Line, ...] = ()  # denied, were its rule enforced
    gaps: tuple[Line, ...] = ()
    webhooks: int = 0  # that have arrived
    undelivered: tuple[Line, ...] = ()  # webhooks that have not
    errors: int = 0
    failed: int = 0
    missing: Missing = NOTHING_MISSING
    fidelity: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def bytes_left(self) -> int:
        """How many bytes were sent to the outside, all calls together."""
        return self.upstream.bytes_out


def summarize(
    world: str,
    entries: Iterable[Entry],
    outcomes: Callable[[str, Sequence[Effect]], str],
    missing: Missing = NOTHING_MISSING,
) -> Report:
    """Fold a run's entries into its report. `outcomes(service, effects)` words what a service would have done."""
    calls = lookups = errors = failed = 0
    dns = connections = bytes_out = bytes_in = 0
    touched: dict[str, list[Effect]] = {}
    lines: dict[str, Counter[tuple[str, str]]] = {
        "allow": Counter(),
        "deny": Counter(),
        "would": Counter(),
        "gap": Counter(),
    }
    fidelity: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    webhooks = WebhookTally()
    for entry in entries:
        if entry.protocol == Protocol.DNS:
            lookups += 1
        else:
            calls += entry.made
        dns += entry.upstream.dns
        connections += entry.upstream.connections
        bytes_out += entry.upstream.bytes_out
        bytes_in += entry.upstream.bytes_in
        errors += entry.error is not None and entry.made and entry.verdict == "deny"  # else a peer left, or broke off
        told = webhooks.add(entry.effects)  # a listener that fails is no work of a stub that did
        failed += entry.error is not None and not entry.made and not told
        if entry.fidelity and entry.made:
            fidelity[entry.fidelity] += 1
        if entry.stub:
            touched.setdefault(entry.stub, [])
            answered[entry.stub] += entry.made
        for effect in entry.effects:
            touched.setdefault(effect.service, []).append(effect)
        if entry.made:
            _sort(lines, entry)
    return Report(
        world=world,
        calls=calls,
        lookups=lookups,
        upstream=Upstream(dns, connections, bytes_out, bytes_in),
        services=tuple(
            (name, outcomes(name, effects) or _wordless(answered[name], effects)) for name, effects in touched.items()
        ),
        allowed=_lines(lines["allow"]),
        denied=_lines(lines["deny"]),
        would=_lines(lines["would"]),
        gaps=_lines(lines["gap"]),
        webhooks=webhooks.delivered,
        undelivered=_lines(webhooks.undelivered),
        errors=errors,
        failed=failed,
        missing=missing,
        fidelity=dict(fidelity),
    )


def _wordless(calls: int, effects: Sequence[Effect]) -> str:
    """What is said of a service that has no words for what it did. Mail that it sent is told of where it lies."""
    mails = sum(effect.type == MAILED for effect in effects)
    said = f"{_plural(mails, 'mail')} handed on" if mails else "none with an effect outside"
    return f"{_plural(calls, 'call')}, {said}"


def _sort(lines: dict[str, Counter[tuple[str, str]]], entry: Entry) -> None:
    for one in entry.would:
        lines["would"][entry.target, f"the rule {one.rule} would deny it: {one.reason}"] += 1
    if entry.fidelity == "gap":
        lines["gap"][entry.target, f"the {entry.stub} stub does not model it"] += 1
    elif entry.verdict == "allow":
        lines["allow"][entry.host, _volume(entry)] += 1
    elif entry.verdict == "deny":
        lines["deny"][entry.target, entry.reason] += 1


def unpainted(kind: str, text: str) -> str:
    """`paint` for what is no terminal."""
    del kind
    return text


def to_text(
    report: Report,
    *,
    ledger: str,
    log_command: str,
    width: int | None = None,
    paint: Callable[[str, str], str] = unpainted,
) -> str:
    """The report as people read it at the end of a run; no trailing newline.

    With `width`, the columns of a terminal, no line is longer: reasons go below their calls where there is no room
    beside them, long calls are cut, words wrap. Without, every line is whole, for pipes and files. `paint` colours a
    text by its kind: `head`, or the label of a row.
    """
    head = [f"childproof · world {report.world}", _plural(report.calls, "call")]
    if report.lookups and not report.calls:
        head.append(_plural(report.lookups, "name look-up"))
    head.append(f"{_amount(report.bytes_left)} left this machine")
    labels = [
        "ledger",
        *(name for name, _ in report.services),
        *(["allowed"] if report.allowed else []),
        *(["missing"] if report.missing else []),
        *(["webhooks"] if report.webhooks or report.undelivered else []),
    ]
    indent = 2 + max(map(len, labels)) + 3  # the other labels are no longer than these
    room = None if width is None else max(width, _MIN_WIDTH) - indent
    rows = [(name, _wrapped(printable(words), room)) for name, words in report.services]
    for label, lines, more in (
        ("allowed", report.allowed, " --verdict allow"),
        ("denied", report.denied, " --verdict deny"),
        ("dry run", report.would, ""),  # whatever became of them
        ("gaps", report.gaps, " --fidelity gap"),
    ):
        if lines:
            rows.append((label, _rows(lines, room, f"{log_command}{more}")))
    if report.webhooks or report.undelivered:
        told = [f"{report.webhooks:,} delivered"] if report.webhooks else []
        rows.append(("webhooks", [*told, *_rows(report.undelivered, room, "childproof webhooks list")]))
    if report.errors:
        words = f"{_plural(report.errors, 'call')} denied by an error inside childproof or a stub"
        rows.append(("errors", _wrapped(words, room)))
    if report.failed:
        words = f"{_plural(report.failed, 'piece')} of a stub's later work failed"
        rows.append(("failed", _wrapped(words, room)))
    if report.missing:
        rows.append(("missing", _wrapped(str(report.missing), room)))
    rows.append(("ledger", _wrapped(f"{ledger} · {log_command}", room)))
    out = [paint("head", " · ".join(head))]
    for label, block in rows:
        gap = " " * (indent - 2 - len(label))
        out += [f"  {paint(label, label)}{gap}{block[0]}", *(" " * indent + line for line in block[1:])]
    return "\n".join(out)


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
        "would": lines(report.would),
        "gaps": lines(report.gaps),
        "webhooks": {"delivered": report.webhooks, "undelivered": lines(report.undelivered)},
        "errors": report.errors,
        "failed": report.failed,
        "unrecorded": report.missing.calls,
        "unfinished": report.missing.ends,
        "fidelity": report.fidelity,
        "ledger": ledger,
    }


def from_json(values: dict[str, Any]) -> Report:
    """The report that `to_json` made these values of."""

    def lines(items: Sequence[dict[str, Any]]) -> tuple[Line, ...]:
        return tuple(Line(item["target"], item["reason"], item["count"]) for item in items)

    return Report(
        world=values["world"],
        calls=values["calls"],
        lookups=values["lookups"],
        upstream=Upstream(**values["upstream"]),
        services=tuple((one["stub"], one["outcome"]) for one in values["services"]),
        **{kind: lines(values[kind]) for kind in ("allowed", "denied", "would", "gaps")},
        webhooks=values["webhooks"]["delivered"],
        undelivered=lines(values["webhooks"]["undelivered"]),
        errors=values["errors"],
        failed=values["failed"],
        missing=Missing(values["unrecorded"], values["unfinished"]),
        fidelity=values["fidelity"],
    )


def _lines(counts: Counter[tuple[str, str]]) -> tuple[Line, ...]:
    return tuple(Line(target, reason, count) for (target, reason), count in counts.items())


def _rows(lines: Sequence[Line], room: int | None, command: str) -> list[str]:
    """One row a line: the calls in a column with the reasons beside it, where both fit; else one below the other."""
    shown = [Line(printable(line.target), printable(line.reason), line.count) for line in lines[:MAX_LINES]]
    column = max((length for line in shown if (length := len(_target(line))) <= _COLUMN), default=0)
    if room is not None:
        column = min(column, room - 3 - max((len(line.reason) for line in shown), default=0))
    rows: list[str] = []
    for line in shown:
        row = f"{_target(line):<{max(column, 0)}}   {line.reason}"
        if room is None or len(row) <= room:
            rows.append(row)
        else:
            reason = textwrap.wrap(line.reason, room, initial_indent="  ", subsequent_indent="  ")
            rows += [_target(line, room), *reason]
    if len(lines) > len(shown):
        rows += _wrapped(f"… and {len(lines) - len(shown):,} more: {command}", room)
    return rows


def _target(line: Line, room: int | None = None) -> str:
    times = "" if line.count == 1 else f" ({line.count:,} times)"
    if room is not None and len(line.target) + len(times) > room:
        return f"{line.target[: room - len(times) - 1]}…{times}"
    return line.target + times


def _wrapped(text: str, room: int | None) -> list[str]:
    return [text] if room is None else textwrap.wrap(text, room, break_on_hyphens=False) or [""]


def _volume(entry: Entry) -> str:
    return f"rule {entry.rule}"


def _amount(count: int) -> str:
    for size, unit in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} byte{'s' if count != 1 else ''}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"
