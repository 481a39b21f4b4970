"""Receipts: what Stripe mails a customer whose payment or refund has gone through.

In live mode alone, as at Stripe (docs.stripe.com/receipts: a payment with a `receipt_email` has its receipt whatever the
account's settings say; test mode sends none). The number that a receipt bears is written down on its object.
"""

from datetime import UTC, datetime
from typing import Any

from childproof.stubkit import Context, Entity

from .card_details import BRAND_NAMES, card_behind
from .money import shown

SENDER = "Childproof <receipts+acct@stripe.com>"
_DIGITS = "0123456789"


def of_payment(ctx: Context, charge: Entity) -> Entity:
    """Mail the receipt of money that was taken; the charge with its number."""
    if not _wanted(charge):
        return charge
    number = charge["receipt_number"] or _number(ctx)
    amount = shown(charge["amount_captured"], charge["currency"])
    lines = [
        ("Amount paid", amount),
        ("Date paid", _day(charge["created"])),
        ("Payment method", _method(charge)),
    ]
    what = charge["description"] or "Payment"
    _send(ctx, charge["receipt_email"], f"Your Childproof receipt [#{number}]", "Receipt from Childproof", number,
          lines, (what, amount), charge["receipt_url"])  # fmt: skip
    return ctx.update(charge, receipt_number=number)


def of_refund(ctx: Context, refund: Entity, charge: Entity) -> Entity:
    """Mail the receipt of money that was given back; the refund with its number."""
    if not _wanted(charge):
        return refund
    number = _number(ctx)
    amount = shown(refund["amount"], refund["currency"])
    lines = [
        ("Amount refunded", amount),
        ("Date refunded", _day(refund["created"])),
        ("Refunded to", _method(charge)),
    ]
    what = charge["description"] or "Payment"
    _send(ctx, charge["receipt_email"], f"Your refund from Childproof [#{number}]", "Refund from Childproof", number,
          lines, (what, f"-{amount}"), charge["receipt_url"])  # fmt: skip
    return ctx.update(refund, receipt_number=number)


def _wanted(charge: Entity) -> bool:
    return bool(charge["livemode"] and charge["captured"] and charge["receipt_email"])


def _send(  # noqa: PLR0917 - the parts of one letter
    ctx: Context, to: str, subject: str, title: str, number: str, lines: list[tuple[str, str]], item: tuple[str, str],
    url: Any,
) -> None:  # fmt: skip
    facts = "\n".join(f"{name}: {value}" for name, value in lines)
    text = f"{title}\nReceipt #{number}\n\n{facts}\n\n{item[0]}: {item[1]}\n\nView it in your browser: {url}\n"
    ctx.mail(to, subject=subject, text=text, sender=SENDER)


def _number(ctx: Context) -> str:
    return f"{ctx.token(4, _DIGITS)}-{ctx.token(4, _DIGITS)}"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%B %-d, %Y}"


def _method(charge: Entity) -> str:
    card = card_behind(charge)
    if card is None:
        return str(charge["payment_method_details"]["type"]).replace("_", " ")
    return f"{BRAND_NAMES.get(card.brand, card.brand)} - {card.last4}"
