"""The payment page of a Checkout session: the calls that it makes itself, and a plain page in its place with two buttons.

Whoever follows a session's `url` gets the page; its buttons pay (`POST … outcome=paid`, with `number`, `email` or
`payment_method` if another than Visa's test card is to pay) or go back. Payment links and recovered sessions lead here.
"""

from html import escape
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import payment_links
from .checkout_paying import act, back, page_of
from .checkout_sessions import make, shown_lines
from .fields import public
from .money import shown

_HTML = {"Content-Type": "text/html; charset=utf-8"}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Checkout</title></head>
<body>
<h1>{title}</h1>
{rows}
<p role="alert">{alert}</p>
<form method="post">
<label>Email <input name="email" type="email" value="{email}"></label>
<label>Card number <input name="number" value="4242424242424242" inputmode="numeric"></label>
<label>Name <input name="name" autocomplete="ccname"></label>
<button name="outcome" value="paid">{button}</button>
<button name="outcome" value="canceled">Cancel</button>
</form>
</body>
</html>
"""
_NOTE = '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Checkout</title></head>\n<body><h1>{}</h1></body>\n</html>\n'
_STATES = {"open": "active", "complete": "succeeded", "expired": "expired"}


@operation("GET /v1/payment_pages/{session}")
def retrieve(ctx: Context, session: str) -> dict[str, Any]:
    """What the page knows of its session."""
    return _shown(ctx, ctx.get("checkout.session", session))


@operation("POST /v1/payment_pages/{session}/init")
def init(ctx: Context, session: str) -> dict[str, Any]:
    """The page as it loads."""
    return _shown(ctx, ctx.get("checkout.session", session))


@operation("POST /v1/payment_pages/{session}/confirm")
def confirm(ctx: Context, session: str) -> dict[str, Any]:
    """The page's button."""
    return _shown(ctx, act(ctx, ctx.get("checkout.session", session), ctx.body))


@operation("GET /c/pay/{session}")
def show(ctx: Context, session: str) -> Response:
    """The page; or on to the shop where nothing is left to be done."""
    found = ctx.get("checkout.session", session)
    if found["status"] == "complete":
        return _done(found)
    if found["status"] == "expired":
        return Response(200, _NOTE.format("This link has expired"), _HTML)
    return _form(ctx, found)


@operation("POST /c/pay/{session}")
def press(ctx: Context, session: str) -> Response:
    """One of the two buttons. A declined card leads to the page again, with the issuer's words."""
    found = ctx.get("checkout.session", session)
    body = ctx.body
    if body["outcome"] == "canceled":
        place = found["cancel_url"]
        return Response(303, None, {"Location": place}) if place else _form(ctx, found)
    if found["status"] != "open":
        return show(ctx, session)
    data: dict[str, Any] = {
        "billing_details": {"email": body.get("email") or None, "name": body.get("name") or None},
        "card": {"cvc": "123", "exp_month": 12, "exp_year": 2040, "number": body.get("number") or "4242424242424242"},
        "type": "card",
    }
    given = {"payment_method": body["payment_method"]} if body.get("payment_method") else {"payment_method_data": data}
    try:
        found = act(ctx, found, given | {"email": body.get("email")})
    except Refusal as refusal:
        if not refusal.keep_changes and refusal.type != "card_error":
            raise
        return _form(ctx, ctx.get("checkout.session", session), refusal.message or "")
    if found["status"] == "complete":
        return _done(found)
    return Response(303, None, {"Location": _authentication(ctx, found) or page_of(found)})


@operation("GET /test_{code}")
def follow(ctx: Context, code: str) -> Response:
    """A payment link: a session of its own for everyone who follows it."""
    link = next(iter(ctx.list("payment_link", limit=1, url=f"{payment_links.PLACE}test_{code}")), None)
    if link is None:
        raise Refusal.of("unknown_url")
    if not link["active"]:
        return Response(200, _NOTE.format(escape(link["inactive_message"] or "This link is no longer active")), _HTML)
    session = make(ctx, payment_links.as_body(link), like=link, payment_link=link.id)
    return Response(303, None, {"Location": str(session["url"])})


@operation("GET /r/{code}")
def recover(ctx: Context, code: str) -> Response:
    """The address by which an expired session can be begun again."""
    old = next(iter(ctx.list("checkout.session", limit=1, _recovery=code)), None)
    if old is None:
        raise Refusal.of("unknown_url")
    recovery = old["after_expiration"]["recovery"]
    if recovery["expires_at"] <= ctx.now():
        return Response(200, _NOTE.format("This link has expired"), _HTML)
    body: dict[str, Any] = {
        "cancel_url": old["cancel_url"],
        "customer": old["customer"],
        "line_items": [
            {name: line[name] for name in ("adjustable_quantity", "price", "quantity", "tax_rates") if line[name]}
            for line in old["_lines"]
        ],
        "metadata": old["metadata"],
        "mode": old["mode"],
        "payment_intent_data": old["_payment_intent_data"],
        "subscription_data": old["_subscription_data"],
        "success_url": old["success_url"],
    }
    if recovery["allow_promotion_codes"]:
        body["allow_promotion_codes"] = True
    session = make(ctx, body, like=old, recovered_from=old.id)
    return Response(303, None, {"Location": str(session["url"])})


def _shown(ctx: Context, session: Entity) -> dict[str, Any]:
    """The session as its page's own calls see it."""
    intents = {}
    for kind in ("payment_intent", "setup_intent"):
        found = ctx.find(kind, session[kind]) if session[kind] else None
        intents[kind] = public(found) if found is not None else None
    return {
        "id": f"ppage_1{session.id[-23:]}",
        "object": "payment_page",
        "cancel_url": session["cancel_url"],
        "currency": session["currency"],
        "customer": session["customer"],
        "customer_email": (session["customer_details"] or {}).get("email"),
        "line_item_group": {
            "currency": session["currency"],
            "due": session["amount_total"],
            "line_items": shown_lines(ctx, session) if session["_lines"] else [],
            "subtotal": session["amount_subtotal"],
            "total": session["amount_total"],
        },
        "livemode": session["livemode"],
        "mode": session["mode"],
        "payment_method_types": session["payment_method_types"],
        "payment_status": session["payment_status"],
        "session_id": session.id,
        "state": _STATES[session["status"]],
        "status": session["status"],
        "success_url": back(session),
        "ui_mode": session["ui_mode"],
        **intents,
    }


def _form(ctx: Context, session: Entity, alert: str = "") -> Response:
    currency = session["currency"]
    items = shown_lines(ctx, session) if session["_lines"] else []
    rows = "".join(
        f"<p>{item['quantity']} {escape(item['description'] or '')}: {shown(item['amount_total'], currency)}</p>\n"
        for item in items
    )
    total = "" if session["amount_total"] is None else shown(session["amount_total"], currency)
    title, button = {
        "payment": (f"Pay {total}", "Pay"),
        "setup": ("Save a payment method", "Save"),
        "subscription": (f"Subscribe for {total}", "Subscribe"),
    }[session["mode"]]
    email = (session["customer_details"] or {}).get("email") or ""
    page = _PAGE.format(title=title, rows=rows, alert=escape(alert), email=escape(email), button=button)
    return Response(200, page, _HTML)


def _done(session: Entity) -> Response:
    place = back(session)
    if place:
        return Response(303, None, {"Location": place})
    return Response(200, _NOTE.format("Thanks for your payment"), _HTML)


def _authentication(ctx: Context, session: Entity) -> str | None:
    """Where the customer has to authenticate."""
    for kind in ("payment_intent", "setup_intent"):
        intent = ctx.find(kind, session[kind]) if session[kind] else None
        action = intent["next_action"] if intent is not None else None
        if action:
            place: str = (action.get("redirect_to_url") or {}).get("url") or action["use_stripe_sdk"]["stripe_js"]
            return place
    for payment in ctx.list("invoice_payment", invoice=session["invoice"], limit=1) if session["invoice"] else ():
        intent = ctx.find("payment_intent", payment["payment"]["payment_intent"])
        action = intent["next_action"] if intent is not None else None
        if action:
            return str((action.get("redirect_to_url") or {}).get("url") or action["use_stripe_sdk"]["stripe_js"])
    return None
