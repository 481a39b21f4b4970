"""Refunds, of a charge or of a payment intent's charge: whole, in parts, never more than was taken."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, merged_metadata, operation

from . import balance, cash_balance, disputes, fees, receipts, refund_ways
from .card_details import card_behind
from .cards import Trait
from .fields import change, generic, page, picked, tell
from .money import shown

SETTLING = 3_000  # ms after which a pending test refund succeeds and a failing one fails


@operation("POST /v1/refunds")
def create(ctx: Context) -> Entity:
    """Give money back. Without an amount it is all that is left."""
    return refund(ctx, _charge_of(ctx, ctx.body))


@operation("POST /v1/charges/{charge}/refunds")
def create_for_charge(ctx: Context, charge: str) -> Entity:
    """The same, with the charge named by the path."""
    return refund(ctx, ctx.get("charge", charge))


@operation("POST /v1/charges/{charge}/refund")
def refund_charge(ctx: Context, charge: str) -> Entity:
    """The oldest way: answers the charge instead of the refund."""
    found = ctx.get("charge", charge)
    refund(ctx, found)
    return ctx.get("charge", charge)


def refund(ctx: Context, charge: Entity, body: dict[str, Any] | None = None) -> Entity:
    """Refund a charge as the request's body says, or as `body` does, with Stripe's refusals."""
    body = ctx.body if body is None else body
    amount = _amount(charge, body.get("amount"), disputed=disputes.refusing_refunds(ctx, charge))
    refund_id = ctx.new_id("refund")
    reversal = fees.give_back(ctx, charge, amount, source=refund_id, reverse_transfer=bool(body.get("reverse_transfer")),
                              fee=bool(body.get("refund_application_fee")))  # fmt: skip
    card = card_behind(charge)
    pending = card is not None and card.has(Trait.REFUND_PENDING)
    asked = refund_ways.must_ask(charge)
    made = ctx.create(
        "refund",
        refund_id,
        amount=amount,
        charge=charge.id,
        currency=charge["currency"],
        destination_details=refund_ways.destination(charge),
        metadata=merged_metadata({}, body.get("metadata")),
        payment_intent=charge["payment_intent"],
        reason=body.get("reason"),
        source_transfer_reversal=None,
        status="requires_action" if asked else "pending" if pending else "succeeded",
        transfer_reversal=reversal,
        **({"next_action": refund_ways.asking(ctx, charge, body.get("instructions_email"))} if asked else {}),
        **picked(body, "instructions_email"),
    )
    if charge["captured"]:
        made = ctx.update(made, balance_transaction=balance.refunded(ctx, made, charge).id)
        made = made if pending or asked else receipts.of_refund(ctx, made, charge)
    tell(ctx, "refund.created", made)
    if charge["payment_method_details"]["type"] == "customer_balance":
        cash_balance.refunded(ctx, made, charge["customer"])
    total = charge["amount_refunded"] + amount
    charge = change(ctx, charge, "charge.refunded", amount_refunded=total, refunded=total == charge["amount"])
    if charge["refunded"]:
        disputes.close_inquiries(ctx, charge)
    if not charge["captured"]:
        _cancel_intent(ctx, charge)
    if asked:
        ctx.schedule(refund_ways.WAITING_DAYS * 86_400_000, "expire_refund", {"refund": made.id})
    elif pending:
        ctx.schedule(SETTLING, "settle_refund", {"refund": made.id})
    elif card is not None and card.has(Trait.REFUND_FAILS):
        ctx.schedule(SETTLING, "fail_refund", {"refund": made.id})
    return made


@operation("GET /v1/refunds/{refund}")
def retrieve(ctx: Context, refund: str) -> Entity:
    """One refund."""
    return ctx.get("refund", refund)


@operation("POST /v1/refunds/{refund}")
def update(ctx: Context, refund: str) -> Entity:
    """Only metadata can be changed."""
    found = ctx.get("refund", refund)
    if "metadata" not in ctx.body:
        return found
    metadata = merged_metadata(found["metadata"], ctx.body["metadata"])
    return _updated(ctx, found, metadata=metadata)


@operation("POST /v1/refunds/{refund}/cancel")
def cancel(ctx: Context, refund: str) -> Entity:
    """Call a refund back that waits for the customer's bank details; those of cards never do."""
    found = ctx.get("refund", refund)
    if found["status"] != "requires_action":
        message = (
            f"This refund cannot be canceled because it has a status of {found['status']}. Only a refund with a status of "
            "requires_action can be canceled."
        )
        raise Refusal(400, None, message)
    found = _updated(ctx, found, status="canceled", next_action=None)
    return _returned(ctx, found)


@operation("GET /v1/refunds")
def list_refunds(ctx: Context) -> dict[str, Any]:
    """Refunds, newest first."""
    return generic(ctx)


@operation("GET /v1/charges/{charge}/refunds")
def list_of_charge(ctx: Context, charge: str) -> dict[str, Any]:
    """The refunds of one charge."""
    return page(ctx, "refund", charge=ctx.get("charge", charge).id)


@operation("GET /v1/charges/{charge}/refunds/{refund}")
def retrieve_of_charge(ctx: Context, charge: str, refund: str) -> Entity:
    """A refund, if it is one of this charge."""
    owner = ctx.get("charge", charge)
    found = ctx.get("refund", refund)
    if found["charge"] != owner.id:
        raise Refusal(404, "resource_missing", f"No such refund: '{refund}'", param="refund")
    return found


@operation("POST /v1/charges/{charge}/refunds/{refund}")
def update_of_charge(ctx: Context, charge: str, refund: str) -> Entity:
    """Change the metadata of a refund of this charge."""
    retrieve_of_charge(ctx, charge, refund)
    return update(ctx, refund)


@job("settle_refund")
def settle_refund(ctx: Context, payload: dict[str, Any]) -> None:
    """A pending refund arrives."""
    found = ctx.find("refund", payload["refund"])
    if found is not None and found["status"] == "pending":
        found = _updated(ctx, found, status="succeeded")
        receipts.of_refund(ctx, found, ctx.get("charge", found["charge"]))


@job("fail_refund")
def fail_refund(ctx: Context, payload: dict[str, Any]) -> None:
    """The bank sends a refund back: the money returns to the account, and the charge counts as not refunded."""
    found = ctx.find("refund", payload["refund"])
    if found is None or found["status"] != "succeeded":
        return
    reason = "expired_or_canceled_card"
    found = _updated(ctx, found, "refund.failed", status="failed", failure_reason=reason)
    _returned(ctx, found)


@job("expire_refund")
def expire_refund(ctx: Context, payload: dict[str, Any]) -> None:
    """Nobody said where the money should go."""
    found = ctx.find("refund", payload["refund"])
    if found is not None and found["status"] == "requires_action":
        found = _updated(ctx, found, "refund.failed", status="failed", failure_reason="unknown", next_action=None)
        _returned(ctx, found)


def _returned(ctx: Context, refund: Entity) -> Entity:
    """The money of a refund that didn't go through is back, and the charge counts as not refunded."""
    back = balance.refund_failed(ctx, refund)
    refund = ctx.update(refund, failure_balance_transaction=back.id)
    charge = ctx.find("charge", refund["charge"])
    if charge is not None:
        total = charge["amount_refunded"] - refund["amount"]
        change(ctx, charge, "charge.updated", amount_refunded=total, refunded=False)
    return refund


def _updated(ctx: Context, refund: Entity, *events: str, **fields: Any) -> Entity:
    """Change a refund; told under its newer name and, as it is a charge's, under the older one, then as `events`."""
    changed = change(ctx, refund, "refund.updated", **fields)
    previous = {name: refund.get(name) for name in fields if refund.get(name) != changed.get(name)}
    if previous:
        for event in ("charge.refund.updated", *events):
            tell(ctx, event, changed, previous_attributes=previous)
    return changed


def _amount(charge: Entity, asked: int | None, *, disputed: bool) -> int:
    """How much to give back; refuses what can't be given back, and more than there is."""
    currency = charge["currency"]
    left: int = charge["amount"] - charge["amount_refunded"]
    if charge["status"] == "failed":
        message = f"The charge {charge.id} failed and cannot be refunded."
        raise Refusal(400, "charge_not_refundable", message, param="charge")
    if disputed:
        message = f"Charge {charge.id} has been charged back; cannot issue a refund."
        raise Refusal(400, "charge_disputed", message)
    if charge["refunded"] or left == 0:
        raise Refusal(400, "charge_already_refunded", f"Charge {charge.id} has already been refunded.")
    if asked is None:
        return left
    amount = int(asked)
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise Refusal(400, "parameter_invalid_integer", message, param="amount")
    if amount > charge["amount"] and not charge["amount_refunded"]:
        most = shown(charge["amount"], currency)
        message = f"Refund amount ({shown(amount, currency)}) is greater than charge amount ({most})"
        raise Refusal(400, None, message, param="amount")
    if amount > left:
        message = (
            f"Refund amount ({shown(amount, currency)}) is greater than unrefunded amount on charge "
            f"({shown(left, currency)})"
        )
        raise Refusal(400, None, message, param="amount")
    if not charge["captured"] and amount < charge["amount"]:
        message = "Partial refunds are not allowed on uncaptured charges. Capture the charge first."
        raise Refusal(400, None, message, param="amount")
    return amount


def _charge_of(ctx: Context, body: dict[str, Any]) -> Entity:
    if body.get("charge"):
        return ctx.get("charge", body["charge"], param="charge")
    if not body.get("payment_intent"):
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise Refusal(400, "parameter_missing", message)
    intent = ctx.get("payment_intent", body["payment_intent"], param="payment_intent")
    charge = ctx.find("charge", intent["latest_charge"]) if intent["latest_charge"] else None
    if charge is None or charge["status"] != "succeeded":
        message = f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
        raise Refusal(400, None, message, param="payment_intent")
    return charge


def _cancel_intent(ctx: Context, charge: Entity) -> None:
    """Refunding an authorization that wasn't captured ends its payment intent."""
    intent = ctx.find("payment_intent", charge["payment_intent"]) if charge["payment_intent"] else None
    if intent is not None and intent["status"] == "requires_capture":
        intent = ctx.move(intent, "canceled", amount_capturable=0, canceled_at=ctx.now())
        tell(ctx, "payment_intent.canceled", intent)
