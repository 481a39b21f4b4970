"""Who or what an invented entity is about: one person, one place, one name, one time, for all of its fields.

So a full name is made of the first and the last one, the e-mail address of both, and city, state and postal code belong
together. People are the world's own where it has some, made up otherwise (`people.person`).
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from .people import People, Person, person

# Latitude, longitude and time zone of the cities that people live in (`people`).
PLACES = {
    "New York": (40.7128, -74.006, "America/New_York"), "Los Angeles": (34.0522, -118.2437, "America/Los_Angeles"),
    "Chicago": (41.8781, -87.6298, "America/Chicago"), "Houston": (29.7604, -95.3698, "America/Chicago"),
    "Phoenix": (33.4484, -112.074, "America/Phoenix"), "Philadelphia": (39.9526, -75.1652, "America/New_York"),
    "San Diego": (32.7157, -117.1611, "America/Los_Angeles"), "Austin": (30.2672, -97.7431, "America/Chicago"),
    "Columbus": (39.9612, -82.9988, "America/New_York"), "Seattle": (47.6062, -122.3321, "America/Los_Angeles"),
    "Denver": (39.7392, -104.9903, "America/Denver"), "Boston": (42.3601, -71.0589, "America/New_York"),
    "Portland": (45.5152, -122.6784, "America/Los_Angeles"), "Atlanta": (33.749, -84.388, "America/New_York"),
    "Miami": (25.7617, -80.1918, "America/New_York"), "Minneapolis": (44.9778, -93.265, "America/Chicago"),
    "London": (51.5074, -0.1278, "Europe/London"), "Leeds": (53.8008, -1.5491, "Europe/London"),
    "Sheffield": (53.3811, -1.4701, "Europe/London"), "Birmingham": (52.4862, -1.8904, "Europe/London"),
    "Edinburgh": (55.9533, -3.1883, "Europe/London"), "Glasgow": (55.8642, -4.2518, "Europe/London"),
    "Liverpool": (53.4084, -2.9916, "Europe/London"), "Manchester": (53.4808, -2.2426, "Europe/London"),
    "Berlin": (52.52, 13.405, "Europe/Berlin"), "Hamburg": (53.5511, 9.9937, "Europe/Berlin"),
    "Frankfurt am Main": (50.1109, 8.6821, "Europe/Berlin"), "Köln": (50.9375, 6.9603, "Europe/Berlin"),
    "München": (48.1351, 11.582, "Europe/Berlin"), "Paris": (48.8566, 2.3522, "Europe/Paris"),
    "Rennes": (48.1173, -1.6778, "Europe/Paris"), "Strasbourg": (48.5734, 7.7521, "Europe/Paris"),
    "Lyon": (45.764, 4.8357, "Europe/Paris"), "Toulouse": (43.6047, 1.4442, "Europe/Paris"),
}  # fmt: skip
_COUNTRIES = {"US": "United States", "GB": "United Kingdom", "DE": "Germany", "FR": "France"}
_LANGUAGES = {"US": "en-US", "GB": "en-GB", "DE": "de-DE", "FR": "fr-FR"}
_CURRENCIES = {"US": "usd", "GB": "gbp", "DE": "eur", "FR": "eur"}
_LOOKS = (
    "Brushed",
    "Classic",
    "Compact",
    "Folding",
    "Heavy",
    "Linen",
    "Modular",
    "Portable",
    "Quiet",
    "Round",
    "Slim",
    "Sturdy",
)
_THINGS = (
    "Backpack",
    "Bench",
    "Bottle",
    "Desk",
    "Jacket",
    "Kettle",
    "Keyboard",
    "Lamp",
    "Mug",
    "Notebook",
    "Shelf",
    "Tripod",
)
_TRADES = (
    "Analytics",
    "Bakery",
    "Books",
    "Design",
    "Foods",
    "Freight",
    "Labs",
    "Logistics",
    "Media",
    "Partners",
    "Robotics",
    "Tools",
)

PERSON = re.compile(
    r"user|customer|person|people|contact|member|owner|author|employee|holder|recipient|sender|patient|student|lead$"
    r"|individual|billing|shipping|creator|assignee|reporter|buyer|seller|guest|profile|actor|reviewer|subscriber|client"
)
COMPANY = re.compile(r"compan|organi[sz]ation|merchant|business|vendor|supplier|employer|^team|brand|institution|bank")


@dataclass(slots=True)
class Persona:
    """What the fields of one entity share. Each part is drawn when it is first asked for."""

    rng: random.Random
    crowd: People | None = None
    _person: Person | None = None
    _thing: str = ""
    _company: str = ""

    @property
    def person(self) -> Person:
        """Whom the entity is about."""
        if self._person is None:
            known = len(self.crowd) if self.crowd is not None else 0
            found = self.crowd.numbered(self.rng.randint(1, known)) if known and self.crowd is not None else None
            self._person = found or person(self.rng.getrandbits(48), self.rng.randint(1, 99))
        return self._person

    @property
    def thing(self) -> str:
        """A product's name."""
        if not self._thing:
            self._thing = f"{self.rng.choice(_LOOKS)} {self.rng.choice(_THINGS)}"
        return self._thing

    @property
    def company(self) -> str:
        """A company's name."""
        if not self._company:
            self._company = f"{self.person.last_name} {self.rng.choice(_TRADES)}"
        return self._company

    @property
    def domain(self) -> str:
        """A domain that RFC 2606 reserves, named for the company."""
        return (
            f"{re.sub(r'[^a-z0-9]+', '-', self.company.lower().encode('ascii', 'ignore').decode()).strip('-')}.example"
        )

    def spoken(self, name: str, about: str) -> str | None:
        """The text for a property by its name in an entity that is `about` something; None for names of nothing here."""
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_").strip("_")
        for pattern, speak in _SPOKEN:
            if pattern.search(plain):
                return speak(self, about)
        return None


def _name(who: Persona, about: str) -> str:
    if COMPANY.search(about):
        return who.company
    return who.person.name if PERSON.search(about) else who.thing


_Speak = Callable[[Persona, str], str]
_SPOKEN: tuple[tuple[re.Pattern[str], _Speak], ...] = tuple(
    (re.compile(pattern), speak)
    for pattern, speak in (
        (r"(^|_)e?_?mail(_address)?$|email$", lambda who, _: who.person.email),
        (r"^(first|given|fore)_?name$|_first_?name$|_given_name$", lambda who, _: who.person.first_name),
        (r"^(last|family|sur)_?name$|_last_?name$|_family_name$", lambda who, _: who.person.last_name),
        ((r"^(full|display|real|legal|holder|owner|customer|contact|person|account_?holder|cardholder)_?name$"
         r"|(holder|owner|customer|contact|author|recipient|sender|user|member|individual)_name$"), lambda who, _: who.person.name),
        (r"^(user_?name|login|nick(_?name)?|screen_name|handle)$|_(username|login)$", lambda who, _: who.person.login),
        (r"phone|mobile|^fax|telephone|msisdn", lambda who, _: who.person.phone),
        (r"(^|_)(line_?1|address_?1|street(_address|_line_?1|_1)?|address(_line_?1)?)$", lambda who, _: who.person.address.line1),
        (r"(^|_)(line_?2|address_?2|address_line_?2|suite|unit_number)$", lambda who, _: f"Apt {who.rng.randint(1, 99)}"),
        (r"(^|_)(city|town|locality)$", lambda who, _: who.person.address.city),
        (r"(^|_)(state|province|region)(_code)?$|^administrative_area", lambda who, _: who.person.address.state),
        (r"(^|_)(post(al)?_?code|zip(_?code)?|postcode|postal)$", lambda who, _: who.person.address.postal_code),
        (r"country_name$", lambda who, _: _COUNTRIES[who.person.address.country]),
        (r"(^|_)country(_?code)?$|nationality", lambda who, _: who.person.address.country),
        (r"currency(_code)?$", lambda who, _: _CURRENCIES[who.person.address.country]),
        (r"(^|_)locale$", lambda who, _: _LANGUAGES[who.person.address.country]),
        (r"(^|_)(lang|language)(_code)?$", lambda who, _: _LANGUAGES[who.person.address.country][:2]),
        (r"time_?zone|(^|_)tz$", lambda who, _: PLACES.get(who.person.address.city, (0, 0, "UTC"))[2]),
        (r"^(company|organi[sz]ation|business|merchant|vendor|employer|brand)(_?name)?$|_(company|organi[sz]ation)(_name)?$",
         lambda who, _: who.company),
        (r"(^|_)(product|item|plan|model)_?name$", lambda who, _: who.thing),
        (r"^name$|^title$|^label$", _name),
        (r"^slug$|_slug$|^key_name$", lambda who, about: re.sub(r"[^a-z0-9]+", "-", _name(who, about).lower()).strip("-")),
        (r"^(host|hostname|domain|fqdn)(_?name)?$|_(host|domain)$", lambda who, _: who.domain),
    )
)  # fmt: skip
