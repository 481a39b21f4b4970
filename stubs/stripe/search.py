"""Stripe's search: `email:'jenny@example.com' AND created>1767603600`, `metadata['order']:'7'`, `name~'jen'`.

Source: docs.stripe.com/search. A clause is a field, an operator and a value; `-` before it turns it around; clauses are
joined by AND or by OR, never by both. `:` is equality (texts whatever their case), `~` part of a text, `<` and the
like compare numbers. Unlike at Stripe, what was just written is found at once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

# What a field may be asked: texts are found in part (`~`) from three characters on, numbers in order (`<`), tokens as they are.
NUMBER, TEXT, TOKEN = "number", "text", "token"
_CARD = {name: NUMBER if name.startswith("exp_") else TOKEN
         for name in ("brand", "exp_month", "exp_year", "fingerprint", "last4")}  # fmt: skip
FIELDS: Mapping[str, Mapping[str, str]] = {
    "customer": {"created": NUMBER, "email": TEXT, "name": TEXT, "phone": TEXT},
    "charge": {
        "amount": NUMBER, "billing_details.address.postal_code": TOKEN, "created": NUMBER, "currency": TOKEN,
        "customer": TOKEN, "disputed": TOKEN, "refunded": TOKEN, "status": TOKEN,
    } | {f"payment_method_details.{kind}.{name}": of for kind in ("card", "card_present") for name, of in _CARD.items()},
    "invoice": {
        "created": NUMBER, "currency": TOKEN, "customer": TOKEN, "last_finalization_error_code": TOKEN,
        "last_finalization_error_type": TOKEN, "number": TEXT, "receipt_number": TEXT, "status": TOKEN,
        "subscription": TOKEN, "total": NUMBER,
    },
    "payment_intent": {"amount": NUMBER, "created": NUMBER, "currency": TOKEN, "customer": TOKEN, "status": TOKEN},
    "price": {"active": TOKEN, "currency": TOKEN, "lookup_key": TEXT, "product": TOKEN, "type": TOKEN},
    "product": {
        "active": TOKEN, "created": NUMBER, "description": TEXT, "name": TEXT, "shippable": TOKEN, "url": TEXT,
    },
    "subscription": {"canceled_at": NUMBER, "created": NUMBER, "status": TOKEN},
}  # fmt: skip
# Fields that are called otherwise than where they stand.
_PLACES = {
    "last_finalization_error_code": "last_finalization_error.code",
    "last_finalization_error_type": "last_finalization_error.type",
    "subscription": "parent.subscription_details.subscription",
}
MOST_CLAUSES = 10
LEAST_PART = 3

_CLAUSE = re.compile(
    r"""\s*(?P<minus>-)?(?P<field>metadata\[(?:'[^']*'|"[^"]*")\]|[a-z0-9_.]+)\s*(?P<operator>[:~]|[<>]=?|=)\s*"""
    r"""(?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s]+)\s*"""
)
_JOINT = re.compile(r"(AND|OR)\b", re.IGNORECASE)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a query. `value` is None for `null`."""

    field: str
    operator: str
    value: str | None
    negated: bool

    def holds(self, entity: Entity) -> bool:
        """Whether an object fits. A field that isn't there fits only `null` and what is negated."""
        return self._fits(_value(entity, self.field)) != self.negated

    def _fits(self, found: Any) -> bool:
        if self.value is None or found is None:
            return self.value is None and found is None
        if self.operator in _COMPARE or (
            self.operator == ":" and isinstance(found, int) and not isinstance(found, bool)
        ):
            number = _number(self.value)
            if number is None or isinstance(found, bool) or not isinstance(found, int | float):
                return False
            return _COMPARE.get(self.operator, _COMPARE["="])(found, number)
        shown = str(found).lower()
        return self.value.lower() in shown if self.operator == "~" else self.value.lower() == shown


@operation("GET /v1/customers/search")
def customers(ctx: Context) -> dict[str, Any]:
    """Search customers."""
    return _search(ctx, "customer")


@operation("GET /v1/charges/search")
def charges(ctx: Context) -> dict[str, Any]:
    """Search charges."""
    return _search(ctx, "charge")


@operation("GET /v1/invoices/search")
def invoices(ctx: Context) -> dict[str, Any]:
    """Search invoices."""
    return _search(ctx, "invoice")


@operation("GET /v1/subscriptions/search")
def subscriptions(ctx: Context) -> dict[str, Any]:
    """Search subscriptions."""
    return _search(ctx, "subscription")


@operation("GET /v1/payment_intents/search")
def payment_intents(ctx: Context) -> dict[str, Any]:
    """Search payment intents."""
    return _search(ctx, "payment_intent")


@operation("GET /v1/prices/search")
def prices(ctx: Context) -> dict[str, Any]:
    """Search prices."""
    return _search(ctx, "price")


@operation("GET /v1/products/search")
def products(ctx: Context) -> dict[str, Any]:
    """Search products."""
    return _search(ctx, "product")


def parse(query: str, resource: str) -> tuple[list[Clause], bool]:
    """The clauses of a query, and whether all must hold (else any). Raises Stripe's refusals."""
    clauses: list[Clause] = []
    joints: set[str] = set()
    place = 0
    while True:
        found = _CLAUSE.match(query, place)
        if found is None:
            raise _refused('We were unable to parse your search query. Try using the format `metadata["key"]:"value"` '
                           'to query for metadata or key:"value" to query for other fields.')  # fmt: skip
        name = found["field"]
        if not name.startswith("metadata[") and name not in FIELDS[resource]:
            raise _refused(f"Field `{name}` is an unsupported search field for resource `{resource}s`.")
        _check(name, FIELDS[resource].get(name, TEXT), found["operator"], _unquoted(found["value"]))
        clauses.append(Clause(name, found["operator"], _unquoted(found["value"]), found["minus"] is not None))
        place = found.end()
        if place >= len(query):
            break
        joint = _JOINT.match(query, place)
        joints.add(joint[1].upper() if joint else "AND")  # a space alone means AND
        place = joint.end() if joint else place
    if len(clauses) > MOST_CLAUSES:
        raise _refused(f"You may not use more than {MOST_CLAUSES} clauses in one query.")
    if len(joints) > 1:
        raise _refused("You may not use both AND and OR in the same query.")
    return clauses, "OR" not in joints


def _search(ctx: Context, resource: str) -> dict[str, Any]:
    clauses, every = parse(ctx.query["query"], resource)
    judge = all if every else any
    found = [entity for entity in ctx.list(resource) if judge(clause.holds(entity) for clause in clauses)]
    limit = ctx.query.get("limit", 10)
    if not 1 <= limit <= 100:
        raise Refusal.of(
            "too_small" if limit < 1 else "too_large", param="limit", value=limit, limit=1 if limit < 1 else 100
        )
    start = _start(found, ctx.query.get("page"))
    page = found[start : start + limit]
    more = len(found) > start + limit
    counted = "total_count" in (ctx.query.get("expand") or ())
    if counted:  # it is there only where it is asked for, and no object to be expanded afterwards
        ctx.query["expand"] = [name for name in ctx.query["expand"] if name != "total_count"]
    return {
        "object": "search_result",
        "data": page,
        "has_more": more,
        "next_page": page[-1].id if more else None,
        **({"total_count": len(found)} if counted else {}),
        "url": f"/v1/{resource}s/search",
    }


def _check(name: str, kind: str, operator: str, value: str | None) -> None:
    if operator == "~":
        if kind != TEXT:
            raise _refused(f"The operator `~` is not supported for the field `{name}`.")
        if len(value or "") < LEAST_PART:
            raise _refused(f"Query values for the operator `~` must have at least {LEAST_PART} characters.")
    if operator in _COMPARE and kind != NUMBER:
        raise _refused(f"The operator `{operator}` is not supported for the field `{name}`.")
    if kind == NUMBER and value is not None and _number(value) is None:
        raise _refused(f"Field `{name}` only takes numbers.")


def _start(found: list[Entity], page: str | None) -> int:
    if page is None:
        return 0
    for place, entity in enumerate(found):
        if entity.id == page:
            return place + 1
    raise Refusal(400, None, "Invalid page token.", param="page")


def _value(entity: Entity, name: str) -> Any:
    if name.startswith("metadata["):
        return (entity["metadata"] or {}).get(name[len("metadata[") + 1 : -2])
    node: Any = entity
    for step in _PLACES.get(name, name).split("."):
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _unquoted(text: str) -> str | None:
    if text[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return None if text.lower() == "null" else text


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _refused(message: str) -> Refusal:
    return Refusal(400, None, message, param="query")
