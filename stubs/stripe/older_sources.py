"""Source objects (`src_…`), the way to pay between cards on customers and payment methods.

What happens to one is in its flow; the moves are in `stub.yaml`:

    none → chargeable          redirect, receiver, code_verification → pending → chargeable or failed
    chargeable → consumed by its charge where it is for a single use; canceled when nobody charges it in six hours

In a redirect the customer authorizes or fails at the test page; a receiver's funds come as its owner's e-mail says
(`amount_1234@…` sends 12.34, docs.stripe.com/sources/ach-credit-transfer#test-payments).
"""

import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, merged_metadata, operation

from .bank_numbers import ROUTING
from .card_details import SHOWN_DIGITS, card_fields, digest, read_card, token_card
from .fields import NO_ADDRESS, change, new, page, picked, tell
from .money import checked_currency

FLOWS = {"card": "none", "sepa_debit": "none", "ach_debit": "none", "acss_debit": "none", "au_becs_debit": "none",
         "three_d_secure": "redirect", "ach_credit_transfer": "receiver", "multibanco": "receiver"}  # fmt: skip
REUSABLE = frozenset({"card", "sepa_debit", "ach_debit", "acss_debit", "au_becs_debit", "ach_credit_transfer"})
PENDING_MS = 6 * 3_600_000  # how long a source waits for its customer or its charge
ATTEMPTS = 5
CODE = "123456"
_AMOUNT = re.compile(r"(?:.*\+)?amount_(\d+)@")
_NO_OWNER = {"address": None, "email": None, "name": None, "phone": None, "verified_address": None, "verified_email": None,
             "verified_name": None, "verified_phone": None}  # fmt: skip
_CARD = ("address_line1_check", "address_zip_check", "brand", "country", "cvc_check", "dynamic_last4", "exp_month",
         "exp_year", "fingerprint", "funding", "last4", "name", "tokenization_method")  # fmt: skip


@operation("POST /v1/sources")
def create(ctx: Context) -> Entity:
    """A source of any kind; one that needs its customer is pending."""
    body = ctx.body
    kind = body.get("type") or ("card" if body.get("token") else None)
    if kind is None:
        raise Refusal(400, "parameter_missing", "Missing required param: type.", param="type")
    flow = body.get("flow") or FLOWS.get(kind, "redirect")
    details, card = _details(ctx, kind)
    if flow == "redirect" and not (body.get("redirect") or {}).get("return_url"):
        message = "Missing required param: redirect[return_url]."
        raise Refusal(400, "parameter_missing", message, param="redirect[return_url]")
    source_id = ctx.new_id("source")
    owner = body.get("owner") or {}
    made = new(
        ctx,
        "source",
        source_id,
        client_secret=f"src_client_secret_{ctx.token(24)}",
        currency=checked_currency(body["currency"]) if body.get("currency") else None,
        flow=flow,
        metadata=merged_metadata({}, body.get("metadata")),
        owner=_owner(owner),
        status="chargeable" if flow == "none" else "pending",
        type=kind,
        usage=body.get("usage") or ("reusable" if kind in REUSABLE else "single_use"),
        _card=card,
        **{kind: details},
        **_flow(ctx, source_id, flow, body),
        **picked(body, "amount", "statement_descriptor"),
    )
    if made["status"] == "chargeable":
        tell(ctx, "source.chargeable", made)
    else:
        ctx.schedule(PENDING_MS, "expire_source", {"source": made.id})
        sent = _AMOUNT.match(owner.get("email") or "") if flow == "receiver" else None
        if sent is not None:
            ctx.schedule(0, "fund_source", {"source": made.id, "amount": int(sent[1])})
    return made


@operation("GET /v1/sources/{source}")
def retrieve(ctx: Context, source: str) -> Entity:
    """One source. A client secret, where one is given, must be its own."""
    found = ctx.get("source", source)
    secret = ctx.query.get("client_secret")
    if secret is not None and secret != found["client_secret"]:
        raise Refusal(400, "resource_missing", f"No such source: '{source}'", param="client_secret")
    return found


@operation("POST /v1/sources/{source}")
def update(ctx: Context, source: str) -> Entity:
    """Change its owner, metadata or, while it is pending, its amount."""
    found = ctx.get("source", source)
    fields = picked(ctx.body, "amount") if found["status"] == "pending" else {}
    if isinstance(ctx.body.get("owner"), dict):
        fields["owner"] = _owner(ctx.body["owner"], found["owner"])
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    return change(ctx, found, None, **fields)


@operation("POST /v1/sources/{source}/verify")
def verify(ctx: Context, source: str) -> Entity:
    """Enter the code that its customer was sent; the test code is 123456."""
    found = ctx.get("source", source)
    state = found.get("code_verification")
    if not state or state["status"] != "pending":
        raise Refusal(400, None, "This source does not await a verification code.")
    if CODE in ctx.body["values"]:
        found = ctx.update(found, code_verification=state | {"status": "succeeded"})
        return decide(ctx, found, passed=True)
    left = state["attempts_remaining"] - 1
    found = ctx.update(found, code_verification={"attempts_remaining": left, "status": "pending" if left else "failed"})
    if not left:
        return decide(ctx, found, passed=False)
    refusal = Refusal(400, None, "The code is incorrect.", param="values")
    refusal.keep_changes = True
    raise refusal


@operation("GET /v1/sources/{source}/source_transactions")
def list_transactions(ctx: Context, source: str) -> dict[str, Any]:
    """What a receiver has received, newest first."""
    return page(ctx, "source_transaction", source=ctx.get("source", source).id)


@operation("GET /v1/sources/{source}/source_transactions/{source_transaction}")
def retrieve_transaction(ctx: Context, source: str, source_transaction: str) -> Entity:
    """One receipt of a receiver."""
    owner, found = ctx.get("source", source), ctx.find("source_transaction", source_transaction)
    if found is None or found["source"] != owner.id:
        message = f"No such source transaction: '{source_transaction}'"
        raise Refusal(404, "resource_missing", message, param="source_transaction")
    return found


def decide(ctx: Context, source: Entity, *, passed: bool) -> Entity:
    """The customer has authorized a source, or hasn't."""
    fields: dict[str, Any] = {}
    if source.get("redirect"):
        outcome = {"status": "succeeded"} if passed else {"failure_reason": "user_abort", "status": "failed"}
        fields["redirect"] = source["redirect"] | outcome
    state = "chargeable" if passed else "failed"
    source = ctx.move(source, state, **fields)
    tell(ctx, f"source.{state}", source)
    return source


def consume(ctx: Context, source: Entity) -> Entity:
    """A charge takes the source; one for a single use is used up."""
    if source["status"] != "chargeable":
        message = f"The source you provided is not in a chargeable state: its status is {source['status']}."
        raise Refusal(400, None, message, param="source")
    return source if source["usage"] == "reusable" else ctx.move(source, "consumed")


@job("expire_source")
def expire(ctx: Context, payload: dict[str, Any]) -> None:
    """Nobody did anything with a source for six hours."""
    found = ctx.find("source", payload["source"])
    if found is not None and found["status"] == "pending":
        tell(ctx, "source.canceled", ctx.move(found, "canceled"))


@job("fund_source")
def fund(ctx: Context, payload: dict[str, Any]) -> None:
    """A transfer comes in for a receiver."""
    found = ctx.find("source", payload["source"])
    if found is None or found["status"] not in {"pending", "chargeable"}:
        return
    amount = payload["amount"]
    made = new(ctx, "source_transaction", amount=amount, currency=found["currency"] or "usd", source=found.id,
               status="succeeded", type=found["type"])  # fmt: skip
    tell(ctx, "source.transaction.created", made)
    receiver = found["receiver"] | {"amount_received": found["receiver"]["amount_received"] + amount}
    found = ctx.update(found, receiver=receiver)
    if found["status"] == "pending":
        decide(ctx, found, passed=True)


def _details(ctx: Context, kind: str) -> tuple[dict[str, Any], str | None]:
    """The hash under a source's type, and the test card behind it."""
    given = ctx.body.get(kind) or {}
    if kind == "card":
        if ctx.body.get("token"):
            card, known, address = token_card(ctx, str(ctx.body["token"]), "token")
        else:
            card, known = read_card(ctx, given, "card")
            address = given
        shown = card_fields(card, known, address)
        return {name: shown[name] for name in _CARD} | {"three_d_secure": "optional"}, card.name
    if kind == "three_d_secure":
        behind = ctx.get("source", str(given.get("card") or ""), param="three_d_secure[card]")
        return {"authenticated": None, "card": behind.id, "customer": None}, behind.get("_card")
    if kind == "sepa_debit":
        iban = "".join(str(given.get("iban") or "").split()).upper()
        if len(iban) < SHOWN_DIGITS:
            raise Refusal(
                400, "parameter_missing", "Missing required param: sepa_debit[iban].", param="sepa_debit[iban]"
            )
        return {"bank_code": iban[4:12], "branch_code": None, "country": iban[:2], "fingerprint": digest(iban),
                "last4": iban[-SHOWN_DIGITS:], "mandate_reference": ctx.token(16), "mandate_url":
                "https://hooks.stripe.com/adapter/sepa_debit/file/test"}, None  # fmt: skip
    if kind == "ach_credit_transfer":
        number = f"test_{ctx.token(12, '0123456789abcdef')}"
        return {"account_number": number, "bank_name": "TEST BANK", "fingerprint": digest(number),
                "routing_number": ROUTING, "swift_code": "TSTEZ122"}, None  # fmt: skip
    return {}, None


def _flow(ctx: Context, source_id: str, flow: str, body: dict[str, Any]) -> dict[str, Any]:
    if flow == "redirect":
        url = f"https://hooks.stripe.com/3d_secure_2/hosted?source={source_id}"
        return {"redirect": {"failure_reason": None, "return_url": body["redirect"]["return_url"], "status": "pending",
                             "url": url}}  # fmt: skip
    if flow == "receiver":
        address = f"{ROUTING}-test_{ctx.token(12, '0123456789abcdef')}"
        return {"receiver": {"address": address, "amount_charged": 0, "amount_received": 0, "amount_returned": 0,
                             "refund_attributes_method": "email", "refund_attributes_status": "missing"}}  # fmt: skip
    if flow == "code_verification":
        return {"code_verification": {"attempts_remaining": ATTEMPTS, "status": "pending"}}
    return {}


def _owner(given: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    made = (before or _NO_OWNER) | picked(given, "email", "name", "phone")
    if isinstance(given.get("address"), dict):
        made["address"] = NO_ADDRESS | given["address"]
    return made
