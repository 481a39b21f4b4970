"""A verdict that was given already, in the form of a judge."""

import msgspec

from childproof.capture.destination import Judge
from childproof.model import Call, Outcome, Reply, Upstream


class Decided(msgspec.Struct, frozen=True):
    """A judge that has judged already: for whoever would ask again about the same call."""

    judge: Judge
    outcome: Outcome

    @property
    def max_body(self) -> int:
        """As the judge has it."""
        return self.judge.max_body

    def handle(self, call: Call) -> Outcome:  # noqa: ARG002 - it is the one that was judged
        """What was decided."""
        return self.outcome

    def settle(self, outcome: Outcome, upstream: Upstream, reply: Reply | None, error: str = "") -> None:
        """The judge's to record."""
        self.judge.settle(outcome, upstream, reply, error)

    def may_allow(self, world: str, host: str, port: int) -> bool:
        """As the judge has it."""
        return self.judge.may_allow(world, host, port)
