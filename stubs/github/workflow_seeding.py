"""What a world file says of workflows: which of them fail."""

from dataclasses import dataclass
from typing import Any, Literal

from childproof.stubkit import SeedContext, Seeding, seeds


@dataclass(frozen=True)
class Outcome:
    """What the runs of a workflow come to; it is named as in its file, or by the file."""

    workflow: str
    conclusion: Literal["success", "failure", "cancelled", "timed_out", "skipped"] = "failure"


@seeds("workflow_outcomes")
def outcomes(seeding: Seeding, options: list[Outcome]) -> None:
    """They are known before anything runs."""
    for place, outcome in enumerate(options):
        seeding.first(_planted(outcome), place)


def _planted(outcome: Outcome) -> Any:
    def step(ctx: SeedContext) -> None:
        ctx.create("workflow_outcome", outcome.workflow, workflow=outcome.workflow, conclusion=outcome.conclusion)

    return step
