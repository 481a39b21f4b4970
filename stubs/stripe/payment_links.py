"""Payment links: an address that begins a Checkout session for everyone who follows it (`checkout_page.py`)."""

from collections.abc import Callable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from . import checkout_lines as lines
from .checkout_fields import custom_field, shipping_options
from .fields import change, is_live, new, page, picked, tell

PLACE = "https://buy.stripe.com/"
Fields = dict[str, Any]
_TEXTS: Fields = {"after_submit": None, "shipping_address": None, "submit": None, "terms_of_service_acceptance": None}
_INTENT: Fields = {
    "capture_method": None,
    "description": None,
    "metadata": {},
    "setup_future_usage": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_group": None,
}
_SUBSCRIPTION: Fields = {
    "description": None,
    "invoice_settings": {"issuer": {"type": "self"}},
    "metadata": {},
    "trial_period_days": None,
    "trial_settings": None,
}
_INVOICE: Fields = {"account_tax_ids": None, "custom_fields": None, "description": None, "footer": None, "issuer": None,
                    "metadata": {}, "rendering_options": None}  # fmt: skip
_DEFAULTS: Fields = {
    "active": True,
    "after_completion": {"hosted_confirmation": {"custom_message": None}, "type": "hosted_confirmation"},
    "allow_promotion_codes": False,
    "application": None,
    "application_fee_amount": None,
    "application_fee_percent": None,
    "automatic_tax": {"enabled": False, "liability": None},
    "billing_address_collection": "auto",
    "consent_collection": None,
    "custom_fields": [],
    "custom_text": _TEXTS,
    "customer_creation": "if_required",
    "inactive_message": None,
    "invoice_creation": None,
    "on_behalf_of": None,
    "optional_items": [],
    "payment_intent_data": None,
    "payment_method_collection": "always",
    "payment_method_types": None,
    "phone_number_collection": {"enabled": False},
    "restrictions": None,
    "shipping_address_collection": None,
    "shipping_options": [],
    "submit_type": "auto",
    "subscription_data": None,
    "tax_id_collection": {"enabled": False, "required": "never"},
    "transfer_data": None,
}
_PLAIN = ("active", "allow_promotion_codes", "application_fee_amount", "application_fee_percent",
          "billing_address_collection", "customer_creation", "inactive_message", "on_behalf_of",
          "payment_method_collection", "payment_method_types", "phone_number_collection",
          "shipping_address_collection", "submit_type")  # fmt: skip


@operation("POST /v1/payment_links")
def create(ctx: Context) -> Entity:
    """A link to buy what its lines say, active at once."""
    body = ctx.body
    sold = lines.make(ctx, body["line_items"])
    found = lines.prices(ctx, sold)
    recurring = any(price["recurring"] for price in found)
    for name, wrong in (
        ("payment_intent_data", recurring),
        ("invoice_creation", recurring),
        ("subscription_data", not recurring),
    ):
        if body.get(name) and wrong:
            kind = "recurring" if recurring else "one-time"
            raise Refusal(400, None, f"You can not pass `{name}` with {kind} prices.", param=name)
    fields = _DEFAULTS | {"customer_creation": "always" if recurring else "if_required"} | _fields(ctx, body)
    if not recurring and fields["invoice_creation"] is None:
        fields["invoice_creation"] = {"enabled": False, "invoice_data": _INVOICE}
    link = new(
        ctx,
        "payment_link",
        **fields,
        currency=found[0]["currency"],
        metadata=merged_metadata({}, body.get("metadata")),
        url=f"{PLACE}{'' if is_live(ctx) else 'test_'}{ctx.token(18)}",
        _lines=sold,
        _recurring=recurring,
    )
    tell(ctx, "payment_link.created", link)
    return link


@operation("POST /v1/payment_links/{payment_link}")
def update(ctx: Context, payment_link: str) -> Entity:
    """Change a link, or switch it off. Of its lines only the quantities change."""
    link = ctx.get("payment_link", payment_link)
    body = ctx.body
    fields = _fields(ctx, body)
    if "metadata" in body:
        fields["metadata"] = merged_metadata(link["metadata"], body["metadata"])
    if body.get("line_items"):
        named = {entry["id"]: entry for entry in body["line_items"]}
        for place, name in enumerate(named):
            if name not in {line["id"] for line in link["_lines"]}:
                raise ctx.not_found("item", name, f"line_items[{place}][id]")
        fields["_lines"] = [
            line | picked(named.get(line["id"], {}), "quantity", "adjustable_quantity") for line in link["_lines"]
        ]
    return change(ctx, link, "payment_link.updated", **fields)


@operation("GET /v1/payment_links")
def list_links(ctx: Context) -> dict[str, Any]:
    """Links, newest first."""
    active = ctx.query.get("active")
    return page(ctx, "payment_link", **({} if active is None else {"active": active}))


@operation("GET /v1/payment_links/{payment_link}/line_items")
def list_line_items(ctx: Context, payment_link: str) -> dict[str, Any]:
    """What a link sells."""
    items: list[Any] = lines.totals(ctx, ctx.get("payment_link", payment_link)["_lines"], ())[0]
    return page(ctx, items)


@expands("payment_link", "line_items")
def line_items_of(ctx: Context, link: Entity) -> dict[str, Any]:
    """The lines of a link, where they are asked for."""
    items = lines.totals(ctx, link["_lines"], ())[0]
    return {"object": "list", "data": items, "has_more": False, "url": f"/v1/payment_links/{link.id}/line_items"}


def as_body(link: Entity) -> Fields:
    """What a request for a session of this link would say."""
    completion = link["after_completion"]
    redirect = (completion.get("redirect") or {}).get("url")
    body: Fields = {
        "line_items": [
            {name: line[name] for name in ("adjustable_quantity", "price", "quantity", "tax_rates") if line[name]}
            for line in link["_lines"]
        ],
        "mode": "subscription" if link["_recurring"] else "payment",
        "success_url": redirect or "https://stripe.com",
        "metadata": link["metadata"],
        "payment_method_types": link["payment_method_types"],
        "shipping_options": [{"shipping_rate": option["shipping_rate"]} for option in link["shipping_options"]],
    }
    names = ("billing_address_collection", "payment_method_collection", "phone_number_collection",
             "shipping_address_collection", "submit_type")  # fmt: skip
    body |= {name: link[name] for name in names if link[name] is not None}
    if link["allow_promotion_codes"]:
        body["allow_promotion_codes"] = True
    if not link["_recurring"]:
        body["customer_creation"] = link["customer_creation"]
    for name in ("payment_intent_data", "subscription_data"):
        if link[name]:
            body[name] = {key: value for key, value in link[name].items() if value}
    return body


def _fields(ctx: Context, body: Mapping[str, Any]) -> Fields:
    """The fields of a link that a request sets, made whole."""
    fields: Fields = {name: None if body[name] == "" else body[name] for name in _PLAIN if name in body}
    return fields | {name: whole(ctx, body[name] or None) for name, whole in _WHOLE.items() if name in body}


def _after_completion(_ctx: Context, given: Any) -> Fields:
    kind = given["type"]
    if kind == "redirect" and not given.get("redirect"):
        param = "after_completion[redirect]"
        raise Refusal(400, "parameter_missing", f"Missing required param: {param}.", param=param)
    whole = {"custom_message": None} if kind == "hosted_confirmation" else {}
    return {"type": kind, kind: whole | (given.get(kind) or {})}


def _automatic_tax(_ctx: Context, given: Any) -> Fields:
    on = given["enabled"]
    return {"enabled": on, "liability": given.get("liability") or ({"type": "self"} if on else None)}


def _consent(_ctx: Context, given: Any) -> Fields | None:
    return (
        {"payment_method_reuse_agreement": None, "promotions": None, "terms_of_service": None} | given
        if given
        else None
    )


def _custom_fields(_ctx: Context, given: Any) -> list[Fields]:
    made = [custom_field(field) for field in given or ()]
    for field in made:
        field[field["type"]].pop("value", None)
    return made


def _custom_text(_ctx: Context, given: Any) -> Fields:
    return _TEXTS | {name: text or None for name, text in (given or {}).items()}


def _invoice_creation(_ctx: Context, given: Any) -> Fields:
    data = {name: value or None for name, value in (given.get("invoice_data") or {}).items()}
    return {"enabled": given["enabled"], "invoice_data": _INVOICE | data | {"metadata": data.get("metadata") or {}}}


def _optional_items(_ctx: Context, given: Any) -> list[Fields]:
    return [{"adjustable_quantity": None} | item for item in given or ()]


def _payment_intent_data(_ctx: Context, given: Any) -> Fields | None:
    return _INTENT | {key: None if value == "" else value for key, value in given.items()} if given else None


def _subscription_data(_ctx: Context, given: Any) -> Fields | None:
    return _SUBSCRIPTION | {key: None if value == "" else value for key, value in given.items()} if given else None


def _restrictions(_ctx: Context, given: Any) -> Fields | None:
    return {"completed_sessions": {"count": 0} | given["completed_sessions"]} if given else None


def _tax_id_collection(_ctx: Context, given: Any) -> Fields:
    return {"required": "never", **given}


def _transfer_data(_ctx: Context, given: Any) -> Fields | None:
    return {"amount": None} | given if given else None


_WHOLE: dict[str, Callable[[Context, Any], Any]] = {
    "after_completion": _after_completion,
    "automatic_tax": _automatic_tax,
    "consent_collection": _consent,
    "custom_fields": _custom_fields,
    "custom_text": _custom_text,
    "invoice_creation": _invoice_creation,
    "optional_items": _optional_items,
    "payment_intent_data": _payment_intent_data,
    "restrictions": _restrictions,
    "shipping_options": shipping_options,
    "subscription_data": _subscription_data,
    "tax_id_collection": _tax_id_collection,
    "transfer_data": _transfer_data,
}
