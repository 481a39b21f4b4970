"""Invoices: what a customer is asked to pay. Their life is in `invoicing.py`, their states in `invoice_states.py`."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from . import discounts, invoice_mails, invoice_payments, invoice_states, invoicing, shipping_rates
from .bills import tax_rates_shown
from .clocks import later, now_of
from .fields import page, picked, since, tell
from .money import checked_currency
from .payment_methods import method_for, owned_method
from .tax_rates import checked

_COPIED = ("description", "effective_at", "footer", "number", "on_behalf_of", "statement_descriptor", "custom_fields",
           "account_tax_ids", "default_source", "due_date")  # fmt: skip
ACTION_NEEDED = (
    "This payment requires additional user action before it can be completed successfully. Payment can be completed using "
    "the PaymentIntent associated with the invoice. For more details see: "
    "https://stripe.com/docs/billing/subscriptions/overview#requires-action"
)


@operation("POST /v1/invoices")
def create(ctx: Context) -> Entity:
    """A draft: of a customer's pending items if those are to be included, of a subscription, or a revision of another."""
    body = ctx.body
    if body.get("from_invoice"):
        return _revision(ctx, body["from_invoice"])
    if not body.get("customer"):
        message = "Missing required param: customer."
        raise Refusal(400, "parameter_missing", message, param="customer")
    payer = ctx.get("customer", body["customer"], param="customer")
    subscription = body.get("subscription")
    held = ctx.get("subscription", subscription, param="subscription") if subscription else None
    method = body.get("collection_method") or (
        held["collection_method"] if held is not None else "charge_automatically"
    )
    _check_due(body, method)
    _check_mail(payer, method)
    currency = body.get("currency") or (held["currency"] if held is not None else payer["currency"]) or "usd"
    behavior = body.get("pending_invoice_items_behavior")
    pending = behavior == "include" or (held is not None and behavior != "exclude")
    fields = _fields(ctx, body, payer.id)
    if "discounts" in fields:
        fields["discounts"] = [one.id for one in fields["discounts"]]
    invoice = invoicing.draft(
        ctx, customer=payer.id, currency=checked_currency(currency), collection_method=method, subscription=subscription,
        pending=pending, auto_advance=bool(body.get("auto_advance", False)), billing_reason="manual",
        metadata=merged_metadata({}, body.get("metadata")), days_until_due=body.get("days_until_due"), **fields,
    )  # fmt: skip
    discounts.check_minimum(ctx, invoice)
    if held is not None and not invoice["_lines"]:
        raise Refusal(
            400, "invoice_no_subscription_line_items", "Nothing to invoice for subscription", param="subscription"
        )
    return invoice


@operation("POST /v1/invoices/{invoice}")
def update(ctx: Context, invoice: str) -> Entity:
    """Change a draft; once it is finalized only what doesn't change what is owed."""
    found = ctx.get("invoice", invoice)
    body = ctx.body
    for name in body:
        if name not in invoice_states.ALWAYS_CHANGEABLE:
            invoice_states.check(found, "change", name)
    method = body.get("collection_method") or found["collection_method"]
    if "collection_method" in body:
        _check_mail(ctx.get("customer", found["customer"]), method)
    before = dict(found)
    fields = _fields(ctx, body, found["customer"])
    if "discounts" in fields:
        fields["discounts"] = [one.id for one in fields["discounts"]]
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    if "days_until_due" in body:
        fields["_days_until_due"] = body["days_until_due"]
        fields["due_date"] = found["created"] + body["days_until_due"] * invoicing.DAY
    fields |= {"collection_method": method} | _advancing(ctx, found, body)
    found = ctx.update(found, **fields)
    discounts.owned(ctx, found)
    if found["status"] == "draft":
        found = invoicing.add_up(ctx, found)
        discounts.check_minimum(ctx, found)
    if dict(found) != before:
        invoicing.told(ctx, found, before)
    return found


@operation("DELETE /v1/invoices/{invoice}")
def delete(ctx: Context, invoice: str) -> dict[str, Any]:
    """Delete a draft for good. Its invoice items go with it, those of a subscription's changes are pending again."""
    found = ctx.get("invoice", invoice)
    invoice_states.check(found, "delete")
    if found["_subscription"] and found["billing_reason"] != "manual":
        message = (
            "You cannot delete draft invoices that were created by a subscription. You can void them once finalized."
        )
        raise Refusal(400, None, message)
    for item in ctx.list("invoiceitem", invoice=found.id):
        if item["proration"]:
            ctx.update(item, invoice=None)
        else:
            ctx.delete(item)
    tell(ctx, "invoice.deleted", found)
    ctx.delete(found)
    return {"id": found.id, "object": "invoice", "deleted": True}


@operation("POST /v1/invoices/{invoice}/finalize")
def finalize(ctx: Context, invoice: str) -> Entity:
    """Make a draft final: it gets its number and can be paid."""
    found = ctx.get("invoice", invoice)
    invoice_states.check(found, "finalize")
    return invoicing.finalize(ctx, found, auto_advance=ctx.body.get("auto_advance"))


@operation("POST /v1/invoices/{invoice}/pay")
def pay(ctx: Context, invoice: str) -> Entity:
    """Collect an invoice now, or say that it was paid elsewhere. A declined payment is refused, and stays on record."""
    found = ctx.get("invoice", invoice)
    body = ctx.body
    invoice_states.check(found, "pay")
    payer = ctx.get("customer", found["customer"])
    method = None
    given = body.get("payment_method") or body.get("source")
    if given:
        param = "payment_method" if body.get("payment_method") else "source"
        method = method_for(ctx, given, param)
        if method["customer"] is not None or not given.startswith("pm_card_"):
            owned_method(ctx, payer, method.id, param)
    if found["status"] == "draft":
        found = invoicing.finalize(ctx, found)
    if found["status"] == "paid":
        return found
    if body.get("paid_out_of_band"):
        return invoicing.settle(ctx, found, found["amount_remaining"], off_stripe=True)
    refusal = invoice_payments.attempt(ctx, found, method, off_session=body.get("off_session", True))
    found = ctx.get("invoice", found.id)
    if refusal is not None:
        raise refusal
    intent = invoice_payments.intent_of(ctx, found)
    if found["status"] != "paid" and intent is not None and intent["status"] == "requires_action":
        raise Refusal(
            402, "invoice_payment_intent_requires_action", ACTION_NEEDED, type="card_error", keep_changes=True
        )
    return found


@operation("POST /v1/invoices/{invoice}/send")
def send(ctx: Context, invoice: str) -> Entity:
    """Mail an invoice to the customer; a draft is finalized first."""
    found = ctx.get("invoice", invoice)
    invoice_states.check(found, "send")
    if found["collection_method"] != "send_invoice" and found["status"] == "draft":
        message = "You can only manually send an invoice if its collection method is 'send_invoice'."
        raise Refusal(400, None, message)
    if found["status"] == "draft":
        found = invoicing.finalize(ctx, found)
    return invoice_mails.send(ctx, found)


@operation("POST /v1/invoices/{invoice}/void")
def void(ctx: Context, invoice: str) -> Entity:
    """Cancel an invoice for good."""
    found = ctx.get("invoice", invoice)
    invoice_states.check(found, "void")
    return invoicing.void(ctx, found)


@operation("POST /v1/invoices/{invoice}/mark_uncollectible")
def mark_uncollectible(ctx: Context, invoice: str) -> Entity:
    """Give an invoice up as bad debt."""
    found = ctx.get("invoice", invoice)
    invoice_states.check(found, "mark_uncollectible")
    return invoicing.mark_uncollectible(ctx, found)


@operation("POST /v1/invoices/{invoice}/attach_payment")
def attach_payment(ctx: Context, invoice: str) -> Entity:
    """Count a payment intent towards an invoice."""
    found = ctx.get("invoice", invoice)
    invoice_states.check(found, "attach_payment")
    name = ctx.body.get("payment_intent")
    if not name:
        message = "Missing required param: payment_intent."
        raise Refusal(400, "parameter_missing", message, param="payment_intent")
    intent = ctx.get("payment_intent", name, param="payment_intent")
    return invoice_payments.attach(ctx, found, intent)


@operation("GET /v1/invoices")
def list_invoices(ctx: Context) -> dict[str, Any]:
    """Invoices, newest first."""
    query = ctx.query
    where = {name: query[name] for name in ("customer", "status", "collection_method") if query.get(name)}
    if query.get("subscription"):
        where["_subscription"] = query["subscription"]
    found = since(ctx, ctx.list("invoice", **where))
    span = query.get("due_date")
    if span is not None:
        found = [one for one in found if one["due_date"] is not None and _within(one["due_date"], span)]
    return page(ctx, found)


def _fields(ctx: Context, body: dict[str, Any], customer: str) -> dict[str, Any]:
    """What a request says of an invoice; `discounts` as Entities."""
    fields = {name: body[name] if body[name] != "" else None for name in _COPIED if name in body}
    if body.get("default_payment_method"):
        payer = ctx.get("customer", customer)
        fields["default_payment_method"] = owned_method(
            ctx, payer, body["default_payment_method"], "default_payment_method"
        ).id
    if "default_tax_rates" in body:
        fields["default_tax_rates"] = tax_rates_shown(ctx, checked(ctx, body["default_tax_rates"], "default_tax_rates"))
    asked = discounts.wanted(body)
    if asked is not None:
        fields["discounts"] = discounts.make(ctx, asked, customer=customer, invoice="")
    if "shipping_cost" in body:
        fields["shipping_cost"] = shipping_rates.cost(ctx, body["shipping_cost"])
    fields |= picked(body, "shipping_details")
    if body.get("payment_settings"):
        given = body["payment_settings"]
        fields["payment_settings"] = {
            "default_mandate": given.get("default_mandate") or None,
            "payment_method_options": None,
            "payment_method_types": given.get("payment_method_types") or None,
        }
    if body.get("automatic_tax"):
        enabled = bool(body["automatic_tax"]["enabled"])
        fields["automatic_tax"] = {
            "disabled_reason": None,
            "enabled": enabled,
            "liability": {"type": "self"} if enabled else None,
            "provider": "stripe" if enabled else None,
            "status": "complete" if enabled else None,
        }
    return fields


def _advancing(ctx: Context, invoice: Entity, body: dict[str, Any]) -> dict[str, Any]:
    """What switching automatic collection on or off does."""
    if "automatically_finalizes_at" not in body and body.get("auto_advance") in {None, invoice["auto_advance"]}:
        return {}
    advance = bool(body.get("auto_advance", True))
    if not advance:
        return {"auto_advance": False, "automatically_finalizes_at": None, "next_payment_attempt": None}
    at = body.get("automatically_finalizes_at") or now_of(ctx, invoice["customer"]) + invoicing.HOUR
    draft = invoice["status"] == "draft"
    later(ctx, invoice["customer"], at, "invoice_finalizes" if draft else "invoice_collects", {"invoice": invoice.id})
    charges = invoice["collection_method"] == "charge_automatically"
    return {
        "auto_advance": True,
        "automatically_finalizes_at": at if draft else None,
        "next_payment_attempt": at if charges else None,
    }


def _check_due(body: dict[str, Any], method: str) -> None:
    for name in ("days_until_due", "due_date"):
        if body.get(name) is not None and method != "send_invoice":
            message = f"You can only set `{name}` if the invoice's collection method is 'send_invoice'."
            raise Refusal(400, None, message, param=name)
    if method == "send_invoice" and body.get("days_until_due") is None and body.get("due_date") is None:
        message = "You must specify either `days_until_due` or `due_date` when `collection_method` is 'send_invoice'."
        raise Refusal(400, "parameter_missing", message, param="days_until_due")


def _check_mail(payer: Entity, method: str) -> None:
    if method == "send_invoice" and not payer["email"]:
        message = (
            f"Missing email. In order to create invoices that are sent to the customer, the customer must have a valid "
            f"email. {payer.id} has none."
        )
        raise Refusal(400, "missing_email", message, param="customer")


def _revision(ctx: Context, given: dict[str, Any]) -> Entity:
    """A draft with the lines of a finalized invoice, which is voided once the draft is finalized."""
    found = ctx.get("invoice", given["invoice"], param="from_invoice[invoice]")
    if found["status"] not in {"open", "uncollectible"}:
        message = f"You can only revise open or uncollectible invoices. This invoice is {found['status']}."
        raise Refusal(400, "invoice_not_editable", message, param="from_invoice[invoice]")
    kept = ("custom_fields", "default_payment_method", "default_source", "default_tax_rates", "description", "discounts",
            "footer", "metadata", "payment_settings", "period_end", "period_start", "shipping_cost", "shipping_details",
            "statement_descriptor")  # fmt: skip
    lines = [{name: value for name, value in entry.items() if name != "id"} for entry in found["_lines"]]
    return invoicing.draft(
        ctx, customer=found["customer"], currency=found["currency"], lines=lines, billing_reason="manual",
        collection_method=found["collection_method"], pending=False, auto_advance=False,
        days_until_due=found["_days_until_due"], from_invoice={"action": "revision", "invoice": found.id},
        **{name: found[name] for name in kept},
    )  # fmt: skip


def _within(value: int, span: Any) -> bool:
    if isinstance(span, int):
        return value == span
    low = max(span.get("gte", 0), span.get("gt", -1) + 1)
    high = min(span.get("lt", 1 << 60), span.get("lte", 1 << 60) + 1)
    return bool(low <= value < high)
