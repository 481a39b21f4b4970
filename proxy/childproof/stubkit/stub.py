"""One stub: from a call to its answer, inside the call's transaction.

The order is the vendors': authenticate, replay an idempotent request, find the operation, read and check the request,
act, word the reply. Whatever an operation refuses is undone; what the request left behind otherwise is kept.
"""

import traceback
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from childproof.errors import StoreError
from childproof.model import Call, Effect, Fidelity, Protocol, Reply, replace
from childproof.model.grpc import is_grpc
from childproof.world import Delivery
from childproof.world.deliveries import Posting, Told
from childproof.world.snapshot import Snapshot
from childproof.world.transaction import Transaction

from . import batching
from .access.ratelimit import count_call, limit_headers, uncounted
from .access.tenants import tenant_of
from .context.context import Context
from .context.telling import TENANT
from .entity import Response
from .generic import deferring, generic
from .outcome.outcome import compare_outcomes, render_outcomes
from .refusal import Refusal
from .reply import replying
from .reply.errors import text
from .reply.etags import check, tagged
from .reply.replay import key_of, remember, replay
from .reply.replying import Frame
from .seeding.seeding import plant
from .service import Plan, Service
from .streams import procedures, sockets

_TRACEBACK_LINES = 6
SMTP_LIMITED = 452  # RFC 5321, section 4.2.3; the enhanced code is RFC 3463's for a policy
SMTP_FAILED = 451  # likewise; the enhanced code is RFC 3463's for a mail system that has a problem


class Answer(msgspec.Struct, frozen=True):
    """What a stub made of a call. `operation` is None for a gap and for what isn't HTTP's.

    `error` is the head of a traceback where the stub's own code failed: nothing of it has happened, and the reply is the
    service's 500.
    """

    reply: Reply
    operation: str | None
    fidelity: Fidelity
    effects: tuple[Effect, ...] = ()
    error: str = ""


class Stub:
    """The fake of one service. Immutable; all state is in the transaction that each call brings."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.name = service.name
        self.hosts = service.manifest.hosts

    def answer(self, call: Call, tx: Transaction) -> Answer:
        """Answer a call within its transaction. A refusal is an answer, and so is a bug of the stub's code (`error`).

        An exception is a bug of ours, or the store's.
        """
        plant(self.service, tx)
        if call.protocol is not Protocol.HTTP:
            return self._receive(call, tx)
        if self.service.older.moved is not None:
            call = self.service.older.moved.today(call, self.service.base)
        headers, request_id = replying.headers(self.service, call, tx)
        frame = Frame(call, tx, headers, request_id)
        if call.upgrade or call.http_version == "2.0":
            answer = self._other(frame)
            if answer is not None:
                return answer
        issued = self.service.auth.oauth.answer(call, tx) if self.service.auth.oauth is not None else None
        if issued is not None:
            reply = replace(issued[1], headers=(*issued[1].headers, *headers))
            return Answer(reply, issued[0], Fidelity.MODELLED)
        return self._asked(frame)

    def _asked(self, frame: Frame) -> Answer:
        """A call of the document's operations, or of none."""
        call, tx, request_id = frame.call, frame.tx, frame.request_id
        found = self.service.find(call)
        name = found[0].operation.name if found is not None else None
        fidelity = found[0].fidelity if found is not None else Fidelity.GAP
        try:
            if found is None and self.service.settings.procedures is not None:
                raise Refusal.of("unknown_url")  # whoever asks: there is nothing that could be allowed
            told, refused = self._admit(frame, found[0] if found is not None else None)
            if told:
                frame = replace(frame, headers=(*frame.headers, *told))
            if refused is not None:
                raise refused
            tenant = tenant_of(self.service, call, tx)
            keys = self.service.settings.idempotency
            key = key_of(call, keys, tenant)
            replayed = replay(tx, self.name, call, key, keys) if key is not None and keys is not None else None
            if replayed is not None:
                return Answer(replayed, name, fidelity)
            if found is None:
                raise Refusal.of("unknown_url")
            plan, path = found
            if plan.outer is not None:
                plan.outer.check(call, path)
            query, body = plan.reader.values(call)
        except Refusal as refusal:
            return Answer(replying.refused(self.service, frame, refusal), name, fidelity)
        ctx = Context(self.service, tx, call, plan=plan, path=path, query=query, body=body, request_id=request_id,
                      passes=True, tenant=tenant)  # fmt: skip
        reply = self._act(ctx, frame, plan)
        keeps = keys is not None and keys.keeps(reply.status) and not ctx.failure
        if key is not None and keeps and reply.stream is None:
            remember(tx, self.name, call, key, reply, request_id=request_id)
        reply = self._uncounted(frame, plan, reply)
        fidelity = Fidelity.SYNTHESIZED if ctx.synthesized else fidelity
        return Answer(reply, name, fidelity, tuple(ctx.effects), ctx.failure)

    def _admit(self, frame: Frame, plan: Plan | None) -> tuple[Sequence[tuple[str, str]], Refusal | None]:
        """Check who calls, and count it: the headers that tell of limits, and what is said beyond one. Raises Refusal."""
        call, tx = frame.call, frame.tx
        token = None
        if plan is None or plan.operation.security != []:
            token = self.service.auth.check(call, tx, plan.operation.security if plan is not None else [])
        rates = self.service.settings.rate_limits
        if not rates:
            return (), None
        endpoint = plan.operation.name if plan is not None else ""
        return count_call(tx, self.name, rates, token=token or "", endpoint=endpoint)

    def _uncounted(self, frame: Frame, plan: Plan, reply: Reply) -> Reply:
        """A reply whose status is free of a limit, with headers that say so."""
        rates = self.service.settings.rate_limits
        if not any(reply.status in rate.free for rate in rates):
            return reply
        token = self.service.auth.token(frame.call) or ""
        told = uncounted(frame.tx, self.name, rates, reply.status, token=token, endpoint=plan.operation.name)
        names = {name.lower() for name, _ in told}
        return replace(reply, headers=(*(one for one in reply.headers if one[0].lower() not in names), *told))

    def limited(self, call: Call, tx: Transaction, retry_after: int = 0) -> Reply:
        """What the service says to one call too many. `retry_after` in seconds; 0 where it can't tell.

        HTTP: `rate_limited` of `dialect.errors.kinds` with its status, else 429, `Retry-After`, and the headers of
        `dialect.rate_limit` with nothing remaining. SMTP: 452.
        """
        refusal = Refusal.of("rate_limited", limit=0, remaining=0, reset_after=retry_after)
        if call.protocol is not Protocol.HTTP:
            _, values = self.service.errors.words(refusal, {})
            return Reply(SMTP_LIMITED, (), f"4.7.1 {text(values.get('message'))}".encode())
        plant(self.service, tx)
        headers, request_id = replying.headers(self.service, call, tx)
        told = limit_headers(tx, self.service.settings.rate_limits, retry_after)
        reply = replying.refused(self.service, Frame(call, tx, (*headers, *told), request_id), refusal)
        if is_grpc(call):
            return reply
        # A service that says no at 200 still says this one at a status of its own.
        return replace(reply, status=self.service.errors.words(refusal, {})[0])

    def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
        """Do scheduled work (`@job`). Gives its effects. LookupError for a job that the stub doesn't have."""
        if job == deferring.JOB:
            with tx.savepoint():
                done = deferring.go_on(self.service, tx, payload, lambda ctx, plan: self._do(ctx, plan, tx))
            return tuple(done.effects)
        behaviour = self.service.behaviours.jobs.get(job)
        if behaviour is None:
            raise LookupError(f"the stub {self.name} has no @job({job!r})")
        tenant = str(payload.get(TENANT, ""))
        ctx = Context(self.service, tx, Call(Protocol.HTTP, self.service.host, 443, world=tx.world), tenant=tenant)
        with tx.savepoint():
            behaviour(ctx, payload)
        return tuple(ctx.effects)

    def posting(self, delivery: Delivery, view: Snapshot, at: int) -> Posting | str:
        """What an attempt sends, signed for a time (unix ms); or why the delivery isn't to be sent any more."""
        return self.service.events.poster.posting(delivery, view, self.service, at)

    def told(self, delivery: Delivery, told: Told | str, tx: Transaction) -> tuple[Effect, ...]:
        """Keep what became of an attempt, or why there is none any more. Gives the effects."""
        poster = self.service.events.poster
        if isinstance(told, str):
            return poster.canceled(delivery, told, tx)
        return poster.told(delivery, told, tx, self.service)

    def outcomes(self, effects: Iterable[Effect]) -> str:
        """What the effects amount to, in the stub's own words; "" where nothing is worth telling."""
        return render_outcomes(self.service.outcomes, effects)

    def compare_outcomes(self, left: Iterable[Effect], right: Iterable[Effect]) -> str:
        """What the right side's outcomes are more or less than the left's, in the stub's own words."""
        return compare_outcomes(self.service.outcomes, left, right)

    # --- what is no request and reply

    def _other(self, frame: Frame) -> Answer | None:
        """A WebSocket or a gRPC method; None for what is neither."""
        call, tx = frame.call, frame.tx
        if call.upgrade:
            found = sockets.find(self.service, call)
            if found is None:
                return None
            template, path = found
            name = f"WEBSOCKET {template}"
            ctx = Context(self.service, tx, call, path=path, request_id=frame.request_id)
            try:
                documented = self.service.find(call)  # an operation at the same path may be open to everybody
                if documented is None or documented[0].operation.security != []:
                    self.service.auth.check(call, tx)
                with tx.savepoint():
                    reply = sockets.opened(ctx, self.service, template, frame.headers)
            except Refusal as refusal:
                return Answer(replying.refused(self.service, frame, refusal), name, Fidelity.MODELLED)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - as in `_act`
                return Answer(
                    replying.refused(self.service, frame, Refusal.of("internal")),
                    name,
                    Fidelity.MODELLED,
                    error=_head(error),
                )
            return Answer(reply, name, Fidelity.MODELLED, tuple(ctx.effects))
        if not is_grpc(call):
            return None
        try:
            reply, effects, known = procedures.answered(self.service, call, tx, frame.headers)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - as in `_act`
            refused = replying.refused(self.service, frame, Refusal.of("internal"))
            return Answer(refused, f"RPC {call.path}", Fidelity.MODELLED, error=_head(error))
        return Answer(
            reply, f"RPC {call.path}" if known else None, Fidelity.MODELLED if known else Fidelity.GAP, effects
        )

    # --- acting

    def _act(self, ctx: Context, frame: Frame, plan: Plan) -> Reply:
        try:
            with frame.tx.savepoint():
                try:
                    etags = self.service.settings.etags
                    if etags is not None:
                        check(ctx, plan, etags)
                    made = self._perform(ctx, plan, frame.tx)
                    reply = replying.reply(self.service, ctx, frame, plan, made)
                    return reply if etags is None else tagged(ctx, plan, etags, reply, made)
                except Refusal as refusal:
                    if refusal.param and plan.reader.older is not None:
                        refusal.param = plan.reader.renamed(frame.call, refusal.param)
                    if refusal.keep_changes:
                        return replying.refused(self.service, frame, refusal)
                    raise
        except Refusal as refusal:
            ctx.effects.clear()
            return replying.refused(self.service, frame, refusal)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - an author's bug: the service's 500, and nothing has happened
            ctx.effects.clear()
            ctx.failure = _head(error)
            return replying.refused(self.service, frame, Refusal.of("internal"))

    def _perform(self, ctx: Context, plan: Plan, tx: Transaction) -> Any:
        entry = plan.declared or {}
        if "async" in entry:
            return deferring.begun(ctx, self.service, plan, entry["async"], tx)
        if "batch" in entry:
            return batching.answered(ctx, tx, entry["batch"], self.answer, self._is_batch)
        return self._do(ctx, plan, tx)

    def _is_batch(self, call: Call) -> bool:
        found = self.service.find(call)
        return found is not None and "batch" in (found[0].declared or {})

    def _do(self, ctx: Context, plan: Plan, tx: Transaction) -> Any:
        if plan.behaviour is not None:
            return plan.behaviour(ctx, **ctx.path)
        if plan.declared is not None:
            return generic.declared(ctx, self.service, plan, tx)
        return generic.perform(ctx, self.service, plan, tx)

    # --- around it

    def _receive(self, call: Call, tx: Transaction) -> Answer:
        behaviour = self.service.behaviours.receivers.get(call.protocol.value)
        if behaviour is None:
            return Answer(Reply(550, (), f"{self.name} takes no {call.protocol.value}".encode()), None, Fidelity.GAP)
        ctx = Context(self.service, tx, call)
        name = f"{call.protocol.value.upper()} message"
        try:
            with tx.savepoint():
                made = behaviour(ctx)
        except Refusal as refusal:
            status, values = self.service.errors.words(refusal, {})
            return Answer(Reply(status, (), text(values.get("message")).encode()), name, Fidelity.MODELLED)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - as in `_act`
            _, values = self.service.errors.words(Refusal.of("internal"), {})
            said = f"4.3.0 {text(values.get('message'))}".encode()
            return Answer(Reply(SMTP_FAILED, (), said), name, Fidelity.MODELLED, error=_head(error))
        response = made if isinstance(made, Response) else Response(250, "OK")
        body = response.body if isinstance(response.body, bytes) else text(response.body).encode()
        return Answer(Reply(response.status, (), body), name, Fidelity.MODELLED, tuple(ctx.effects))


def _head(error: Exception) -> str:
    """What the ledger keeps of a traceback."""
    return "".join(traceback.format_exception(error)[-_TRACEBACK_LINES:])
