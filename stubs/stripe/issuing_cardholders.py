"""Issuing: who holds the cards. A cardholder who is inactive or blocked can't spend."""

from typing import Any

from childproof.stubkit import Context, Entity, merged_metadata, operation

from .fields import NO_ADDRESS, change, new, page, picked, public, since, tell

CONTROLS: dict[str, Any] = {
    "allowed_card_presences": None,
    "allowed_categories": None,
    "allowed_merchant_countries": None,
    "blocked_card_presences": None,
    "blocked_categories": None,
    "blocked_merchant_countries": None,
    "spending_limits": [],
    "spending_limits_currency": None,
}


@operation("POST /v1/issuing/cardholders")
def create(ctx: Context) -> Entity:
    """A cardholder, active at once where nothing is asked of them."""
    body = ctx.body
    holder = new(
        ctx,
        "issuing.cardholder",
        billing={"address": NO_ADDRESS | body["billing"]["address"]},
        company={"tax_id_provided": bool((body.get("company") or {}).get("tax_id"))} if body.get("company") else None,
        email=body.get("email"),
        individual=_individual(body.get("individual")),
        metadata=merged_metadata({}, body.get("metadata")),
        name=body["name"],
        phone_number=body.get("phone_number"),
        preferred_locales=body.get("preferred_locales") or [],
        requirements={"disabled_reason": None, "past_due": []},
        spending_controls=controls(body),
        status=body.get("status") or "active",
        type=body.get("type") or "individual",
    )
    tell(ctx, "issuing_cardholder.created", holder)
    return holder


@operation("POST /v1/issuing/cardholders/{cardholder}")
def update(ctx: Context, cardholder: str) -> Entity:
    """Change a cardholder; the cards show it."""
    holder = ctx.get("issuing.cardholder", cardholder)
    body = ctx.body
    fields = picked(body, "email", "phone_number", "preferred_locales", "status")
    if "metadata" in body:
        fields["metadata"] = merged_metadata(holder["metadata"], body["metadata"])
    if body.get("billing"):
        fields["billing"] = {"address": NO_ADDRESS | body["billing"]["address"]}
    if body.get("individual"):
        given = {name: value for name, value in (_individual(body["individual"]) or {}).items() if value is not None}
        fields["individual"] = (holder["individual"] or _individual({}) or {}) | given
    if "spending_controls" in body:
        fields["spending_controls"] = controls(body, holder["spending_controls"])
    holder = change(ctx, holder, "issuing_cardholder.updated", **fields)
    for card in ctx.list("issuing.card", _cardholder=holder.id):
        ctx.update(card, cardholder=public(holder))
    return holder


@operation("GET /v1/issuing/cardholders")
def list_cardholders(ctx: Context) -> dict[str, Any]:
    """Cardholders, newest first."""
    where = {name: ctx.query[name] for name in ("email", "phone_number", "status", "type") if ctx.query.get(name)}
    return page(ctx, since(ctx, ctx.list("issuing.cardholder", **where)))


def controls(body: dict[str, Any], held: dict[str, Any] | None = None) -> dict[str, Any]:
    """A request's spending controls, made whole."""
    given = dict(body.get("spending_controls") or {})
    if "spending_limits" in given:
        given["spending_limits"] = [{"categories": []} | limit for limit in given["spending_limits"] or ()]
    return (held or CONTROLS) | given


def _individual(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    terms = (given.get("card_issuing") or {}).get("user_terms_acceptance")
    accepted = {"date": None, "ip": None, "user_agent": None} | terms if terms else None
    document = (given.get("verification") or {}).get("document")
    return {
        "card_issuing": {"user_terms_acceptance": accepted} if accepted else None,
        "dob": given.get("dob") or None,
        "first_name": given.get("first_name"),
        "last_name": given.get("last_name"),
        "verification": {"document": {"back": None, "front": None} | document} if document else None,
    }
