"""From calls that were made to the smallest rule file that decides about all of them: a draft, for a person to look at.

What a stub serves is stubbed, what went out goes on going out, to these hosts, methods and paths only. What no rule
decided about is written down but stays denied, unless that is asked for. Every draft is tried on the calls that it was
made from; where a call gets another verdict than was meant, its rule asks for less until it fits.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from childproof.model import Action, Call, Protocol, matches_pattern, replace

from .load import load_ruleset
from .path import canonical_path, is_ambiguous
from .ruleset import NO_RULE, Ruleset
from .source import Source

_FEW_PATHS = 4  # of one host, written out; more become a prefix
_FEW_PREFIXES = 6
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MASKED = re.compile(r"[…*\[\]{}]|%E2%80%A6")
_USUAL = {"http": 80, "https": 443}


class Seen(msgspec.Struct, frozen=True):
    """A call as the ledger has it: itself, and what was decided about it."""

    call: Call
    verdict: Action
    rule: str | None = None
    stub: str | None = None
    reason: str = ""
    would: tuple[str, ...] = ()  # rules that only would have denied it


class Serving(msgspec.Struct, frozen=True):
    """What a stub answers: hosts, as patterns, and protocols."""

    stub: str
    hosts: tuple[str, ...]
    protocols: frozenset[Protocol] = frozenset({Protocol.HTTP})

    def serves(self, call: Call) -> bool:
        """Whether the call would reach what the stub is a fake of."""
        return call.protocol in self.protocols and any(matches_pattern(pattern, call.host) for pattern in self.hosts)


class Suggestion(msgspec.Struct, frozen=True):
    """The file's text, and for each call the verdict that it gives."""

    text: str
    verdicts: tuple[Action, ...]


@dataclass(slots=True)
class _Group:
    """Calls that one rule takes. `loose` counts how much the rule was made to ask less: paths first, then methods."""

    action: Action
    protocol: Protocol
    hosts: tuple[str, ...]
    stub: str | None = None
    reason: str = ""
    name: str = ""
    fresh: bool = False  # no rule decided about these so far
    calls: list[Seen] = field(default_factory=list)
    loose: int = 0


def suggest(seen: Sequence[Seen], stubs: Sequence[Serving], *, allow_new: bool = False) -> Suggestion:
    """A rule file for these calls. `stubs` are those that may be named; the first that serves a call is.

    `allow_new` lets out what no rule decided about; without, such rules stand in the file as comments.
    """
    notes: Counter[str] = Counter()
    groups: dict[tuple[object, ...], _Group] = {}
    working = {one.rule for one in seen if one.verdict is not Action.DENY}
    for one in seen:
        group = _group(one, stubs, working, notes)
        if group is not None:
            groups.setdefault(_key(group), group).calls.append(one)
    drafts = _merged(list(groups.values()))
    for _ in range(2 * len(drafts) + 1):
        ruleset = _load(_write(drafts, Counter(), allow_new=allow_new))
        misfits = [group for group in drafts if _active(group, allow_new=allow_new) and not _fits(group, ruleset)]
        misfits = [group for group in misfits if group.loose < 2]
        if not misfits:
            break
        for group in misfits:
            group.loose += 1
    text = _write(drafts, notes, allow_new=allow_new, total=len(seen))
    ruleset = _load(text)
    return Suggestion(text, tuple(ruleset.judge(one.call).verdict.action for one in seen))


def _group(one: Seen, stubs: Sequence[Serving], working: set[str | None], notes: Counter[str]) -> _Group | None:
    """The rule that a call asks for; None where none is needed or none can be written, which `notes` then say."""
    call = one.call
    if call.protocol is Protocol.DNS and one.verdict is not Action.DENY:
        return None  # every name is answered
    match one.verdict:
        case Action.STUB:
            return _Group(Action.STUB, call.protocol, (call.host,), stub=one.stub)
        case Action.ALLOW:
            for rule in one.would:
                notes[f"let out, though the rule {rule} would deny it"] += 1
            return _Group(Action.ALLOW, call.protocol, (call.host,))
        case Action.REPLY:
            notes[f"answered by the reply of the rule {one.rule}: copy that rule, the ledger doesn't have it"] += 1
            return None
    return _of_denied(one, stubs, working, notes)


def _of_denied(one: Seen, stubs: Sequence[Serving], working: set[str | None], notes: Counter[str]) -> _Group | None:
    """The same for a call that was denied. A rule that did other things than deny has a limit, or the leak guard, found."""
    call = one.call
    if one.rule is not None and one.rule in working:
        notes[f"denied by a limit or the leak guard of the rule {one.rule}"] += 1
        return None
    if one.rule is not None:
        return _Group(Action.DENY, call.protocol, (call.host,), reason=one.reason, name=one.rule)
    if one.reason != NO_RULE or call.protocol in (Protocol.UDP, Protocol.DNS, Protocol.IP):
        notes[f"denied whatever rules say: {one.reason}"] += 1
        return None
    serving = next((stub.stub for stub in stubs if stub.serves(call)), None)
    if serving is not None:
        return _Group(Action.STUB, call.protocol, (call.host,), stub=serving)
    if call.protocol is Protocol.SMTP:
        notes["mail, which can't be let out, and which no stub takes"] += 1
        return None
    return _Group(Action.ALLOW, call.protocol, (call.host,), fresh=True)


def _key(group: _Group) -> tuple[object, ...]:
    return (group.action, group.protocol, group.hosts, group.stub, group.name, group.fresh)


def _merged(groups: list[_Group]) -> list[_Group]:
    """Groups that differ in the host only are one rule; denials stand first, what is new last."""
    merged: dict[tuple[object, ...], _Group] = {}
    for group in groups:
        asked = () if group.action is Action.STUB else (_methods(group), _paths(group), _ports(group))
        key = (group.action, group.protocol, group.stub, group.name, group.fresh, asked)
        known = merged.setdefault(key, replace(group, hosts=(), calls=[]))
        known.hosts = (*known.hosts, *(host for host in group.hosts if host not in known.hosts))
        known.calls += group.calls
    order = {Action.DENY: 0, Action.STUB: 1, Action.ALLOW: 2}
    return sorted(merged.values(), key=lambda group: (order.get(group.action, 3), group.fresh))


def _active(group: _Group, *, allow_new: bool) -> bool:
    return allow_new or not group.fresh


def _fits(group: _Group, ruleset: Ruleset) -> bool:
    return all(ruleset.judge(one.call).verdict.action is group.action for one in group.calls)


def _load(text: str) -> Ruleset:
    return load_ruleset([Source("suggested rules", text)])


# --- what a rule asks


def _methods(group: _Group) -> tuple[str, ...]:
    if group.protocol is not Protocol.HTTP or group.action is Action.STUB or group.loose > 1:
        return ()
    return tuple(sorted({one.call.method for one in group.calls}))


def _ports(group: _Group) -> tuple[int, ...]:
    """Ports, where they aren't the usual ones of HTTP."""
    ports = {one.call.port for one in group.calls}
    usual = group.protocol is Protocol.HTTP and ports <= set(_USUAL.values())
    return () if usual or group.action is Action.STUB else tuple(sorted(ports))


def _paths(group: _Group) -> tuple[str, ...]:
    if group.protocol is not Protocol.HTTP or group.action is Action.STUB or group.loose > 0:
        return ()
    calls = [one.call for one in group.calls]
    if any(is_ambiguous(call.path) for call in calls):
        return ()
    globs = sorted(_globs({tuple(map(_segment, canonical_path(call.path).split("/")[1:])) for call in calls}))
    return () if "/**" in globs or len(globs) > _FEW_PREFIXES else tuple(globs)


def _segment(text: str) -> str:
    """A segment as a glob; one of which a part was masked in the ledger, or that a glob can't say, is any one."""
    return "*" if _MASKED.search(text) else text


def _globs(paths: Iterable[tuple[str, ...]]) -> set[str]:
    """Paths as they are where they are few, else what they begin with."""
    whole = set(paths)
    if len(whole) <= _FEW_PATHS:
        return {"/" + "/".join(path) for path in whole}
    firsts: dict[str, set[tuple[str, ...]]] = {}
    for path in whole:
        firsts.setdefault(path[0], set()).add(path[1:])
    if len(firsts) > _FEW_PATHS or any(() in rest for rest in firsts.values()):
        return {"/**"}
    return {f"/{first}{glob}".rstrip("/") or "/" for first, rest in firsts.items() for glob in _globs(rest)}


# --- the file


def _write(groups: Sequence[_Group], notes: Mapping[str, int], *, allow_new: bool, total: int = 0) -> str:
    lines = [f"# A draft by `childproof rules suggest`, from {_calls(total)}: look at every rule before you use it."]
    lines += [f"# {_calls(count)} {note}" for note, count in notes.items()]
    lines += ["version: 1", "rules:" if any(_active(group, allow_new=allow_new) for group in groups) else "rules: []"]
    names: set[str] = set()
    fresh = False
    for group in groups:
        mark = "  " if _active(group, allow_new=allow_new) else "  # "
        if group.fresh and not fresh:
            fresh = True
            state = "let out because of --allow-new" if allow_new else "denied; take the # away to let them out"
            lines.append(f"  # --- calls that no rule decided about so far: {state}")
        methods = Counter(one.call.method or group.protocol.value for one in group.calls)
        shown = ", ".join(f"{method} {count}" for method, count in methods.most_common(8))
        lines.append(f"  # {_calls(len(group.calls))}: {_printable(shown)}")
        lines += [f"{mark}{line}" for line in _rule(group, _name(group, names))]
    return "\n".join(lines) + "\n"


def _rule(group: _Group, name: str) -> list[str]:
    match: dict[str, object] = {}
    if group.protocol is not Protocol.HTTP:
        match["protocol"] = group.protocol.value
    match["host"] = _one(group.hosts)
    for key, values in (("port", _ports(group)), ("method", _methods(group)), ("path", _paths(group))):
        if values:
            match[key] = _one(values)
    action = {
        Action.STUB: f"stub: {_quoted(group.stub or '')}",
        Action.DENY: f"deny: {{reason: {_quoted(group.reason[:500])}}}" if group.reason else "deny: {}",
    }.get(group.action, "allow: {}")
    return [f"- name: {name}", f"  match: {_flow(match)}", f"  {action}"]


def _name(group: _Group, names: set[str]) -> str:
    base = group.name or group.stub or f"{group.hosts[0]}".replace(":", "-")
    base = re.sub(r"[^A-Za-z0-9._-]", "-", base).strip("-.")[:80] or "rule"
    name, number = base, 1
    while name in names:
        number += 1
        name = f"{base}-{number}"
    names.add(name)
    return _quoted(name)


def _one(values: Sequence[object]) -> object:
    return values[0] if len(values) == 1 else list(values)


def _flow(value: object) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value) if isinstance(value, int) else _quoted(str(value))


def _quoted(text: str) -> str:
    """Text as it is where YAML reads it as itself, else in double quotes, whose escapes are JSON's."""
    plain = _PLAIN.fullmatch(text) or (text.startswith("/") and _PLAIN.fullmatch(text.replace("/", "a")))
    if plain and not text[0].isdigit() and text.lower() not in ("null", "true", "false", "yes", "no", "on", "off"):
        return text
    return msgspec.json.encode(text).decode()


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _calls(count: int) -> str:
    return f"{count:,} call{'s' if count != 1 else ''}"
