"""Reading world files: what is wrong is told with its place, all of it at once; what is right becomes values."""

import re
from pathlib import Path

import pytest

from childproof.catalog import Catalog
from childproof.errors import InputError
from childproof.seeds import read_world_file, world_name
from childproof.world import REAL, ClockSettings

NOW = 1_767_603_600_000

# What is written below `world: x` (line 1), and where, found what, expected what.
REFUSED = {
    "an unknown service": ("strpe: {}", "2:1", "unknown key 'strpe'", "stripe:"),
    "an unknown key of the top": ("sed: 3", "2:1", "unknown key 'sed'", "seed:"),
    "an unknown key of a section": ("stripe: {custmers: 3}", "2:10", "unknown key 'custmers'", "customers:"),
    "an unknown key of a recipe's options": (
        "stripe: {customers: {count: 1, whith: {}}}", "2:32", "unknown key 'whith'", "with:",
    ),
    "an unknown key below": (
        "stripe: {products: [{name: A, price: {amount: 1, curency: usd}}]}", "2:50", "unknown key 'curency'", "currency:",
    ),
    "an unknown field of an entity": ("acme-crm: {contacts: [{nmae: x}]}", "2:24", "unknown key 'nmae'", "name:"),
    "a wrong type of a recipe's options": ("stripe: {customers: {count: many}}", "2:22", "'many'", "a whole number"),
    "a wrong type of a field": ("acme-crm: {deals: [{amount: much}]}", "2:21", "'much'", "a whole number"),
    "a wrong type of a section": ("stripe: 3", "2:1", "stripe: 3", "a mapping"),
    "a number below nothing": ("acme-crm: {companies: -1}", "2:12", "-1", "0 or more"),
    "a share of more than all": ("stripe: {customers: {with: {payment_method: 2}}}", "2:29", "2", "1 or less"),
    "a span of no unit": ("stripe: {payments: {count: 1, over: 90}}", "2:31", "over: 90", "a time span"),
    "another word than people": ("email: {mailboxes: persons}", "2:9", "'persons'", "people"),
    "an unknown locale": ("people: {count: 1, locale: xx_XX}", "2:20", "'xx_XX'", "en_US"),
    "a name that no world may have": ("world: my shop", "1:1", "world: 'my shop'", "a world's name: letters, digits"),
    "no address": ("people: {given: [{email: jenny}]}", "2:19", "'jenny'", "an e-mail address"),
    "one name twice": (
        "people: {given: [{name: Jenny}, {name: jenny}]}", "2:34", "'jenny' a second time", "each name once",
    ),
    "one address twice": (
        "people: {given: [{email: a@b.example}, {email: A@b.example}]}", "2:41", "a second time", "each email once",
    ),
    "fewer people than are given": (
        "people: {count: 1, given: [{name: A}, {name: B}]}", "2:10", "1, with 2 given", "count: 2",
    ),
    "no time": ("clock: {start: 2026-13-05T09:00:00Z}", "2:9", "'2026-13-05T09:00:00Z'", "a time like"),
    "a clock that runs otherwise": ("clock: {run: reel}", "2:9", "'reel'", "run: real"),
    "a start and an offset": (
        "clock: {start: 2026-01-05T09:00:00Z, offset: -2h}", "2:38", "clock.offset beside", "one of the two",
    ),
    "a step of a clock that doesn't": ("clock: {step: 5s}", "2:9", "clock.step of a real clock", "run: step"),
    "a key twice": ("seed: 1\nseed: 2", "3:1", "'seed' a second time", "each key once"),
}  # fmt: skip


def read(folder: Path, catalog: Catalog, text: str) -> list[str]:
    file = folder / "x.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_world_file(file, catalog, lambda: NOW)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(("text", "place", "found", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, catalog: Catalog, text: str, place: str, found: str, expected: str
) -> None:
    """One fault, at the line and column, with what was found and what belongs there."""
    [fault] = read(tmp_path, catalog, f"{text}\n" if text.startswith("world: ") else f"world: x\n{text}\n")
    assert f"x.yaml:{place}: " in fault
    assert found in fault.partition("; expected ")[0]
    assert expected in fault


def test_all_faults_come_at_once(tmp_path: Path, catalog: Catalog) -> None:
    """A file with a fault in every section needs one look, not three."""
    faults = read(tmp_path, catalog, "people: -1\nstripe: {custmers: 1}\nacme-crm: {deals: [{amuont: 1}]}\n")
    assert [re.search(r"x.yaml:(\d+)", fault)[1] for fault in faults] == ["1", "1", "2", "3"]  # type: ignore[index]


def test_an_exported_world_is_told_from_a_world_file(tmp_path: Path, catalog: Catalog) -> None:
    """The two formats share the word world: the command that takes the other one is named."""
    [fault] = read(tmp_path, catalog, "version: 1\nworld: x\nstate: {}\n")
    assert "childproof world import" in fault


@pytest.mark.parametrize("text", ["", "[]", "3"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, catalog: Catalog, text: str) -> None:
    """An empty file makes no world."""
    assert "a world file" in read(tmp_path, catalog, text)[0]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, catalog: Catalog) -> None:
    """The message names it."""
    with pytest.raises(InputError, match=r"none\.yaml"):
        read_world_file(tmp_path / "none.yaml", catalog, lambda: NOW)


@pytest.mark.parametrize(
    ("written", "clock", "start"),
    [
        ("", REAL, NOW),
        ("clock: {run: real}", REAL, NOW),
        ("clock: {start: 2026-01-05T08:00:00Z}", ClockSettings(NOW - 3_600_000, "real"), NOW - 3_600_000),
        ("clock: {start: 2026-01-05, run: frozen}", ClockSettings(NOW - 9 * 3_600_000, "frozen"), NOW - 9 * 3_600_000),
        ("clock: {run: frozen}", ClockSettings(NOW, "frozen"), NOW),
        ("clock: {run: step, step: 5s}", ClockSettings(NOW, "step", 5_000), NOW),
        ("clock: {offset: -2h}", ClockSettings(NOW - 7_200_000, "real"), NOW - 7_200_000),
    ],
)
def test_clocks_are_those_of_the_command_line(
    tmp_path: Path, catalog: Catalog, written: str, clock: ClockSettings, start: int
) -> None:
    """Real, frozen, step and offset; a date alone is midnight, a time without a zone UTC."""
    file = tmp_path / "x.yaml"
    file.write_text(f"world: x\n{written}\n")
    read = read_world_file(file, catalog, lambda: NOW)
    assert (read.clock, read.start) == (clock, start)


def test_the_name_is_read_without_the_rest(tmp_path: Path) -> None:
    """To find the file of a world, no stub is loaded and no section looked into."""
    file = tmp_path / "x.yaml"
    file.write_text("world: shop/large\nno-such-service: {a: 1}\n")
    assert world_name(file) == "shop/large"
    file.write_text("people: 3\n")
    with pytest.raises(InputError):
        world_name(file)
