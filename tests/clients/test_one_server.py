"""Two servers and other commands on one store, as processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click.testing

from childproof.cli.world import world
from tests.clients.served import serving

CHILDPROOF = [sys.executable, "-m", "childproof"]


def test_a_store_has_one_server_and_any_number_of_other_users(tmp_path: Path) -> None:
    """A second one waits and takes over when the first is killed; one that is stopped while it waits just ends.

    `run`, `log` and `world` beside a server go on working, and nothing is left behind by servers that end.
    """
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    serve = [*CHILDPROOF, "serve", "--http", "127.0.0.1:0", "--report", "none"]
    with serving(tmp_path, "--report", "none", killed=True) as first:
        waiting = [subprocess.Popen(serve, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        for process in waiting:
            assert process.stderr is not None
            assert f"is served by process {first.process.pid} on" in process.stderr.readline()
        waiting[0].terminate()
        assert waiting[0].wait(20) == 0
        run = subprocess.run([*CHILDPROOF, "run", "--report", "none", "--", "true"], cwd=tmp_path, env=env, check=False)
        assert run.returncode == 0
        assert first.entries() == []
        forked = click.testing.CliRunner().invoke(world, ["fork", "main", "copy", "--db", str(first.db)])
        assert forked.exit_code == 0, forked.output
        os.kill(first.process.pid, signal.SIGKILL)
        second = waiting[1]
        assert second.stderr is not None
        assert any("ready" in line for line in second.stderr)
        assert (tmp_path / "childproof.db.serve").read_text().startswith(f"process {second.pid} ")
        second.terminate()
        assert second.wait(20) == 0
    assert not (tmp_path / "childproof.db.serve").exists()
