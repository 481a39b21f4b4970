"""The page at which a customer authenticates (3D Secure) a payment or a card to be saved, or agrees to a redirect.

In Stripe's test mode it has two buttons; so it has here. Whoever follows `next_action.redirect_to_url.url` gets the
page; its buttons post the outcome and lead back to the intent's `return_url`.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import older_sources, setup_saving
from .card_details import card_behind
from .confirming import AUTH_FAILED, attempt, authentication_failed
from .fields import public
from .money import shown

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>3D Secure 2 test page</title></head>
<body>
<h1>3D Secure 2 test page</h1>
<p>{what}. Complete or fail its authentication.</p>
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
    if (source := _source(ctx)) is not None:
        if source["status"] != "pending":
            return _back_from_source(source)
        return Response(200, _PAGE.format(what="A payment"), {"Content-Type": "text/html; charset=utf-8"})
    intent = _intent(ctx)
    if intent["status"] != "requires_action":
        return _back(intent, "succeeded" if intent["status"] == "succeeded" else "failed")
    saving = intent.resource == "setup_intent"
    what = "A card to be saved" if saving else f"A payment of {shown(intent['amount'], intent['currency'])}"
    return Response(200, _PAGE.format(what=what), {"Content-Type": "text/html; charset=utf-8"})


@operation("POST /3d_secure_2/hosted")
def decide(ctx: Context) -> Response:
    """The customer completed or failed the authentication; the issuer is asked next, and may still decline."""
    if (source := _source(ctx)) is not None:
        if source["status"] == "pending":
            source = older_sources.decide(ctx, source, passed=ctx.body["outcome"] == "succeeded")
        return _back_from_source(source)
    intent = _intent(ctx)
    if intent["status"] == "requires_action":
        intent = _decided(ctx, intent, passed=ctx.body["outcome"] == "succeeded")
    waiting = intent["status"] in {"succeeded", "requires_capture", "processing", "requires_confirmation"}
    return _back(intent, "succeeded" if waiting else "failed")


def _decided(ctx: Context, intent: Entity, *, passed: bool) -> Entity:
    method = ctx.find("payment_method", intent["payment_method"])
    assert method is not None
    if intent.resource == "setup_intent":
        error = {"code": "setup_intent_authentication_failure", "message": AUTH_FAILED, "payment_method": public(method),
                 "type": "invalid_request_error"}  # fmt: skip
        return setup_saving.complete(ctx, intent) if passed else setup_saving.reject(ctx, intent, error)
    if not passed:
        return authentication_failed(ctx, intent, method)
    if intent["confirmation_method"] == "manual":
        # The server confirms once more; the intent remembers that the customer has authenticated with this method.
        return ctx.move(intent, "requires_confirmation", next_action=None, _authenticated=method.id)
    try:
        return attempt(ctx, intent, method, card_behind(method), authenticated=True)
    except Refusal:  # declined after all: it is on record, and the customer is sent back all the same
        return ctx.get("payment_intent", intent.id)


def _source(ctx: Context) -> Entity | None:
    """The source that is to be authorized, where the page is one of a source and not of an intent."""
    given = ctx.query.get("source") or ""
    if ctx.query.get("payment_intent") or ctx.query.get("setup_intent") or not given.startswith("src_"):
        return None
    return ctx.get("source", given)


def _back_from_source(source: Entity) -> Response:
    place = source["redirect"]["return_url"]
    glue = "&" if "?" in place else "?"
    url = f"{place}{glue}client_secret={source['client_secret']}&source={source.id}"
    return Response(303, None, {"Location": url})


def _intent(ctx: Context) -> Entity:
    for kind in ("payment_intent", "setup_intent"):
        given = ctx.query.get(kind)
        if given is None:
            continue
        found = ctx.get(kind, given)
        name = f"{kind}_client_secret"
        if found["client_secret"] != ctx.query.get(name):
            words = "PaymentIntent" if kind == "payment_intent" else "SetupIntent"
            message = f"The client_secret provided does not match any associated {words}."
            raise Refusal(400, f"{kind}_invalid_parameter", message, param=name)
        return found
    raise Refusal(400, "parameter_missing", "Missing required param: payment_intent.", param="payment_intent")


def _back(intent: Entity, outcome: str) -> Response:
    """To the shop, with what Stripe adds to the address; a plain page where there is none to return to."""
    place: Any = intent.get("_return_url")
    if not place:
        return Response(200, "You may close this page.\n", {"Content-Type": "text/plain; charset=utf-8"})
    glue = "&" if "?" in place else "?"
    kind, secret = intent.resource, intent["client_secret"]
    url = f"{place}{glue}{kind}={intent.id}&{kind}_client_secret={secret}&redirect_status={outcome}"
    return Response(303, None, {"Location": url})
