"""The items of subscriptions under their own address: each change is one of their subscription."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .fields import page
from .subscription_states import over
from .subscriptions import ENDED, change_by

_OF_SUBSCRIPTION = ("payment_behavior", "proration_behavior", "proration_date", "off_session")


@operation("POST /v1/subscription_items")
def create(ctx: Context) -> Entity:
    """Add an item to a subscription."""
    subscription = _living(ctx, ctx.body["subscription"], "subscription")
    held = {item["id"] for item in subscription["items"]["data"]}
    given = {
        name: value for name, value in ctx.body.items() if name not in {*_OF_SUBSCRIPTION, "subscription", "expand"}
    }
    changed = _change(ctx, subscription, given)
    new = next((item["id"] for item in _items(changed) if item["id"] not in held), None)
    if new is None:  # a pending update: the item comes with its payment
        raise Refusal(402, "subscription_payment_intent_requires_action", "The item is added once its invoice is paid.")
    return ctx.get("subscription_item", new)


@operation("GET /v1/subscription_items")
def list_items(ctx: Context) -> dict[str, Any]:
    """The items of a subscription, oldest first, as they stand in it."""
    subscription = ctx.get("subscription", ctx.query["subscription"], param="subscription")
    found = [ctx.find("subscription_item", item["id"]) for item in _items(subscription)]
    return page(ctx, [item for item in found if item is not None])


@operation("GET /v1/subscription_items/{item}")
def retrieve(ctx: Context, item: str) -> Entity:
    """One item."""
    return ctx.get("subscription_item", item)


@operation("POST /v1/subscription_items/{item}")
def update(ctx: Context, item: str) -> Entity:
    """Change an item's price or quantity."""
    found = ctx.get("subscription_item", item)
    subscription = _living(ctx, found["subscription"], None)
    given = {name: value for name, value in ctx.body.items() if name not in {*_OF_SUBSCRIPTION, "expand"}}
    _change(ctx, subscription, given | {"id": item})
    return ctx.get("subscription_item", item)


@operation("DELETE /v1/subscription_items/{item}")
def delete(ctx: Context, item: str) -> dict[str, Any]:
    """Take an item out of its subscription, which keeps at least one."""
    found = ctx.get("subscription_item", item)
    subscription = _living(ctx, found["subscription"], None)
    _change(ctx, subscription, {"id": item, "deleted": True})
    return {"id": item, "object": "subscription_item", "deleted": True}


def _change(ctx: Context, subscription: Entity, given: dict[str, Any]) -> Entity:
    shared = {name: value for name, value in (ctx.body | ctx.query).items() if name in _OF_SUBSCRIPTION}
    return change_by(ctx, subscription, shared | {"items": [given]})


def _items(subscription: Entity) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = subscription["items"]["data"]
    return found


def _living(ctx: Context, subscription: str, param: str | None) -> Entity:
    found = ctx.get("subscription", subscription, param=param) if param else ctx.get("subscription", subscription)
    if over(found):
        raise Refusal(400, None, ENDED)
    return found
