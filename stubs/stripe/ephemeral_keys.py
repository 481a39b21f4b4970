"""Ephemeral keys: short-lived keys with which an app acts for one customer or card."""

from typing import Any

from childproof.stubkit import Context, Refusal, operation

from .fields import new, public

_HOUR = 3600
# What a key may be for, and the resource that must be there
_FOR = {"customer": "customer", "issuing_card": "issuing.card", "verification_session": "identity.verification_session"}


@operation("POST /v1/ephemeral_keys")
def create(ctx: Context) -> dict[str, Any]:
    """A key for an hour. Its version must be named, as the app speaks that one whatever the account's is."""
    if not ctx.header("stripe-version"):
        message = "Please provide a `Stripe-Version` header: the version that your app's Stripe SDK speaks."
        raise Refusal(400, "parameter_missing", message)
    given = {name: ctx.body[name] for name in _FOR if ctx.body.get(name)}
    if len(given) != 1:
        raise Refusal(400, "parameter_missing", f"You must provide exactly one of {', '.join(_FOR)}.")
    for name, value in given.items():
        ctx.get(_FOR[name], value, param=name)
    made = new(ctx, "ephemeral_key", expires=ctx.now() + _HOUR, secret=f"ek_test_{ctx.token(80)}")
    return public(made)


@operation("DELETE /v1/ephemeral_keys/{key}")
def delete(ctx: Context, key: str) -> dict[str, Any]:
    """Void a key before its hour is over."""
    found = ctx.get("ephemeral_key", key)
    ctx.delete(found)
    return public(found) | {"expires": ctx.now()}
