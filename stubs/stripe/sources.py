"""Cards saved on customers, the older way: each is a `card` object, and one of them is the default."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from .card_details import card_fields, declined, read_card, token_card
from .fields import change, page, short_list, tell
from .wording import METHOD_AS_SOURCE


def add_card(ctx: Context, customer: Entity, source: str | dict[str, Any], param: str = "source") -> Entity:
    """Store a card on a customer from a token or raw details, checking it as Stripe does when a card is saved."""
    if isinstance(source, str):
        if source.startswith("pm_"):
            raise Refusal(400, None, METHOD_AS_SOURCE, param=param)
        card, details, address = token_card(ctx, source, param)
    else:
        card, details = read_card(ctx, source, param)
        address = source
    if card.decline is not None and not card.traits:
        raise declined(card.decline)
    fields = card_fields(card, details, address)
    passed = {name: "pass" for name in ("cvc_check", "address_line1_check", "address_zip_check") if fields[name]}
    saved = ctx.create("card", **(fields | passed), customer=customer.id, metadata={}, _card=card.name)
    tell(ctx, "customer.source.created", saved)
    return saved


@operation("POST /v1/customers/{customer}/sources")
def create_source(ctx: Context, customer: str) -> Entity | dict[str, Any]:
    """Save a card on a customer; bank accounts are stateful by schema alone."""
    owner = ctx.get("customer", customer)
    given = ctx.body.get("source") or ctx.body.get("card")
    if given is None:
        raise Refusal(400, "parameter_missing", "Missing required param: source.", param="source")
    card = add_card(ctx, owner, given)
    if ctx.body.get("metadata"):
        card = ctx.update(card, metadata=ctx.body["metadata"])
    if owner["default_source"] is None:
        ctx.update(owner, default_source=card.id)
    return card


@operation("GET /v1/customers/{customer}/sources")
def list_sources(ctx: Context, customer: str) -> dict[str, Any]:
    """The customer's saved cards."""
    owner = ctx.get("customer", customer)
    return page(ctx, "card", customer=owner.id)


@operation("GET /v1/customers/{customer}/sources/{id}")
def retrieve_source(ctx: Context, customer: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """One saved card."""
    return _owned(ctx, customer, id)


@operation("POST /v1/customers/{customer}/sources/{id}")
def update_source(ctx: Context, customer: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Change a saved card's expiry, address, name or metadata."""
    card = _owned(ctx, customer, id)
    fields = {key: value for key, value in ctx.body.items() if key in card and key != "metadata"}
    for name in ("exp_month", "exp_year"):  # this operation's document has them as texts
        if name in fields:
            if not str(fields[name]).isdigit():
                raise Refusal(400, "parameter_invalid_integer", f"Invalid integer: {fields[name]}", param=name)
            fields[name] = int(fields[name])
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(card["metadata"], ctx.body["metadata"])
    return change(ctx, card, "customer.source.updated", **fields)


@operation("DELETE /v1/customers/{customer}/sources/{id}")
def delete_source(ctx: Context, customer: str, id: str) -> dict[str, Any]:  # noqa: A002 - the document's parameter
    """Remove a saved card; the customer's default moves on to the newest that is left."""
    card = _owned(ctx, customer, id)
    tell(ctx, "customer.source.deleted", card)
    ctx.delete(card)
    owner = ctx.get("customer", customer)
    if owner["default_source"] == card.id:
        left = ctx.list("card", limit=1, customer=owner.id)
        ctx.update(owner, default_source=left[0].id if left else None)
    return {"id": card.id, "object": "card", "deleted": True, "currency": None}


@expands("customer", "sources")
def sources_of(ctx: Context, customer: Entity) -> dict[str, Any]:
    """A customer's saved cards, as the customer shows them where that is asked for."""
    return short_list(ctx.list("card", limit=11, customer=customer.id), f"/v1/customers/{customer.id}/sources")


@expands("customer", "subscriptions")
def subscriptions_of(ctx: Context, customer: Entity) -> dict[str, Any]:
    """A customer's subscriptions, likewise."""
    found = ctx.list("subscription", limit=11, customer=customer.id)
    return short_list(found, f"/v1/customers/{customer.id}/subscriptions")


@expands("customer", "tax_ids")
def tax_ids_of(ctx: Context, customer: Entity) -> dict[str, Any]:
    """A customer's tax ids, likewise."""
    found = ctx.list("tax_id", limit=11, customer=customer.id)
    return short_list(found, f"/v1/customers/{customer.id}/tax_ids")


def _owned(ctx: Context, customer: str, source: str) -> Entity:
    owner = ctx.get("customer", customer)
    card = ctx.find("card", source)
    if card is None or card["customer"] != owner.id:
        raise Refusal(404, "resource_missing", f"No such source: '{source}'", param="id")
    return card
