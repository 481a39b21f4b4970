"""Disputes: a charge is contested by its cardholder, evidence is given, and the bank decides.

Test cards open them (`contests.py`); the bank's decision follows the evidence's text
(docs.stripe.com/testing#disputes). The moves are in `stub.yaml`; what may be done in which status is here:

    needs_response → under_review → won or lost           warning_needs_response → warning_under_review → warning_closed
    Unanswered by `due_by`, a dispute is lost.            An inquiry may become a dispute; unanswered it closes after 120 days.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, merged_metadata, operation

from .balance import Entry
from .contests import EVIDENCE, RESPONSE_DAYS, await_answer, is_inquiry, move_money, withdraw
from .dates import midnight_after
from .fields import change, page, since, tell

DECIDING = 3_000  # ms from the evidence to the bank's decision
ANSWERABLE = ("needs_response", "warning_needs_response")
CLOSED = ("won", "lost", "warning_closed", "prevented")

# Texts in `evidence[uncategorized_text]` that decide; anything else stays under review.
WINNING, LOSING, ESCALATING = "winning_evidence", "losing_evidence", "escalate_inquiry_evidence"


@operation("GET /v1/disputes")
def list_disputes(ctx: Context) -> dict[str, Any]:
    """Disputes, newest first, of a charge or an intent where those are named."""
    where = {name: ctx.query[name] for name in ("charge", "payment_intent") if ctx.query.get(name)}
    return page(ctx, since(ctx, ctx.list("dispute", **where)))


@operation("GET /v1/disputes/{dispute}")
def retrieve(ctx: Context, dispute: str) -> Entity:
    """One dispute."""
    return ctx.get("dispute", dispute)


@operation("POST /v1/disputes/{dispute}")
def update(ctx: Context, dispute: str) -> Entity:
    """Give evidence, and submit it unless `submit` is false; or change metadata."""
    found = ctx.get("dispute", dispute)
    given = ctx.body.get("evidence")
    if not isinstance(given, dict) and not ctx.body.get("submit"):
        return _changed(ctx, found)
    if found["status"] not in ANSWERABLE:
        closed = found["status"] in CLOSED
        message = (
            "This dispute is already closed" if closed else "Evidence has already been submitted for this dispute."
        )
        raise Refusal(400, None, message)
    evidence = found["evidence"] | _read(given if isinstance(given, dict) else {})
    details = found["evidence_details"] | {"has_evidence": any(evidence[name] for name in EVIDENCE)}
    found = _changed(ctx, found, evidence=evidence, evidence_details=details)
    if ctx.body.get("submit") is False:
        return found
    return _submit(ctx, found)


@operation("POST /v1/disputes/{dispute}/close")
def close(ctx: Context, dispute: str) -> Entity:
    """Give a dispute up: it is lost. An inquiry ends without loss."""
    found = ctx.get("dispute", dispute)
    if found["status"] in CLOSED:
        raise Refusal(400, None, "This dispute is already closed")
    return _end(ctx, found, "warning_closed" if is_inquiry(found) else "lost")


@operation("POST /v1/charges/{charge}/dispute")
def update_of_charge(ctx: Context, charge: str) -> Entity:
    """The older way: the charge's own dispute."""
    return update(ctx, _of_charge(ctx, charge).id)


@operation("POST /v1/charges/{charge}/dispute/close")
def close_of_charge(ctx: Context, charge: str) -> Entity:
    """The older way: the charge's own dispute."""
    return close(ctx, _of_charge(ctx, charge).id)


@operation("GET /v1/charges/{charge}/dispute")
def retrieve_of_charge(ctx: Context, charge: str) -> Entity:
    """The older way: the charge's own dispute."""
    return _of_charge(ctx, charge)


def refusing_refunds(ctx: Context, charge: Entity) -> bool:
    """Whether a charge can't be refunded for a dispute: the bank has the money, or had the last word."""
    return any(not one["is_charge_refundable"] for one in ctx.list("dispute", charge=charge.id))


def close_inquiries(ctx: Context, charge: Entity) -> None:
    """A charge was refunded in full: nobody asks any more."""
    for one in ctx.list("dispute", charge=charge.id):
        if one["status"] in {"warning_needs_response", "warning_under_review"}:
            _end(ctx, one, "warning_closed")


@job("decide_dispute")
def decide(ctx: Context, payload: dict[str, Any]) -> None:
    """The bank has read the evidence."""
    found = ctx.find("dispute", payload["dispute"])
    if found is None or found["status"] not in {"under_review", "warning_under_review"}:
        return
    inquiry, text = is_inquiry(found), found["evidence"]["uncategorized_text"]
    if inquiry and text == ESCALATING:
        _escalate(ctx, found)
    elif text == WINNING:
        _end(ctx, found, "warning_closed" if inquiry else "won")
    elif text == LOSING:
        if inquiry:
            _escalate(ctx, found)
        else:
            _end(ctx, found, "lost")


@job("dispute_past_due")
def past_due(ctx: Context, payload: dict[str, Any]) -> None:
    """Nobody answered in time."""
    found = ctx.find("dispute", payload["dispute"])
    if found is None or found["status"] != payload["status"]:
        return
    found = ctx.update(found, evidence_details=found["evidence_details"] | {"past_due": True})
    _end(ctx, found, "warning_closed" if is_inquiry(found) else "lost")


def _reinstate(ctx: Context, dispute: Entity) -> Entity:
    """The bank gives the money back. The fee stays with Stripe."""
    return move_money(ctx, dispute, Entry("adjustment", dispute.id, dispute["amount"], dispute["currency"],
                       f"Chargeback reversal for {dispute['charge']}", category="dispute_reversal"),
                       "charge.dispute.funds_reinstated")  # fmt: skip


def _submit(ctx: Context, dispute: Entity) -> Entity:
    details = dispute["evidence_details"]
    details = details | {"submission_count": details["submission_count"] + 1}
    state = "warning_under_review" if is_inquiry(dispute) else "under_review"
    previous = {"evidence_details": dispute["evidence_details"], "status": dispute["status"]}
    dispute = ctx.move(dispute, state, evidence_details=details)
    tell(ctx, "charge.dispute.updated", dispute, previous_attributes=previous)
    ctx.schedule(DECIDING, "decide_dispute", {"dispute": dispute.id})
    return dispute


def _escalate(ctx: Context, dispute: Entity) -> None:
    """An inquiry becomes a dispute: the money goes, and there is time for an answer again."""
    previous = {"is_charge_refundable": True, "status": dispute["status"]}
    details = dispute["evidence_details"] | {"due_by": midnight_after(ctx.now(), RESPONSE_DAYS + 1) - 1}
    shown = dict(dispute["payment_method_details"])
    shown["card"] = shown["card"] | {"case_type": "chargeback"}
    dispute = ctx.move(dispute, "needs_response", evidence_details=details, is_charge_refundable=False,
                       payment_method_details=shown)  # fmt: skip
    tell(ctx, "charge.dispute.updated", dispute, previous_attributes=previous)
    await_answer(ctx, withdraw(ctx, dispute))


def _end(ctx: Context, dispute: Entity, state: str) -> Entity:
    previous = {"status": dispute["status"]}
    dispute = ctx.move(dispute, state)
    if state == "won":
        dispute = _reinstate(ctx, dispute)
    tell(ctx, "charge.dispute.closed", dispute, previous_attributes=previous)
    return dispute


def _changed(ctx: Context, dispute: Entity, **fields: Any) -> Entity:
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(dispute["metadata"], ctx.body["metadata"])
    return change(ctx, dispute, "charge.dispute.updated", **fields)


def _read(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value or None for name, value in given.items() if name in EVIDENCE}


def _of_charge(ctx: Context, charge: str) -> Entity:
    made = ctx.get("charge", charge)
    found = ctx.list("dispute", limit=1, charge=made.id)
    if not found:
        raise Refusal(404, "resource_missing", f"No dispute for charge: {made.id}", param="charge")
    return found[0]
