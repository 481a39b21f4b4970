"""What a subscription is for: its items, made from requests and checked as Stripe does.

An item is an entity of its own and stands in its subscription as well; `store` writes both.
"""

from collections.abc import Iterable
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata

from .bills import tax_rates_shown
from .discounts import make as make_discounts
from .discounts import wanted
from .fields import public
from .periods import Interval
from .prices import make_price

Item = dict[str, Any]
MOST = 20  # items of a subscription


def price_for(ctx: Context, given: dict[str, Any], param: str) -> Entity:
    """The recurring price that a request names or describes (`price_data`); `param` is the name of the item in it."""
    data = given.get("price_data")
    if given.get("price"):
        price = ctx.get("price", given["price"], param=f"{param}[price]")
    elif isinstance(data, dict):
        product = ctx.get("product", data["product"], param=f"{param}[price_data][product]")
        price = make_price(ctx, data, product.id, prefix=f"{param}[price_data]")
        price = ctx.update(price, active=False)
    else:
        raise Refusal(400, "parameter_missing", f"Missing required param: {param}[price].", param=f"{param}[price]")
    if price["type"] != "recurring":
        message = (
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`."
        )
        raise Refusal(400, None, message, param=f"{param}[price]")
    if not price["active"] and not data:
        message = f"The price specified is inactive. This field only accepts active prices. ({price.id})"
        raise Refusal(400, None, message, param=f"{param}[price]")
    return price


def make(ctx: Context, subscription: str, customer: str, given: dict[str, Any], param: str, *, now: int) -> Item:
    """A new item of a subscription, stored; its period is still to be set."""
    price = price_for(ctx, given, param)
    entries = wanted(given)
    discounts: list[str] = []
    item = ctx.create(
        "subscription_item",
        created=now,
        metadata=merged_metadata({}, given.get("metadata")),
        price=public(price),
        subscription=subscription,
        tax_rates=tax_rates_shown(ctx, given.get("tax_rates")),
        current_period_start=now,
        current_period_end=now,
        billing_thresholds=given.get("billing_thresholds") or None,
        discounts=discounts,
    )
    if entries:
        made = make_discounts(ctx, entries, customer=customer, param=f"{param}[discounts]", subscription_item=item.id)
        discounts = [one.id for one in made]
    quantity = given.get("quantity")
    if price["recurring"]["usage_type"] == "metered":
        if quantity is not None:
            message = "You can't set a quantity for a price with `usage_type=metered`."
            raise Refusal(400, None, message, param=f"{param}[quantity]")
        fields = {name: value for name, value in item.items() if name != "quantity"}
        return dict(fields) | {"discounts": discounts}
    return dict(item) | {"quantity": 1 if quantity is None else quantity, "discounts": discounts}


def changed(ctx: Context, item: Item, customer: str, given: dict[str, Any], param: str) -> Item:
    """An item as a request changes it; not stored yet."""
    fields: Item = {}
    if given.get("price") or given.get("price_data"):
        fields["price"] = public(price_for(ctx, given, param))
    if "quantity" in given:
        fields["quantity"] = given["quantity"]
    if "metadata" in given:
        fields["metadata"] = merged_metadata(item["metadata"], given["metadata"])
    if "tax_rates" in given:
        fields["tax_rates"] = tax_rates_shown(ctx, given["tax_rates"] or ())
    if "billing_thresholds" in given:
        fields["billing_thresholds"] = given["billing_thresholds"] or None
    entries = wanted(given)
    if entries is not None:
        made = make_discounts(
            ctx, entries, customer=customer, param=f"{param}[discounts]", subscription_item=item["id"]
        )
        fields["discounts"] = [one.id for one in made]
    after = item | fields
    if after["price"]["recurring"]["usage_type"] == "metered":
        after.pop("quantity", None)
    else:
        after.setdefault("quantity", 1)
    return after


def check(items: Iterable[Item]) -> None:
    """Refuse items that can't be in one subscription: too many, a price twice, several currencies."""
    found = list(items)
    if len(found) > MOST:
        message = f"Subscriptions can have at most {MOST} items."
        raise Refusal(400, None, message, param="items")
    currencies = {item["price"]["currency"] for item in found}
    if len(currencies) > 1:
        message = (
            "The price specified only supports "
            f"`{found[-1]['price']['currency']}`. This doesn't match the expected currency: `{found[0]['price']['currency']}`."
        )
        raise Refusal(400, None, message, param="items")
    prices = [item["price"]["id"] for item in found]
    if len(set(prices)) < len(prices):
        twice = next(price for price in prices if prices.count(price) > 1)
        message = f"Cannot add multiple subscription items with the same plan: {twice}"
        raise Refusal(400, None, message, param="items")


def with_period(item: Item, anchor: int, start: int) -> Item:
    """An item whose period begins at a time and ends at the next boundary after it."""
    end = Interval.of(item["price"]).after(anchor, start)
    return item | {"current_period_start": start, "current_period_end": end}


def listed(subscription: str, items: list[Item]) -> dict[str, Any]:
    """Items as they stand in their subscription."""
    url = f"/v1/subscription_items?subscription={subscription}"
    return {"object": "list", "data": items, "has_more": False, "url": url}


def store(ctx: Context, subscription: str, items: list[Item]) -> dict[str, Any]:
    """Write a subscription's items, and forget those that it has no more; gives them as they stand in it."""
    kept = {item["id"] for item in items}
    for old in ctx.list("subscription_item", subscription=subscription):
        if old.id not in kept:
            ctx.delete(old)
    for item in items:
        held = ctx.find("subscription_item", item["id"])
        if held is not None and dict(held) != item:
            if "quantity" in held and "quantity" not in item:
                ctx.delete(held)
                ctx.create("subscription_item", item["id"], **item)
            else:
                ctx.update(held, **item)
    return listed(subscription, items)
