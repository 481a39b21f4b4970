"""The phases of subscription schedules: read from requests, and what each asks of its subscription."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata

from . import subscription_parts as parts
from .bills import tax_rates_shown
from .periods import DAY, Interval

Phase = dict[str, Any]
_AUTOMATIC_TAX = {"disabled_reason": None, "enabled": False, "liability": None}
LONGEST = 10 * 366 * DAY
_SETTINGS = {
    "account_tax_ids": None,
    "custom_fields": None,
    "days_until_due": None,
    "description": None,
    "footer": None,
}
_PLAIN = ("application_fee_percent", "billing_cycle_anchor", "billing_thresholds", "collection_method",
          "default_payment_method", "description", "on_behalf_of", "transfer_data", "trial_end")  # fmt: skip


def read(ctx: Context, asked: list[dict[str, Any]], start: int) -> list[Phase]:
    """The phases of a request, one after the other from a time on."""
    found: list[Phase] = []
    for place, given in enumerate(asked):
        phase = _phase(ctx, given, start, f"phases[{place}]")
        found.append(phase)
        start = phase["end_date"]
    if not found:
        raise Refusal(400, "parameter_missing", "Missing required param: phases.", param="phases")
    return found


def of_subscription(subscription: Entity) -> Phase:
    """What a subscription does now, as a phase that ends with its period."""
    items = subscription["items"]["data"]
    return {
        "add_invoice_items": [],
        "application_fee_percent": subscription["application_fee_percent"],
        "billing_cycle_anchor": None,
        "billing_thresholds": subscription["billing_thresholds"],
        "collection_method": subscription["collection_method"],
        "currency": subscription["currency"],
        "default_payment_method": subscription["default_payment_method"],
        "default_tax_rates": subscription["default_tax_rates"],
        "description": subscription["description"],
        "discounts": [_discount({"discount": name}) for name in subscription["discounts"]],
        "end_date": min(item["current_period_end"] for item in items),
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": item["billing_thresholds"],
                "discounts": [_discount({"discount": name}) for name in item["discounts"]],
                "metadata": item["metadata"],
                "price": item["price"]["id"],
                "tax_rates": item["tax_rates"],
            }
            | ({"quantity": item["quantity"]} if "quantity" in item else {})
            for item in items
        ],
        "metadata": {},
        "on_behalf_of": subscription["on_behalf_of"],
        "proration_behavior": "create_prorations",
        "start_date": min(item["current_period_start"] for item in items),
        "transfer_data": subscription["transfer_data"],
        "trial_end": subscription["trial_end"],
    }


def body_of(schedule: Entity, phase: Phase) -> dict[str, Any]:
    """What a phase asks of its subscription, as the body of a request to make it; defaults are the schedule's."""
    defaults = schedule["default_settings"]
    settings = {**(defaults["invoice_settings"] or {}), **(phase["invoice_settings"] or {})}
    collection = phase["collection_method"] or defaults["collection_method"] or "charge_automatically"
    body: dict[str, Any] = {
        "collection_method": collection,
        "items": [_asked(item) for item in phase["items"]],
        "metadata": {**(phase["metadata"] or {})},
        "proration_behavior": phase["proration_behavior"],
    }
    if collection == "send_invoice":
        body["days_until_due"] = settings.get("days_until_due") or 30
    for name in ("default_payment_method", "description", "on_behalf_of", "transfer_data"):
        value = phase[name] if phase[name] is not None else defaults.get(name)
        if value is not None:
            body[name] = value
    if phase["default_tax_rates"]:
        body["default_tax_rates"] = [rate["id"] for rate in phase["default_tax_rates"]]
    if phase["discounts"]:
        body["discounts"] = [_entry(entry) for entry in phase["discounts"]]
    if phase["trial_end"] is not None:
        body["trial_end"] = phase["trial_end"]
    if phase["add_invoice_items"]:
        body["add_invoice_items"] = [
            {"price": item["price"], "quantity": item["quantity"] or 1} for item in phase["add_invoice_items"]
        ]
    return body


def changes(subscription: Entity, body: dict[str, Any]) -> dict[str, Any]:
    """The same as changes to a subscription that is there: items of the same price stay, others come and go."""
    held = {item["price"]["id"]: item["id"] for item in subscription["items"]["data"]}
    asked = [{**item, "id": held.pop(item["price"])} if item["price"] in held else item for item in body["items"]]
    gone = [{"id": name, "deleted": True} for name in held.values()]
    for item in asked:
        if "id" in item:
            del item["price"]
    kept = {name: value for name, value in body.items() if name != "trial_end"}
    trial = body.get("trial_end")
    begins = trial is not None and trial != subscription["trial_end"]
    return kept | {"items": [*asked, *gone]} | ({"trial_end": trial} if begins else {})


def settings(given: dict[str, Any] | None) -> dict[str, Any]:
    """The default settings of a schedule, whole."""
    found = given or {}
    invoices = found.get("invoice_settings")
    return {
        "application_fee_percent": found.get("application_fee_percent"),
        "automatic_tax": _AUTOMATIC_TAX | (found.get("automatic_tax") or {}),
        "billing_cycle_anchor": found.get("billing_cycle_anchor") or "automatic",
        "billing_thresholds": found.get("billing_thresholds") or None,
        "collection_method": found.get("collection_method") or "charge_automatically",
        "default_payment_method": found.get("default_payment_method"),
        "description": found.get("description") or None,
        "invoice_settings": _SETTINGS | {"issuer": {"type": "self"}} | (invoices or {}),
        "on_behalf_of": found.get("on_behalf_of") or None,
        "transfer_data": found.get("transfer_data") or None,
    }


def _phase(ctx: Context, given: dict[str, Any], start: int, param: str) -> Phase:
    prices = [
        parts.price_for(ctx, item, f"{param}[items][{place}]") for place, item in enumerate(given.get("items") or ())
    ]
    if not prices:
        raise Refusal(400, "parameter_missing", f"Missing required param: {param}[items].", param=f"{param}[items]")
    end = _end(given, start, Interval.of(dict(prices[0])), param)
    trial_end = end if given.get("trial") else given.get("trial_end")
    invoices = given.get("invoice_settings")
    plain = {name: given.get(name) or None for name in _PLAIN}
    return plain | {
        "add_invoice_items": [_extra(ctx, item, f"{param}[add_invoice_items][{place}]")
                              for place, item in enumerate(given.get("add_invoice_items") or ())],
        "currency": (given.get("currency") or prices[0]["currency"]).lower(),
        "default_tax_rates": tax_rates_shown(ctx, given.get("default_tax_rates") or ()),
        "discounts": [_discount(entry) for entry in given.get("discounts") or ()],
        "end_date": end,
        "invoice_settings": {**_SETTINGS, "issuer": None, **invoices} if invoices else None,
        "items": [_item(ctx, item, price) for item, price in zip(given["items"], prices, strict=True)],
        "metadata": merged_metadata({}, given.get("metadata")),
        "proration_behavior": given.get("proration_behavior") or "create_prorations",
        "start_date": start,
        "trial_end": trial_end,
    }  # fmt: skip


def _end(given: dict[str, Any], start: int, interval: Interval, param: str) -> int:
    """When a phase ends: at a time, after a duration or (older clients) so many iterations; else after one."""
    said = [name for name in ("end_date", "duration", "iterations") if given.get(name) is not None]
    if len(said) > 1:
        message = f"You may only specify one of these parameters: {said[0]}, {said[1]}."
        raise Refusal(400, "parameters_exclusive", message, param=f"{param}[{said[1]}]")
    if said == ["end_date"]:
        end = int(given["end_date"])
        if end <= start:
            message = "The phase's `end_date` must be after its `start_date`."
            raise Refusal(400, None, message, param=f"{param}[end_date]")
        return end
    if said == ["duration"]:
        duration = given["duration"]
        interval, count = Interval(duration["interval"], duration.get("interval_count") or 1), 1
    else:
        count = int(given.get("iterations") or 1)
    if not 0 < interval.longest() * count <= LONGEST:
        message = "A phase can be at most ten years long."
        raise Refusal(400, None, message, param=f"{param}[{said[0] if said else 'items'}]")
    return interval.boundary(start, count)


def _item(ctx: Context, given: dict[str, Any], price: Entity) -> dict[str, Any]:
    metered = price["recurring"]["usage_type"] == "metered"
    return {
        "billing_thresholds": given.get("billing_thresholds") or None,
        "discounts": [_discount(entry) for entry in given.get("discounts") or ()],
        "metadata": merged_metadata({}, given.get("metadata")),
        "price": price.id,
        "tax_rates": tax_rates_shown(ctx, given.get("tax_rates") or ()),
    } | ({} if metered else {"quantity": given.get("quantity", 1)})


def _extra(ctx: Context, given: dict[str, Any], param: str) -> dict[str, Any]:
    if not given.get("price"):
        raise Refusal(400, "parameter_missing", f"Missing required param: {param}[price].", param=f"{param}[price]")
    price = ctx.get("price", given["price"], param=f"{param}[price]")
    period = given.get("period") or {}
    return {
        "discountable": given.get("discountable"),
        "discounts": [],
        "metadata": merged_metadata({}, given.get("metadata")),
        "period": {
            "end": {"type": "min_item_period_end"} | (period.get("end") or {}),
            "start": {"type": "phase_start"} | (period.get("start") or {}),
        },
        "price": price.id,
        "quantity": given.get("quantity", 1),
        "tax_rates": tax_rates_shown(ctx, given.get("tax_rates") or ()),
    }


def _asked(item: dict[str, Any]) -> dict[str, Any]:
    body = {"price": item["price"], "metadata": dict(item["metadata"] or {})}
    if item.get("quantity") is not None:
        body["quantity"] = item["quantity"]
    if item["tax_rates"]:
        body["tax_rates"] = [rate["id"] for rate in item["tax_rates"]]
    if item["discounts"]:
        body["discounts"] = [_entry(entry) for entry in item["discounts"]]
    return body


def _discount(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry.get(name) for name in ("coupon", "discount", "promotion_code")}


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value}
