"""Cases: executable examples of a stub, as data. Given calls, expected replies, events and changes.

The same runner serves `childproof stubs check` and the tests. Every case has a world of its own, in memory, with a
frozen clock and a seed, so a case can't depend on another or on the day it is run.
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from childproof.documents import Document, parse_yaml, schema_faults
from childproof.errors import Fault, InputError
from childproof.model import Call, Effect, Envelope, Protocol, Reply, Step, Stream, replace
from childproof.stubkit.context.context import Context
from childproof.stubkit.declared.settings import duration
from childproof.stubkit.events.sending import sent
from childproof.stubkit.generic import generic
from childproof.stubkit.request.uploads import write_multipart
from childproof.stubkit.streams.streaming import drained
from childproof.stubkit.stub import Answer, Stub
from childproof.world import OUTBOX, Mail, Transaction, perform, told
from childproof.world.clock import ClockSettings
from childproof.world.store import Store
from childproof.world.world import World

from .matching import ABSENT, at, decoded, differences, pairs, shortened, written

START = "2026-01-05T09:00:00Z"
MOST_JOBS = 10_000  # in one advance
_NAME = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_WORDS = frozenset({"reply", "headers", "files"})


class Case(msgspec.Struct, frozen=True):
    """One case of a file; `path` is its place in the file's document."""

    document: Document
    path: tuple[str | int, ...]
    value: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What the case says must be true."""
        return str(self.value["case"])


@dataclass(slots=True)
class Result:
    """How a case went: its failures (none: it passed), each with its place, and the operations it used.

    `checked` is how many replies were compared with their response schema in the document; `effects` is what was told.
    """

    case: Case
    failures: list[Fault] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)
    checked: int = 0
    effects: list[Effect] = field(default_factory=list)


@cache
def case_schema() -> dict[str, Any]:
    """The JSON Schema of a stub's case file, as it ships."""
    schema: dict[str, Any] = msgspec.json.decode(files("childproof.stubkit").joinpath("schemas/case.json").read_bytes())
    return schema


def load_cases(folder: Path) -> list[Case]:
    """The cases of a stub's folder (`cases/*.yaml`). Raises InputError with the faults of all files."""
    cases: list[Case] = []
    faults: list[Fault] = []
    for file in sorted((folder / "cases").glob("*.yaml")):
        try:
            cases.extend(_cases_in(file))
        except InputError as error:
            faults.extend(error.faults)
    if faults:
        raise InputError(faults)
    return cases


def _cases_in(file: Path) -> list[Case]:
    try:
        document = parse_yaml(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError):
        raise InputError.single(file, "a file that can't be read as UTF-8", "a list of cases") from None
    if found := schema_faults(document, case_schema()):
        raise InputError(found)
    return [Case(document, (place,), value) for place, value in enumerate(document.value)]


def run_case(stub: Stub, case: Case) -> Result:
    """Run one case in a world of its own."""
    at = case.value.get("at", START)
    start = int(datetime.fromisoformat(at).timestamp() * 1000)
    with Store.open(":memory:", wall=lambda: start) as store:
        world = store.create("case", seed=case.value.get("seed", 0), clock=ClockSettings(start, "frozen"))
        return _Run(stub, case, world).run()


class _Run:
    def __init__(self, stub: Stub, case: Case, world: World) -> None:
        self.stub = stub
        self.case = case
        self.world = world
        self.saved: dict[str, Any] = {}
        self.changes: dict[str, dict[str, int]] = {}
        self.result = Result(case)
        self.effects = self.result.effects

    def run(self) -> Result:
        for place, step in enumerate(self.case.value["calls"]):
            path = (*self.case.path, "calls", place)
            if not self._step(step, path):
                return self.result
        told = [effect.type for effect in self.effects if effect.type != "webhook.queued"]
        self._compare_whole("events", told)
        self._compare_deliveries()
        self._compare_changes()
        if "outcomes" in self.case.value:
            self._compare_whole("outcomes", self.stub.outcomes(self.effects))
        return self.result

    def _step(self, step: Mapping[str, Any], path: tuple[str | int, ...]) -> bool:
        """Make one call; whether the case may go on (after a wrong reply, later calls would only mislead)."""
        if "advance" in step:
            self._advance(duration(step["advance"]))
            return True
        name = next((key for key in step if key not in _WORDS), None)
        if name is None:
            self._fail(path, "a step without a call", "a call, or advance")
            return False
        try:
            call = self._smtp(step[name]) if name == "SMTP" else self._http(name, step)
        except LookupError as error:
            self._fail((*path, name), str(error.args[0]), "a name that an earlier reply saved, or a resource's")
            return False
        with self.world.transaction() as tx:
            answer = self.stub.answer(call, tx)
            self._count(tx.changes)
        self.effects.extend(answer.effects)
        self._deliver(tx.outbox)
        if answer.error:
            last = answer.error.strip().splitlines()[-1]
            self._fail((*path, name), f"the stub's own code failed: {last}", "a reply")
            return False
        if tx.passing:
            self._advance(tx.passing)
        if isinstance(answer.reply.stream, Generator):
            try:
                answer = replace(answer, reply=self._whole(answer.reply, answer.reply.stream))
            except Exception as error:  # noqa: BLE001 - an author's bug is a failing case
                self._fail((*path, name), f"the reply broke off: {type(error).__name__}: {error}", "a whole reply")
                return False
        if answer.operation is not None:
            self.result.operations.add(answer.operation)
        before = len(self.result.failures)
        self._compare(step.get("reply") or {}, answer, (*path, "reply") if "reply" in step else (*path, name))
        self._conform(answer, call.method, (*path, name))
        return len(self.result.failures) == before

    def _whole(self, reply: Reply, stream: Stream) -> Reply:
        """A reply that goes on, to its end, without its pauses; its steps as they would be."""

        def run(step: Step) -> Any:
            with self.world.transaction() as tx:
                value, effects = step.work(tx)
                self._count(tx.changes)
            self.effects.extend(effects)
            return value

        return replace(reply, body=drained(stream, run)[0], stream=None)

    def _http(self, name: str, step: Mapping[str, Any]) -> Call:
        method, _, target = name.partition(" ")
        host, path, query = self._address(target)
        value = self._values(step[name])
        headers = {**self.case.value.get("headers", {}), **step.get("headers", {})}
        headers = {key: str(self._values(text)) for key, text in headers.items()}
        if not any(key.lower() == "authorization" for key in headers):
            headers = {**self.stub.service.auth.example(), **headers}
        body = b""
        if value is not None and method in {"GET", "HEAD", "DELETE"}:
            query = "&".join(filter(None, (query, urlencode(pairs(value)))))
        elif "files" in step:
            body, media = write_multipart(pairs(value or {}), step["files"])
            headers = {"Content-Type": media, **headers}
        elif value is not None and self.stub.service.settings.body == "form" and not _says_json(headers):
            body, media = urlencode(pairs(value)).encode(), "application/x-www-form-urlencoded"
            headers = {"Content-Type": media, **headers}
        elif value is not None:
            body = msgspec.json.encode(value)
            headers = {"Content-Type": "application/json", **headers}
        return Call(
            protocol=Protocol.HTTP, host=host, port=443, scheme="https", world=self.world.name, method=method,
            path=path, query=query, headers=tuple(headers.items()), body=body, tls=True,
        )  # fmt: skip

    def _smtp(self, value: Mapping[str, Any]) -> Call:
        envelope = Envelope(value["from"], tuple(value["to"]), user=value.get("user", ""))
        body = value.get("message", "").replace("\r\n", "\n").replace("\n", "\r\n").encode()
        host = self.stub.service.host
        return Call(protocol=Protocol.SMTP, host=host, port=587, world=self.world.name, envelope=envelope, body=body)

    def _advance(self, by: int) -> None:
        """Let time pass as a world does: what was put off is done at its time, each job in a transaction of its own."""
        then = None
        for _ in range(MOST_JOBS):
            with self.world.transaction() as tx:
                then = tx.now() + by if then is None else then
                job = tx.earliest(then)
                tx.travel(max(tx.now(), then if job is None else job.at))
                if job is None:
                    return
                self.effects.extend(
                    perform(tx, job, lambda service: _Post(self.stub) if service == OUTBOX else self.stub)
                )
                self._count(tx.changes)
        raise LookupError(f"more than {MOST_JOBS} jobs in one advance")

    def _deliver(self, mails: tuple[str, ...]) -> None:
        """Mail whose sender asks what became of it arrives at once, as behind a call of a client."""
        for mail in mails:
            with self.world.transaction() as tx:
                job = tx.job(mail)
                if job is not None and "then" in job.payload:
                    self.effects.extend(perform(tx, job, lambda _: _Post(self.stub)))
                    self._count(tx.changes)

    def _count(self, changes: tuple[Any, ...]) -> None:
        for change in changes:
            what = "created" if change.before is None else "deleted" if change.after is None else "changed"
            counts = self.changes.setdefault(change.kind, {})
            counts[what] = counts.get(what, 0) + 1

    # --- values with names in them

    def _values(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._values(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._values(inner) for inner in value]
        if isinstance(value, str):
            whole = _NAME.fullmatch(value)
            return (
                self._named(whole[1]) if whole is not None else _NAME.sub(lambda fit: str(self._named(fit[1])), value)
            )
        return value

    def _filled(self, target: str) -> str:
        return _NAME.sub(lambda fit: quote(str(self._named(fit[1])), safe=""), target)

    def _address(self, target: str) -> tuple[str, str, str]:
        """Host, path and query of a call; a whole URL, written or saved (`GET {url}`), is followed as it is."""
        whole = _NAME.fullmatch(target)
        url = str(self._named(whole[1])) if whole is not None else self._filled(target)
        if whole is not None or url.startswith("https://"):
            parts = urlsplit(url)
            return parts.hostname or self.stub.service.host, parts.path, parts.query
        path, _, query = url.partition("?")
        return self.stub.service.host, self.stub.service.base + path, query

    def _named(self, name: str) -> Any:
        """A saved value; for a resource that no reply has saved, the id of a new one, invented from its schema."""
        if name not in self.saved:
            service = self.stub.service
            if not service.registry.knows(name):
                raise LookupError(f"unknown name {{{name}}}")
            with self.world.transaction() as tx:
                call = Call(protocol=Protocol.HTTP, host=service.host, port=443)
                ctx = Context(service, tx, call, quiet=True)
                self.saved[name] = generic.invent(ctx, service, service.registry.named(name), tx).id
        return self.saved[name]

    # --- what was expected

    def _compare(self, wanted: Mapping[str, Any], answer: Answer, path: tuple[str | int, ...]) -> None:
        reply = answer.reply
        if "status" in wanted and reply.status != wanted["status"]:
            self._fail((*path, "status"), f"status {reply.status}: {shortened(reply)}", str(wanted["status"]))
            return
        for name, text in wanted.get("headers", {}).items():
            got = next((value for key, value in reply.headers if key.lower() == name.lower()), None)
            for difference in differences(got, self._values(text), ""):
                self._fail((*path, "headers", name), f"{name}{difference[0]}", difference[1])
        if "fidelity" in wanted and answer.fidelity.value != wanted["fidelity"]:
            self._fail((*path, "fidelity"), answer.fidelity.value, wanted["fidelity"])
        body = decoded(reply)
        if "body" in wanted:
            for where, expected in differences(body, self._values(wanted["body"]), ""):
                self._fail((*path, "body"), where.lstrip(".") if where[:1] == "." else f"the reply{where}", expected)
        self._compare_keys(wanted, body, path)

    def _conform(self, answer: Answer, method: str, path: tuple[str | int, ...]) -> None:
        """Every reply is to be as the document says."""
        conformance = self.stub.service.conformance
        if conformance is None or answer.operation is None:
            return
        reply, template = answer.reply, answer.operation.partition(" ")[2]
        misfits = conformance.misfits(method, template, reply.status, reply.headers, reply.body)
        if misfits is None:
            return
        self.result.checked += 1
        for misfit in misfits:
            self._fail(
                path,
                f"{answer.operation} isn't as documented: {misfit.pointer or 'the reply'}: {misfit.found}",
                misfit.expected,
            )

    def _compare_keys(self, wanted: Mapping[str, Any], body: Any, path: tuple[str | int, ...]) -> None:
        """What must not be there, and what later calls need."""
        for name in wanted.get("lacks", ()):
            if at(body, name) is not ABSENT:
                self._fail((*path, "lacks"), f"{name} is there", "no such key")
        for name, source in wanted.get("save", {}).items():
            value = at(body, source)
            if value is ABSENT:
                self._fail((*path, "save", name), f"the reply has no {source}", "a key of the reply")
            self.saved[name] = value

    def _compare_whole(self, key: str, got: Any) -> None:
        if key in self.case.value and got != self.case.value[key]:
            self._fail((*self.case.path, key), f"{key}: {written(got)}", written(self.case.value[key]))

    def _compare_deliveries(self) -> None:
        if "deliveries" in self.case.value:
            wanted = self._values(self.case.value["deliveries"])
            for where, expected in differences(sent(self.stub, self.world), wanted, "deliveries"):
                self._fail((*self.case.path, "deliveries"), where, expected)

    def _compare_changes(self) -> None:
        for kind, wanted in self.case.value.get("changes", {}).items():
            got = self.changes.get(kind, {})
            for what, count in wanted.items():
                if got.get(what, 0) != count:
                    self._fail((*self.case.path, "changes", kind), f"{got.get(what, 0)} {kind} {what}", str(count))

    def _fail(self, path: tuple[str | int, ...], found: str, expected: str) -> None:
        self.result.failures.append(self.case.document.fault(path, f"{self.case.name}: {found}", expected))


class _Post:
    """Takes mail: where it goes is for rules to say, and a case has none. All of it arrives."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub

    def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
        """Tell whoever asks; that it was queued is told already."""
        del job
        mail = Mail.from_json(payload)
        if mail.then is None:
            return ()
        return self._stub.perform(mail.then.job, {**mail.then.payload, "mail": told(mail, 250, "2.0.0 OK")}, tx)


def _says_json(headers: Mapping[str, str]) -> bool:
    """Whether a call says of its body that it is JSON, whatever the stub's other calls send."""
    return any(name.lower() == "content-type" and "json" in text for name, text in headers.items())
