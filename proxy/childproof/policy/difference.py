"""The one comparison behind matching and explaining: what keeps a rule from matching a call.

A match is an empty difference. The differences come lazily, cheapest first, so that the judge stops at the first one
while `explain` reads them all; neither can say something the other doesn't.

`allow` reads narrowly and every other action widely (see `Rule.narrow`): where a call is ambiguous — its path can be
spelled out in two ways, its method is overridden by a header, a parameter is given twice — an `allow` wants every
reading to fit, a guard is content with any. So with a `when` that can't be evaluated: a `deny` matches, others don't.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from childproof.model import Action, matches_pattern

from .condition import EvaluationError
from .facts import UNREADABLE, Facts
from .glob import path_fits, text_fits
from .rule import Match, Named, Rule

_SECRET = re.compile(r"(?i)auth|cookie|token|secret|passw|pwd|key|credential|session|signature")


class Difference(msgspec.Struct, frozen=True):
    """One thing that the rule asks and the call doesn't have. `failed` marks a `when` without an answer."""

    field: str
    got: str
    wanted: str
    failed: bool = False

    def __str__(self) -> str:
        return f"{self.field} is {self.got}, the rule wants {self.wanted}"


def difference(rule: Rule, facts: Facts) -> Iterator[Difference]:  # noqa: C901, PLR0912 (one line a key is plainest)
    """Everything that keeps `rule` from matching; nothing where it matches."""
    match, call = rule.match, facts.call
    if call.protocol not in match.protocols:
        yield Difference("protocol", call.protocol.value, _any_of(match.protocols))
    if match.ports and not any(call.port in ports for ports in match.ports):
        yield Difference("port", str(call.port), _any_of(map(show_ports, match.ports)))
    if match.hosts and not any(matches_pattern(pattern, facts.host) for pattern in match.hosts):
        yield Difference("host", facts.host, _any_of(match.hosts))
    if match.networks and not _in_networks(rule, facts):
        got = str(facts.host_address or f"{facts.host}, a name")
        yield Difference("cidr", got, _any_of(map(str, match.networks)))
    if match.methods:
        yield from _method(rule, facts)
    if match.paths:
        yield from _path(rule, facts)
    if match.query:
        yield from _query(rule, facts)
    if match.headers:
        yield from _headers(rule, facts)
    if match.senders or match.recipients:
        yield from _envelope(rule, match, facts)
    if rule.condition is not None:
        try:
            if not rule.condition.holds(facts.part):
                yield Difference("when", "false", rule.condition.text)
        except EvaluationError as error:
            if rule.action is not Action.DENY:
                yield Difference("when", f"without an answer ({error})", rule.condition.text, failed=True)


def show_ports(ports: range) -> str:
    """A range of ports as rule files write it."""
    return str(ports.start) if len(ports) == 1 else f"{ports.start}-{ports.stop - 1}"


def _in_networks(rule: Rule, facts: Facts) -> bool:
    """Narrowly, only an address written as the host counts: what a name resolves to is known when it's dialled."""
    if rule.narrow:
        address = facts.host_address
        return address is not None and any(address in network for network in rule.match.networks)
    return any(address in network for address in facts.addresses for network in rule.match.networks)


def _method(rule: Rule, facts: Facts) -> Iterator[Difference]:
    wanted, method = rule.match.methods, facts.call.method
    if rule.narrow:
        if method not in wanted:
            yield Difference("method", method, _any_of(wanted))
        elif facts.overrides:
            yield Difference(
                "method", f"overridden by {facts.overrides[0][:40]!r}", f"{_any_of(wanted)}, unambiguously"
            )
    elif method.upper() not in wanted and not any(name == UNREADABLE or name in wanted for name in facts.overrides):
        yield Difference("method", method, _any_of(wanted))


def _path(rule: Rule, facts: Facts) -> Iterator[Difference]:
    globs = rule.match.paths
    if rule.narrow:
        if facts.path_is_ambiguous:
            yield Difference("path", f"{facts.call.path[:200]!r}, readable in more than one way", _paths(rule))
        elif not any(path_fits(glob, facts.paths[0]) for glob in globs):
            yield Difference("path", facts.path[:200], _paths(rule))
        return
    # Some servers fold case; a guard must hold before those too.
    fold = rule.action is Action.DENY
    if not any(path_fits(glob, segments, fold=fold) for segments in facts.paths for glob in globs):
        yield Difference("path", facts.path[:200], _paths(rule))


def _paths(rule: Rule) -> str:
    return _any_of(glob.text for glob in rule.match.paths)


def _query(rule: Rule, facts: Facts) -> Iterator[Difference]:
    values = facts.query_values if rule.narrow else facts.loose_query_values
    for wanted in rule.match.query:
        if values is None:
            if rule.narrow:
                yield Difference(f"query {wanted.name}", "not readable", _any_of(wanted.globs))
            continue
        yield from _named("query", wanted, values.get(wanted.name, ()), narrow=rule.narrow)


def _headers(rule: Rule, facts: Facts) -> Iterator[Difference]:
    for wanted in rule.match.headers:
        yield from _named("header", wanted, facts.headers.get(wanted.name, ()), narrow=rule.narrow)


def _named(kind: str, wanted: Named, values: Sequence[str], *, narrow: bool) -> Iterator[Difference]:
    enough: Callable[[Iterable[bool]], bool] = all if narrow else any
    if not values or not enough(_fits(wanted.globs, value) for value in values):
        # a denial's hint has it, and stays in the ledger
        shown = ("another value",) if _SECRET.search(wanted.name) else [repr(value[:80]) for value in values[:3]]
        got = " and ".join(shown) if values else "missing"
        yield Difference(f"{kind} {wanted.name}", got, _any_of(wanted.globs))


def _envelope(rule: Rule, match: Match, facts: Facts) -> Iterator[Difference]:
    envelope = facts.call.envelope
    sender = envelope.sender.lower() if envelope else ""
    recipients = [name.lower() for name in envelope.recipients] if envelope else []
    if match.senders and (envelope is None or not _fits(match.senders, sender)):
        yield Difference("sender", sender or "missing", _any_of(match.senders))
    if match.recipients:
        enough: Callable[[Iterable[bool]], bool] = any if rule.action is Action.DENY else all
        if not recipients or not enough(_fits(match.recipients, name) for name in recipients):
            yield Difference("recipients", ", ".join(recipients[:5]) or "missing", _any_of(match.recipients))


def _fits(globs: tuple[str, ...], text: str) -> bool:
    return any(text_fits(glob, text) for glob in globs)


def _any_of(values: Iterable[object]) -> str:
    shown = [str(value) for value in values]
    return " or ".join(shown) if len(shown) <= 4 else f"{' or '.join(shown[:3])} or one of {len(shown) - 3} more"
