"""Completing a Checkout session: its customer acts, and there is a payment, a subscription or a saved payment method.

    open → complete (paid, or unpaid until a delayed payment arrives), or expired

What becomes of the payment comes back from `intent_effects.py` and `subscription_effects.py`: at once for most cards, after
the customer has authenticated for some, days later for bank debits.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata

from . import intent_effects, setup_intents, subscription_effects, subscription_making
from .card_details import card_behind
from .cards import Trait
from .checkout_lines import prices
from .confirming import confirm
from .customers import NO_SETTINGS
from .discounts import make as make_discounts
from .fields import NO_ADDRESS, new, picked, tell
from .payment_intents import CARD_OPTIONS
from .payment_methods import attach, check_card_of_method, method_for, method_from_data

_INTENT = ("application_fee_amount", "description", "on_behalf_of", "receipt_email", "setup_future_usage", "shipping",
           "statement_descriptor", "statement_descriptor_suffix", "transfer_group")  # fmt: skip
_SUBSCRIPTION = ("application_fee_percent", "billing_cycle_anchor", "billing_mode", "default_tax_rates", "description",
                 "invoice_settings", "metadata", "on_behalf_of", "proration_behavior", "transfer_data", "trial_end",
                 "trial_period_days", "trial_settings")  # fmt: skip
_AUTHENTICATES = (Trait.AUTH_ALWAYS, Trait.AUTH_ON_SESSION, Trait.AUTH_UNLESS_SET_UP)


def act(ctx: Context, session: Entity, body: dict[str, Any]) -> Entity:
    """What the customer does by pressing the button of the page: `payment_method` or `payment_method_data`, `email`.

    Gives the session, complete or still open where the customer has to authenticate. A decline is raised, and kept.
    """
    if session["status"] != "open":
        message = f"This Checkout Session can no longer be confirmed: its status is {session['status']}."
        raise Refusal(400, "checkout_not_active_session", message)
    _check_amount(session, body)
    if session["mode"] == "payment" and session["amount_total"] == 0:
        return _complete(ctx, _with_customer(ctx, session, None, body), "no_payment_required")
    method = _method(ctx, session, body)
    session = _with_customer(ctx, session, method, body)
    if session["mode"] == "setup":
        return _set_up(ctx, session, method)
    if session["mode"] == "subscription":
        return _subscribe(ctx, session, method)
    return _pay(ctx, session, method)


def back(session: Entity) -> str | None:
    """Where the page leads once it is done."""
    place: str | None = session["success_url"] or session.get("return_url")
    return place.replace("{CHECKOUT_SESSION_ID}", session.id) if place else None


def page_of(session: Entity) -> str:
    """The address of the session's page."""
    return f"https://checkout.stripe.com/c/pay/{session.id}"


def _pay(ctx: Context, session: Entity, method: Entity) -> Entity:
    intent = ctx.find("payment_intent", session["payment_intent"]) if session["payment_intent"] else None
    if intent is None:
        intent = _intent(ctx, session)
        session = ctx.update(session, payment_intent=intent.id)
    intent = ctx.move(intent, "requires_confirmation", payment_method=method.id, customer=session["customer"],
                      next_action=None)  # fmt: skip
    confirm(ctx, intent, {"return_url": page_of(session)})
    return ctx.get("checkout.session", session.id)


def _intent(ctx: Context, session: Entity) -> Entity:
    data = session["_payment_intent_data"]
    intent_id = ctx.new_id("payment_intent")
    kinds = session["payment_method_types"]
    options: dict[str, Any] = {kind: {} for kind in kinds} | ({"card": CARD_OPTIONS} if "card" in kinds else {})
    intent = new(
        ctx,
        "payment_intent",
        intent_id,
        amount=session["amount_total"],
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        capture_method=data.get("capture_method") or "automatic_async",
        client_secret=f"{intent_id}_secret_{ctx.token(25)}",
        confirmation_method="automatic",
        currency=session["currency"],
        customer=session["customer"],
        metadata=merged_metadata({}, data.get("metadata")),
        payment_method_configuration_details=session["payment_method_configuration_details"],
        payment_method_options=options,
        payment_method_types=kinds,
        status="requires_payment_method",
        transfer_data=picked(data.get("transfer_data") or {}, "amount", "destination") or None,
        _session=session.id,
        **picked(data, *_INTENT),
    )
    tell(ctx, "payment_intent.created", intent)
    return intent


def _set_up(ctx: Context, session: Entity, method: Entity) -> Entity:
    intent = ctx.get("setup_intent", session["setup_intent"])
    intent = ctx.move(intent, "requires_confirmation", payment_method=method.id, customer=session["customer"],
                      next_action=None)  # fmt: skip
    setup_intents.approve(ctx, intent, page_of(session))
    return ctx.get("checkout.session", session.id)


def _subscribe(ctx: Context, session: Entity, method: Entity) -> Entity:
    """Begin the subscription. Where the card is declined there is none; where the customer must act, it is incomplete."""
    customer = ctx.get("customer", session["customer"])
    held = ctx.find("subscription", session["subscription"]) if session["subscription"] else None
    if held is not None and held["status"] == "incomplete":
        return session  # its customer still has to authenticate
    check_card_of_method(method)
    if method["customer"] is None:
        method = attach(ctx, method, customer)
    card = card_behind(method)
    waits = card is None or any(card.has(trait) for trait in _AUTHENTICATES)
    data = session["_subscription_data"]
    found = list(zip(session["_lines"], prices(ctx, session["_lines"]), strict=True))
    body: dict[str, Any] = {name: data[name] for name in _SUBSCRIPTION if data.get(name) is not None}
    body |= {
        "customer": customer.id,
        "default_payment_method": method.id,
        "items": [_item(line, "price") for line, price in found if price["recurring"]],
        "add_invoice_items": [_item(line, "price") for line, price in found if not price["recurring"]],
        "discounts": [{name: value for name, value in entry.items() if value} for entry in session["discounts"] or ()],
        "payment_behavior": "allow_incomplete" if waits else "error_if_incomplete",
    }
    made = subscription_making.make(ctx, body)
    session = ctx.update(session, subscription=made.id, invoice=made["latest_invoice"])
    ctx.update(made, _session=session.id)
    invoice = ctx.get("invoice", made["latest_invoice"])
    if made["status"] == "incomplete":
        return session  # until the customer has authenticated
    free = session["amount_total"] == 0
    return _complete(
        ctx, session, "no_payment_required" if free else "paid" if invoice["status"] == "paid" else "unpaid"
    )


def _item(line: dict[str, Any], name: str) -> dict[str, Any]:
    made: dict[str, Any] = {name: line["price"], "tax_rates": line["tax_rates"]}
    if line["quantity"] is not None:
        made["quantity"] = line["quantity"]
    return made


def _complete(ctx: Context, session: Entity, payment_status: str) -> Entity:
    """The session is done, whether or not the money is there."""
    if session["mode"] == "payment" and session["payment_intent"] and session["discounts"]:
        entries = [{name: value for name, value in entry.items() if value} for entry in session["discounts"]]
        make_discounts(ctx, entries, customer=session["customer"], checkout_session=session.id)
    session = ctx.update(session, payment_status=payment_status, status="complete", url=None, client_secret=None)
    tell(ctx, "checkout.session.completed", session)
    _count_for_link(ctx, session)
    return session


def _count_for_link(ctx: Context, session: Entity) -> None:
    """A payment link that may be used so often only is closed by the last one."""
    link = ctx.find("payment_link", session["payment_link"]) if session["payment_link"] else None
    limits = (link["restrictions"] or {}).get("completed_sessions") if link is not None else None
    if link is None or limits is None:
        return
    count = limits["count"] + 1
    over = count >= limits["limit"]
    fields = {"restrictions": {"completed_sessions": {"count": count, "limit": limits["limit"]}}}
    previous = {name: link[name] for name in ("active", "restrictions")}
    link = ctx.update(link, **fields, **({"active": False} if over else {}))
    tell(ctx, "payment_link.updated", link, previous_attributes=previous)


@intent_effects.after("succeeded")
def _arrived(ctx: Context, intent: Entity) -> None:
    session = _behind(ctx, intent)
    if session is not None:
        _paid(ctx, session)


@intent_effects.after("processing")
def _under_way(ctx: Context, intent: Entity) -> None:
    session = _behind(ctx, intent)
    if session is not None and session["status"] == "open":
        _complete(ctx, session, "unpaid")


@intent_effects.after("failed")
def _failed(ctx: Context, intent: Entity) -> None:
    session = _behind(ctx, intent)
    if session is not None and session["status"] == "complete":
        tell(ctx, "checkout.session.async_payment_failed", session)


@intent_effects.after("set_up")
def _saved(ctx: Context, intent: Entity) -> None:
    session = _behind(ctx, intent)
    if session is not None and session["status"] == "open":
        _complete(ctx, session, "no_payment_required")


@subscription_effects.after("paid")
def _invoice_paid(ctx: Context, invoice: Entity) -> None:
    session = _of_invoice(ctx, invoice)
    if session is not None:
        _paid(ctx, session)


@subscription_effects.after("payment_failed")
def _invoice_failed(ctx: Context, invoice: Entity, *, final: bool) -> None:
    del final
    session = _of_invoice(ctx, invoice)
    if session is not None and session["status"] == "complete" and session["payment_status"] == "unpaid":
        tell(ctx, "checkout.session.async_payment_failed", session)


def _paid(ctx: Context, session: Entity) -> None:
    if session["status"] == "open":
        _complete(ctx, session, "paid")
    elif session["status"] == "complete" and session["payment_status"] == "unpaid":
        session = ctx.update(session, payment_status="paid")
        tell(ctx, "checkout.session.async_payment_succeeded", session)


def _behind(ctx: Context, intent: Entity) -> Entity | None:
    return ctx.find("checkout.session", intent["_session"]) if intent.get("_session") else None


def _of_invoice(ctx: Context, invoice: Entity) -> Entity | None:
    """The session whose first invoice this is."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    name = details.get("subscription")
    subscription = ctx.find("subscription", name) if isinstance(name, str) else None
    if subscription is None or not subscription.get("_session"):
        return None
    session = ctx.find("checkout.session", subscription["_session"])
    return session if session is not None and session["invoice"] == invoice.id else None


def _check_amount(session: Entity, body: dict[str, Any]) -> None:
    expected = body.get("expected_amount")
    if expected is not None and session["amount_total"] is not None and expected != session["amount_total"]:
        message = "The amount of this Checkout Session has changed. Please load the page anew and try again."
        raise Refusal(400, "checkout_amount_mismatch", message, param="expected_amount")


def _method(ctx: Context, session: Entity, body: dict[str, Any]) -> Entity:
    given, data = body.get("payment_method"), body.get("payment_method_data")
    if isinstance(data, dict):
        method = method_from_data(ctx, data)
    elif given:
        method = method_for(ctx, given)
    else:
        raise Refusal(400, "parameter_missing", "Missing required param: payment_method.", param="payment_method")
    kinds = session["payment_method_types"]
    if method["type"] not in kinds:
        message = (
            f"The PaymentMethod provided ({method['type']}) is not allowed for this Checkout Session, which takes one of "
            f"the following types: {', '.join(kinds)}."
        )
        raise Refusal(400, "payment_method_type_not_allowed", message, param="payment_method")
    return method


def _with_customer(ctx: Context, session: Entity, method: Entity | None, body: dict[str, Any]) -> Entity:
    """The session with what the customer said of themselves, and with a customer where it makes one."""
    billing = method["billing_details"] if method is not None else {}
    known = session["customer_details"] or {}
    email = known.get("email") or body.get("email") or billing.get("email")
    address = billing.get("address")
    details: dict[str, Any] = {
        "address": address if address and any(address.values()) else known.get("address"),
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": billing.get("name") or known.get("name"),
        "phone": billing.get("phone") or known.get("phone"),
        "tax_exempt": known.get("tax_exempt") or "none",
        "tax_ids": [],
    }
    fields: dict[str, Any] = {"customer_details": details}
    shipping = body.get("shipping") or session["_payment_intent_data"].get("shipping")
    if shipping and session["shipping_address_collection"]:
        address = NO_ADDRESS | shipping["address"]
        collected = session["collected_information"] or {}
        fields["collected_information"] = collected | {
            "shipping_details": {"address": address, "name": shipping["name"]}
        }  # fmt: skip
    later = session["_payment_intent_data"].get("setup_future_usage")
    makes = session["customer_creation"] == "always" or (session["mode"] == "payment" and bool(later))
    if session["customer"] is None and makes:
        fields["customer"] = _customer(ctx, details).id
    return ctx.update(session, **fields)


def _customer(ctx: Context, details: dict[str, Any]) -> Entity:
    customer = new(
        ctx,
        "customer",
        address=details["address"],
        balance=0,
        delinquent=False,
        email=details["email"],
        invoice_prefix=ctx.token(8, "0123456789ABCDEF"),
        invoice_settings=NO_SETTINGS,
        name=details["name"],
        next_invoice_sequence=1,
        phone=details["phone"],
        preferred_locales=["en-US"],
        tax_exempt="none",
    )
    tell(ctx, "customer.created", customer)
    return customer
