"""Checkout sessions: what is sold to whom and how it comes to. What happens once the customer acts is in `checkout_paying.py`."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, job, merged_metadata, operation

from . import checkout_lines as lines
from .checkout_fields import HOSTED, shipping_options, simple
from .fields import change, is_live, new, page, picked, since, tell
from .intent_states import OPEN
from .money import MINIMUMS, checked_currency

HOUR = 3600
LIFE = 24 * HOUR
RECOVERY = 30 * 24 * HOUR
_MODE_OF = {"payment_intent_data": "payment", "subscription_data": "subscription", "setup_intent_data": "setup"}
_OWN_DATA = (*_MODE_OF, "customer_update", "discounts", "payment_method_data")


@operation("POST /v1/checkout/sessions")
def create(ctx: Context) -> Entity:
    """A session, open for a day."""
    return make(ctx, ctx.body)


def make(ctx: Context, body: dict[str, Any], *, like: Entity | None = None, **more: Any) -> Entity:
    """A session from the body of a request to make one; `more` are fields besides (`payment_link=…`).

    `like` is the payment link or session whose lines the body has.
    """
    mode = _mode(body)
    fields = simple(body, mode)
    customer = body.get("customer") or None
    if customer is not None:
        ctx.get("customer", customer, param="customer")
    sold = lines.make(ctx, body.get("line_items") or (), sold=like["_lines"] if like is not None else ())
    found = lines.prices(ctx, sold)
    _check(body, mode, sold, found)
    session_id = ctx.new_id("checkout.session")
    if is_live(ctx):
        session_id = session_id.replace("cs_test_", "cs_live_", 1)
    kinds, given = list(body.get("payment_method_types") or ()), body.get("currency")
    currency = found[0]["currency"] if found else checked_currency(given) if given else None
    hosted = fields["ui_mode"] == HOSTED
    session = new(
        ctx,
        "checkout.session",
        session_id,
        **fields,
        client_secret=None if hosted else f"{session_id}_secret_{ctx.token(60)}",
        currency=currency,
        customer=customer,
        customer_creation=_customer_creation(body, mode),
        customer_details=_details(ctx, body),
        discounts=[{"coupon": None, "promotion_code": None} | entry for entry in body.get("discounts") or ()],
        expires_at=_expiry(ctx, body.get("expires_at")),
        mode=mode,
        payment_method_configuration_details=None
        if kinds
        else {"id": body.get("payment_method_configuration") or "pmc_default", "parent": None},
        payment_method_options={"card": {"request_three_d_secure": "automatic"}} | (body.get("payment_method_options") or {}),
        payment_method_types=kinds or ["card", "link"],
        payment_status="unpaid",
        shipping_options=shipping_options(ctx, body.get("shipping_options")),
        status="open",
        url=_url(ctx, session_id) if hosted else None,
        _lines=sold,
        **{f"_{name}": body.get(name) or {} for name in _OWN_DATA if name != "discounts"},
        **more,
    )  # fmt: skip
    session = _add_up(ctx, session)
    if mode == "setup":
        session = _with_setup_intent(ctx, session)
    ctx.schedule((session["expires_at"] - ctx.now()) * 1000, "checkout_expires", {"session": session.id})
    return session


@operation("GET /v1/checkout/sessions/{session}/line_items")
def list_line_items(ctx: Context, session: str) -> dict[str, Any]:
    """What the session sells."""
    found = ctx.get("checkout.session", session)
    items: list[Any] = shown_lines(ctx, found)
    return page(ctx, items)


@operation("GET /v1/checkout/sessions")
def list_sessions(ctx: Context) -> dict[str, Any]:
    """Sessions, newest first."""
    names = ("customer", "customer_account", "payment_intent", "payment_link", "status", "subscription")
    where = {name: ctx.query[name] for name in names if ctx.query.get(name)}
    email = (ctx.query.get("customer_details") or {}).get("email")
    if email:
        where["customer_details.email"] = email
    if not where and "created" not in ctx.query:
        return page(ctx, "checkout.session")
    return page(ctx, since(ctx, ctx.list("checkout.session", **where)))


@operation("POST /v1/checkout/sessions/{session}")
def update(ctx: Context, session: str) -> Entity:
    """Change an open session: its lines, its ways of delivery, where it goes; the metadata of any."""
    found = ctx.get("checkout.session", session)
    body = ctx.body
    fields: dict[str, Any] = {}
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    if body.keys() - {"metadata", "expand"}:
        _must_be_open(found, "updated")
    if "shipping_options" in body:
        fields["shipping_options"] = shipping_options(ctx, body["shipping_options"] or ())
    details = (body.get("collected_information") or {}).get("shipping_details")
    if details:
        collected = found["collected_information"] or {}
        fields["collected_information"] = collected | {"shipping_details": details}
    if body.get("line_items"):
        fields["_lines"] = _changed(ctx, found, body["line_items"])
    found = change(ctx, found, None, **fields)
    return _add_up(ctx, found)


@operation("POST /v1/checkout/sessions/{session}/expire")
def expire(ctx: Context, session: str) -> Entity:
    """Close an open session: nobody can complete it any more."""
    found = ctx.get("checkout.session", session)
    _must_be_open(found, "expired")
    return close(ctx, found)


@job("checkout_expires")
def expires(ctx: Context, payload: dict[str, Any]) -> None:
    """A session's time is over."""
    found = ctx.find("checkout.session", payload["session"])
    if found is not None and found["status"] == "open":
        close(ctx, found)


def close(ctx: Context, session: Entity) -> Entity:
    """Expire an open session; its payment is given up, and it can be recovered if it says so."""
    again = session["after_expiration"]
    if again and again["recovery"]["enabled"]:
        url = f"https://buy.stripe.com/r/{ctx.token(40)}"
        recovery = again["recovery"] | {"expires_at": ctx.now() + RECOVERY, "url": url}
        session = ctx.update(session, after_expiration=again | {"recovery": recovery}, _recovery=url.rpartition("/")[2])
    for kind in ("payment_intent", "setup_intent"):
        intent = ctx.find(kind, session[kind]) if session[kind] else None
        if intent is not None and intent["status"] in OPEN:
            gone = {"canceled_at": ctx.now()} if kind == "payment_intent" else {}
            intent = ctx.move(intent, "canceled", next_action=None, cancellation_reason="abandoned", **gone)
            tell(ctx, f"{kind}.canceled", intent)
    session = ctx.update(session, status="expired", url=None, client_secret=None)
    tell(ctx, "checkout.session.expired", session)
    return session


@expands("checkout.session", "line_items")
def line_items_of(ctx: Context, session: Entity) -> dict[str, Any]:
    """The lines of a session, where they are asked for."""
    url = f"/v1/checkout/sessions/{session.id}/line_items"
    items = shown_lines(ctx, session)
    return {"object": "list", "data": items[:100], "has_more": len(items) > 100, "url": url}


def shown_lines(ctx: Context, session: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines as Stripe shows them."""
    cuts = lines.cuts(ctx, _entries(session), session["currency"] or "")
    return lines.totals(ctx, session["_lines"], cuts, trial=_in_trial(session))[0]


def _add_up(ctx: Context, session: Entity) -> Entity:
    """The session with its totals."""
    if session["mode"] == "setup":
        return session
    cuts = lines.cuts(ctx, _entries(session), session["currency"])
    offered = session["shipping_options"]
    delivery = offered[0] if offered else None
    cost = delivery["shipping_amount"] if delivery else 0
    _, summed = lines.totals(ctx, session["_lines"], cuts, shipping=cost, trial=_in_trial(session))
    minimum = MINIMUMS.get(session["currency"])
    if session["mode"] == "payment" and minimum is not None and 0 < summed.total < minimum[0]:
        least = f"{minimum[1]} {session['currency']}"
        message = f"The Checkout Session's total amount due must add up to at least {least}"
        raise Refusal(400, "amount_too_small", message)
    rates = [{"amount_subtotal": cost, "amount_tax": 0, "amount_total": cost, "shipping_rate": delivery["shipping_rate"]}
             if delivery else None]  # fmt: skip
    return ctx.update(
        session,
        amount_subtotal=summed.subtotal,
        amount_total=summed.total,
        shipping_cost=rates[0],
        total_details={
            "amount_discount": sum(amount for _, amount in summed.discounts),
            "amount_shipping": cost,
            "amount_tax": sum(tax.amount for tax in summed.taxes),
        },
    )


def _entries(session: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if value} for entry in session["discounts"] or ()]


def _in_trial(session: Mapping[str, Any]) -> bool:
    data = session["_subscription_data"]
    return bool(data.get("trial_period_days") or data.get("trial_end"))


def _mode(body: dict[str, Any]) -> str:
    mode: str = body.get("mode") or "payment"
    for name, needed in _MODE_OF.items():
        if body.get(name) and mode != needed:
            raise Refusal(400, None, f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if body.get("customer") and body.get("customer_email"):
        message = "You may only specify one of these parameters: customer, customer_email."
        raise Refusal(400, "parameters_exclusive", message)
    if body.get("discounts") and body.get("allow_promotion_codes") is not None:
        message = "You may only specify one of these parameters: allow_promotion_codes, discounts."
        raise Refusal(400, "parameters_exclusive", message)
    return mode


def _check(body: dict[str, Any], mode: str, sold: list[lines.Line], found: list[Entity]) -> None:
    recurring = [price for price in found if price["recurring"]]
    if mode == "setup":
        if sold:
            raise Refusal(400, None, "You can not pass `line_items` in `setup` mode.", param="line_items")
        if not body.get("currency") and not body.get("payment_method_types"):
            message = "You must provide either `currency` or `payment_method_types` in `setup` mode."
            raise Refusal(400, "parameter_missing", message, param="currency")
    elif not sold:
        raise Refusal(400, "parameter_missing", "Missing required param: line_items.", param="line_items")
    elif mode == "payment" and recurring:
        message = (
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only "
            "one-time prices."
        )
        raise Refusal(400, None, message, param="mode")
    elif mode == "subscription" and not recurring:
        message = "You must provide at least one recurring price in `subscription` mode when using prices."
        raise Refusal(400, None, message, param="line_items")
    if body.get("customer_creation") and mode != "payment":
        message = f"`customer_creation` can not be used in `{mode}` mode."
        raise Refusal(400, None, message, param="customer_creation")


def _customer_creation(body: dict[str, Any], mode: str) -> str | None:
    if body.get("customer"):
        return None
    return body.get("customer_creation") or {"payment": "if_required", "subscription": "always"}.get(mode)


def _details(ctx: Context, body: dict[str, Any]) -> dict[str, Any] | None:
    """What is known of the customer beforehand."""
    holder = ctx.get("customer", body["customer"]) if body.get("customer") else None
    email = holder["email"] if holder is not None else body.get("customer_email")
    if not email:
        return None
    exempt = (holder["tax_exempt"] if holder is not None else None) or "none"
    empty = {"address": None, "business_name": None, "individual_name": None, "name": None, "phone": None}
    return empty | {"email": email, "tax_exempt": exempt, "tax_ids": None}


def _expiry(ctx: Context, given: int | None) -> int:
    now: int = ctx.now()
    if given is None:
        return now + LIFE
    if given < now + HOUR // 2:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise Refusal(400, None, message, param="expires_at")
    if given > now + LIFE:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise Refusal(400, None, message, param="expires_at")
    return given


def _url(ctx: Context, session: str) -> str:
    return f"https://checkout.stripe.com/c/pay/{session}#fid{ctx.token(60)}"


def _with_setup_intent(ctx: Context, session: Entity) -> Entity:
    data = session["_setup_intent_data"]
    intent_id = ctx.new_id("setup_intent")
    kinds = [kind for kind in session["payment_method_types"] if kind != "link"]
    intent = new(
        ctx,
        "setup_intent",
        intent_id,
        client_secret=f"{intent_id}_secret_{ctx.token(29)}",
        customer=session["customer"],
        metadata=merged_metadata({}, data.get("metadata")),
        payment_method_options={
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        payment_method_types=kinds,
        usage="off_session",
        _session=session.id,
        **picked(data, "description", "on_behalf_of"),
    )
    tell(ctx, "setup_intent.created", intent)
    return ctx.update(session, setup_intent=intent.id, payment_status="no_payment_required")


def _must_be_open(session: Entity, done: str) -> None:
    if session["status"] != "open":
        message = (
            f'Only Checkout Sessions with a status in ["open"] can be {done}. You passed in a Checkout Session with a '
            f"status of {session['status']}."
        )
        raise Refusal(400, None, message)


def _changed(ctx: Context, session: Entity, given: list[dict[str, Any]]) -> list[lines.Line]:
    """The lines of an update: those named by `id` keep what isn't said anew, those not named are gone."""
    held = {line["id"]: line for line in session["_lines"]}
    found = []
    for place, entry in enumerate(given):
        line = held.get(entry.get("id") or "")
        if entry.get("id") and line is None:
            raise ctx.not_found("item", entry["id"], f"line_items[{place}][id]")
        whole = entry if line is None else {**line, "quantity": line["quantity"]} | entry
        if entry.get("price_data"):
            whole.pop("price", None)
        made = lines.make(ctx, [whole], sold=session["_lines"])[0]
        found.append(made | ({"id": line["id"]} if line is not None else {}))
    return found
