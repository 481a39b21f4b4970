"""Issuing: cards, virtual or sent by post.

    inactive ⇄ active → canceled, for good

A physical card's way is `shipping.status`: pending → submitted → shipped → delivered, or returned, or failure.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from .dates import year_and_month
from .fields import NO_ADDRESS, change, new, page, public, since, tell
from .issuing_cardholders import controls
from .money import checked_currency

_YEARS = 3
_WAY = {
    "submitted": ("pending",),
    "shipped": ("pending", "submitted"),
    "delivered": ("shipped",),
    "returned": ("shipped",),
    "failure": ("pending", "submitted", "shipped"),
}
"""A step of the way -> the statuses from which it may be taken."""


@operation("POST /v1/issuing/cards")
def create(ctx: Context) -> Entity:
    """A card for a cardholder, inactive unless asked otherwise."""
    body = ctx.body
    replaced = (
        ctx.get("issuing.card", body["replacement_for"], param="replacement_for")
        if body.get("replacement_for")
        else None
    )
    holder = body.get("cardholder") or (replaced["_cardholder"] if replaced is not None else None)
    if holder is None:
        raise Refusal(400, "parameter_missing", "Missing required param: cardholder.", param="cardholder")
    cardholder = ctx.get("issuing.cardholder", holder, param="cardholder")
    if body["type"] == "physical" and not body.get("shipping") and replaced is None:
        raise Refusal(400, "parameter_missing", "Missing required param: shipping.", param="shipping")
    year, month = year_and_month(ctx.now())
    number = _number(ctx)
    card = new(
        ctx,
        "issuing.card",
        brand="Visa",
        cancellation_reason=None,
        cardholder=public(cardholder),
        currency=checked_currency(body["currency"]),
        exp_month=month,
        exp_year=year + _YEARS,
        financial_account=body.get("financial_account"),
        last4=number[-4:],
        latest_fraud_warning=None,
        lifecycle_controls=None,
        metadata=merged_metadata({}, body.get("metadata")),
        personalization_design=body.get("personalization_design"),
        replaced_by=None,
        replacement_for=replaced.id if replaced is not None else None,
        replacement_reason=body.get("replacement_reason"),
        second_line=body.get("second_line"),
        shipping=_shipping(ctx, body.get("shipping")) if body["type"] == "physical" else None,
        spending_controls=controls(body),
        status=body.get("status") or "inactive",
        type=body["type"],
        wallets={
            "apple_pay": {"eligible": True, "ineligible_reason": None},
            "google_pay": {"eligible": True, "ineligible_reason": None},
            "primary_account_identifier": None,
        },
        _cardholder=cardholder.id,
        _cvc=ctx.token(3, "0123456789"),
        _number=number,
    )
    tell(ctx, "issuing_card.created", card)
    if replaced is not None:
        change(ctx, replaced, "issuing_card.updated", replaced_by=card.id)
    return card


@operation("POST /v1/issuing/cards/{card}")
def update(ctx: Context, card: str) -> Entity:
    """Activate, deactivate or cancel a card, or change what it may be used for."""
    found = ctx.get("issuing.card", card)
    body = ctx.body
    status = body.get("status")
    if found["status"] == "canceled" and status not in {None, "canceled"}:
        message = "You cannot update the status of a canceled card."
        raise Refusal(400, None, message, param="status")
    fields: dict[str, Any] = {"status": status} if status else {}
    if status == "canceled" and body.get("cancellation_reason"):
        fields["cancellation_reason"] = body["cancellation_reason"]
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    if "spending_controls" in body:
        fields["spending_controls"] = controls(body, found["spending_controls"])
    if body.get("personalization_design"):
        fields["personalization_design"] = body["personalization_design"]
    if body.get("shipping"):
        fields["shipping"] = _shipping(ctx, body["shipping"])
    return change(ctx, found, "issuing_card.updated", **fields)


@operation("GET /v1/issuing/cards")
def list_cards(ctx: Context) -> dict[str, Any]:
    """Cards, newest first."""
    names = ("exp_month", "exp_year", "last4", "personalization_design", "status", "type")
    where = {name: ctx.query[name] for name in names if ctx.query.get(name)}
    if ctx.query.get("cardholder"):
        where["_cardholder"] = ctx.query["cardholder"]
    return page(ctx, since(ctx, ctx.list("issuing.card", **where)))


@operation("POST /v1/test_helpers/issuing/cards/{card}/shipping/submit")
def submit(ctx: Context, card: str) -> Entity:
    """The card is at the printer's."""
    return _go(ctx, card, "submitted")


@operation("POST /v1/test_helpers/issuing/cards/{card}/shipping/ship")
def ship(ctx: Context, card: str) -> Entity:
    """The card is on its way."""
    return _go(ctx, card, "shipped")


@operation("POST /v1/test_helpers/issuing/cards/{card}/shipping/deliver")
def deliver(ctx: Context, card: str) -> Entity:
    """The card has come."""
    return _go(ctx, card, "delivered")


@operation("POST /v1/test_helpers/issuing/cards/{card}/shipping/return")
def come_back(ctx: Context, card: str) -> Entity:
    """The card came back."""
    return _go(ctx, card, "returned")


@operation("POST /v1/test_helpers/issuing/cards/{card}/shipping/fail")
def fail(ctx: Context, card: str) -> Entity:
    """The card got lost."""
    return _go(ctx, card, "failure")


@expands("issuing.card", "number")
def number_of(ctx: Context, card: Entity) -> str:
    """The whole number, where it is asked for."""
    del ctx
    return str(card["_number"])


@expands("issuing.card", "cvc")
def cvc_of(ctx: Context, card: Entity) -> str:
    """The security code, where it is asked for."""
    del ctx
    return str(card["_cvc"])


def _go(ctx: Context, name: str, status: str) -> Entity:
    card = ctx.get("issuing.card", name)
    shipping = card["shipping"]
    if shipping is None:
        raise Refusal(400, None, "You cannot update the shipping status of a card without shipping.")
    if shipping["status"] not in _WAY[status]:
        message = f"You cannot move a card's shipping status from {shipping['status']} to {status}."
        raise Refusal(400, None, message)
    more: dict[str, Any] = {}
    if status == "shipped":
        more = {"tracking_number": ctx.token(12, "0123456789"), "carrier": "usps"}
    return change(ctx, card, "issuing_card.updated", shipping=shipping | more | {"status": status})


def _shipping(ctx: Context, given: dict[str, Any] | None) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "address_validation": {"mode": "disabled", "normalized_address": None, "result": None},
        "business_name": None,
        "carrier": None,
        "customs": None,
        "eta": ctx.now() + 7 * 86_400,
        "phone_number": None,
        "require_signature": None,
        "service": "standard",
        "status": "pending",
        "tracking_number": None,
        "tracking_url": None,
        "type": "individual",
    }
    said = {name: value for name, value in (given or {}).items() if name != "address_validation"}
    whole |= said | {"address": NO_ADDRESS | (said.get("address") or {}), "name": said.get("name") or ""}
    if said.get("customs"):
        whole["customs"] = {"eori_number": None} | said["customs"]
    return whole


def _number(ctx: Context) -> str:
    """A Visa number of the range that test cards of Issuing are in, with its check digit (ISO/IEC 7812-1, annex B)."""
    body = "400000999" + ctx.token(6, "0123456789")
    digits = [int(digit) for digit in reversed(body)]
    total = sum(sum(divmod(digit * 2, 10)) if at % 2 == 0 else digit for at, digit in enumerate(digits))
    return body + str(-total % 10)
