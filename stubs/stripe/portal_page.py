"""The billing portal's page: what a customer has subscribed to, and buttons for what the configuration lets them do.

Whoever has a session's `url` gets in. Buttons post what was chosen and lead back to the page, or to the `return_url` where
the session was for that one thing.
"""

from html import escape
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from .fields import change
from .payment_methods import attach, check_card_of_method, method_for
from .portal import CONFIGURATION, GOOD_FOR, SESSION
from .subscription_lines import product_name, rate
from .subscription_states import over
from .subscriptions import cancel_now, change_by

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Billing portal</title></head>
<body>
<h1>{headline}</h1>
{subscriptions}
{payment}
{back}
</body>
</html>
"""
_EXPIRED = "<!doctype html>\n<title>Billing portal</title>\n<p>Your session has expired.</p>\n"
HTML = {"Content-Type": "text/html; charset=utf-8"}


@operation("GET /p/session/{secret}")
def show(ctx: Context, secret: str) -> Response:
    """The page; a session that nobody opened in five minutes is no longer good."""
    session = _session(ctx, secret)
    if session is None:
        return Response(200, _EXPIRED, HTML)
    session = ctx.update(session, _opened=True)
    configuration = ctx.get(CONFIGURATION, session["configuration"])
    features = configuration["features"]
    headline = configuration["business_profile"]["headline"] or "Manage your subscriptions"
    shown = [_shown(ctx, one, features) for one in _subscriptions(ctx, session)]
    pay = _button("pay_with", "Add a payment method", payment_method="pm_card_visa")
    back = f'<a href="{escape(session["return_url"])}">Return</a>' if session["return_url"] else ""
    page = _PAGE.format(
        headline=escape(headline),
        subscriptions="\n".join(shown) or "<p>No current subscriptions.</p>",
        payment=pay if features["payment_method_update"]["enabled"] else "",
        back=back,
    )
    return Response(200, page, HTML)


@operation("POST /p/session/{secret}")
def act(ctx: Context, secret: str) -> Response:
    """Do what a button says, if the configuration has it."""
    session = _session(ctx, secret)
    if session is None:
        return Response(200, _EXPIRED, HTML)
    features = ctx.get(CONFIGURATION, session["configuration"])["features"]
    action = ctx.body["action"]
    if action == "pay_with":
        _enabled(features["payment_method_update"])
        _pay_with(ctx, session)
    else:
        subscription = ctx.get("subscription", ctx.body.get("subscription") or "", param="subscription")
        if subscription["customer"] != session["customer"]:
            raise ctx.not_found("subscription", subscription.id, "subscription")
        _change(ctx, subscription, features, action)
    flow = session["flow"] or {}
    after = (flow.get("after_completion") or {}).get("redirect")
    return Response(303, None, {"Location": after["return_url"] if after else session["url"]})


def _change(ctx: Context, subscription: Entity, features: dict[str, Any], action: str) -> None:
    cancel, update = features["subscription_cancel"], features["subscription_update"]
    if action == "switch":
        _enabled(update)
        price = ctx.body.get("price")
        offered = [one for product in update.get("products") or () for one in product["prices"]]
        if price not in offered:
            raise Refusal(400, None, "This price is not among those that customers can switch to.", param="price")
        item = subscription["items"]["data"][0]["id"]
        items = [{"id": item, "price": price}]
        change_by(ctx, subscription, {"items": items, "proration_behavior": update["proration_behavior"]})
        return
    _enabled(cancel)
    details = {"cancellation_details": {"feedback": ctx.body["feedback"]}} if ctx.body.get("feedback") else {}
    if action == "keep":
        change_by(ctx, subscription, {"cancel_at_period_end": False})
    elif cancel["mode"] == "at_period_end":
        change_by(ctx, subscription, {"cancel_at_period_end": True} | details)
    else:
        prorates = cancel["proration_behavior"]
        given = {"prorate": prorates != "none", "invoice_now": prorates == "always_invoice"}
        cancel_now(ctx, subscription, given | details)


def _pay_with(ctx: Context, session: Entity) -> None:
    """Save a payment method and make it the default, as the page's form does."""
    customer = ctx.get("customer", session["customer"])
    method = method_for(ctx, ctx.body.get("payment_method") or "pm_card_visa")
    if method["customer"] is None:
        check_card_of_method(method)
        method = attach(ctx, method, customer)
    settings = customer["invoice_settings"] | {"default_payment_method": method.id}
    change(ctx, customer, "customer.updated", invoice_settings=settings)


def _session(ctx: Context, secret: str) -> Entity | None:
    found = ctx.list(SESSION, limit=1, _secret=secret)
    if not found:
        raise Refusal(404, "resource_missing", "No such billing portal session.")
    late = ctx.now() > found[0]["created"] + GOOD_FOR
    return None if late and not found[0]["_opened"] else found[0]


def _subscriptions(ctx: Context, session: Entity) -> list[Entity]:
    return [one for one in ctx.list("subscription", customer=session["customer"]) if not over(one)]


def _shown(ctx: Context, subscription: Entity, features: dict[str, Any]) -> str:
    names = ", ".join(
        escape(f"{product_name(ctx, item)} ({rate(item['price'])})") for item in subscription["items"]["data"]
    )
    parts = [f"<section><h2>{names}</h2><p>{escape(subscription['status'])}</p>"]
    if features["subscription_cancel"]["enabled"]:
        if subscription["cancel_at_period_end"]:
            parts.append(_button("keep", "Don't cancel subscription", subscription=subscription.id))
        else:
            parts.append(_button("cancel", "Cancel subscription", subscription=subscription.id))
    if features["subscription_update"]["enabled"]:
        held = {item["price"]["id"] for item in subscription["items"]["data"]}
        for product in features["subscription_update"].get("products") or ():
            for name in product["prices"]:
                price = ctx.find("price", name)
                if price is not None and name not in held and price["recurring"]:
                    words = f"Switch to {rate(dict(price))}"
                    parts.append(_button("switch", words, subscription=subscription.id, price=name))
    return "\n".join([*parts, "</section>"])


def _button(action: str, words: str, **fields: str) -> str:
    hidden = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items())
    return f'<form method="post">{hidden}<button name="action" value="{action}">{escape(words)}</button></form>'


def _enabled(feature: dict[str, Any]) -> None:
    if not feature["enabled"]:
        raise Refusal(400, None, "This feature is not enabled in the portal's configuration.", param="action")
