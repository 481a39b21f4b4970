"""Work that stubs put off, each job in a transaction of its own, with an entry of its own: before a call, or as time passes.

Mail that stubs send is such work, too; it is due at once.
"""

import time
import traceback
from collections.abc import Callable

from childproof.errors import StoreError
from childproof.model import Call, Effect, Reply, Verdict, replace
from childproof.world import FAILED, OUTBOX, Job, Mail, Then, Transaction, Worker, perform, told

from .callid import identify
from .outbox import kept_in, mail_call
from .recording import Decision, Recording

_TRACEBACK_LINES = 6
LOST = 451  # RFC 5321, section 4.2.3: what a client makes of a reply that never came
Judge = Callable[[Call, Transaction, str], Decision]  # a call within its transaction, and its id


class Jobs:
    """Does jobs and records them. `worker` gives a service's by name; `judge` decides on mail, which none leaves without."""

    def __init__(self, recording: Recording, worker: Callable[[str], Worker], judge: Judge | None = None) -> None:
        self._recording = recording
        self._worker = worker
        self._judge = judge

    def perform(self, tx: Transaction, job: Job) -> bool:
        """Take a job off the schedule, do it and record it, all within `tx`; whether it worked.

        A job that fails, or does what can't be recorded, is undone but for that, and told of as an effect
        (`job.failed`): it must not stand in the way of every later call. Raises StoreError.
        """
        identify(tx, job.trace)
        tx.done(job.id)
        try:
            with tx.savepoint():
                if job.service == OUTBOX:
                    self._send(tx, job)
                else:
                    effects = self._worker(job.service).perform(job.job, job.payload, tx)
                    self._recording.job(tx, job, effects)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 (an author's bug, or a stub that is gone: tell of it, go on)
            reason = f"{type(error).__name__}: {error}"
            failed = Effect(job.service, FAILED, job.id, {"job": job.job, "error": reason})
            head = "".join(traceback.format_exception(error)[-_TRACEBACK_LINES:])
            self._recording.job(tx, job, (failed,), head)
            return False
        return True

    def send_mail(self, tx: Transaction, job_id: str) -> None:
        """Send a mail, within `tx`; nothing, where somebody else has done it by now."""
        waiting = tx.job(job_id)
        if waiting is not None:
            self.perform(tx, waiting)

    def _send(self, tx: Transaction, job: Job) -> None:
        started = time.perf_counter_ns()
        mail = Mail.from_json(job.payload)
        call = mail_call(mail, tx.world)
        if self._judge is None:
            decision = Decision(Verdict(reason="no rules are in force here"))
        else:
            decision = kept_in(call, self._judge(call, tx, tx.call_id), tx.call_id, at=tx.now())
        if mail.then is not None:
            decision = replace(
                decision, effects=(*decision.effects, *self._tell(tx, job, mail, mail.then, decision.reply))
            )
        self._recording.call(call, tx, decision, started, cause=job.cause or None)

    def _tell(self, tx: Transaction, job: Job, mail: Mail, then: Then, reply: Reply | None) -> tuple[Effect, ...]:
        """Tell the stub that sent a mail what became of it. Its job's failure is its own: the mail stays where it is."""
        status, words = (
            (LOST, "4.4.2 the connection broke off") if reply is None else (reply.status, reply.body.decode())
        )
        payload = {**then.payload, "mail": told(mail, status, words)}
        return perform(tx, Job(job.id, job.at, then.service, then.job, payload), self._worker)
