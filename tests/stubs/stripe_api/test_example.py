"""The shop of examples/checkout_agent.py, as it is, against the stub."""

import importlib.util
from pathlib import Path

import stripe

EXAMPLE = Path(__file__).parents[3] / "examples" / "checkout_agent.py"


def test_the_example_sells_and_the_report_says_so(api, stub, transport, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("checkout_agent", EXAMPLE)
    shop = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shop)
    monkeypatch.setattr(stripe, "api_key", "sk_test_checkout_example_key")
    monkeypatch.setattr(stripe, "default_http_client", transport)
    shop.sell()
    told = capsys.readouterr().out
    assert "the same payment" in told
    assert "card_declined" in told
    assert stub.outcomes(api.effects) == "would have charged $420.00 to 1 customer, refunded $20.00 · 1 decline"
