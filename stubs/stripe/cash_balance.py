"""The customer's cash balance: what came by bank transfer and isn't spent; open intents are paid from it.

What is there is the sum of its transactions. Funds that come in go to the open intents of their currency, the one whose
reference they name first, then the oldest, unless the customer's settings say that this is done by hand.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .attempting import charge_intent
from .bank_transfers import KINDS, instructions
from .fields import change, new, page, tell
from .intent_effects import tell_all
from .intent_states import unexpected
from .money import checked_currency

# What a test transfer says of its sender, by the kind of transfer.
_SENDERS: dict[str, dict[str, Any]] = {
    "us_bank_transfer": {"network": "ach", "sender_name": "Jenny Rosen"},
    "eu_bank_transfer": {"bic": "TESTDE88XXX", "iban_last4": "3000", "sender_name": "Jenny Rosen"},
    "gb_bank_transfer": {"account_number_last4": "2345", "sender_name": "Jenny Rosen", "sort_code": "108800"},
    "jp_bank_transfer": {"sender_bank": "JP Test Bank", "sender_branch": "001", "sender_name": "JENNY ROSEN"},
}


@operation("GET /v1/customers/{customer}/cash_balance")
def retrieve(ctx: Context, customer: str) -> dict[str, Any]:
    """What is there, by currency, and who spends it."""
    return shown(ctx, ctx.get("customer", customer))


@operation("POST /v1/customers/{customer}/cash_balance")
def update(ctx: Context, customer: str) -> dict[str, Any]:
    """Say whether funds are applied to open intents by themselves."""
    owner = ctx.get("customer", customer)
    mode = (ctx.body.get("settings") or {}).get("reconciliation_mode")
    if mode is not None:
        owner = ctx.update(owner, _reconciliation=None if mode == "merchant_default" else mode)
    return shown(ctx, owner)


@operation("GET /v1/customers/{customer}/cash_balance_transactions")
def list_transactions(ctx: Context, customer: str) -> dict[str, Any]:
    """The lines of a cash balance, newest first."""
    return page(ctx, "customer_cash_balance_transaction", customer=ctx.get("customer", customer).id)


@operation("GET /v1/customers/{customer}/cash_balance_transactions/{transaction}")
def retrieve_transaction(ctx: Context, customer: str, transaction: str) -> Entity:
    """One line of a cash balance, if it is this customer's."""
    owner, found = ctx.get("customer", customer), ctx.find("customer_cash_balance_transaction", transaction)
    if found is None or found["customer"] != owner.id:
        message = f"No such customer cash balance transaction: '{transaction}'"
        raise Refusal(404, "resource_missing", message, param="transaction")
    return found


@operation("POST /v1/test_helpers/customers/{customer}/fund_cash_balance")
def fund(ctx: Context, customer: str) -> Entity:
    """A bank transfer comes in, as in Stripe's test mode by this call alone."""
    owner = ctx.get("customer", customer)
    currency, amount = checked_currency(ctx.body["currency"]), ctx.body["amount"]
    kind = KINDS.get(currency)
    if kind is None:
        raise Refusal(400, None, f"Bank transfers are not supported in {currency}.", param="currency")
    if amount < 1:
        raise Refusal(
            400, "parameter_invalid_integer", "This value must be greater than or equal to 1.", param="amount"
        )
    reference = ctx.body.get("reference")
    transfer: dict[str, Any] = {"reference": reference or None, "type": kind}
    if kind in _SENDERS:
        transfer[kind] = _SENDERS[kind]
    made = _write(ctx, owner.id, amount, currency, "funded", funded={"bank_transfer": transfer})
    if owner.get("_reconciliation") != "manual":
        for intent in _waiting(ctx, owner.id, currency, reference):
            left = available(ctx, owner.id, currency)
            if left:
                _pay_from(ctx, intent, left)
    if available(ctx, owner.id, currency):
        tell(ctx, "cash_balance.funds_available", shown(ctx, owner))
    return made


@operation("POST /v1/payment_intents/{intent}/apply_customer_balance")
def apply(ctx: Context, intent: str) -> Entity:
    """Pay an intent from the cash balance by hand, all that is left of it unless an amount is named."""
    found = ctx.get("payment_intent", intent)
    if found["status"] != "requires_action" or not waits_for_transfer(found):
        message = (
            f"You cannot apply the customer balance to this PaymentIntent because it has a status of {found['status']}."
        )
        raise unexpected(found, message)
    there = available(ctx, found["customer"], found["currency"])
    wanted = ctx.body.get("amount") or min(there, remaining(found))
    if not wanted or wanted > there:
        message = "The customer's cash balance is not sufficient to cover the amount."
        raise Refusal(400, "cash_balance_insufficient", message, param="amount")
    if wanted > remaining(found):
        message = "The amount is greater than what remains to be paid of this PaymentIntent."
        raise Refusal(400, "amount_too_large", message, param="amount")
    return _pay_from(ctx, found, wanted)


def available(ctx: Context, customer: str, currency: str) -> int:
    """How much of a currency a customer has sent and not spent."""
    lines = ctx.list("customer_cash_balance_transaction", customer=customer, currency=currency)
    return sum(line["net_amount"] for line in lines)


def remaining(intent: Entity) -> int:
    """What of an intent's amount hasn't come yet."""
    return int(intent["amount"] - intent.get("_funded", 0))


def waits_for_transfer(intent: Entity) -> bool:
    """Whether an intent is to be paid by a bank transfer."""
    return (intent["next_action"] or {}).get("type") == "display_bank_transfer_instructions"


def confirm_by_transfer(ctx: Context, intent: Entity) -> Entity:
    """Pay an intent from what is there; for the rest it waits for a transfer."""
    if intent["customer"] is None:
        message = "PaymentIntents with the customer_balance payment method type must have a customer."
        raise Refusal(400, "parameter_missing", message, param="customer")
    there = available(ctx, intent["customer"], intent["currency"])
    if there >= intent["amount"]:
        return _pay_from(ctx, intent, there)
    if there:
        _write(ctx, intent["customer"], -there, intent["currency"], "applied_to_payment",
               applied_to_payment={"payment_intent": intent.id})  # fmt: skip
    left = intent["amount"] - there
    intent = ctx.move(intent, "requires_action", next_action=instructions(intent, left), _funded=there)
    tell(ctx, "payment_intent.requires_action", intent)
    if there:
        tell(ctx, "payment_intent.partially_funded", intent)
    tell_all(ctx, intent, "requires_action")
    return intent


def give_back(ctx: Context, intent: Entity) -> None:
    """An intent was canceled: what it had got returns to the cash balance."""
    funded = intent.get("_funded", 0)
    if funded:
        _write(ctx, intent["customer"], funded, intent["currency"], "unapplied_from_payment",
               unapplied_from_payment={"payment_intent": intent.id})  # fmt: skip


def refunded(ctx: Context, refund: Entity, customer: str) -> None:
    """A payment by transfer was refunded: the money goes back into the cash balance."""
    _write(ctx, customer, refund["amount"], refund["currency"], "refunded_from_payment",
           refunded_from_payment={"refund": refund.id})  # fmt: skip


def shown(ctx: Context, customer: Entity) -> dict[str, Any]:
    """A customer's cash balance as an object."""
    sums: dict[str, int] = {}
    for line in ctx.list("customer_cash_balance_transaction", customer=customer.id):
        sums[line["currency"]] = sums.get(line["currency"], 0) + line["net_amount"]
    mode = customer.get("_reconciliation")
    return {
        "object": "cash_balance",
        "available": {currency: amount for currency, amount in sorted(sums.items()) if amount} or None,
        "customer": customer.id,
        "customer_account": None,
        "livemode": customer["livemode"],
        "settings": {"reconciliation_mode": mode or "automatic", "using_merchant_default": mode is None},
    }


def _pay_from(ctx: Context, intent: Entity, funds: int) -> Entity:
    """Move funds from the cash balance to an intent: it has succeeded once it has its whole amount."""
    part = min(funds, remaining(intent))
    _write(ctx, intent["customer"], -part, intent["currency"], "applied_to_payment",
           applied_to_payment={"payment_intent": intent.id})  # fmt: skip
    left = remaining(intent) - part
    intent = ctx.update(intent, _funded=intent.get("_funded", 0) + part)
    if left:
        return change(ctx, intent, "payment_intent.partially_funded", next_action=instructions(intent, left))
    method = ctx.get("payment_method", intent["payment_method"])
    made = charge_intent(ctx, intent, method, None, capture=True, authenticated=False)
    intent = ctx.move(intent, "succeeded", amount_received=intent["amount"], latest_charge=made.id, next_action=None)
    tell(ctx, "payment_intent.succeeded", intent)
    tell_all(ctx, intent, "succeeded")
    return intent


def _waiting(ctx: Context, customer: str, currency: str, reference: str | None) -> list[Entity]:
    found = ctx.list(
        "payment_intent", newest_first=False, customer=customer, currency=currency, status="requires_action"
    )
    open_ones = [intent for intent in found if waits_for_transfer(intent)]
    key = "display_bank_transfer_instructions"
    return sorted(open_ones, key=lambda intent: intent["next_action"][key]["reference"] != reference)


def _write(ctx: Context, customer: str, amount: int, currency: str, kind: str, **about: Any) -> Entity:
    ending = available(ctx, customer, currency) + amount
    made = new(ctx, "customer_cash_balance_transaction", currency=currency, customer=customer, ending_balance=ending,
               net_amount=amount, type=kind, **about)  # fmt: skip
    tell(ctx, "customer_cash_balance_transaction.created", made)
    return made
