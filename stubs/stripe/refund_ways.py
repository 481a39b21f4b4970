"""Where refunds go, by the way the payment came: back to the card, to a bank, into the cash balance, or by asking."""

from typing import Any

from childproof.stubkit import Context, Entity

WAITING_DAYS = 45  # until a refund whose customer says nothing is void

# Ways to pay that can't take money back: the customer is asked by mail for a bank account.
ASKED = frozenset({"boleto", "konbini", "multibanco", "oxxo"})

# A way to pay by the name that it has as a refund's destination, where that is another
_NAMES = {"ach_debit": "us_bank_transfer", "acss_debit": "us_bank_transfer", "au_becs_debit": "au_bank_transfer",
          "bacs_debit": "gb_bank_transfer", "boleto": "br_bank_transfer", "customer_balance": "customer_cash_balance",
          "konbini": "jp_bank_transfer", "nz_bank_account": "nz_bank_transfer", "oxxo": "mx_bank_transfer",
          "revolut_pay": "revolut", "sepa_debit": "eu_bank_transfer", "us_bank_account": "us_bank_transfer",
          "bancontact": "eu_bank_transfer", "ideal": "eu_bank_transfer", "wechat": "wechat_pay"}  # fmt: skip
_SAME = frozenset({"affirm", "afterpay_clearpay", "alipay", "alma", "amazon_pay", "blik", "cashapp", "crypto", "eps", "giropay",
                   "grabpay", "klarna", "mb_way", "multibanco", "p24", "paynow", "paypal", "pix", "scalapay", "sofort",
                   "swish", "twint", "wechat_pay", "zip"})  # fmt: skip
_REFERENCED = frozenset({"blik", "br_bank_transfer", "eu_bank_transfer", "gb_bank_transfer", "jp_bank_transfer", "mb_way",
                         "multibanco", "mx_bank_transfer", "p24", "swish", "us_bank_transfer"})  # fmt: skip


def destination(charge: Entity) -> dict[str, Any]:
    """The `destination_details` of a refund of that charge."""
    kind = charge["payment_method_details"]["type"]
    if kind == "card":
        details = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
        return {"card": details, "type": "card"}
    name = _NAMES.get(kind, kind)
    if name not in _SAME and name not in _NAMES.values():
        return {"type": name}
    return {name: {"reference": None, "reference_status": "pending"} if name in _REFERENCED else {}, "type": name}


def must_ask(charge: Entity) -> bool:
    """Whether the customer has to say where the money should go."""
    return charge["payment_method_details"]["type"] in ASKED


def asking(ctx: Context, charge: Entity, email: str | None) -> dict[str, Any]:
    """The `next_action` of a refund that waits for its customer."""
    to = email or charge["receipt_email"] or charge["billing_details"]["email"] or ""
    return {
        "display_details": {
            "email_sent": {"email_sent_at": ctx.now(), "email_sent_to": to},
            "expires_at": ctx.now() + WAITING_DAYS * 86_400,
        },
        "type": "display_details",
    }
