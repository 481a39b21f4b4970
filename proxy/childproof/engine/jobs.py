"""Work that stubs put off, each job in a transaction of its own, with an entry of its own: before a call, or as time is let pass."""

from collections.abc import Callable

from childproof.errors import StoreError
from childproof.model import Effect
from childproof.world import FAILED, Job, Transaction, Worker

from .callid import identify
from .recording import Recording


class Jobs:
    """Does jobs and records them. `worker` gives a service's by name."""

    def __init__(self, recording: Recording, worker: Callable[[str], Worker]) -> None:
        self._recording = recording
        self._worker = worker

    def perform(self, tx: Transaction, job: Job) -> bool:
        """Take a job off the schedule, do it and record it, all within `tx`; whether it worked.

        A job that fails, or does what can't be recorded, is undone but for that, and told of as an effect
        (`job.failed`): it must not stand in the way of every later call. Raises StoreError.
        """
        identify(tx, job.trace)
        tx.done(job.id)
        try:
            with tx.savepoint():
                effects = self._worker(job.service).perform(job.job, job.payload, tx)
                self._recording.job(tx, job, effects)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 (an author's bug, or a stub that is gone: tell of it, go on)
            reason = f"{type(error).__name__}: {error}"
            failed = Effect(job.service, FAILED, job.id, {"job": job.job, "error": reason})
            self._recording.job(tx, job, (failed,), reason)
            return False
        return True
