"""What Stripe needs and offers in each country that accounts can be in (docs.stripe.com/connect/required-verification-information)."""

from typing import Any

from childproof.stubkit import Context, operation

from .bank_accounts import currency_of
from .fields import page
from .money import CURRENCIES

COUNTRIES = (
    "AE", "AT", "AU", "BE", "BG", "BR", "CA", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI", "GR", "HK", "HR",
    "HU", "IE", "IN", "IT", "JP", "LI", "LT", "LU", "LV", "MT", "MX", "MY", "NL", "NO", "NZ", "PL", "PT", "RO", "SE", "SG",
    "SI", "SK", "TH", "US",
)  # fmt: skip
_PERSON = ["business_profile.mcc", "business_profile.url", "business_type", "external_account", "individual.address.city",
           "individual.address.line1", "individual.address.postal_code", "individual.dob.day", "individual.dob.month",
           "individual.dob.year", "individual.email", "individual.first_name", "individual.last_name", "individual.phone",
           "tos_acceptance.date", "tos_acceptance.ip"]  # fmt: skip
_COMPANY = ["business_profile.mcc", "business_profile.url", "business_type", "company.address.city", "company.address.line1",
            "company.address.postal_code", "company.name", "company.phone", "company.tax_id", "external_account",
            "relationship.owner", "relationship.representative", "tos_acceptance.date", "tos_acceptance.ip"]  # fmt: skip


@operation("GET /v1/country_specs")
def list_specs(ctx: Context) -> dict[str, Any]:
    """All countries, in the order of their codes."""
    return page(ctx, [_spec(country) for country in COUNTRIES])


@operation("GET /v1/country_specs/{country}")
def retrieve(ctx: Context, country: str) -> dict[str, Any]:
    """One country."""
    if country.upper() not in COUNTRIES:
        raise ctx.not_found("country_spec", country)
    return _spec(country.upper())


def _spec(country: str) -> dict[str, Any]:
    own = currency_of(country)
    extra = {"US": ["individual.ssn_last_4"]}.get(country, [])
    fields = (
        {"additional": [], "minimum": _COMPANY},
        {"additional": ["individual.id_number"], "minimum": _PERSON + extra},
    )
    return {
        "id": country,
        "object": "country_spec",
        "default_currency": own,
        "supported_bank_account_currencies": {own: [country]},
        "supported_payment_currencies": [own, *(code for code in CURRENCIES if code != own)],
        "supported_payment_methods": ["ach", "card", "stripe"] if country == "US" else ["card", "stripe"],
        "supported_transfer_countries": list(COUNTRIES),
        "verification_fields": {"company": fields[0], "individual": fields[1]},
    }
