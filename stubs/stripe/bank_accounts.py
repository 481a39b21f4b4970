"""Bank accounts as objects: from typed details, tokens and test tokens, for customers and for payouts."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from .bank_numbers import ROUTING
from .card_details import SHOWN_DIGITS, digest
from .fields import required

BANK = "STRIPE TEST BANK"
# What test tokens stand for: the account's number, and its status (docs.stripe.com/connect/testing, /connect/top-ups)
TEST_TOKENS: dict[str, tuple[str, str]] = {
    "btok_us_verified": ("000123456789", "verified"),
    "btok_us_verified_noAccount": ("000111111116", "verified"),
    "btok_us_verified_accountClosed": ("000111111113", "verified"),
    "btok_us_verified_insufficientFunds": ("000222222227", "verified"),
    "btok_us_verified_debitNotAuthorized": ("000333333335", "verified"),
    "btok_us": ("000123456789", "new"),
    "btok_us_noAccount": ("000111111116", "new"),
    "btok_us_accountClosed": ("000111111113", "new"),
}
_CURRENCIES = {"US": "usd", "GB": "gbp", "CA": "cad", "AU": "aud", "JP": "jpy", "CH": "chf", "SE": "sek", "NO": "nok",
               "DK": "dkk", "NZ": "nzd", "SG": "sgd", "HK": "hkd", "MX": "mxn", "BR": "brl", "PL": "pln"}  # fmt: skip


def currency_of(country: str) -> str:
    """The currency of a country; the euro where the table has none."""
    return _CURRENCIES.get(country.upper(), "eur")


def read_bank_account(given: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The fields of a `bank_account` from typed details, with the whole number hidden in `_number`."""
    number = "".join(str(given.get("account_number") or "").split())
    if len(number) < SHOWN_DIGITS:
        name = f"{prefix}[account_number]"
        raise Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
    country = str(required(given, "country")).upper()
    routing = given.get("routing_number") or None
    if country == "US" and (routing is None or len(str(routing)) != len(ROUTING)):
        message = "Routing number must have 9 digits"
        raise Refusal(400, "routing_number_invalid", message, param=f"{prefix}[routing_number]")
    return {
        "account_holder_name": given.get("account_holder_name") or None,
        "account_holder_type": given.get("account_holder_type") or None,
        "account_type": given.get("account_type") or None,
        "bank_name": BANK,
        "country": country,
        "currency": (given.get("currency") or currency_of(country)).lower(),
        "fingerprint": digest(number),
        "last4": number[-SHOWN_DIGITS:],
        "routing_number": routing,
        "status": "new",
        "_number": number,
    }


def token_bank_account(ctx: Context, token: str, param: str) -> dict[str, Any] | None:
    """The bank account of a token, which is used up; None where the token isn't one of a bank account."""
    known = TEST_TOKENS.get(token)
    if known is not None:
        number, status = known
        details = {"account_number": number, "country": "US", "routing_number": ROUTING,
                   "account_holder_name": "Jane Austen", "account_holder_type": "individual"}  # fmt: skip
        return read_bank_account(details, param) | {"status": status}
    found = ctx.find("token", token)
    if found is None or found["type"] != "bank_account":
        return None
    if found["used"]:
        raise Refusal(400, "token_already_used", f"You cannot use a Stripe token more than once: {token}.", param=param)
    ctx.update(found, used=True)
    shown = {name: value for name, value in found["bank_account"].items() if name not in {"id", "object"}}
    return shown | {"_number": found.get("_number")}


def store(ctx: Context, fields: dict[str, Any], **owner: Any) -> Entity:
    """Keep a bank account, of a customer or an account."""
    return ctx.create("bank_account", **({"metadata": {}} | fields | owner))
