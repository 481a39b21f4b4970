"""The lines of a draft as a resource of their own: listed, added in bulk, changed, taken away."""

from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from . import discounts, invoice_states, invoicing
from .amounts import price_amount
from .fields import page
from .inline import price_from_data
from .invoice_lines import Line, line, of_item
from .tax_rates import checked

_PRICED = frozenset({"amount", "price_data", "pricing", "quantity", "quantity_decimal"})


@operation("GET /v1/invoices/{invoice}/lines")
def list_lines(ctx: Context, invoice: str) -> dict[str, Any]:
    """All lines of an invoice, in their order."""
    return page(ctx, ctx.get("invoice", invoice)["_items"])


@operation("POST /v1/invoices/{invoice}/add_lines")
def add_lines(ctx: Context, invoice: str) -> Entity:
    """Put lines onto a draft, after those that are there."""
    found = _draft(ctx, invoice)
    lines = list(found["_lines"])
    for place, given in enumerate(ctx.body["lines"]):
        if given.get("invoice_item"):
            item = ctx.get("invoiceitem", given["invoice_item"], param=f"lines[{place}][invoice_item]")
            if item["invoice"] is not None:
                message = f"The invoice item {item.id} is already on an invoice."
                raise Refusal(400, None, message, param=f"lines[{place}][invoice_item]")
            entry = line(ctx, of_item(item), currency=found["currency"], now=found["created"])
            ctx.update(item, invoice=found.id, _line=entry["id"])
            lines.append(entry)
            continue
        fields = _fields(ctx, found, given, place)
        if "amount" not in fields and "price" not in fields:
            name = f"lines[{place}][amount]"
            raise Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
        lines.append(line(ctx, fields, currency=found["currency"], now=found["created"]))
    return _stored(ctx, found, lines)


@operation("POST /v1/invoices/{invoice}/update_lines")
def update_lines(ctx: Context, invoice: str) -> Entity:
    """Change several lines of a draft at once."""
    found = _draft(ctx, invoice)
    lines = list(found["_lines"])
    for place, given in enumerate(ctx.body["lines"]):
        at = _place(ctx, lines, given["id"])
        lines[at] = _changed(ctx, found, lines[at], given, place)
    return _stored(ctx, found, lines)


@operation("POST /v1/invoices/{invoice}/remove_lines")
def remove_lines(ctx: Context, invoice: str) -> Entity:
    """Take lines off a draft: their invoice items are deleted, or pending again."""
    found = _draft(ctx, invoice)
    lines = list(found["_lines"])
    for given in ctx.body["lines"]:
        gone = lines.pop(_place(ctx, lines, given["id"]))
        item = ctx.find("invoiceitem", gone["invoice_item"]) if gone["invoice_item"] else None
        if given["behavior"] == "unassign":
            if item is None:
                message = f"The line item {gone['id']} has no invoice item that could be unassigned."
                raise Refusal(400, None, message, param="lines")
            ctx.update(item, invoice=None)
        elif item is not None:
            ctx.delete(item)
    return _stored(ctx, found, lines)


@operation("POST /v1/invoices/{invoice}/lines/{line_item_id}")
def update_line(ctx: Context, invoice: str, line_item_id: str) -> dict[str, Any]:
    """Change one line of a draft."""
    found = _draft(ctx, invoice)
    lines = list(found["_lines"])
    at = _place(ctx, lines, line_item_id)
    lines[at] = _changed(ctx, found, lines[at], ctx.body, None)
    items: list[dict[str, Any]] = _stored(ctx, found, lines)["_items"]
    return items[at]


def _draft(ctx: Context, invoice: str) -> Entity:
    found = ctx.get("invoice", invoice)
    invoice_states.check(found, "lines")
    return found


def _stored(ctx: Context, invoice: Entity, lines: list[Line]) -> Entity:
    before = dict(invoice)
    if "invoice_metadata" in ctx.body:
        invoice = ctx.update(invoice, metadata=merged_metadata(invoice["metadata"], ctx.body["invoice_metadata"]))
    invoice = invoicing.put_lines(ctx, invoice, lines)
    invoicing.told(ctx, invoice, before)
    return invoice


def _place(ctx: Context, lines: list[Line], name: str) -> int:
    for at, entry in enumerate(lines):
        if entry["id"] == name:
            return at
    raise ctx.not_found("line_item", name)


def _changed(ctx: Context, invoice: Entity, held: Line, given: dict[str, Any], place: int | None) -> Line:
    fields = _fields(ctx, invoice, given, place)
    base = dict(held)
    if _PRICED & set(given) and "amount" not in fields:
        base.pop("amount")
        quantity = Decimal(str(fields.get("quantity_decimal") or fields.get("quantity") or held["quantity_decimal"]))
        price = fields.get("price") or {"unit_amount_decimal": held["unit_amount_decimal"]}
        fields["amount"] = price_amount(price, quantity)
    if "quantity" in fields and "quantity_decimal" not in fields:
        base.pop("quantity_decimal")
    if "price" in fields:
        base.pop("unit_amount_decimal")
    if "metadata" in given:
        fields["metadata"] = merged_metadata(held["metadata"], given["metadata"])
    entry = line(ctx, base | fields, currency=invoice["currency"], now=invoice["created"])
    if entry["invoice_item"]:
        item = ctx.find("invoiceitem", entry["invoice_item"])
        if item is not None:
            names = ("amount", "description", "discountable", "discounts", "metadata", "period", "quantity")
            ctx.update(item, **{name: entry[name] for name in names})
    return entry


def _fields(ctx: Context, invoice: Entity, given: dict[str, Any], place: int | None) -> dict[str, Any]:
    """What a request says of a line, in the words of `invoice_lines.line`."""
    inside = f"lines[{place}]" if place is not None else ""
    names = ("amount", "description", "discountable", "metadata", "period", "quantity", "quantity_decimal")
    fields: dict[str, Any] = {name: given[name] for name in names if given.get(name) is not None}
    named = (given.get("pricing") or {}).get("price")
    if named:
        fields["price"] = ctx.get("price", named, param=f"{inside}[pricing][price]" if inside else "pricing[price]")
    elif isinstance(given.get("price_data"), dict):
        data = given["price_data"]
        fields["price"] = price_from_data(ctx, data, f"{inside}[price_data]" if inside else "price_data")
    price = fields.get("price")
    if price is not None and price["currency"] != invoice["currency"]:
        message = f"The price's currency ({price['currency']}) must be that of the invoice ({invoice['currency']})."
        raise Refusal(400, None, message, param=inside or "pricing")
    if "tax_rates" in given:
        fields["tax_rates"] = checked(ctx, given["tax_rates"], f"{inside}[tax_rates]" if inside else "tax_rates")
    if "discounts" in given:
        made = discounts.make(ctx, given["discounts"] or (), customer=invoice["customer"], invoice_item="")
        fields["discounts"] = [one.id for one in made]
    return fields
