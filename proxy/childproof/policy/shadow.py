"""Rules that can never match, because earlier ones take every call that they would.

A rule is taken apart into single protocols, hosts and paths; it is unreachable when each of these is covered by some
earlier rule. Cover is only claimed where it is certain. The same tries as in judging keep this from being quadratic.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import msgspec

from childproof.model import Action, Protocol

from .glob import PathGlob, path_covers
from .rule import Match, Network, Rule
from .trie import EVERY_PATH, HostTable

_MANY = 256  # a rule of more single parts than this is taken as reachable
_Extras = tuple[object, ...]


class Shadowed(msgspec.Struct, frozen=True):
    """Rule `number` never matches: every call that it would take is taken by one of `by` (numbers, ascending)."""

    number: int
    by: tuple[int, ...]


def find_shadowed(rules: Sequence[Rule]) -> Iterator[Shadowed]:
    """All unreachable rules, in order."""
    tables: dict[tuple[Protocol, _Extras, object], HostTable] = {}
    for number, rule in enumerate(rules):
        match, extras = rule.match, _extras(rule)
        covering = _covering(number, rules, tables)
        if covering:
            yield Shadowed(number, covering)
        for protocol in match.protocols:
            table = tables.setdefault((protocol, extras, _port_key(match)), HostTable())
            for key in match.hosts or match.networks or (None,):
                trie = table.trie(key)
                for segments in [glob.segments for glob in match.paths] or [EVERY_PATH]:
                    trie.add(segments, number)


def _covering(
    number: int, rules: Sequence[Rule], tables: dict[tuple[Protocol, _Extras, object], HostTable]
) -> tuple[int, ...]:
    """The rules that together cover all of rule `number`; empty where something of it is left."""
    rule = rules[number]
    match = rule.match
    keys: tuple[str | Network | None, ...] = match.hosts or match.networks or (None,)
    paths: tuple[PathGlob | None, ...] = match.paths or (None,)
    if len(match.protocols) * len(keys) * len(paths) > _MANY:
        return ()
    extras = dict.fromkeys([(), _extras(rule)])
    ports = dict.fromkeys([None, _port_key(match), "ranges"] if match.ports else [None])
    covering: set[int] = set()
    for protocol, key, path in product(match.protocols, keys, paths):
        found: set[int] = set()
        for extra, port in product(extras, ports):
            table = tables.get((protocol, extra, port))
            for trie in table.find_covering(key) if table is not None else ():
                trie.find_covering(path.segments if path is not None else EVERY_PATH, found)
        first = next((other for other in sorted(found) if _covers(rules[other], rule, path)), None)
        if first is None:
            return ()
        covering.add(first)
    return tuple(sorted(covering))


def _covers(wide: Rule, narrow: Rule, path: PathGlob | None) -> bool:
    """Whether `wide` takes every call that `narrow` would, given that hosts, protocol and extras are settled."""
    if wide.action is Action.DENY and not wide.enforce:
        return False  # it only tells; the rules below it decide
    one, two = wide.match, narrow.match
    if wide.action is Action.ALLOW and narrow.action is not Action.ALLOW and _asks_ambiguous(one):
        return False  # an `allow` leaves the ambiguous calls to the rules below it
    if wide.condition is not None and narrow.action is Action.DENY and wide.action is not Action.DENY:
        return False  # where `when` has no answer, only a denial matches
    if one.methods and not (two.methods and set(two.methods) <= set(one.methods)):
        return False
    if one.ports and not (two.ports and all(any(_within(b, a) for a in one.ports) for b in two.ports)):
        return False
    if one.paths:
        return path is not None and any(path_covers(glob, path) for glob in one.paths)
    return True


def _asks_ambiguous(match: Match) -> bool:
    return bool(match.paths or match.methods or match.query or match.headers or match.recipients or match.networks)


def _within(inner: range, outer: range) -> bool:
    return outer.start <= inner.start and inner.stop <= outer.stop


def _extras(rule: Rule) -> _Extras:
    """What is only compared for being the same; the empty tuple where the rule has none of it."""
    match = rule.match
    extras = (match.query, match.headers, match.senders, match.recipients)
    if not any(extras) and rule.condition is None:
        return ()
    return (*extras, rule.condition.text if rule.condition is not None else None)


def _port_key(match: Match) -> object:
    """None without ports; the port where there is one; "ranges" for all else."""
    if not match.ports:
        return None
    return match.ports[0].start if len(match.ports) == 1 and len(match.ports[0]) == 1 else "ranges"
