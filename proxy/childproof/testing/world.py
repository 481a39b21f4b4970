"""`World`: what a test sees of the world that its calls are made in, and what it may expect of it."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from childproof.client import Client
from childproof.control.messages_record import ClockMoved, ClockState
from childproof.control.messages_rules import RulesInForce

from . import changes
from .calls import Call, chosen
from .expectations import Expected, nearest
from .hiding import raised_on_purpose
from .mail import Mail
from .names import checked, kinds, unknown
from .score import Score
from .tables import table

__tracebackhide__ = raised_on_purpose
_KEYWORDS = ("exactly", "at_least", "service", "verdict", "status", "json")


class World:
    """One world of a server. `base` is the call that it begins after: what happened before isn't told of."""

    def __init__(self, client: Client, name: str, base: int = 0) -> None:
        self.client = client
        self.name = name
        self._base = base

    def __repr__(self) -> str:
        return f"<world {self.name}>"

    def __getitem__(self, service: str) -> "Service":
        return Service(self.client, self.name, service)

    @property
    def mail(self) -> Mail:
        """The mail that would have been sent."""
        return Mail(self.client, self.name)

    @property
    def clock(self) -> "Clock":
        """Its clock."""
        return Clock(self.client, self.name)

    @property
    def rules(self) -> "Rules":
        """The rules that its calls are judged by."""
        return Rules(self.client, self.name)

    def calls(
        self,
        *,
        service: str | None = None,
        verdict: str | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        protocol: str | None = None,
    ) -> list[Call]:
        """The calls that were made, oldest first: all, or those of a service (a stub's name or a host), a verdict and so on.

        `path` is a glob. Name look-ups and what only followed from calls are left out, unless `protocol` asks for them. Raises
        UnknownNameError for a service or a word that there is none of.
        """
        everything = self.all_calls()
        met = service in {name for call in everything for name in (call.stub, call.host)}
        checked(self.client, service=None if met else service, verdict=verdict, protocol=protocol, method=method)
        return chosen(
            everything, service=service, verdict=verdict, method=method, path=path, status=status, protocol=protocol
        )

    def all_calls(self) -> list[Call]:
        """The whole record since the world began."""
        return [Call(line) for line in self.client.calls(self.name, after=self._base or None)]

    def report(self) -> dict[str, Any]:
        """What the calls came to, as `childproof run --report json` has it."""
        return self.client.report(self.name)

    def diff(self, other: "World | str | None" = None) -> dict[str, Any]:
        """What changed since the world began; or what it holds otherwise than another."""
        name = other.name if isinstance(other, World) else other
        return self.client.diff(self.name, other=name)

    def export(self, path: str | Path | None = None) -> str:
        """The world as a YAML file, as `childproof world export`; written to `path`, if there is one. `from_` reads it."""
        text = self.client.export(self.name)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def score(self) -> Score:
        """Expectations that are weighed and not raised, for harnesses."""
        return Score(self)

    def fork(self, name: str) -> "World":
        """A world that goes on from here, on its own."""
        made = self.client.fork(self.name, name)
        return type(self)(self.client, made.name, made.base)

    def delete(self) -> None:
        """Throw it away, with those that were forked from it."""
        self.client.delete(self.name, with_children=True)

    # --- what a test expects

    def must_have(
        self,
        method: str | None = None,
        target: str | None = None,
        *,
        exactly: int | None = None,
        at_least: int = 1,
        service: str | None = None,
        verdict: str | None = None,
        status: int | None = None,
        json: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> list[Call]:
        """A milestone: such calls were made, and succeeded. They are returned. Raises AssertionError.

        `target` is a glob over host and path, or the path alone; `fields` (and `json`, for names that are no identifiers) are
        those of the body. What was denied or answered with an error hasn't happened, unless `verdict` or `status` ask for it.
        """
        checked(self.client, service=service, verdict=verdict, method=method)
        expected = Expected(method, target, service, verdict, status, True, {**(json or {}), **fields})
        calls = self.calls()
        found = [call for call in calls if not expected.differences(call)]
        if len(found) != exactly if exactly is not None else len(found) < at_least:
            raise AssertionError(_missed(expected, exactly, at_least, found, calls))
        return found

    def must_not(
        self,
        method: str | None = None,
        target: str | None = None,
        *,
        service: str | None = None,
        verdict: str | None = None,
        status: int | None = None,
        json: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        """A minefield: nobody even tried such a call, whatever became of it. Raises AssertionError."""
        checked(self.client, service=service, verdict=verdict, method=method)
        expected = Expected(method, target, service, verdict, status, fields={**(json or {}), **fields})
        calls = self.calls()
        if found := [call for call in calls if not expected.differences(call)]:
            times = "" if len(found) == 1 else f", {len(found)} times"
            what = str(expected).removeprefix("a ")
            raise AssertionError(f"expected no {what}; it was made{times}\n\n{table(found)}")

    def must_only_change(self, allowed: Mapping[str, Sequence[str] | str]) -> None:
        """No collateral change: entities of other services and kinds are as they were. Raises AssertionError.

        `allowed` is service -> kinds, `"*"` for all of a service. What a service keeps beside them on its own accord (its
        events, its ledger) counts as soon as it isn't listed, but for the parts of a mail.
        """
        calls = self.all_calls()
        if found := changes.outside(calls, allowed):
            raise AssertionError(changes.message(found, allowed))

    def must_not_change(self) -> None:
        """Nothing is otherwise than when the world began. Raises AssertionError."""
        self.must_only_change({})


def _missed(
    expected: Expected, exactly: int | None, at_least: int, found: Sequence[Call], calls: Sequence[Call]
) -> str:
    wanted = f"exactly {exactly}" if exactly is not None else f"at least {at_least}" if at_least != 1 else ""
    head = f"expected {f'{wanted} of: ' if wanted else ''}{expected}; " + (
        f"it was made {len(found)} time{'s' if len(found) != 1 else ''}" if found else "it was not made"
    )
    others = [call for call in calls if call not in found]
    near = None if exactly is not None and len(found) > exactly else nearest(expected, others)
    lines = [head, ""]
    if near is not None:
        call, differences = near
        lines += [f"nearest: {call.method or call.protocol} {call.place}", *(f"  {one}" for one in differences)]
        lines += [*_mistyped(expected, call), ""]
    return "\n".join([*lines, table(calls, marked=near[0] if near is not None else None)])


def _mistyped(expected: Expected, call: Call) -> list[str]:
    """What is no keyword of ours is looked for in the body."""
    there = call.body if isinstance(call.body, dict) else {}
    found = [
        (name, difflib.get_close_matches(name, _KEYWORDS, n=1, cutoff=0.75))
        for name in expected.fields
        if name not in there
    ]
    return [f"  {name} is looked for in the body; did you mean {near[0]}=…?" for name, near in found if near]


class Service:
    """What one service holds in a world: `world["stripe"].customers` is a list of its customers as JSON has them."""

    def __init__(self, client: Client, world: str, name: str) -> None:
        self._client = client
        self._world = world
        self.name = name

    def __getattr__(self, kind: str) -> list[dict[str, Any]]:
        if kind.startswith("__"):
            raise AttributeError(kind)
        return self[kind]

    def __getitem__(self, kind: str) -> list[dict[str, Any]]:
        """Its entities of a kind, oldest first; none where it could hold some. Raises UnknownNameError."""
        held = self.kinds()
        found = _meant(kind, held)
        if found is not None:
            return self._client.entities(self._world, self.name, found)
        known = {*kinds(self._client, self.name), *held}
        if _meant(kind, known) is None:
            raise unknown(f"kind of {self.name}", kind, [_names(one)[0] for one in known])
        return []

    def kinds(self) -> dict[str, int]:
        """Its kinds of entities, and how many there are of each."""
        held = self._client.kinds(self._world, self.name)
        return {one.kind: one.count for one in held if changes.OWN not in one.kind}

    def __repr__(self) -> str:
        return f"<{self.name} in {self._world}>"


def _meant(kind: str, known: Collection[str]) -> str | None:
    return kind if kind in known else next((one for one in known if kind in _names(one)), None)


def _names(kind: str) -> tuple[str, ...]:
    """What a test may call a kind: `checkout.session` is `checkout_sessions`, too."""
    kind = kind.replace(".", "_")
    if kind.endswith("y"):
        return f"{kind[:-1]}ies", f"{kind}s", kind
    return (f"{kind}es", f"{kind}s", kind) if kind.endswith(("s", "x", "ch", "sh")) else (f"{kind}s", kind)


class Clock:
    """A world's clock."""

    def __init__(self, client: Client, world: str) -> None:
        self._client = client
        self._world = world

    def __repr__(self) -> str:
        now = self.now()
        return f"<clock of {self._world}: {now.now}, {now.run}>"

    def advance(self, duration: str) -> ClockMoved:
        """Let time pass at once (`30d`, `1d12h`): what was scheduled until then is done, in order."""
        return self._client.advance(self._world, duration)

    def set(self, run: str) -> ClockMoved:
        """`real`, `frozen@TIME`, `step:1s@TIME`."""
        return self._client.set_clock(self._world, run)

    def now(self) -> ClockState:
        """Its time, how it runs, and what waits for its time."""
        return self._client.clock(self._world)


class Rules:
    """The rules that a world's calls are judged by."""

    def __init__(self, client: Client, world: str) -> None:
        self._client = client
        self._world = world

    def __repr__(self) -> str:
        return f"<rules of {self._world}>"

    def read(self) -> RulesInForce:
        """What is in force."""
        return self._client.rules(self._world)

    def replace(self, text: str) -> Self:
        """Judge by these from the next call on. Raises ControlError with every fault; then nothing was changed."""
        self._client.put_rules(text, etag="*", world=self._world)
        return self
