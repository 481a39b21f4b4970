"""Top-ups: money from the account's own bank comes into the balance.

The moves are in `stub.yaml`:

pending → succeeded, failed or canceled        succeeded → reversed
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, merged_metadata, operation

from . import balance
from .balance import Entry
from .dates import midnight_after
from .fields import change, new, page, picked, since, tell
from .money import check_amount, checked_currency

ARRIVING = 3_000  # ms; in Stripe's test mode a top-up is there after moments
ARRIVAL_DAYS = 5
# What a source's test token stands for (docs.stripe.com/connect/top-ups#testing)
FAILURES = {"btok_us_verified_noAccount": ("no_account", "The bank account could not be located."),
            "btok_us_verified_insufficientFunds": ("insufficient_funds", "The bank account has insufficient funds.")}  # fmt: skip


@operation("POST /v1/topups")
def create(ctx: Context) -> Entity:
    """Draw money into the balance. It is there once the top-up has succeeded."""
    body = ctx.body
    currency = checked_currency(body["currency"])
    check_amount(body["amount"], currency)
    made = new(
        ctx,
        "topup",
        amount=body["amount"],
        currency=currency,
        expected_availability_date=midnight_after(ctx.now(), ARRIVAL_DAYS),
        initiated_by="user",
        metadata=merged_metadata({}, body.get("metadata")),
        status="pending",
        _source=body.get("source"),
        **picked(body, "description", "statement_descriptor", "transfer_group", "payment_method"),
    )
    tell(ctx, "topup.created", made)
    ctx.schedule(ARRIVING, "settle_topup", {"topup": made.id})
    return made


@operation("GET /v1/topups")
def list_topups(ctx: Context) -> dict[str, Any]:
    """Top-ups, newest first."""
    where = {"status": ctx.query["status"]} if ctx.query.get("status") else {}
    found = since(ctx, ctx.list("topup", **where))
    if isinstance(ctx.query.get("amount"), int):
        found = [one for one in found if one["amount"] == ctx.query["amount"]]
    return page(ctx, found)


@operation("GET /v1/topups/{topup}")
def retrieve(ctx: Context, topup: str) -> Entity:
    """One top-up."""
    return ctx.get("topup", topup)


@operation("POST /v1/topups/{topup}")
def update(ctx: Context, topup: str) -> Entity:
    """Only description and metadata can be changed."""
    found = ctx.get("topup", topup)
    fields = picked(ctx.body, "description")
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    return change(ctx, found, None, **fields)


@operation("POST /v1/topups/{topup}/cancel")
def cancel(ctx: Context, topup: str) -> Entity:
    """Call a top-up back that hasn't arrived."""
    found = ctx.get("topup", topup)
    if found["status"] != "pending":
        message = f"Topup {found.id} cannot be canceled because it has a status of {found['status']}."
        raise Refusal(400, None, message)
    found = ctx.move(found, "canceled")
    tell(ctx, "topup.canceled", found)
    return found


@job("settle_topup")
def settle(ctx: Context, payload: dict[str, Any]) -> None:
    """The bank sends the money, or doesn't."""
    found = ctx.find("topup", payload["topup"])
    if found is None or found["status"] != "pending":
        return
    failure = FAILURES.get(found.get("_source") or "")
    if failure is not None:
        found = ctx.move(found, "failed", failure_code=failure[0], failure_message=failure[1])
        tell(ctx, "topup.failed", found)
        return
    words = found["description"] or "STRIPE TOPUP"
    line = balance.enter(ctx, Entry("topup", found.id, found["amount"], found["currency"], words))
    found = ctx.move(found, "succeeded", balance_transaction=line.id)
    tell(ctx, "topup.succeeded", found)
    balance.announce(ctx, found["currency"])
