"""What is saved on customers the older way: cards, bank accounts and source objects; one of them is the default."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from .bank_accounts import read_bank_account, store, token_bank_account
from .bank_numbers import AMOUNTS
from .card_details import card_fields, declined, read_card, token_card
from .fields import change, page, short_list, tell
from .wording import METHOD_AS_SOURCE

KINDS = ("card", "bank_account", "source")
TRIES = 10  # wrong answers until an account can't be verified any more
_ADDRESS = ("address_city", "address_country", "address_line1", "address_line2", "address_state", "address_zip")
CHANGEABLE: dict[str, tuple[str, ...]] = {
    "card": ("exp_month", "exp_year", "name", *_ADDRESS),
    "bank_account": ("account_holder_name", "account_holder_type"),
    "source": (),
}


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
@operation("POST /v1/customers/{customer}/cards")
@operation("POST /v1/customers/{customer}/bank_accounts")
def create_source(ctx: Context, customer: str) -> Entity:
    """Save a card, a bank account or a source object on a customer."""
    owner = ctx.get("customer", customer)
    given = ctx.body.get("source") or ctx.body.get("card") or ctx.body.get("bank_account")
    if given is None:
        raise Refusal(400, "parameter_missing", "Missing required param: source.", param="source")
    saved = add(ctx, owner, given)
    if ctx.body.get("metadata"):
        saved = ctx.update(saved, metadata=merged_metadata({}, ctx.body["metadata"]))
    if owner["default_source"] is None:
        ctx.update(owner, default_source=saved.id)
    return saved


def add(ctx: Context, customer: Entity, source: str | dict[str, Any], param: str = "source") -> Entity:
    """Give a customer whatever a source parameter names."""
    if isinstance(source, dict) and (source.get("object") == "bank_account" or "account_number" in source):
        return _add_account(ctx, customer, read_bank_account(source, param))
    if isinstance(source, str) and source.startswith("src_"):
        return _attach(ctx, customer, source, param)
    if isinstance(source, str) and (account := token_bank_account(ctx, source, param)) is not None:
        return _add_account(ctx, customer, account)
    return add_card(ctx, customer, source, param)


@operation("GET /v1/customers/{customer}/sources")
def list_sources(ctx: Context, customer: str) -> dict[str, Any]:
    """What is saved on a customer this way, newest first; of one kind where that is asked."""
    owner = ctx.get("customer", customer)
    wanted = ctx.query.get("object")
    return page(ctx, _saved(ctx, owner, (wanted,) if wanted in KINDS else KINDS))


@operation("GET /v1/customers/{customer}/cards")
def list_cards(ctx: Context, customer: str) -> dict[str, Any]:
    """The cards among them."""
    return page(ctx, _saved(ctx, ctx.get("customer", customer), ("card",)))


@operation("GET /v1/customers/{customer}/bank_accounts")
def list_bank_accounts(ctx: Context, customer: str) -> dict[str, Any]:
    """The bank accounts among them."""
    return page(ctx, _saved(ctx, ctx.get("customer", customer), ("bank_account",)))


@operation("GET /v1/customers/{customer}/sources/{id}")
@operation("GET /v1/customers/{customer}/cards/{id}")
@operation("GET /v1/customers/{customer}/bank_accounts/{id}")
def retrieve_source(ctx: Context, customer: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """One of them."""
    return _owned(ctx, customer, id)


@operation("POST /v1/customers/{customer}/sources/{id}")
@operation("POST /v1/customers/{customer}/cards/{id}")
@operation("POST /v1/customers/{customer}/bank_accounts/{id}")
def update_source(ctx: Context, customer: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Change a saved card's expiry, address, name; an account's holder; or metadata."""
    saved = _owned(ctx, customer, id)
    names = CHANGEABLE[saved.resource]
    fields = {key: value for key, value in ctx.body.items() if key in names}
    for name in ("exp_month", "exp_year"):  # this operation's document has them as texts
        if name in fields:
            if not str(fields[name]).isdigit():
                raise Refusal(400, "parameter_invalid_integer", f"Invalid integer: {fields[name]}", param=name)
            fields[name] = int(fields[name])
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(saved["metadata"], ctx.body["metadata"])
    return change(ctx, saved, "customer.source.updated", **fields)


@operation("POST /v1/customers/{customer}/sources/{id}/verify")
@operation("POST /v1/customers/{customer}/bank_accounts/{id}/verify")
def verify_source(ctx: Context, customer: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Say which two small amounts were deposited; the test account gets 32 and 45."""
    saved = _owned(ctx, customer, id)
    if saved.resource != "bank_account":
        raise Refusal(400, None, "Only bank accounts can be verified.", param="id")
    if saved["status"] == "verified":
        raise Refusal(400, None, "This bank account has already been verified.")
    if saved["status"] == "verification_failed":
        message = "This bank account has failed verification too often."
        raise Refusal(400, "bank_account_verification_failed", message)
    if tuple(sorted(ctx.body.get("amounts") or ())) == AMOUNTS:
        return change(ctx, saved, "customer.source.updated", status="verified")
    tries = saved.get("_tries", 0) + 1
    ctx.update(saved, _tries=tries, status="verification_failed" if tries >= TRIES else saved["status"])
    message = "The amounts provided do not match the amounts that were sent to the bank account."
    raise Refusal(400, "bank_account_verification_failed", message, keep_changes=True)


@operation("DELETE /v1/customers/{customer}/sources/{id}")
@operation("DELETE /v1/customers/{customer}/cards/{id}")
@operation("DELETE /v1/customers/{customer}/bank_accounts/{id}")
def delete_source(ctx: Context, customer: str, id: str) -> Entity | dict[str, Any]:  # noqa: A002 - the document's parameter
    """Remove one; the customer's default moves on to the newest that is left."""
    saved, owner = _owned(ctx, customer, id), ctx.get("customer", customer)
    tell(ctx, "customer.source.deleted", saved)
    if saved.resource == "source":
        saved = ctx.update(saved, customer=None, status="consumed")
    else:
        ctx.delete(saved)
    if owner["default_source"] == saved.id:
        left = _saved(ctx, owner, KINDS)
        ctx.update(owner, default_source=left[0].id if left else None)
    if saved.resource == "source":
        return saved
    return {"id": saved.id, "object": saved["object"], "deleted": True, "currency": saved.get("currency")}


@expands("customer", "sources")
def sources_of(ctx: Context, customer: Entity) -> dict[str, Any]:
    """What is saved on a customer this way, as the customer shows it where that is asked for."""
    return short_list(_saved(ctx, customer, KINDS)[:11], f"/v1/customers/{customer.id}/sources")


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
    found = next((one for kind in KINDS if (one := ctx.find(kind, source)) is not None), None)
    if found is None or found.get("customer") != owner.id:
        raise Refusal(404, "resource_missing", f"No such source: '{source}'", param="id")
    return found


def _saved(ctx: Context, owner: Entity, kinds: tuple[str, ...]) -> list[Entity]:
    """The newest first. Cards and bank accounts say no time, so those of one kind stay together."""
    return [one for kind in kinds for one in ctx.list(kind, customer=owner.id)]


def _add_account(ctx: Context, customer: Entity, fields: dict[str, Any]) -> Entity:
    same = ctx.list("bank_account", limit=1, customer=customer.id, fingerprint=fields["fingerprint"])
    if same:
        message = "A bank account with that routing number and account number already exists for this customer."
        raise Refusal(400, "bank_account_exists", message, param="source")
    made = store(ctx, fields, customer=customer.id)
    tell(ctx, "customer.source.created", made)
    return made


def _attach(ctx: Context, customer: Entity, source: str, param: str) -> Entity:
    found = ctx.find("source", source)
    if found is None:
        raise Refusal(400, "resource_missing", f"No such source: '{source}'", param=param)
    if found.get("customer"):
        raise Refusal(400, None, "This source has already been attached to a customer.", param=param)
    if found["status"] != "chargeable":
        message = f"The source you provided is not in a chargeable state: its status is {found['status']}."
        raise Refusal(400, None, message, param=param)
    made = ctx.update(found, customer=customer.id)
    tell(ctx, "customer.source.created", made)
    return made
