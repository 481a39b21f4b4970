"""Trying to pay an intent: the issuer's answer, and where the intent goes from there.

`confirming.py` decides what is tried; what a customer does at a page of ours ends here, too.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job

from .card_details import card_behind, declined
from .cards import Card
from .charging import AUTHORIZATION_DAYS, Attempt, charge
from .declines import DECLINES
from .fields import change, public, tell
from .intent_effects import tell_all
from .payment_methods import attach

AUTH_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to "
    "attempt to fulfill this PaymentIntent again."
)
CHARGED = ("customer", "description", "metadata", "on_behalf_of", "receipt_email", "shipping", "statement_descriptor",
           "statement_descriptor_suffix", "transfer_group", "application_fee_amount", "transfer_data")  # fmt: skip


def attempt(ctx: Context, intent: Entity, method: Entity, card: Card | None, *, authenticated: bool) -> Entity:
    """Ask the issuer and go where its answer leads."""
    if card is not None and card.decline is not None:
        raise fail(ctx, intent, method, card.decline, authenticated=authenticated)
    manual = intent["capture_method"] == "manual"
    made = charge_intent(ctx, intent, method, card, capture=not manual, authenticated=authenticated)
    keep_method(ctx, intent, method)
    if manual:
        intent = ctx.move(intent, "requires_capture", amount_capturable=intent["amount"], latest_charge=made.id,
                          next_action=None)  # fmt: skip
        tell(ctx, "payment_intent.amount_capturable_updated", intent)
        payload = {"intent": intent.id, "charge": made.id}
        ctx.schedule(AUTHORIZATION_DAYS * 86_400_000, "expire_authorization", payload)
        return intent
    intent = ctx.move(intent, "succeeded", amount_received=intent["amount"], latest_charge=made.id, next_action=None)
    tell(ctx, "payment_intent.succeeded", intent)
    tell_all(ctx, intent, "succeeded")
    return intent


def fail(
    ctx: Context, intent: Entity, method: Entity, decline: str, *, authenticated: bool = False, charged: bool = True
) -> Refusal:
    """Record a declined attempt: a failed charge, the error on the intent, the events. Gives the 402 to raise."""
    found = DECLINES[decline]
    error: dict[str, Any] = {
        "code": found.code,
        "decline_code": found.decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{found.code.replace('_', '-')}",
        "message": found.message,
        "payment_method": public(method),
        "type": "card_error",
    }
    if found.param:
        error["param"] = found.param
    advised = {"advice_code": found.advice, "network_decline_code": found.network}
    error |= {name: value for name, value in advised.items() if value}
    latest = intent["latest_charge"]
    if charged:
        card = card_behind(method)
        latest = charge_intent(
            ctx, intent, method, card, capture=False, authenticated=authenticated, decline=decline
        ).id
        error["charge"] = latest
    intent = ctx.move(intent, "requires_payment_method", last_payment_error=error, latest_charge=latest,
                      next_action=None, payment_method=None)  # fmt: skip
    tell(ctx, "payment_intent.payment_failed", intent)
    tell_all(ctx, intent, "failed")
    extra: dict[str, Any] = {"payment_intent": public(intent), "payment_method": public(method)}
    if charged:
        extra["charge"] = latest
    refusal = declined(decline, **extra)
    refusal.keep_changes = True
    return refusal


def authentication_failed(ctx: Context, intent: Entity, method: Entity) -> Entity:
    """The customer didn't pass 3D Secure: back to the start, with the error on the intent."""
    code = "payment_intent_authentication_failure"
    error = {
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": AUTH_FAILED,
        "payment_method": public(method),
        "type": "invalid_request_error",
    }
    intent = ctx.move(intent, "requires_payment_method", last_payment_error=error, next_action=None,
                      payment_method=None)  # fmt: skip
    tell(ctx, "payment_intent.payment_failed", intent)
    tell_all(ctx, intent, "failed")
    return intent


@job("expire_authorization")
def expire_authorization(ctx: Context, payload: dict[str, Any]) -> None:
    """An authorization that wasn't captured in seven days is given back and the intent canceled."""
    intent = ctx.find("payment_intent", payload["intent"])
    if intent is None or intent["status"] != "requires_capture":
        return
    release(ctx, intent, "charge.expired")
    intent = ctx.move(intent, "canceled", amount_capturable=0, canceled_at=ctx.now(), cancellation_reason="automatic")
    tell(ctx, "payment_intent.canceled", intent)


def release(ctx: Context, intent: Entity, event: str) -> None:
    """Give an uncaptured authorization back: the charge counts as refunded, with no money moved."""
    held = ctx.find("charge", intent["latest_charge"]) if intent["latest_charge"] else None
    if held is not None and held["status"] == "succeeded" and not held["captured"]:
        change(ctx, held, event, amount_refunded=held["amount"], refunded=True)


def charge_intent(
    ctx: Context,
    intent: Entity,
    method: Entity,
    card: Card | None,
    *,
    capture: bool,
    authenticated: bool,
    decline: str | None = None,
    pending: bool = False,
) -> Entity:
    """Charge what an intent says. A `pending` charge waits for the customer's bank."""
    tried = Attempt(
        amount=intent["amount"], currency=intent["currency"], card=card, method=method, capture=capture,
        decline=decline, authenticated=authenticated, intent=intent, pending=pending,
    )  # fmt: skip
    return charge(ctx, tried, **{name: intent[name] for name in CHARGED})


def ask(ctx: Context, intent: Entity, return_url: str | None, *, use_sdk: bool) -> Entity:
    """Send the customer to authenticate."""
    source = f"payatt_3{ctx.token(23)}"
    place = f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={intent.id}"
    url = f"{place}&payment_intent_client_secret={intent['client_secret']}&source={source}"
    if return_url and not use_sdk:
        action: dict[str, Any] = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": return_url, "url": url},
        }
    else:
        action = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "type": "three_d_secure_redirect",
                "source": source,
                "stripe_js": url,
            },
        }
    intent = ctx.move(intent, "requires_action", next_action=action)
    tell(ctx, "payment_intent.requires_action", intent)
    tell_all(ctx, intent, "requires_action")
    return intent


def keep_method(ctx: Context, intent: Entity, method: Entity) -> None:
    """Save the payment method on the customer if the intent says so, else mark a lone one as used up."""
    if method["customer"] is not None:
        return
    owner = ctx.find("customer", intent["customer"]) if intent["customer"] else None
    if intent["setup_future_usage"] and owner is not None:
        attach(ctx, ctx.update(method, _set_up=True), owner)
    else:
        ctx.update(method, _used=True)
