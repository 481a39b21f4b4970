"""`childproof world diff`: what two tries changed, and in each stub's words what came of them."""

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner

from childproof.cli.main import cli
from childproof.cli.world_diff import REAL_TIME
from childproof.model import Call, Envelope, Protocol
from childproof.run.compose import Parts, compose
from childproof.run.config.config import Config
from childproof.world import ClockSettings, Store

FROZEN = ClockSettings(start=1_767_614_400_000, run="frozen")


def stripe(parts: Parts, world: str, path: str, **form: object) -> dict[str, object]:
    head = (
        ("authorization", "Bearer sk_test_4eC39HqLyjWDarjtT1zdp7dc"),
        ("content-type", "application/x-www-form-urlencoded"),
    )
    call = Call(
        Protocol.HTTP,
        "api.stripe.com",
        443,
        world,
        "t",
        method="POST",
        path=path,
        headers=head,
        body=urlencode(form).encode(),
    )
    reply = parts.engine.handle(call).reply
    assert reply is not None
    assert reply.status == 200, reply.body
    answer: dict[str, object] = json.loads(reply.body)
    return answer


def pay(parts: Parts, world: str, amount: int) -> str:
    fields = {"amount": amount, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
    never = {"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never"}
    return str(stripe(parts, world, "/v1/payment_intents", **fields, **never)["id"])


def mail(parts: Parts, world: str) -> None:
    body = b"To: jenny@example.com\r\nSubject: Sorry\x1b[2J\r\n\r\nHere is your money.\r\n"
    envelope = Envelope("shop@example.com", ("jenny@example.com",))
    parts.engine.handle(
        Call(Protocol.SMTP, "mail.example.com", 25, world, "t", method="MAIL", body=body, envelope=envelope)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop in which the first try refunded $20 and the second $40, with a mail, and captured what was held."""
    made = tmp_path_factory.mktemp("shop")
    parts = compose(Config(made / "state", store=str(made / "childproof.db")), worlds=("shop",), clock=FROZEN)
    intent = pay(parts, "shop", 5000)
    held = stripe(
        parts, "shop", "/v1/payment_intents", amount=700, currency="usd", payment_method="pm_card_visa",
        confirm="true", capture_method="manual", **{"payment_method_types[]": "card"},
    )["id"]  # fmt: skip
    for name in ("shop/try-1", "shop/try-2"):
        parts.store.fork("shop", name)
    stripe(parts, "shop/try-1", "/v1/refunds", payment_intent=intent, amount=2000)
    stripe(parts, "shop/try-2", "/v1/refunds", payment_intent=intent, amount=4000)
    stripe(parts, "shop/try-2", f"/v1/payment_intents/{held}/capture")
    mail(parts, "shop/try-2")
    parts.close()
    return made


@pytest.fixture
def diff(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CHILDPROOF_STORE", raising=False)

    def run(*args: str) -> str:
        result = CliRunner().invoke(cli, ["world", "diff", *args])
        assert result.exit_code == 0, (result.output, repr(result.exception))
        return result.stdout

    return run


def test_a_person_reads_states_outcomes_and_mails(diff) -> None:
    lines = diff("shop/try-1", "shop/try-2").splitlines()
    assert lines[0] == "shop/try-1 → shop/try-2, since call 2 of shop"
    assert "  shop/try-1: would have refunded $20.00" in lines
    assert "  shop/try-2: would have captured $7.00, refunded $40.00" in lines
    assert "  $20.00 more refunded" in lines
    assert '  + mail to jenny@example.com: "Sorry\\x1b[2J"' in lines
    assert any(line.strip() == "status: requires_capture → succeeded" for line in lines)
    assert not any("delivery" in line for line in lines)


def test_one_changed_field_stands_in_one_line(diff) -> None:
    text = diff("shop", "shop/try-1")
    assert "amount_refunded: 0 → 2000" in text
    assert "shop: nothing that matters outside" in text


def test_a_program_gets_every_field(diff) -> None:
    values = json.loads(diff("shop/try-1", "shop/try-2", "--json"))
    assert values["ancestor"] == {"world": "shop", "call": 2}
    email, stripe = values["services"]
    assert stripe["outcomes"]["difference"] == "$20.00 more refunded"
    assert {"message", "delivery", "source"} == {added["kind"] for added in email["added"]}
    fields = [field for changed in stripe["changed"] for field in changed["fields"]]
    assert {"path": ["status"], "before": "requires_capture", "after": "succeeded"} in fields


def test_the_patch_has_the_objects_it_needs(diff) -> None:
    patch = json.loads(diff("shop/try-1", "shop/try-2", "--patch"))
    adds = [operation["path"] for operation in patch if operation["value" if "value" in operation else "op"] == {}]
    assert adds[:2] == ["/email", "/email/delivery"]


def test_no_difference_is_said(diff) -> None:
    assert diff("shop", "shop").splitlines()[1:] == ["no difference"]


def test_what_was_imported_is_not_said_to_have_done_nothing(diff, folder: Path) -> None:
    changes = CliRunner().invoke(cli, ["world", "export", "shop/try-2", "--since-parent"]).stdout
    CliRunner().invoke(cli, ["world", "import", "-", "--as", "copy"], input=changes)
    lines = diff("copy", "shop/try-2").splitlines()
    assert "  copy: not on record: it was imported" in lines
    assert not any(line.startswith("  ~") for line in lines)
    assert json.loads(diff("copy", "shop", "--json"))["unrecorded"] == ["copy"]
    assert json.loads(diff("shop/try-1", "shop", "--json"))["unrecorded"] == []


def test_worlds_on_real_time_are_told_why_times_differ(diff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two forks that made the same, every time differs: a clock that stands or steps is the way to see the rest."""
    monkeypatch.chdir(tmp_path)
    wall = iter(range(1_767_603_600_000, 1_767_703_600_000, 5000))
    with Store.open(tmp_path / "childproof.db", wall=lambda: next(wall)) as store:
        for name, clock in (("real", ClockSettings()), ("frozen", FROZEN)):
            store.create(name, clock=clock)
            for fork, tries in ((f"{name}/1", 1), (f"{name}/2", 2)):
                store.fork(name, fork)
                with store.world(fork).transaction() as tx:
                    tx.put("shop", "order", "o1", {"id": "o1", "tries": tries, "created": tx.now()})
    assert diff("real/1", "real/2").endswith(f"\n\n{REAL_TIME}\n")
    assert REAL_TIME not in diff("frozen/1", "frozen/2")
    assert REAL_TIME not in diff("real", "real/1")
    assert REAL_TIME not in diff("real/1", "real/2", "--json")
