"""A subscription's invoices: drawn up with what the subscription says of them, and collected when its rules say so."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from . import invoicing
from .subscription_fields import payer

MUST_ACT = (
    "Payment for this subscription requires additional user action before it can be completed successfully. Payment can be "
    "completed using the PaymentIntent associated with `subscription.latest_invoice`."
)


def draw_up(ctx: Context, subscription: Entity, lines: list[dict[str, Any]], reason: str, **fields: Any) -> Entity:
    """A draft for a subscription, with the customer's pending items for it. Its lines are of `subscription_lines.py`."""
    settings = subscription["invoice_settings"]
    own = list(subscription["discounts"])
    shared: dict[str, Any] = {
        "account_tax_ids": settings["account_tax_ids"],
        "custom_fields": settings["custom_fields"],
        "default_payment_method": subscription["default_payment_method"],
        "default_source": subscription["default_source"],
        "default_tax_rates": subscription["default_tax_rates"] or [],
        "description": settings["description"] or subscription["description"],
        "footer": settings["footer"],
        "on_behalf_of": subscription["on_behalf_of"],
        "test_clock": subscription["test_clock"],
    }
    if own:
        shared["discounts"] = own
    if subscription["collection_method"] == "send_invoice":
        shared["days_until_due"] = subscription["days_until_due"]
    return invoicing.draft(
        ctx,
        customer=subscription["customer"],
        currency=subscription["currency"],
        lines=lines,
        billing_reason=reason,
        collection_method=subscription["collection_method"],
        subscription=subscription.id,
        **(shared | fields),
    )


def collect_now(ctx: Context, subscription: Entity, invoice: Entity, behavior: str, *, off_session: bool) -> Entity:
    """Finalize an invoice and try to have it paid at once; with `default_incomplete` the customer is waited for.

    An invoice that is sent goes out at once and isn't paid here. Raises the 402 that `error_if_incomplete` asks for.
    """
    invoice = invoicing.finalize(ctx, invoice)
    automatic = subscription["collection_method"] == "charge_automatically"
    if invoice["status"] == "open" and automatic and behavior != "default_incomplete":
        invoice = invoicing.pay(ctx, invoice, off_session=off_session)
    if automatic and invoice["status"] != "paid" and behavior == "error_if_incomplete":
        raise _declined(ctx, invoice)
    return invoice


def may_be_paid(ctx: Context, subscription: Entity) -> bool:
    """Whether there is anything that the subscription could be paid with."""
    return payer(ctx.get("customer", subscription["customer"]), subscription) is not None


def _declined(ctx: Context, invoice: Entity) -> Refusal:
    """The 402 of a payment that had to succeed: the decline's own words, or that the customer must act."""
    intent = None
    for payment in ctx.list("invoice_payment", invoice=invoice.id, limit=1):
        intent = ctx.find("payment_intent", payment["payment"]["payment_intent"])
    error = intent["last_payment_error"] if intent is not None else None
    if error is None:
        return Refusal(402, "subscription_payment_intent_requires_action", MUST_ACT, type="card_error")
    extra = {name: value for name, value in error.items() if name in {"decline_code", "doc_url", "type"}}
    return Refusal(402, error["code"], error["message"], **extra)
