"""Credit notes: less is owed on an open invoice, or money of a paid one goes back: refunded, credited, or elsewhere.

Until an invoice is paid, a credit note lowers what remains of it. After that its amount must be accounted for in full by
refunds, credit to the customer's balance, and what is given back outside of Stripe.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from . import customer_balance, invoice_payments, invoicing
from .clocks import now_of
from .credit_note_lines import Credited, credited
from .fields import change, new, page, since, tell
from .invoice_mails import send_credit_note
from .money import shown
from .refunds import refund

SHOWN = 10


@operation("POST /v1/credit_notes")
def create(ctx: Context) -> Entity:
    """A credit note of an open or paid invoice, from an amount or from lines."""
    body = ctx.body
    invoice = ctx.get("invoice", body["invoice"], param="invoice")
    found = credited(ctx, invoice, body)
    pre, post = _divided(ctx, invoice, found.total, body)
    note_id = ctx.new_id("credit_note")
    payer = ctx.get("customer", invoice["customer"])
    given_back = _refunds(ctx, invoice, body) if post else []
    credit = (body.get("credit_amount") or 0) if post else 0
    booked = None
    if credit:
        booked = customer_balance.transaction(
            ctx, payer, -credit, "credit_note", invoice["currency"], credit_note=note_id, invoice=invoice.id
        )
    note = new(
        ctx,
        "credit_note",
        note_id,
        **_fields(ctx, invoice, found, body, note_id),
        created=now_of(ctx, payer.id),
        customer_balance_transaction=booked.id if booked is not None else None,
        livemode=invoice["livemode"],
        metadata=merged_metadata({}, body.get("metadata")),
        post_payment_amount=post,
        pre_payment_amount=pre,
        refunds=given_back,
        type="mixed" if pre and post else "pre_payment" if pre or not post else "post_payment",
    )
    tell(ctx, "credit_note.created", note)
    _lower(ctx, invoice, pre, post)
    if body.get("email_type", "credit_note") == "credit_note":
        send_credit_note(ctx, note, payer)
    return note


@operation("GET /v1/credit_notes/preview")
def preview(ctx: Context) -> dict[str, Any]:
    """What a credit note would be, without making it."""
    body = ctx.query
    invoice = ctx.get("invoice", body["invoice"], param="invoice")
    found = credited(ctx, invoice, body)
    pre, post = _divided(ctx, invoice, found.total, body, checked=False)
    note_id = ctx.new_id("credit_note")
    return {
        "id": note_id,
        "object": "credit_note",
        **_fields(ctx, invoice, found, body, note_id),
        "created": now_of(ctx, invoice["customer"]),
        "customer_account": None,
        "customer_balance_transaction": None,
        "livemode": invoice["livemode"],
        "metadata": merged_metadata({}, body.get("metadata")),
        "post_payment_amount": post,
        "pre_payment_amount": pre,
        "refunds": [],
        "shipping_cost": None,
        "type": "mixed" if pre and post else "pre_payment" if pre or not post else "post_payment",
        "voided_at": None,
    }  # fmt: skip


@operation("GET /v1/credit_notes/preview/lines")
def preview_lines(ctx: Context) -> dict[str, Any]:
    """The lines of what a credit note would be."""
    invoice = ctx.get("invoice", ctx.query["invoice"], param="invoice")
    return page(ctx, credited(ctx, invoice, ctx.query).lines)


@operation("POST /v1/credit_notes/{id}")
def update(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Change what a credit note says; never its amounts."""
    found = ctx.get("credit_note", id)
    fields: dict[str, Any] = {}
    if "memo" in ctx.body:
        fields["memo"] = ctx.body["memo"] or None
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    return change(ctx, found, "credit_note.updated", **fields)


@operation("POST /v1/credit_notes/{id}/void")
def void(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Take a credit note of an open invoice back: what it took off is owed again."""
    found = ctx.get("credit_note", id)
    if found["status"] == "void":
        raise Refusal(400, "status_transition_invalid", "This credit note is already void.")
    invoice = ctx.get("invoice", found["invoice"])
    if found["post_payment_amount"] or invoice["status"] != "open":
        message = "You can only void credit notes of open invoices."
        raise Refusal(400, "status_transition_invalid", message)
    note = change(ctx, found, None, status="void", voided_at=now_of(ctx, invoice["customer"]))
    tell(ctx, "credit_note.voided", note)
    _lower(ctx, invoice, -found["pre_payment_amount"], 0)
    return note


@operation("GET /v1/credit_notes")
def list_notes(ctx: Context) -> dict[str, Any]:
    """Credit notes, newest first."""
    where = {name: ctx.query[name] for name in ("customer", "invoice") if ctx.query.get(name)}
    return page(ctx, since(ctx, ctx.list("credit_note", **where)))


@operation("GET /v1/credit_notes/{credit_note}/lines")
def list_lines(ctx: Context, credit_note: str) -> dict[str, Any]:
    """All lines of a credit note."""
    return page(ctx, ctx.get("credit_note", credit_note)["_lines"])


def _fields(ctx: Context, invoice: Entity, found: Credited, body: dict[str, Any], note_id: str) -> dict[str, Any]:
    before = len(ctx.list("credit_note", invoice=invoice.id))
    now = now_of(ctx, invoice["customer"])
    return {
        "amount": found.total,
        "amount_shipping": found.shipping,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "discount_amount": sum(one["amount"] for one in found.discounts),
        "discount_amounts": found.discounts,
        "effective_at": body.get("effective_at") or now,
        "invoice": invoice.id,
        "lines": {
            "data": found.lines[:SHOWN],
            "has_more": len(found.lines) > SHOWN,
            "object": "list",
            "url": f"/v1/credit_notes/{note_id}/lines",
        },
        "memo": body.get("memo") or None,
        "number": f"{invoice['number']}-CN-{before + 1:02}",
        "out_of_band_amount": body.get("out_of_band_amount"),
        "pdf": f"https://pay.stripe.com/credit_notes/acct_1childproofTest0/test_{ctx.token(64)}/pdf?s=ap",
        "pretax_credit_amounts": [one | {"type": "discount"} for one in found.discounts],
        "reason": body.get("reason"),
        "status": "issued",
        "subtotal": found.subtotal,
        "subtotal_excluding_tax": found.subtotal_excluding_tax,
        "total": found.total,
        "total_excluding_tax": found.total_excluding_tax,
        "total_taxes": found.taxes,
        "_lines": found.lines,
    }


def _divided(
    ctx: Context, invoice: Entity, total: int, body: dict[str, Any], *, checked: bool = True
) -> tuple[int, int]:
    """How much of a credit note lowers what is owed, and how much gives back what was paid. Raises what doesn't add up."""
    currency = invoice["currency"]
    if invoice["status"] not in {"open", "paid", "uncollectible"}:
        message = f"You can only create credit notes for finalized invoices. This invoice is {invoice['status']}."
        raise Refusal(400, "invoice_not_editable", message, param="invoice")
    owed = invoice["amount_remaining"] if invoice["status"] != "paid" else 0
    credited_before = invoice["post_payment_credit_notes_amount"]
    paid = invoice["amount_paid"] + _from_balance(invoice) - credited_before
    if total > owed + paid:
        message = (
            f"The credit note amount ({shown(total, currency)}) cannot be greater than the amount that is left of the "
            f"invoice ({shown(owed + paid, currency)})."
        )
        raise Refusal(400, None, message, param="amount")
    if total < 1:
        message = "The credit note amount must be greater than zero."
        raise Refusal(400, None, message, param="amount")
    pre = min(total, owed)
    post = total - pre
    given = sum(body.get(name) or 0 for name in ("credit_amount", "refund_amount", "out_of_band_amount"))
    given += sum(one.get("amount_refunded") or _refund_of(ctx, one)["amount"] for one in body.get("refunds") or ())
    if checked and given != post:
        message = (
            f"The sum of credit amount, refund amount and out of band amount ({shown(given, currency)}) must equal the "
            f"credit note amount ({shown(post, currency)})."
        )
        raise Refusal(400, None, message)
    return pre, post


def _from_balance(invoice: Entity) -> int:
    """What the customer's credit paid of an invoice."""
    return max(0, (invoice["ending_balance"] or 0) - invoice["starting_balance"]) if invoice["total"] > 0 else 0


def _refunds(ctx: Context, invoice: Entity, body: dict[str, Any]) -> list[dict[str, Any]]:
    made = []
    for one in body.get("refunds") or ():
        found = _refund_of(ctx, one)
        made.append(
            {"amount_refunded": one.get("amount_refunded") or found["amount"], "refund": found.id, "type": "refund"}
        )
    amount = body.get("refund_amount")
    if amount:
        charge = _charge_of(ctx, invoice)
        if charge is None:
            message = "This invoice has no charge that could be refunded. Use `credit_amount` or `out_of_band_amount`."
            raise Refusal(400, None, message, param="refund_amount")
        given = refund(ctx, charge, {"amount": amount})
        made.append({"amount_refunded": amount, "refund": given.id, "type": "refund"})
    return made


def _refund_of(ctx: Context, one: dict[str, Any]) -> Entity:
    name = one.get("refund")
    if not name:
        raise Refusal(400, "parameter_missing", "Missing required param: refunds[0][refund].", param="refunds")
    return ctx.get("refund", name, param="refunds[0][refund]")


def _charge_of(ctx: Context, invoice: Entity) -> Entity | None:
    for payment in ctx.list("invoice_payment", invoice=invoice.id, status="paid"):
        intent = ctx.find("payment_intent", payment["_payment"])
        if intent is not None and intent["latest_charge"]:
            return ctx.find("charge", intent["latest_charge"])
    return None


def _lower(ctx: Context, invoice: Entity, pre: int, post: int) -> None:
    """Book a credit note on its invoice. One that takes all that is owed settles it."""
    fields: dict[str, Any] = {
        "post_payment_credit_notes_amount": invoice["post_payment_credit_notes_amount"] + post,
        "pre_payment_credit_notes_amount": invoice["pre_payment_credit_notes_amount"] + pre,
    }
    if pre:
        fields["amount_due"] = invoice["amount_due"] - pre
        fields["amount_remaining"] = invoice["amount_remaining"] - pre
    invoice = change(ctx, invoice, "invoice.updated", **fields)
    if not pre:
        return
    if invoice["amount_remaining"] == 0:
        invoicing.settle(ctx, invoice, 0)
    else:
        invoice_payments.follow(ctx, invoice)
