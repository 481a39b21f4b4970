"""Setup intents: a card is saved for later, authenticated now. The table of actions is here, that of moves in stub.yaml."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from . import confirmation_tokens, debits
from .card_details import card_behind, declined
from .cards import Trait
from .declines import DECLINES
from .fields import DYNAMIC_SINCE, change, generic, new, picked, predates, public, tell
from .payment_methods import method_for, method_from_data
from .setup_saving import complete, record, reject, unexpected
from .wording import METHOD_USED_UP, RETURN_URL_NEEDED

SAVED_ELSEWHERE = frozenset(
    {"amazon_pay", "bancontact", "cashapp", "ideal", "klarna", "paypal", "revolut_pay", "sofort"}
)
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_FORBIDDEN = {
    "cancel": "You cannot cancel this SetupIntent because it has a status of {status}. Only a SetupIntent with one of the "
    "following statuses may be canceled: {allowed}.",
    "confirm": "You cannot confirm this SetupIntent because it has a status of {status}. Only a SetupIntent with one of "
    "the following statuses may be confirmed: {allowed}.",
    "update": "You cannot update this SetupIntent because it has a status of {status}. Only a SetupIntent with one of the "
    "following statuses may be updated: {allowed}.",
}
_SUCCEEDED = "You cannot confirm this SetupIntent because it has already succeeded."
_NO_METHOD = (
    "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment "
    "method and then confirm it again."
)


@operation("POST /v1/setup_intents")
def create(ctx: Context) -> Entity:
    """A setup intent; with `confirm` the method is saved in the same call."""
    body = ctx.body
    customer = body.get("customer")
    if customer is not None:
        ctx.get("customer", customer, param="customer")
    given, automatic = body.get("payment_method_types"), body.get("automatic_payment_methods")
    asked = automatic if isinstance(automatic, dict) else {}
    chosen = None
    old = not isinstance(automatic, dict) and predates(ctx, DYNAMIC_SINCE)
    if not given and asked.get("enabled") is not False and not old:
        chosen = {"allow_redirects": asked.get("allow_redirects") or "always", "enabled": True}
    intent_id = ctx.new_id("setup_intent")
    intent = new(
        ctx,
        "setup_intent",
        intent_id,
        automatic_payment_methods=chosen,
        client_secret=f"{intent_id}_secret_{ctx.token(29)}",
        customer=customer,
        metadata=merged_metadata({}, body.get("metadata")),
        payment_method_options={
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        payment_method_types=list(given) if given else ["card", "link"] if chosen else ["card"],
        usage=body.get("usage") or "off_session",
        **picked(body, "description", "on_behalf_of"),
    )
    tell(ctx, "setup_intent.created", intent)
    intent = _give_method(ctx, intent)
    return approve(ctx, intent, ctx.body.get("return_url")) if body.get("confirm") else intent


@operation("POST /v1/setup_intents/{intent}")
def update(ctx: Context, intent: str) -> Entity:
    """Change an intent that is still open."""
    found = ctx.get("setup_intent", intent)
    if set(ctx.body) - {"metadata", "description", "expand"}:
        _check(found, "update")
    fields = picked(ctx.body, "description")
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    if ctx.body.get("customer") is not None:
        fields["customer"] = ctx.get("customer", ctx.body["customer"], param="customer").id
    return _give_method(ctx, change(ctx, found, None, **fields))


@operation("POST /v1/setup_intents/{intent}/confirm")
def confirm(ctx: Context, intent: str) -> Entity:
    """Save the payment method, or ask the customer to authenticate first."""
    found = ctx.get("setup_intent", intent)
    _check(found, "confirm")
    return approve(ctx, _give_method(ctx, found), ctx.body.get("return_url"))


@operation("POST /v1/setup_intents/{intent}/cancel")
def cancel(ctx: Context, intent: str) -> Entity:
    """Give up an intent, for good."""
    found = ctx.get("setup_intent", intent)
    _check(found, "cancel")
    reason = ctx.body.get("cancellation_reason")
    found = ctx.move(found, "canceled", cancellation_reason=reason, next_action=None)
    tell(ctx, "setup_intent.canceled", found)
    return found


@operation("GET /v1/setup_intents/{intent}")
def retrieve(ctx: Context, intent: str) -> Entity:
    """One setup intent."""
    return ctx.get("setup_intent", intent)


@operation("GET /v1/setup_intents")
def list_intents(ctx: Context) -> dict[str, Any]:
    """Setup intents, newest first."""
    return generic(ctx)


def approve(ctx: Context, intent: Entity, return_url: str | None) -> Entity:
    """Save the intent's payment method, or have the customer authenticate. A decline is raised, and stays on record."""
    if intent["payment_method"] is None:
        raise unexpected(intent, _NO_METHOD)
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] != "never" and not return_url:
        raise Refusal(400, None, RETURN_URL_NEEDED.replace("This PaymentIntent", "This SetupIntent", 1))
    method = ctx.get("payment_method", intent["payment_method"])
    if method["customer"] is None and method.get("_used"):
        raise Refusal(400, None, METHOD_USED_UP)
    card = card_behind(method)
    if card is not None and card.decline is not None and not card.traits:
        found = DECLINES[card.decline]
        error = {
            "code": found.code,
            "decline_code": found.decline_code,
            "doc_url": f"https://stripe.com/docs/error-codes/{found.code.replace('_', '-')}",
            "message": found.message,
            "payment_method": public(method),
            "type": "card_error",
        }
        intent = reject(ctx, intent, error)
        refusal = declined(card.decline, payment_method=public(method), setup_intent=public(intent))
        refusal.keep_changes = True
        raise refusal
    if card is not None and (card.has(Trait.AUTH_ALWAYS) or card.has(Trait.AUTH_UNLESS_SET_UP)):
        return _ask(ctx, intent, return_url)
    if card is None and debits.must_verify(intent, method):
        return _wait(ctx, record(ctx, intent, "requires_action"), debits.deposits(ctx, intent))
    if method["type"] in SAVED_ELSEWHERE:
        return _ask(ctx, intent, return_url)
    return complete(ctx, intent)


def _ask(ctx: Context, intent: Entity, return_url: str | None) -> Entity:
    place = f"https://hooks.stripe.com/3d_secure_2/hosted?setup_intent={intent.id}"
    url = f"{place}&setup_intent_client_secret={intent['client_secret']}&source=payatt_1{ctx.token(23)}"
    action: dict[str, Any] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"stripe_js": url}}
    if return_url:
        action = {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    return _wait(ctx, record(ctx, ctx.update(intent, _return_url=return_url), "requires_action"), action)


def _wait(ctx: Context, intent: Entity, action: dict[str, Any]) -> Entity:
    intent = ctx.move(intent, "requires_action", next_action=action)
    tell(ctx, "setup_intent.requires_action", intent)
    return intent


def _give_method(ctx: Context, intent: Entity) -> Entity:
    data, given = ctx.body.get("payment_method_data"), ctx.body.get("payment_method")
    if isinstance(data, dict):
        method = method_from_data(ctx, data)
    elif isinstance(given, str) and given:
        method = method_for(ctx, given)
    elif ctx.body.get("confirmation_token"):
        method, intent = confirmation_tokens.use(ctx, intent)
    else:
        return intent
    return ctx.move(intent, "requires_confirmation", payment_method=method.id, next_action=None)


def _check(intent: Entity, action: str) -> None:
    status = intent["status"]
    if status in OPEN:
        return
    if action == "confirm" and status == "succeeded":
        raise unexpected(intent, _SUCCEEDED)
    raise unexpected(intent, _FORBIDDEN[action].format(status=status, allowed=", ".join(OPEN)))
