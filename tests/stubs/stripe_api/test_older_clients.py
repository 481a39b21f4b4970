"""What Stripe's clients of earlier versions send: understood where they say an older version or none, refused where not."""

from urllib.parse import quote

import pytest

from .conftest import Api

OLD, NEW = "2023-10-16", "2026-08-26.dahlia"


def post(api: Api, path: str, version: str = "", **fields: object) -> dict:
    body = "&".join(f"{name}={quote(str(value))}" for name, value in fields.items())
    headers = {"Stripe_Version": version} if version else {}
    return api.call("POST", path, body, **headers).body


@pytest.fixture
def shop(api: Api) -> dict[str, str]:
    product = post(api, "/v1/products", name="Tea", type="service")
    plan = post(api, "/v1/plans", amount=1500, currency="usd", interval="month", product=product["id"])
    price = post(api, "/v1/prices", unit_amount=700, currency="usd", product=product["id"])
    coupon = post(api, "/v1/coupons", percent_off=20, duration="forever")
    customer = post(api, "/v1/customers", source="tok_visa")
    return {"plan": plan["id"], "price": price["id"], "coupon": coupon["id"], "customer": customer["id"], "card": customer["default_source"]}  # fmt: skip


def test_subscriptions_of_plans_with_a_coupon(api: Api, shop: dict[str, str]) -> None:
    """`items[plan]`, `coupon`, `prorate` in Python's spelling of booleans."""
    made = post(api, "/v1/subscriptions", OLD, customer=shop["customer"], coupon=shop["coupon"], prorate="False",
                **{"items[0][plan]": shop["plan"], "items[0][quantity]": 2})  # fmt: skip
    assert (made["status"], len(made["discounts"])) == ("active", 1)
    assert made["items"]["data"][0]["price"]["id"] == shop["plan"]
    invoice = api.call("GET", f"/v1/invoices/{made['latest_invoice']}").body
    assert (invoice["subtotal"], invoice["amount_paid"]) == (3000, 2400)
    wrong = post(
        api, "/v1/subscriptions", OLD, customer=shop["customer"], coupon="none", **{"items[0][plan]": shop["plan"]}
    )
    assert (wrong["error"]["message"], wrong["error"]["param"]) == ("No such coupon: 'none'", "coupon")


def test_a_client_of_today_is_told_that_they_are_gone(api: Api, shop: dict[str, str]) -> None:
    """Removed in 2025-03-31; whoever says that or a later version is refused."""
    for version in ("2025-03-31.basil", NEW):
        wrong = post(api, "/v1/customers", version, coupon=shop["coupon"])
        assert wrong["error"]["message"] == "Received unknown parameter: coupon"
    for version in ("", OLD, "2025-02-24.acacia"):
        assert (
            post(api, "/v1/customers", version, coupon=shop["coupon"])["discount"]["source"]["coupon"] == shop["coupon"]
        )


def test_invoices_before_pricing(api: Api, shop: dict[str, str]) -> None:
    """`price` and `unit_amount` on items; the preview by GET."""
    first = post(api, "/v1/invoiceitems", OLD, customer=shop["customer"], price=shop["price"], quantity=2)
    second = post(api, "/v1/invoiceitems", OLD, customer=shop["customer"], unit_amount=300, currency="usd")
    assert (first["amount"], second["amount"]) == (1400, 300)
    query = f"customer={shop['customer']}&subscription_items[0][plan]={shop['plan']}"
    preview = api.call("GET", f"/v1/invoices/upcoming?{query}", Stripe_Version=OLD)
    assert (preview.status, preview.body["total"]) == (200, 3200)
    assert api.call("GET", "/v1/invoices/upcoming", Stripe_Version=NEW).status == 404


def test_sessions_whose_lines_describe_themselves(api: Api) -> None:
    """As Checkout took them in its first years."""
    line = {"name": "Tea", "amount": 500, "currency": "usd", "quantity": 2, "images][": "https://shop.example/a.png"}
    made = post(api, "/v1/checkout/sessions", OLD, success_url="https://shop.example", mode="payment",
                ui_mode="hosted", **{f"line_items[0][{name}]": value for name, value in line.items()})  # fmt: skip
    assert (made["amount_total"], made["ui_mode"]) == (1000, "hosted_page")


def test_payments_by_source(api: Api, shop: dict[str, str]) -> None:
    """A saved card as the intent's source, kept for later by a flag."""
    made = post(api, "/v1/payment_intents", OLD, amount=700, currency="usd", customer=shop["customer"], source=shop["card"],
                save_payment_method="True", confirm="True", **{"payment_method_types[]": "card"})  # fmt: skip
    assert (made["status"], made["setup_future_usage"]) == ("succeeded", "off_session")


def test_old_and_new_at_once(api: Api, shop: dict[str, str]) -> None:
    """Refused in Stripe's words."""
    wrong = post(api, "/v1/subscriptions", customer=shop["customer"], coupon=shop["coupon"],
                 **{"items[0][plan]": shop["plan"], "discounts[0][coupon]": shop["coupon"]})  # fmt: skip
    assert wrong["error"]["message"] == "You may only specify one of these parameters: coupon, discounts[0][coupon]."
