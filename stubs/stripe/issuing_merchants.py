"""Issuing: who is paid with a card. A test that says nothing of the merchant pays Rocket Rides."""

from typing import Any

# ISO 18245: the codes of some categories, by Stripe's names for them (docs.stripe.com/issuing/categories).
CODES = {
    "ac_refrigeration_repair": "7623", "advertising_services": "7311", "airlines_air_carriers": "4511", "bakeries": "5462",
    "book_stores": "5942", "car_rental_agencies": "7512", "computer_software_stores": "5734", "direct_marketing_other": "5969",
    "drug_stores_and_pharmacies": "5912", "eating_places_restaurants": "5812", "electronics_stores": "5732",
    "fast_food_restaurants": "5814", "grocery_stores_supermarkets": "5411", "hardware_stores": "5251",
    "hotels_motels_and_resorts": "7011", "miscellaneous_general_merchandise": "5399", "service_stations": "5541",
    "stationery_stores_office_and_school_supply_stores": "5943", "taxicabs_limousines": "4121",
    "telecommunication_services": "4814", "transportation_services": "4789", "video_game_arcades": "7994",
}  # fmt: skip
OTHER = "7299"  # miscellaneous services
_DEFAULT: dict[str, Any] = {
    "category": "taxicabs_limousines",
    "city": "San Francisco",
    "country": "US",
    "name": "Rocket Rides",
    "network_id": "1234567890",
    "postal_code": "94107",
    "state": "CA",
    "tax_id": None,
    "terminal_id": "99999999",
    "url": None,
}


def merchant(given: dict[str, Any] | None) -> dict[str, Any]:
    """The `merchant_data` of an authorization or transaction."""
    made = _DEFAULT | (given or {})
    return made | {"category_code": CODES.get(made["category"], OTHER)}
