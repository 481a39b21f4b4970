"""The command line as a whole: mistyped commands, closed and narrow standard streams."""

import os
import subprocess
import sys

import pytest

from childproof import __version__
from childproof.cli.main import COMMANDS, main
from childproof.errors import ChildproofError

CHILDPROOF = [sys.executable, "-m", "childproof"]


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_the_nearest_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No such command 'runn'. Did you mean: childproof run" in fails(capsys, "runn", "--", "true")


def test_a_program_in_the_place_of_a_command_is_meant_for_run(capsys: pytest.CaptureFixture[str]) -> None:
    err = fails(capsys, "pytest", "a b")
    assert "No such command 'pytest'. To run it sealed in: childproof run -- pytest 'a b'" in err


def test_help_and_version_come_from_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--help", "-h", "--version"):
        with pytest.raises(SystemExit) as caught:
            main([option])
        assert caught.value.code == 0
    out = capsys.readouterr().out
    assert __version__ in out
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_keeps_examples_on_lines_of_their_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert "\\b" not in capsys.readouterr().out


def test_help_is_asked_for_in_either_order(capsys: pytest.CaptureFixture[str]) -> None:
    """`help world fork` says what `world fork --help` says, for groups and for all, too."""
    for words in ([], ["log"], ["world"], ["world", "fork"]):
        said = []
        for arguments in (["help", *words], [*words, "--help"]):
            with pytest.raises(SystemExit) as caught:
                main(arguments)
            assert caught.value.code == 0
            said.append(capsys.readouterr().out)
        assert said[0] == said[1] != ""
    assert "No such command 'nosuch'; childproof --help lists them" in fails(capsys, "help", "nosuch")


@pytest.mark.parametrize("name", COMMANDS)
def test_lists_of_commands_are_whole_sentences(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a command does is never cut off in the list it stands in."""
    with pytest.raises(SystemExit):
        main([name, "--help"])
    _, _, commands = capsys.readouterr().out.partition("\nCommands:\n")
    assert "..." not in commands


def shell(line: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = line.replace("childproof", " ".join(CHILDPROOF), 1)
    return subprocess.run(
        ["bash", "-c", command], env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_exit_code(closed: str) -> None:
    assert shell(f"childproof rules check /nowhere.yaml {closed}").returncode == 2


def test_a_reader_that_leaves_is_no_error_to_read() -> None:
    done = shell("childproof schema stub | head -1")
    assert (done.stdout, done.stderr) == ("{\n", "")


@pytest.mark.parametrize("command", ["schema config", "--help", "doctor", "rules explain 'GET https://a.example/'"])
def test_output_that_a_full_disk_refuses_is_one_line_and_no_success(command: str) -> None:
    """Whoever printed it, at once or at the end: no traceback, and not the interpreter's own exit code."""
    done = shell(f"childproof {command} > /dev/full")
    expected = "childproof: the output can't be written: No space left on device; what is there of it is cut short\n"
    assert (done.returncode, done.stderr) == (1, expected)


def test_nothing_can_be_said_where_errors_are_refused_too() -> None:
    assert shell("childproof schema config > /dev/full 2> /dev/full").returncode == 1


def test_a_bug_of_ours_is_one_line_and_has_an_exit_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without secrets; its traceback is there for who asks."""

    secret = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"

    def broken(*_: object, **__: object) -> None:
        raise ValueError(f"it had {secret}")

    monkeypatch.setattr("childproof.cli.main.cli.main", broken)
    for debug, lines in (("", 1), ("1", 5)):
        monkeypatch.setenv("CHILDPROOF_DEBUG", debug)
        with pytest.raises(SystemExit) as caught:
            main([])
        assert caught.value.code == 70
        err = capsys.readouterr().err
        assert err.splitlines()[-1].startswith("childproof: a bug of ours: ValueError: it had ")
        assert (err.count("\n") >= lines, "Traceback" in err) == (True, bool(debug))
        assert secret not in err


def test_what_an_encoding_does_not_have_is_said_otherwise() -> None:
    done = shell("childproof rules explain 'GET https://a.example/%C3%BC'", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    printer = "from childproof.cli.streams import prepare_streams as p; p(); print('· … ✓ ü')"
    done = subprocess.run(
        [sys.executable, "-c", printer], env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == "- ... ok \\xfc\n"


def test_an_error_draws_on_nobodys_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's words may be anybody's: control characters are spelled out, lines stay lines."""

    def failing(**_: object) -> None:
        raise ChildproofError("\x1b]0;title\x07 and \u202e more\n    write: this")

    monkeypatch.setattr("childproof.cli.main.cli.main", failing)
    with pytest.raises(SystemExit):
        main(["log"])
    assert capsys.readouterr().err == "childproof: \\x1b]0;title\\x07 and \\u202e more\n    write: this\n"
