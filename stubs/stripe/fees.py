"""What platforms earn and share: application fees, and charges whose money goes on to a connected account.

- A direct charge is made in the connected account (`Stripe-Account`); its application fee comes to the platform.
- A destination charge is made by the platform with `transfer_data`; its money goes on at once, less the fee.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from . import balance, transfers
from .balance import Entry
from .fields import change, new, page, public, short_list, since, tell
from .money import shown

APPLICATION = "ca_1childproofPlatform0000000000"


def of_direct(charge: Entity) -> tuple[dict[str, Any], ...]:
    """The application fee as the transaction of a direct charge shows it; nothing for other charges."""
    if not charge["application_fee_amount"] or charge["transfer_data"]:
        return ()
    return (_detail(charge["application_fee_amount"], charge["currency"]),)


def share(ctx: Context, charge: Entity, amount: int) -> Entity:
    """Pay what a captured charge owes to others: its application fee, the money of its destination."""
    fee, data = charge["application_fee_amount"], charge["transfer_data"]
    if not data:
        if not fee or not ctx.tenant:
            return charge
        collected = _collect(ctx.within(""), ctx.tenant, charge.id, fee, charge["currency"])
        return ctx.update(charge, application_fee=collected.id, application=APPLICATION)
    destination = transfers.destination_of(ctx, data["destination"], "transfer_data[destination]")
    costs = (_detail(fee, charge["currency"]),) if fee else ()
    group = charge["transfer_group"] or f"group_{charge['payment_intent'] or charge.id}"
    sent = transfers.send(ctx, destination, data.get("amount") or amount, charge["currency"], charge=charge, fees=costs,
                          transfer_group=group)  # fmt: skip
    fields: dict[str, Any] = {"transfer": sent.id, "transfer_group": group}
    if fee:
        collected = _collect(ctx, destination.id, sent["destination_payment"], fee, charge["currency"],
                             origin=charge.id)  # fmt: skip
        there = ctx.within(destination.id)
        payment = there.get("charge", sent["destination_payment"])
        there.update(payment, application_fee=collected.id, application_fee_amount=fee)
        fields["application_fee"] = collected.id
    return ctx.update(charge, **fields)


def give_back(
    ctx: Context, charge: Entity, amount: int, *, source: str, reverse_transfer: bool, fee: bool
) -> str | None:
    """Take back a refund's share of what was passed on. Gives the id of the transfer's reversal, if there is one."""
    reversal = None
    if reverse_transfer:
        if charge.get("transfer") is None:
            message = "You may not provide the reverse_transfer parameter for a charge that does not have a transfer."
            raise Refusal(400, None, message, param="reverse_transfer")
        sent = ctx.get("transfer", charge["transfer"])
        part = _share_of(sent["amount"], amount, charge["amount"], sent["amount"] - sent["amount_reversed"])
        if part:
            reversal = transfers.reverse(ctx, sent, part, source_refund=source).id
    if fee:
        if charge.get("application_fee") is None:
            message = (
                "You may not provide the refund_application_fee parameter for a charge without an application fee."
            )
            raise Refusal(400, None, message, param="refund_application_fee")
        platform = ctx.within("")
        collected = platform.get("application_fee", charge["application_fee"])
        left = collected["amount"] - collected["amount_refunded"]
        part = _share_of(collected["amount"], amount, charge["amount"], left)
        if part:
            refund(platform, collected, part)
    return reversal


def refund(ctx: Context, fee: Entity, amount: int, **fields: Any) -> Entity:
    """Give an application fee back to the account it was taken from. Tells `application_fee.refunded`."""
    made = ctx.create("fee_refund", amount=amount, currency=fee["currency"], fee=fee.id, **({"metadata": {}} | fields))
    words = "Refund of application fee"
    line = balance.enter(ctx, Entry("application_fee_refund", made.id, -amount, fee["currency"], words))
    there = transfers.within(ctx, fee["account"])
    balance.enter(there, Entry("application_fee_refund", made.id, amount, fee["currency"], words,
                               category="platform_fee_refund"))  # fmt: skip
    made = ctx.update(made, balance_transaction=line.id)
    total = fee["amount_refunded"] + amount
    fee = ctx.update(fee, amount_refunded=total, refunded=total == fee["amount"])
    tell(ctx, "application_fee.refunded", whole(ctx, fee))
    return made


@operation("GET /v1/application_fees")
def list_fees(ctx: Context) -> dict[str, Any]:
    """Application fees, newest first."""
    where = {"charge": ctx.query["charge"]} if ctx.query.get("charge") else {}
    listed = page(ctx, since(ctx, ctx.list("application_fee", **where)))
    return listed | {"data": [whole(ctx, one) for one in listed["data"]]}


@operation("GET /v1/application_fees/{id}")
def retrieve(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """One application fee."""
    return whole(ctx, ctx.get("application_fee", id))


@operation("POST /v1/application_fees/{id}/refunds")
def create_refund(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Give an application fee back, all that is left unless an amount is named."""
    fee = ctx.get("application_fee", id)
    left = fee["amount"] - fee["amount_refunded"]
    if left == 0:
        raise Refusal(400, "application_fee_already_refunded", f"Application fee {fee.id} has already been refunded.")
    amount = ctx.body.get("amount") or left
    if amount > left:
        currency = fee["currency"]
        message = f"Refund amount ({shown(amount, currency)}) is greater than unrefunded amount on fee ({shown(left, currency)})"
        raise Refusal(400, None, message, param="amount")
    return refund(ctx, fee, amount, metadata=merged_metadata({}, ctx.body.get("metadata")))


@operation("POST /v1/application_fees/{id}/refund")
def refund_fee(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """The oldest way: answers the fee instead of the refund."""
    create_refund(ctx, id)
    return retrieve(ctx, id)


@operation("GET /v1/application_fees/{id}/refunds")
def list_refunds(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - the document's parameter
    """The refunds of a fee, newest first."""
    return page(ctx, "fee_refund", fee=ctx.get("application_fee", id).id)


@operation("GET /v1/application_fees/{fee}/refunds/{id}")
def retrieve_refund(ctx: Context, fee: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """One refund of a fee."""
    owner, found = ctx.get("application_fee", fee), ctx.find("fee_refund", id)
    if found is None or found["fee"] != owner.id:
        raise Refusal(404, "resource_missing", f"No such fee refund: '{id}'", param="id")
    return found


@operation("POST /v1/application_fees/{fee}/refunds/{id}")
def update_refund(ctx: Context, fee: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Only metadata can be changed."""
    found = retrieve_refund(ctx, fee, id)
    if "metadata" not in ctx.body:
        return found
    return change(ctx, found, None, metadata=merged_metadata(found["metadata"], ctx.body["metadata"]))


@expands("application_fee", "refunds")
def refunds_of(ctx: Context, fee: Entity) -> dict[str, Any]:
    """The newest refunds, as every fee shows them."""
    return short_list(ctx.list("fee_refund", limit=11, fee=fee.id), f"/v1/application_fees/{fee.id}/refunds")


def whole(ctx: Context, fee: Entity) -> Entity:
    """A fee with its refunds, which it always shows."""
    return Entity(fee.resource, fee.id, {**public(fee), "refunds": refunds_of(ctx, fee)})


def _collect(
    platform: Context, account: str, charge: str, amount: int, currency: str, *, origin: str | None = None
) -> Entity:
    made = new(platform, "application_fee", account=account, amount=amount, amount_refunded=0, application=APPLICATION,
               charge=charge, currency=currency, fee_source={"charge": charge, "type": "charge"},
               originating_transaction=origin, refunded=False)  # fmt: skip
    line = balance.enter(platform, Entry("application_fee", made.id, amount, currency, "Application fee"))
    made = platform.update(made, balance_transaction=line.id)
    tell(platform, "application_fee.created", whole(platform, made))
    return made


def _detail(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "application": APPLICATION, "currency": currency, "description": "Application fee",
            "type": "application_fee"}  # fmt: skip


def _share_of(whole_amount: int, part: int, of: int, most: int) -> int:
    """The same share of an amount as a part is of another, rounded to the nearest unit, never more than is left."""
    return min((whole_amount * part * 2 + of) // (of * 2), most)
