"""The worlds of sandboxes: joined, forked or made, and deleted once the last sandbox that is in them has gone."""

import re
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from childproof.catalog.shipped import shipped
from childproof.control.messages_sandboxes import NewSandbox
from childproof.control.problems import Mistake, Problem, not_found, of_input
from childproof.engine.vault import Vault
from childproof.errors import AskedError, ChildproofError, InputError
from childproof.ledger import timestamp
from childproof.policy import Ruleset, Source, load_ruleset
from childproof.world import REAL, ClockSettings

from .compose import Parts

UNTIL = "sandbox-until"  # the label of a world that goes with its sandbox
_STEP = re.compile(r"(\d{1,9})(ms|s|m|h)")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


class SandboxWorlds:
    """Which worlds are here because of sandboxes. `served` are those of the server's own listeners: they stay."""

    def __init__(self, parts: Parts, served: Collection[str], wall: Callable[[], int]) -> None:
        self._parts = parts
        self._served = frozenset(served)
        self._wall = wall
        self._users: Counter[str] = Counter()
        self._made: set[str] = set()  # for sandboxes, and to be deleted with the last of them
        self._waiting: set[str] = set()  # without sandboxes, but others were forked from them

    def enter(self, wanted: NewSandbox, own_name: str, ttl: int) -> tuple[str, bool]:
        """The world of a new sandbox, and whether it was made now. Raises Problem or another error; then nothing is there."""
        made = wanted.from_ is not None or wanted.world is None
        _check(wanted, made=made)
        rules = self._read(wanted.rules)
        name = own_name if wanted.world is None else wanted.world
        if made:
            self._make(wanted, name, {UNTIL: timestamp(self._wall() + ttl * 1000)})
            if rules is not None:
                self._parts.engine.policies.give(name, *rules, wanted.rules or "")
            self._made.add(name)
        else:
            self._known(name, "/world", "POST /v1/worlds makes one, and `from` forks one")
        self._users[name] += 1
        return name, made

    def leave(self, name: str, *, keep: bool = False) -> tuple[str | None, str | None]:
        """A sandbox has gone: the world that went with it, or why it stays."""
        self._users[name] -= 1
        if self._users[name] <= 0:
            del self._users[name]
        if name not in self._made:
            return None, None
        if keep:
            self._made.discard(name)
            self._parts.store.label(name, {UNTIL: ""})
            return None, "that was asked for"
        if name in self._users:
            return None, f"{self._users[name]} other sandboxes are in it"
        self._made.discard(name)
        kept = self._delete(name)
        for waiting in sorted(self._waiting):
            self._delete(waiting)
        return (name, None) if kept is None else (None, kept)

    def renewed(self, name: str, ttl: int) -> None:
        """Whoever looks at it after a crash is to leave it alone until then."""
        if name in self._made:
            self._parts.store.label(name, {UNTIL: timestamp(self._wall() + ttl * 1000)})

    def used(self, name: str) -> bool:
        """Whether somebody is in it: a sandbox, or the server's own listeners."""
        return name in self._users or name in self._served

    def clear(self) -> list[str]:
        """Delete what a server that was killed has left behind, as far as its time is over; the names."""
        now = timestamp(self._wall())
        for branch in self._parts.store.branches():
            if UNTIL in branch.labels and branch.labels[UNTIL] < now and not self.used(branch.name):
                self._waiting.add(branch.name)
        return [name for name in sorted(self._waiting, reverse=True) if self._delete(name) is None]

    def _delete(self, name: str) -> str | None:
        """None where it is gone, else why not; then it is tried again later."""
        try:
            self._parts.store.delete(name, record=self._parts.ledger)
        except AskedError as error:
            if self._there(name):
                self._waiting.add(name)
                return str(error)
        except ChildproofError as error:  # a full disk: what is there stays
            self._waiting.add(name)
            return str(error)
        self._waiting.discard(name)
        self._parts.engine.forget(name)
        return None

    def _make(self, wanted: NewSandbox, name: str, labels: dict[str, str]) -> None:
        store = self._parts.store
        if wanted.from_ is None:
            store.create(name, seed=wanted.seed, clock=_clock(wanted.clock), labels=labels)
            return
        self._known(wanted.from_, "/from", "GET /v1/worlds lists them")
        if wanted.world is not None and self._there(name):
            raise Problem(
                409, "exists", f"the world {name!r} is there already; nothing was made",
                mistakes=[Mistake("/world", repr(name), "a name that isn't taken, or no `from` to join that world")],
            )  # fmt: skip
        at = None if wanted.at is None else self._call(wanted.from_, wanted.at)
        store.fork(wanted.from_, name, at=at, labels=labels)
        self._parts.engine.policies.inherit(name, wanted.from_)

    def _known(self, name: str, pointer: str, hint: str) -> None:
        if not self._there(name):
            problem = not_found(f"the world {name!r}", hint)
            problem.mistakes = (Mistake(pointer, repr(name), "a world that is there"),)
            raise problem

    def _there(self, name: str) -> bool:
        try:
            self._parts.store.known(name)
        except ChildproofError:
            return False
        return True

    def _call(self, world: str, at: str | int) -> int:
        """A call's number, its id or the beginning of one, or a time of the world."""
        text = str(at)
        if text.isdecimal():
            return int(text)
        found = self._parts.ledger.find(text, world=world)
        if len(found) == 1:
            return found[0].seq
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            found_words = f"{len(found)} calls begin with {text!r}" if found else f"{text!r}: no call of {world}"
            raise _wrong("/at", found_words, "a call's number or id, or a time", "2026-01-05T09:00:00Z") from None
        return self._parts.store.call_at(
            world, int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
        )

    def _read(self, text: str | None) -> tuple[Ruleset, Vault] | None:
        """Rules, checked with this process's stubs. Credentials are those that the server's own rules name: no client reads files."""
        if text is None:
            return None
        policies = self._parts.engine.policies
        try:
            rules = load_ruleset([Source("rules", text)], stubs=policies.catalog, include_roots=(shipped("rules"),))
        except InputError as error:
            raise of_input(error, "/rules") from None
        vault = policies.common.vault
        unknown = [secret for rule in rules.rules for secret in rule.allow.secrets if secret.source not in vault.values]
        if unknown:
            raise Problem(
                422, "invalid", "rules of sandboxes put in no credentials but the server's own; nothing was made",
                mistakes=[
                    Mistake("/rules", f"{secret.place[1]}:{secret.place[2]}: {secret.source}",
                            "a credential that the server's own rules name, from the same place")
                    for secret in unknown
                ],
            )  # fmt: skip
        return rules, vault


def _check(wanted: NewSandbox, *, made: bool) -> None:
    """What doesn't go together. Raises Problem."""
    empty = made and wanted.from_ is None
    mistakes = []
    if wanted.at is not None and wanted.from_ is None:
        mistakes.append(Mistake("/at", "a call without a world", "`from`, the world that it is a call of"))
    if wanted.seed and not empty:
        mistakes.append(Mistake("/seed", "a seed for a world that has one", "no seed: forks go on with their origin's"))
    if wanted.clock != "real" and not empty:
        mistakes.append(Mistake("/clock", "a clock for a world that has one", "PATCH /v1/worlds/{world}/clock"))
    if wanted.rules is not None and not made:
        mistakes.append(
            Mistake("/rules", "rules for a world that others may be in", "`from`, for a world of its own", "from")
        )
    if mistakes:
        raise Problem(422, "invalid", "what is asked for doesn't go together; nothing was made", mistakes=mistakes)


def _clock(text: str) -> ClockSettings:
    way, at, time = text.partition("@")
    kind, _, step = way.partition(":")
    match = _STEP.fullmatch(step) if step else None
    try:
        parsed = datetime.fromisoformat(time) if at else None
    except ValueError:
        raise _wrong("/clock", f"{time!r} is no time", "a time", "2026-01-05T09:00:00Z") from None
    start = (
        None if parsed is None else int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
    )
    if kind in ("", "real") and not step:
        return REAL if start is None else ClockSettings(start=start, run="real")
    if kind == "frozen" and not step:
        return ClockSettings(start=start, run="frozen")
    if kind == "step" and (match or not step):
        return ClockSettings(start=start, run="step", step=int(match[1]) * _UNITS[match[2]] if match else 1000)
    raise _wrong("/clock", f"{text!r} is no clock", "real, frozen@TIME or step:1s@TIME", "frozen@2026-01-05T09:00:00Z")


def _wrong(pointer: str, found: str, expected: str, write: str) -> Problem:
    mistake = Mistake(pointer, found, expected, write)
    return Problem(422, "invalid", f"{found}; expected {expected}", mistakes=[mistake])
