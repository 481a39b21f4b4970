"""Issuing: authorizations, what a merchant asks a card for. The account decides in real time, or its controls do.

    (asked) → pending → closed | expired | reversed;  (asked) → closed, where it is declined

Where a webhook endpoint listens for `issuing_authorization.request`, the account has two seconds of the world's clock to
approve or decline by the API; then, and where nobody listens, the card's state and spending controls decide alone.
An approved amount is held on the balance of Issuing until it is captured, reversed or expires.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, merged_metadata, operation

from . import issuing_transactions as transactions
from .balance import Entry, enter
from .fields import change, new, page, public, since, tell
from .issuing_merchants import merchant

REQUEST = "issuing_authorization.request"
PATIENCE = 2_000  # ms that Stripe waits for an answer
LIFE = 7 * 86_400  # seconds until what isn't captured expires
_CHECKS = {"address_line1_check": "not_provided", "address_postal_code_check": "not_provided",
           "authentication_exemption": None, "cvc_check": "match", "expiry_check": "match", "postal_code": None,
           "three_d_secure": None}  # fmt: skip
_DEFAULT = 2_000


@operation("POST /v1/test_helpers/issuing/authorizations")
def create(ctx: Context) -> Entity:
    """A merchant asks."""
    return _ask(ctx, ctx.get("issuing.card", ctx.body["card"], param="card"), ctx.body)


@operation("POST /v1/issuing/cards/{card}/test/authorizations")
def create_older(ctx: Context, card: str) -> Entity:
    """The older way to have a merchant ask."""
    body = ctx.body
    today: dict[str, Any] = {
        name: body[name] for name in ("authorization_method", "is_amount_controllable", "merchant_data") if name in body
    }
    today |= {"amount": body.get("held_amount"), "currency": body.get("held_currency")}
    return _ask(ctx, ctx.get("issuing.card", card), today)


@operation("POST /v1/issuing/authorizations/{authorization}/approve")
def approve(ctx: Context, authorization: str) -> Entity:
    """Say yes while Stripe waits, to less where the merchant takes less."""
    found = _waiting(ctx, authorization)
    amount = ctx.body.get("amount")
    asked = found["pending_request"]
    if amount is not None and amount != asked["amount"] and not asked["is_amount_controllable"]:
        message = "You can only pass `amount` when `is_amount_controllable` is true on the pending request."
        raise Refusal(400, None, message, param="amount")
    found = _with_metadata(ctx, found)
    return _decide(ctx, found, "webhook_approved", approved=True, amount=amount)


@operation("POST /v1/issuing/authorizations/{authorization}/decline")
def decline(ctx: Context, authorization: str) -> Entity:
    """Say no while Stripe waits."""
    found = _with_metadata(ctx, _waiting(ctx, authorization))
    return _decide(ctx, found, "webhook_declined", approved=False)


@operation("POST /v1/issuing/authorizations/{authorization}")
def update(ctx: Context, authorization: str) -> Entity:
    """Change its metadata."""
    found = ctx.get("issuing.authorization", authorization)
    metadata = merged_metadata(found["metadata"], ctx.body.get("metadata"))
    return change(ctx, found, "issuing_authorization.updated", metadata=metadata)


@operation("GET /v1/issuing/authorizations")
def list_authorizations(ctx: Context) -> dict[str, Any]:
    """Authorizations, newest first."""
    where = {name: ctx.query[name] for name in ("cardholder", "status") if ctx.query.get(name)}
    if ctx.query.get("card"):
        where["_card"] = ctx.query["card"]
    return page(ctx, since(ctx, ctx.list("issuing.authorization", **where)))


@operation("POST /v1/test_helpers/issuing/authorizations/{authorization}/capture")
def capture(ctx: Context, authorization: str) -> Entity:
    """The merchant takes the money: all that is held, a part of it, or more."""
    found = _pending(ctx, authorization, "capture")
    amount = ctx.body.get("capture_amount") or found["amount"]
    details = ctx.body.get("purchase_details")
    closes = ctx.body.get("close_authorization") is not False
    entries = found["balance_transactions"]
    held = _held(found)
    release = held if closes else min(amount, held)
    entries = [*entries, *_move(ctx, found, "issuing_authorization_release", release)]
    made = transactions.make(ctx, ctx.get("issuing.card", found["_card"]), -amount, found["currency"], "capture",
                             found["merchant_data"], authorization=found.id, details=details)  # fmt: skip
    return change(
        ctx,
        found,
        "issuing_authorization.updated",
        balance_transactions=entries,
        status="closed" if closes else "pending",
        transactions=[*found["transactions"], public(made)],
    )


@operation("POST /v1/test_helpers/issuing/authorizations/{authorization}/increment")
def increment(ctx: Context, authorization: str) -> Entity:
    """The merchant asks for more."""
    found = _pending(ctx, authorization, "increment")
    more = ctx.body["increment_amount"]
    reason = _refused(ctx, ctx.get("issuing.card", found["_card"]), more, found["merchant_data"])
    asked = _asked(ctx, found, more, controllable=bool(ctx.body.get("is_amount_controllable")))
    history = [*found["request_history"], _answered(ctx, asked, reason or "card_active", approved=reason is None)]
    if reason is not None:
        return change(ctx, found, "issuing_authorization.updated", request_history=history)
    entries = [*found["balance_transactions"], *_move(ctx, found, "issuing_authorization_hold", -more)]
    total = found["amount"] + more
    return change(ctx, found, "issuing_authorization.updated", amount=total, balance_transactions=entries,
                  merchant_amount=total, request_history=history)  # fmt: skip


@operation("POST /v1/test_helpers/issuing/authorizations/{authorization}/finalize_amount")
def finalize(ctx: Context, authorization: str) -> Entity:
    """What was fuelled is known: the amount is."""
    found = _pending(ctx, authorization, "finalize")
    amount = ctx.body["final_amount"]
    entries = found["balance_transactions"]
    gap = found["amount"] - amount
    kind = "issuing_authorization_release" if gap > 0 else "issuing_authorization_hold"
    entries = [*entries, *(_move(ctx, found, kind, gap) if gap else ())]
    return change(ctx, found, "issuing_authorization.updated", amount=amount, merchant_amount=amount,
                  balance_transactions=entries)  # fmt: skip


@operation("POST /v1/test_helpers/issuing/authorizations/{authorization}/reverse")
def reverse(ctx: Context, authorization: str) -> Entity:
    """The merchant gives back what was held, or a part of it."""
    found = _pending(ctx, authorization, "reverse")
    amount = ctx.body.get("reverse_amount") or found["amount"]
    if amount > found["amount"]:
        message = f"The amount to reverse ({amount}) is greater than the authorization's amount ({found['amount']})."
        raise Refusal(400, None, message, param="reverse_amount")
    left = found["amount"] - amount
    entries = [*found["balance_transactions"], *_move(ctx, found, "issuing_authorization_release", amount)]
    return change(ctx, found, "issuing_authorization.updated", amount=left, merchant_amount=left,
                  balance_transactions=entries, status="pending" if left else "reversed")  # fmt: skip


@operation("POST /v1/test_helpers/issuing/authorizations/{authorization}/expire")
def expire(ctx: Context, authorization: str) -> Entity:
    """Nobody captures it any more."""
    return _expire(ctx, _pending(ctx, authorization, "expire"))


@operation("POST /v1/test_helpers/issuing/authorizations/{authorization}/fraud_challenges/respond")
def respond(ctx: Context, authorization: str) -> Entity:
    """The cardholder answers whether it was they."""
    found = ctx.get("issuing.authorization", authorization)
    challenges = found["fraud_challenges"] or []
    if not any(challenge["status"] == "pending" for challenge in challenges):
        raise Refusal(400, None, "This authorization has no pending fraud challenge.")
    confirmed = ctx.body["confirmed"]
    status = "verified" if confirmed else "rejected"
    answered = [one | ({"status": status} if one["status"] == "pending" else {}) for one in challenges]
    return change(ctx, found, "issuing_authorization.updated", fraud_challenges=answered,
                  verified_by_fraud_challenge=confirmed)  # fmt: skip


@job("issuing_timeout")
def timeout(ctx: Context, payload: dict[str, Any]) -> None:
    """Nobody has answered in time."""
    found = ctx.find("issuing.authorization", payload["authorization"])
    if found is not None and found["pending_request"] is not None:
        _decide(ctx, found, "webhook_timeout", approved=True)


@job("issuing_expiry")
def expiry(ctx: Context, payload: dict[str, Any]) -> None:
    """A week has passed."""
    found = ctx.find("issuing.authorization", payload["authorization"])
    if found is not None and found["status"] == "pending" and found["pending_request"] is None:
        _expire(ctx, found)


def _ask(ctx: Context, card: Entity, body: dict[str, Any]) -> Entity:
    amount = body.get("amount")
    amount = amount if amount is not None else body.get("merchant_amount")
    amount = _DEFAULT if amount is None else amount
    currency = (body.get("currency") or card["currency"]).lower()
    foreign = body.get("merchant_currency") or currency
    found = new(
        ctx,
        "issuing.authorization",
        amount=0,
        amount_details={"atm_fee": None, "cashback_amount": None} | (body.get("amount_details") or {}),
        approved=False,
        authorization_method=body.get("authorization_method") or "online",
        balance_transactions=[],
        card=public(card),
        card_presence="not_present" if body.get("authorization_method") in {None, "online", "keyed_in"} else "present",
        cardholder=card["_cardholder"],
        currency=currency,
        fleet=None,
        fraud_challenges=None,
        fuel=None,
        merchant_amount=0,
        merchant_currency=foreign,
        merchant_data=merchant(body.get("merchant_data")),
        metadata={},
        network_data={
            "acquiring_institution_id": None,
            "system_trace_audit_number": ctx.token(6, "0123456789"),
            "transaction_id": ctx.token(15, "0123456789"),
        }
        | (body.get("network_data") or {}),
        pending_request=None,
        request_history=[],
        status="pending",
        token=None,
        transactions=[],
        treasury=None,
        verification_data=_CHECKS | (body.get("verification_data") or {}),
        verified_by_fraud_challenge=None,
        wallet=body.get("wallet"),
        _card=card.id,
    )
    given = body.get("merchant_amount")
    asked = _asked(ctx, found, amount, controllable=bool(body.get("is_amount_controllable")),
                   merchant_amount=amount if given is None else given)  # fmt: skip
    reason = _refused(ctx, card, amount, found["merchant_data"])
    found = ctx.update(found, pending_request=asked)
    if reason is not None:
        return _decide(ctx, found, reason, approved=False)
    tell(ctx, REQUEST, found)
    if _somebody_listens(ctx):
        ctx.schedule(PATIENCE, "issuing_timeout", {"authorization": found.id})
        return found
    return _decide(ctx, found, "card_active", approved=True)


def _decide(ctx: Context, found: Entity, reason: str, *, approved: bool, amount: int | None = None) -> Entity:
    asked = found["pending_request"]
    if amount is not None:
        asked = asked | {"amount": amount, "merchant_amount": amount}
    history = [*found["request_history"], _answered(ctx, asked, reason, approved=approved)]
    fields: dict[str, Any] = {"pending_request": None, "request_history": history, "approved": approved}
    if not approved:
        found = ctx.update(found, status="closed", amount=0, merchant_amount=0, **fields)
    else:
        found = ctx.update(found, amount=asked["amount"], merchant_amount=asked["merchant_amount"], **fields)
        found = ctx.update(
            found, balance_transactions=_move(ctx, found, "issuing_authorization_hold", -asked["amount"])
        )
        ctx.schedule(LIFE * 1000, "issuing_expiry", {"authorization": found.id})
    tell(ctx, "issuing_authorization.created", found)
    return found


def _expire(ctx: Context, found: Entity) -> Entity:
    entries = [*found["balance_transactions"], *_move(ctx, found, "issuing_authorization_release", _held(found))]
    return change(ctx, found, "issuing_authorization.updated", balance_transactions=entries, status="expired")


def _refused(ctx: Context, card: Entity, amount: int, shop: dict[str, Any]) -> str | None:
    """Why the card may not be used for this; None if it may."""
    holder = ctx.get("issuing.cardholder", card["_cardholder"])
    if card["status"] != "active":
        return f"card_{card['status']}"
    if holder["status"] != "active":
        return f"cardholder_{holder['status']}"
    for rules in (card["spending_controls"], holder["spending_controls"] or {}):
        allowed, blocked = rules.get("allowed_categories"), rules.get("blocked_categories")
        if (allowed and shop["category"] not in allowed) or shop["category"] in (blocked or ()):
            return "spending_controls"
        for limit in rules.get("spending_limits") or ():
            concerned = not limit["categories"] or shop["category"] in limit["categories"]
            if concerned and amount + _spent(ctx, card, limit["interval"]) > limit["amount"]:
                return "spending_controls"
    return None


_SECONDS = {"daily": 86_400, "weekly": 7 * 86_400, "monthly": 30 * 86_400, "yearly": 365 * 86_400}


def _spent(ctx: Context, card: Entity, interval: str) -> int:
    """What the card has spent and holds within a limit's interval; nothing counts for a limit per authorization."""
    if interval == "per_authorization":
        return 0
    start = ctx.now() - _SECONDS[interval] if interval in _SECONDS else 0
    total = 0
    for found in ctx.list("issuing.authorization", _card=card.id, approved=True):
        if found["created"] >= start:
            taken = -sum(one["amount"] for one in found["transactions"])
            total += taken if found["status"] != "pending" else max(taken, found["amount"])
    return total


def _asked(
    ctx: Context, found: Entity, amount: int, *, controllable: bool, merchant_amount: int | None = None
) -> dict[str, Any]:
    return {
        "amount": amount,
        "amount_details": {"atm_fee": None, "cashback_amount": None},
        "currency": found["currency"],
        "is_amount_controllable": controllable,
        "merchant_amount": amount if merchant_amount is None else merchant_amount,
        "merchant_currency": found["merchant_currency"],
        "network_risk_score": ctx.random.randint(1, 30),
    }


def _answered(ctx: Context, asked: dict[str, Any], reason: str, *, approved: bool) -> dict[str, Any]:
    request = {name: value for name, value in asked.items() if name != "is_amount_controllable"}
    return request | {
        "approved": approved,
        "authorization_code": ctx.token(6, "0123456789") if approved else None,
        "created": ctx.now(),
        "reason": reason,
        "reason_message": None,
        "requested_at": ctx.now(),
    }


def _held(found: Entity) -> int:
    held: int = sum(entry["amount"] for entry in found["balance_transactions"])
    return -held


def _move(ctx: Context, found: Entity, kind: str, amount: int) -> list[dict[str, Any]]:
    if not amount:
        return []
    entry = Entry(kind, found.id, amount, found["currency"], balance_type="issuing")
    return [public(enter(ctx, entry))]


def _somebody_listens(ctx: Context) -> bool:
    return any(REQUEST in (one["enabled_events"] or ()) for one in ctx.list("webhook_endpoint", status="enabled"))


def _waiting(ctx: Context, name: str) -> Entity:
    found = ctx.get("issuing.authorization", name)
    if found["pending_request"] is None:
        message = "You cannot respond to this authorization because it has no pending request."
        raise Refusal(400, None, message)
    return found


def _pending(ctx: Context, name: str, action: str) -> Entity:
    found = ctx.get("issuing.authorization", name)
    if found["status"] != "pending" or not found["approved"]:
        message = f"You cannot {action} an authorization with a status of `{found['status']}`: only approved ones that are `pending`."
        raise Refusal(400, None, message)
    return found


def _with_metadata(ctx: Context, found: Entity) -> Entity:
    if "metadata" not in ctx.body:
        return found
    return ctx.update(found, metadata=merged_metadata(found["metadata"], ctx.body["metadata"]))
