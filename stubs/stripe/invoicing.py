"""An invoice's life: drawn up, finalized, paid, voided, given up. Requests, subscriptions and the clock all come through here.

`invoice_states.py` has the table of states. A payment that is declined is no error here: the invoice stays open, events
tell of it, and whoever called looks at its status. What it does to a subscription is told in `subscription_effects.py`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from . import bills, customer_balance, discounts, invoice_payments, subscription_effects
from .amounts import Bill
from .clocks import later, now_of
from .fields import change, new, tell
from .invoice_lines import Line, line, listed, of_item, shown
from .money import MINIMUMS

HOUR = 3_600
DAY = 86_400
SELLER = "Childproof Test"
RETRIES = (3, 5, 7)  # days to the next attempt; docs.stripe.com/billing/revenue-recovery/smart-retries, custom schedule
TRANSITIONS = {"finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None}


def draft(
    ctx: Context,
    *,
    customer: str,
    currency: str,
    lines: Iterable[Mapping[str, Any]] = (),
    billing_reason: str = "manual",
    collection_method: str = "charge_automatically",
    subscription: str | None = None,
    pending: bool = True,
    **fields: Any,
) -> Entity:
    """A draft with these lines (`invoice_lines.line` says what they take) and the customer's pending invoice items.

    `fields` are the invoice's own, ids in `discounts` and `default_tax_rates`; `discounts` left out means the
    customer's. With `auto_advance` (the default for subscriptions) it finalizes itself after an hour. Tells
    `invoice.created`.
    """
    payer = ctx.get("customer", customer)
    now = now_of(ctx, customer)
    advance = fields.pop("auto_advance", subscription is not None)
    inherited = fields.pop("discounts", None)
    if inherited is None:
        own = discounts.of_customer(ctx, payer)
        inherited = [own] if own else []
    rates = [rate if isinstance(rate, str) else rate["id"] for rate in fields.pop("default_tax_rates", None) or ()]
    days = fields.pop("days_until_due", None)
    if days is not None:
        fields["due_date"] = now + days * DAY
    parent = _parent(ctx, subscription, fields.pop("parent", None))
    invoice = new(
        ctx,
        "invoice",
        **{"created": now, "effective_at": None, "period_end": now, "period_start": now} | _of_payer(payer) | fields,
        account_country="US",
        account_name=SELLER,
        auto_advance=advance,
        automatically_finalizes_at=now + HOUR if advance else None,
        billing_reason=billing_reason,
        collection_method=collection_method,
        currency=currency,
        customer=customer,
        default_tax_rates=bills.tax_rates_shown(ctx, rates),
        discounts=list(inherited),
        issuer={"type": "self"},
        next_payment_attempt=now + HOUR if advance and collection_method == "charge_automatically" else None,
        parent=parent,
        status="draft",
        status_transitions=TRANSITIONS,
        webhooks_delivered_at=now,
        _days_until_due=days,
        _lines=[],
        _subscription=subscription,
    )
    discounts.owned(ctx, invoice)
    if payer["currency"] is None:
        ctx.update(payer, currency=currency)
    made = [line(ctx, given, currency=currency, now=now) for given in lines]
    invoice = put_lines(ctx, invoice, made)
    if pending:
        invoice = pull(ctx, invoice, subscription)
    tell(ctx, "invoice.created", invoice)
    if advance:
        later(ctx, customer, now + HOUR, "invoice_finalizes", {"invoice": invoice.id})
    return invoice


def pull(ctx: Context, invoice: Entity, subscription: str | None) -> Entity:
    """Take the customer's pending items of the invoice's currency onto a draft; of a subscription's, those for it."""
    found = []
    for item in ctx.list("invoiceitem", customer=invoice["customer"], currency=invoice["currency"], invoice=None):
        about = ((item["parent"] or {}).get("subscription_details") or {}).get("subscription")
        if subscription is None or about in {None, subscription}:
            found.append(item)
    return add_items(ctx, invoice, found)


def add_items(ctx: Context, invoice: Entity, items: Iterable[Entity]) -> Entity:
    """Put pending invoice items onto a draft, newest first, before the lines that are there."""
    made: list[Line] = []
    for item in items:
        entry = line(ctx, of_item(item), currency=invoice["currency"], now=invoice["created"])
        ctx.update(item, invoice=invoice.id, _line=entry["id"])
        made.append(entry)
    return put_lines(ctx, invoice, [*made, *invoice["_lines"]]) if made else invoice


def put_lines(ctx: Context, invoice: Entity, lines: list[Line]) -> Entity:
    """Give a draft other lines; all totals follow."""
    return add_up(ctx, ctx.update(invoice, _lines=lines))


def computed(ctx: Context, invoice: Mapping[str, Any], lines: list[Line]) -> tuple[dict[str, Any], Bill]:
    """The fields of an invoice that follow from its lines, discounts, taxes, shipping and the customer's balance."""
    shipping = (invoice["shipping_cost"] or {}).get("amount_total", 0)
    rates = [rate["id"] for rate in invoice["default_tax_rates"]]
    found = bills.add_up(
        ctx, lines, currency=invoice["currency"], discounts=invoice["discounts"], default_tax_rates=rates,
        tax_exempt=invoice["customer_tax_exempt"], shipping=shipping,
    )  # fmt: skip
    live = bool(invoice["livemode"])
    items = [shown(entry, share, invoice["id"], livemode=live) for entry, share in zip(lines, found.rows, strict=True)]
    balance = customer_balance.of(ctx, invoice["customer"], invoice["currency"])
    due = max(0, found.total + balance) if found.total > 0 else 0
    fields = {
        "amount_due": due,
        "amount_remaining": due,
        "amount_shipping": shipping,
        "lines": listed(items, invoice["id"]),
        "starting_balance": balance,
        "subtotal": found.subtotal,
        "subtotal_excluding_tax": found.subtotal_excluding_tax,
        "total": found.total,
        "total_discount_amounts": bills.discount_amounts(found.discounts),
        "total_excluding_tax": found.total_excluding_tax,
        "total_pretax_credit_amounts": bills.credits_before_tax(found.discounts),
        "total_taxes": bills.taxes(found.taxes),
        "_items": items,
    }
    return fields, found


def add_up(ctx: Context, invoice: Entity) -> Entity:
    """Work a draft's totals out again."""
    fields, _ = computed(ctx, invoice, invoice["_lines"])
    return ctx.update(invoice, **fields)


def finalize(ctx: Context, invoice: Entity, *, auto_advance: bool | None = None) -> Entity:
    """Number a draft, apply the customer's balance, and ask for the money: open, or paid at once where nothing is due.

    Tells `invoice.finalized`. With `auto_advance` what is due is collected an hour later.
    """
    customer = ctx.get("customer", invoice["customer"])
    now = now_of(ctx, customer.id)
    invoice = add_up(ctx, ctx.update(invoice, **_of_payer(customer)))
    advance = invoice["auto_advance"] if auto_advance is None else auto_advance
    total, start = invoice["total"], invoice["starting_balance"]
    due, end, kind = _settled_with_balance(total, start, invoice["currency"])
    if end != start:
        customer = customer_balance.enter(ctx, customer, end - start, kind, invoice["currency"], invoice=invoice.id)
    number, customer = _number(ctx, invoice, customer)
    days = invoice["_days_until_due"]
    sends = invoice["collection_method"] == "send_invoice"
    transitions = invoice["status_transitions"] | {"finalized_at": now}
    page = f"https://invoice.stripe.com/i/acct_1childproofTest0/test_{ctx.token(64)}"
    invoice = ctx.move(
        invoice,
        "open",
        amount_due=due,
        amount_remaining=due,
        auto_advance=advance and due > 0,
        automatically_finalizes_at=None,
        due_date=now + days * DAY if days is not None else invoice["due_date"],
        effective_at=invoice["effective_at"] or now,
        ending_balance=end,
        hosted_invoice_url=f"{page}?s=ap",
        invoice_pdf=f"https://pay.stripe.com/invoice/{page.rpartition('/i/')[2]}/pdf?s=ap",
        next_payment_attempt=now + HOUR if advance and due > 0 and not sends else None,
        number=number,
        status_transitions=transitions,
    )
    discounts.use(ctx, invoice["discounts"])
    if due > 0:
        invoice_payments.ask(ctx, invoice)
    tell(ctx, "invoice.finalized", invoice)
    _replace(ctx, invoice)
    if due == 0:
        return settle(ctx, invoice, 0)
    if advance:
        later(ctx, customer.id, now + HOUR, "invoice_collects", {"invoice": invoice.id})
    if invoice["due_date"] is not None:
        _remind(ctx, invoice, now)
    return invoice


def pay(ctx: Context, invoice: Entity, *, method: Entity | None = None, off_session: bool = True) -> Entity:
    """Try to collect an invoice, a draft being finalized first; with the method given, else the one that is its default.

    Gives the invoice as it then is: paid, or still open where the payment was declined, waits for the customer, or is
    under way. That is told by events, not raised.
    """
    if invoice["status"] == "draft":
        invoice = finalize(ctx, invoice)
    if invoice["status"] in {"open", "uncollectible"}:
        invoice_payments.attempt(ctx, invoice, method, off_session=off_session)
    return ctx.get("invoice", invoice.id)


def settle(ctx: Context, invoice: Entity, amount: int, *, off_stripe: bool = False, **more: Any) -> Entity:
    """Money for an invoice has come. What is more than was due is the customer's credit; when all is there, it is paid.

    `more` are further fields that change with it.
    """
    now = now_of(ctx, invoice["customer"])
    over = max(0, amount - invoice["amount_remaining"])
    left = max(0, invoice["amount_remaining"] - amount)
    before = dict(invoice)
    fields: dict[str, Any] = {
        "amount_overpaid": invoice["amount_overpaid"] + over,
        "amount_paid": invoice["amount_paid"] + amount - over,
        "amount_remaining": left,
        **more,
    }
    if off_stripe:
        fields["amount_paid_off_stripe"] = invoice["amount_paid_off_stripe"] + amount
    if left > 0:
        return change(ctx, invoice, "invoice.updated", **fields)
    transitions = invoice["status_transitions"] | {"paid_at": now}
    invoice = ctx.move(
        invoice, "paid", **(fields | {"attempted": True}), auto_advance=False, next_payment_attempt=None,
        status_transitions=transitions,
    )  # fmt: skip
    invoice_payments.cancel(ctx, invoice, "automatic")  # what else was asked for is no longer due
    if over:
        payer = ctx.get("customer", invoice["customer"])
        customer_balance.enter(ctx, payer, -over, "invoice_overpaid", invoice["currency"], invoice=invoice.id)
    if amount or before["amount_due"]:
        told(ctx, invoice, before)
    tell(ctx, "invoice.paid", invoice)
    tell(ctx, "invoice.payment_succeeded", invoice)
    customer_balance.owes(ctx, invoice["customer"], late=False)
    subscription_effects.paid(ctx, invoice)
    return ctx.get("invoice", invoice.id)


def void(ctx: Context, invoice: Entity) -> Entity:
    """Declare an invoice void: nothing is owed, what the balance gave for it goes back."""
    now = now_of(ctx, invoice["customer"])
    before = dict(invoice)
    invoice_payments.cancel(ctx, invoice, "void_invoice")
    applied = invoice["ending_balance"] - invoice["starting_balance"]
    payer = ctx.find("customer", invoice["customer"])
    if applied and payer is not None:
        customer_balance.enter(ctx, payer, -applied, "unapplied_from_invoice", invoice["currency"], invoice=invoice.id)
    transitions = invoice["status_transitions"] | {"voided_at": now}
    invoice = ctx.move(
        invoice, "void", amount_remaining=0, auto_advance=False, next_payment_attempt=None,
        status_transitions=transitions,
    )  # fmt: skip
    tell(ctx, "invoice.voided", invoice)
    told(ctx, invoice, before)
    subscription_effects.voided(ctx, invoice)
    return ctx.get("invoice", invoice.id)


def mark_uncollectible(ctx: Context, invoice: Entity) -> Entity:
    """Give an invoice up for the books. It can still be paid."""
    before = dict(invoice)
    transitions = invoice["status_transitions"] | {"marked_uncollectible_at": now_of(ctx, invoice["customer"])}
    invoice = ctx.move(
        invoice, "uncollectible", auto_advance=False, next_payment_attempt=None, status_transitions=transitions
    )
    tell(ctx, "invoice.marked_uncollectible", invoice)
    told(ctx, invoice, before)
    customer_balance.owes(ctx, invoice["customer"], late=False)
    subscription_effects.uncollectible(ctx, invoice)
    return ctx.get("invoice", invoice.id)


def told(ctx: Context, invoice: Entity, before: Mapping[str, Any]) -> None:
    """Tell `invoice.updated` with what was there before."""
    previous = {
        name: before.get(name)
        for name, value in invoice.items()
        if not name.startswith("_") and before.get(name) != value
    }
    tell(ctx, "invoice.updated", invoice, previous_attributes=previous)


def _replace(ctx: Context, invoice: Entity) -> None:
    """A revision takes the place of the invoice that it revises, which is voided."""
    source = invoice["from_invoice"]
    revised = ctx.find("invoice", source["invoice"]) if source else None
    if revised is not None and revised["status"] in {"open", "uncollectible"}:
        void(ctx, ctx.update(revised, latest_revision=invoice.id))


def _of_payer(payer: Entity) -> dict[str, Any]:
    return {
        "customer_address": payer["address"],
        "customer_email": payer["email"],
        "customer_name": payer["name"],
        "customer_phone": payer["phone"],
        "customer_shipping": payer["shipping"],
        "customer_tax_exempt": payer["tax_exempt"],
        "customer_tax_ids": [],
    }


def _parent(ctx: Context, subscription: str | None, given: Any) -> dict[str, Any] | None:
    if given is not None or subscription is None:
        return dict(given) if given is not None else None
    held = ctx.find("subscription", subscription)
    details = {"metadata": dict(held["metadata"] or {}) if held is not None else {}, "subscription": subscription}
    return {"quote_details": None, "subscription_details": details, "type": "subscription_details"}


def _settled_with_balance(total: int, start: int, currency: str) -> tuple[int, int, str]:
    """What is due, the balance after it, and why the balance changes (docs.stripe.com/billing/customer/balance)."""
    if total <= 0:
        return 0, start + total, "applied_to_invoice"
    due = total + start
    if due <= 0:
        return 0, due, "applied_to_invoice"
    minimum = MINIMUMS.get(currency, (0, ""))[0]
    if due < minimum:
        return 0, due, "invoice_too_small"
    return due, 0, "applied_to_invoice"


def _number(ctx: Context, invoice: Entity, customer: Entity) -> tuple[str, Entity]:
    if invoice["number"]:
        return str(invoice["number"]), customer
    sequence = customer["next_invoice_sequence"]
    return f"{customer['invoice_prefix']}-{sequence:04}", ctx.update(customer, next_invoice_sequence=sequence + 1)


def _remind(ctx: Context, invoice: Entity, now: int) -> None:
    due, payload = invoice["due_date"], {"invoice": invoice.id}
    if due - 3 * DAY > now:
        later(ctx, invoice["customer"], due - 3 * DAY, "invoice_will_be_due", payload)
    if due > now:
        later(ctx, invoice["customer"], due, "invoice_overdue", payload)
