"""Money for people: integers in minor units, each currency's decimals respected (ISO 4217)."""

# ISO 4217:2015 and its amendments: currencies whose minor unit isn't a hundredth.
_DECIMALS = dict.fromkeys(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ],
    0,
)
_DECIMALS |= dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3) | {"CLF": 4, "UYW": 4}
_DECIMALS["MGA"] = 0  # its minor unit is a fifth; payment services count it in whole ariary
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "BRL": "R$"}


def decimals(currency: str) -> int:
    """How many decimals a currency's minor unit stands for: 2 for USD, 0 for JPY, 3 for KWD."""
    return _DECIMALS.get(currency.upper(), 2)


def money(amount: int, currency: str) -> str:
    """`$420.00`, `¥500`, `1,234.500 KWD`: an amount in minor units as people write it."""
    places = decimals(currency)
    whole, part = divmod(abs(amount), 10**places)
    figures = f"{whole:,}" + (f".{part:0{places}d}" if places else "")
    minus = "-" if amount < 0 else ""
    sign = _SIGNS.get(currency.upper())
    return f"{minus}{sign}{figures}" if sign else f"{minus}{figures} {currency.upper()}".rstrip()
