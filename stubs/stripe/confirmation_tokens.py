"""Confirmation tokens: what a customer chose at a form, to be used once for a payment or for saving.

Stripe's browser library makes them; in test mode the server can, too.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .fields import change, new, picked, public
from .payment_methods import method_for, method_from_data

_DAY = 43_200  # seconds until one that wasn't used is void: twelve hours


@operation("POST /v1/test_helpers/confirmation_tokens")
def create(ctx: Context) -> Entity:
    """A token for a payment method, or for the details of a new one."""
    body = ctx.body
    if isinstance(body.get("payment_method_data"), dict):
        method = method_from_data(ctx, body["payment_method_data"])
    elif body.get("payment_method"):
        method = method_for(ctx, body["payment_method"])
    else:
        message = "You must provide either `payment_method` or `payment_method_data`."
        raise Refusal(400, "parameter_missing", message, param="payment_method")
    return new(
        ctx,
        "confirmation_token",
        expires_at=ctx.now() + _DAY,
        mandate_data=None,
        payment_method_options={"card": {"cvc_token": None}} if method["type"] == "card" else None,
        payment_method_preview=_preview(method),
        shipping=_shipping(body.get("shipping")),
        use_stripe_sdk=True,
        _method=method.id,
        **picked(body, "return_url", "setup_future_usage"),
    )


@operation("GET /v1/confirmation_tokens/{confirmation_token}")
def retrieve(ctx: Context, confirmation_token: str) -> Entity:
    """One confirmation token."""
    return ctx.get("confirmation_token", confirmation_token)


def use(ctx: Context, intent: Entity) -> tuple[Entity, Entity]:
    """The payment method of the token that a request names, and the intent with what else it says. Uses it up."""
    given = ctx.body["confirmation_token"]
    found = ctx.find("confirmation_token", given)
    if found is None:
        message = f"No such confirmationtoken: '{given}'"
        raise Refusal(400, "resource_missing", message, param="confirmation_token")
    if found["payment_intent"] or found["setup_intent"]:
        message = f"The ConfirmationToken {given} has already been used. A ConfirmationToken can be used once only."
        raise Refusal(400, None, message, param="confirmation_token")
    if found["expires_at"] <= ctx.now():
        message = f"The ConfirmationToken {given} has expired."
        raise Refusal(400, None, message, param="confirmation_token")
    ctx.update(found, **{intent.resource: intent.id}, expires_at=None)
    fields: dict[str, Any] = {"_return_url": found["return_url"]}
    if intent.resource == "payment_intent":
        if found["setup_future_usage"]:
            fields["setup_future_usage"] = found["setup_future_usage"]
        if found["shipping"]:
            fields |= picked({"shipping": found["shipping"]}, "shipping")
    return ctx.get("payment_method", found["_method"]), change(ctx, intent, None, **fields)


def _preview(method: Entity) -> dict[str, Any]:
    shown = public(method)
    kind = shown["type"]
    names = ("allow_redisplay", "billing_details", "customer", "type")
    return {name: shown.get(name) for name in names} | {"customer_account": None, kind: shown.get(kind) or {}}


def _shipping(given: Any) -> dict[str, Any] | None:
    if not isinstance(given, dict):
        return None
    address = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
    return {
        "address": address | (given.get("address") or {}),
        "name": given.get("name"),
        "phone": given.get("phone") or None,
    }
