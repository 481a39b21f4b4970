"""People follow from the seed and their number alone; their parts belong together and nobody of them is real."""

import re

import pytest

from childproof.model import Call, Protocol
from childproof.stubkit import Context, Person, people
from childproof.stubkit.invented.people import LOCALES, Crowd, person
from childproof.stubkit.invented.people import store as keep
from childproof.stubkit.stub import Stub
from childproof.world import Store

DOMAINS = ("example.com", "example.org", "example.net")  # RFC 2606


@pytest.mark.parametrize("locale", LOCALES)
def test_the_same_seed_and_number_are_the_same_person(locale: str) -> None:
    """Whoever is asked for before or after: a pure function."""
    alone = person(7, 30, locale)
    assert Crowd(7, 40, locale)[29] == alone
    assert list(Crowd(7, 40, locale))[29] == alone
    assert person(8, 30, locale) != alone


@pytest.mark.parametrize("locale", LOCALES)
def test_addresses_and_logins_are_unique_and_made_from_the_name(locale: str) -> None:
    """Two people of one name have two mailboxes."""
    crowd = list(Crowd(7, 3000, locale))
    assert len({one.email for one in crowd}) == len({one.login for one in crowd}) == 3000
    for one in crowd:
        local, _, domain = one.email.partition("@")
        assert domain in DOMAINS
        assert local.endswith(str(one.number))
        assert re.fullmatch(r"[a-z0-9.]+", local)


@pytest.mark.parametrize(
    ("locale", "pattern"),
    [
        ("en_US", r"\+1\d{3}55501\d\d"),
        ("en_GB", r"\+44\d{9,10}"),
        ("de_DE", r"\+49(3023125|4066969|6990009|2214710|8999998)\d{3}"),
        ("fr_FR", r"\+33(19900|26191|35301|46571|53649)\d{4}"),
    ],
)
def test_numbers_are_of_ranges_that_nobody_has(locale: str, pattern: str) -> None:
    """Kept free for fiction by those who give numbers out."""
    assert all(re.fullmatch(pattern, one.phone) for one in Crowd(7, 200, locale))


def test_city_state_code_and_number_are_of_one_place() -> None:
    """An area code says where somebody lives, and so does the postal code."""
    places = {
        (one.address.city, one.address.state, one.address.postal_code[:3], one.phone[:5]) for one in Crowd(7, 500)
    }
    assert len({place[0] for place in places}) == len(places) > 10


def test_what_is_given_is_kept_and_the_rest_fits_it() -> None:
    """Jenny's address is made from her name; what she brings along stays."""
    jenny = person(7, 3, given={"name": "Jenny von Rosen", "phone": "+15550100", "address": {"city": "Reno"}})
    assert (jenny.first_name, jenny.last_name, jenny.phone) == ("Jenny von", "Rosen", "+15550100")
    assert jenny.email.startswith("jennyvon.rosen3@")
    assert jenny.address.city == "Reno"
    assert jenny.address.line1
    assert person(7, 3, given={"email": "x@y.example"}).email == "x@y.example"


def test_names_of_other_letters_have_addresses_too() -> None:
    """Umlauts are spelled out, accents left out; what has no Latin letter at all is somebody."""
    assert person(0, 1, given={"name": "Jörg Müßig"}).email.startswith("joerg.muessig1@")
    assert person(0, 1, given={"name": "Zoë Ödegård"}).login == "zoedegard1"
    assert person(0, 1, given={"name": "李 明"}).email.startswith("somebody1@")


def test_a_stub_meets_them_through_its_context(acme_stub: Stub, store: Store) -> None:
    """By number, by address, and all of them in order."""
    crowd: list[Person] = list(Crowd(7, 3))
    with store.world("main").transaction() as tx:
        for one in crowd:
            keep(tx, one)
        found = people(Context(acme_stub.service, tx, Call(Protocol.HTTP, "api.acme.com", 443)))
        assert list(found) == crowd
        assert len(found) == 3
        assert found.numbered(2) == crowd[1]
        assert found.numbered(4) is None
        assert found.with_email(crowd[2].email) == crowd[2]
        assert found.with_email("nobody@example.com") is None
        assert tx.changes == ()  # they are no service's entities


def test_services_know_the_first_people_of_a_world_without_people_too(acme_stub: Stub, store: Store) -> None:
    """Made up by the world's seed where nobody was planted; those who were planted come first."""
    with store.world("main").transaction() as tx:
        everybody = people(Context(acme_stub.service, tx, Call(Protocol.HTTP, "api.acme.com", 443)))
        assert [one.number for one in everybody.first(3)] == [1, 2, 3]
        assert everybody.first(2) == everybody.first(3)[:2]
        keep(tx, person(7, 1, given={"name": "Ada Lovelace"}))
        assert [one.name for one in everybody.first(2)] == ["Ada Lovelace", person(tx.seed, 2).name]
