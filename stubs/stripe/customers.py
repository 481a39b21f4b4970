"""Customers: who pays, and with what by default."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from . import customer_balance, discounts
from .clocks import lives_by
from .fields import NO_ADDRESS, change, generic, new, picked, tell
from .payment_methods import attach, check_card_of_method, method_for, owned_method
from .sources import KINDS, add

NO_SETTINGS = {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_COPIED = ("balance", "business_name", "description", "individual_name", "invoice_prefix", "name", "next_invoice_sequence",
           "phone", "preferred_locales", "shipping", "tax_exempt")  # fmt: skip


@operation("POST /v1/customers")
def create(ctx: Context) -> Entity:
    """A customer; with a payment method or source it is saved on the new customer at once, checks included."""
    body = ctx.body
    fields = {"balance": 0, "preferred_locales": [], "tax_exempt": "none", "next_invoice_sequence": 1}
    given = body.get("invoice_settings") or {}
    customer = new(
        ctx,
        "customer",
        **(fields | {"invoice_prefix": ctx.token(8, "0123456789ABCDEF")} | _fields(body)),
        delinquent=False,
        invoice_settings=NO_SETTINGS,
        metadata=merged_metadata({}, body.get("metadata")),
        **lives_by(ctx, body.get("test_clock")),
    )
    if customer["balance"]:
        customer_balance.opening(ctx, customer)
    entries = discounts.wanted(body)
    discount = discounts.put(ctx, customer, entries[0], discounts.older_param(body)) if entries else None
    customer = ctx.get("customer", customer.id)
    tell(ctx, "customer.created", customer)
    if discount is not None:
        tell(ctx, "customer.discount.created", discount)
    if body.get("payment_method"):
        method = method_for(ctx, body["payment_method"])
        check_card_of_method(method)
        attach(ctx, method, customer)
        if given.get("default_payment_method") == body["payment_method"]:  # `pm_card_visa`, say: the one it has become
            given = given | {"default_payment_method": method.id}
    if body.get("source"):
        card = add(ctx, customer, body["source"])
        customer = ctx.update(customer, default_source=card.id)
    if given:
        customer = ctx.update(customer, invoice_settings=_settings(ctx, customer, given))
    return customer


@operation("GET /v1/customers/{customer}")
def retrieve(ctx: Context, customer: str) -> Entity | dict[str, Any]:
    """A customer; a deleted one is a stump that says so."""
    found = ctx.find("customer", customer, deleted=True)
    if found is not None and found.get("deleted"):
        return {"id": found.id, "object": "customer", "deleted": True}
    return ctx.get("customer", customer)


@operation("POST /v1/customers/{customer}")
def update(ctx: Context, customer: str) -> Entity:
    """Change a customer. A new source becomes the default."""
    found = ctx.get("customer", customer)
    body = ctx.body
    fields = _fields(body)
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    if body.get("invoice_settings"):
        fields["invoice_settings"] = _settings(ctx, found, body["invoice_settings"])
    if body.get("source"):
        fields["default_source"] = add(ctx, found, body["source"]).id
    elif body.get("default_source"):
        card = next((one for kind in KINDS if (one := ctx.find(kind, body["default_source"])) is not None), None)
        if card is None or card.get("customer") != found.id:
            message = f"No such source: '{body['default_source']}'"
            raise Refusal(400, "resource_missing", message, param="default_source")
        fields["default_source"] = card.id
    entries = discounts.wanted(body)
    if entries is not None:
        fields["discount"] = discounts.replace(ctx, found, entries, discounts.older_param(body))
    if fields.get("balance", found["balance"]) != found["balance"]:
        customer_balance.adjusted(ctx, found, fields["balance"])
    return change(ctx, found, "customer.updated", **fields)


@operation("DELETE /v1/customers/{customer}")
def delete(ctx: Context, customer: str) -> dict[str, Any]:
    """Delete for good. Payments of the past keep naming the customer; saved payment methods are detached."""
    found = ctx.get("customer", customer)
    for method in ctx.list("payment_method", customer=found.id):
        ctx.update(method, customer=None, _used=True)
    for kind in ("card", "bank_account"):
        for saved in ctx.list(kind, customer=found.id):
            ctx.delete(saved)
    tell(ctx, "customer.deleted", found)
    ctx.delete(found)
    return {"id": found.id, "object": "customer", "deleted": True}


@operation("GET /v1/customers")
def list_customers(ctx: Context) -> dict[str, Any]:
    """Customers, newest first, deleted ones left out."""
    return generic(ctx)


def _fields(body: dict[str, Any]) -> dict[str, Any]:
    fields = picked(body, *_COPIED)
    if "email" in body:
        email = body["email"]
        if email is not None and not _EMAIL.fullmatch(email):
            raise Refusal(400, "email_invalid", f"Invalid email address: {email}", param="email")
        fields["email"] = email
    if "address" in body:
        address = body["address"]
        fields["address"] = NO_ADDRESS | address if isinstance(address, dict) else address
    return fields


def _settings(ctx: Context, customer: Entity, given: dict[str, Any]) -> dict[str, Any]:
    settings = {
        **NO_SETTINGS,
        **customer["invoice_settings"],
        **{key: given[key] for key in given if key in NO_SETTINGS},
    }
    method = given.get("default_payment_method")
    if method:
        name = "invoice_settings[default_payment_method]"
        settings["default_payment_method"] = owned_method(ctx, customer, method, name).id
    return settings
