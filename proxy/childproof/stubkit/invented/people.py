"""The people of a world: made from its seed and their number alone, and the same for every service.

A person's parts belong together: the e-mail address and the login are made from the name, the area code, the postal code
and the city are of one place. Addresses are at domains that RFC 2606 reserves, and phone numbers of ranges that
are kept for fiction, so nobody is real.
"""

import importlib
import random
import re
import unicodedata
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from childproof.model import replace
from childproof.world.transaction import Transaction

if TYPE_CHECKING:
    from childproof.stubkit.context.context import Context

PEOPLE = "_people"
KIND = "person"
Locale = Literal["en_US", "en_GB", "de_DE", "fr_FR"]
_REMEMBERED = 20_000  # people of a crowd: each is asked for by several services
_DOMAINS = ("example.com", "example.org", "example.net")
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "œ": "oe"})


class Address(msgspec.Struct, frozen=True):
    """Where somebody lives. `state` is "" in countries whose addresses have none; `country` is ISO 3166's two letters."""

    line1: str
    city: str
    state: str
    postal_code: str
    country: str


class Person(msgspec.Struct, frozen=True):
    """Somebody whom all services of a world know. `number` counts from 1; `phone` is in E.164."""

    number: int
    name: str
    first_name: str
    last_name: str
    email: str
    phone: str
    login: str
    address: Address


class _Place(msgspec.Struct, frozen=True):
    """A city with what its addresses and numbers begin with. `#` is any digit."""

    city: str
    state: str
    postal: str
    phone: str


# US: 555-0100 to 555-0199 of every area code. GB: Ofcom's numbers for drama. DE: those of the Bundesnetzagentur.
# FR: those of Arcep. All are reserved for fiction.
_PLACES: Mapping[str, tuple[_Place, ...]] = {
    "en_US": (
        _Place("New York", "NY", "100##", "+121255501##"), _Place("Los Angeles", "CA", "900##", "+121355501##"),
        _Place("Chicago", "IL", "606##", "+131255501##"), _Place("Houston", "TX", "770##", "+171355501##"),
        _Place("Phoenix", "AZ", "850##", "+160255501##"), _Place("Philadelphia", "PA", "191##", "+121555501##"),
        _Place("San Diego", "CA", "921##", "+161955501##"), _Place("Austin", "TX", "787##", "+151255501##"),
        _Place("Columbus", "OH", "432##", "+161455501##"), _Place("Seattle", "WA", "981##", "+120655501##"),
        _Place("Denver", "CO", "802##", "+130355501##"), _Place("Boston", "MA", "021##", "+161755501##"),
        _Place("Portland", "OR", "972##", "+150355501##"), _Place("Atlanta", "GA", "303##", "+140455501##"),
        _Place("Miami", "FL", "331##", "+130555501##"), _Place("Minneapolis", "MN", "554##", "+161255501##"),
    ),
    "en_GB": (
        _Place("London", "", "SW1A #AA", "+4420794600##"), _Place("Leeds", "", "LS1 #AB", "+4411349600##"),
        _Place("Sheffield", "", "S1 #AD", "+4411449600##"), _Place("Birmingham", "", "B1 #AE", "+4412149600##"),
        _Place("Edinburgh", "", "EH1 #AF", "+4413149600##"), _Place("Glasgow", "", "G1 #AH", "+4414149600##"),
        _Place("Liverpool", "", "L1 #AJ", "+4415149600##"), _Place("Manchester", "", "M1 #AL", "+4416149600##"),
    ),
    "de_DE": (
        _Place("Berlin", "", "101##", "+493023125###"), _Place("Hamburg", "", "200##", "+494066969###"),
        _Place("Frankfurt am Main", "", "603##", "+496990009###"), _Place("Köln", "", "506##", "+492214710###"),
        _Place("München", "", "803##", "+498999998###"),
    ),
    "fr_FR": (
        _Place("Paris", "", "750##", "+3319900####"), _Place("Rennes", "", "350##", "+3326191####"),
        _Place("Strasbourg", "", "670##", "+3335301####"), _Place("Lyon", "", "690##", "+3346571####"),
        _Place("Toulouse", "", "310##", "+3353649####"),
    ),
}  # fmt: skip
_STREETS = {
    "en_US": ("{number} {name} Street", "{number} {name} Avenue", "{number} {name} Road", "{number} {name} Lane"),
    "en_GB": ("{number} {name} Road", "{number} {name} Street", "{number} {name} Close", "{number} {name} Lane"),
    "de_DE": ("{name}straße {number}", "{name}weg {number}", "{name}allee {number}", "{name}platz {number}"),
    "fr_FR": ("{number} rue {name}", "{number} avenue {name}", "{number} chemin {name}"),
}
LOCALES = tuple(_PLACES)


@dataclass(frozen=True, slots=True)
class Crowd(Sequence[Person]):
    """Any number of people, each made when asked for. `given` are the first ones, with the fields that were written."""

    seed: int = 0
    size: int = 0
    locale: str = "en_US"
    given: tuple[Mapping[str, Any], ...] = ()
    _known: dict[int, Person] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self.size))]
        if not -self.size <= place < self.size:
            raise IndexError(f"there are {self.size} people")
        place %= self.size
        made = self._known.get(place)
        if made is None:
            given = self.given[place] if place < len(self.given) else None
            made = person(self.seed, place + 1, self.locale, given)
            if len(self._known) < _REMEMBERED:
                self._known[place] = made
        return made


def person(seed: int, number: int, locale: str = "en_US", given: Mapping[str, Any] | None = None) -> Person:
    """The person with a number (from 1): the same for the same arguments. What `given` leaves open is made up."""
    given = given or {}
    rng = _generator(seed, number)
    first, last, street = _words(rng, locale)
    place = rng.choice(_PLACES[locale])
    name = str(given.get("name", "")) or " ".join(
        filter(None, (given.get("first_name", first), given.get("last_name", last)))
    )
    if "name" in given:
        first, _, last = name.rpartition(" ")
        first, last = (first, last) if first else (last, "")
    first, last = given.get("first_name", first), given.get("last_name", last)
    address = Address(street, place.city, place.state, _digits(rng, place.postal), locale[3:])
    phone = _digits(rng, place.phone)
    domain = rng.choice(_DOMAINS)
    plain = [part for part in (_plain(first), _plain(last)) if part] or ["somebody"]
    made = Person(
        number,
        name,
        first,
        last,
        f"{'.'.join(plain)}{number}@{domain}",
        phone,
        f"{plain[0][0] if len(plain) > 1 else ''}{plain[-1]}{number}",
        address,
    )
    told = {key: given[key] for key in ("email", "phone", "login") if key in given}
    if "address" in given:
        told["address"] = replace(address, **given["address"])
    return replace(made, **told) if told else made


class People:
    """The people whom a world was made with, as a stub meets them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def __len__(self) -> int:
        return self._tx.count(PEOPLE, KIND)

    def __iter__(self) -> Iterator[Person]:
        return (_read(value) for value in self._tx.list(PEOPLE, KIND, newest_first=False))

    def numbered(self, number: int) -> Person | None:
        """The person with a number; None where there are fewer."""
        value = self._tx.get(PEOPLE, KIND, str(number))
        return None if value is None else _read(value)

    def with_email(self, email: str) -> Person | None:
        """Whose address this is, as it is written; None where it is nobody's."""
        found = self._tx.list(PEOPLE, KIND, where={"email": email}, limit=1)
        return _read(found[0]) if found else None

    def first(self, number: int) -> tuple[Person, ...]:
        """The first people of the world: those whom every service knows from the start, the token's owner first.

        A world that was made with fewer people, or with none, has them all the same, as its seed makes them up. So each
        service that asks meets the same ones.
        """
        known = (self.numbered(place) for place in range(1, number + 1))
        return tuple(found or person(self._tx.seed, place) for place, found in enumerate(known, start=1))


def people(ctx: "Context") -> People:
    """The people of the context's world: the same for every service."""
    return People(ctx._tx)  # noqa: SLF001 - one unit with the context


def store(tx: Transaction, person: Person) -> None:
    """Make a person known to all services of a world."""
    tx.put(PEOPLE, KIND, str(person.number), msgspec.to_builtins(person))


def _read(value: Mapping[str, Any]) -> Person:
    return msgspec.convert(value, Person)


def _generator(seed: int, number: int) -> random.Random:
    digest = blake2b(f"{seed}\x1fperson\x1f{number}".encode(), digest_size=16).digest()
    return random.Random(int.from_bytes(digest))  # noqa: S311 - repeatable, not secret


def _digits(rng: random.Random, pattern: str) -> str:
    return "".join(rng.choice("0123456789") if letter == "#" else letter for letter in pattern)


def _plain(text: str) -> str:
    """A name as mail addresses and logins write it: plain letters and digits."""
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "", text)


def _words(rng: random.Random, locale: str) -> tuple[str, str, str]:
    """A first name, a last name, and a street with a house number."""
    first, last, streets = _names(locale)
    street = streets[rng.randrange(len(streets))]
    named = street.replace("{name}", last.draw(rng)).replace("{number}", str(rng.randint(1, 1 + rng.randint(9, 999))))
    return first.draw(rng), last.draw(rng), named


class _Names:
    """Names, some likelier than others."""

    def __init__(self, names: Any) -> None:
        weights = list(names.values()) if isinstance(names, Mapping) else [1.0] * len(names)
        self._names = list(names)
        self._until = list(accumulate(weights))

    def draw(self, rng: random.Random) -> str:
        return str(self._names[bisect(self._until, rng.random() * self._until[-1])])


@cache
def _names(locale: str) -> tuple[_Names, _Names, tuple[str, ...]]:
    """Faker's names of a locale, as tables: to ask its generator takes ten times as long."""
    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    return _Names(provider.first_names), _Names(provider.last_names), _STREETS[locale]
