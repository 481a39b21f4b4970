"""Recipes: a stub's Python plants what a world file says under a key; its options are checked by their annotation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from childproof.catalog import load_catalog
from childproof.errors import ChildproofError, InputError
from childproof.run.planting import grow
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.invented.people import Crowd
from childproof.world import Store

NOW = 1_767_603_600_000
RECIPE = '''
from dataclasses import dataclass, field
from childproof.stubkit import Count, Seeding, SeedContext, Share, Span, seeds

@dataclass(frozen=True)
class Outcome:
    won: Share = 0.5

@dataclass(frozen=True)
class History:
    """Deals of the past."""
    count: Count
    over: Span = "30d"
    with_: Outcome = field(default_factory=Outcome)

@seeds("history")
def history(seeding: Seeding, options: History | Count) -> None:
    chosen = History(options) if isinstance(options, int) else options
    seeding.first(contact)
    for time in seeding.times(chosen.count, chosen.over):
        wins = seeding.random.random() < chosen.with_.won
        seeding.at(time, deal(seeding, wins))

def contact(ctx: SeedContext) -> None:
    ctx.play("POST /v2/contacts", {"email": "a@b.example"})

def deal(seeding: Seeding, wins: bool):
    def step(ctx: SeedContext) -> None:
        made = ctx.play("POST /v2/contacts/{contact}/deals", {"amount": 100}, contact=ctx.newest("contact"))
        if wins:
            ctx.later(ctx.now_ms() + 3_600_000, lambda ctx: ctx.play("POST /v2/deals/{deal}/win", deal=made.id))
    return step
'''


def plant(stub: Path, text: str) -> dict[str, dict[str, Any]]:
    """The state of a world made of a section of the CRM's."""
    file = stub.parent / "world.yaml"
    file.write_text(f"world: x\nclock: {{start: 2026-01-05T09:00:00Z, run: frozen}}\nacme-crm: {text}\n")
    with (
        Store.open(":memory:", wall=lambda: NOW) as store,
        grow(file, load_catalog([stub]), lambda: NOW) as grown,
    ):
        grown.keep(store, "x")
        found: dict[str, dict[str, Any]] = store.export("x")["state"]["acme-crm"]
        return found


def refused(stub: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        plant(stub, text)
    return [str(fault) for fault in caught.value.faults]


def test_a_recipe_plays_operations_in_the_past(edited: Callable[..., Path]) -> None:
    """Deals are made, and an hour later some are won, by the operations that calls use."""
    held = plant(edited(files={"history.py": RECIPE}), "{history: {count: 20, over: 10d, with: {won: 0.5}}}")
    deals = list(held["deal"].values())
    assert len(deals) == 20
    won = [deal for deal in deals if deal["stage"] == "won"]
    assert 3 <= len(won) <= 17
    assert all(deal["closed_at"] == deal["created"] + 3600 for deal in won)
    assert [deal["created"] for deal in deals] == sorted(deal["created"] for deal in deals)


def test_what_lies_after_the_start_is_not_done(edited: Callable[..., Path]) -> None:
    """A deal of the last hour isn't won yet."""
    held = plant(edited(files={"history.py": RECIPE}), "{history: {count: 20, over: 1h, with: {won: 1}}}")
    assert {deal["stage"] for deal in held["deal"].values()} == {"open"}


def test_a_number_alone_will_do_where_the_annotation_says_so(edited: Callable[..., Path]) -> None:
    """`History | Count` takes both spellings."""
    assert len(plant(edited(files={"history.py": RECIPE}), "{history: 3}")["deal"]) == 3


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("{history: {over: 3d}}", "3:12", "no 'count'"),
        ("{history: {count: 1, ovr: 3d}}", "3:32", "unknown key 'ovr'; expected one of count, over, with"),
        ("{history: {count: 1, over: 3}}", "3:32", "expected a time span"),
        ("{history: {count: 1, with: {won: 1.5}}}", "3:39", "1.5"),
        ("{history: soon}", "3:12", "'soon'; expected a mapping or a whole number"),
    ],
)
def test_options_are_checked(edited: Callable[..., Path], text: str, place: str, words: str) -> None:
    """By the dataclass alone: nothing has to be written twice."""
    [fault] = refused(edited(files={"history.py": RECIPE}), text)
    assert f"world.yaml:{place}: " in fault
    assert words in fault


def test_what_a_recipe_refuses_has_its_place(edited: Callable[..., Path]) -> None:
    """Its own words, at the key of the section."""
    code = (
        "from childproof.stubkit import Seeding, seeds\n"
        "@seeds('x')\n"
        "def x(seeding: Seeding, options: int) -> None:\n"
        "    raise seeding.refuse('an odd number', 'an even one', 'x: 2')\n"
    )
    [fault] = refused(edited(files={"x.py": code}), "{x: 3}")
    assert "world.yaml:3:12: acme-crm.x: an odd number; expected an even one" in fault
    assert "write: x: 2" in fault


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("seeding.first(lambda ctx: ctx.play('POST /v2/nothing'))", "no operation POST /v2/nothing"),
        ("seeding.people[options]", "IndexError: "),
    ],
    ids=["in a step", "while it plans"],
)
def test_a_recipe_that_fails_says_where(edited: Callable[..., Path], line: str, words: str) -> None:
    """An author's mistake is told as such, with the file and line."""
    code = (
        "from childproof.stubkit import Seeding, seeds\n"
        "@seeds('x')\n"
        "def x(seeding: Seeding, options: int) -> None:\n"
        f"    {line}\n"
    )
    with pytest.raises(ChildproofError, match=rf"acme-crm\.x: the recipe failed at .*x\.py:4: .*{words}"):
        plant(edited(files={"x.py": code}), "{x: 3}")


BROKEN = {
    "no annotation": ("def x(seeding, options): ...", "options without an annotation"),
    "an annotation that is nothing": ('def x(seeding: Seeding, options: "Nothing"): ...', "can't be resolved"),
    "what no file can hold": ("def x(seeding: Seeding, options: Seeding): ...", "no file can hold"),
    "no options": ("def x(seeding: Seeding): ...", "0 parameters after the context instead of 1"),
    "too much": ("def x(seeding: Seeding, options: int, more: int): ...", "2 parameters"),
}


@pytest.mark.parametrize(("code", "words"), BROKEN.values(), ids=BROKEN)
def test_a_recipe_that_cannot_work_is_refused_when_the_stub_is_loaded(
    edited: Callable[..., Path], code: str, words: str
) -> None:
    """With the file and line, before any world file asks for it."""
    folder = edited(files={"x.py": f"from childproof.stubkit import Seeding, seeds\n@seeds('x')\n{code}\n"})
    with pytest.raises(InputError) as caught:
        load_stub(folder)
    [fault] = map(str, caught.value.faults)
    assert "x.py:2:1" in fault
    assert words in fault


def test_one_key_has_one_recipe(edited: Callable[..., Path]) -> None:
    """Two functions for a key are refused."""
    code = "from childproof.stubkit import Seeding, seeds\n" + "".join(
        f"@seeds('x')\ndef {name}(seeding: Seeding, options: int): ...\n" for name in "ab"
    )
    with pytest.raises(InputError, match="a second time"):
        load_stub(edited(files={"x.py": code}))


def test_people_can_be_asked_for_by_place() -> None:
    """A crowd is a sequence: indices from either end, slices, and an end."""
    crowd = Crowd(7, 5)
    assert crowd[-1] == crowd[4]
    assert crowd[1:3] == [crowd[1], crowd[2]]
    with pytest.raises(IndexError):
        crowd[5]


WORK = """
from childproof.stubkit import Context, Seeding, SeedContext, job, operation, seeds

@operation("POST /v2/deals/{deal}/split")
def split(ctx: Context, deal: str) -> dict:
    ctx.mail("jenny@example.com", subject=f"Deal {deal}", text="It is split.")
    ctx.schedule(86_400_000, "close", {"deal": deal})
    return ctx.get("deal", deal)

@job("close")
def close(ctx: Context, payload: dict) -> None:
    ctx.move(ctx.get("deal", payload["deal"]), "lost")

@seeds("splits")
def splits(seeding: Seeding, options: int) -> None:
    seeding.at(seeding.ago(f"{options}d"), step)

def step(ctx: SeedContext) -> None:
    contact = ctx.play("POST /v2/contacts", {"email": "jenny@example.com"})
    deal = ctx.play("POST /v2/contacts/{contact}/deals", {"amount": 100}, contact=contact.id)
    ctx.play("POST /v2/deals/{deal}/split", {"parts": [50, 50]}, deal=deal.id)
"""


def test_what_operations_put_off_is_done_when_its_time_has_come(edited: Callable[..., Path]) -> None:
    """A job of a day after lies in the past of a world that begins two days after, and ahead of one that begins at once."""
    stub = edited(files={"deals.py": WORK})
    stage = {days: next(iter(plant(stub, f"{{splits: {days}}}")["deal"].values())) for days in (2, 0)}
    assert stage[2]["stage"] == "lost"
    assert stage[0]["stage"] == "open"


def test_mail_of_the_past_has_come(edited: Callable[..., Path]) -> None:
    """What a stub mailed lies in the mailbox of a world that has one, at the time it was sent."""
    stub = edited(files={"deals.py": WORK})
    file = stub.parent / "world.yaml"
    file.write_text(
        "world: x\nclock: {start: 2026-01-05T09:00:00Z, run: frozen}\nacme-crm: {splits: 2}\nemail: {mailboxes: []}\n"
    )
    with Store.open(":memory:", wall=lambda: NOW) as store, grow(file, load_catalog([stub]), lambda: NOW) as grown:
        grown.keep(store, "x")
        [message] = store.export("x")["state"]["email"]["message"].values()
        assert "_schedule" not in store.export("x")["state"]
    assert message["subject"].startswith("Deal deal_")
    assert message["created"] == NOW - 2 * 86_400_000
