"""Payouts: money leaves the balance for the account's bank, by hand or each day, and arrives on the world's clock.

The moves are in `stub.yaml`; what may be done in which status is here:

    pending → in_transit → paid        pending → canceled        in_transit → failed (the bank sends it back)
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, merged_metadata, operation

from . import balance
from .account import own, own_id
from .balance import Entry
from .bank_numbers import PAYOUT_FAILURES
from .dates import DAY, midnight_after
from .fields import change, new, page, picked, since, tell
from .money import checked_currency

ARRIVAL_DAYS = 2
INSTANT_SECONDS = 1800
AUTOMATIC = ("daily", "weekly", "monthly")
_WORDS = {
    "account_closed": "The bank account has been closed",
    "no_account": "The bank account details on file are probably incorrect. No bank account could be found with those details.",
    "insufficient_funds": "Your Stripe account has insufficient funds to cover the payout",
    "debit_not_authorized": "Debit transactions are not approved on your bank account.",
    "invalid_currency": "The bank was unable to process this payout because of its currency.",
}


@operation("POST /v1/payouts")
def create(ctx: Context) -> Entity:
    """Pay out by hand what is available, to the account's bank account or debit card."""
    body = ctx.body
    currency = checked_currency(body["currency"])
    amount = body["amount"]
    if amount < 1:
        raise Refusal(
            400, "parameter_invalid_integer", "This value must be greater than or equal to 1.", param="amount"
        )
    kind = body.get("source_type")
    if amount > balance.available(ctx, currency, kind):
        message = (
            f"You have insufficient funds in your Stripe account for this transfer. Your {kind or 'card'} balance is too "
            "low. You can use the /v1/balance endpoint to view your Stripe balance (for more details, see "
            "stripe.com/docs/api#balance)."
        )
        raise Refusal(400, "balance_insufficient", message)
    place = destination_for(ctx, currency, body.get("destination"))
    fields = picked(body, "description", "statement_descriptor", "payout_method")
    return _make(ctx, amount, currency, place, method=body.get("method") or "standard", source_type=kind or "card",
                 metadata=merged_metadata({}, body.get("metadata")), **fields)  # fmt: skip


@operation("GET /v1/payouts")
def list_payouts(ctx: Context) -> dict[str, Any]:
    """Payouts, newest first."""
    where = {name: ctx.query[name] for name in ("destination", "status") if ctx.query.get(name)}
    found = since(ctx, ctx.list("payout", **where))
    return page(ctx, since(ctx, found, "arrival_date"))


@operation("GET /v1/payouts/{payout}")
def retrieve(ctx: Context, payout: str) -> Entity:
    """One payout."""
    return ctx.get("payout", payout)


@operation("POST /v1/payouts/{payout}")
def update(ctx: Context, payout: str) -> Entity:
    """Only metadata can be changed."""
    found = ctx.get("payout", payout)
    if "metadata" not in ctx.body:
        return found
    return change(ctx, found, "payout.updated", metadata=merged_metadata(found["metadata"], ctx.body["metadata"]))


@operation("POST /v1/payouts/{payout}/cancel")
def cancel(ctx: Context, payout: str) -> Entity:
    """Call a payout back that hasn't left; its money is available again."""
    found = ctx.get("payout", payout)
    if found["status"] != "pending":
        message = f"Payouts can only be canceled while they are pending; this payout's status is {found['status']}."
        raise Refusal(400, "payouts_not_allowed" if found["automatic"] else None, message)
    if found["automatic"]:
        raise Refusal(400, None, "Automatic payouts cannot be canceled.")
    back = _back(ctx, found, "payout_cancel", f"STRIPE PAYOUT CANCELED ({found.id})")
    found = ctx.move(found, "canceled", failure_balance_transaction=back.id)
    tell(ctx, "payout.canceled", found)
    return found


@operation("POST /v1/payouts/{payout}/reverse")
def reverse(ctx: Context, payout: str) -> Entity:
    """Take a payout back from the bank account: a payout of the opposite amount."""
    found = ctx.get("payout", payout)
    if found["status"] == "pending" and not found["automatic"]:
        message = "This payout is pending. Use the cancel endpoint instead of reversing it."
        raise Refusal(400, None, message)
    if found["reversed_by"] is not None:
        raise Refusal(400, None, f"Payout {found.id} has already been reversed.")
    if found["status"] not in {"in_transit", "paid"} or found["original_payout"] is not None:
        raise Refusal(400, None, f"Payout {found.id} cannot be reversed because it has a status of {found['status']}.")
    place = ctx.find("bank_account", found["destination"]) or ctx.find("card", found["destination"])
    made = _make(ctx, -found["amount"], found["currency"], place, source_type=found["source_type"],
                 original_payout=found.id, metadata=merged_metadata({}, ctx.body.get("metadata")))  # fmt: skip
    change(ctx, found, "payout.updated", reversed_by=made.id)
    return made


def destination_for(ctx: Context, currency: str, given: str | None = None) -> Entity:
    """Where an account is paid out: the external account named, else the default one of the currency."""
    mine = own_id(ctx)
    if given is not None:
        found = ctx.find("bank_account", given) or ctx.find("card", given)
        if found is None or found["account"] != mine:
            raise Refusal(400, "resource_missing", f"No such external account: '{given}'", param="destination")
        return found
    for kind in ("bank_account", "card"):
        held = ctx.list(kind, account=mine, currency=currency)
        chosen = next((one for one in held if one["default_for_currency"]), None) or next(iter(held), None)
        if chosen is not None:
            return chosen
    message = f"Sorry, you don't have any external accounts in that currency ({currency})."
    raise Refusal(400, None, message, param="currency")


@balance.when_available
def plan_payout(ctx: Context, currency: str) -> None:
    """Money is there: where the account is paid out by itself, that happens at the start of the next day."""
    if _interval(ctx) in AUTOMATIC:
        wait = midnight_after(ctx.now(), 1) * 1000 - ctx.now_ms()
        ctx.schedule(wait, "pay_out", {"currency": currency})


@job("pay_out")
def pay_out(ctx: Context, payload: dict[str, Any]) -> None:
    """The daily payout of everything that is available."""
    currency = payload["currency"]
    amount = balance.available(ctx, currency)
    if amount <= 0 or _interval(ctx) not in AUTOMATIC or not own(ctx).get("payouts_enabled"):
        return
    try:
        place = destination_for(ctx, currency)
    except Refusal:  # nowhere to pay out to yet: the money stays
        return
    due = [entry for entry in ctx.list("balance_transaction", currency=currency)
           if entry["available_on"] <= ctx.now() and not entry.get("_payout")]  # fmt: skip
    made = _make(ctx, amount, currency, place, automatic=True, description="STRIPE PAYOUT",
                 reconciliation_status="in_progress")  # fmt: skip
    for entry in (*due, ctx.get("balance_transaction", made["balance_transaction"])):
        ctx.update(entry, _payout=made.id)


@job("move_payout")
def move_payout(ctx: Context, payload: dict[str, Any]) -> None:
    """A payout leaves, and later arrives or comes back."""
    found = ctx.find("payout", payload["payout"])
    if found is None or found["status"] not in {"pending", "in_transit"}:
        return
    if found["status"] == "pending" and found["arrival_date"] > ctx.now():
        previous = {"status": found["status"]}
        found = ctx.move(found, "in_transit")
        tell(ctx, "payout.updated", found, previous_attributes=previous)
        _later(ctx, found, found["arrival_date"])
    elif failure := _failure(ctx, found):
        back = _back(ctx, found, "payout_failure", f"STRIPE PAYOUT FAILURE ({found.id})")
        found = ctx.move(found, "failed", failure_balance_transaction=back.id, failure_code=failure,
                         failure_message=_WORDS[failure])  # fmt: skip
        tell(ctx, "payout.failed", found)
    else:
        found = ctx.move(found, "paid")
        tell(ctx, "payout.paid", found)
        if found["automatic"]:
            found = ctx.update(found, reconciliation_status="completed")
            tell(ctx, "payout.reconciliation_completed", found)


def _make(
    ctx: Context, amount: int, currency: str, place: Entity | None, *, automatic: bool = False,
    method: str = "standard", source_type: str = "card", **fields: Any,
) -> Entity:  # fmt: skip
    instant = method == "instant"
    arrival = ctx.now() + INSTANT_SECONDS if instant else midnight_after(ctx.now(), ARRIVAL_DAYS)
    fields.setdefault("reconciliation_status", "not_applicable")
    made = new(
        ctx,
        "payout",
        amount=amount,
        arrival_date=arrival,
        automatic=automatic,
        currency=currency,
        destination=place.id if place is not None else None,
        method=method,
        source_type=source_type,
        status="pending",
        trace_id={"status": "pending", "value": None},
        type=place["object"] if place is not None else "bank_account",
        **fields,
    )
    words = fields.get("description") or "STRIPE PAYOUT"
    line = balance.enter(ctx, Entry("payout", made.id, -amount, currency, words, source_type=source_type))
    made = ctx.update(made, balance_transaction=line.id)
    tell(ctx, "payout.created", made)
    _later(ctx, made, ctx.now() + 60 if instant else ctx.now() // DAY * DAY + DAY)
    return made


def _later(ctx: Context, payout: Entity, at: int) -> None:
    ctx.schedule(max(0, at * 1000 - ctx.now_ms()), "move_payout", {"payout": payout.id})


def _back(ctx: Context, payout: Entity, kind: str, words: str) -> Entity:
    """The money of a payout that didn't go through."""
    entry = Entry(kind, payout.id, payout["amount"], payout["currency"], words, source_type=payout["source_type"])
    return balance.enter(ctx, entry)


def _failure(ctx: Context, payout: Entity) -> str | None:
    place = ctx.find("bank_account", payout["destination"]) if payout["destination"] else None
    return PAYOUT_FAILURES.get(place.get("_number") or "") if place is not None else None


def _interval(ctx: Context) -> str:
    settings = own(ctx).get("settings") or {}
    return str(((settings.get("payouts") or {}).get("schedule") or {}).get("interval") or "manual")
