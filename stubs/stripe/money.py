"""Currencies, limits and fees. Amounts are integers in the currency's smallest unit, always."""

import re
from decimal import Decimal

from childproof.stubkit import Refusal

_DECIMAL = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?")

# docs.stripe.com/currencies: currencies of this list have no minor unit at Stripe
_ZERO_DECIMAL = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
ZERO_DECIMAL = frozenset(_ZERO_DECIMAL.split())
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))

# docs.stripe.com/currencies#presentment-currencies, in the order in which the API names them
_CURRENCIES = (
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf "
    "clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr "
    "ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr "
    "mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd "
    "shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw "
    "usdc btn ghs eek lvl svc vef ltl sll mro"
)
CURRENCIES = tuple(_CURRENCIES.split())

# The smallest amount of a currency, and how the message shows it (docs.stripe.com/currencies, minimum amounts)
MINIMUMS = {
    "usd": (50, "$0.50"), "aed": (200, "2.00 د.إ"), "aud": (50, "$0.50"), "bgn": (100, "лв1.00"),
    "brl": (50, "R$0.50"), "cad": (50, "$0.50"), "chf": (50, "0.50 Fr"), "czk": (1500, "15.00Kč"),
    "dkk": (250, "2.50 kr."), "eur": (50, "€0.50"), "gbp": (30, "£0.30"), "hkd": (400, "$4.00"),
    "huf": (17500, "175.00 Ft"), "inr": (50, "₹0.50"), "jpy": (50, "¥50"), "mxn": (1000, "$10.00"),
    "myr": (200, "RM 2"), "nok": (300, "3.00 kr."), "nzd": (50, "$0.50"), "pln": (200, "2.00 zł"),
    "ron": (200, "lei2.00"), "sek": (300, "3.00 kr."), "sgd": (50, "$0.50"), "thb": (1000, "฿10"),
}  # fmt: skip

MAXIMUM = 99_999_999
_SYMBOLS = {"usd": "$", "aud": "$", "cad": "$", "nzd": "$", "sgd": "$", "hkd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def decimals(currency: str) -> int:
    """How many digits of an amount are behind the decimal point."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def shown(amount: int, currency: str) -> str:
    """An amount as Stripe's messages write it: `$10.00`, `¥500`, `12.00 sek`."""
    places = decimals(currency)
    whole, rest = divmod(amount, 10**places)
    digits = f"{whole:,}" + (f".{rest:0{places}}" if places else "")
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{digits}" if symbol else f"{digits} {currency}"


def checked_currency(code: str, param: str = "currency") -> str:
    """The currency in lower case, or Stripe's refusal that lists all it supports."""
    currency = code.lower()
    if currency not in CURRENCIES:
        listed = ", ".join(CURRENCIES)
        raise Refusal(400, None, f"Invalid currency: {code}. Stripe currently supports these currencies: {listed}",
                      param=param)  # fmt: skip
    return currency


def checked_decimal(text: str, param: str) -> Decimal:
    """A decimal amount of a request, of at most twelve places; Stripe's refusal for what is none, or negative."""
    if _DECIMAL.fullmatch(text) is None:
        raise Refusal(400, None, f"Invalid decimal: {text}", param=param)
    return Decimal(text)


def check_amount(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse what can't be charged: less than one unit, below the currency's minimum, above eight digits."""
    if amount < 1:
        raise Refusal(400, "parameter_invalid_integer", "This value must be greater than or equal to 1.", param=param)
    if amount > MAXIMUM:
        most = shown(MAXIMUM, currency)
        raise Refusal(400, "amount_too_large", f"Amount must be no more than {most}", param=param)
    minimum = MINIMUMS.get(currency)
    if minimum is not None and amount < minimum[0]:
        raise Refusal(400, "amount_too_small", f"Amount must be at least {minimum[1]} {currency}", param=param)


# Ways to pay whose fee isn't that of cards: per mille, fixed, at most (stripe.com/pricing/local-payment-methods, US)
_FEES = {"us_bank_account": (8, 0, 500), "ach_debit": (8, 0, 500), "acss_debit": (10, 40, 500),
         "sepa_debit": (8, 30, 600), "bacs_debit": (10, 20, 200), "au_becs_debit": (10, 30, 350),
         "customer_balance": (5, 0, 500), "ach_credit_transfer": (0, 100, 100), "ideal": (0, 80, 80),
         "bancontact": (14, 30, None), "eps": (16, 30, None), "p24": (22, 30, None), "giropay": (14, 30, None),
         "klarna": (60, 30, None), "afterpay_clearpay": (60, 30, None), "affirm": (60, 30, None)}  # fmt: skip


def fee(amount: int, country: str | None, kind: str = "card") -> int:
    """Stripe's fee for a payment to a US account: for cards 2.9 % + 30, and 1.5 % more for one from abroad."""
    per_mille, fixed, most = _FEES.get(kind, (29 if country in {None, "US"} else 44, 30, None))
    cost = (amount * per_mille + 500) // 1000 + fixed
    return cost if most is None else min(cost, most)
