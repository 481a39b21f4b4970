"""Asking the issuer: from a card and an amount to a charge, succeeded or failed.

Payment intents and the older charges API share it. A failed attempt leaves a failed charge behind, as at Stripe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Entity

from . import balance, fees, receipts
from .card_details import card_behind
from .cards import Card, Trait
from .declines import DECLINES, Decline
from .fields import new, tell
from .other_methods import paid_by
from .payment_methods import NO_BILLING, passed_checks

SELLER = "CHILDPROOF"  # the statement descriptor of the account behind the stub
AUTHORIZATION_DAYS = 7
RAISABLE = frozenset({"visa", "mastercard", "amex", "discover"})
AT_ONCE = frozenset({"us_bank_account", "customer_balance"})  # settle at once in test mode


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to charge. `method` is the payment method or older card that pays; `decline` overrules the card's own."""

    amount: int
    currency: str
    card: Card | None
    method: Entity
    capture: bool
    decline: str | None = None
    authenticated: bool = False
    intent: Entity | None = None
    pending: bool = False


def charge(ctx: Context, attempt: Attempt, **fields: Any) -> Entity:
    """Store the charge of an attempt and tell of it. Its `status` says how it went: `succeeded` or `failed`.

    `fields` are the charge's own: customer, description, metadata, receipt_email, shipping, statement descriptors.
    """
    decline = DECLINES[attempt.decline] if attempt.decline else None
    paid = decline is None
    captured = paid and attempt.capture
    billing = attempt.method.get("billing_details", NO_BILLING)
    suffix = fields.get("statement_descriptor_suffix")
    made = new(
        ctx,
        "charge",
        amount=attempt.amount,
        amount_captured=attempt.amount if captured else 0,
        amount_refunded=0,
        billing_details=billing,
        calculated_statement_descriptor=f"{SELLER}* {suffix}"
        if suffix
        else fields.get("statement_descriptor") or SELLER,
        captured=captured,
        currency=attempt.currency,
        disputed=False,
        failure_code=decline.code if decline else None,
        failure_message=decline.message if decline else None,
        fraud_details={},
        **({"livemode": attempt.intent["livemode"]} if attempt.intent else {}),
        outcome=_outcome(ctx, attempt, decline),
        paid=paid and not attempt.pending,
        payment_intent=attempt.intent.id if attempt.intent else None,
        payment_method=attempt.method.id,
        payment_method_details=method_details(ctx, attempt, captured=captured),
        radar_options={},
        refunded=False,
        status="pending" if attempt.pending else "succeeded" if paid else "failed",
        _card=attempt.card.name if attempt.card else None,
        **fields,
    )
    if attempt.pending:
        tell(ctx, "charge.pending", made)
        return made
    made = ctx.update(made, receipt_url=_receipt(made)) if paid else made
    if captured:
        made = receipts.of_payment(ctx, settle(ctx, made, attempt.amount))
    tell(ctx, "charge.succeeded" if paid else "charge.failed", made)
    return made


def finish(ctx: Context, made: Entity) -> Entity:
    """A pending charge has succeeded."""
    made = ctx.update(made, paid=True, status="succeeded", receipt_url=_receipt(made))
    made = receipts.of_payment(ctx, settle(ctx, made, made["amount"]))
    tell(ctx, "charge.succeeded", made)
    return made


def break_off(ctx: Context, made: Entity, code: str, message: str) -> Entity:
    """A pending charge has failed."""
    outcome = (made["outcome"] or {}) | {"network_status": "declined_by_network", "reason": code, "type": "issuer_declined",
                                         "seller_message": "The bank did not return any further details."}  # fmt: skip
    made = ctx.update(made, amount_captured=0, captured=False, failure_code=code, failure_message=message, outcome=outcome,
                      status="failed")  # fmt: skip
    tell(ctx, "charge.failed", made)
    return made


def settle(ctx: Context, made: Entity, amount: int) -> Entity:
    """Enter captured money into the account's book, and share it with connected accounts as the charge says."""
    card = made["payment_method_details"].get("card") or {}
    at_once = _has(made, Trait.FUNDS_AT_ONCE) or made["payment_method_details"]["type"] in AT_ONCE
    entry = balance.charged(ctx, made, amount, card.get("country"), at_once=at_once, also=fees.of_direct(made))
    return fees.share(ctx, ctx.update(made, balance_transaction=entry.id), amount)


def method_details(ctx: Context, attempt: Attempt, *, captured: bool) -> dict[str, Any]:
    """The `payment_method_details` of a charge: how it was paid, as of that moment."""
    card, method = attempt.card, attempt.method
    if card is None:
        return paid_by(method)
    shown = method.get("card") or method
    checks = passed_checks(method, card) if "checks" in shown else _older_checks(shown, card)
    three_d_secure = None
    if attempt.authenticated:
        three_d_secure = {
            "authentication_flow": "frictionless" if card.has(Trait.AUTH_FRICTIONLESS) else "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": None,
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": None,
            "version": "2.2.0",
        }
    details = {
        "amount_authorized": attempt.amount if attempt.decline is None else None,
        "authorization_code": ctx.token(6, "0123456789") if attempt.decline is None else None,
        "brand": card.brand,
        "checks": checks,
        "country": card.country,
        "exp_month": shown["exp_month"],
        "exp_year": shown["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": shown["fingerprint"],
        "funding": card.funding,
        "incremental_authorization": {"status": "available" if _raisable(attempt) else "unavailable"},
        "installments": None,
        "last4": card.last4,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": ctx.token(15, "0123456789"),
        "overcapture": {"maximum_amount_capturable": attempt.amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": three_d_secure,
        "wallet": None,
    }
    if not captured and attempt.decline is None:
        details["capture_before"] = ctx.now() + AUTHORIZATION_DAYS * 86_400
    return {"type": "card", "card": details}


def _raisable(attempt: Attempt) -> bool:
    """Whether the authorization may be raised: the intent asked for it, and the network allows it."""
    options = (attempt.intent["payment_method_options"] or {}) if attempt.intent is not None else {}
    asked = (options.get("card") or {}).get("request_incremental_authorization") == "if_available"
    return asked and not attempt.capture and attempt.card is not None and attempt.card.brand in RAISABLE


def _outcome(ctx: Context, attempt: Attempt, decline: Decline | None) -> dict[str, Any]:
    card = attempt.card
    level, score = "normal", ctx.random.randint(1, 64)
    if card is not None and card.has(Trait.RISK_ELEVATED):
        level, score = "elevated", ctx.random.randint(65, 74)
    if card is not None and (card.has(Trait.RISK_HIGHEST) or card.has(Trait.RADAR_BLOCK)):
        level, score = "highest", ctx.random.randint(75, 99)
    blocked = card is not None and card.has(Trait.RADAR_BLOCK)
    outcome: dict[str, Any] = {
        "advice_code": decline.advice if decline and not blocked else None,
        "network_advice_code": None,
        "network_decline_code": decline.network if decline else None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": level,
        "risk_score": score,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if decline is None:
        return outcome
    outcome |= {
        "network_status": "not_sent_to_network" if blocked else "declined_by_network",
        "reason": "highest_risk_level" if blocked else decline.decline_code,
        "seller_message": decline.seller_message,
        "type": "blocked" if blocked else "issuer_declined",
    }
    return outcome | ({"rule": "block_if_high_risk"} if blocked else {})


def _older_checks(saved: Mapping[str, Any], card: Card) -> dict[str, Any]:
    wrong = card.decline == "incorrect_cvc" or card.has(Trait.CVC_CHECK_FAILS)
    return {
        "address_line1_check": saved["address_line1_check"] and "pass",
        "address_postal_code_check": saved["address_zip_check"] and "pass",
        "cvc_check": saved["cvc_check"] and ("fail" if wrong else "pass"),
    }


def _has(made: Entity, trait: Trait) -> bool:
    card = card_behind(made)
    return card is not None and card.has(trait)


def _receipt(made: Entity) -> str:
    return f"https://pay.stripe.com/receipts/payment/{made.id.removeprefix('ch_')}"
