"""Tokens: a card or a bank account on its way, to be used once."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .card_details import SHOWN_DIGITS, card_fields, digest, read_card
from .fields import new


@operation("POST /v1/tokens")
def create_token(ctx: Context) -> Entity | dict[str, Any]:
    """A token for a card or a bank account; of the rarer kinds only the token is kept, not what it stands for."""
    given = ctx.body.get("card")
    if given is None:
        return _other_token(ctx)
    if not isinstance(given, dict):
        raise Refusal(400, None, "Invalid object", param="card")
    card, details = read_card(ctx, given, "card")
    shown = card_fields(card, details, given)
    shown = {"id": ctx.new_id("card"), **shown, "customer": None, "metadata": {}}
    return new(ctx, "token", card=shown, type="card", used=False, client_ip="127.0.0.1", _card=card.name)


def _other_token(ctx: Context) -> Entity:
    kind = next(
        (kind for kind in ("bank_account", "pii", "account", "person", "cvc_update") if ctx.body.get(kind)), None
    )
    if kind is None:
        message = "You must supply either a card, bank account, or PII details to create a token."
        raise Refusal(400, "parameter_missing", message)
    shown = {}
    given = ctx.body[kind]
    if kind == "bank_account" and isinstance(given, dict):
        number = str(given.get("account_number") or "")
        if len(number) < SHOWN_DIGITS:
            name = "bank_account[account_number]"
            raise Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
        shown["bank_account"] = {
            "id": f"ba_1{ctx.token(23)}",
            "object": "bank_account",
            "account_holder_name": given.get("account_holder_name") or None,
            "account_holder_type": given.get("account_holder_type") or None,
            "account_type": None,
            "bank_name": "STRIPE TEST BANK",
            "country": given["country"] or "US",
            "currency": given.get("currency") or "usd",
            "fingerprint": digest(number),
            "last4": number[-SHOWN_DIGITS:],
            "routing_number": given.get("routing_number") or None,
            "status": "new",
        }
    return new(ctx, "token", type=kind, used=False, client_ip="127.0.0.1", **shown)
