"""Invoice items: what a customer will be billed for. Pending until a draft takes them, then a line of that draft."""

from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from . import discounts, invoice_states, invoicing
from .amounts import decimal_text, price_amount, unit_amount
from .bills import tax_rates_shown
from .clocks import now_of
from .fields import change, new, page, since, tell
from .inline import made_up_price, price_from_data
from .invoice_lines import line as line_of
from .invoice_lines import of_item
from .money import checked_currency
from .tax_rates import checked


@operation("POST /v1/invoiceitems")
def create(ctx: Context) -> Entity:
    """An item of an amount, or of a quantity of a price; pending, or at once on a draft (`invoice`)."""
    body = ctx.body
    invoice = ctx.get("invoice", body["invoice"], param="invoice") if body.get("invoice") else None
    if invoice is not None:
        invoice_states.check(invoice, "lines", "invoice")
    customer = body.get("customer") or (invoice["customer"] if invoice is not None else None)
    if not customer:
        raise Refusal(400, "parameter_missing", "Missing required param: customer.", param="customer")
    payer = ctx.get("customer", customer, param="customer")
    if invoice is not None and invoice["customer"] != payer.id:
        message = f"The invoice {invoice.id} does not belong to the customer {payer.id}."
        raise Refusal(400, None, message, param="invoice")
    cost = _cost(ctx, body, invoice["currency"] if invoice is not None else payer["currency"])
    if invoice is not None and cost["currency"] != invoice["currency"]:
        message = f"The currency of the invoice item ({cost['currency']}) must match that of the invoice ({invoice['currency']})."
        raise Refusal(400, None, message, param="currency")
    item = make(ctx, payer, cost, **_details(ctx, body, payer.id))
    if payer["currency"] is None:
        ctx.update(payer, currency=cost["currency"])
    if invoice is not None:
        entry = line_of(ctx, of_item(item), currency=cost["currency"], now=item["date"])
        item = ctx.update(item, invoice=invoice.id, _line=entry["id"])
        invoicing.put_lines(ctx, invoice, [*invoice["_lines"], entry])
    tell(ctx, "invoiceitem.created", item)
    return item


def make(ctx: Context, payer: Entity, cost: dict[str, Any], **fields: Any) -> Entity:
    """A stored, pending invoice item; nothing is told yet.

    `cost`: `amount`, `currency`, `quantity_decimal` (text), and either `price` (a Price) or nothing, for a plain amount.
    `fields`: `description`, `discountable`, `discounts` (ids), `metadata`, `period`, `tax_rates` (ids), `subscription`,
    `subscription_item`, `proration`.
    """
    now = now_of(ctx, payer.id)
    quantity = Decimal(cost.get("quantity_decimal") or 1)
    price = cost.get("price")
    description = fields.get("description")
    if price is None:
        unit = round(Decimal(cost["amount"]) / (quantity or 1), 12)
        price = made_up_price(ctx, cost["currency"], unit, description or "Invoice item")
    elif description is None:
        product = ctx.find("product", price["product"])
        description = product["name"] if product is not None else None
    subscription = fields.get("subscription")
    details = {"subscription": subscription, "subscription_item": fields.get("subscription_item")}
    made = new(
        ctx,
        "invoiceitem",
        amount=cost["amount"],
        currency=cost["currency"],
        customer=payer.id,
        date=now,
        description=description,
        discountable=fields.get("discountable", not fields.get("proration", False)),
        discounts=list(fields.get("discounts") or ()),
        metadata=dict(fields.get("metadata") or {}),
        parent={"subscription_details": {name: value for name, value in details.items() if value},
                "type": "subscription_details"} if subscription else None,
        period=dict(fields.get("period") or {"end": now, "start": now}),
        pricing=_pricing(price, unit_amount(price)),
        proration=bool(fields.get("proration")),
        quantity=int(quantity),
        quantity_decimal=decimal_text(quantity),
        tax_rates=tax_rates_shown(ctx, fields.get("tax_rates")),
        test_clock=payer.get("test_clock"),
        _proration_details=fields.get("proration_details"),
    )  # fmt: skip
    for one in fields.get("discounts") or ():
        held = ctx.find("discount", one)
        if held is not None and held["invoice_item"] == "":
            ctx.update(held, invoice_item=made.id)
    return made


@operation("POST /v1/invoiceitems/{invoiceitem}")
def update(ctx: Context, invoiceitem: str) -> Entity:
    """Change an item that isn't on a finalized invoice."""
    found = ctx.get("invoiceitem", invoiceitem)
    body = ctx.body
    invoice = ctx.get("invoice", found["invoice"]) if found["invoice"] else None
    if invoice is not None and invoice["status"] != "draft" and set(body) - {"metadata", "expand"}:
        message = "This invoice item is on an invoice that is no longer editable."
        raise Refusal(400, "invoice_not_editable", message)
    fields = _details(ctx, body, found["customer"], found)
    for name in ("tax_rates",):
        if name in fields:
            fields[name] = tax_rates_shown(ctx, fields[name])
    if any(
        name in body
        for name in ("amount", "price_data", "pricing", "quantity", "quantity_decimal", "unit_amount_decimal")
    ):
        held = {"quantity_decimal": found["quantity_decimal"]}
        if not {"amount", "price_data", "pricing", "unit_amount_decimal"} & set(body):
            held["pricing"] = {"price": found["pricing"]["price_details"]["price"]}
        cost = _cost(ctx, held | body, found["currency"])
        quantity = Decimal(cost["quantity_decimal"])
        price = cost.get("price") or made_up_price(ctx, cost["currency"], round(Decimal(cost["amount"]) / (quantity or 1), 12),
                                                    found["description"] or "Invoice item")  # fmt: skip
        fields |= {
            "amount": cost["amount"],
            "pricing": _pricing(price, unit_amount(price)),
            "quantity": int(quantity),
            "quantity_decimal": decimal_text(quantity),
        }
    changed = change(ctx, found, None, **{name: value for name, value in fields.items() if name != "subscription"})
    if invoice is not None and invoice["status"] == "draft":
        lines = [
            line_of(ctx, of_item(changed), currency=invoice["currency"], now=invoice["created"])
            if entry["id"] == changed.get("_line") else entry
            for entry in invoice["_lines"]
        ]  # fmt: skip
        invoicing.put_lines(ctx, invoice, lines)
    return changed


@operation("DELETE /v1/invoiceitems/{invoiceitem}")
def delete(ctx: Context, invoiceitem: str) -> dict[str, Any]:
    """Delete an item that is pending or on a draft."""
    found = ctx.get("invoiceitem", invoiceitem)
    if found["invoice"]:
        invoice = ctx.get("invoice", found["invoice"])
        if invoice["status"] != "draft":
            message = "This invoice item can't be deleted because it is on an invoice that is no longer editable."
            raise Refusal(400, "invoice_not_editable", message)
        kept = [entry for entry in invoice["_lines"] if entry["id"] != found.get("_line")]
        invoicing.put_lines(ctx, invoice, kept)
    tell(ctx, "invoiceitem.deleted", found)
    ctx.delete(found)
    return {"id": found.id, "object": "invoiceitem", "deleted": True}


@operation("GET /v1/invoiceitems")
def list_items(ctx: Context) -> dict[str, Any]:
    """Invoice items, newest first; `pending` those that no invoice has taken."""
    where = {name: ctx.query[name] for name in ("customer", "invoice") if ctx.query.get(name)}
    found = ctx.list("invoiceitem", **where)
    pending = ctx.query.get("pending")
    if pending is not None:
        found = [item for item in found if (item["invoice"] is None) == pending]
    span = ctx.query.get("created")
    if span is not None:
        kept = {
            item["id"]
            for item in since(
                ctx, [Entity(item.resource, item.id, {**item, "created": item["date"]}) for item in found]
            )
        }
        found = [item for item in found if item.id in kept]
    return page(ctx, found)


def _details(ctx: Context, body: dict[str, Any], customer: str, held: Entity | None = None) -> dict[str, Any]:
    fields: dict[str, Any] = {name: body[name] for name in ("description", "discountable", "period") if name in body}
    if "metadata" in body:
        fields["metadata"] = merged_metadata(held["metadata"] if held is not None else {}, body["metadata"])
    if "tax_rates" in body:
        fields["tax_rates"] = checked(ctx, body["tax_rates"], "tax_rates")
    asked = discounts.wanted(body)
    if asked is not None:
        owner = held.id if held is not None else ""
        fields["discounts"] = [one.id for one in discounts.make(ctx, asked, customer=customer, invoice_item=owner)]
    if body.get("subscription"):
        found = ctx.get("subscription", body["subscription"], param="subscription")
        fields["subscription"] = found.id
    return fields


def _cost(ctx: Context, body: dict[str, Any], fallback: str | None) -> dict[str, Any]:
    """Amount, currency, quantity and price of a request; a price and a plain amount exclude each other."""
    quantity = body.get("quantity_decimal") or str(body["quantity"] if body.get("quantity") is not None else 1)
    named = (body.get("pricing") or {}).get("price")
    price = None
    if named:
        price = ctx.get("price", named, param="pricing[price]")
        if price["type"] == "recurring":
            message = "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`."
            raise Refusal(400, None, message, param="pricing[price]")
    elif isinstance(body.get("price_data"), dict):
        price = price_from_data(ctx, body["price_data"])
    if price is not None:
        if body.get("amount") is not None:
            message = "You may only specify one of these parameters: amount, price."
            raise Refusal(400, "parameters_exclusive", message)
        return {"amount": price_amount(price, Decimal(quantity)), "currency": price["currency"], "price": price,
                "quantity_decimal": quantity}  # fmt: skip
    given = body.get("currency") or fallback
    if not given:
        raise Refusal(400, "parameter_missing", "Missing required param: currency.", param="currency")
    currency = checked_currency(given)
    unit = body.get("unit_amount_decimal")
    if body.get("amount") is not None:
        return {"amount": body["amount"], "currency": currency, "quantity_decimal": "1"}
    if unit is None:
        message = "Missing required param: amount."
        raise Refusal(400, "parameter_missing", message, param="amount")
    amount = price_amount({"unit_amount_decimal": unit}, Decimal(quantity))
    return {"amount": amount, "currency": currency, "quantity_decimal": quantity}


def _pricing(price: Entity, unit: Decimal) -> dict[str, Any]:
    return {
        "price_details": {"price": price.id, "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": decimal_text(unit),
    }
