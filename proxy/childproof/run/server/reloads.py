"""What became of reloads: what operators are told of them, by /readyz and by metrics."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from childproof.ledger import timestamp
from childproof.run.config.config import Config


@dataclass(slots=True)
class Reloads:
    """How often rules, stubs and configuration were read again, and whether the last time worked.

    `at` and `tried_at` are of the last success and of the last attempt (unix ms, 0 for none), `seconds` is how long that took,
    `fault` why it failed, "" where it didn't. `restart` are the settings that have changed and wait for a restart.
    `applied` are told of each configuration that takes effect, in the loop's thread; they must not fail.
    """

    succeeded: int = 0
    failed: int = 0
    at: int = 0
    tried_at: int = 0
    seconds: float = 0.0
    fault: str = ""
    pending: bool = False
    restart: tuple[str, ...] = ()
    applied: list[Callable[[Config], None]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For /readyz. What was in force before a reload that failed still is, so it says nothing of readiness.

        A fault quotes rules and names files; whoever reaches the probes' port reads this, so it only says where that stands.
        """
        told: dict[str, Any] = {"ok": not self.fault, "succeeded": self.succeeded, "failed": self.failed}
        if self.at:
            told["at"] = timestamp(self.at)
        if self.fault:
            told |= {"failed_at": timestamp(self.tried_at), "fault": "the server's log has it"}
        if self.restart:
            told["restart_for"] = list(self.restart)
        return told
