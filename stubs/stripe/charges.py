"""Charges: what payment intents leave behind, and the older way to pay with a token or a saved card."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from . import contests, receipts
from .card_details import BRAND_NAMES, card_behind, card_fields, declined, read_card, token_card
from .charging import Attempt, charge, settle
from .fields import change, generic, picked, required, short_list
from .money import check_amount, checked_currency, shown

_COPIED = ("description", "receipt_email", "shipping", "statement_descriptor", "statement_descriptor_suffix",
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
    paying = _source(ctx, owner, body.get("source") or body.get("card"))
    card = card_behind(paying)
    assert card is not None
    capture = body.get("capture") is not False
    made = charge(
        ctx,
        Attempt(amount, currency, card, paying, capture, decline=card.decline),
        customer=customer,
        metadata=merged_metadata({}, body.get("metadata")),
        **picked(body, *_COPIED),
    )
    if card.decline is not None:
        refusal = declined(card.decline, charge=made.id)
        refusal.keep_changes = True
        raise refusal
    return contests.contest(ctx, made) if capture else made


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


def _source(ctx: Context, owner: Entity | None, given: Any) -> Entity:
    """What is charged: the named source, or the customer's default card."""
    if given is None:
        if owner is None:
            raise Refusal(400, "parameter_missing", "Must provide source or customer.")
        if owner["default_source"] is None:
            raise Refusal(402, "missing", "Cannot charge a customer that has no active card", type="card_error",
                          param="card")  # fmt: skip
        given = owner["default_source"]
    if isinstance(given, str) and given.startswith("card_"):
        saved = ctx.find("card", given)
        if saved is None or owner is None or saved["customer"] != owner.id:
            who = owner.id if owner is not None else None
            message = f"Customer {who} does not have a linked source with ID {given}." if who else (
                f"Cannot charge card {given}: a saved card is charged together with its customer.")  # fmt: skip
            raise Refusal(400 if who is None else 404, "missing", message, param="source")
        return saved
    if isinstance(given, str):
        card, details, address = token_card(ctx, given, "source")
    elif isinstance(given, dict):
        card, details = read_card(ctx, given, "source")
        address = given
    else:
        raise Refusal(400, None, "Invalid source object: must be a dictionary or a non-empty string.", param="source")
    assert card.brand in BRAND_NAMES
    fields = card_fields(card, details, address)
    return ctx.create("card", **fields, customer=None, metadata={}, _card=card.name)
