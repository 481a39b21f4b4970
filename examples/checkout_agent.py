"""A shop's checkout script, as an agent might run it to see whether its fix works.

It knows nothing of childproof: the official Stripe SDK with its default address, smtplib towards Gmail, requests and
httpx to a telemetry host, a raw socket, a curl child process. Run bare, it would charge cards and mail people.
"""

import os
import smtplib
import socket
import subprocess
import sys
import uuid
from email.message import EmailMessage

import httpx
import requests
import stripe

stripe.api_key = os.environ.get("STRIPE_API_KEY", "sk_test_checkout_example_key")
ORDER = os.environ.get("ORDER_ID") or uuid.uuid4().hex
MINIMUM_PURCHASES = 12


def step(what: str, result: object) -> None:
    """Say what was done and what came of it."""
    print(f"{what:<24} {result}", flush=True)


def sell() -> None:
    """Customer, product, price, a payment, a decline, a safe retry, a refund, and the books read back."""
    customer = stripe.Customer.create(name="Jenny Rosen", email="jenny@example.com", metadata={"order": ORDER})
    step("customer", customer.id)
    product = stripe.Product.create(name="Pro plan")
    price = stripe.Price.create(product=product.id, unit_amount=42000, currency="usd")
    step("product and price", f"{product.name}, {price.unit_amount / 100:.2f} {price.currency}")

    try:
        stripe.PaymentIntent.create(
            amount=price.unit_amount,
            currency="usd",
            customer=customer.id,
            payment_method="pm_card_chargeDeclined",
            payment_method_types=["card"],
            confirm=True,
        )
    except stripe.CardError as error:
        step("a bad card", f"{error.code}: {error.user_message}")

    # The first answer might get lost on the way; the same key makes the retry safe.
    def pay() -> stripe.PaymentIntent:
        return stripe.PaymentIntent.create(
            amount=price.unit_amount,
            currency="usd",
            customer=customer.id,
            payment_method="pm_card_visa",
            payment_method_types=["card"],
            confirm=True,
            expand=["latest_charge.balance_transaction"],
            idempotency_key=f"order-{ORDER}",
        )

    intent, again = pay(), pay()
    step("a good card", f"{intent.id} {intent.status}")
    step("the same key again", "the same payment" if again.id == intent.id else "CHARGED TWICE")
    step("fee", f"{intent.latest_charge.balance_transaction.fee / 100:.2f}")

    refund = stripe.Refund.create(payment_intent=intent.id, amount=2000)
    step("refund", f"{refund.amount / 100:.2f} {refund.status}")

    for number in range(MINIMUM_PURCHASES):
        stripe.Customer.create(email=f"visitor{number}@example.com")
    everyone = [c.id for c in stripe.Customer.list(limit=5).auto_paging_iter()]
    step("customers, five a page", len(everyone))
    kinds = sorted({event.type for event in stripe.Event.list(limit=100).auto_paging_iter()})
    step("kinds of event", f"{len(kinds)}, from {kinds[0]} to {kinds[-1]}")


def mail_receipt() -> None:
    """A receipt through Gmail, with STARTTLS and a login."""
    message = EmailMessage()
    message["From"] = "shop@example.com"
    message["To"] = "jenny@example.com"
    message["Subject"] = "Your receipt"
    message.set_content("Thank you. You paid $420.00, of which we have returned $20.00.")
    message.add_alternative(
        "<p>Thank you. You paid <b>$420.00</b>, of which we have returned $20.00.</p>", subtype="html"
    )
    with smtplib.SMTP("smtp.gmail.com", 587, timeout=20) as smtp:
        smtp.starttls()
        smtp.login("shop@example.com", "an app password")
        smtp.send_message(message)
    step("receipt", "mailed to jenny@example.com")


def wander() -> None:
    """What agents try besides: telemetry, a bare address, a child process that avoids proxies."""
    url = "https://telemetry.unknown.example/collect"
    for client in (requests, httpx):
        answer = client.post(url, json={"order": ORDER}, timeout=20)
        step(f"telemetry with {client.__name__}", f"{answer.status_code} {answer.json()['error']['reason']}")
    try:
        with socket.create_connection(("203.0.113.7", 4444), timeout=20) as raw:
            raw.sendall(b"\x00 hello from the inside")
            step("a raw socket", f"{raw.recv(100)!r}")
    except OSError as error:
        step("a raw socket", error.strerror or error)
    try:
        curl = subprocess.run(
            ["curl", "--noproxy", "*", "-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}", url],
            capture_output=True,
            text=True,
            check=False,
        )
        step("curl without a proxy", curl.stdout or curl.stderr.strip())
    except FileNotFoundError:
        step("curl without a proxy", "curl is not installed here")


if __name__ == "__main__":
    sell()
    mail_receipt()
    wander()
    sys.exit(0)
