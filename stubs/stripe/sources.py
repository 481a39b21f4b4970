"""Card details of requests: raw numbers, tokens and test names become cards; tokens and customers' card sources.

Stripe has three kinds of thing that a card can be: a `payment_method` (now), a `card` on a customer (before), and a
`token` (one use, on the way to either). All three remember in the hidden field `_card` which test card they stand for.
"""

import hashlib
import string
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from .cards import Card, card_named, card_of_number, card_of_token, luhn
from .dates import year_and_month
from .declines import DECLINES
from .fields import change, new, page, short_list, tell
from .wording import METHOD_AS_SOURCE

_LETTERS = string.ascii_letters + string.digits
SHOWN_DIGITS = 4
EXPIRY_YEARS = 50  # Stripe refuses years that far ahead as invalid


def read_card(ctx: Context, given: dict[str, Any], prefix: str) -> tuple[Card, dict[str, Any]]:
    """A card typed in: the test card and what is kept of the details. `prefix` is how errors name it (`card`).

    Refuses what Stripe's form checks refuse, with the same codes: number, expiry month and year, security code.
    """
    number = "".join(str(given.get("number", "")).split()).replace("-", "")
    if not number:
        raise Refusal(400, "parameter_missing", f"Missing required param: {prefix}[number].", param=f"{prefix}[number]")
    if not number.isdigit() or not 12 <= len(number) <= 19 or not luhn(number):
        raise _wrong("incorrect_number", "Your card number is incorrect.", f"{prefix}[number]")
    for name in ("exp_month", "exp_year"):
        if given.get(name) is None:
            raise Refusal(400, "parameter_missing", f"Missing required param: {prefix}[{name}].",
                          param=f"{prefix}[{name}]")  # fmt: skip
    month, year = int(given["exp_month"]), int(given["exp_year"])
    year += 2000 if year < 100 else 0
    this_year, this_month = year_and_month(ctx.now())
    if not 1 <= month <= 12:
        raise _wrong("invalid_expiry_month", "Your card's expiration month is invalid.", f"{prefix}[exp_month]")
    if not this_year <= year <= this_year + EXPIRY_YEARS:
        raise _wrong("invalid_expiry_year", "Your card's expiration year is invalid.", f"{prefix}[exp_year]")
    if (year, month) < (this_year, this_month):
        raise _wrong("invalid_expiry_month", "Your card's expiration month is invalid.", f"{prefix}[exp_month]")
    cvc = given.get("cvc")
    if cvc is not None and not (str(cvc).isdigit() and len(str(cvc)) in {3, 4}):
        raise _wrong("invalid_cvc", "Your card's security code is invalid.", f"{prefix}[cvc]")
    card = card_of_number(number)
    if card is None:
        raise declined("test_mode_live_card")
    return card, {"exp_month": month, "exp_year": year, "cvc": cvc is not None}


def declined(decline: str, **extra: Any) -> Refusal:
    """Stripe's 402 for a card, from the table of declines."""
    found = DECLINES[decline]
    if found.advice:
        extra.setdefault("advice_code", found.advice)
    if found.network:
        extra.setdefault("network_decline_code", found.network)
    return Refusal(402, found.code, found.message, type="card_error", param=found.param,
                   decline_code=found.decline_code, **extra)  # fmt: skip


def card_behind(entity: Entity) -> Card | None:
    """The test card that a payment method, card or token stands for; None for other ways to pay."""
    name = entity.get("_card")
    return card_named(name) if isinstance(name, str) else None


def fingerprint(card: Card) -> str:
    """The same for all objects of one number, as at Stripe."""
    return digest(card.number)


def digest(number: str) -> str:
    """The fingerprint of a card's or account's number."""
    made = hashlib.sha256(number.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in made[:16])


def expiry(ctx: Context) -> dict[str, Any]:
    """The expiry date of cards made from test tokens: next year, this month."""
    year, month = year_and_month(ctx.now())
    return {"exp_month": month, "exp_year": year + 1, "cvc": True}


def token_card(ctx: Context, token: str, param: str) -> tuple[Card, dict[str, Any], dict[str, Any]]:
    """The card of a token (`tok_visa`, or one created before), its details and its address fields. Uses it up."""
    card = card_of_token(token) if token.startswith("tok_") else None
    if card is not None:
        return card, expiry(ctx), {}
    found = ctx.find("token", token)
    if found is None or found.get("type") != "card":
        raise Refusal(400, "resource_missing", f"No such token: '{token}'", param=param)
    if found["used"]:
        raise Refusal(400, "token_already_used", f"You cannot use a Stripe token more than once: {token}.", param=param)
    ctx.update(found, used=True)
    behind = card_behind(found)
    assert behind is not None
    shown = found["card"]
    details = {"exp_month": shown["exp_month"], "exp_year": shown["exp_year"], "cvc": shown["cvc_check"] is not None}
    return behind, details, {key: value for key, value in shown.items() if key == "name" or key.startswith("address_")}


def card_fields(card: Card, details: dict[str, Any], address: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `card` object (the older API's), without id, customer and metadata."""
    line1, postal = address.get("address_line1"), address.get("address_zip")
    return {
        "object": "card",
        "address_city": address.get("address_city"),
        "address_country": address.get("address_country"),
        "address_line1": line1,
        "address_line1_check": "unchecked" if line1 else None,
        "address_line2": address.get("address_line2"),
        "address_state": address.get("address_state"),
        "address_zip": postal,
        "address_zip_check": "unchecked" if postal else None,
        "allow_redisplay": "unspecified",
        "brand": BRAND_NAMES[card.brand],
        "country": card.country,
        "cvc_check": "unchecked" if details["cvc"] else None,
        "dynamic_last4": None,
        "exp_month": details["exp_month"],
        "exp_year": details["exp_year"],
        "fingerprint": fingerprint(card),
        "funding": card.funding,
        "last4": card.last4,
        "name": address.get("name"),
        "networks": {"preferred": None},
        "regulated_status": "unregulated",
        "tokenization_method": None,
        "wallet": None,
    }


BRAND_NAMES = {
    "visa": "Visa",
    "mastercard": "MasterCard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}


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


def add_card(ctx: Context, customer: Entity, source: str | dict[str, Any], param: str = "source") -> Entity:
    """Store a card on a customer from a token or raw details, checking it as Stripe does when a card is saved."""
    if isinstance(source, str):
        if source.startswith("pm_"):
            raise Refusal(400, None, METHOD_AS_SOURCE, param=param)
        card, details, address = token_card(ctx, source, param)
    else:
        card, details = read_card(ctx, source, param)
        address = source
    if card.decline is not None and not card.traits:
        raise declined(card.decline)
    fields = card_fields(card, details, address)
    passed = {name: "pass" for name in ("cvc_check", "address_line1_check", "address_zip_check") if fields[name]}
    saved = ctx.create("card", **(fields | passed), customer=customer.id, metadata={}, _card=card.name)
    tell(ctx, "customer.source.created", saved)
    return saved


@operation("POST /v1/customers/{customer}/sources")
def create_source(ctx: Context, customer: str) -> Entity | dict[str, Any]:
    """Save a card on a customer; bank accounts are stateful by schema alone."""
    owner = ctx.get("customer", customer)
    given = ctx.body.get("source") or ctx.body.get("card")
    if given is None:
        raise Refusal(400, "parameter_missing", "Missing required param: source.", param="source")
    card = add_card(ctx, owner, given)
    if ctx.body.get("metadata"):
        card = ctx.update(card, metadata=ctx.body["metadata"])
    if owner["default_source"] is None:
        ctx.update(owner, default_source=card.id)
    return card


@operation("GET /v1/customers/{customer}/sources")
def list_sources(ctx: Context, customer: str) -> dict[str, Any]:
    """The customer's saved cards."""
    owner = ctx.get("customer", customer)
    return page(ctx, "card", customer=owner.id)


@operation("GET /v1/customers/{customer}/sources/{id}")
def retrieve_source(ctx: Context, customer: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """One saved card."""
    return _owned(ctx, customer, id)


@operation("POST /v1/customers/{customer}/sources/{id}")
def update_source(ctx: Context, customer: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Change a saved card's expiry, address, name or metadata."""
    card = _owned(ctx, customer, id)
    fields = {key: value for key, value in ctx.body.items() if key in card and key != "metadata"}
    for name in ("exp_month", "exp_year"):  # this operation's document has them as texts
        if name in fields:
            if not str(fields[name]).isdigit():
                raise Refusal(400, "parameter_invalid_integer", f"Invalid integer: {fields[name]}", param=name)
            fields[name] = int(fields[name])
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(card["metadata"], ctx.body["metadata"])
    return change(ctx, card, "customer.source.updated", **fields)


@operation("DELETE /v1/customers/{customer}/sources/{id}")
def delete_source(ctx: Context, customer: str, id: str) -> dict[str, Any]:  # noqa: A002 - the document's parameter
    """Remove a saved card; the customer's default moves on to the newest that is left."""
    card = _owned(ctx, customer, id)
    tell(ctx, "customer.source.deleted", card)
    ctx.delete(card)
    owner = ctx.get("customer", customer)
    if owner["default_source"] == card.id:
        left = ctx.list("card", limit=1, customer=owner.id)
        ctx.update(owner, default_source=left[0].id if left else None)
    return {"id": card.id, "object": "card", "deleted": True, "currency": None}


@expands("customer", "sources")
def sources_of(ctx: Context, customer: Entity) -> dict[str, Any]:
    """A customer's saved cards, as the customer shows them where that is asked for."""
    return short_list(ctx.list("card", limit=11, customer=customer.id), f"/v1/customers/{customer.id}/sources")


@expands("customer", "subscriptions")
def subscriptions_of(ctx: Context, customer: Entity) -> dict[str, Any]:
    """A customer's subscriptions, likewise."""
    found = ctx.list("subscription", limit=11, customer=customer.id)
    return short_list(found, f"/v1/customers/{customer.id}/subscriptions")


@expands("customer", "tax_ids")
def tax_ids_of(ctx: Context, customer: Entity) -> dict[str, Any]:
    """A customer's tax ids, likewise."""
    found = ctx.list("tax_id", limit=11, customer=customer.id)
    return short_list(found, f"/v1/customers/{customer.id}/tax_ids")


def _owned(ctx: Context, customer: str, source: str) -> Entity:
    owner = ctx.get("customer", customer)
    card = ctx.find("card", source)
    if card is None or card["customer"] != owner.id:
        raise Refusal(404, "resource_missing", f"No such source: '{source}'", param="id")
    return card


def _wrong(code: str, message: str, param: str) -> Refusal:
    return Refusal(402, code, message, type="card_error", param=param.rpartition("[")[2].rstrip("]"))
