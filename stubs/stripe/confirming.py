"""Confirming a payment intent: authentication, the issuer's answer, and where the intent goes from there."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job

from .card_details import card_behind, declined
from .cards import Card, Trait
from .charging import AUTHORIZATION_DAYS, Attempt, charge
from .declines import DECLINES
from .fields import change, public, tell
from .intent_effects import tell_all
from .intent_states import unexpected
from .payment_methods import attach
from .wording import METHOD_USED_UP, NO_METHOD, RETURN_URL_NEEDED

# How ways to pay other than cards go on after confirmation (docs.stripe.com/payments/payment-methods/overview).
DELAYED = frozenset({"acss_debit", "au_becs_debit", "bacs_debit", "nz_bank_account", "sepa_debit", "us_bank_account"})
REDIRECTING = frozenset(
    {"affirm", "afterpay_clearpay", "alipay", "alma", "amazon_pay", "bancontact", "billie", "blik", "cashapp", "eps",
     "fpx", "giropay", "grabpay", "ideal", "klarna", "mobilepay", "p24", "paypal", "revolut_pay", "twint", "wechat_pay"}
)  # fmt: skip
SETTLING = 3_000  # ms that a delayed payment takes here; at Stripe's test mode it is also a matter of seconds
AUTH_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to "
    "attempt to fulfill this PaymentIntent again."
)


def confirm(
    ctx: Context, intent: Entity, body: dict[str, Any], *, authenticated: bool = False, asks: bool = False
) -> Entity:
    """Try to pay. Gives the intent in its next status; a decline is raised, and stays on record.

    With `asks` a customer who isn't there but must authenticate is waited for, as for invoices; else that is a decline.
    """
    if intent["payment_method"] is None:
        raise unexpected(intent, NO_METHOD, keep_changes=True)
    method = ctx.find("payment_method", intent["payment_method"])
    assert method is not None
    _check_owner(intent, method)
    off_session = body.get("off_session") not in {None, False, "false"}
    return_url = body.get("return_url") or intent.get("_return_url")
    _check_return_url(intent, return_url, off_session=off_session)
    intent = change(ctx, intent, None, last_payment_error=None, next_action=None, _return_url=return_url)
    card = card_behind(method)
    if card is None:
        return _confirm_other(ctx, intent, method, return_url)
    authenticated = authenticated or intent.get("_authenticated") == method.id
    if not authenticated and _needs_authentication(card, method, body, off_session=off_session):
        if (off_session and not asks) or body.get("error_on_requires_action"):
            raise fail(ctx, intent, method, "authentication_required")
        return _ask(ctx, intent, return_url, use_sdk=bool(body.get("use_stripe_sdk")))
    return attempt(ctx, intent, method, card, authenticated=authenticated)


def attempt(ctx: Context, intent: Entity, method: Entity, card: Card | None, *, authenticated: bool) -> Entity:
    """Ask the issuer and go where its answer leads."""
    if card is not None and card.decline is not None:
        raise fail(ctx, intent, method, card.decline, authenticated=authenticated)
    manual = intent["capture_method"] == "manual"
    made = _charge(ctx, intent, method, card, capture=not manual, authenticated=authenticated)
    _keep_method(ctx, intent, method)
    if manual:
        intent = ctx.move(intent, "requires_capture", amount_capturable=intent["amount"], latest_charge=made.id,
                          next_action=None)  # fmt: skip
        tell(ctx, "payment_intent.amount_capturable_updated", intent)
        payload = {"intent": intent.id, "charge": made.id}
        ctx.schedule(AUTHORIZATION_DAYS * 86_400_000, "expire_authorization", payload)
        return intent
    intent = ctx.move(intent, "succeeded", amount_received=intent["amount"], latest_charge=made.id, next_action=None)
    tell(ctx, "payment_intent.succeeded", intent)
    tell_all(ctx, intent, "succeeded")
    return intent


def fail(
    ctx: Context, intent: Entity, method: Entity, decline: str, *, authenticated: bool = False, charged: bool = True
) -> Refusal:
    """Record a declined attempt: a failed charge, the error on the intent, the events. Gives the 402 to raise."""
    found = DECLINES[decline]
    error: dict[str, Any] = {
        "code": found.code,
        "decline_code": found.decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{found.code.replace('_', '-')}",
        "message": found.message,
        "payment_method": public(method),
        "type": "card_error",
    }
    if found.param:
        error["param"] = found.param
    advised = {"advice_code": found.advice, "network_decline_code": found.network}
    error |= {name: value for name, value in advised.items() if value}
    latest = intent["latest_charge"]
    if charged:
        card = card_behind(method)
        latest = _charge(ctx, intent, method, card, capture=False, authenticated=authenticated, decline=decline).id
        error["charge"] = latest
    intent = ctx.move(intent, "requires_payment_method", last_payment_error=error, latest_charge=latest,
                      next_action=None, payment_method=None)  # fmt: skip
    tell(ctx, "payment_intent.payment_failed", intent)
    tell_all(ctx, intent, "failed")
    extra: dict[str, Any] = {"payment_intent": public(intent), "payment_method": public(method)}
    if charged:
        extra["charge"] = latest
    refusal = declined(decline, **extra)
    refusal.keep_changes = True
    return refusal


def authentication_failed(ctx: Context, intent: Entity, method: Entity) -> Entity:
    """The customer didn't pass 3D Secure: back to the start, with the error on the intent."""
    code = "payment_intent_authentication_failure"
    error = {
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": AUTH_FAILED,
        "payment_method": public(method),
        "type": "invalid_request_error",
    }
    intent = ctx.move(intent, "requires_payment_method", last_payment_error=error, next_action=None,
                      payment_method=None)  # fmt: skip
    tell(ctx, "payment_intent.payment_failed", intent)
    tell_all(ctx, intent, "failed")
    return intent


@job("settle_payment")
def settle_payment(ctx: Context, payload: dict[str, Any]) -> None:
    """A delayed payment arrives, unless the intent was canceled meanwhile."""
    intent = ctx.find("payment_intent", payload["intent"])
    if intent is None or intent["status"] != "processing":
        return
    method = ctx.find("payment_method", intent["payment_method"])
    assert method is not None
    attempt(ctx, intent, method, None, authenticated=False)


@job("expire_authorization")
def expire_authorization(ctx: Context, payload: dict[str, Any]) -> None:
    """An authorization that wasn't captured in seven days is given back and the intent canceled."""
    intent = ctx.find("payment_intent", payload["intent"])
    if intent is None or intent["status"] != "requires_capture":
        return
    release(ctx, intent, "charge.expired")
    intent = ctx.move(intent, "canceled", amount_capturable=0, canceled_at=ctx.now(), cancellation_reason="automatic")
    tell(ctx, "payment_intent.canceled", intent)


def release(ctx: Context, intent: Entity, event: str) -> None:
    """Give an uncaptured authorization back: the charge counts as refunded, with no money moved."""
    held = ctx.find("charge", intent["latest_charge"]) if intent["latest_charge"] else None
    if held is not None and held["status"] == "succeeded" and not held["captured"]:
        change(ctx, held, event, amount_refunded=held["amount"], refunded=True)


def _charge(
    ctx: Context,
    intent: Entity,
    method: Entity,
    card: Card | None,
    *,
    capture: bool,
    authenticated: bool,
    decline: str | None = None,
) -> Entity:
    tried = Attempt(
        amount=intent["amount"], currency=intent["currency"], card=card, method=method, capture=capture,
        decline=decline, authenticated=authenticated, intent=intent,
    )  # fmt: skip
    names = ("customer", "description", "metadata", "on_behalf_of", "receipt_email", "shipping", "statement_descriptor",
             "statement_descriptor_suffix", "transfer_group")  # fmt: skip
    return charge(ctx, tried, **{name: intent[name] for name in names})


def _needs_authentication(card: Card, method: Entity, body: dict[str, Any], *, off_session: bool) -> bool:
    options = body.get("payment_method_options")
    asked = options.get("card") if isinstance(options, dict) else None
    forced = isinstance(asked, dict) and asked.get("request_three_d_secure") in {"any", "challenge"}
    if card.has(Trait.AUTH_ALWAYS):
        return True
    if card.has(Trait.AUTH_ON_SESSION):
        return not off_session
    if card.has(Trait.AUTH_UNLESS_SET_UP):
        return not (off_session and method["customer"] is not None and method.get("_set_up"))
    return forced and not card.has(Trait.AUTH_UNSUPPORTED) and not off_session


def _ask(ctx: Context, intent: Entity, return_url: str | None, *, use_sdk: bool) -> Entity:
    """Send the customer to authenticate."""
    source = f"payatt_3{ctx.token(23)}"
    place = f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={intent.id}"
    url = f"{place}&payment_intent_client_secret={intent['client_secret']}&source={source}"
    if return_url and not use_sdk:
        action: dict[str, Any] = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": return_url, "url": url},
        }
    else:
        action = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "type": "three_d_secure_redirect",
                "source": source,
                "stripe_js": url,
            },
        }
    intent = ctx.move(intent, "requires_action", next_action=action)
    tell(ctx, "payment_intent.requires_action", intent)
    tell_all(ctx, intent, "requires_action")
    return intent


def _confirm_other(ctx: Context, intent: Entity, method: Entity, return_url: str | None) -> Entity:
    kind = method["type"]
    if kind in DELAYED:
        _keep_method(ctx, intent, method)
        intent = ctx.move(intent, "processing", processing=None, next_action=None)
        tell(ctx, "payment_intent.processing", intent)
        tell_all(ctx, intent, "processing")
        ctx.schedule(SETTLING, "settle_payment", {"intent": intent.id})
        return intent
    if kind in REDIRECTING:
        if not return_url:
            message = f"A `return_url` must be specified because {kind} is a redirect-based payment method."
            raise Refusal(400, "parameter_missing", message, param="return_url")
        return _ask(ctx, intent, return_url, use_sdk=False)
    return attempt(ctx, intent, method, None, authenticated=False)


def _check_owner(intent: Entity, method: Entity) -> None:
    owner, payer = method["customer"], intent["customer"]
    if owner is None:
        if method.get("_used"):
            raise Refusal(400, None, METHOD_USED_UP)
        return
    if payer is None:
        message = (
            f"The PaymentMethod ({method.id}) belongs to the Customer {owner}. Please include the Customer in the "
            "`customer` parameter on the PaymentIntent."
        )
        raise Refusal(400, None, message, param="payment_method")
    if owner != payer:
        message = (
            f"The PaymentMethod ({method.id}) does not belong to the Customer you supplied ({payer}). Please use this "
            "PaymentMethod with the Customer that it belongs to instead."
        )
        raise Refusal(400, None, message, param="payment_method")


def _check_return_url(intent: Entity, return_url: str | None, *, off_session: bool) -> None:
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic.get("allow_redirects") != "never" and not return_url and not off_session:
        raise Refusal(400, None, RETURN_URL_NEEDED)


def _keep_method(ctx: Context, intent: Entity, method: Entity) -> None:
    """Save the payment method on the customer if the intent says so, else mark a lone one as used up."""
    if method["customer"] is not None:
        return
    owner = ctx.find("customer", intent["customer"]) if intent["customer"] else None
    if intent["setup_future_usage"] and owner is not None:
        attach(ctx, ctx.update(method, _set_up=True), owner)
    else:
        ctx.update(method, _used=True)
