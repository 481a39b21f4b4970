"""The worlds of sandboxes: joined, forked or made, and deleted once the last sandbox that is in them has gone."""

from collections import Counter
from collections.abc import Collection

from childproof.control.desk import Desk
from childproof.control.finding import call_number, clock_settings
from childproof.control.messages import KEPT
from childproof.control.messages_sandboxes import NewSandbox
from childproof.control.problems import Mistake, Problem
from childproof.control.ruletext import load_rules
from childproof.engine.vault import Vault
from childproof.errors import AskedError, ChildproofError
from childproof.ledger import timestamp
from childproof.policy import Ruleset
from childproof.world.written import read_time

UNTIL = KEPT  # the label of a world that goes with its sandbox: one without it isn't ours, whatever its name is
_SPARE = 10_000  # milliseconds that another server may take to renew it
AGAIN = 60_000  # milliseconds until what couldn't be deleted is tried again


class SandboxWorlds:
    """Which worlds are here because of sandboxes. `served` are those of the server's own listeners: they stay."""

    def __init__(self, desk: Desk, served: Collection[str]) -> None:
        self._desk = desk
        self._served = frozenset(served)
        self._users: Counter[str] = Counter()
        self._made: set[str] = set()  # for sandboxes, and to be deleted with the last of them
        self._waiting: set[str] = set()  # without sandboxes, but others were forked from them

    async def read(self, wanted: NewSandbox) -> tuple[Ruleset, Vault] | None:
        """The rules that are asked for; None where there are none. Raises Problem for what doesn't go together."""
        _check(wanted, made=_made(wanted))
        return None if wanted.rules is None else await load_rules(self._desk, wanted.rules, "/rules")

    def enter(self, wanted: NewSandbox, rules: tuple[Ruleset, Vault] | None, own_name: str) -> tuple[str, bool]:
        """The world of a new sandbox, and whether it was made now. Raises Problem or another error; then nothing is there."""
        made = _made(wanted)
        name = own_name if wanted.world is None else wanted.world
        if made:
            self._make(wanted, name, {UNTIL: timestamp(self._desk.wall() + wanted.ttl * 1000)})
            if rules is not None:
                self._desk.engine.policies.give(name, *rules, wanted.rules or "")
            self._made.add(name)
        else:
            self._desk.known(name, "/world", "POST /v1/worlds makes one, and `from` forks one")
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
            if self._is_ours(name):
                self._desk.store.label(name, {UNTIL: ""})
            return None, "that was asked for"
        if name in self._users:
            return None, f"{self._users[name]} other sandboxes are in it"
        self._made.discard(name)
        if self._desk.there(name) and not self._is_ours(name):
            return None, "it is another one: that of the sandbox was deleted"
        kept = self.delete(name)
        return (name, None) if kept is None else (None, kept)

    def renewed(self, name: str, ttl: int) -> None:
        """Whoever looks at it after a crash is to leave it alone until then."""
        if name in self._made and self._is_ours(name):
            self._desk.store.label(name, {UNTIL: timestamp(self._desk.wall() + ttl * 1000)})

    def used(self, name: str) -> bool:
        """Whether somebody is in it: a sandbox, or the server's own listeners."""
        return name in self._users or name in self._served

    @property
    def waits(self) -> bool:
        """Whether there is a world that nobody is in, and others were forked from."""
        return bool(self._waiting)

    def over(self) -> tuple[list[str], int | None]:
        """Worlds whose time is over: those that a server left behind which was killed, and those that their forks have outlived.

        And when (unix milliseconds) to look again; None where nothing waits. A server of the same store that lives renews its
        worlds' time, and deletes them itself.
        """
        now, over, later = self._desk.wall(), {*self._waiting}, list[int]()
        for branch in self._desk.store.branches():
            until = _time(branch.labels.get(UNTIL, ""))
            if until is None or branch.name in self._made or self.used(branch.name):
                continue
            if until + _SPARE < now:
                over.add(branch.name)
            else:
                later.append(until + _SPARE)
        if over:
            later.append(now + AGAIN)
        return sorted(over, reverse=True), min(later, default=None)

    def delete(self, name: str) -> str | None:
        """None where a world is gone, with those that only waited for it; else why not, and it is tried again later."""
        try:
            parent = self._desk.store.branch(name).parent
            self._desk.store.delete(name, record=self._desk.ledger)
        except AskedError as error:
            if self._desk.there(name):
                self._waiting.add(name)
                return str(error)
            parent = None
        except ChildproofError as error:  # a full disk: what is there stays
            self._waiting.add(name)
            return str(error)
        self._waiting.discard(name)
        self._desk.engine.forget(name)
        if parent in self._waiting:
            self.delete(parent)
        return None

    def _make(self, wanted: NewSandbox, name: str, labels: dict[str, str]) -> None:
        store = self._desk.store
        if wanted.from_ is None:
            store.create(name, seed=wanted.seed, clock=clock_settings(wanted.clock, "/clock"), labels=labels)
            return
        self._desk.known(wanted.from_, "/from")
        if wanted.world is not None and self._desk.there(name):
            raise Problem(
                409, "exists", f"the world {name!r} is there already; nothing was made",
                mistakes=[Mistake("/world", repr(name), "a name that isn't taken, or no `from` to join that world")],
            )  # fmt: skip
        at = None if wanted.at is None else call_number(self._desk, wanted.from_, wanted.at, "/at")
        store.fork(wanted.from_, name, at=at, labels=labels)
        self._desk.engine.policies.inherit(name, wanted.from_)

    def _is_ours(self, name: str) -> bool:
        """Whether a world is the one that was made: somebody may have deleted that, and made another of its name."""
        try:
            return UNTIL in self._desk.store.branch(name).labels
        except ChildproofError:
            return False


def _made(wanted: NewSandbox) -> bool:
    """Whether a world is made for it."""
    return wanted.from_ is not None or wanted.world is None


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


def _time(text: str) -> int | None:
    """A label's time in unix milliseconds; None where there is none, or somebody wrote something else."""
    try:
        return read_time(text)
    except ValueError:
        return None
