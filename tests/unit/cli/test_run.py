"""`childproof run`: what the command line says becomes a session, and mistakes start nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from childproof.cli.main import main
from childproof.errors import Fault, InputError
from childproof.run import session as session_module
from childproof.run.session import Session
from childproof.world import REAL, ClockSettings


class Runs:
    """What was run instead of a sandbox."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.sealed: list[bool] = []
        self.code = 0
        self.error: Exception | None = None

    def __call__(self, session: Session, *, sealed: bool) -> int:
        self.sessions.append(session)
        self.sealed.append(sealed)
        if self.error is not None:
            raise self.error
        return self.code


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Runs]:
    runs = Runs()
    monkeypatch.setattr(session_module, "run_command", runs)
    monkeypatch.chdir(tmp_path)
    return runs


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["run", *arguments])
    code = caught.value.code
    assert isinstance(code, int)
    return code


def test_without_options_the_defaults_hold(runs: Runs, tmp_path: Path) -> None:
    assert run("--", "python", "agent.py") == 0
    [session] = runs.sessions
    assert session.command == ("python", "agent.py")
    assert (session.cwd, session.world, session.seed, session.clock) == (tmp_path, "main", 0, REAL)
    assert (session.rules, session.stubs, session.db, session.config_file) == ((), (), None, None)
    assert (session.report, session.report_to, runs.sealed) == ("text", None, [True])


def test_each_option_reaches_the_session(runs: Runs, tmp_path: Path) -> None:
    given = "--config c.yaml --rules a.yaml --rules b.yaml --stubs s --db x.db --world w --seed 7 --clock step:5s"
    assert run(*given.split(), "--mode", "env", "--report", "json", "--report-to", "r.json", "true") == 0
    [session] = runs.sessions
    assert session.config_file == Path("c.yaml")
    assert session.rules == (tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert session.stubs == (tmp_path / "s",)
    assert (session.db, session.world, session.seed) == ("x.db", "w", 7)
    assert session.clock == ClockSettings(start=None, run="step", step=5000)
    assert session.report_to is not None
    assert (session.report, session.report_to.path, runs.sealed) == ("json", Path("r.json"), [False])


def test_options_after_the_command_are_the_commands_own(runs: Runs) -> None:
    assert run("ls", "--help", "--world", "x", "--", "-l") == 0
    assert runs.sessions[0].command == ("ls", "--help", "--world", "x", "--", "-l")
    assert runs.sessions[0].world == "main"


def test_the_environment_names_the_world_and_the_flag_wins(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHILDPROOF_WORLD", "from-env")
    run("true")
    run("--world", "flag", "true")
    assert [session.world for session in runs.sessions] == ["from-env", "flag"]


def test_the_exit_code_is_the_commands_own(runs: Runs) -> None:
    runs.code = 143
    assert run("true") == 143


def test_without_a_command_the_message_shows_one(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    assert "no command to run; write for example: childproof run -- python agent.py" in capsys.readouterr().err
    assert run("--world", "x", "--") == 2
    assert runs.sessions == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--report-to", "no/such/folder.txt"], "there is no folder no/such"),
        (["--report", "xml"], "'xml' is not one of"),
        (["--seed", "x"], "'x' is not a valid integer"),
        (["--wrld", "x"], "No such option"),
    ],
)
def test_a_wrong_option_starts_nothing(
    runs: Runs, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(*arguments, "true") == 2
    assert message in capsys.readouterr().err
    assert runs.sessions == []


def test_faults_are_all_printed_with_paths_as_the_user_wrote_them(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Fault(f"{tmp_path}/rules.yaml", 3, 5, "unknown key 'nam'", "one of name, match", "name:")
    runs.error = InputError([here, Fault("/elsewhere/rules.yaml", 0, 0, "no such file", "a file")])
    assert run("--report-to", "report.txt", "true") == 2
    assert not (tmp_path / "report.txt").exists()
    assert capsys.readouterr().err == (
        "rules.yaml:3:5: unknown key 'nam'; expected one of name, match\n    write: name:\n"
        "/elsewhere/rules.yaml: no such file; expected a file\n"
        "childproof: 2 faults, nothing was started\n"
    )


def test_an_interrupt_ends_quietly(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.error = KeyboardInterrupt()  # type: ignore[assignment]
    assert run("true") == 130
    assert capsys.readouterr().err.strip() == ""
