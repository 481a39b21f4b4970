"""What the charges API is paid with: tokens, typed cards, and what is saved on a customer or was made a source."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from . import older_sources
from .card_details import card_fields, read_card, token_card


def payer(ctx: Context, owner: Entity | None, given: Any) -> Entity:
    """What is charged: the named source, or the customer's default one."""
    if given is None:
        if owner is None:
            raise Refusal(400, "parameter_missing", "Must provide source or customer.")
        if owner["default_source"] is None:
            raise Refusal(402, "missing", "Cannot charge a customer that has no active card", type="card_error",
                          param="card")  # fmt: skip
        given = owner["default_source"]
    if isinstance(given, str) and given.startswith(("card_", "ba_")):
        return _saved(ctx, owner, given)
    if isinstance(given, str) and given.startswith("src_"):
        return _source(ctx, owner, given)
    if isinstance(given, str):
        card, details, address = token_card(ctx, given, "source")
    elif isinstance(given, dict):
        card, details = read_card(ctx, given, "source")
        address = given
    else:
        raise Refusal(400, None, "Invalid source object: must be a dictionary or a non-empty string.", param="source")
    return ctx.create("card", **card_fields(card, details, address), customer=None, metadata={}, _card=card.name)


def _saved(ctx: Context, owner: Entity | None, given: str) -> Entity:
    saved = ctx.find("card" if given.startswith("card_") else "bank_account", given)
    if saved is None or owner is None or saved["customer"] != owner.id:
        if owner is None:
            message = f"Cannot charge card {given}: a saved card is charged together with its customer."
            raise Refusal(400, "missing", message, param="source")
        message = f"Customer {owner.id} does not have a linked source with ID {given}."
        raise Refusal(404, "missing", message, param="source")
    if saved.resource == "bank_account" and saved["status"] != "verified":
        message = "The customer's bank account must be verified before it can be charged."
        raise Refusal(400, "bank_account_unverified", message, param="source")
    return saved


def _source(ctx: Context, owner: Entity | None, given: str) -> Entity:
    found = ctx.find("source", given)
    if found is None:
        raise Refusal(400, "resource_missing", f"No such source: '{given}'", param="source")
    if found.get("customer") and (owner is None or owner.id != found["customer"]):
        message = f"The source {given} is attached to a customer; pass that customer, too."
        raise Refusal(400, None, message, param="source")
    return older_sources.consume(ctx, found)
