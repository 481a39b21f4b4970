"""Sending invoices: Stripe mails them to the customer, in live mode; in test mode it only says that it did."""

from datetime import UTC, datetime

from childproof.stubkit import Context, Entity

from .fields import tell
from .money import shown

SENDER = "Childproof <invoice+statements@stripe.com>"


def send(ctx: Context, invoice: Entity) -> Entity:
    """Mail an open invoice with a link to its page. Tells `invoice.sent`."""
    if invoice["livemode"] and invoice["customer_email"]:
        ctx.mail(invoice["customer_email"], subject=f"New invoice from Childproof #{invoice['number']}",
                 text=_text(invoice), sender=SENDER)  # fmt: skip
    invoice = ctx.update(invoice, _sent=True)
    tell(ctx, "invoice.sent", invoice)
    return invoice


def send_credit_note(ctx: Context, note: Entity, payer: Entity) -> None:
    """Tell the customer of a credit note, in live mode."""
    if not note["livemode"] or not payer["email"]:
        return
    amount = _money(note["total"], note["currency"])
    text = f"Credit note from Childproof\n{amount} credited\n\nCredit note number: {note['number']}\n\nView it: {note['pdf']}\n"
    ctx.mail(payer["email"], subject=f"Credit note from Childproof #{note['number']}", text=text, sender=SENDER)


def _text(invoice: Entity) -> str:
    currency = invoice["currency"]
    items = "\n".join(f"{item['description']}: {_money(item['amount'], currency)}" for item in invoice["_items"])
    due = invoice["due_date"]
    by = f" due {datetime.fromtimestamp(due, UTC):%B %-d, %Y}" if due is not None else ""
    return (
        f"Invoice from Childproof\n{_money(invoice['amount_due'], currency)}{by}\n\nInvoice number: {invoice['number']}\n\n"
        f"{items}\n\nTotal: {_money(invoice['total'], currency)}\nAmount due: {_money(invoice['amount_remaining'], currency)}\n\n"
        f"Pay this invoice: {invoice['hosted_invoice_url']}\n"
    )


def _money(amount: int, currency: str) -> str:
    return f"-{shown(-amount, currency)}" if amount < 0 else shown(amount, currency)
