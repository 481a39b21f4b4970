"""How a dispute begins: what the holders of Stripe's test cards object to (docs.stripe.com/testing#disputes).

A test card's dispute is opened at once after its charge. What happens to it from there is in `disputes.py`.
"""

from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Entity

from . import balance
from .balance import Entry
from .card_details import card_behind
from .cards import Trait
from .dates import DAY, midnight_after
from .fields import change, new, tell
from .intent_effects import after

RESPONSE_DAYS = 9
INQUIRY_DAYS = 120

EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name", "customer_purchase_ip",
    "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure", "refund_refusal_explanation",
    "service_date", "service_documentation", "shipping_address", "shipping_carrier", "shipping_date",
    "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contest:
    """What a test card's holder objects to: the reason, the network's code for it, and whether it is only asked yet."""

    reason: str
    code: str
    case_type: str = "chargeback"
    times: int = 1
    eligible: str | None = None


CONTESTS: dict[Trait, Contest] = {
    Trait.DISPUTED: Contest("fraudulent", "10.4"),
    Trait.DISPUTED_NOT_RECEIVED: Contest("product_not_received", "13.1"),
    Trait.DISPUTED_INQUIRY: Contest("fraudulent", "10.4", "inquiry"),
    Trait.DISPUTED_TWICE: Contest("fraudulent", "10.4", times=2),
    Trait.DISPUTED_CE3: Contest("fraudulent", "10.4", eligible="visa_compelling_evidence_3"),
    Trait.DISPUTED_COMPLIANCE: Contest("noncompliant", "98", "compliance", eligible="visa_compliance"),
    Trait.DISPUTED_MC_COMPLIANCE: Contest("noncompliant", "98", "compliance", eligible="mastercard_compliance"),
}
_ELIGIBILITY: dict[str, dict[str, Any]] = {
    "visa_compelling_evidence_3": {
        "required_actions": ["missing_customer_identifiers", "missing_disputed_transaction_description",
                             "missing_merchandise_or_services", "missing_prior_undisputed_transactions"],
        "status": "requires_action",
    },
    "visa_compliance": {"status": "requires_fee_acknowledgement"},
    "mastercard_compliance": {"status": "requires_fee_acknowledgement"},
}  # fmt: skip


@after("succeeded")
def contest_payment(ctx: Context, intent: Entity) -> None:
    """A paid intent's charge may be contested, as its test card says."""
    made = ctx.find("charge", intent["latest_charge"]) if intent["latest_charge"] else None
    if made is not None and made["captured"]:
        contest(ctx, made)


def contest(ctx: Context, charge: Entity) -> Entity:
    """Do to a captured charge what its test card stands for: disputes, an early fraud warning. Gives the charge."""
    card = card_behind(charge)
    if card is None:
        return charge
    if card.has(Trait.FRAUD_WARNING):
        _warn(ctx, charge)
    for trait, found in CONTESTS.items():
        if not card.has(trait):
            continue
        parts = _parts(charge["amount_captured"], found.times)
        for amount in parts:
            charge = open_dispute(ctx, charge, found, amount)
    return charge


def open_dispute(ctx: Context, charge: Entity, found: Contest, amount: int) -> Entity:
    """Contest an amount of a charge; gives the charge."""
    inquiry = found.case_type == "inquiry"
    billing, paid_by = charge["billing_details"], charge["payment_method_details"]
    evidence = dict.fromkeys(EVIDENCE) | {
        "customer_email_address": billing["email"] or charge["receipt_email"],
        "customer_name": billing["name"],
        "enhanced_evidence": {},
    }
    eligible = {found.eligible: _ELIGIBILITY[found.eligible]} if found.eligible else {}
    made = new(
        ctx,
        "dispute",
        amount=amount,
        balance_transactions=[],
        charge=charge.id,
        currency=charge["currency"],
        enhanced_eligibility_types=list(eligible),
        evidence=evidence,
        evidence_details={
            "due_by": midnight_after(ctx.now(), RESPONSE_DAYS + 1) - 1,
            "enhanced_eligibility": eligible,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        is_charge_refundable=inquiry,
        metadata={},
        payment_intent=charge["payment_intent"],
        **({"payment_method_details": _by_card(paid_by["card"], found)} if paid_by["type"] == "card" else {}),
        reason=found.reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    charge = ctx.update(charge, disputed=True)
    tell(ctx, "charge.dispute.created", made)
    if not inquiry:
        made = withdraw(ctx, made)
    await_answer(ctx, made)
    return charge


def await_answer(ctx: Context, dispute: Entity) -> None:
    """Put off what happens if nobody answers: a dispute at `due_by`, an inquiry after 120 days."""
    due = dispute["evidence_details"]["due_by"]
    end = dispute["created"] + INQUIRY_DAYS * DAY if is_inquiry(dispute) else due + 1
    payload = {"dispute": dispute.id, "status": dispute["status"]}
    ctx.schedule(end * 1000 - ctx.now_ms(), "dispute_past_due", payload)


def withdraw(ctx: Context, dispute: Entity) -> Entity:
    """The bank takes the money back, and Stripe its fee."""
    currency = dispute["currency"]
    fees = (balance.stripe_fee(balance.DISPUTE_FEE, currency, "Dispute fee"),)
    return move_money(ctx, dispute, Entry("adjustment", dispute.id, -dispute["amount"], currency,
                       f"Chargeback withdrawal for {dispute['charge']}", fees=fees, category="dispute"),
                       "charge.dispute.funds_withdrawn")  # fmt: skip


def move_money(ctx: Context, dispute: Entity, entry: Entry, event: str) -> Entity:
    """Enter money of a dispute into the book and tell of it; the dispute with the line among its own."""
    line = balance.enter(ctx, entry)
    lines = [*dispute["balance_transactions"], {name: value for name, value in line.items() if name[0] != "_"}]
    return change(ctx, dispute, event, balance_transactions=lines)


def is_inquiry(dispute: Entity) -> bool:
    """Whether the bank only asks yet."""
    return str(dispute["status"]).startswith("warning")


def _by_card(card: dict[str, Any], found: Contest) -> dict[str, Any]:
    shown = {"brand": card["brand"], "case_type": found.case_type, "network": card["network"] or card["brand"],
             "network_reason_code": found.code}  # fmt: skip
    return {"card": shown, "type": "card"}


def _parts(amount: int, times: int) -> list[int]:
    """An amount in so many parts that add up to it."""
    share = amount // times
    return [share] * (times - 1) + [amount - share * (times - 1)]


def _warn(ctx: Context, charge: Entity) -> None:
    """The issuer reports fraud before anybody disputes."""
    paid = {"payment_intent": charge["payment_intent"]} if charge["payment_intent"] else {}
    made = new(ctx, "radar.early_fraud_warning", actionable=True, charge=charge.id, fraud_type="made_with_stolen_card",
               **paid)  # fmt: skip
    tell(ctx, "radar.early_fraud_warning.created", made)
