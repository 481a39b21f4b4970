"""Deals: what their schema can't tell."""

from childproof.stubkit import Context, Refusal, operation

from .rules import adds_up


@operation("POST /v2/deals/{deal}/split")
def split(ctx: Context, deal: str) -> object:
    """Split a deal into several whose amounts add up to it."""
    parent = ctx.get("deal", deal)
    parts = ctx.body["parts"]
    if not adds_up(parts, parent["amount"]):
        raise Refusal(422, "parts_mismatch", "The parts must add up to the deal's amount.", param="parts")
    made = [ctx.create("deal", amount=part, currency=parent["currency"], contact=parent["contact"]) for part in parts]
    ctx.delete(parent)
    return ctx.page(made)
