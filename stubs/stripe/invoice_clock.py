"""What the clock does to invoices: drafts finalize themselves, payments are tried and tried again, due dates pass."""

from typing import Any

from childproof.stubkit import Context, Entity

from . import customer_balance, invoice_mails, invoice_payments, invoicing
from .clocks import now_of, timed
from .fields import tell


@timed("invoice_finalizes")
def finalizes(ctx: Context, payload: dict[str, Any]) -> None:
    """The hour is over in which a draft may be changed: finalize it, and collect or send it at once."""
    invoice = _in_state(ctx, payload, "draft")
    if invoice is None or not invoice["auto_advance"] or invoice["automatically_finalizes_at"] is None:
        return
    if invoice["automatically_finalizes_at"] > now_of(ctx, invoice["customer"]):
        return
    invoice = invoicing.finalize(ctx, invoice, auto_advance=True)
    _collect(ctx, invoice)


@timed("invoice_collects")
def collects(ctx: Context, payload: dict[str, Any]) -> None:
    """An hour after an invoice was finalized by hand: collect or send it, if that wasn't done meanwhile."""
    invoice = _in_state(ctx, payload, "open")
    if invoice is not None and invoice["auto_advance"]:
        _collect(ctx, invoice)


@timed("invoice_retries")
def retries(ctx: Context, payload: dict[str, Any]) -> None:
    """The next attempt of the schedule."""
    invoice = _in_state(ctx, payload, "open")
    if invoice is None or invoice["next_payment_attempt"] is None:
        return
    if invoice["next_payment_attempt"] > now_of(ctx, invoice["customer"]):
        return
    invoice_payments.attempt(ctx, ctx.update(invoice, _retrying=True), None)


@timed("invoice_will_be_due")
def will_be_due(ctx: Context, payload: dict[str, Any]) -> None:
    """Three days before the due date."""
    invoice = _in_state(ctx, payload, "open")
    if invoice is not None:
        tell(ctx, "invoice.will_be_due", invoice)


@timed("invoice_overdue")
def overdue(ctx: Context, payload: dict[str, Any]) -> None:
    """The due date has passed."""
    invoice = _in_state(ctx, payload, "open")
    if invoice is not None:
        tell(ctx, "invoice.overdue", invoice)
        customer_balance.owes(ctx, invoice["customer"], late=True)


def _collect(ctx: Context, invoice: Entity) -> None:
    if invoice["status"] != "open":
        return
    if invoice["collection_method"] == "send_invoice":
        if not invoice.get("_sent"):
            invoice_mails.send(ctx, invoice)
    elif not invoice["attempted"]:
        invoicing.pay(ctx, invoice)


def _in_state(ctx: Context, payload: dict[str, Any], status: str) -> Entity | None:
    """The invoice if it is still in that state, and its customer still there."""
    invoice = ctx.find("invoice", payload["invoice"])
    if invoice is None or invoice["status"] != status or ctx.find("customer", invoice["customer"]) is None:
        return None
    return invoice
