"""Thousands of calls that nobody thought of: whatever is sent, the answer is Stripe's, and its shape is whole."""

import random
import re
from collections import Counter, defaultdict
from urllib.parse import quote

import pytest

PAYMENTS = re.compile(
    r"/v1/(customers|products|prices|payment_methods|payment_intents|setup_intents|charges|refunds|balance|events|tokens)\b"
)
BILLING = re.compile(
    r"/v1/(customers(/{customer}(/(balance_transactions|discount).*)?)?|products|prices|plans|coupons|promotion_codes|"
    r"tax_rates|shipping_rates|invoiceitems|invoices|invoice_payments|credit_notes|quotes)($|/)"
)
KINDS = {
    "line_item_id": "line_item",
    "shipping_rate_token": "shipping_rate",
    "intent": "payment_intent",
    "source": "card",
    "transaction": "balance_transaction",
}
WORDS = {
    "payment_method": ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_threeDSecure2Required", "pm_card_refundFail"],
    "source": ["tok_visa", "tok_chargeDeclined"],
    "currency": ["usd", "eur", "jpy", "zzz"],
    "number": ["4242424242424242", "4000000000000002", "1"],
    "email": ["jenny@example.com", "nobody"],
    "expand": [["customer"], ["data.customer"], ["latest_charge.balance_transaction"], ["sources"], ["metadata"]],
    "payment_method_types": [["card"]],
    "exp_year": [2030, 2020],
    "exp_month": [5, 13],
}


class Monkey:
    """Makes requests by the schemas of the document, with ids of what is there already."""

    def __init__(self, api, seed):
        self.api = api
        self.document = api.stub.service.api
        self.random = random.Random(seed)
        self.ids = defaultdict(list)

    def act(self, operation):
        path = operation.path
        for name in operation.path_parameters:
            kind = KINDS.get(name, name)
            if name in {"id", "intent"}:
                kind = path.split("/")[2].removesuffix("s")
            there = self.ids[kind][-5:]
            known = there and self.random.random() < 0.95
            path = path.replace("{" + name + "}", self.random.choice(there) if known else "x_missing")
        query = [
            pair
            for parameter in operation.parameters
            if parameter["in"] == "query" and (parameter.get("required") or self.random.random() < 0.1)
            for pair in flat(self.value(parameter["schema"], parameter["name"], 1), parameter["name"])
        ]
        body = []
        if operation.request_schema and operation.method != "GET":
            body = list(flat(self.request(operation), ""))
        reply = self.api.call(operation.method, f"{path}?{encoded(query)}", encoded(body))
        if reply.status == 200:
            self.remember(reply.body)
        return reply

    def request(self, operation):
        if operation.path in {"/v1/payment_intents", "/v1/charges"} and self.random.random() < 0.7:
            customers = self.ids["customer"][-3:] or [None]
            given = {"amount": 700, "currency": "usd", "capture": self.random.random() < 0.5, "source": "tok_visa"}
            if operation.path != "/v1/charges":
                given = {"amount": 700, "currency": "usd", "confirm": self.random.random() < 0.8,
                         "payment_method": self.random.choice(WORDS["payment_method"]), "payment_method_types": ["card"],
                         "capture_method": self.random.choice(["manual", "automatic"])}  # fmt: skip
            customer = self.random.choice(customers)
            return given | ({"customer": customer} if customer and operation.path != "/v1/charges" else {})
        return self.value(operation.request_schema, "", 0)

    def value(self, node, name, depth):
        node = self.document.resolve(node)
        there = self.ids[KINDS.get(name, name)][-5:]
        if there and self.random.random() < 0.5:
            return self.random.choice(there)
        if name in WORDS and self.random.random() < 0.9:
            return self.random.choice(WORDS[name])
        for word in ("anyOf", "oneOf", "enum"):
            if node.get(word):
                chosen = self.random.choice(node[word])
                return chosen if word == "enum" else self.value(chosen, name, depth)
        match node.get("type"):
            case "object":
                chance = 0.1 if depth == 0 else 0.3 if depth < 4 else 0
                known = node.get("properties") or {"k": {"type": "string"}}
                wanted = node.get("required", ())
                return {
                    key: self.value(inner, key, depth + 1)
                    for key, inner in known.items()
                    if key in wanted or self.random.random() < chance
                }
            case "array":
                return [self.value(node.get("items", {}), name, depth + 1)]
            case "integer":
                return self.random.choice([0, 1, 50, 500, 700, 1000, -1, 10**9, "ten"])
            case "boolean":
                return self.random.choice([True, False, "maybe"])
            case _:
                return self.random.choice(["x", "", "automatic", "null", "é" * 30, "9" * 600])

    def remember(self, node):
        if isinstance(node, dict):
            if isinstance(node.get("id"), str) and "object" in node:
                self.ids[node["object"]].append(node["id"])
            for value in node.values():
                self.remember(value)
        elif isinstance(node, list):
            for value in node:
                self.remember(value)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("part", [PAYMENTS, BILLING], ids=["payments", "billing"])
def test_random_calls_are_answered_in_the_shapes_of_stripe(api, part, seed):
    monkey = Monkey(api, seed)
    operations = [one for one in monkey.document.operations() if part.match(one.path)]
    operations += [one for one in operations if one.method == "POST" and "{" not in one.path] * 2
    seen = Counter()
    for _ in range(600):
        operation = monkey.random.choice(operations)
        if operation.method == "DELETE" and monkey.random.random() < 0.8:
            continue
        reply = monkey.act(operation)
        assert reply.status in {200, 400, 402, 404, 409}, (operation.name, reply.raw)
        if reply.status != 200:
            error = reply.body["error"]
            assert error["type"] in {"invalid_request_error", "card_error"}
            assert error["message"]
        seen[reply.status] += 1
    assert seen[200] > 80


def flat(value, prefix):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}[{key}]" if prefix else key)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from flat(inner, f"{prefix}[{at}]")
    else:
        yield prefix, {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


def encoded(pairs):
    return "&".join(f"{quote(key)}={quote(str(value))}" for key, value in pairs)
