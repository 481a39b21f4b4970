"""Issuing: disputes, a cardholder's complaint to the merchant's bank.

    unsubmitted → submitted → won | lost;  unsubmitted → expired

What the evidence says decides: an explanation `winning_evidence` or `losing_evidence` does so a moment after it is
submitted, as for the disputes of payments; without one a dispute stays submitted.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, merged_metadata, operation

from .balance import Entry, enter
from .fields import change, new, page, public, since, tell

_MOMENT = 1_000  # ms until a bank has read the test's evidence
_OUTCOMES = {"winning_evidence": "won", "losing_evidence": "lost"}

_LOST_FOR = {  # why a bank turns a complaint down, by what was complained of
    "canceled": "not_cancelled",
    "duplicate": "invalid_duplicate_dispute",
    "fraudulent": "transaction_authorized",
    "merchandise_not_as_described": "merchandise_or_service_as_described",
    "no_valid_authorization": "transaction_authorized",
    "not_received": "merchandise_delivered_or_shipped",
    "service_not_as_described": "merchandise_or_service_as_described",
}


@operation("POST /v1/issuing/disputes")
def create(ctx: Context) -> Entity:
    """A dispute of a captured transaction, one for each."""
    body = ctx.body
    name = body.get("transaction")
    if not name:
        raise Refusal(400, "parameter_missing", "Missing required param: transaction.", param="transaction")
    transaction = ctx.get("issuing.transaction", name, param="transaction")
    if transaction["dispute"] is not None:
        message = f"This transaction already has a dispute ({transaction['dispute']})."
        raise Refusal(400, None, message, param="transaction")
    most = -transaction["amount"]
    amount = body.get("amount") or most
    if transaction["type"] != "capture" or amount > most:
        message = "The dispute's amount can't be greater than what was captured."
        raise Refusal(400, None, message, param="amount")
    evidence = body.get("evidence") or {}
    dispute = new(
        ctx,
        "issuing.dispute",
        amount=amount,
        balance_transactions=[],
        currency=transaction["currency"],
        evidence={"reason": "other"} | {name: value for name, value in evidence.items() if value != ""},
        metadata=merged_metadata({}, body.get("metadata")),
        status="unsubmitted",
        transaction=transaction.id,
        treasury=None,
    )
    ctx.update(transaction, dispute=dispute.id)
    tell(ctx, "issuing_dispute.created", dispute)
    return dispute


@operation("POST /v1/issuing/disputes/{dispute}")
def update(ctx: Context, dispute: str) -> Entity:
    """Change what isn't submitted yet."""
    found = ctx.get("issuing.dispute", dispute)
    body = ctx.body
    fields: dict[str, Any] = {}
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    if body.keys() & {"amount", "evidence"}:
        _must_be_open(found, "updated")
        if body.get("amount"):
            fields["amount"] = body["amount"]
        if body.get("evidence"):
            given = {name: value for name, value in body["evidence"].items() if value != ""}
            fields["evidence"] = found["evidence"] | given
    return change(ctx, found, "issuing_dispute.updated", **fields)


@operation("POST /v1/issuing/disputes/{dispute}/submit")
def submit(ctx: Context, dispute: str) -> Entity:
    """Send it to the merchant's bank, which gives the money back meanwhile."""
    found = ctx.get("issuing.dispute", dispute)
    _must_be_open(found, "submitted")
    entry = enter(ctx, Entry("issuing_dispute", found.id, found["amount"], found["currency"], balance_type="issuing"))
    fields: dict[str, Any] = {"balance_transactions": [public(entry)], "status": "submitted"}
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    found = ctx.update(found, **fields)
    tell(ctx, "issuing_dispute.submitted", found)
    words = (found["evidence"].get(found["evidence"]["reason"]) or {}).get("explanation")
    if words in _OUTCOMES:
        ctx.schedule(_MOMENT, "issuing_dispute_closes", {"dispute": found.id, "outcome": _OUTCOMES[words]})
    return found


@operation("GET /v1/issuing/disputes")
def list_disputes(ctx: Context) -> dict[str, Any]:
    """Disputes, newest first."""
    where = {name: ctx.query[name] for name in ("status", "transaction") if ctx.query.get(name)}
    return page(ctx, since(ctx, ctx.list("issuing.dispute", **where)))


@job("issuing_dispute_closes")
def closes(ctx: Context, payload: dict[str, Any]) -> None:
    """The bank has decided. What was given back for a lost one is taken again."""
    found = ctx.get("issuing.dispute", payload["dispute"])
    fields: dict[str, Any] = {"status": payload["outcome"]}
    if payload["outcome"] == "lost":
        entry = Entry("issuing_dispute", found.id, -found["amount"], found["currency"], balance_type="issuing")
        fields["balance_transactions"] = [*found["balance_transactions"], public(enter(ctx, entry))]
        fields["loss_reason"] = _LOST_FOR.get(found["evidence"]["reason"], "other")
    found = ctx.update(found, **fields)
    tell(ctx, "issuing_dispute.closed", found)


def _must_be_open(found: Entity, done: str) -> None:
    if found["status"] != "unsubmitted":
        message = f"Only disputes with a status of `unsubmitted` can be {done}; this one is `{found['status']}`."
        raise Refusal(400, None, message)
