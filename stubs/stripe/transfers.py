"""Transfers: money goes from the platform's balance to a connected account's, and back by reversals.

In the destination a transfer arrives as a payment of its own (`py_…`), with its own balance transaction.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from . import balance
from .account import ACCOUNT
from .balance import Entry
from .fields import change, new, page, picked, short_list, since, tell
from .money import checked_currency, shown
from .wording import NO_FUNDS


@operation("POST /v1/transfers")
def create(ctx: Context) -> Entity:
    """Send what is available, or the money of one charge, to a connected account."""
    body = ctx.body
    currency = checked_currency(body["currency"])
    destination = destination_of(ctx, body["destination"])
    source = body.get("source_transaction")
    charge = ctx.get("charge", source, param="source_transaction") if source else None
    amount = body.get("amount") or (charge["amount"] if charge is not None else None)
    if amount is None:
        raise Refusal(400, "parameter_missing", "Missing required param: amount.", param="amount")
    if amount < 1:
        raise Refusal(
            400, "parameter_invalid_integer", "This value must be greater than or equal to 1.", param="amount"
        )
    if charge is None and amount > balance.available(ctx, currency, body.get("source_type")):
        raise Refusal(400, "balance_insufficient", NO_FUNDS)
    if charge is not None:
        _check_charge(ctx, charge, amount, currency)
    group = body.get("transfer_group") or (charge and (charge["transfer_group"] or f"group_{charge.id}"))
    return send(ctx, destination, amount, currency, charge=charge, transfer_group=group,
                metadata=merged_metadata({}, body.get("metadata")), source_type=body.get("source_type") or "card",
                **picked(body, "description"))  # fmt: skip


@operation("GET /v1/transfers")
def list_transfers(ctx: Context) -> dict[str, Any]:
    """Transfers, newest first."""
    where = {name: ctx.query[name] for name in ("destination", "transfer_group") if ctx.query.get(name)}
    listed = page(ctx, since(ctx, ctx.list("transfer", **where)))
    return listed | {"data": [_whole(ctx, one) for one in listed["data"]]}


@operation("GET /v1/transfers/{transfer}")
def retrieve(ctx: Context, transfer: str) -> Entity:
    """One transfer."""
    return _whole(ctx, ctx.get("transfer", transfer))


@operation("POST /v1/transfers/{transfer}")
def update(ctx: Context, transfer: str) -> Entity:
    """Only description and metadata can be changed."""
    found = ctx.get("transfer", transfer)
    fields = picked(ctx.body, "description")
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    changed = _whole(ctx, change(ctx, found, None, **fields))
    previous = {name: found[name] for name in fields if found[name] != changed[name]}
    if previous:
        tell(ctx, "transfer.updated", changed, previous_attributes=previous)
    return changed


@operation("POST /v1/transfers/{id}/reversals")
def reverse_transfer(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Take money of a transfer back, all that is left unless an amount is named."""
    found = ctx.get("transfer", id)
    left = found["amount"] - found["amount_reversed"]
    if left == 0:
        raise Refusal(400, "transfer_already_reversed" if found["reversed"] else None,
                      f"Transfer {found.id} has already been fully reversed.")  # fmt: skip
    amount = ctx.body.get("amount") or left
    if amount > left:
        currency = found["currency"]
        message = (
            f"Reversal amount ({shown(amount, currency)}) is greater than unreversed amount on transfer "
            f"({shown(left, currency)})"
        )
        raise Refusal(400, None, message, param="amount")
    there = within(ctx, found["destination"])
    if amount > balance.available(there, found["currency"]):
        message = "Insufficient funds in the destination account's balance to reverse this transfer."
        raise Refusal(400, "balance_insufficient", message)
    return reverse(ctx, found, amount, metadata=merged_metadata({}, ctx.body.get("metadata")))


@operation("GET /v1/transfers/{id}/reversals")
def list_reversals(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - the document's parameter
    """The reversals of a transfer, newest first."""
    return page(ctx, "transfer_reversal", transfer=ctx.get("transfer", id).id)


@operation("GET /v1/transfers/{transfer}/reversals/{id}")
def retrieve_reversal(ctx: Context, transfer: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """One reversal of a transfer."""
    owner, found = ctx.get("transfer", transfer), ctx.find("transfer_reversal", id)
    if found is None or found["transfer"] != owner.id:
        raise Refusal(404, "resource_missing", f"No such transfer reversal: '{id}'", param="id")
    return found


@operation("POST /v1/transfers/{transfer}/reversals/{id}")
def update_reversal(ctx: Context, transfer: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Only metadata can be changed."""
    found = retrieve_reversal(ctx, transfer, id)
    if "metadata" not in ctx.body:
        return found
    return change(ctx, found, None, metadata=merged_metadata(found["metadata"], ctx.body["metadata"]))


@expands("transfer", "reversals")
def reversals_of(ctx: Context, transfer: Entity) -> dict[str, Any]:
    """The newest reversals, as every transfer shows them."""
    return short_list(
        ctx.list("transfer_reversal", limit=11, transfer=transfer.id), f"/v1/transfers/{transfer.id}/reversals"
    )


def destination_of(ctx: Context, given: str, param: str = "destination") -> Entity:
    """A connected account that can receive transfers."""
    found = ctx.find("account", given) if given != ACCOUNT else None
    if found is None:
        raise Refusal(400, "resource_missing", f"No such destination: '{given}'", param=param)
    capable = (found.get("capabilities") or {}).get("transfers") == "active"
    if not capable and found["type"] != "standard":
        message = (
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments"
        )
        raise Refusal(400, "insufficient_capabilities_for_transfer", message)
    return found


def send(
    ctx: Context, destination: Entity, amount: int, currency: str, *, charge: Entity | None = None,
    fees: tuple[dict[str, Any], ...] = (), **fields: Any,
) -> Entity:  # fmt: skip
    """Move money to a connected account; `fees` are what its payment costs there. Tells `transfer.created`."""
    made = new(
        ctx,
        "transfer",
        amount=amount,
        amount_reversed=0,
        currency=currency,
        destination=destination.id,
        reversed=False,
        source_transaction=charge.id if charge is not None else None,
        **({"source_type": "card", "metadata": {}} | fields),
    )
    days = balance.SETTLING_DAYS if charge is not None and not _at_once(ctx, charge) else 0
    line = balance.enter(ctx, Entry("transfer", made.id, -amount, currency, fields.get("description"), days))
    there = within(ctx, destination.id)
    payment = _arrival(there, made, amount, currency)
    arrived = balance.enter(there, Entry("payment", payment.id, amount, currency, None, days, fees))
    there.update(payment, balance_transaction=arrived.id)
    made = _whole(ctx, ctx.update(made, balance_transaction=line.id, destination_payment=payment.id))
    tell(ctx, "transfer.created", made)
    return made


def reverse(ctx: Context, transfer: Entity, amount: int, **fields: Any) -> Entity:
    """Take an amount back into the balance. Tells `transfer.reversed`; gives the reversal."""
    currency, held = transfer["currency"], reversals_of(ctx, transfer)
    made = ctx.create("transfer_reversal", amount=amount, currency=currency, transfer=transfer.id,
                      **({"metadata": {}} | fields))  # fmt: skip
    line = balance.enter(ctx, Entry("transfer_refund", made.id, amount, currency, f"REFUND FOR TRANSFER {transfer.id}"))
    there = within(ctx, transfer["destination"])
    payment = there.get("charge", transfer["destination_payment"])
    refund = there.create("refund", f"pyr_1{there.token(23)}", amount=amount, charge=payment.id, currency=currency,
                          metadata={}, payment_intent=None, reason=None, status="succeeded")  # fmt: skip
    gone = balance.enter(there, Entry("payment_refund", refund.id, -amount, currency, "REFUND FOR PAYMENT"))
    there.update(refund, balance_transaction=gone.id, transfer_reversal=made.id)
    given_back = payment["amount_refunded"] + amount
    there.update(payment, amount_refunded=given_back, refunded=given_back == payment["amount"])
    made = ctx.update(made, balance_transaction=line.id, destination_payment_refund=refund.id)
    total = transfer["amount_reversed"] + amount
    fresh = ctx.update(transfer, amount_reversed=total, reversed=total == transfer["amount"])
    previous = {"amount_reversed": transfer["amount_reversed"], "reversed": transfer["reversed"],
                "reversals": held}  # fmt: skip
    fresh = _whole(ctx, fresh)
    tell(
        ctx,
        "transfer.reversed",
        fresh,
        previous_attributes={name: was for name, was in previous.items() if was != fresh[name]},
    )
    return made


def within(ctx: Context, account: str) -> Context:
    """The things of an account: the platform's own are those without a name."""
    return ctx.within("" if account == ACCOUNT else account)


def _arrival(there: Context, transfer: Entity, amount: int, currency: str) -> Entity:
    """The payment by which a transfer arrives in its destination."""
    return new(
        there,
        "charge",
        f"py_1{there.token(23)}",
        amount=amount,
        amount_captured=amount,
        amount_refunded=0,
        billing_details={"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        captured=True,
        currency=currency,
        disputed=False,
        fraud_details={},
        metadata={},
        paid=True,
        payment_method_details={"stripe_account": {}, "type": "stripe_account"},
        radar_options={},
        refunded=False,
        source_transfer=transfer.id,
        status="succeeded",
    )


def _check_charge(ctx: Context, charge: Entity, amount: int, currency: str) -> None:
    if charge["currency"] != currency:
        message = (
            f"The currency of source_transaction's balance transaction ({charge['currency']}) must be the same as the "
            f"transfer currency ({currency})"
        )
        raise Refusal(400, None, message, param="currency")
    sent = sum(one["amount"] - one["amount_reversed"] for one in ctx.list("transfer", source_transaction=charge.id))
    if amount > charge["amount"] - sent:
        message = f"The transfers from this charge can't exceed the amount of the charge ({shown(charge['amount'], currency)})."
        raise Refusal(400, "transfer_source_balance_parameters_mismatch", message, param="amount")


def _at_once(ctx: Context, charge: Entity) -> bool:
    line = ctx.find("balance_transaction", charge["balance_transaction"]) if charge["balance_transaction"] else None
    return line is not None and line["available_on"] <= ctx.now()


def _whole(ctx: Context, transfer: Entity) -> Entity:
    """A transfer with its reversals, which it always shows."""
    whole = {**transfer, "reversals": reversals_of(ctx, transfer)}
    return Entity(transfer.resource, transfer.id, whole)
