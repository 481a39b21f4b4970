"""Mandates: what customers have agreed to when their account is debited, now or later."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from .fields import new

_URL = "https://hooks.stripe.com/adapter"
_DIGITS = "0123456789ABCDEF"


@operation("GET /v1/mandates/{mandate}")
def retrieve(ctx: Context, mandate: str) -> Entity:
    """One mandate."""
    return ctx.get("mandate", mandate)


def of_payment(ctx: Context, intent: Entity, method: Entity) -> Entity:
    """The method with the mandate for an intent's debit; for this one alone unless the intent saves the method."""
    if method.get("_mandate"):
        return method
    uses: dict[str, Any] = {"multi_use": {}, "type": "multi_use"}
    if not intent.get("setup_future_usage"):
        single = {"amount": intent["amount"], "currency": intent["currency"]}
        uses = {"single_use": single, "type": "single_use"}
    return _make(ctx, method, uses)


def of_setup(ctx: Context, method: Entity) -> Entity:
    """The method with the mandate to debit it again and again."""
    return _make(ctx, method, {"multi_use": {}, "type": "multi_use"})


def _make(ctx: Context, method: Entity, uses: dict[str, Any]) -> Entity:
    kind = method["type"]
    made = new(
        ctx,
        "mandate",
        customer_acceptance=_acceptance(ctx),
        payment_method=method.id,
        payment_method_details={"type": kind, kind: _details(ctx, kind)},
        status="active",
        **uses,
    )
    return ctx.update(method, _mandate=made.id)


def _acceptance(ctx: Context) -> dict[str, Any]:
    data = ctx.body.get("mandate_data") if isinstance(ctx.body, dict) else None
    given = (data or {}).get("customer_acceptance") or {} if isinstance(data, dict) else {}
    kind = given.get("type") or "offline"
    made: dict[str, Any] = {"accepted_at": given.get("accepted_at") or ctx.now(), "type": kind}
    if kind == "online":
        online = given.get("online") or {}
        made["online"] = {"ip_address": online.get("ip_address"), "user_agent": online.get("user_agent")}
    else:
        made["offline"] = {}
    return made


def _details(ctx: Context, kind: str) -> dict[str, Any]:
    reference = ctx.token(16, _DIGITS)
    if kind == "sepa_debit":
        return {"reference": reference, "url": f"{_URL}/sepa_debit/file/{reference}"}
    if kind == "bacs_debit":
        return {"display_name": None, "network_status": "accepted", "reference": reference, "revocation_reason": None,
                "service_user_number": None, "url": f"{_URL}/bacs_debit/file/{reference}"}  # fmt: skip
    if kind == "au_becs_debit":
        return {"url": f"{_URL}/au_becs_debit/file/{reference}"}
    if kind == "acss_debit":
        return {"interval_description": None, "payment_schedule": "sporadic", "transaction_type": "personal"}
    return {}
