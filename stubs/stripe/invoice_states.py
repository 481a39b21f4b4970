"""The states of an invoice, and what may be done in which. The moves themselves are in `stub.yaml`.

    draft → open → paid
                 → void
                 → uncollectible → paid or void
A draft can be changed and deleted; everything else can only be credited or revised. Paid and void are final.
"""

from childproof.stubkit import Entity, Refusal

ACTIONS: dict[str, tuple[str, ...]] = {
    "finalize": ("draft",),
    "delete": ("draft",),
    "change": ("draft",),
    "lines": ("draft",),
    "pay": ("draft", "open", "uncollectible"),
    "send": ("draft", "open", "uncollectible"),
    "void": ("open", "uncollectible"),
    "mark_uncollectible": ("open",),
    "attach_payment": ("open", "uncollectible"),
}
"""Action -> the statuses in which it may be tried."""

# What may still be changed once an invoice is finalized.
ALWAYS_CHANGEABLE = frozenset(
    {"auto_advance", "default_payment_method", "default_source", "due_date", "days_until_due", "expand", "metadata",
     "payment_settings", "statement_descriptor", "on_behalf_of", "transfer_data", "application_fee_amount", "rendering"}
)  # fmt: skip

_WORDS = {
    "finalize": (
        "invoice_not_editable",
        "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
    ),
    "delete": ("invoice_not_editable", "You can only delete draft invoices. This invoice is {status}."),
    "change": ("invoice_not_editable", "Finalized invoices can't be updated in this way"),
    "lines": ("invoice_not_editable", "You can only change the lines of draft invoices. This invoice is {status}."),
    "pay": ("invoice_not_payable", "This invoice is {status} and can't be paid."),
    "send": (
        "invoice_not_editable",
        "You can only manually send an invoice that is draft or open. This invoice is {status}.",
    ),
    "void": ("status_transition_invalid", "You can only pass in open invoices. This invoice isn't open."),
    "mark_uncollectible": ("status_transition_invalid", "You can only pass in open invoices. This invoice isn't open."),
    "attach_payment": (
        "invoice_not_payable",
        "You can only attach payments to open invoices. This invoice is {status}.",
    ),
}
_PAID = {"pay": "Invoice is already paid"}


def check(invoice: Entity, action: str, param: str | None = None) -> None:
    """Refuse what the invoice's status doesn't allow, with Stripe's code and words. Changes nothing."""
    status = invoice["status"]
    if status in ACTIONS[action]:
        return
    code, message = _WORDS[action]
    if status == "paid" and action in _PAID:
        message = _PAID[action]
    raise Refusal(400, code, message.format(status=status), param=param)
