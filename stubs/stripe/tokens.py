"""Tokens: a card or a bank account on its way, to be used once."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .bank_accounts import read_bank_account
from .card_details import card_fields, read_card
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
    shown: dict[str, Any] = {}
    given = ctx.body[kind]
    if kind == "bank_account" and isinstance(given, dict):
        fields = read_bank_account(given, kind)
        shown["_number"] = fields.pop("_number")
        shown["bank_account"] = {"id": ctx.new_id("bank_account"), "object": "bank_account", **fields}
    return new(ctx, "token", type=kind, used=False, client_ip="127.0.0.1", **shown)
