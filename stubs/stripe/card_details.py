"""Card details of requests: raw numbers, tokens and test names become cards, and the shapes in which cards are shown.

Stripe has three kinds of thing that a card can be: a `payment_method` (now), a `card` on a customer (before), and a
`token` (one use, on the way to either). All three remember in the hidden field `_card` which test card they stand for.
"""

import hashlib
import string
from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from .cards import Card, card_named, card_of_number, card_of_token, luhn
from .dates import year_and_month
from .declines import DECLINES

_LETTERS = string.ascii_letters + string.digits
SHOWN_DIGITS = 4
EXPIRY_YEARS = 50  # Stripe refuses years that far ahead as invalid


def read_card(ctx: Context, given: dict[str, Any], prefix: str) -> tuple[Card, dict[str, Any]]:
    """A card typed in: the test card and what is kept of the details. `prefix` is how errors name it (`card`).

    Refuses what Stripe's form checks refuse, with the same codes: number, expiry month and year, security code.
    """
    number = "".join(str(given.get("number", "")).split()).replace("-", "")
    if not number:
        raise Refusal(400, "parameter_missing", f"Missing required param: {prefix}[number].", param=f"{prefix}[number]")
    if not number.isdigit() or not 12 <= len(number) <= 19 or not luhn(number):
        raise _wrong("incorrect_number", "Your card number is incorrect.", f"{prefix}[number]")
    month, year = (_number(given, name, prefix) for name in ("exp_month", "exp_year"))
    year += 2000 if year < 100 else 0
    this_year, this_month = year_and_month(ctx.now())
    if not 1 <= month <= 12:
        raise _wrong("invalid_expiry_month", "Your card's expiration month is invalid.", f"{prefix}[exp_month]")
    if not this_year <= year <= this_year + EXPIRY_YEARS:
        raise _wrong("invalid_expiry_year", "Your card's expiration year is invalid.", f"{prefix}[exp_year]")
    if (year, month) < (this_year, this_month):
        raise _wrong("invalid_expiry_month", "Your card's expiration month is invalid.", f"{prefix}[exp_month]")
    cvc = given.get("cvc")
    if cvc is not None and not (str(cvc).isdigit() and len(str(cvc)) in {3, 4}):
        raise _wrong("invalid_cvc", "Your card's security code is invalid.", f"{prefix}[cvc]")
    card = card_of_number(number)
    if card is None:
        raise declined("test_mode_live_card")
    return card, {"exp_month": month, "exp_year": year, "cvc": cvc is not None}


def declined(decline: str, **extra: Any) -> Refusal:
    """Stripe's 402 for a card, from the table of declines."""
    found = DECLINES[decline]
    if found.advice:
        extra.setdefault("advice_code", found.advice)
    if found.network:
        extra.setdefault("network_decline_code", found.network)
    return Refusal(402, found.code, found.message, type="card_error", param=found.param,
                   decline_code=found.decline_code, **extra)  # fmt: skip


def card_behind(entity: Entity) -> Card | None:
    """The test card that a payment method, card or token stands for; None for other ways to pay."""
    name = entity.get("_card")
    return card_named(name) if isinstance(name, str) else None


def fingerprint(card: Card) -> str:
    """The same for all objects of one number, as at Stripe."""
    return digest(card.number)


def digest(number: str) -> str:
    """The fingerprint of a card's or account's number."""
    made = hashlib.sha256(number.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in made[:16])


def expiry(ctx: Context) -> dict[str, Any]:
    """The expiry date of cards made from test tokens: next year, this month."""
    year, month = year_and_month(ctx.now())
    return {"exp_month": month, "exp_year": year + 1, "cvc": True}


def token_card(ctx: Context, token: str, param: str) -> tuple[Card, dict[str, Any], dict[str, Any]]:
    """The card of a token (`tok_visa`, or one created before), its details and its address fields. Uses it up."""
    card = card_of_token(token) if token.startswith("tok_") else None
    if card is not None:
        return card, expiry(ctx), {}
    found = ctx.find("token", token)
    if found is None or found.get("type") != "card":
        raise Refusal(400, "resource_missing", f"No such token: '{token}'", param=param)
    if found["used"]:
        raise Refusal(400, "token_already_used", f"You cannot use a Stripe token more than once: {token}.", param=param)
    ctx.update(found, used=True)
    behind = card_behind(found)
    assert behind is not None
    shown = found["card"]
    details = {"exp_month": shown["exp_month"], "exp_year": shown["exp_year"], "cvc": shown["cvc_check"] is not None}
    return behind, details, {key: value for key, value in shown.items() if key == "name" or key.startswith("address_")}


def card_fields(card: Card, details: dict[str, Any], address: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `card` object (the older API's), without id, customer and metadata."""
    line1, postal = address.get("address_line1"), address.get("address_zip")
    return {
        "object": "card",
        "address_city": address.get("address_city"),
        "address_country": address.get("address_country"),
        "address_line1": line1,
        "address_line1_check": "unchecked" if line1 else None,
        "address_line2": address.get("address_line2"),
        "address_state": address.get("address_state"),
        "address_zip": postal,
        "address_zip_check": "unchecked" if postal else None,
        "allow_redisplay": "unspecified",
        "brand": BRAND_NAMES[card.brand],
        "country": card.country,
        "cvc_check": "unchecked" if details["cvc"] else None,
        "dynamic_last4": None,
        "exp_month": details["exp_month"],
        "exp_year": details["exp_year"],
        "fingerprint": fingerprint(card),
        "funding": card.funding,
        "last4": card.last4,
        "name": address.get("name"),
        "networks": {"preferred": None},
        "regulated_status": "unregulated",
        "tokenization_method": None,
    }


BRAND_NAMES = {
    "visa": "Visa",
    "mastercard": "MasterCard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}


def _number(given: dict[str, Any], name: str, prefix: str) -> int:
    """A part of the expiry date."""
    value, param = given.get(name), f"{prefix}[{name}]"
    if value is None:
        raise Refusal(400, "parameter_missing", f"Missing required param: {param}.", param=param)
    if not str(value).isdecimal():
        raise Refusal(400, "parameter_invalid_integer", f"Invalid integer: {value}", param=param)
    return int(value)


def _wrong(code: str, message: str, param: str) -> Refusal:
    return Refusal(402, code, message, type="card_error", param=param.rpartition("[")[2].rstrip("]"))
