"""New subscriptions: what a request says, checked and made whole; the first invoice and what its payment leads to.

`make` serves the API's own operation as well as schedules, quotes and Checkout.
"""

from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata

from . import subscription_lines as lines
from . import subscription_parts as parts
from .amounts import rounded
from .clocks import lives_by, now_of
from .discounts import make as make_discounts
from .discounts import wanted
from .fields import is_live, required, tell
from .invoice_payments import NO_METHOD
from .periods import DAY, Interval, anchored
from .prices import make_price, trial_days
from .subscription_cycle import arm, expire_later
from .subscription_fields import payer, simple
from .subscription_invoices import collect_now, draw_up

Item = dict[str, Any]
MONEY_LATER = "pending_if_incomplete"
LONGEST_TRIAL = 730  # days
_CONFIG = {"day_of_month": (1, 31), "hour": (0, 23), "minute": (0, 59), "month": (1, 12), "second": (0, 59)}


def make(ctx: Context, body: dict[str, Any], *, schedule: str | None = None, start: int | None = None) -> Entity:
    """A subscription from the body of a request to make one; its invoice is paid, or tried to be, as the body says.

    That of a schedule begins at `start`, is active at once, and has an hour before its first invoice is collected.
    """
    customer = ctx.get("customer", required(body, "customer"), param="customer")
    behavior = body.get("payment_behavior") or "allow_incomplete"
    if behavior == MONEY_LATER:
        message = "`pending_if_incomplete` can only be used when a subscription is updated."
        raise Refusal(400, None, message, param="payment_behavior")
    now = start if start is not None else now_of(ctx, customer.id)
    subscription = ctx.new_id("subscription")
    items = [
        parts.make(ctx, subscription, customer.id, given, f"items[{place}]", now=now)
        for place, given in enumerate(body.get("items") or ())
    ]
    if not items:
        raise Refusal(400, "parameter_missing", "Missing required param: items.", param="items")
    parts.check(items)
    made = _made(ctx, subscription, customer, body, items, now, schedule)
    made = _bill(ctx, made, body, behavior)
    if made["status"] == "trialing":
        made = ctx.update(made, pending_setup_intent=None)
    made = ctx.update(made, _making=False)
    if made["status"] == "incomplete":
        expire_later(ctx, made)
    tell(ctx, "customer.subscription.created", made)
    arm(ctx, made)
    return ctx.get("subscription", made.id)


def _made(  # noqa: PLR0917 - all that it is made of
    ctx: Context, name: str, customer: Entity, body: dict[str, Any], items: list[Item], now: int, schedule: str | None
) -> Entity:
    """The subscription as it is before anything is paid."""
    fields = simple(ctx, body, customer)
    currency = (body.get("currency") or items[0]["price"]["currency"]).lower()
    start = body.get("backdate_start_date") or now
    trial_end = _trial_end(ctx, body, items, now)
    anchor = trial_end or _anchor(body, items, start)
    if trial_end is not None:
        items = [item | {"current_period_start": now, "current_period_end": trial_end} for item in items]
        anchor = _given_anchor(body, now) or trial_end
    else:
        items = [parts.with_period(item, anchor, _current_start(item, anchor, start, now)) for item in items]
    by_invoice = fields["collection_method"] == "send_invoice" or schedule is not None
    if trial_end is None and not by_invoice and body.get("payment_behavior") != "default_incomplete":
        free = not any(lines.cost(ctx, item) for item in items)
        if not free and not payer(customer, fields):
            raise Refusal(400, "resource_missing", NO_METHOD)
    made = ctx.create(
        "subscription",
        name,
        **(fields | {"metadata": merged_metadata({}, body.get("metadata"))}),
        **lives_by_clock(ctx, customer, now),
        billing_cycle_anchor=anchor,
        billing_cycle_anchor_config=_config(body),
        billing_mode=_mode(body, now),
        billing_schedules=[],
        cancel_at=None,
        cancel_at_period_end=False,
        canceled_at=None,
        currency=currency,
        customer=customer.id,
        discounts=[],
        ended_at=None,
        items=parts.store(ctx, name, items),
        latest_invoice=None,
        livemode=is_live(ctx),
        pause_collection=None,
        pending_setup_intent=None,
        pending_update=None,
        schedule=schedule,
        start_date=start,
        trial_end=trial_end,
        trial_start=now if trial_end is not None else None,
        _making=True,
    )
    entries = wanted(body)
    if entries:
        found = make_discounts(ctx, entries, customer=customer.id, subscription=made.id)
        made = ctx.update(made, discounts=[one.id for one in found])
    made = ctx.update(made, **_cancellation(body, items, now))
    if trial_end is not None:
        return ctx.move(made, "trialing")
    return ctx.move(made, "active") if by_invoice else made


def lives_by_clock(ctx: Context, customer: Entity, now: int) -> dict[str, Any]:
    """What an object has of its customer's test clock."""
    return lives_by(ctx, customer.get("test_clock")) or {"created": now, "test_clock": None}


def _bill(ctx: Context, made: Entity, body: dict[str, Any], behavior: str) -> Entity:
    """Draw the first invoice up and have it paid; the subscription as that leaves it."""
    items = made["items"]["data"]
    asked = [line for item in items for line in _first_lines(ctx, made, item, body)]
    asked += [extra(ctx, made, given, place) for place, given in enumerate(body.get("add_invoice_items") or ())]
    invoice = draw_up(ctx, made, asked, "subscription_create")
    made = ctx.update(made, latest_invoice=invoice.id)
    if (made["collection_method"] == "send_invoice" or made["schedule"]) and invoice["total"] > 0:
        return made  # it goes out in an hour, like all drafts
    invoice = collect_now(ctx, made, invoice, behavior, off_session=bool(body.get("off_session")))
    made = ctx.get("subscription", made.id)
    if invoice["status"] == "paid" and made["status"] == "incomplete":
        made = ctx.move(made, "active")
    return made


def extra(ctx: Context, made: Entity, given: dict[str, Any], place: int) -> dict[str, Any]:
    """The line of one of `add_invoice_items`: something that is paid for once."""
    param = f"add_invoice_items[{place}]"
    if given.get("price"):
        price = ctx.get("price", given["price"], param=f"{param}[price]")
        if price["type"] != "one_time":
            message = "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`."
            raise Refusal(400, None, message, param=f"{param}[price]")
    else:
        data = required(given, "price_data")
        ctx.get("product", data["product"], param=f"{param}[price_data][product]")
        price = make_price(ctx, data, data["product"], prefix=f"{param}[price_data]")
    now = now_of(ctx, made["customer"])
    return {
        "metadata": merged_metadata({}, given.get("metadata")),
        "period": {"start": now, "end": now},
        "price": dict(price),
        "quantity": given.get("quantity", 1),
        "subscription": made.id,
        "tax_rates": given.get("tax_rates") or [],
    }


def _first_lines(ctx: Context, made: Entity, item: Item, body: dict[str, Any]) -> list[dict[str, Any]]:
    """What the first invoice has of an item."""
    if lines.metered(item):
        return [lines.empty_meter(ctx, made, item)]
    if made["trial_end"] is not None:
        return [lines.in_trial(ctx, made, item)]
    start, end = item["current_period_start"], item["current_period_end"]
    interval = Interval.of(item["price"])
    whole = interval.before(made["billing_cycle_anchor"], start)
    found = []
    prorates = body.get("proration_behavior") != "none"
    if whole < start:  # up to the anchor only
        part = lines.prorated(ctx, made, item, start, refund=False)
        kept = part if part is not None and prorates else lines.line(
            made, item, 0, period={"start": start, "end": end}, description=lines.product_name(ctx, item)
        )  # fmt: skip
        found.append(kept | {"proration": False, "proration_details": None, "discountable": True})
    else:
        now = lines.in_advance(ctx, made, item)
        found += [now] if now is not None else []
    past = made["start_date"]
    if prorates and past < start:  # backdated
        count = interval.periods(made["billing_cycle_anchor"], past, start)
        owed = rounded(Decimal(lines.cost(ctx, item) * count.numerator) / count.denominator)
        words = f"Time on {lines.product_name(ctx, item)} that is past"
        found.append(lines.line(made, item, owed, period={"start": past, "end": start}, description=words))
    return found


def _trial_end(ctx: Context, body: dict[str, Any], items: list[Item], now: int) -> int | None:
    given, days = body.get("trial_end"), body.get("trial_period_days")
    if given is not None and days is not None:
        message = "You may only specify one of these parameters: trial_end, trial_period_days."
        raise Refusal(400, "parameters_exclusive", message, param="trial_end")
    if given == "now":
        return None
    if given is not None:
        moment = int(given)
        check_trial_end(moment, now)
        return moment
    if days is None and body.get("trial_from_plan"):
        days = max(trial_days(ctx, item["price"]["id"]) for item in items)
    if days is None or days <= 0:
        return None
    if days > LONGEST_TRIAL:
        message = f"Trial periods can be at most {LONGEST_TRIAL} days (two years)."
        raise Refusal(400, None, message, param="trial_period_days")
    return int(now + days * DAY)


def _given_anchor(body: dict[str, Any], now: int) -> int | None:
    if body.get("billing_cycle_anchor_config"):
        _check_config(body["billing_cycle_anchor_config"])
        return anchored(body["billing_cycle_anchor_config"], now)
    given = body.get("billing_cycle_anchor")
    return int(given) if given is not None else None


def _anchor(body: dict[str, Any], items: list[Item], start: int) -> int:
    anchor = _given_anchor(body, start)
    if anchor is None:
        return start
    furthest = min(Interval.of(item["price"]).after(start, start) for item in items)
    if anchor < start or anchor > furthest:
        message = (
            f"billing_cycle_anchor cannot be later than next natural billing date ({furthest}) for plan "
            f"{items[0]['price']['id']}."
        )
        raise Refusal(400, None, message, param="billing_cycle_anchor")
    return anchor


def _current_start(item: Item, anchor: int, start: int, now: int) -> int:
    """When the current period of a new item began: now, or for a backdated subscription at its last boundary."""
    return start if start >= now else max(start, Interval.of(item["price"]).before(anchor, now))


def _cancellation(body: dict[str, Any], items: list[Item], now: int) -> dict[str, Any]:
    ends = [item["current_period_end"] for item in items]
    if body.get("cancel_at_period_end"):
        return {"cancel_at": min(ends), "cancel_at_period_end": True, "canceled_at": now}
    given = body.get("cancel_at")
    if given is None:
        return {}
    named = {"min_period_end": min(ends), "max_period_end": max(ends), "max_billed_until": max(ends)}
    at = named.get(given) or int(given)
    if at <= now:
        raise Refusal(400, None, "`cancel_at` must be a timestamp in the future.", param="cancel_at")
    return {"cancel_at": at, "canceled_at": now}


def check_trial_end(moment: int, now: int) -> None:
    """Refuse the end of a trial that is past, or more than two years away."""
    if moment <= now:
        message = "Invalid timestamp: must be an integer Unix timestamp in the future."
        raise Refusal(400, None, message, param="trial_end")
    if moment > now + LONGEST_TRIAL * DAY:
        message = f"Trial periods can be at most {LONGEST_TRIAL} days (two years)."
        raise Refusal(400, None, message, param="trial_end")


def _check_config(given: dict[str, Any]) -> None:
    for name, (least, most) in _CONFIG.items():
        value = given.get(name)
        if value is not None and not least <= value <= most:
            message = f"Invalid {name}: must be between {least} and {most}."
            raise Refusal(400, None, message, param=f"billing_cycle_anchor_config[{name}]")


def _config(body: dict[str, Any]) -> dict[str, Any] | None:
    given = body.get("billing_cycle_anchor_config")
    return {name: given.get(name) for name in ("day_of_month", "hour", "minute", "month", "second")} if given else None


def _mode(body: dict[str, Any], now: int) -> dict[str, Any]:
    given = body.get("billing_mode") or {"type": "flexible"}
    if given["type"] == "classic":
        return {"flexible": None, "type": "classic"}
    chosen = (given.get("flexible") or {}).get("proration_discounts") or "included"
    return {"flexible": {"proration_discounts": chosen}, "type": "flexible", "updated_at": now}
