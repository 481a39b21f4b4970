"""Payments of invoices: each is asked for with a payment intent, tried, tried again, and ends paid or canceled.

An InvoicePayment ties an invoice to its intent. The intent may also be confirmed by the customer, on the invoice's page or
with Stripe's own libraries; what becomes of it comes back through `intent_effects.py`.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, operation

from . import customer_balance, invoicing, subscription_effects
from .clocks import later, now_of
from .confirming import confirm, release
from .fields import change, new, page, short_list, since, tell
from .intent_effects import after
from .intent_states import OPEN
from .payment_intents import CARD_OPTIONS
from .payment_methods import method_for

DAY = 86_400
ABOUT = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription update",
    "subscription_update": "Subscription update",
}
NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a default payment "
    "method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting"
    "#payment-method-priority."
)


def ask(ctx: Context, invoice: Entity) -> Entity:
    """The intent that an open invoice is paid by, and the payment that ties them; gives the intent."""
    intent_id = ctx.new_id("payment_intent")
    kinds = (invoice["payment_settings"] or {}).get("payment_method_types") or ["card", "link"]
    options: dict[str, Any] = {kind: {} for kind in kinds}
    if "card" in kinds:
        options["card"] = dict(CARD_OPTIONS)
    intent = new(
        ctx,
        "payment_intent",
        intent_id,
        amount=invoice["amount_remaining"],
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        capture_method="automatic",
        client_secret=f"{intent_id}_secret_{ctx.token(25)}",
        confirmation_method="automatic",
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=ABOUT.get(invoice["billing_reason"], "Payment for Invoice"),
        livemode=invoice["livemode"],
        metadata={},
        payment_details={"customer_reference": None, "order_reference": invoice.id},
        payment_method_options=options,
        payment_method_types=list(kinds),
        receipt_email=None,
        setup_future_usage="off_session" if invoice["_subscription"] else None,
        statement_descriptor=invoice["statement_descriptor"],
        status="requires_payment_method",
        _invoice=invoice.id,
    )
    tell(ctx, "payment_intent.created", intent)
    new(
        ctx,
        "invoice_payment",
        amount_requested=invoice["amount_remaining"],
        created=now_of(ctx, invoice["customer"]),
        currency=invoice["currency"],
        invoice=invoice.id,
        is_default=True,
        livemode=invoice["livemode"],
        payment={"payment_intent": intent.id, "type": "payment_intent"},
        status="open",
        _payment=intent.id,
    )
    return intent


def intent_of(ctx: Context, invoice: Entity) -> Entity | None:
    """The intent of an invoice's default payment."""
    for payment in ctx.list("invoice_payment", invoice=invoice.id, is_default=True, limit=1):
        return ctx.find("payment_intent", payment["_payment"])
    return None


def default_method(ctx: Context, invoice: Entity) -> Entity | None:
    """What an invoice is paid with unless told otherwise: its own default, its subscription's, the customer's.

    docs.stripe.com/billing/subscriptions/payment-methods-setting#payment-method-priority
    """
    customer = ctx.find("customer", invoice["customer"])
    held = ctx.find("subscription", invoice["_subscription"]) if invoice["_subscription"] else None
    places = [invoice["default_payment_method"], invoice["default_source"]]
    if held is not None:
        places += [held.get("default_payment_method"), held.get("default_source")]
    if customer is not None:
        places += [customer["invoice_settings"]["default_payment_method"], customer["default_source"]]
    chosen = next((one for one in places if one), None)
    return method_for(ctx, chosen) if chosen else None


def attempt(ctx: Context, invoice: Entity, method: Entity | None, *, off_session: bool = True) -> Refusal | None:
    """Try to pay an open invoice. Gives what the issuer's decline would be told with; None where it went on."""
    intent = intent_of(ctx, invoice)
    if intent is None or intent["status"] == "canceled":
        intent = ask(ctx, invoice)
    if intent["status"] in {"processing", "succeeded"}:
        return None
    method = method or default_method(ctx, invoice)
    if method is None:
        _failed(ctx, invoice, None)
        return Refusal(400, "resource_missing", NO_METHOD, keep_changes=True)
    kinds = intent["payment_method_types"]
    if method["type"] not in kinds:
        intent = change(ctx, intent, None, payment_method_types=[*kinds, method["type"]])
    fields = {"payment_method": method.id, "next_action": None}
    intent = ctx.move(intent, "requires_confirmation", **fields) if intent["status"] != "requires_confirmation" else (
        ctx.update(intent, **fields)
    )  # fmt: skip
    try:
        confirm(ctx, intent, {"off_session": off_session}, asks=True)
    except Refusal as refusal:
        if not refusal.keep_changes:
            raise
        return refusal
    return None


def attach(ctx: Context, invoice: Entity, intent: Entity) -> Entity:
    """Count another intent's money towards an invoice: at once if it has come, else when it comes."""
    if ctx.list("invoice_payment", _payment=intent.id, limit=1):
        message = f"The PaymentIntent {intent.id} is already attached to an invoice."
        raise Refusal(400, None, message, param="payment_intent")
    if intent["currency"] != invoice["currency"]:
        message = "The currency of the PaymentIntent must match that of the invoice."
        raise Refusal(400, None, message, param="payment_intent")
    new(
        ctx,
        "invoice_payment",
        amount_requested=min(intent["amount"], invoice["amount_remaining"]),
        created=now_of(ctx, invoice["customer"]),
        currency=invoice["currency"],
        invoice=invoice.id,
        is_default=False,
        livemode=invoice["livemode"],
        payment={"payment_intent": intent.id, "type": "payment_intent"},
        status="open",
        _payment=intent.id,
    )
    if intent["status"] == "succeeded":
        _succeeded(ctx, intent)
    return ctx.get("invoice", invoice.id)


def follow(ctx: Context, invoice: Entity) -> None:
    """Have the default payment ask for what remains of an invoice, now that it is another amount."""
    for payment in ctx.list("invoice_payment", invoice=invoice.id, is_default=True, status="open"):
        ctx.update(payment, amount_requested=invoice["amount_remaining"])
        intent = ctx.find("payment_intent", payment["_payment"])
        if intent is not None and intent["status"] in OPEN:
            change(ctx, intent, None, amount=invoice["amount_remaining"])


def cancel(ctx: Context, invoice: Entity, reason: str) -> None:
    """Give up the payments that are still open."""
    now = now_of(ctx, invoice["customer"])
    for payment in ctx.list("invoice_payment", invoice=invoice.id, status="open"):
        transitions = payment["status_transitions"] | {"canceled_at": now}
        ctx.update(payment, status="canceled", status_transitions=transitions)
        intent = ctx.find("payment_intent", payment["_payment"])
        if intent is None or intent["status"] in {"succeeded", "canceled"}:
            continue
        if intent["status"] == "requires_capture":
            release(ctx, intent, "charge.refunded")
        intent = ctx.move(intent, "canceled", amount_capturable=0, canceled_at=ctx.now(), cancellation_reason=reason,
                          next_action=None)  # fmt: skip
        tell(ctx, "payment_intent.canceled", intent)


@after("succeeded")
def _succeeded(ctx: Context, intent: Entity) -> None:
    for payment in ctx.list("invoice_payment", _payment=intent.id, status="open"):
        invoice = ctx.get("invoice", payment["invoice"])
        transitions = payment["status_transitions"] | {"paid_at": now_of(ctx, invoice["customer"])}
        paid = min(payment["amount_requested"], intent["amount_received"])
        done = ctx.update(payment, amount_paid=paid, status="paid", status_transitions=transitions)
        counted: dict[str, Any] = {"attempted": True, "attempt_count": _counted(invoice), "_retrying": False}
        invoicing.settle(ctx, invoice, intent["amount_received"], **counted)
        tell(ctx, "invoice_payment.paid", done)


@after("failed")
def _declined(ctx: Context, intent: Entity) -> None:
    for payment in ctx.list("invoice_payment", _payment=intent.id, status="open"):
        _failed(ctx, ctx.get("invoice", payment["invoice"]), intent)


@after("requires_action")
def _asked(ctx: Context, intent: Entity) -> None:
    for payment in ctx.list("invoice_payment", _payment=intent.id, status="open"):
        invoice = ctx.get("invoice", payment["invoice"])
        _failed(ctx, invoice, intent)
        tell(ctx, "invoice.payment_action_required", ctx.get("invoice", invoice.id))


@after("processing")
def _under_way(ctx: Context, intent: Entity) -> None:
    for payment in ctx.list("invoice_payment", _payment=intent.id, status="open"):
        invoice = ctx.get("invoice", payment["invoice"])
        count = _counted(invoice)
        change(ctx, invoice, "invoice.updated", attempted=True, attempt_count=count, next_payment_attempt=None,
               _retrying=False)  # fmt: skip


def _failed(ctx: Context, invoice: Entity, intent: Entity | None) -> None:
    """Count a failed attempt and plan the next. By hand, only the first one counts for the schedule of retries.

    Without an intent there was nothing to pay with: that isn't tried again by itself, and isn't the end either.
    """
    before = dict(invoice)
    now = now_of(ctx, invoice["customer"])
    automatic = invoice["auto_advance"] and invoice["collection_method"] == "charge_automatically"
    count = _counted(invoice)
    planned = invoice["next_payment_attempt"]
    following = planned if automatic and planned and planned > now and invoice["attempted"] else None
    if automatic and following is None and intent is not None and count <= len(invoicing.RETRIES):
        following = now + invoicing.RETRIES[count - 1] * DAY
        later(ctx, invoice["customer"], following, "invoice_retries", {"invoice": invoice.id})
    invoice = ctx.update(invoice, attempt_count=count, attempted=True, next_payment_attempt=following, _retrying=False)
    tell(ctx, "invoice.payment_failed", invoice)
    invoicing.told(ctx, invoice, before)
    if automatic and count > before["attempt_count"]:
        customer_balance.owes(ctx, invoice["customer"], late=True)
    final = bool(automatic and following is None and intent is not None)
    subscription_effects.payment_failed(ctx, invoice, final=final)


def _counted(invoice: Entity) -> int:
    """The attempts so far, this one included if it counts: the first, and those of the schedule."""
    return int(invoice["attempt_count"]) + (1 if invoice.get("_retrying") or not invoice["attempted"] else 0)


@expands("invoice", "payments")
def payments_of(ctx: Context, invoice: Entity) -> dict[str, Any]:
    """The payments of an invoice, where they are asked for."""
    found = ctx.list("invoice_payment", invoice=invoice.id, limit=11)
    return short_list(found, f"/v1/invoice_payments?invoice={invoice.id}")


@expands("invoice", "confirmation_secret")
def confirmation_secret_of(ctx: Context, invoice: Entity) -> dict[str, Any] | None:
    """What a customer's browser confirms the payment of an invoice with; null where there is nothing to pay."""
    intent = intent_of(ctx, invoice)
    if intent is None or invoice["status"] not in {"open", "paid", "uncollectible"}:
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


@operation("GET /v1/invoice_payments")
def list_payments(ctx: Context) -> dict[str, Any]:
    """Payments of invoices, newest first."""
    where = {name: ctx.query[name] for name in ("invoice", "status") if ctx.query.get(name)}
    asked = ctx.query.get("payment")
    if isinstance(asked, dict) and asked.get("payment_intent"):
        where["_payment"] = asked["payment_intent"]
    return page(ctx, since(ctx, ctx.list("invoice_payment", **where)))


@operation("GET /v1/invoice_payments/{invoice_payment}")
def retrieve(ctx: Context, invoice_payment: str) -> Entity:
    """One payment of an invoice."""
    return ctx.get("invoice_payment", invoice_payment)
