"""The compiled whole: which rule decides on a call, and why.

`judge` looks only at the rules that can match by protocol, port, host and path, in their order; the first with an
empty difference decides. Whatever goes wrong in here is a denial.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache, partial
from pathlib import Path

import msgspec

from childproof.model import Action, Call, HostError, Protocol, Verdict, Would, replace

from .difference import Difference, difference
from .facts import Facts
from .piecewise import Text
from .rule import Match, Rule
from .trie import EVERY_PATH, HostTable
from .verdicts import doubtful, verdict_of

NO_RULE = "no rule matches (default: deny)"
NAMES_ARE_OURS = "every name is answered with an address of our own"
_MANY_PORTS = 16
_NEAR = 8  # so many rules for the same place are worth comparing in full for a denial's hint
_WEIGHTS = {"protocol": 8, "host": 4, "cidr": 4, "port": 2}


class Judgement(msgspec.Struct, frozen=True):
    """A verdict with the rule it came from (None where none matched), for its reply, limit, fault and delay.

    `refused` are, for an `allow` of a name, the ranges (CIDR) that rules above it deny to such a call: whether the name
    leads there is known when it is resolved, so the dialler asks. `would` is what unenforced rules above it would have
    denied.
    """

    verdict: Verdict
    rule: Rule | None = None
    refused: tuple[str, ...] = ()
    would: tuple[Would, ...] = ()


class Explanation(msgspec.Struct, frozen=True):
    """A judgement, and where no rule matched the one that came nearest with everything that kept it from matching."""

    judgement: Judgement
    nearest: Rule | None = None
    differences: tuple[Difference, ...] = ()


class Ruleset:
    """Immutable; safe to share between threads. Make one with `load_ruleset`.

    `files` are all files that it was read from, included ones too; `named` are the same by the paths that led to them,
    links among them. `texts` are what rules were read from, as far as they may be taken over by another ruleset.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        files: tuple[Path, ...] = (),
        named: tuple[Path, ...] = (),
        texts: tuple[Text, ...] = (),
    ) -> None:
        self.rules = tuple(rules)
        self.texts = texts
        self.files = files
        self.named = named
        self.actions = Counter(rule.action for rule in self.rules)  # how many rules do what
        self._index = _Index(enumerate(self.rules))
        self._numbers = {rule.name: number for number, rule in enumerate(self.rules)}
        self._by_range = [rule for rule in self.rules if rule.action is not Action.ALLOW and rule.match.networks]
        # Without a way back to this object: a ruleset that is replaced goes at once, not when a collector comes by.
        self._may_allow = lru_cache(maxsize=1024)(partial(_could_allow, self.rules, self._index))

    def __len__(self) -> int:
        return len(self.rules)

    def judge(self, call: Call) -> Judgement:
        """The verdict on a call. Never raises: what can't be judged is denied."""
        try:
            return self._judge(call)
        except HostError as error:
            return Judgement(Verdict(reason=f"the host can't be judged: {error}"))
        except Exception as error:  # noqa: BLE001 (a bug of ours must deny)
            return Judgement(
                Verdict(reason=f"an error inside childproof while judging: {type(error).__name__}: {error}")
            )

    def may_allow(self, call_host: str, port: int, protocol: Protocol = Protocol.HTTP) -> bool:
        """Whether any call to this host and port could be allowed. Where it's False nothing needs a way upstream.

        May say True though an unlucky order of rules lets no such call through; never False where one could be.
        """
        return self._may_allow(call_host, port, protocol)

    def explain(self, call: Call) -> Explanation:
        """The judgement with its reasons: the same comparison as `judge`, but all of it and over all rules."""
        judgement = self.judge(call)
        if judgement.rule is not None or judgement.verdict.action is not Action.DENY or not self.rules:
            return Explanation(judgement)
        try:
            rule, differences = nearest(self.rules, Facts(call))
        except HostError:
            return Explanation(judgement)
        return Explanation(judgement, rule, differences)

    def candidates(self, facts: Facts) -> list[Rule]:
        """The rules that can match by protocol, port, host and path, in their order."""
        return [self.rules[number] for number in self._index.find(facts)]

    def _judge(self, call: Call) -> Judgement:
        if call.violation is not None:
            return Judgement(Verdict(reason=call.violation.reason))
        facts = Facts(call)
        doubt: tuple[Rule, Difference] | None = None
        would: tuple[Would, ...] = ()
        candidates = self.candidates(facts)
        for rule in candidates:
            first = next(difference(rule, facts), None)
            if first is None and rule.action is Action.DENY and not rule.enforce:
                would = (*would, Would(rule.name, verdict_of(rule, facts).reason))
            elif first is None:
                if doubt is not None and rule.action is Action.ALLOW:
                    return Judgement(doubtful(rule, *doubt), rule)
                return Judgement(verdict_of(rule, facts), rule, self._refused(rule, facts), would)
            elif first.failed and rule.action is not Action.ALLOW and doubt is None:
                doubt = rule, first
        if call.protocol is Protocol.DNS:
            return Judgement(Verdict(Action.REPLY, None, NAMES_ARE_OURS), would=would)
        return Judgement(Verdict(Action.DENY, None, NO_RULE, self._hint(facts)))

    def _refused(self, allow: Rule, facts: Facts) -> tuple[str, ...]:
        """The ranges of the rules above `allow` that lack nothing but an address in them."""
        if allow.action is not Action.ALLOW or not self._by_range or facts.host_address is not None:
            return ()
        above = self._numbers[allow.name]
        found: list[str] = []
        for rule in self._by_range:
            if self._numbers[rule.name] < above and all(
                one.field == "cidr" or one.failed for one in difference(rule, facts)
            ):
                found += map(str, rule.match.networks)
        return tuple(found)

    def _hint(self, facts: Facts) -> str:
        """What would let somebody decide about a call that no rule matched."""
        numbers = self._index.find(facts, any_path=True, enough=_NEAR)
        if 0 < len(numbers) <= _NEAR:
            rule, differences = nearest([self.rules[number] for number in numbers], facts)
            return f"the nearest rule is {rule.name}: {'; '.join(map(str, differences[:3]))}"
        return f"a rule that decides about it: {_rule_for(facts)}"


def nearest(rules: Sequence[Rule], facts: Facts) -> tuple[Rule, tuple[Difference, ...]]:
    """The rule that needs least to match, with all that keeps it from that. `rules` must not be empty."""
    best: tuple[float, Rule, tuple[Difference, ...]] | None = None
    for rule in rules:
        differences = tuple(difference(rule, facts))
        weight = float(sum(_WEIGHTS.get(found.field, 1) for found in differences))
        if best is not None and weight > best[0]:
            continue
        weight -= _likeness(rule, facts.host)
        if best is None or weight < best[0]:
            best = weight, rule, differences
    assert best is not None
    return best[1], best[2]


def _likeness(rule: Rule, host: str) -> float:
    """From 0 to under 1: how much the host looks like one of the rule's, for choosing among equals."""
    return max((SequenceMatcher(None, pattern, host).ratio() for pattern in rule.match.hosts[:4]), default=0.0) * 0.9


def _rule_for(facts: Facts) -> str:
    call = facts.call
    host = f'"{facts.host}"' if ":" in facts.host else facts.host
    match call.protocol:
        case Protocol.HTTP:
            return f"match: {{host: {host}, method: {call.method or 'GET'}}}"
        case Protocol.SMTP:
            return f"match: {{protocol: smtp, host: {host}}}"
        case protocol:
            return f"match: {{protocol: {protocol}, host: {host}, port: {call.port}}}"


def _where(rule: Rule) -> Rule:
    """The rule as it would be without asking more than where the call goes."""
    match = rule.match
    where = Match(protocols=match.protocols, hosts=match.hosts, networks=match.networks, ports=match.ports)
    return replace(rule, match=where, condition=None)


def _could_allow(rules: Sequence[Rule], index: "_Index", host: str, port: int, protocol: Protocol) -> bool:
    try:
        facts = Facts(Call(protocol, host, port))
    except HostError:
        return False
    for number in index.find(facts, any_path=True):
        rule = rules[number]
        where = _where(rule)
        if next(difference(where, facts), None) is not None:
            continue
        if rule.action is Action.ALLOW:
            return True
        if rule.match == where.match and rule.condition is None and rule.enforce:
            return False  # decides on every call to this place, before any later rule can
    return False


class _Index:
    """Rules' numbers by protocol, port, host and path."""

    def __init__(self, rules: Iterable[tuple[int, Rule]]) -> None:
        self._tables: dict[tuple[Protocol, int | None], HostTable] = {}
        for number, rule in rules:
            paths = [glob.segments for glob in rule.match.paths] or [EVERY_PATH]
            for key in _table_keys(rule):
                table = self._tables.setdefault(key, HostTable())
                for host in rule.match.hosts or rule.match.networks or (None,):
                    trie = table.trie(host)
                    for segments in paths:
                        trie.add(segments, number)

    def find(self, facts: Facts, *, any_path: bool = False, enough: int | None = None) -> list[int]:
        """The numbers of the rules that may match, in order; with `any_path`, as if no rule asked for a path.

        Once there are more than `enough`, the rest may be missing.
        """
        found: set[int] = set()
        call = facts.call
        for port in (call.port, None):
            table = self._tables.get((call.protocol, port))
            if table is None:
                continue
            for trie in table.find(facts):
                if any_path:
                    trie.everything(found, enough=enough)
                elif call.protocol is Protocol.HTTP:
                    for segments in facts.paths:
                        trie.find(segments, found)
                else:
                    trie.find((), found)
        return sorted(found)


def _table_keys(rule: Rule) -> list[tuple[Protocol, int | None]]:
    """A table for each port that the rule names, if those are few, and one for all others."""
    ranges = rule.match.ports
    ports: list[int | None] = [None]
    if ranges and sum(map(len, ranges)) <= _MANY_PORTS:
        ports = list(dict.fromkeys(port for numbers in ranges for port in numbers))
    return [(protocol, port) for protocol in rule.match.protocols for port in ports]
