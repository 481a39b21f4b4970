"""From rule files to a ruleset: read, check the structure, compile, splice includes, look for rules in the way.

Everything that is wrong is reported at once, each with its place and, where that is clear, the line to write instead.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec

from childproof.documents import Document, collector_paused, located, read_yaml, schema_faults
from childproof.errors import Fault, InputError

from .piecewise import Known, Text, known, read_pieces
from .read_rule import read_rule
from .reader import Part, Report
from .reader import Path as Place
from .rule import Rule
from .ruleset import Ruleset
from .schema import RULES_KEY, loading_schema
from .shadow import find_shadowed
from .source import Source, find_include, read_source


def load_ruleset(
    files: Sequence[Path | Source],
    *,
    stubs: Collection[str] | None = None,
    include_roots: Sequence[Path] = (),
    former: Ruleset | None = None,
) -> Ruleset:
    """Load rule files; several are concatenated in order. Raises InputError with the faults of all of them.

    `stubs` are the names that `stub:` may give; None leaves them unchecked. Includes are looked for beside the
    including file, then in `include_roots`. Rules of `former` whose text is the same are taken over.
    """
    loader = _Loader(stubs, tuple(include_roots), known(former.texts if former is not None else ()))
    with collector_paused():
        for file in files:
            try:
                source = file if isinstance(file, Source) else read_source(file)
                if isinstance(file, Path):
                    loader.loaded[file.resolve()] = file
                loader.load(source)
            except InputError as error:
                loader.faults += error.faults
        loader.check()
        if loader.faults:
            raise InputError(_in_order(loader.faults))
        rules = [entry.rule for entry in loader.entries]
        return Ruleset(
            rules, files=tuple(loader.loaded), named=tuple(loader.loaded.values()), texts=tuple(loader.texts)
        )


def _in_order(faults: Sequence[Fault]) -> list[Fault]:
    """Each fault once, those of a file together and by line; files in the order in which they were read."""
    files = {fault.file: place for place, fault in reversed(list(enumerate(faults)))}
    return sorted(dict.fromkeys(faults), key=lambda fault: (files[fault.file], fault.line, fault.column))


class _Entry(msgspec.Struct, frozen=True):
    """A rule with the document it came from, for faults that only show beside other rules.

    A rule that isn't `sound` has faults of its own; what was read of it may match more than its author means. One that
    is `below` came by an include among rules: those above it may take all its calls, which is what such an include is for.
    """

    rule: Rule
    document: Document
    path: Place
    sound: bool
    below: bool


@dataclass(slots=True)
class _Loader:
    stubs: Collection[str] | None
    roots: tuple[Path, ...]
    known: Known
    entries: list[_Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    loaded: dict[Path, Path] = field(default_factory=dict)  # by the file itself, the path that was asked for
    texts: list[Text] = field(default_factory=list)
    below: bool = False

    def load(self, source: Source) -> None:
        """One file with its includes."""
        read = read_pieces(source, self.stubs, self.known)
        if read is None:
            self.whole(source)
            return
        report = Report(located(source.text, source.name))
        self.includes(Part(report, (), read.frame), source)
        for number, item in enumerate(read.text.items):
            if isinstance(item, str):
                self.include(report, (RULES_KEY, number, "include"), item, source)
            else:
                self.entries.append(_Entry(item, report.document, (RULES_KEY, number), sound=True, below=self.below))
        self.texts.append(read.text)
        self.faults += report.faults

    def whole(self, source: Source) -> None:
        """One file at once: its faults, or rules that are written in an unusual way."""
        document, faults = read_yaml(source.text, source.name)
        report = Report(document, faults)
        value = document.value
        if not isinstance(value, dict):
            shown = "an empty file" if value is None else f"a {'list' if isinstance(value, list) else 'single value'}"
            report.add((), shown, "a rule file", "version: 1")
            self.faults += report.faults
            return
        wrong = schema_faults(document, loading_schema())
        report.faults += wrong
        report.bad = _refused(value) if wrong else frozenset()
        top = Part(report, (), value)
        order = list(value)
        if "include" in order and RULES_KEY in order and order.index(RULES_KEY) < order.index("include"):
            top.fault(
                "include",
                "'include' below 'rules'",
                "it above them, for included rules come first; or an item of rules",
                "- include: …",
            )
        self.includes(top, source)
        rules = top.get(RULES_KEY)
        for number, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict) and "include" in rule:
                self.include(report, (RULES_KEY, number, "include"), rule["include"], source)
            elif isinstance(rule, dict):
                self.rule(Part(report, (RULES_KEY, number), rule), enforce=top.get("enforce") is not False)
        self.faults += report.faults

    def rule(self, part: Part, *, enforce: bool) -> None:
        """One rule of a file."""
        report = part.report
        before = len(report.faults)
        rule = read_rule(part, self.stubs, enforce=enforce)
        if rule is not None:
            refused = any(place[: len(part.path)] == part.path for place in report.bad)
            sound = len(report.faults) == before and not refused
            self.entries.append(_Entry(rule, report.document, part.path, sound, self.below))

    def includes(self, top: Part, source: Source) -> None:
        """The files that one includes above its rules."""
        for path, wanted in top.items("include"):
            self.include(top.report, path, wanted, source)

    def include(self, report: Report, path: Place, wanted: Any, source: Source) -> None:
        """One included file."""
        if not isinstance(wanted, str):
            return
        file = find_include(wanted, source.folder, self.roots)
        if file is None:
            beside = f"beside {source.name} or " if source.folder is not None else ""
            report.add(path, f"no rule file {wanted!r}", f"a file {beside}among the rules that ship{self.shipped()}")
            return
        real = file.resolve()
        if real in self.loaded:
            report.add(path, f"{wanted!r} a second time", "each file once, and no circles")
            return
        self.loaded[real] = file
        outer, self.below = self.below, self.below or path[0] == RULES_KEY
        try:
            self.load(read_source(file))
        except InputError as error:
            self.faults += error.faults
        finally:
            self.below = outer

    def shipped(self) -> str:
        """The rule files that ship, for those who look for one."""
        files = [file.relative_to(root).as_posix() for root in self.roots for file in _below(root)]
        return f": {', '.join(sorted(files))}" if files else ""

    def check(self) -> None:
        """What only shows across rules: names given twice, rules that never match."""
        names: dict[str, _Entry] = {}
        for entry in self.entries:
            first = names.setdefault(entry.rule.name, entry)
            if first is not entry:
                self.fault(
                    entry, "name", f"the name {entry.rule.name!r} a second time", f"another name than {_place(first)}"
                )
        sound = [entry for entry in self.entries if entry.sound]
        for shadowed in find_shadowed([entry.rule for entry in sound]):
            entry = sound[shadowed.number]
            others = [sound[number] for number in shadowed.by]
            if entry.below and any(other.document.file != entry.document.file for other in others):
                continue
            by = " and ".join(f"{other.rule.name!r} ({_place(other)})" for other in others[:3])
            self.fault(
                entry,
                "name",
                f"rule {entry.rule.name!r}, which can never match: {by} {'takes' if len(others) == 1 else 'take'} all its calls",
                f"it above {others[0].rule.name!r}, or a rule that leaves it something{_later(entry, others[0])}",
            )

    def fault(self, entry: _Entry, key: str, found: str, expected: str) -> None:
        """A fault at a key of a rule."""
        self.faults.append(entry.document.fault((*entry.path, key), found, expected))


def _below(root: Path) -> Iterator[Path]:
    """Rule files of a root and of its folders, without those that hold cases."""
    for folder in (root, *(below for below in root.glob("*") if below.is_dir() and below.name != "cases")):
        yield from folder.glob("*.yaml")


def _later(entry: _Entry, other: _Entry) -> str:
    """How to get a rule above one that a file brings in."""
    if entry.document.file == other.document.file:
        return ""
    return f"; a file included as an item of `rules`, below {entry.rule.name!r} (- include: {Path(other.document.file).name}), comes after it"


def _place(entry: _Entry) -> str:
    line, _ = entry.document.place((*entry.path, "name"))
    return f"{entry.document.file}:{line}"


def _refused(value: Any) -> frozenset[Place]:
    """The places of all values that the schema refuses, with their parents up to the key in the rule."""
    places: set[Place] = set()
    for error in jsonschema_rs.Draft202012Validator(loading_schema()).iter_errors(value):
        path = tuple(error.instance_path)
        if error.kind.name == "additionalProperties":
            places.update((*path, key) for key in error.kind.value)
        elif error.kind.name != "required":
            # An item of a list spoils the list; a key of a mapping leaves its neighbours readable.
            while path and isinstance(path[-1], int) and len(path) > 2:
                path = path[:-1]
            places.add(path)
    return frozenset(places)
