"""How saving a payment method ends: done, or back to the start. Each try is a setup attempt."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from . import mandates
from .card_details import card_behind
from .cards import Trait
from .fields import new, page, public, since, tell
from .intent_effects import tell_all
from .payment_methods import attach

DEBITS = frozenset({"acss_debit", "au_becs_debit", "bacs_debit", "nz_bank_account", "sepa_debit", "us_bank_account"})


def complete(ctx: Context, intent: Entity) -> Entity:
    """The method is good: it goes to the customer and needs no authentication off session."""
    method = ctx.get("payment_method", intent["payment_method"])
    method = ctx.update(method, _set_up=True)
    owner = ctx.find("customer", intent["customer"]) if intent["customer"] else None
    if owner is not None and method["customer"] is None:
        attach(ctx, method, owner)
    intent = record(ctx, intent, "succeeded")
    fields: dict[str, Any] = {"next_action": None, "last_setup_error": None}
    if method["type"] in DEBITS:
        fields["mandate"] = mandates.of_setup(ctx, method)["_mandate"]
    intent = ctx.move(intent, "succeeded", **fields)
    tell(ctx, "setup_intent.succeeded", intent)
    tell_all(ctx, intent, "set_up")
    return intent


def reject(ctx: Context, intent: Entity, error: dict[str, Any]) -> Entity:
    """Back to the start, with the error on the intent."""
    intent = record(ctx, intent, "failed", error)
    intent = ctx.move(intent, "requires_payment_method", last_setup_error=error, next_action=None, payment_method=None)
    tell(ctx, "setup_intent.setup_failed", intent)
    return intent


@operation("GET /v1/setup_attempts")
def list_attempts(ctx: Context) -> dict[str, Any]:
    """The tries of one setup intent, newest first."""
    intent = ctx.get("setup_intent", ctx.query["setup_intent"], param="setup_intent")
    return page(ctx, since(ctx, ctx.list("setup_attempt", setup_intent=intent.id)))


def record(ctx: Context, intent: Entity, status: str, error: dict[str, Any] | None = None) -> Entity:
    """Write down how the latest try stands; the intent with it. A try that waited for the customer goes on."""
    latest = ctx.find("setup_attempt", intent["latest_attempt"]) if intent["latest_attempt"] else None
    if latest is not None and latest["status"] == "requires_action":
        ctx.update(latest, status=status, setup_error=error)
        return intent
    method = ctx.get("payment_method", intent["payment_method"])
    made = new(ctx, "setup_attempt", customer=intent["customer"], on_behalf_of=intent["on_behalf_of"],
               payment_method=method.id, payment_method_details=_details(method), setup_error=error,
               setup_intent=intent.id, status=status, usage=intent["usage"])  # fmt: skip
    return ctx.update(intent, latest_attempt=made.id)


def _details(method: Entity) -> dict[str, Any]:
    kind = method["type"]
    card = card_behind(method)
    if card is None:
        return {"type": kind, kind: {}}
    shown = method["card"]
    names = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    asked = card.has(Trait.AUTH_ALWAYS) or card.has(Trait.AUTH_UNLESS_SET_UP)
    secure = {"authentication_flow": "challenge", "electronic_commerce_indicator": "05", "result": "authenticated",
              "result_reason": None, "transaction_id": None, "version": "2.2.0"} if asked else None  # fmt: skip
    return {
        "type": "card",
        "card": {name: shown[name] for name in names} | {"network": shown["brand"], "three_d_secure": secure},
    }


def unexpected(intent: Entity, message: str) -> Refusal:
    """Stripe's 400 for something that the intent's state forbids; it shows the intent as it is."""
    return Refusal(400, "setup_intent_unexpected_state", message, setup_intent=public(intent))
