"""`childproof mail`: what a world would have sent, for people and for pipes."""

import base64
import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from childproof.catalog import load_catalog
from childproof.cli.attachments import safe_name, save
from childproof.cli.mail import _table
from childproof.cli.mailbox import messages
from childproof.cli.main import cli
from childproof.cli.where import Where
from childproof.errors import ChildproofError
from childproof.model import Call, Envelope, Protocol
from childproof.world import Store


def message(subject: str, *, attachments: tuple[tuple[str, bytes], ...] = (), html: str = "") -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Shop <shop@example.com>", "Jenny <jenny@example.com>", subject
    mail.set_content(f"Text of {subject}\n")
    if html:
        mail.add_alternative(html, subtype="html")
    for name, content in attachments:
        mail.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    return mail.as_bytes()


def stored(path: Path, worlds: dict[str, list[tuple[bytes, tuple[str, ...]]]]) -> str:
    """A database with worlds whose mailboxes hold these messages, each with its recipients."""
    stub = load_catalog().get("email")
    with Store.open(path, wall=lambda: 1_767_603_600_000) as store:
        for world, sent in worlds.items():
            handle = store.create(world, seed=1)
            for raw, to in sent:
                envelope = Envelope("bounce@example.com", to, "me", "shop@gmail.com", tls=True)
                call = Call(Protocol.SMTP, "smtp.gmail.com", 587, world, method="MESSAGE", body=raw, envelope=envelope)
                with handle.transaction() as tx:
                    stub.answer(call, tx)
    return str(path)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return stored(
        tmp_path_factory.mktemp("mail") / "childproof.db",
        {
            "demo": [
                (
                    message(
                        "Your receipt",
                        html="<b>hi</b>",
                        attachments=(("invoice.pdf", b"%PDF\x00"), ("../../evil\x1b.pdf", b"2")),
                    ),
                    ("jenny@example.com",),
                ),
                (message("For Bob"), ("bob@example.com", "hidden@example.com")),
                (b"Subject: \x1b[31mred\x07\r\n\r\nbody \x1b]0;title\x07", ("jenny@example.com",)),
            ],
            "other": [(message("Elsewhere"), ("jenny@example.com",))],
        },
    )


@pytest.fixture
def run(db: str) -> Any:
    def invoke(*arguments: str, ok: bool = True) -> Any:
        result = CliRunner().invoke(cli, ["mail", *arguments, *(["--db", db] if "--db" not in arguments else [])])
        if ok:
            assert result.exit_code == 0, result.output + repr(result.exception)
        return result

    return invoke


def test_the_list_in_a_pipe_is_tabs_and_harmless(run: Any) -> None:
    lines = run("list", "--world", "demo").output.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["1", "2", "3"]
    assert lines[0].split("\t")[3:] == ["Shop <shop@example.com>", "jenny@example.com", "Your receipt"]
    assert lines[1].split("\t")[4] == "bob@example.com, hidden@example.com"
    assert "\x1b" not in lines[2]
    assert "\\x1b[31mred" in lines[2]


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_on_a_terminal_every_column_has_its_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    """However many a mail went to, its number and its subject are there, and no line is longer than the terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    everybody = tuple(f"somebody{number}@example.com" for number in range(9))
    db = stored(tmp_path / "some.db", {"main": [(message("Many are told"), everybody)]})
    with Where(db).records() as records:
        _table(list(messages(records, "main", None)), wide=False)
    head, row = capsys.readouterr().out.splitlines()
    assert [title for title in head.split() if title != "time"] == ["#", "from", "to", "subject", "parts"]
    assert row.split()[0] == "1"
    assert "Many are" in row
    assert "somebody0" in row
    assert max(len(head), len(row)) <= columns


def test_bare_mail_is_the_list(run: Any, db: str) -> None:
    assert run("--world", "demo").output == run("list", "--world", "demo").output
    worlds = [line.split("\t")[0] for line in run().output.splitlines()]
    assert worlds == ["demo", "demo", "demo", "other"]
    before = CliRunner().invoke(cli, ["mail", "--db", db, "--world", "demo", "list"])
    assert before.output == run("--world", "demo").output


def test_one_mailbox_and_the_newest_only(run: Any) -> None:
    assert len(run("--world", "demo", "--to", "HIDDEN@example.com").output.splitlines()) == 1
    assert run("--world", "demo", "--to", "nobody@example.com").output == ""
    assert [line.split("\t")[0] for line in run("--world", "demo", "--limit", "1").output.splitlines()] == ["3"]


def test_json_lines(run: Any) -> None:
    entries = [json.loads(line) for line in run("--json").output.splitlines()]
    assert [(entry["world"], entry["number"], entry["subject"]) for entry in entries[:2]] == [
        ("demo", 1, "Your receipt"),
        ("demo", 2, "For Bob"),
    ]
    assert json.loads(run("show", "1", "--world", "demo", "--json").output) == entries[0]


def test_a_message_for_people(run: Any) -> None:
    output = run("show", "1", "--world", "demo").output
    for wanted in (
        "From:     Shop <shop@example.com>", "Jenny <jenny@example.com>", "Your receipt", "Text of Your receipt",
        "through smtp.gmail.com:587 with TLS, logged in as shop@gmail.com, from <bounce@example.com>",
        "[1] invoice.pdf · application/pdf · 5 bytes",
    ):  # fmt: skip
        assert wanted in output
    assert "Bcc:      bob@example.com, hidden@example.com" in run("show", "2", "--world", "demo").output


def test_a_hostile_message_can_not_drive_the_terminal(run: Any) -> None:
    output = run("show", "3", "--world", "demo").output
    assert "\x1b" not in output
    assert "\x07" not in output


def test_an_id_or_its_beginning_finds_a_message(run: Any) -> None:
    whole = json.loads(run("show", "2", "--world", "demo", "--json").output)["id"]
    assert "For Bob" in run("show", whole).output
    assert "For Bob" in run("show", whole[:10]).output


def test_the_html_and_the_source(run: Any) -> None:
    assert run("show", "1", "--world", "demo", "--html").output == "<b>hi</b>\n\n"
    assert b"Subject: For Bob" in run("show", "2", "--world", "demo", "--raw").stdout_bytes


def test_a_part_goes_out_as_it_is(run: Any) -> None:
    assert run("show", "1", "--world", "demo", "--part", "1").stdout_bytes == b"%PDF\x00"


def test_attachments_are_saved_within_the_folder(run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er"
    output = run("show", "1", "--world", "demo", "--save", str(folder)).output
    assert sorted(path.name for path in folder.iterdir()) == ["evil_.pdf", "invoice.pdf"]
    assert (folder / "invoice.pdf").read_bytes() == b"%PDF\x00"
    assert str(folder / "invoice.pdf") in output
    run("show", "1", "--world", "demo", "--save", str(folder), "--part", "1")
    assert (folder / "invoice (2).pdf").read_bytes() == b"%PDF\x00"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "9", "--world", "demo"), "no message '9'"),
        (("show", "1"), "2 messages; add --world"),
        (("show", "msg_"), "4 messages"),
        (("show", "1", "--world", "demo", "--part", "3"), "has 2 attachments"),
        (("show", "2", "--world", "demo", "--html"), "no HTML"),
        (("show", "2", "--world", "demo", "--save", "x"), "no attachments"),
        (("list", "--world", "nowhere"), "no world 'nowhere'"),
    ],
)
def test_what_is_not_there_is_said(run: Any, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments, ok=False)
    assert isinstance(result.exception, ChildproofError)
    assert words in str(result.exception)


def test_contradicting_options_are_refused(run: Any) -> None:
    assert run("show", "1", "--raw", "--html", ok=False).exit_code == 2


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("invoice.pdf", "invoice.pdf"), ("../../etc/passwd", "passwd"), ("C:\\temp\\x.exe", "x.exe"), (".bashrc", "bashrc"), ("", "attachment-3.pdf"),
        ("..", "attachment-3.pdf"), ("a\x00b\n.pdf", "a_b_.pdf"), ("gpj.\u202eexe", "gpj._exe"), ("x" * 300 + ".pdf", "x" * 146 + ".pdf"), ("~", "~"),
    ],
)  # fmt: skip
def test_file_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name, "application/pdf", 3) == safe


def test_saving_never_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").symlink_to(tmp_path / "elsewhere")
    assert save(tmp_path, "x.pdf", "application/pdf", 1, b"1").name == "x (2).pdf"
    assert not (tmp_path / "elsewhere").exists()


def test_base64_sources_come_out_as_they_went_in(tmp_path: Path) -> None:
    raw = b"Subject: \xff\r\n\r\n"
    stub = load_catalog().get("email")
    with Store.open(tmp_path / "db", wall=lambda: 0) as store, store.create("w").transaction() as tx:
        stub.answer(Call(Protocol.SMTP, "h", 25, "w", body=raw, envelope=Envelope("", ("a@b.example",))), tx)
    result = CliRunner().invoke(cli, ["mail", "show", "1", "--raw", "--db", str(tmp_path / "db")])
    assert result.stdout_bytes == raw, base64.b64encode(result.stdout_bytes)


def test_a_database_that_is_named_counts_more_than_a_server_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it stands, also before the command's name: nobody is asked."""
    monkeypatch.setenv("CHILDPROOF_SERVER", "unix:nobody.sock")
    place = str(tmp_path / "some.db")
    Store.open(place, wall=lambda: 0).close()
    for words in (("--db", place, "list"), ("list", "--db", place), ("--db", place, "boxes"), ("--db", place)):
        result = CliRunner().invoke(cli, ["mail", *words])
        assert (result.exit_code, result.output) == (0, ""), words
    with pytest.raises(ChildproofError, match=r"there is no socket nobody\.sock"):
        CliRunner().invoke(cli, ["mail", "list"], catch_exceptions=False)
