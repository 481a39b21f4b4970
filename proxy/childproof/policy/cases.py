"""Rule tests as data: calls, and what the rules must say of them. Run by `childproof rules test` and by our own tests."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from childproof.documents import Document, parse_yaml, schema_faults
from childproof.errors import Fault, InputError
from childproof.model import Action, Call, Envelope, Protocol, Verdict, Would, replace

from .limit import MemoryCounters, count, is_counted
from .load import load_ruleset
from .rule import Rule
from .ruleset import Ruleset
from .schema import schema
from .source import Source, find_include, read_source
from .target import EXAMPLE, TargetError, parse_target

CASE_SCHEMA = "case.json"
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


class Case(msgspec.Struct, frozen=True):
    """One case: the call, and the fields of the verdict that it states (`rule` may be stated as None)."""

    name: str
    place: str  # file:line
    call: Call
    expected: dict[str, str | int | None]
    rules: Ruleset
    before: tuple[Call, ...] = ()  # made first, so that limits have counted them


class Failure(msgspec.Struct, frozen=True):
    """One field of the verdict that is not as the case says."""

    field: str
    got: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.field} is {self.got}, the case wants {self.wanted}"


def load_cases(
    files: Sequence[Path],
    *,
    rules: Sequence[Path],
    stubs: Collection[str] | None,
    include_roots: Sequence[Path] = (),
) -> list[Case]:
    """Read case files. `rules` apply to the cases that name none. Raises InputError with the faults of all files."""
    loader = _Loader(tuple(rules), stubs, tuple(include_roots))
    cases: list[Case] = []
    for file in files:
        try:
            cases += loader.load(file)
        except InputError as error:
            loader.faults += error.faults
    if loader.faults:
        raise InputError(dict.fromkeys(loader.faults))
    return cases


def run_case(case: Case) -> list[Failure]:
    """What is not as the case says; nothing where it holds."""
    counters = MemoryCounters()
    for call in case.before:
        _judged(case.rules, call, counters)
    verdict, rule, would = _judged(case.rules, case.call, counters)
    got: dict[str, str | int | None] = {
        "verdict": verdict.action.value,
        "rule": verdict.rule,
        "stub": verdict.stub,
        "reason": verdict.reason,
        "hint": verdict.hint,
        "status": rule.reply.status if rule is not None and rule.reply is not None else None,
        "would": ", ".join(one.rule for one in would) or None,
    }
    return [
        Failure(
            name, str(got[name] if got[name] is not None else "none"), str(wanted if wanted is not None else "none")
        )
        for name, wanted in case.expected.items()
        if not (str(wanted) in str(got[name]) if name in ("reason", "hint") else wanted == got[name])
    ]


def _judged(rules: Ruleset, call: Call, counters: MemoryCounters) -> tuple[Verdict, Rule | None, tuple[Would, ...]]:
    judgement = rules.judge(call)
    verdict, rule = judgement.verdict, judgement.rule
    if rule is not None and rule.limits and verdict.action is not Action.DENY and is_counted(call):
        spent = count(rule.name, rule.limits, call, counters)
        if spent is not None and not rule.enforce:
            return verdict, rule, (*judgement.would, Would(rule.name, spent.reason))
        if spent is not None:
            return Verdict(rule=rule.name, reason=spent.reason), rule, ()
    return verdict, rule, judgement.would


@dataclass(slots=True)
class _Loader:
    rules: tuple[Path, ...]
    stubs: Collection[str] | None
    roots: tuple[Path, ...]
    faults: list[Fault] = field(default_factory=list)
    known: dict[str, Ruleset | None] = field(default_factory=dict)

    def load(self, file: Path) -> Iterator[Case]:
        source = read_source(file)
        document = parse_yaml(source.text, source.name)
        faults = schema_faults(document, schema(CASE_SCHEMA))
        if faults:
            raise InputError(faults)
        top = document.value if isinstance(document.value, dict) else {"cases": document.value}
        prefix: tuple[str | int, ...] = ("cases",) if isinstance(document.value, dict) else ()
        common = top.get("rules")
        for number, value in enumerate(top["cases"]):
            path = (*prefix, number)
            named = "rules" in value
            where = (*path, "rules") if named else ("rules",)
            ruleset = self.ruleset(value.get("rules", common), document, where, source)
            try:
                call = _call(value)
                before = [_call(earlier) for earlier in value.get("before", ()) for _ in range(earlier.get("times", 1))]
            except TargetError as error:
                self.faults.append(document.fault((*path, "call"), str(error), "a call", f"call: {EXAMPLE}"))
                continue
            if ruleset is not None:
                line, _ = document.place((*path, "case"))
                expected = {key: value[key] for key in _EXPECTED if key in value}
                yield Case(value["case"], f"{source.name}:{line}", call, expected, ruleset, tuple(before))

    def ruleset(self, given: Any, document: Document, path: tuple[str | int, ...], source: Source) -> Ruleset | None:
        """The rules of a case, each set loaded once. None where that failed; the faults say why."""
        wanted = [given] if isinstance(given, str) else given
        key = f"{source.folder}:{msgspec.json.encode(wanted).decode()}" if wanted is not None else ""
        if key in self.known:
            return self.known[key]
        self.known[key] = None
        files: list[Path | Source] = [] if wanted is not None else list(self.rules)
        line, _ = document.place(path)
        inline = [item for item in wanted or () if isinstance(item, dict)]
        for item in wanted or ():
            if isinstance(item, str):
                file = find_include(item, source.folder, self.roots)
                if file is None:
                    expected = f"a file beside {source.name} or among the rules that ship"
                    self.faults.append(document.fault(path, f"no rule file {item!r}", expected))
                    return None
                files.append(file)
        if inline:
            text = msgspec.json.encode({"version": 1, "rules": inline}).decode()
            files.append(Source(f"{source.name}:{line} (rules)", text, source.folder))
        try:
            self.known[key] = load_ruleset(files, stubs=self.stubs, include_roots=self.roots)
        except InputError as error:
            self.faults += error.faults
        return self.known[key]


_EXPECTED = ("verdict", "rule", "stub", "reason", "hint", "status", "would")


def _call(value: dict[str, Any]) -> Call:
    headers: list[tuple[str, str]] = []
    for name, given in value.get("headers", {}).items():
        headers += [(name, str(item)) for item in (given if isinstance(given, list) else [given])]
    recipients = value.get("recipients", ())
    return with_content(
        parse_target(value["call"]),
        headers=headers,
        body=_body(value),
        sender=value.get("sender"),
        recipients=(recipients,) if isinstance(recipients, str) else tuple(recipients),
        address=value.get("address", ""),
    )


def _body(value: dict[str, Any]) -> tuple[str, bytes]:
    """The body with its content type."""
    if "json" in value:
        return _JSON, msgspec.json.encode(value["json"])
    if "form" in value:
        return _FORM, urlencode(value["form"], doseq=True).encode()
    return "", value.get("text", "").encode()


def with_content(
    call: Call,
    *,
    headers: Sequence[tuple[str, str]] = (),
    body: tuple[str, bytes] = ("", b""),
    sender: str | None = None,
    recipients: Sequence[str] = (),
    address: str = "",
) -> Call:
    """The call with headers, a body (content type and bytes) and, for SMTP, an envelope."""
    kind, content = body
    given = [*headers]
    if kind and not any(name.lower() == "content-type" for name, _ in given):
        given.append(("content-type", kind))
    envelope = call.envelope
    if call.protocol is Protocol.SMTP and (sender is not None or recipients or content):
        envelope = Envelope(sender or "", tuple(recipients))
    return replace(call, headers=tuple(given), body=content, envelope=envelope, address=address)
