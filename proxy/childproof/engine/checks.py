"""What stands between a verdict and acting on it: the leak guard, the limits of the rule, and what a dry run makes of both.

`enforce: false` opens nothing by itself. It is only ever asked where another rule, or the rule itself, allows the call;
a stub's rule can't carry it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from childproof.catalog import Catalog
from childproof.model import Action, Call, Forward, Protocol, Verdict, Would, replace
from childproof.policy import Judgement, Rule
from childproof.policy.allow import DEFAULT_REPLY, DEFAULT_WITHIN_MS
from childproof.world import Transaction

from .denial import denial
from .limits import beyond, within
from .recording import Decision
from .vault import EMPTY, Vault

if TYPE_CHECKING:
    from .guard import Leak


class Checked(msgspec.Struct, frozen=True):
    """`refused` where the call is. `shown` is the call as its entry may have it, where that isn't the call itself."""

    refused: Decision | None = None
    would: tuple[Would, ...] = ()
    shown: Call | None = None

    def of(self, decision: Decision) -> Decision:
        """A decision with what was found out here."""
        if not self.would and self.shown is None:
            return decision
        return replace(decision, would=self.would, shown=self.shown)


class Checks:
    """`max_body` in bytes bounds what of a compressed body is looked at."""

    def __init__(self, catalog: Catalog, vault: Vault = EMPTY, *, max_body: int) -> None:
        self._catalog = catalog
        self._vault = vault
        self._guarded = vault.guarded()
        self._max_body = max_body

    def check(self, call: Call, tx: Transaction, call_id: str, judgement: Judgement) -> Checked:
        """The refusal of a call that its rule takes, but not now or not this one; and what only would have been refused."""
        rule, would = judgement.rule, judgement.would
        checked = Checked(None, would)
        if rule is None or judgement.verdict.action is Action.DENY:
            return checked
        dry = rule.action is Action.ALLOW and not rule.enforce
        leak = self._leak(call, rule)
        if leak is not None:
            from .guard import withheld  # noqa: PLC0415 (imported by now)

            checked = replace(checked, shown=withheld(call, leak))
            if not dry:
                return replace(checked, refused=_leaking(call, tx, call_id, rule, leak), would=())
            checked = replace(checked, would=(*checked.would, Would(rule.name, leak.reason)))
        spent = within(call, tx, rule)
        if spent is None:
            return checked
        if dry:
            return replace(checked, would=(*checked.would, Would(rule.name, spent.reason)))
        return replace(checked, refused=beyond(call, tx, call_id, rule, spent, self._catalog), would=())

    def shown(self, call: Call) -> Call | None:
        """The call as a record may have it; None where that is the call itself."""
        shown = self._vault.masked(call)
        return None if shown is call else shown

    def recordable(self, call: Call, decision: Decision) -> Decision:
        """A decision whose entry has no real credential, in the call or in what was answered."""
        shown = self.shown(call)
        if shown is None:
            return decision
        reply = None if decision.reply is None else self._vault.masked_reply(decision.reply)
        return replace(decision, shown=decision.shown or shown, shown_reply=reply)

    def _leak(self, call: Call, rule: Rule) -> "Leak | None":
        if rule.action is not Action.ALLOW:
            return None  # what is answered here goes nowhere
        from .guard import find_leak  # noqa: PLC0415 (only for calls that go out)

        return find_leak(call, rule.allow.credentials, self._guarded, self._max_body)

    def forward(self, call: Call, rule: Rule, refused: tuple[str, ...]) -> Forward:
        """The permission for an allowed call. Raises LookupError where a credential of the rule was never read."""
        allow, http = rule.allow, call.protocol is Protocol.HTTP
        reply = DEFAULT_REPLY if allow.reply is None and http else allow.reply
        within_ms = DEFAULT_WITHIN_MS if allow.within_ms is None and http else allow.within_ms
        seconds = None if within_ms is None else within_ms / 1000
        screen = self._screen(call, rule) if call.upgrade and rule.enforce else None
        injections = self._vault.injections(rule)
        return Forward(call.host, call.port, rule.networks, refused, injections, reply, seconds, screen)

    def _screen(self, call: Call, rule: Rule) -> Callable[[bytes], str]:
        """The leak guard for what is said in a WebSocket, message by message."""

        def screen(message: bytes) -> str:
            leak = self._leak(replace(call, path="/", query="", headers=(), body=message), rule)
            return "" if leak is None else f"leak guard: {leak.reason}"

        return screen


def _leaking(call: Call, tx: Transaction, call_id: str, rule: Rule, leak: "Leak") -> Decision:
    hint = (
        "take it out; whoever runs childproof can permit a kind of credential that belongs there, in the rule's allow"
    )
    verdict = Verdict(rule=rule.name, reason=f"leak guard: {leak.reason}", hint=hint)
    return Decision(verdict, denial(call, verdict, call_id, at=tx.now()))
