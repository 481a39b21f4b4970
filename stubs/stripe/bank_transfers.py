"""Where customers send bank transfers: the account numbers that Stripe gives each customer, by currency."""

import hashlib
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .charging import SELLER
from .fields import is_live
from .money import checked_currency

# The kind of transfer of a currency, and the country whose account numbers it uses.
KINDS = {"usd": "us_bank_transfer", "eur": "eu_bank_transfer", "gbp": "gb_bank_transfer", "jpy": "jp_bank_transfer",
         "mxn": "mx_bank_transfer"}  # fmt: skip
_PLACE = {"city": "San Francisco", "country": "US", "line1": "354 Oyster Point Blvd", "line2": None,
          "postal_code": "94080", "state": "CA"}  # fmt: skip


@operation("POST /v1/customers/{customer}/funding_instructions")
def create_instructions(ctx: Context, customer: str) -> dict[str, Any]:
    """The account numbers to which this customer's transfers of a currency go; the same each time."""
    owner = ctx.get("customer", customer)
    currency = checked_currency(ctx.body["currency"])
    kind = KINDS.get(currency)
    if kind not in {"eu_bank_transfer", "jp_bank_transfer"}:  # what the document knows this operation to answer
        message = f"Funding instructions are not supported in {currency}."
        raise Refusal(400, None, message, param="currency")
    country = addresses_country(kind, ctx.body.get("bank_transfer") or {})
    transfer = {"country": country, "financial_addresses": addresses(owner.id, kind, country), "type": kind}
    return {"object": "funding_instructions", "bank_transfer": transfer, "currency": currency,
            "funding_type": "bank_transfer", "livemode": is_live(ctx)}  # fmt: skip


def addresses_country(kind: str, asked: dict[str, Any]) -> str:
    """The country whose account numbers are given: euro transfers name theirs, all others have one."""
    if kind == "eu_bank_transfer":
        return str((asked.get("eu_bank_transfer") or {}).get("country") or "DE").upper()
    return kind[:2].upper()


def addresses(customer: str, kind: str, country: str) -> list[dict[str, Any]]:
    """The account numbers of a customer: made from its id, so they stay."""
    held = {"account_holder_address": _PLACE, "account_holder_name": SELLER, "bank_address": _PLACE}
    digits = _digits(f"{customer} {kind}")
    if kind == "us_bank_transfer":
        aba = {"account_number": digits[:17], "account_type": "checking", "bank_name": "STRIPE TEST BANK",
               "routing_number": "999999999"}  # fmt: skip
        swift = {"account_number": digits[:17], "account_type": "checking", "bank_name": "STRIPE TEST BANK",
                 "swift_code": "TSTEZ122"}  # fmt: skip
        return [{"aba": held | aba, "supported_networks": ["ach", "domestic_wire_us"], "type": "aba"},
                {"swift": held | swift, "supported_networks": ["swift"], "type": "swift"}]  # fmt: skip
    if kind == "eu_bank_transfer":
        iban = {"bic": "TESTDE88XXX", "country": country, "iban": _iban(country, digits[:18])}
        return [{"iban": held | iban, "supported_networks": ["sepa"], "type": "iban"}]
    if kind == "gb_bank_transfer":
        code = {"account_number": digits[:8], "sort_code": "200000"}
        return [{"sort_code": held | code, "supported_networks": ["bacs", "fps"], "type": "sort_code"}]
    if kind == "mx_bank_transfer":
        spei = {"bank_code": "002", "bank_name": "BANAMEX", "clabe": "002180" + digits[:12]}
        return [{"spei": held | spei, "supported_networks": ["spei"], "type": "spei"}]
    zengin = {"account_number": digits[:7], "account_type": "futsu", "bank_code": "1100", "bank_name": "JP Test Bank",
              "branch_code": "001", "branch_name": "Test Branch"}  # fmt: skip
    return [{"zengin": held | zengin, "supported_networks": ["zengin"], "type": "zengin"}]


def instructions(intent: Entity, remaining: int) -> dict[str, Any]:
    """The `next_action` of an intent that waits for a transfer of what is left."""
    chosen = (intent["payment_method_options"].get("customer_balance") or {}).get("bank_transfer") or {}
    kind = chosen.get("type") or KINDS.get(intent["currency"], "us_bank_transfer")
    country = addresses_country(kind, chosen)
    reference = _digits(intent.id)[:12]
    return {
        "type": "display_bank_transfer_instructions",
        "display_bank_transfer_instructions": {
            "amount_remaining": remaining,
            "currency": intent["currency"],
            "financial_addresses": addresses(str(intent["customer"]), kind, country),
            "hosted_instructions_url": f"https://payments.stripe.com/bank_transfers/instructions/{intent.id}",
            "reference": reference,
            "type": kind,
        },
    }


def _digits(seed: str) -> str:
    return "".join(str(byte % 10) for byte in hashlib.sha256(seed.encode()).digest())


def _iban(country: str, number: str) -> str:
    """An IBAN with the right check digits (ISO 13616)."""
    turned = "".join(str(int(letter, 36)) for letter in number + country + "00")
    return f"{country}{98 - int(turned) % 97:02}{number}"
