"""`childproof world …` beside a command that goes on calling in the same world: both are right, neither waits for long."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from childproof.sandbox.support import sealing_refusal

# Does what it is told on standard input: so many calls, or calls without end until it hears more.
AGENT = """
import http.client, json, select, sys
connection = http.client.HTTPConnection("api.stripe.com", timeout=60)
headers = {"authorization": "Bearer sk_test_agent", "content-type": "application/x-www-form-urlencoded"}
def create():
    connection.request("POST", "/v1/customers", "name=Jenny", headers)
    reply = connection.getresponse()
    body = json.loads(reply.read())
    return [reply.status, body.get("id"), body.get("created"), body.get("error")]
for line in iter(sys.stdin.readline, ""):
    if line == "go\\n":
        made = [create()]
        print("going", flush=True)
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            made.append(create())
        sys.stdin.readline()
    else:
        made = [create() for _ in range(int(line))]
    print(json.dumps(made), flush=True)
"""
CHILDPROOF = (sys.executable, "-m", "childproof")


class Live:
    """A running `childproof run` whose command is ours to tell, and the other process beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
        (folder / "agent.py").write_text(AGENT)
        self.process = subprocess.Popen(
            [*CHILDPROOF, "run", "--report", "json", "--report-to", "report.json", "--", sys.executable, "agent.py"],
            cwd=folder,
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, line: str) -> Any:
        """Tell the command; what it says."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        told = self.process.stdout.readline()
        return told.strip() if told == "going\n" else self.made(told)

    @staticmethod
    def made(told: str) -> list[str]:
        calls = json.loads(told)
        assert [call[3] for call in calls] == [None] * len(calls)
        return [call[1] for call in calls]

    @contextlib.contextmanager
    def going(self) -> Iterator[list[str]]:
        """The command calls without end meanwhile; what it made is known afterwards."""
        made: list[str] = []
        assert self.say("go") == "going"
        yield made
        made += self.say("stop")

    def world(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [*CHILDPROOF, *arguments],
            cwd=self.folder,
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def customers(self, world: str) -> list[str]:
        """What a world holds, in order of creation."""
        text = self.world("log", "--world", world, "--json")
        changes = [change for line in text.splitlines() for change in json.loads(line)["changes"]]
        return [change["id"] for change in changes if change["kind"] == "customer"]

    def count(self, world: str) -> int:
        held = json.loads(self.world("world", "show", world, "--json"))["entities"]
        return int(next((one["count"] for one in held if one["kind"] == "customer"), 0))

    def end(self) -> dict[str, Any]:
        """The command is over; its report."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        report: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return report


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    if reason := sealing_refusal():
        pytest.skip(reason)
    running = Live(tmp_path)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait(30)
        for stream in (running.process.stdin, running.process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()


@pytest.mark.sealed
@pytest.mark.slow
def test_forks_exports_and_imports_of_a_world_in_use_are_whole_calls_of_it(live: Live) -> None:
    with live.going() as made:
        for number in range(2):
            live.world("world", "fork", "main", f"try-{number}")
            text = live.world("world", "export", "main")
            live.world("world", "import", "-", "--as", f"copy-{number}", stdin=text)
            live.world("world", "diff", "main", f"try-{number}")
            live.world("world", "set", "main", f"round={number}")
            live.world("world", "gc")
    assert live.customers("main") == made
    for number in range(2):
        forked = live.customers(f"try-{number}")
        assert forked == made[: len(forked)]
        assert live.count(f"try-{number}") == len(forked)
        assert len(forked) <= live.count(f"copy-{number}") <= len(made)
    added = json.loads(live.world("world", "diff", "try-0", "main", "--json"))
    assert len(made) > len(live.customers("try-0"))
    assert "customer" in json.dumps(added)
    assert json.loads(live.world("world", "show", "main", "--json"))["metadata"] == {"round": "1"}
    live.world("world", "gc", "--check")
    report = live.end()
    assert (report["denied"], report["errors"], report["unrecorded"]) == ([], 0, 0)
    assert report["calls"] == len(made)


@pytest.mark.sealed
@pytest.mark.slow
def test_a_world_that_is_reset_in_use_goes_on_from_its_beginning(live: Live) -> None:
    """Also who follows it, and the report at the end, go on with what comes after."""
    before = live.say("4")
    live.world("world", "fork", "main", "kept")
    follow = subprocess.Popen(
        [*CHILDPROOF, "log", "--follow", "--json", "--protocol", "http"],
        cwd=live.folder,
        env=live.environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert follow.stdout is not None
        for _ in before:
            follow.stdout.readline()
        live.world("world", "reset", "main")
        after = live.say("2")
        followed = [json.loads(follow.stdout.readline()) for _ in after]
    finally:
        follow.send_signal(signal.SIGINT)
        follow.communicate(timeout=20)
    assert [change["id"] for entry in followed for change in entry["changes"] if change["kind"] == "customer"] == after
    assert live.customers("main") == after
    assert live.count("main") == 2
    assert live.customers("kept") == before
    assert live.count("kept") == 4
    report = live.end()
    assert (report["calls"], report["denied"]) == (2, [])


@pytest.mark.sealed
@pytest.mark.slow
def test_resets_while_it_calls_lose_nothing_that_came_after_the_last_one(live: Live) -> None:
    with live.going() as made:
        for _ in range(3):
            live.world("world", "reset", "main")
    made += live.say("2")  # whatever the pace was, something came after the last reset
    left = live.customers("main")
    assert len(left) >= 2
    assert left == made[-len(left) :]
    assert live.count("main") == len(left) < len(made)
    live.world("world", "gc", "--check")
    report = live.end()
    assert (report["calls"], report["denied"], report["errors"]) == (len(left), [], 0)


@pytest.mark.sealed
@pytest.mark.slow
def test_a_clock_that_is_set_and_advanced_in_use_is_the_commands_clock(live: Live) -> None:
    def created() -> list[datetime]:
        text = live.world("log", "--world", "main", "--json", "--protocol", "http")
        return [datetime.fromisoformat(json.loads(line)["world_at"]) for line in text.splitlines()]

    live.say("1")
    live.world("world", "clock", "main", "frozen@2030-01-05T09:00:00Z")
    live.say("1")
    live.world("world", "clock", "main", "advance", "30d")
    live.say("2")
    with live.going():
        for _ in range(3):
            live.world("world", "clock", "main", "advance", "1d")
    live.say("1")
    times = created()
    assert times[0].year != 2030
    assert [f"{time:%Y-%m-%dT%H:%M}" for time in times[1:4]] == ["2030-01-05T09:00", *["2030-02-04T09:00"] * 2]
    assert times[3:] == sorted(times[3:])
    assert f"{times[-1]:%Y-%m-%d}" == "2030-02-07"
    assert len({f"{time:%Y-%m-%d}" for time in times[3:]}) <= 4
    report = live.end()
    assert (report["denied"], report["errors"]) == ([], 0)


@pytest.mark.sealed
@pytest.mark.slow
def test_a_world_that_is_deleted_in_use_denies_until_there_is_one_of_its_name_again(live: Live) -> None:
    made = live.say("2")
    text = live.world("world", "export", "main")
    live.world("world", "delete", "main")
    assert live.process.stdin is not None
    assert live.process.stdout is not None
    live.process.stdin.write("2\n")
    live.process.stdin.flush()
    denied = json.loads(live.process.stdout.readline())
    assert [call[0] for call in denied] == [403, 403]
    assert "the world main is gone" in denied[0][3]["reason"]
    assert all("whoever runs childproof must act" in call[3]["hint"] for call in denied)
    live.world("world", "import", "-", "--as", "main", stdin=text)
    assert len(live.say("1")) == 1
    assert live.count("main") == len(made) + 1
    live.process.stdin.close()
    assert live.process.wait(30) == 1  # two calls have no record
    report = json.loads((live.folder / "report.json").read_text())
    assert (report["unrecorded"], report["calls"]) == (2, 1)
