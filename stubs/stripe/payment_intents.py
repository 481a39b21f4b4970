"""Payment intents. What may be done in which status is in `intent_states.py`; how paying goes is in `confirming.py`."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from . import cash_balance, confirmation_tokens, contests, intent_states, receipts
from .charging import settle
from .confirming import confirm, release
from .fields import DYNAMIC_SINCE, change, generic, new, picked, predates, tell
from .money import check_amount, checked_currency, shown
from .payment_methods import method_for, method_from_data

CARD_OPTIONS = {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
AUTOMATIC_TYPES = ["card", "link"]  # what the account behind the stub has switched on
_COPIED = (
    "application_fee_amount", "description", "on_behalf_of", "receipt_email", "setup_future_usage", "shipping",
    "statement_descriptor", "statement_descriptor_suffix", "transfer_group",
)  # fmt: skip


@operation("POST /v1/payment_intents")
def create(ctx: Context) -> Entity:
    """A payment intent; with `confirm` it is paid in the same call. A declined one stays, as at Stripe."""
    body = ctx.body
    currency = checked_currency(body["currency"])
    check_amount(body["amount"], currency)
    customer = body.get("customer")
    if customer is not None:
        ctx.get("customer", customer, param="customer")
    wants_confirm = bool(body.get("confirm"))
    for name in ("off_session", "error_on_requires_action", "return_url", "mandate_data"):
        if body.get(name) and not wants_confirm:
            message = f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is set to true."
            raise Refusal(400, None, message, param=name)
    intent_id = ctx.new_id("payment_intent")
    intent = new(
        ctx,
        "payment_intent",
        intent_id,
        amount=body["amount"],
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        capture_method=body.get("capture_method") or "automatic_async",
        client_secret=f"{intent_id}_secret_{ctx.token(25)}",
        confirmation_method=body.get("confirmation_method") or "automatic",
        currency=currency,
        customer=customer,
        metadata=merged_metadata({}, body.get("metadata")),
        status="requires_payment_method",
        transfer_data=picked(body.get("transfer_data") or {}, "amount", "destination") or None,
        **_types(ctx),
        **picked(body, *_COPIED),
    )
    tell(ctx, "payment_intent.created", intent)
    intent = _give_method(ctx, intent)
    return confirm(ctx, intent, body) if wants_confirm else intent


@operation("GET /v1/payment_intents/{intent}")
def retrieve(ctx: Context, intent: str) -> Entity:
    """A payment intent. A client secret, where one is given, must be its own."""
    found = ctx.get("payment_intent", intent)
    secret = ctx.query.get("client_secret")
    if secret is not None and secret != found["client_secret"]:
        message = "The client_secret provided does not match any associated PaymentIntent."
        raise Refusal(400, "payment_intent_invalid_parameter", message, param="client_secret")
    return found


@operation("POST /v1/payment_intents/{intent}")
def update(ctx: Context, intent: str) -> Entity:
    """Change an intent; amount, currency and how it is paid only while it is open."""
    found = ctx.get("payment_intent", intent)
    body = ctx.body
    for name in body:
        if name not in intent_states.ALWAYS_CHANGEABLE:
            intent_states.check(found, "change", what=name)
    fields = picked(body, *_COPIED, "capture_method")
    if "currency" in body:
        fields["currency"] = checked_currency(body["currency"])
    if "amount" in body:
        check_amount(body["amount"], fields.get("currency", found["currency"]))
        fields["amount"] = body["amount"]
    if body.get("customer") is not None:
        fields["customer"] = ctx.get("customer", body["customer"], param="customer").id
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    if body.get("payment_method_types"):
        fields |= _types(ctx)
    return _give_method(ctx, change(ctx, found, None, **fields))


@operation("POST /v1/payment_intents/{intent}/confirm")
def confirm_intent(ctx: Context, intent: str) -> Entity:
    """Pay, with the intent's payment method or a new one."""
    found = ctx.get("payment_intent", intent)
    body = ctx.body
    intent_states.check(found, "confirm")
    fields = picked(body, "capture_method", "receipt_email", "setup_future_usage", "shipping")
    if body.get("payment_method_types"):
        fields |= _types(ctx)
    found = _give_method(ctx, change(ctx, found, None, **fields))
    return confirm(ctx, found, body)


@operation("POST /v1/payment_intents/{intent}/capture")
def capture(ctx: Context, intent: str) -> Entity:
    """Take the money that was authorized, all or a part; what is left is given back."""
    found = ctx.get("payment_intent", intent)
    intent_states.check(found, "capture")
    capturable = found["amount_capturable"]
    amount = ctx.body.get("amount_to_capture", capturable)
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise Refusal(400, "parameter_invalid_integer", message, param="amount_to_capture")
    if amount > capturable:
        most = shown(capturable, found["currency"])
        asked = shown(amount, found["currency"])
        message = (
            f"The requested capture amount ({asked}) is greater than the authorized amount ({most}). "
            "You can only capture up to the authorized amount."
        )
        raise Refusal(400, "amount_too_large", message, param="amount_to_capture")
    made = ctx.get("charge", found["latest_charge"])
    made = settle(ctx, made, amount)
    left = made["amount"] - amount
    made = change(ctx, made, "charge.captured", captured=True, amount_captured=amount, amount_refunded=left)
    receipts.of_payment(ctx, made)
    fields = picked(ctx.body, "application_fee_amount", "statement_descriptor", "statement_descriptor_suffix")
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    found = ctx.move(found, "succeeded", amount_capturable=0, amount_received=amount, **fields)
    tell(ctx, "payment_intent.succeeded", found)
    contests.contest(ctx, made)
    return found


@operation("POST /v1/payment_intents/{intent}/cancel")
def cancel(ctx: Context, intent: str) -> Entity:
    """Give up an intent, for good. An authorization is given back."""
    found = ctx.get("payment_intent", intent)
    intent_states.check(found, "cancel")
    if found["status"] == "requires_capture":
        release(ctx, found, "charge.refunded")
    cash_balance.give_back(ctx, found)
    reason = ctx.body.get("cancellation_reason")
    found = ctx.move(found, "canceled", amount_capturable=0, canceled_at=ctx.now(), cancellation_reason=reason,
                     next_action=None)  # fmt: skip
    tell(ctx, "payment_intent.canceled", found)
    return found


@operation("POST /v1/payment_intents/{intent}/increment_authorization")
def increment(ctx: Context, intent: str) -> Entity:
    """Hold more than was authorized, where the intent asked for that and the card's network allows it."""
    found = ctx.get("payment_intent", intent)
    intent_states.check(found, "increment")
    held = ctx.get("charge", found["latest_charge"])
    card = held["payment_method_details"].get("card") or {}
    if (card.get("incremental_authorization") or {}).get("status") != "available":
        raise intent_states.unexpected(found, "This PaymentIntent is not eligible for incremental authorization.")
    amount = ctx.body["amount"]
    check_amount(amount, found["currency"])
    if amount <= found["amount"]:
        message = "The new amount must be greater than the amount that is authorized."
        raise Refusal(400, "amount_too_small", message, param="amount")
    details = {"type": "card", "card": card | {"amount_authorized": amount}}
    change(ctx, held, "charge.updated", amount=amount, payment_method_details=details)
    fields = picked(ctx.body, "application_fee_amount", "description", "statement_descriptor")
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    return change(
        ctx, found, "payment_intent.amount_capturable_updated", amount=amount, amount_capturable=amount, **fields
    )


@operation("GET /v1/payment_intents")
def list_intents(ctx: Context) -> dict[str, Any]:
    """Payment intents, newest first."""
    return generic(ctx)


def _types(ctx: Context) -> dict[str, Any]:
    """Which ways to pay the intent takes: those named, or whatever the account has switched on.

    Before 2023-08-16 nothing named meant cards.
    """
    body = ctx.body
    given = body.get("payment_method_types")
    automatic = body.get("automatic_payment_methods")
    if given and isinstance(automatic, dict) and automatic.get("enabled"):
        message = "You may only specify one of these parameters: automatic_payment_methods, payment_method_types."
        raise Refusal(400, "parameters_exclusive", message)
    if given:
        kinds, chosen = list(given), None
    elif (isinstance(automatic, dict) and automatic.get("enabled") is False) or (
        not isinstance(automatic, dict) and predates(ctx, DYNAMIC_SINCE)
    ):
        kinds, chosen = ["card"], None
    else:
        asked = automatic if isinstance(automatic, dict) else {}
        kinds = list(AUTOMATIC_TYPES)
        chosen = {"allow_redirects": asked.get("allow_redirects") or "always", "enabled": True}
    options: dict[str, Any] = {}
    if "card" in kinds:
        written = (body.get("payment_method_options") or {}).get("card") or {}
        options["card"] = CARD_OPTIONS | picked(
            written, "network", "request_incremental_authorization", "request_three_d_secure", "setup_future_usage"
        )
    if "link" in kinds:
        options["link"] = {}
    asked_of = body.get("payment_method_options") or {}
    for kind in kinds:
        options.setdefault(kind, dict(asked_of.get(kind) or {}))
    return {
        "automatic_payment_methods": chosen,
        "payment_method_configuration_details": {"id": "pmc_default", "parent": None} if chosen else None,
        "payment_method_options": options,
        "payment_method_types": kinds,
    }


def _give_method(ctx: Context, intent: Entity) -> Entity:
    """Put the request's payment method onto the intent. A new one also ends a pending authentication."""
    body = ctx.body
    data = body.get("payment_method_data")
    given = body.get("payment_method")
    if isinstance(data, dict):
        method = method_from_data(ctx, data)
    elif isinstance(given, str) and given:
        method = method_for(ctx, given)
    elif body.get("confirmation_token"):
        method, intent = confirmation_tokens.use(ctx, intent)
    else:
        return intent
    kind, kinds = method["type"], intent["payment_method_types"]
    if kind not in kinds and not (intent["automatic_payment_methods"] and kind in AUTOMATIC_TYPES):
        message = (
            f"The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. Please attach a PaymentMethod of "
            f"one of the following types to this PaymentIntent: {', '.join(kinds)}, or create a new PaymentIntent to use "
            "with the provided PaymentMethod's type."
        )
        raise Refusal(400, "payment_intent_incompatible_payment_method", message, param="payment_method")
    if intent["status"] == "requires_payment_method":
        return ctx.move(intent, "requires_confirmation", payment_method=method.id)
    if intent["status"] == "requires_action":
        return ctx.move(intent, "requires_confirmation", payment_method=method.id, next_action=None)
    return change(ctx, intent, None, payment_method=method.id)
