"""Charges: what payment intents leave behind, and the older way to pay with a token or a saved card."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, job, merged_metadata, operation

from . import contests, receipts
from .bank_numbers import debit_of
from .card_details import card_behind, declined
from .charging import Attempt, break_off, charge, finish, settle
from .debits import FAILURES, SETTLING
from .fields import change, generic, picked, required, short_list
from .money import check_amount, checked_currency, shown
from .payers import payer

_COPIED = ("application_fee_amount", "description", "on_behalf_of", "receipt_email", "shipping", "statement_descriptor", "statement_descriptor_suffix",
           "transfer_group")  # fmt: skip


@operation("POST /v1/charges")
def create(ctx: Context) -> Entity:
    """Charge a token, raw card details, or a customer's saved card."""
    body = ctx.body
    currency = checked_currency(required(body, "currency"))
    amount = required(body, "amount")
    check_amount(amount, currency)
    customer = body.get("customer")
    owner = ctx.get("customer", customer, param="customer") if customer is not None else None
    paying = payer(ctx, owner, body.get("source") or body.get("card"))
    card = card_behind(paying)
    capture = body.get("capture") is not False
    decline = card.decline if card is not None else None
    debited = paying.resource == "bank_account"
    made = charge(
        ctx,
        Attempt(amount, currency, card, paying, capture, decline=decline, pending=debited),
        customer=customer,
        metadata=merged_metadata({}, body.get("metadata")),
        transfer_data=picked(body.get("transfer_data") or {}, "amount", "destination") or None,
        **picked(body, *_COPIED),
    )
    if decline is not None:
        refusal = declined(decline, charge=made.id)
        refusal.keep_changes = True
        raise refusal
    if debited:
        ctx.schedule(SETTLING, "settle_charge", {"charge": made.id, "number": paying.get("_number")})
        return made
    return contests.contest(ctx, made) if capture else made


@job("settle_charge")
def settle_charge(ctx: Context, payload: dict[str, Any]) -> None:
    """The bank has answered for a saved bank account that was charged."""
    made = ctx.find("charge", payload["charge"])
    if made is None or made["status"] != "pending":
        return
    failure = debit_of("us_bank_account", payload["number"]).failure
    if failure is None:
        finish(ctx, made)
    else:
        break_off(ctx, made, failure, FAILURES[failure])


@operation("GET /v1/charges/{charge}")
def retrieve(ctx: Context, charge: str) -> Entity:
    """One charge, failed ones too."""
    return ctx.get("charge", charge)


@operation("POST /v1/charges/{charge}")
def update(ctx: Context, charge: str) -> Entity:
    """Change what may be changed after the fact."""
    found = ctx.get("charge", charge)
    fields = picked(ctx.body, "description", "receipt_email", "shipping", "transfer_group")
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    if ctx.body.get("customer") is not None:
        if found["customer"] is not None:
            message = f"Cannot change customer of charge {found.id} because it already has one."
            raise Refusal(400, None, message, param="customer")
        fields["customer"] = ctx.get("customer", ctx.body["customer"], param="customer").id
    report = ctx.body.get("fraud_details")
    if isinstance(report, dict):
        reported = {**(found["fraud_details"] or {}), **report}
        fields["fraud_details"] = {name: value for name, value in reported.items() if value}
    before = found["receipt_email"]
    found = change(ctx, found, "charge.updated", **fields)
    return receipts.of_payment(ctx, found) if found["receipt_email"] != before else found


@operation("POST /v1/charges/{charge}/capture")
def capture(ctx: Context, charge: str) -> Entity:
    """Take the money of an authorized charge, all or a part."""
    found = ctx.get("charge", charge)
    if found["captured"]:
        raise Refusal(400, "charge_already_captured", f"Charge {found.id} has already been captured.")
    if found["refunded"]:
        raise Refusal(400, "charge_already_refunded", f"Charge {found.id} has already been refunded.")
    if found["status"] != "succeeded":
        raise Refusal(
            400, None, f"Charge {found.id} could not be captured because it has a status of {found['status']}."
        )
    if found["payment_intent"] is not None:
        message = (
            f"This charge was created by a PaymentIntent. Capture the PaymentIntent instead: {found['payment_intent']}."
        )
        raise Refusal(400, None, message)
    amount = ctx.body.get("amount", found["amount"])
    check_amount(amount, found["currency"])
    if amount > found["amount"]:
        most = shown(found["amount"], found["currency"])
        message = f"Amount must be no more than the authorized amount ({most})."
        raise Refusal(400, "amount_too_large", message, param="amount")
    found = settle(ctx, found, amount)
    fields = picked(ctx.body, "receipt_email", "statement_descriptor", "statement_descriptor_suffix", "transfer_group")
    found = change(ctx, found, "charge.captured", captured=True, amount_captured=amount,
                   amount_refunded=found["amount"] - amount, **fields)  # fmt: skip
    return contests.contest(ctx, receipts.of_payment(ctx, found))


@operation("GET /v1/charges")
def list_charges(ctx: Context) -> dict[str, Any]:
    """Charges, newest first, failed attempts among them."""
    return generic(ctx)


@expands("charge", "refunds")
def refunds_of(ctx: Context, charge: Entity) -> dict[str, Any]:
    """The refunds of a charge, the ten newest, as the charge shows them where that is asked for."""
    return short_list(ctx.list("refund", limit=11, charge=charge.id), f"/v1/charges/{charge.id}/refunds")
