"""The page at which a customer authenticates (3D Secure) or agrees to pay (redirecting methods).

In Stripe's test mode it has two buttons; so it has here. Whoever follows `next_action.redirect_to_url.url` gets the
page; its buttons post the outcome and lead back to the intent's `return_url`.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from .confirming import attempt, authentication_failed
from .sources import card_behind

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>3D Secure 2 test page</title></head>
<body>
<h1>3D Secure 2 test page</h1>
<p>Payment of {amount} {currency}. Complete or fail its authentication.</p>
<form method="post">
<button name="outcome" value="succeeded">Complete</button>
<button name="outcome" value="failed">Fail</button>
</form>
</body>
</html>
"""


@operation("GET /3d_secure_2/hosted")
def show(ctx: Context) -> Response:
    """The page with its two buttons; or back to the shop where nothing is to be decided any more."""
    intent = _intent(ctx)
    if intent["status"] != "requires_action":
        return _back(intent, "succeeded" if intent["status"] == "succeeded" else "failed")
    page = _PAGE.format(amount=intent["amount"], currency=intent["currency"])
    return Response(200, page, {"Content-Type": "text/html; charset=utf-8"})


@operation("POST /3d_secure_2/hosted")
def decide(ctx: Context) -> Response:
    """The customer completed or failed the authentication; the issuer is asked next, and may still decline."""
    intent = _intent(ctx)
    if intent["status"] == "requires_action":
        intent = _decided(ctx, intent, passed=ctx.body["outcome"] == "succeeded")
    waiting = intent["status"] in {"succeeded", "requires_capture", "processing", "requires_confirmation"}
    return _back(intent, "succeeded" if waiting else "failed")


def _decided(ctx: Context, intent: Entity, *, passed: bool) -> Entity:
    method = ctx.find("payment_method", intent["payment_method"])
    assert method is not None
    if not passed:
        return authentication_failed(ctx, intent, method)
    if intent["confirmation_method"] == "manual":
        # The server confirms once more; the intent remembers that the customer has authenticated with this method.
        return ctx.move(intent, "requires_confirmation", next_action=None, _authenticated=method.id)
    try:
        return attempt(ctx, intent, method, card_behind(method), authenticated=True)
    except Refusal:  # declined after all: it is on record, and the customer is sent back all the same
        return ctx.get("payment_intent", intent.id)


def _intent(ctx: Context) -> Entity:
    found = ctx.get("payment_intent", ctx.query["payment_intent"])
    if found["client_secret"] != ctx.query["payment_intent_client_secret"]:
        message = "The client_secret provided does not match any associated PaymentIntent."
        raise Refusal(400, "payment_intent_invalid_parameter", message, param="payment_intent_client_secret")
    return found


def _back(intent: Entity, outcome: str) -> Response:
    """To the shop, with what Stripe adds to the address; a plain page where there is none to return to."""
    place: Any = intent.get("_return_url")
    if not place:
        return Response(200, "You may close this page.\n", {"Content-Type": "text/plain; charset=utf-8"})
    glue = "&" if "?" in place else "?"
    secret = intent["client_secret"]
    url = f"{place}{glue}payment_intent={intent.id}&payment_intent_client_secret={secret}&redirect_status={outcome}"
    return Response(303, None, {"Location": url})
