"""The plain fields of Checkout sessions: what a request sets and nothing follows from, made as whole as Stripe shows it."""

from typing import Any

from childproof.stubkit import Context, Refusal, merged_metadata

from .shipping_rates import from_data

Fields = dict[str, Any]
HOSTED, EMBEDDED = "hosted_page", "embedded_page"
_COPIED = ("allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id", "customer_email",
           "integration_identifier", "locale", "origin_context", "shipping_address_collection",
           "submit_type", "success_url")  # fmt: skip
_TEXTS: Fields = {"after_submit": None, "shipping_address": None, "submit": None, "terms_of_service_acceptance": None}
_INVOICE: Fields = {"account_tax_ids": None, "custom_fields": None, "description": None, "footer": None, "issuer": None,
                    "metadata": {}, "rendering_options": None}  # fmt: skip
_LENGTHS: Fields = {"default_value": None, "maximum_length": None, "minimum_length": None, "value": None}


def simple(body: Fields, mode: str) -> Fields:
    """The fields of a new session of a mode that are as the request says, or as they are where it says nothing."""
    fields: Fields = {name: body.get(name) or None for name in _COPIED}
    if "allow_promotion_codes" in body:
        fields["allow_promotion_codes"] = body["allow_promotion_codes"]
    tax = body.get("automatic_tax") or {}
    on = bool(tax.get("enabled"))
    liability = tax.get("liability") or ({"type": "self"} if on else None)
    status = "complete" if on else None
    return fields | {
        "adaptive_pricing": {"enabled": bool((body.get("adaptive_pricing") or {}).get("enabled", mode == "payment"))},
        "after_expiration": _recovery(body),
        "automatic_tax": {
            "enabled": on,
            "liability": liability,
            "provider": "stripe" if on else None,
            "status": status,
        },
        "collected_information": {"business_name": None, "individual_name": None, "shipping_details": None},
        "consent": None,
        "consent_collection": _consent(body.get("consent_collection")),
        "custom_fields": [custom_field(field) for field in body.get("custom_fields") or ()],
        "custom_text": _TEXTS | {name: text or None for name, text in (body.get("custom_text") or {}).items()},
        "excluded_payment_method_types": body.get("excluded_payment_method_types") or [],
        "invoice_creation": _invoice(body.get("invoice_creation")) if mode == "payment" else None,
        "metadata": merged_metadata({}, body.get("metadata")),
        "optional_items": [_optional(item) for item in body.get("optional_items") or ()],
        "payment_method_collection": body.get("payment_method_collection")
        or ("if_required" if mode == "payment" else "always"),
        "permissions": body.get("permissions") or None,
        "phone_number_collection": {"enabled": bool((body.get("phone_number_collection") or {}).get("enabled"))},
        "saved_payment_method_options": _saved(body),
        **_tax_ids(body),
        **_pages(body),
    }


def shipping_options(ctx: Context, given: Any) -> list[Fields]:
    """The ways of delivery that a session offers: rates that are there, or described."""
    found = []
    for place, option in enumerate(given or ()):
        inside = f"shipping_options[{place}]"
        if option.get("shipping_rate"):
            rate = ctx.get("shipping_rate", option["shipping_rate"], param=f"{inside}[shipping_rate]")
        elif isinstance(option.get("shipping_rate_data"), dict):
            rate = from_data(ctx, option["shipping_rate_data"], f"{inside}[shipping_rate_data]")
        else:
            message = f"You must specify either `shipping_rate` or `shipping_rate_data` in `{inside}`."
            raise Refusal(400, "parameter_missing", message, param=f"{inside}[shipping_rate]")
        found.append({"shipping_amount": rate["fixed_amount"]["amount"], "shipping_rate": rate.id})
    return found


def custom_field(given: Fields) -> Fields:
    """A field that the page asks for, with room for its answer."""
    made: Fields = {
        "key": given["key"],
        "label": given["label"],
        "optional": bool(given.get("optional")),
        "type": given["type"],
    }
    if given["type"] == "dropdown":
        made["dropdown"] = {"default_value": None, "value": None} | (given.get("dropdown") or {"options": []})
    else:
        made[given["type"]] = _LENGTHS | (given.get(given["type"]) or {})
    return made


def _optional(item: Fields) -> Fields:
    adjustable = item.get("adjustable_quantity")
    whole = {"enabled": False, "maximum": None, "minimum": None} | adjustable if adjustable else None
    return {"adjustable_quantity": whole, "price": item["price"], "quantity": item["quantity"]}


def _recovery(body: Fields) -> Fields | None:
    given = (body.get("after_expiration") or {}).get("recovery")
    if not given:
        return None
    codes = bool(given.get("allow_promotion_codes"))
    return {"recovery": {"allow_promotion_codes": codes, "enabled": given["enabled"], "expires_at": None, "url": None}}


def _consent(given: Fields | None) -> Fields | None:
    return (
        {"payment_method_reuse_agreement": None, "promotions": None, "terms_of_service": None} | given
        if given
        else None
    )


def _invoice(given: Fields | None) -> Fields:
    data = {name: value or None for name, value in ((given or {}).get("invoice_data") or {}).items()}
    options = data.get("rendering_options")
    if options:
        data["rendering_options"] = {"amount_tax_display": None, "template": None} | options
    data["metadata"] = merged_metadata({}, data.get("metadata"))
    return {"enabled": bool((given or {}).get("enabled")), "invoice_data": _INVOICE | data}


def _saved(body: Fields) -> Fields | None:
    given = body.get("saved_payment_method_options")
    if not given and not body.get("customer"):
        return None
    return {
        "allow_redisplay_filters": ["always"],
        "payment_method_remove": "disabled",
        "payment_method_save": None,
    } | (given or {})


def _tax_ids(body: Fields) -> Fields:
    given = body.get("tax_id_collection")
    found: Fields = {"tax_id_collection": {"required": "never"} | given} if given else {}
    if body.get("name_collection"):
        found["name_collection"] = {
            who: {"optional": False} | asked for who, asked in body["name_collection"].items()
        }  # fmt: skip
    return found


def _pages(body: Fields) -> Fields:
    """Where the page is and where it leads, by `ui_mode`."""
    ui = body.get("ui_mode") or HOSTED
    found: Fields = {"ui_mode": ui}
    if ui == HOSTED:
        if not body.get("success_url"):
            raise Refusal(400, "parameter_missing", "Missing required param: success_url.", param="success_url")
        if body.get("return_url"):
            raise Refusal(400, None, "`return_url` can not be used with `ui_mode`: `hosted_page`.", param="return_url")
        return found
    for name in ("success_url", "cancel_url"):
        if body.get(name):
            raise Refusal(400, None, f"`{name}` can not be used with `ui_mode`: `{ui}`.", param=name)
    if ui == EMBEDDED:
        found["redirect_on_completion"] = body.get("redirect_on_completion") or "always"
        if found["redirect_on_completion"] != "never" and not body.get("return_url"):
            raise Refusal(400, "parameter_missing", "Missing required param: return_url.", param="return_url")
    if body.get("return_url"):
        found["return_url"] = body["return_url"]
    return found
