"""Payment methods other than cards: what Stripe shows of their details. Account numbers are never shown whole."""

from typing import Any

from childproof.stubkit import Entity, Refusal

from .bank_numbers import ROUTING, debit_of
from .card_details import SHOWN_DIGITS, digest

BANK = "STRIPE TEST BANK"
# kind -> (the field with the account's number, the fields that are shown as they were given)
_ACCOUNTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "acss_debit": ("account_number", ("institution_number", "transit_number")),
    "au_becs_debit": ("account_number", ("bsb_number",)),
    "bacs_debit": ("account_number", ("sort_code",)),
    "nz_bank_account": ("account_number", ("account_holder_name", "bank_code", "branch_code", "suffix")),
    "sepa_debit": ("iban", ()),
    "us_bank_account": ("account_number", ("account_holder_type", "account_type", "routing_number")),
}
_REQUIRED = {"boleto": "tax_id", "fpx": "bank"}
# What a charge shows of the account that paid, besides its mandate
_PAID_BY: dict[str, tuple[str, ...]] = {
    "acss_debit": ("bank_name", "fingerprint", "institution_number", "last4", "transit_number"),
    "au_becs_debit": ("bsb_number", "fingerprint", "last4"),
    "bacs_debit": ("fingerprint", "last4", "sort_code"),
    "nz_bank_account": ("account_holder_name", "bank_code", "bank_name", "branch_code", "last4", "suffix"),
    "sepa_debit": ("bank_code", "branch_code", "country", "fingerprint", "last4"),
    "us_bank_account": ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number"),
}
# What is typed in besides the number, for the accounts that Stripe's test names stand for
_BESIDES: dict[str, dict[str, Any]] = {
    "acss_debit": {"institution_number": "000", "transit_number": "11000"},
    "au_becs_debit": {"bsb_number": "000000"},
    "bacs_debit": {"sort_code": "108800"},
    "nz_bank_account": {
        "account_holder_name": "Jenny Rosen",
        "bank_code": "11",
        "branch_code": "0000",
        "suffix": "010",
    },
    "us_bank_account": {"account_holder_type": "individual", "account_type": "checking", "routing_number": ROUTING},
}
_UNSUPPORTED = {
    "sepa_debit_bank_not_supported": "The bank of this IBAN does not support SEPA Direct Debit.",
    "sepa_debit_debits_not_supported": "The account of this IBAN does not support debits.",
}


def number_of(kind: str, given: dict[str, Any]) -> str | None:
    """The whole number of an account, without spaces; None for ways to pay that have none."""
    if kind not in _ACCOUNTS:
        return None
    return "".join(str(given.get(_ACCOUNTS[kind][0]) or "").split()).upper()


def paid_by(method: Entity) -> dict[str, Any]:
    """The `payment_method_details` of a charge that wasn't by card."""
    if method.resource == "bank_account":
        names = ("account_holder_type", "bank_name", "country", "fingerprint", "last4", "routing_number")
        return {"type": "ach_debit", "ach_debit": {name: method[name] for name in names}}
    kind = method["type"]
    details = method.get(kind) or {}
    if kind in _PAID_BY:
        details = {name: details.get(name) for name in _PAID_BY[kind]}
        if method.get("_mandate"):
            details["mandate"] = method["_mandate"]
    return {"type": kind, kind: dict(details)}


def details_of(kind: str, given: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The hash under a payment method's type. `prefix` is how errors name it (`sepa_debit`)."""
    needed = _REQUIRED.get(kind)
    if needed is not None and not given.get(needed):
        raise _missing(f"{prefix}[{needed}]")
    if kind == "naver_pay":
        return {"buyer_id": None, "funding": given.get("funding") or "card"}
    if kind not in _ACCOUNTS:
        return {name: value or None for name, value in given.items() if isinstance(value, str)}
    number_field, shown = _ACCOUNTS[kind]
    number = "".join(str(given.get(number_field) or "").split())
    if len(number) < SHOWN_DIGITS:
        raise _missing(f"{prefix}[{number_field}]")
    refused = debit_of(kind, number.upper()).unsupported
    if refused is not None:
        raise Refusal(400, refused, _UNSUPPORTED[refused], param=f"{prefix}[{number_field}]")
    details: dict[str, Any] = {"fingerprint": digest(number), "last4": number[-SHOWN_DIGITS:]}
    details |= {name: given.get(name) or None for name in shown}
    if kind == "us_bank_account":
        networks = {"preferred": "ach", "supported": ["ach"]}
        details |= {"account_type": given.get("account_type") or "checking", "bank_name": BANK, "networks": networks,
                    "financial_connections_account": None, "status_details": None}  # fmt: skip
    elif kind == "sepa_debit":
        details |= {"bank_code": number[4:12] or None, "branch_code": None, "country": number[:2].upper(),
                    "generated_from": {"charge": None, "setup_attempt": None}}  # fmt: skip
    elif kind in {"acss_debit", "nz_bank_account"}:
        details |= {"bank_name": BANK}
    return details


def test_account(kind: str, number: str) -> dict[str, Any]:
    """The details of a test account of a number, as they would be typed in."""
    return {_ACCOUNTS[kind][0]: number} | _BESIDES.get(kind, {})


def _missing(name: str) -> Refusal:
    return Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
