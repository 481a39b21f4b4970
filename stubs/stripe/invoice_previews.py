"""Invoices that aren't there yet: what a subscription's next one would be, or the one of a change that isn't made.

A preview is the real thing, rehearsed: the change and the renewal are done as they would be, and undone.
"""

from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from . import discounts, invoiceitems, invoicing, subscription_cycle, subscription_making, subscriptions
from .amounts import price_amount
from .clocks import now_of, timed
from .fields import NO_ADDRESS, public, tell
from .inline import price_from_data
from .subscription_states import over

HOUR = 3_600
# What `subscription_details` shares with the request that changes a subscription.
_SHARED = ("billing_cycle_anchor", "billing_mode", "cancel_at", "cancel_at_period_end", "default_tax_rates", "items",
           "proration_behavior", "proration_date", "trial_end")  # fmt: skip


@operation("POST /v1/invoices/create_preview")
def create_preview(ctx: Context) -> dict[str, Any]:
    """The next invoice of a subscription or customer, changes and further items included. Nothing is stored."""
    return ctx.rehearse(lambda: _shown(_next(ctx, dict(ctx.body))))


@timed("invoice_upcoming")
def upcoming(ctx: Context, payload: dict[str, Any]) -> None:
    """A renewal comes up: tell what it will cost, unless nothing will be renewed."""
    found = ctx.find("subscription", payload["subscription"])
    if found is None or over(found) or subscription_cycle.next_boundary(found) != payload["boundary"]:
        return
    if found.get("_upcoming") == payload["boundary"]:  # told already: it was put off anew when something changed
        return
    ctx.update(found, _upcoming=payload["boundary"])
    try:
        body = {"customer": found["customer"], "subscription": found.id}
        invoice = ctx.rehearse(lambda: _shown(_next(ctx, body)))
    except Refusal:
        return
    tell(ctx, "invoice.upcoming", Entity("invoice", invoice["id"], invoice))


def _next(ctx: Context, body: dict[str, Any]) -> Entity:
    """The invoice as it would be drawn up; whatever that takes is done."""
    details = body.get("subscription_details") or {}
    held = _subscription(ctx, body)
    payer = _payer(ctx, body, held)
    _add_items(ctx, payer, body, held)
    if held is not None:
        invoice = _of_subscription(ctx, held, details)
    elif details.get("items") or (body.get("schedule_details") or {}).get("phases"):
        invoice = _of_new(ctx, payer, details or body["schedule_details"]["phases"][0])
    else:
        invoice = _of_pending(ctx, payer, body)
    asked = discounts.wanted(body)
    if asked is not None:
        made = discounts.make(ctx, asked, customer=payer.id, invoice=invoice.id)
        invoice = ctx.update(invoice, discounts=[one.id for one in made])
        invoice = invoicing.add_up(ctx, invoice)
    return invoice


def _subscription(ctx: Context, body: dict[str, Any]) -> Entity | None:
    """The subscription that a preview is about: the one named, a schedule's, or the customer's that renews next."""
    if body.get("subscription"):
        return ctx.get("subscription", body["subscription"], param="subscription")
    if body.get("schedule"):
        schedule = ctx.get("subscription_schedule", body["schedule"], param="schedule")
        return ctx.find("subscription", schedule["subscription"]) if schedule["subscription"] else None
    if (
        not body.get("customer")
        or (body.get("subscription_details") or {}).get("items")
        or body.get("schedule_details")
    ):
        return None
    living = [one for one in ctx.list("subscription", customer=body["customer"]) if not over(one)]
    going_on = [one for one in living if not _ends(one)]
    return min(going_on, key=subscription_cycle.next_boundary, default=None)


def _payer(ctx: Context, body: dict[str, Any], held: Entity | None) -> Entity:
    """Whose invoice it would be; somebody made up where only details are given."""
    details = body.get("customer_details") or {}
    fields: dict[str, Any] = {}
    if details.get("tax_exempt"):
        fields["tax_exempt"] = details["tax_exempt"]
    if details.get("address"):
        fields["address"] = NO_ADDRESS | details["address"]
    name = body.get("customer") or (held["customer"] if held is not None else None)
    if name:
        payer = ctx.get("customer", name, param="customer")
        if held is not None and held["customer"] != payer.id:
            message = f"The subscription {held.id} does not belong to the customer {payer.id}."
            raise Refusal(400, None, message, param="subscription")
        return ctx.update(payer, **fields) if fields else payer
    if not details and not body.get("subscription_details"):
        message = "You must specify one of `customer`, `customer_details`, `subscription` or `schedule`."
        raise Refusal(400, "parameter_missing", message, param="customer")
    return ctx.create("customer", balance=0, next_invoice_sequence=1, **({"tax_exempt": "none"} | fields))


def _add_items(ctx: Context, payer: Entity, body: dict[str, Any], held: Entity | None) -> None:
    """The further items of a request, or its changes of items that are pending."""
    for place, given in enumerate(body.get("invoice_items") or ()):
        param = f"invoice_items[{place}]"
        if given.get("invoiceitem"):
            found = ctx.get("invoiceitem", given["invoiceitem"], param=f"{param}[invoiceitem]")
            changes = ("amount", "description", "discountable", "period")
            ctx.update(found, **{name: given[name] for name in changes if name in given})
            continue
        fallback = held["currency"] if held is not None else payer["currency"] or body.get("currency") or "usd"
        names = ("description", "discountable", "metadata", "period", "tax_rates")
        fields = {name: given[name] for name in names if given.get(name)}
        about = {"subscription": held.id} if held is not None else {}
        invoiceitems.make(ctx, payer, _cost(ctx, given, fallback, param), **fields, **about)


def _cost(ctx: Context, given: dict[str, Any], fallback: str, param: str) -> dict[str, Any]:
    """What a further item costs, as `invoiceitems.make` takes it."""
    quantity = Decimal(given.get("quantity_decimal") or str(given.get("quantity") or 1))
    price = None
    if given.get("price"):
        price = ctx.get("price", given["price"], param=f"{param}[price]")
    elif isinstance(given.get("price_data"), dict):
        price = price_from_data(ctx, given["price_data"], f"{param}[price_data]")
    if price is not None:
        amount = price_amount(price, quantity)
        return {"amount": amount, "currency": price["currency"], "price": price, "quantity_decimal": str(quantity)}
    unit = given.get("unit_amount_decimal") or given.get("unit_amount")
    amount = given.get("amount", 0) if unit is None else price_amount({"unit_amount_decimal": str(unit)}, quantity)
    whole = str(quantity) if unit is not None else "1"
    return {"amount": amount, "currency": given.get("currency") or fallback, "quantity_decimal": whole}


def _of_subscription(ctx: Context, held: Entity, details: dict[str, Any]) -> Entity:
    """The invoice of a change that is billed at once, else that of the next renewal, with what the change leaves for it."""
    latest = held["latest_invoice"]
    body = {name: details[name] for name in _SHARED if name in details}
    moment = details.get("proration_date")
    if details.get("cancel_now"):
        held = subscriptions.cancel_now(ctx, held, {"invoice_now": True, "prorate": True})
    elif body:
        held = subscriptions.change_by(ctx, held, body | {"payment_behavior": "default_incomplete"})
    held = ctx.get("subscription", held.id)
    if body and held["latest_invoice"] not in {None, latest}:
        return _at_moment(ctx, ctx.get("invoice", held["latest_invoice"]), moment)
    if over(held) or _ends(held):
        raise _none(held["customer"])
    at = subscription_cycle.next_boundary(held)
    if held["status"] == "trialing":
        held = subscription_cycle.end_trial(ctx, held, at)
    else:
        due = [item["id"] for item in held["items"]["data"] if item["current_period_end"] <= at]
        held = subscription_cycle.renew(ctx, held, due, at)
    invoice = ctx.get("invoice", ctx.get("subscription", held.id)["latest_invoice"])
    invoice = ctx.update(invoice, created=at, next_payment_attempt=at + HOUR)
    return _at_moment(ctx, invoice, (moment or now_of(ctx, held["customer"])) if body else None)


def _of_new(ctx: Context, payer: Entity, details: dict[str, Any]) -> Entity:
    """The first invoice of a subscription that would be made."""
    names = (
        "billing_cycle_anchor",
        "billing_mode",
        "cancel_at",
        "default_tax_rates",
        "proration_behavior",
        "trial_end",
    )
    body = {name: details[name] for name in names if name in details}
    items = [
        {name: value for name, value in item.items() if name not in {"id", "deleted"}} for item in details["items"]
    ]
    body |= {"customer": payer.id, "items": items, "payment_behavior": "default_incomplete"}
    made = subscription_making.make(ctx, body)
    return ctx.get("invoice", made["latest_invoice"])


def _of_pending(ctx: Context, payer: Entity, body: dict[str, Any]) -> Entity:
    """The invoice of what is pending; refused where nothing is."""
    currency = body.get("currency") or payer["currency"] or "usd"
    invoice = invoicing.draft(ctx, customer=payer.id, currency=currency, pending=True)
    if not invoice["_lines"]:
        raise _none(payer.id)
    return invoice


def _at_moment(ctx: Context, invoice: Entity, moment: int | None) -> Entity:
    parent = invoice["parent"]
    if moment is None or not parent or not parent.get("subscription_details"):
        return invoice
    details = parent["subscription_details"] | {"subscription_proration_date": moment}
    return ctx.update(invoice, parent=parent | {"subscription_details": details})


def _ends(subscription: Entity) -> bool:
    """Whether it is over before it would be renewed."""
    end = subscription["cancel_at"]
    return end is not None and end <= subscription_cycle.next_boundary(subscription)


def _shown(invoice: Entity) -> dict[str, Any]:
    """The invoice as a preview shows it: with all its lines, never finalized, never paid."""
    name = f"upcoming_{invoice.id}"
    items = [item | {"invoice": name} for item in invoice["_items"]]
    return public(invoice) | {
        "id": name,
        "amount_paid": 0,
        "amount_remaining": invoice["amount_due"],
        "attempt_count": 0,
        "attempted": False,
        "automatically_finalizes_at": None,
        "billing_reason": "upcoming" if invoice["billing_reason"] != "manual" else "manual",
        "effective_at": None,
        "ending_balance": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "lines": {"data": items, "has_more": False, "object": "list", "url": f"/v1/invoices/{name}/lines"},
        "number": None,
        "status": "draft",
        "status_transitions": invoicing.TRANSITIONS,
        "webhooks_delivered_at": None,
    }


def _none(customer: str) -> Refusal:
    return Refusal(404, "invoice_upcoming_none", f"No upcoming invoices for customer: {customer}")
