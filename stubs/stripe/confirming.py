"""Confirming a payment intent: authentication, the issuer's answer, and where the intent goes from there."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from . import cash_balance, debits
from .attempting import AUTH_FAILED, ask, attempt, authentication_failed, fail, release
from .card_details import card_behind
from .cards import Card, Trait
from .fields import change
from .intent_states import unexpected
from .wording import METHOD_USED_UP, NO_METHOD, RETURN_URL_NEEDED

__all__ = ["AUTH_FAILED", "ask", "attempt", "authentication_failed", "confirm", "fail", "release"]

# Ways to pay whose customers are sent to another page (docs.stripe.com/payments/payment-methods/overview).
REDIRECTING = frozenset(
    {"affirm", "afterpay_clearpay", "alipay", "alma", "amazon_pay", "bancontact", "billie", "blik", "cashapp", "crypto",
     "eps", "fpx", "giropay", "grabpay", "ideal", "kakao_pay", "klarna", "kr_card", "mb_way", "mobilepay", "multibanco",
     "naver_pay", "p24", "pay_by_bank", "payco", "paynow", "paypal", "pix", "promptpay", "revolut_pay", "samsung_pay",
     "satispay", "sofort", "swish", "twint", "wechat_pay", "zip"}
)  # fmt: skip


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
    authenticated = authenticated or intent.get("_authenticated") == method.id or card.has(Trait.AUTH_FRICTIONLESS)
    if not authenticated and _needs_authentication(card, method, body, off_session=off_session):
        if (off_session and not asks) or body.get("error_on_requires_action"):
            raise fail(ctx, intent, method, "authentication_required")
        return ask(ctx, intent, return_url, use_sdk=bool(body.get("use_stripe_sdk")))
    return attempt(ctx, intent, method, card, authenticated=authenticated)


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


def _confirm_other(ctx: Context, intent: Entity, method: Entity, return_url: str | None) -> Entity:
    kind = method["type"]
    if kind in debits.KINDS:
        return debits.start(ctx, intent, method)
    if kind == "customer_balance":
        return cash_balance.confirm_by_transfer(ctx, intent)
    if kind in REDIRECTING:
        if not return_url:
            message = f"A `return_url` must be specified because {kind} is a redirect-based payment method."
            raise Refusal(400, "parameter_missing", message, param="return_url")
        return ask(ctx, intent, return_url, use_sdk=False)
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
