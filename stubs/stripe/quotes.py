"""Quotes: draft, open, then accepted or canceled. An accepted one becomes an invoice, a subscription or a schedule.

draft → open → accepted
  └───────┴──→ canceled, also when it expires
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, expands, merged_metadata, operation

from . import discounts, invoicing, subscription_making
from .checkout_lines import make as make_lines
from .clocks import later, now_of, timed
from .fields import change, new, page, picked, tell
from .quote_pdf import pdf
from .quote_totals import computed, items_of
from .tax_rates import checked

DAY = 86_400
LASTS = 30 * DAY  # docs.stripe.com/quotes: a quote that says nothing of it expires after 30 days
_COPIED = ("application_fee_amount", "application_fee_percent", "collection_method", "description", "footer", "header",
           "on_behalf_of", "transfer_data")  # fmt: skip

_DEFAULTS: dict[str, dict[str, Any]] = {
    "invoice_settings": {"custom_fields": None, "days_until_due": None, "description": None, "footer": None,
                         "issuer": {"type": "self"}},
    "subscription_data": {"billing_mode": {"type": "flexible"}, "description": None, "effective_date": None,
                          "metadata": {}, "trial_period_days": None},
}  # fmt: skip


@operation("POST /v1/quotes")
def create(ctx: Context) -> Entity:
    """A draft, of its own or a copy of another quote (`from_quote`)."""
    body = dict(ctx.body)
    source = body.get("from_quote")
    kept: dict[str, Any] = {}
    if source:
        kept = _cloned(ctx, source)
    if body.get("customer"):
        ctx.get("customer", body["customer"], param="customer")
    customer = body.get("customer") or kept.get("customer")
    now = now_of(ctx, customer)
    payer = ctx.find("customer", customer) if customer else None
    quote = new(
        ctx,
        "quote",
        **{
            "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
            "collection_method": "charge_automatically",
            "customer": None,
            "default_tax_rates": [],
            "discounts": [],
            "expires_at": now + LASTS,
            "metadata": {},
            "_lines": [],
        }
        | _DEFAULTS
        | kept
        | _fields(ctx, body, customer, None),
        created=now,
        computed={},
        status="draft",
        test_clock=payer.get("test_clock") if payer is not None else None,
    )  # fmt: skip
    quote = _added_up(ctx, quote)
    later(ctx, customer, quote["expires_at"], "quote_expires", {"quote": quote.id})
    tell(ctx, "quote.created", quote)
    return quote


@operation("POST /v1/quotes/{quote}")
def update(ctx: Context, quote: str) -> Entity:
    """Change a draft; an open one only in what doesn't change what is offered."""
    found = ctx.get("quote", quote)
    body = ctx.body
    if found["status"] != "draft" and set(body) - {"metadata", "expand", "expires_at"}:
        message = f"You can only update a quote in `draft` status. This quote is in `{found['status']}` status."
        raise Refusal(400, None, message)
    if body.get("customer") and found["customer"] and body["customer"] != found["customer"]:
        raise Refusal(400, None, "You cannot change the customer of a quote once it is set.", param="customer")
    if body.get("customer"):
        ctx.get("customer", body["customer"], param="customer")
    customer = body.get("customer") or found["customer"]
    changed = _added_up(ctx, change(ctx, found, None, **_fields(ctx, body, customer, found)))
    if changed["expires_at"] != found["expires_at"]:
        later(ctx, customer, changed["expires_at"], "quote_expires", {"quote": changed.id})
    return changed


@operation("POST /v1/quotes/{quote}/finalize")
def finalize(ctx: Context, quote: str) -> Entity:
    """Number a draft and offer it."""
    found = ctx.get("quote", quote)
    _check(found, ("draft",), "finalize")
    if found["customer"] is None:
        raise Refusal(400, None, "A customer must be specified to finalize a quote.")
    if not found["_lines"]:
        raise Refusal(400, None, "A quote must have at least one line item to be finalized.")
    expires_at = ctx.body.get("expires_at") or found["expires_at"]
    now = now_of(ctx, found["customer"])
    if expires_at <= now:
        raise Refusal(400, None, "`expires_at` must be in the future.", param="expires_at")
    if expires_at != found["expires_at"]:
        later(ctx, found["customer"], expires_at, "quote_expires", {"quote": found.id})
    transitions = found["status_transitions"] | {"finalized_at": now}
    changed = ctx.move(found, "open", expires_at=expires_at, number=_number(ctx, found), status_transitions=transitions)
    tell(ctx, "quote.finalized", changed)
    return changed


@operation("POST /v1/quotes/{quote}/cancel")
def cancel(ctx: Context, quote: str) -> Entity:
    """Withdraw a quote."""
    found = ctx.get("quote", quote)
    _check(found, ("draft", "open"), "cancel")
    return _canceled(ctx, found)


@operation("POST /v1/quotes/{quote}/accept")
def accept(ctx: Context, quote: str) -> Entity:
    """Accept an open quote: with anything recurring it becomes a subscription, else a draft invoice."""
    found = ctx.get("quote", quote)
    _check(found, ("open",), "accept")
    transitions = found["status_transitions"] | {"accepted_at": now_of(ctx, found["customer"])}
    recurring = any(item["price"]["recurring"] for item in items_of(ctx, found))
    made = _subscribed(ctx, found) if recurring else {"invoice": _invoiced(ctx, found).id}
    changed = ctx.move(found, "accepted", status_transitions=transitions, **made)
    tell(ctx, "quote.accepted", changed)
    return changed


@operation("GET /v1/quotes")
def list_quotes(ctx: Context) -> dict[str, Any]:
    """Quotes, newest first."""
    return page(
        ctx, "quote", **{name: ctx.query[name] for name in ("customer", "status", "test_clock") if ctx.query.get(name)}
    )


@operation("GET /v1/quotes/{quote}/line_items")
def list_lines(ctx: Context, quote: str) -> dict[str, Any]:
    """What is quoted."""
    return page(ctx, items_of(ctx, ctx.get("quote", quote)))


@operation("GET /v1/quotes/{quote}/computed_upfront_line_items")
def list_upfront(ctx: Context, quote: str) -> dict[str, Any]:
    """What the first invoice will have."""
    return page(ctx, items_of(ctx, ctx.get("quote", quote), upfront=True))


@operation("GET /v1/quotes/{quote}/pdf")
def download(ctx: Context, quote: str) -> Response:
    """A finalized quote as a document."""
    found = ctx.get("quote", quote)
    if found["number"] is None:
        message = "You can only download the PDF of a finalized quote."
        raise Refusal(400, None, message)
    return Response(200, pdf(found, items_of(ctx, found)), {"Content-Type": "application/pdf"})


@expands("quote", "line_items")
def lines_of(ctx: Context, quote: Entity) -> dict[str, Any]:
    """The lines of a quote, where they are asked for."""
    items = items_of(ctx, quote)
    return {
        "data": items[:10],
        "has_more": len(items) > 10,
        "object": "list",
        "url": f"/v1/quotes/{quote.id}/line_items",
    }


@timed("quote_expires")
def expires(ctx: Context, payload: dict[str, Any]) -> None:
    """A quote that nobody has accepted in time is canceled."""
    found = ctx.find("quote", payload["quote"])
    if (
        found is None
        or found["status"] not in {"draft", "open"}
        or found["expires_at"] > now_of(ctx, found["customer"])
    ):
        return
    _canceled(ctx, found)


def _fields(ctx: Context, body: dict[str, Any], customer: str | None, held: Entity | None) -> dict[str, Any]:
    fields = {name: value if value != "" else None for name, value in picked(body, *_COPIED).items()}
    if body.get("customer"):
        fields["customer"] = customer
    if body.get("expires_at"):
        fields["expires_at"] = body["expires_at"]
    if "metadata" in body:
        fields["metadata"] = merged_metadata(held["metadata"] if held is not None else {}, body["metadata"])
    if "default_tax_rates" in body:
        fields["default_tax_rates"] = checked(ctx, body["default_tax_rates"], "default_tax_rates")
    if "line_items" in body:
        fields["_lines"] = _lines(ctx, body["line_items"] or (), held)
    asked = discounts.wanted(body)
    if asked is not None:
        fields["discounts"] = [one.id for one in discounts.make(ctx, asked, customer=customer, _unclaimed=True)]
    for name in ("invoice_settings", "subscription_data"):
        if isinstance(body.get(name), dict):
            fields[name] = _settings((held or _DEFAULTS)[name], body[name])
    if body.get("automatic_tax"):
        enabled = bool(body["automatic_tax"]["enabled"])
        fields["automatic_tax"] = {
            "enabled": enabled,
            "liability": {"type": "self"} if enabled else None,
            "provider": "stripe" if enabled else None,
            "status": "complete" if enabled else None,
        }
    return fields


def _settings(held: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Settings after a request, field by field; empty texts unset."""
    made: dict[str, Any] = held | {name: value if value != "" else None for name, value in given.items()}
    if "metadata" in given:
        made["metadata"] = merged_metadata(held["metadata"], given["metadata"])
    if given.get("issuer"):
        made["issuer"] = {name: value for name, value in given["issuer"].items() if value}
    if not isinstance(made.get("effective_date", 0), int):  # `current_period_end`: of nothing that is there yet
        made["effective_date"] = None
    return made


def _lines(ctx: Context, given: Any, held: Entity | None) -> list[dict[str, Any]]:
    """The lines of a request: a line with an `id` is one that is there already, with what is said of it changed."""
    known = {line["id"]: line for line in (held["_lines"] if held is not None else ())}
    made = []
    for entry in given:
        before = known.get(entry.get("id"))
        base = {"price": before["price"], "quantity": before["quantity"]} if before is not None else {"quantity": 1}
        line = make_lines(
            ctx, [base | {name: value for name, value in entry.items() if name not in {"id", "discounts"}}]
        )[0]
        made.append(line | ({"id": before["id"]} if before is not None else {}))
    return made


def _added_up(ctx: Context, quote: Entity) -> Entity:
    return ctx.update(quote, **computed(ctx, quote))


def _check(quote: Entity, allowed: tuple[str, ...], what: str) -> None:
    if quote["status"] not in allowed:
        listed = " or ".join(f"`{one}`" for one in allowed)
        message = f"You can only {what} a quote in {listed} status. This quote is in `{quote['status']}` status."
        raise Refusal(400, None, message)


def _canceled(ctx: Context, quote: Entity) -> Entity:
    transitions = quote["status_transitions"] | {"canceled_at": now_of(ctx, quote["customer"])}
    changed = ctx.move(quote, "canceled", status_transitions=transitions)
    tell(ctx, "quote.canceled", changed)
    return changed


def _cloned(ctx: Context, given: dict[str, Any]) -> dict[str, Any]:
    """What a copy of a quote, or a revision of it, starts with."""
    found = ctx.get("quote", given["quote"], param="from_quote[quote]")
    revision = bool(given.get("is_revision"))
    if revision and found["status"] != "open":
        message = f"You can only revise a quote in `open` status. This quote is in `{found['status']}` status."
        raise Refusal(400, None, message, param="from_quote[quote]")
    names = (*_COPIED, "automatic_tax", "customer", "default_tax_rates", "discounts", "invoice_settings", "metadata",
             "subscription_data", "_lines")  # fmt: skip
    return {name: found[name] for name in names} | {
        "from_quote": {"is_revision": revision, "quote": found.id},
        "_revises": found.id if revision else None,
    }


def _number(ctx: Context, quote: Entity) -> str:
    """`QT-PREFIX-0001-1`: the customer's prefix, the how manieth quote, and which revision of it."""
    before = ctx.find("quote", quote["_revises"]) if quote.get("_revises") else None
    if before is not None and before["number"]:
        base, _, revision = before["number"].rpartition("-")
        if before["status"] == "open":
            _canceled(ctx, before)
        return f"{base}-{int(revision) + 1}"
    customer = ctx.get("customer", quote["customer"])
    numbers = {one["number"].rpartition("-")[0] for one in ctx.list("quote", customer=customer.id) if one["number"]}
    return f"QT-{customer['invoice_prefix']}-{len(numbers) + 1:04}-1"


def _invoiced(ctx: Context, quote: Entity) -> Entity:
    settings = quote["invoice_settings"]
    lines = [
        {"price": item["price"], "quantity": item["quantity"], "tax_rates": line["tax_rates"]}
        for line, item in zip(quote["_lines"], items_of(ctx, quote), strict=True)
    ]
    details = {"quote_details": {"quote": quote.id}, "subscription_details": None, "type": "quote_details"}
    sent = quote["collection_method"] == "send_invoice"
    due: dict[str, Any] = {"days_until_due": settings["days_until_due"] or 30} if sent else {}
    return invoicing.draft(
        ctx, customer=quote["customer"], currency=quote["currency"], lines=lines, billing_reason="quote_accept",
        collection_method=quote["collection_method"], discounts=discounts.claim(ctx, quote["discounts"]), parent=details,
        default_tax_rates=quote["default_tax_rates"], footer=settings["footer"], description=settings["description"],
        custom_fields=settings["custom_fields"], metadata=quote["metadata"], on_behalf_of=quote["on_behalf_of"],
        **due,
    )  # fmt: skip


def _subscribed(ctx: Context, quote: Entity) -> dict[str, Any]:
    """The subscription of an accepted quote, and its first invoice; what is paid once comes onto that invoice."""
    data, settings = quote["subscription_data"], quote["invoice_settings"]
    recurring: list[dict[str, Any]] = []
    once: list[dict[str, Any]] = []
    for line, item in zip(quote["_lines"], items_of(ctx, quote), strict=True):
        entry = {"price": line["price"], "quantity": line["quantity"], "tax_rates": line["tax_rates"]}
        (recurring if item["price"]["recurring"] else once).append(entry)
    body: dict[str, Any] = {
        "add_invoice_items": once,
        "collection_method": quote["collection_method"],
        "customer": quote["customer"],
        "default_tax_rates": quote["default_tax_rates"],
        "description": data["description"],
        "discounts": [{"discount": one} for one in quote["discounts"]],
        "items": recurring,
        "metadata": data["metadata"] or quote["metadata"],
        "off_session": True,
    }
    if quote["collection_method"] == "send_invoice":
        body["days_until_due"] = settings["days_until_due"] or 30
    if data["trial_period_days"]:
        body["trial_period_days"] = data["trial_period_days"]
    made = subscription_making.make(ctx, {name: value for name, value in body.items() if value not in (None, [], {})})
    return {"invoice": made["latest_invoice"], "subscription": made.id}
