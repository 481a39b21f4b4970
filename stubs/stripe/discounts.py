"""Discounts: a coupon at work on a customer, a subscription, an invoice or one of its items.

A request names a coupon, a promotion code or a discount that is there already; older clients name one of the first two
without the list around it. A discount keeps the terms that its coupon had, also when the coupon is deleted.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .amounts import Cut
from .clocks import later, now_of, timed
from .fields import change, tell
from .money import shown
from .periods import Interval

Entry = dict[str, Any]


def wanted(body: dict[str, Any]) -> list[Entry] | None:
    """What a request says of discounts, as a list in today's shape. None: nothing; empty: away with them."""
    if "discounts" in body:
        return [dict(entry) for entry in body["discounts"] or ()]
    for name in ("promotion_code", "coupon"):
        if name in body:
            return [{name: body[name]}] if body[name] else []
    return None


def older_param(body: dict[str, Any]) -> str:
    """What a request calls its only discount, for errors."""
    return "promotion_code" if "promotion_code" in body else "coupon"


def make(
    ctx: Context, entries: Iterable[Entry], *, customer: str | None, param: str = "discounts", **owner: Any
) -> list[Entity]:
    """The discount objects of a request's entries, in order. `owner` is what they belong to (`subscription=…`).

    Raises Stripe's refusals for coupons and codes that are unknown, expired, used up or not for this customer.
    """
    made = []
    for place, entry in enumerate(entries):
        inside = f"{param}[{place}]" if param == "discounts" else ""
        if entry.get("discount"):
            found = ctx.get("discount", entry["discount"], param=f"{inside}[discount]")
            made.append(ctx.update(found, **owner, _unclaimed=False) if found.get("_unclaimed") else found)
            continue
        made.append(_made(ctx, entry, customer, inside, owner))
    return made


def claim(ctx: Context, ids: Iterable[str]) -> list[str]:
    """Discounts of a quote, for the invoice that it becomes (which still has to own them); gives their ids."""
    return [ctx.update(ctx.get("discount", one), invoice="", _unclaimed=False).id for one in ids]


def owned(ctx: Context, invoice: Entity) -> None:
    """Discounts that were made for an invoice before it was there know it from now on."""
    for one in invoice["discounts"]:
        held = ctx.find("discount", one)
        if held is not None and held["invoice"] == "":
            ctx.update(held, invoice=invoice.id)


def check_minimum(ctx: Context, invoice: Entity) -> None:
    """Refuse promotion codes that want a larger amount than a draft has; one without lines isn't asked yet."""
    if not invoice["_lines"]:
        return
    for one in invoice["discounts"]:
        held = ctx.find("discount", one)
        code = (
            ctx.find("promotion_code", held["promotion_code"]) if held is not None and held["promotion_code"] else None
        )
        if code is None:
            continue
        least, currency = code["restrictions"]["minimum_amount"], code["restrictions"]["minimum_amount_currency"]
        options = code["restrictions"].get("currency_options") or {}
        if currency != invoice["currency"]:
            least = (options.get(invoice["currency"]) or {}).get("minimum_amount")
        if least is not None and invoice["subtotal"] < least:
            message = (
                f"The promotion code ({code['code']}) cannot be redeemed because the amount of "
                f"{shown(invoice['subtotal'], invoice['currency'])} is less than its minimum amount of "
                f"{shown(least, invoice['currency'])}."
            )
            raise Refusal(400, "promotion_code_minimum_amount", message, param="discounts")


def coupon_of(ctx: Context, discount: Entity) -> Entity:
    """The coupon behind a discount, deleted or not."""
    found = ctx.find("coupon", discount["source"]["coupon"], deleted=True)
    assert found is not None
    return found


def cuts(ctx: Context, ids: Iterable[str], currency: str) -> list[Cut]:
    """The terms of discounts for an amount in a currency; what has ended or is in another currency is left out."""
    found = (ctx.find("discount", one) for one in ids)
    made = []
    for discount in found:
        if discount is None or (discount["end"] is not None and discount["end"] <= now_of(ctx, discount["customer"])):
            continue
        made.append(cut(coupon_of(ctx, discount), discount.id, currency))
    return [one for one in made if one is not None]


def cut(coupon: Entity, name: str, currency: str) -> Cut | None:
    """The terms of a coupon in a currency, under a name; None where it takes nothing off in that currency."""
    products = frozenset(coupon.get("_products") or ()) or None
    if coupon["percent_off"] is not None:
        return Cut(name, percent=Decimal(str(coupon["percent_off"])), products=products)
    options = coupon.get("_currencies") or {}
    amount = coupon["amount_off"] if coupon["currency"] == currency else options.get(currency, {}).get("amount_off")
    return Cut(name, amount=amount, products=products) if amount is not None else None


def use(ctx: Context, ids: Iterable[str]) -> None:
    """An invoice with these discounts was finalized: those of `duration: once` have done what they were for."""
    for one in ids:
        discount = ctx.find("discount", one)
        if discount is None or discount["invoice"] or discount["invoice_item"]:
            continue
        if coupon_of(ctx, discount)["duration"] == "once":
            end(ctx, discount)


def end(ctx: Context, discount: Entity) -> None:
    """Take a discount off whatever it is on."""
    if discount["subscription"]:
        holder = ctx.find("subscription", discount["subscription"])
        if holder is not None and discount.id in (holder["discounts"] or ()):
            ctx.update(holder, discounts=[one for one in holder["discounts"] if one != discount.id])
        return
    holder = ctx.find("customer", discount["customer"]) if discount["customer"] else None
    if holder is not None and (holder["discount"] or {}).get("id") == discount.id:
        ctx.update(holder, discount=None)
    tell(ctx, "customer.discount.deleted", discount)


def of_customer(ctx: Context, customer: Entity) -> str | None:
    """The id of the customer's own discount, where it still holds."""
    held = customer["discount"]
    if held is None or (held["end"] is not None and held["end"] <= now_of(ctx, customer.id)):
        return None
    return str(held["id"])


def replace(ctx: Context, customer: Entity, entries: list[Entry], param: str) -> dict[str, Any] | None:
    """The customer's discount after a request that names another, or none. Tells of it; the caller stores it."""
    held = ctx.find("discount", customer["discount"]["id"]) if customer["discount"] else None
    if not entries:
        if held is not None:
            tell(ctx, "customer.discount.deleted", held)
        return None
    made = make(ctx, entries[:1], customer=customer.id, param=param)[0]
    if held is None:
        tell(ctx, "customer.discount.created", made)
    else:
        previous = {name: held[name] for name in ("id", "source", "start", "end") if held[name] != made[name]}
        tell(ctx, "customer.discount.updated", made, previous_attributes=previous)
    return dict(made)


def put(ctx: Context, customer: Entity, entry: Entry, param: str) -> Entity:
    """Put a discount on a customer without telling of it; gives the discount."""
    made = make(ctx, [entry], customer=customer.id, param=param)[0]
    ctx.update(customer, discount=dict(made))
    return made


@operation("GET /v1/customers/{customer}/discount")
def retrieve_of_customer(ctx: Context, customer: str) -> Entity:
    """The customer's discount, where there is one."""
    held = ctx.get("customer", customer)["discount"]
    if held is None:
        raise Refusal(404, "resource_missing", f"No active discount for customer: {customer}", param="customer")
    return ctx.get("discount", held["id"])


@operation("DELETE /v1/customers/{customer}/discount")
def delete_of_customer(ctx: Context, customer: str) -> dict[str, Any]:
    """Take the customer's discount away."""
    held = retrieve_of_customer(ctx, customer)
    end(ctx, held)
    return _gone(held)


@operation("DELETE /v1/subscriptions/{subscription_exposed_id}/discount")
def delete_of_subscription(ctx: Context, subscription_exposed_id: str) -> dict[str, Any]:
    """Take all discounts of a subscription away; gives the last of them."""
    return _delete_of_subscription(ctx, subscription_exposed_id)


@operation("DELETE /v1/customers/{customer}/subscriptions/{subscription_exposed_id}/discount")
def delete_of_customers_subscription(ctx: Context, customer: str, subscription_exposed_id: str) -> dict[str, Any]:
    """The older address of a subscription's discount."""
    ctx.get("customer", customer)
    return _delete_of_subscription(ctx, subscription_exposed_id)


@timed("discount_ends")
def discount_ends(ctx: Context, payload: dict[str, Any]) -> None:
    """The months of a repeating coupon are over."""
    found = ctx.find("discount", payload["discount"])
    if found is not None:
        end(ctx, found)


def _delete_of_subscription(ctx: Context, subscription: str) -> dict[str, Any]:
    found = ctx.get("subscription", subscription)
    held = [one for one in (ctx.find("discount", name) for name in found["discounts"] or ()) if one is not None]
    if not held:
        raise Refusal(404, "resource_missing", f"No active discount for subscription: {subscription}",
                      param="subscription_exposed_id")  # fmt: skip
    change(ctx, found, "customer.subscription.updated", discounts=[])
    for discount in held:
        tell(ctx, "customer.discount.deleted", discount)
    return _gone(held[-1])


def _gone(discount: Entity) -> dict[str, Any]:
    names = ("id", "checkout_session", "customer", "customer_account", "invoice", "invoice_item", "object",
             "promotion_code", "source", "start", "subscription", "subscription_item")  # fmt: skip
    return {name: discount[name] for name in names} | {"deleted": True}


def _made(ctx: Context, entry: Entry, customer: str | None, inside: str, owner: dict[str, Any]) -> Entity:
    code = None
    if entry.get("promotion_code"):
        param = f"{inside}[promotion_code]" if inside else "promotion_code"
        code = ctx.get("promotion_code", entry["promotion_code"], param=param)
        _check_code(ctx, code, customer, param)
        name = code["promotion"]["coupon"]
    else:
        param = f"{inside}[coupon]" if inside else "coupon"
        name = entry.get("coupon")
        if not name:
            message = "You must specify one of `coupon`, `discount` or `promotion_code` for a discount."
            raise Refusal(400, "parameter_missing", message, param=param)
    coupon = ctx.get("coupon", name, param=param)
    if not coupon["valid"] or (coupon["redeem_by"] is not None and coupon["redeem_by"] <= ctx.now()):
        raise Refusal(400, "coupon_expired", f"Coupon expired: {coupon.id}", param=param)
    _redeem(ctx, coupon)
    if code is not None:
        _redeem(ctx, code)
    repeats = coupon["duration"] == "repeating"
    now = now_of(ctx, customer)
    until = Interval("month", coupon["duration_in_months"]).boundary(now, 1) if repeats else None
    fields = {"customer": customer, "invoice": None, "invoice_item": None, "subscription": None} | owner
    made = ctx.create(
        "discount",
        end=until,
        promotion_code=code.id if code is not None else None,
        source={"coupon": coupon.id, "type": "coupon"},
        start=now,
        **fields,
    )
    if until is not None:
        later(ctx, customer, until, "discount_ends", {"discount": made.id})
    return made


def _redeem(ctx: Context, thing: Entity) -> None:
    """Count one use of a coupon or a code; the last one ends it."""
    times = thing["times_redeemed"] + 1
    used_up = thing["max_redemptions"] is not None and times >= thing["max_redemptions"]
    flag = "valid" if thing.resource == "coupon" else "active"
    ctx.update(thing, times_redeemed=times, **({flag: False} if used_up else {}))


def _check_code(ctx: Context, code: Entity, customer: str | None, param: str) -> None:
    expired = code["expires_at"] is not None and code["expires_at"] <= ctx.now()
    if not code["active"] or expired:
        raise Refusal(400, "promotion_code_inactive", "This promotion code is expired or inactive.", param=param)
    if code["customer"] is not None and code["customer"] != customer:
        message = "This promotion code cannot be redeemed because it is restricted to another customer."
        raise Refusal(400, "promotion_code_customer_mismatch", message, param=param)
    if code["restrictions"]["first_time_transaction"] and customer is not None and _has_paid(ctx, customer):
        message = "This promotion code cannot be redeemed because the associated customer has prior transactions."
        raise Refusal(400, "promotion_code_prior_transactions", message, param=param)


def _has_paid(ctx: Context, customer: str) -> bool:
    paid = any(invoice["amount_paid"] > 0 for invoice in ctx.list("invoice", customer=customer, status="paid"))
    return paid or bool(ctx.list("charge", limit=1, customer=customer, status="succeeded"))
