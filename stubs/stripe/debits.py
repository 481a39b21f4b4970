"""Debits from bank accounts: they wait for the bank, and an account that was typed in is verified first.

    confirm → requires_action (two small deposits, or one with a code) → processing → succeeded, or back to the start

What becomes of a debit is in the account's test number (`bank_numbers.py`).
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, operation

from . import charging, mandates, setup_saving
from .attempting import charge_intent, keep_method
from .bank_numbers import (
    AMOUNTS,
    DESCRIPTOR_CODE,
    EXCEEDING_AMOUNTS,
    EXCEEDING_CODE,
    TIMED_OUT_AMOUNTS,
    TIMED_OUT_CODE,
    debit_of,
)
from .cards import Trait
from .contests import CONTESTS, open_dispute
from .dates import midnight_after
from .fields import public, tell
from .intent_effects import tell_all
from .intent_states import unexpected

KINDS = frozenset({"acss_debit", "au_becs_debit", "bacs_debit", "nz_bank_account", "sepa_debit", "us_bank_account"})
VERIFIED = frozenset({"acss_debit", "us_bank_account"})  # by small deposits, where nothing else has done it
SETTLING = 0  # ms: the reply says `processing`, and a test debit is there before the next call; real ones take days
LATE = 180_000  # ms of the numbers that are documented to take at least three minutes
DEPOSIT_DAYS = 2

FAILURES = {
    "account_closed": "The customer's bank account has been closed.",
    "no_account": "The bank account could not be located.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
    "invalid_currency": "The bank was unable to process this payment because of its currency.",
    "fraudulent": "The payment was blocked because it is considered high risk.",
    "charge_exceeds_source_limit": "This payment would cause the account to exceed its weekly payment volume limit.",
    "charge_exceeds_weekly_limit": "This payment exceeds the account's weekly transaction limit.",
    "tokenized_account_number_deactivated": "The tokenized account number has been deactivated.",
    "mandate_invalid": "The mandate used for this payment is invalid.",
    "bank_account_restricted": "The customer's account cannot be used for this payment.",
    "invalid_bank_account": "The bank account is invalid.",
    "payment_method_microdeposit_failed": "Microdeposits failed. Please check the account, institution and transit numbers "
    "provided.",
}
_EXCEEDED = "payment_method_microdeposit_verification_attempts_exceeded"
_TIMED_OUT = "payment_method_microdeposit_verification_timeout"
_WRONG: dict[str, tuple[str, str]] = {
    _EXCEEDED: (_EXCEEDED, "You have exceeded the number of allowed verification attempts."),
    _TIMED_OUT: (_TIMED_OUT, "Microdeposit verification has timed out."),
    "amounts": ("payment_method_microdeposit_verification_amounts_mismatch",
                "The amounts provided do not match the amounts that were sent to the bank account."),
    "code": ("payment_method_microdeposit_verification_descriptor_code_mismatch",
             "The code provided does not match the code that was sent to the bank account."),
}  # fmt: skip


def start(ctx: Context, intent: Entity, method: Entity) -> Entity:
    """Debit the account of a payment intent, or ask for its verification."""
    if must_verify(intent, method):
        return _ask_amounts(ctx, intent, method)
    return _debit(ctx, intent, method)


def must_verify(intent: Entity, method: Entity) -> bool:
    """Whether an account has to be verified by small deposits first."""
    kind = method["type"]
    asked = (intent["payment_method_options"] or {}).get(kind) or {}
    return (
        kind in VERIFIED and not method.get("_verified") and asked.get("verification_method") not in {"skip", "instant"}
    )


def deposits(ctx: Context, intent: Entity) -> dict[str, Any]:
    """The `next_action` that says where the small deposits are entered."""
    url = f"https://payments.stripe.com/microdeposit/{intent['client_secret']}"
    arrival = midnight_after(ctx.now(), DEPOSIT_DAYS)
    return {
        "type": "verify_with_microdeposits",
        "verify_with_microdeposits": {
            "arrival_date": arrival,
            "hosted_verification_url": url,
            "microdeposit_type": "amounts",
        },
    }


@operation("POST /v1/payment_intents/{intent}/verify_microdeposits")
def verify_payment(ctx: Context, intent: str) -> Entity:
    """Say what was deposited; with the right answer the debit begins."""
    found = ctx.get("payment_intent", intent)
    _check_waiting(found, unexpected)
    method = check_answer(ctx, ctx.get("payment_method", found["payment_method"]))
    return _debit(ctx, found, method)


@operation("POST /v1/setup_intents/{intent}/verify_microdeposits")
def verify_setup(ctx: Context, intent: str) -> Entity:
    """Say what was deposited; with the right answer the account is saved."""
    found = ctx.get("setup_intent", intent)
    _check_waiting(found, setup_saving.unexpected)
    check_answer(ctx, ctx.get("payment_method", found["payment_method"]))
    return setup_saving.complete(ctx, found)


def check_answer(ctx: Context, method: Entity) -> Entity:
    """The account, verified; refuses answers that are wrong, as Stripe's test values say."""
    amounts, code = ctx.body.get("amounts"), ctx.body.get("descriptor_code")
    if not amounts and not code:
        message = "You must provide either `amounts` or `descriptor_code`."
        raise Refusal(400, "parameter_missing", message, param="amounts")
    given = tuple(sorted(int(amount) for amount in amounts)) if amounts else None
    if given == AMOUNTS or code == DESCRIPTOR_CODE:
        return ctx.update(method, _verified=True)
    if given == EXCEEDING_AMOUNTS or code == EXCEEDING_CODE:
        wrong = _EXCEEDED
    elif given == TIMED_OUT_AMOUNTS or code == TIMED_OUT_CODE:
        wrong = _TIMED_OUT
    else:
        wrong = "amounts" if amounts else "code"
    name, message = _WRONG[wrong]
    raise Refusal(400, name, message, param="amounts" if amounts else "descriptor_code")


@job("settle_payment")
def settle_payment(ctx: Context, payload: dict[str, Any]) -> None:
    """The bank has answered, unless the intent was canceled meanwhile."""
    intent = ctx.find("payment_intent", payload["intent"])
    if intent is None or intent["status"] != "processing":
        return
    method = ctx.get("payment_method", intent["payment_method"])
    made = ctx.get("charge", intent["latest_charge"])
    outcome = debit_of(method["type"], method.get("_number"))
    if outcome.failure is not None:
        charging.break_off(ctx, made, outcome.failure, FAILURES[outcome.failure])
        _fail(ctx, intent, method, outcome.failure)
        return
    made = charging.finish(ctx, made)
    intent = ctx.move(intent, "succeeded", amount_received=intent["amount"], next_action=None)
    tell(ctx, "payment_intent.succeeded", intent)
    tell_all(ctx, intent, "succeeded")
    if outcome.disputed:
        open_dispute(ctx, made, CONTESTS[Trait.DISPUTED], made["amount"])


@job("fail_deposits")
def fail_deposits(ctx: Context, payload: dict[str, Any]) -> None:
    """The small deposits couldn't be sent."""
    intent = ctx.find("payment_intent", payload["intent"])
    if intent is not None and (intent["next_action"] or {}).get("type") == "verify_with_microdeposits":
        _fail(ctx, intent, ctx.get("payment_method", intent["payment_method"]), "payment_method_microdeposit_failed")


def _debit(ctx: Context, intent: Entity, method: Entity) -> Entity:
    method = mandates.of_payment(ctx, intent, method)
    keep_method(ctx, intent, method)
    made = charge_intent(ctx, intent, method, None, capture=True, authenticated=False, pending=True)
    intent = ctx.move(intent, "processing", latest_charge=made.id, next_action=None, processing=None)
    tell(ctx, "payment_intent.processing", intent)
    tell_all(ctx, intent, "processing")
    outcome = debit_of(method["type"], method.get("_number"))
    if not outcome.stuck:
        ctx.schedule(LATE if outcome.late else SETTLING, "settle_payment", {"intent": intent.id})
    return intent


def _ask_amounts(ctx: Context, intent: Entity, method: Entity) -> Entity:
    intent = ctx.move(intent, "requires_action", next_action=deposits(ctx, intent))
    tell(ctx, "payment_intent.requires_action", intent)
    tell_all(ctx, intent, "requires_action")
    if debit_of(method["type"], method.get("_number")).untestable:
        ctx.schedule(SETTLING, "fail_deposits", {"intent": intent.id})
    return intent


def _fail(ctx: Context, intent: Entity, method: Entity, code: str) -> None:
    error = {
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": FAILURES[code],
        "payment_method": public(method),
        "type": "invalid_request_error",
    }
    if intent["latest_charge"]:
        error["charge"] = intent["latest_charge"]
    intent = ctx.move(
        intent, "requires_payment_method", last_payment_error=error, next_action=None, payment_method=None
    )
    tell(ctx, "payment_intent.payment_failed", intent)
    tell_all(ctx, intent, "failed")


def _check_waiting(intent: Entity, refusal: Any) -> None:
    if (intent["next_action"] or {}).get("type") != "verify_with_microdeposits":
        kind = "PaymentIntent" if intent.resource == "payment_intent" else "SetupIntent"
        message = f"This {kind} is not awaiting microdeposit verification; its status is {intent['status']}."
        raise refusal(intent, message)
