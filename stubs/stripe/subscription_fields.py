"""The plain fields of subscriptions: what a request sets and nothing follows from, and who pays."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from .bills import tax_rates_shown
from .payment_methods import owned_method

DEFAULTS: dict[str, Any] = {
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_thresholds": None,
    "cancellation_details": {"comment": None, "feedback": None, "feedback_option": None, "reason": None},
    "collection_method": "charge_automatically",
    "days_until_due": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "invoice_settings": {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    },
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "transfer_data": None,
    "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
}
_PLAIN = ("application_fee_percent", "collection_method", "days_until_due", "default_source", "description", "on_behalf_of",
          "transfer_data", "trial_settings")  # fmt: skip
_WHOLE: dict[str, dict[str, Any]] = {  # with what a request may leave out
    "billing_thresholds": {"amount_gte": None, "reset_billing_cycle_anchor": None},
    "pending_invoice_item_interval": {"interval_count": 1},
}


def simple(ctx: Context, body: dict[str, Any], customer: Entity, stored: Entity | None = None) -> dict[str, Any]:
    """The plain fields of a new subscription, or (with `stored`) those that a request changes."""
    fields = dict(DEFAULTS) if stored is None else {}
    held = DEFAULTS if stored is None else stored
    for name in _PLAIN:
        if name in body:
            fields[name] = None if body[name] == "" else body[name]
    if "default_payment_method" in body:
        given = body["default_payment_method"]
        method = owned_method(ctx, customer, given, "default_payment_method").id if given else None
        fields["default_payment_method"] = method
    if "default_tax_rates" in body:
        fields["default_tax_rates"] = tax_rates_shown(ctx, body["default_tax_rates"] or ())
    for name in ("invoice_settings", "payment_settings", "cancellation_details"):
        if isinstance(body.get(name), dict):
            given = {key: None if value == "" else value for key, value in body[name].items()}
            fields[name] = {**held[name], **given}
    if isinstance(body.get("automatic_tax"), dict):
        fields["automatic_tax"] = _automatic_tax(body["automatic_tax"])
    for name, whole in _WHOLE.items():
        if name in body:
            fields[name] = whole | body[name] if body[name] else None
    _check_collection(held | fields, fields)
    return fields


def _automatic_tax(given: dict[str, Any]) -> dict[str, Any]:
    enabled = given["enabled"]
    liability = given.get("liability") or ({"type": "self"} if enabled else None)
    return {"disabled_reason": None, "enabled": enabled, "liability": liability}


def _check_collection(after: dict[str, Any], fields: dict[str, Any]) -> None:
    sent = after["collection_method"] == "send_invoice"
    if sent and after.get("days_until_due") is None:
        message = "If you set `collection_method=send_invoice`, you must also set `days_until_due`."
        raise Refusal(400, "parameter_missing", message, param="days_until_due")
    if not sent and fields.get("days_until_due") is not None:
        message = "You can only set `days_until_due` if `collection_method=send_invoice`."
        raise Refusal(400, None, message, param="days_until_due")
    if not sent and "collection_method" in fields:
        fields["days_until_due"] = None


def payer(customer: Entity, subscription: dict[str, Any]) -> str | None:
    """The payment method or source that a subscription is paid with, in Stripe's order; None where there is none."""
    settings = customer["invoice_settings"] or {}
    chosen = (
        subscription.get("default_payment_method"),
        subscription.get("default_source"),
        settings.get("default_payment_method"),
        customer["default_source"],
    )
    found: str | None = next((one for one in chosen if one), None)
    return found
