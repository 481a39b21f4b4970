"""Payment methods: made from test cards, numbers or tokens; attached to customers; used up where they aren't."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from .bank_numbers import account_named
from .card_details import card_behind, declined, expiry, fingerprint, read_card, token_card
from .cards import Card, Trait, card_of_token
from .fields import NO_ADDRESS, change, new, page, required, tell
from .other_methods import details_of, number_of, test_account
from .wording import METHOD_OF_NO_CUSTOMER, METHOD_USED_UP, NO_SUCH_METHOD

TEST_HOLDER = {"email": "jenny@example.com", "name": "Jenny Rosen"}
NO_BILLING = {"address": NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}


def method_for(ctx: Context, given: str, param: str = "payment_method") -> Entity:
    """The payment method that a request names: a stored one, a customer's card, or a new one from `pm_card_…`."""
    card = card_of_token(given) if given.startswith("pm_card_") else None
    if card is not None:
        return make_card_method(ctx, card, expiry(ctx))
    named = account_named(given)
    if named is not None:
        kind, number = named
        return new(ctx, "payment_method", type=kind, customer=None, billing_details=NO_BILLING | TEST_HOLDER, metadata={},
                   allow_redisplay="unspecified", _number=number, _verified=True,
                   **{kind: details_of(kind, test_account(kind, number), kind)})  # fmt: skip
    found = ctx.find("payment_method", given)
    if found is None and given.startswith("card_"):
        saved = ctx.find("card", given)
        if saved is not None:
            return _method_of_saved_card(ctx, saved)
    if found is None:
        status = 404 if ctx.path.get("payment_method") == given else 400
        raise Refusal(status, "resource_missing", NO_SUCH_METHOD.format(id=given), param=param)
    return found


def make_card_method(ctx: Context, card: Card, details: dict[str, Any], **fields: Any) -> Entity:
    """A new card payment method. `details` has `exp_month`, `exp_year` and whether a `cvc` was given."""
    billing = fields.pop("billing_details", NO_BILLING)
    fields.setdefault("customer", None)
    return new(
        ctx,
        "payment_method",
        type="card",
        billing_details=billing,
        card=_card_hash(card, details, billing),
        allow_redisplay=fields.pop("allow_redisplay", "unspecified"),
        _card=card.name,
        **fields,
    )


def check_card_of_method(method: Entity) -> None:
    """What Stripe asks the issuer when a card is saved for later. Refuses cards that are declined."""
    card = card_behind(method)
    if card is not None and card.decline is not None and not card.traits:
        raise declined(card.decline)


def passed_checks(method: Entity, card: Card) -> dict[str, Any]:
    """The results of the card checks once the issuer was asked: `pass` for all that could be checked."""
    checks: dict[str, str | None] = dict(method["card"]["checks"] or {})
    fails = {
        "cvc_check": Trait.CVC_CHECK_FAILS,
        "address_line1_check": Trait.LINE1_CHECK_FAILS,
        "address_postal_code_check": Trait.ZIP_CHECK_FAILS,
    }
    for name, trait in fails.items():
        if checks.get(name) is None:
            continue
        if card.has(Trait.ADDRESS_UNCHECKED) and name != "cvc_check":
            checks[name] = "unavailable"
        else:
            checks[name] = "fail" if card.has(trait) or _cvc_wrong(card, name) else "pass"
    return checks


def attach(ctx: Context, method: Entity, customer: Entity) -> Entity:
    """Give a payment method to a customer, checks passed."""
    card = card_behind(method)
    changes: dict[str, Any] = {"customer": customer.id}
    if card is not None:
        changes["card"] = method["card"] | {"checks": passed_checks(method, card)}
    method = ctx.update(method, **changes)
    tell(ctx, "payment_method.attached", method)
    return method


def owned_method(ctx: Context, customer: Entity, given: str, param: str) -> Entity:
    """A payment method that must be attached to the customer."""
    method = ctx.find("payment_method", given)
    if method is None:
        raise Refusal(400, "resource_missing", NO_SUCH_METHOD.format(id=given), param=param)
    if method["customer"] != customer.id:
        raise Refusal(400, "resource_missing", METHOD_OF_NO_CUSTOMER.format(id=given), param=param)
    return method


def method_from_data(ctx: Context, data: dict[str, Any], prefix: str = "payment_method_data") -> Entity:
    """A payment method from `payment_method_data`, or from the body of its own create operation (prefix "")."""
    kind = data.get("type")
    inside = f"{prefix}[{{}}]" if prefix else "{}"
    if not isinstance(kind, str):
        name = inside.format("type")
        raise Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
    shared: dict[str, Any] = {
        "billing_details": _billing(data.get("billing_details")),
        "metadata": data.get("metadata") or {},
        "allow_redisplay": data.get("allow_redisplay") or "unspecified",
    }
    if kind != "card":
        details = details_of(kind, data.get(kind) or {}, inside.format(kind))
        number = number_of(kind, data.get(kind) or {})
        return new(ctx, "payment_method", type=kind, customer=None, _number=number, **shared, **{kind: details})
    given = data.get("card")
    name = inside.format("card")
    if not isinstance(given, dict):
        raise Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
    if "token" in given:
        card, details, address = token_card(ctx, str(given["token"]), f"{name}[token]")
        if address.get("name") and shared["billing_details"]["name"] is None:
            shared["billing_details"] = shared["billing_details"] | {"name": address["name"]}
    else:
        card, details = read_card(ctx, given, name)
    return make_card_method(ctx, card, details, **shared)


@operation("POST /v1/payment_methods")
def create(ctx: Context) -> Entity:
    """A payment method from its details. It belongs to nobody until it is attached."""
    return method_from_data(ctx, ctx.body, "")


@operation("GET /v1/payment_methods/{payment_method}")
def retrieve(ctx: Context, payment_method: str) -> Entity:
    """A stored payment method, or a new one of a test name."""
    return method_for(ctx, payment_method)


@operation("POST /v1/payment_methods/{payment_method}")
def update(ctx: Context, payment_method: str) -> Entity:
    """Change billing details, expiry or metadata. Only saved payment methods can be changed."""
    method = method_for(ctx, payment_method)
    if method["customer"] is None:
        raise Refusal(400, None, "You must save this PaymentMethod to a customer before you can update it.")
    fields: dict[str, Any] = {}
    if "billing_details" in ctx.body:
        fields["billing_details"] = _billing(ctx.body["billing_details"], method["billing_details"])
    card = ctx.body.get("card")
    if isinstance(card, dict) and "card" in method:
        allowed = {key: card[key] for key in ("exp_month", "exp_year") if key in card}
        fields["card"] = method["card"] | allowed
    if "allow_redisplay" in ctx.body:
        fields["allow_redisplay"] = ctx.body["allow_redisplay"]
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(method["metadata"], ctx.body["metadata"])
    return change(ctx, method, "payment_method.updated", **fields)


@operation("POST /v1/payment_methods/{payment_method}/attach")
def attach_method(ctx: Context, payment_method: str) -> Entity:
    """Save a payment method on a customer. Stripe asks the issuer now, so declined cards are refused here."""
    customer = ctx.get("customer", required(ctx.body, "customer"), param="customer")
    method = method_for(ctx, payment_method)
    if method["customer"] == customer.id:
        return method
    if method["customer"] is not None:
        raise Refusal(400, None, "The payment method you provided has already been attached to a customer.")
    if method.get("_used"):
        raise Refusal(400, None, METHOD_USED_UP)
    check_card_of_method(method)
    return attach(ctx, method, customer)


@operation("POST /v1/payment_methods/{payment_method}/detach")
def detach(ctx: Context, payment_method: str) -> Entity:
    """Take a payment method away from its customer, for good: it can't be used again."""
    method = method_for(ctx, payment_method)
    if method["customer"] is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise Refusal(400, None, message)
    owner = ctx.find("customer", method["customer"])
    if owner is not None and not owner.get("deleted"):
        settings = owner["invoice_settings"]
        if settings["default_payment_method"] == method.id:
            ctx.update(owner, invoice_settings=settings | {"default_payment_method": None})
    return change(ctx, method, "payment_method.detached", customer=None, _used=True)


@operation("GET /v1/payment_methods")
def list_methods(ctx: Context) -> dict[str, Any]:
    """Saved payment methods, of one customer or of all."""
    where = {name: ctx.query[name] for name in ("customer", "type", "allow_redisplay") if ctx.query.get(name)}
    if "customer" in where:
        ctx.get("customer", where["customer"], param="customer")
        return page(ctx, "payment_method", **where)
    saved = [method for method in ctx.list("payment_method", **where) if method["customer"] is not None]
    return page(ctx, saved)


@operation("GET /v1/customers/{customer}/payment_methods")
def list_of_customer(ctx: Context, customer: str) -> dict[str, Any]:
    """A customer's payment methods."""
    owner = ctx.get("customer", customer)
    where = {name: ctx.query[name] for name in ("type", "allow_redisplay") if ctx.query.get(name)}
    return page(ctx, "payment_method", customer=owner.id, **where)


@operation("GET /v1/customers/{customer}/payment_methods/{payment_method}")
def retrieve_of_customer(ctx: Context, customer: str, payment_method: str) -> Entity:
    """A payment method, if it is this customer's."""
    owner = ctx.get("customer", customer)
    method = ctx.find("payment_method", payment_method)
    if method is None or method["customer"] != owner.id:
        message = NO_SUCH_METHOD.format(id=payment_method)
        raise Refusal(404, "resource_missing", message, param="payment_method")
    return method


def _billing(given: Any, before: dict[str, Any] = NO_BILLING) -> dict[str, Any]:
    if not isinstance(given, dict):
        return before
    address = given.get("address")
    merged = before | {key: value for key, value in given.items() if key in NO_BILLING}
    if isinstance(address, dict):
        merged["address"] = (before["address"] or NO_ADDRESS) | address
    elif "address" in given:
        merged["address"] = NO_ADDRESS
    return merged


def _card_hash(card: Card, details: dict[str, Any], billing: dict[str, Any]) -> dict[str, Any]:
    address = billing["address"] or NO_ADDRESS
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": "unchecked" if address["line1"] else None,
            "address_postal_code_check": "unchecked" if address["postal_code"] else None,
            "cvc_check": "unchecked" if details["cvc"] else None,
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": details["exp_month"],
        "exp_year": details["exp_year"],
        "fingerprint": fingerprint(card),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": not card.has(Trait.AUTH_UNSUPPORTED)},
        "wallet": None,
    }


def _method_of_saved_card(ctx: Context, saved: Entity) -> Entity:
    """A customer's older `card` used as a payment method keeps its id at Stripe, and so it does here."""
    card = card_behind(saved)
    assert card is not None
    details = {"exp_month": saved["exp_month"], "exp_year": saved["exp_year"], "cvc": False}
    billing = NO_BILLING | {"name": saved["name"]}
    shape = _card_hash(card, details, billing)
    return new(ctx, "payment_method", saved.id, type="card", billing_details=billing, card=shape,
                      allow_redisplay="unspecified", customer=saved["customer"], _card=card.name)  # fmt: skip


def _cvc_wrong(card: Card, check: str) -> bool:
    return check == "cvc_check" and card.decline == "incorrect_cvc"
