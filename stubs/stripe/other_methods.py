"""Payment methods other than cards: what Stripe shows of their details. Account numbers are never shown whole."""

from typing import Any

from childproof.stubkit import Refusal

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


def _missing(name: str) -> Refusal:
    return Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
