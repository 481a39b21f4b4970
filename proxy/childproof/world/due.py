"""Scheduled work: what stubs put off, done in order once the world's clock has passed it."""

from collections.abc import Callable
from typing import Any, Protocol

from childproof.model import Effect

from .schedule import Job
from .transaction import Transaction

FAILED = "job.failed"
MOST = 1000  # jobs that schedule jobs must come to an end within one call


class Worker(Protocol):
    """Who does a service's jobs: its stub."""

    def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
        """Do one job within `tx`; its effects. What it raises undoes it."""
        ...


def perform(tx: Transaction, job: Job, worker: Callable[[str], Worker]) -> tuple[Effect, ...]:
    """Take one job off the schedule and do it; its effects, or `job.failed`."""
    tx.done(job.id)
    try:
        with tx.savepoint():
            return worker(job.service).perform(job.job, job.payload, tx)
    except Exception as error:  # noqa: BLE001 - an author's bug, or a stub that is gone: tell of it, go on
        reason = f"{type(error).__name__}: {error}"
        return (Effect(job.service, FAILED, job.id, {"job": job.job, "error": reason}),)
