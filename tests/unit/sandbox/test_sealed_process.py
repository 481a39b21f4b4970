"""The command as its caller knows it: exit codes, streams, signals, the terminal; and that nothing outlives its parent."""

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import termios
import time

import pytest

pytestmark = pytest.mark.sealed


@pytest.mark.parametrize("code", [0, 1, 7, 125, 255])
def test_the_exit_code_is_the_commands_own(sealer, code):
    assert sealer.run("sh", "-c", f"exit {code}").code == code


def test_death_by_a_signal_is_128_and_its_number(sealer):
    assert sealer.run("sh", "-c", "kill -TERM $$").code == 128 + signal.SIGTERM


@pytest.mark.parametrize("name", ["no-such-command", "./no/such/command"])
def test_a_command_that_is_not_there_is_127(sealer, name):
    outcome = sealer.run(name)
    assert outcome.code == 127
    assert outcome.err.startswith(f"childproof: {name}: ")


def test_a_command_that_may_not_run_is_126(sealer):
    (sealer.folder / "data").write_text("text")
    outcome = sealer.run("./data")
    assert (outcome.code, outcome.err) == (126, "childproof: ./data: permission denied\n")


def test_a_script_without_an_interpreter_line_is_the_shells(sealer):
    script = sealer.folder / "script"
    script.write_text("echo from the shell $1\n")
    script.chmod(0o755)
    assert sealer.run("./script", "here").out == "from the shell here\n"


def test_streams_pass_through(sealer):
    outcome = sealer.run("sh", "-c", "tr a-z A-Z; echo problem >&2", stdin="some text\n")
    assert (outcome.out, outcome.err) == ("SOME TEXT\n", "problem\n")


def test_what_the_command_leaves_behind_is_killed(sealer):
    """Its grandchild holds the pipe: `run` would hang here if it lived on."""
    outcome = sealer.run("sh", "-c", "sleep 1000 & echo gone")
    assert (outcome.code, outcome.out) == (0, "gone\n")


def test_orphans_are_reaped(sealer):
    outcome = sealer.run("sh", "-c", "(sleep 0 & ) ; sleep 0.3; ls -d /proc/[0-9]*/ | wc -l")
    assert int(outcome.out) <= 4  # init, the shell, ls and wc: no zombie


class Ended(subprocess.Popen):
    """Killed when its test fails: waiting for it would hold up all others."""

    def __exit__(self, kind, error, traceback):
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, traceback)


def start(sealer, *command, **more):
    reading, writing = os.pipe()
    process = Ended(sealer.order(command, writing), pass_fds=(writing,), **more)
    os.close(writing)
    return process, os.fdopen(reading)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH])
def test_signals_to_childproof_reach_the_command(sealer, number):
    script = f"trap 'echo got; exit 3' {int(number)}; echo ready; while :; do sleep 0.05; done"
    process, result = start(sealer, "sh", "-c", script, stdout=subprocess.PIPE, text=True, start_new_session=True)
    with process, result:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "got\n"
        assert '"code": 3' in result.read()


def test_a_signal_to_the_whole_group_lets_the_command_end_in_its_own_way(sealer):
    """As `kill %1` and timeout(1) send it."""
    script = "trap 'sleep 0.2; echo ended; exit 4' TERM; echo ready; while :; do sleep 0.05; done"
    process, result = start(sealer, "sh", "-c", script, stdout=subprocess.PIPE, text=True, start_new_session=True)
    with process, result:
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdout.readline() == "ended\n"
        assert '"code": 4' in result.read()


def test_killing_the_parent_kills_everything_inside(sealer):
    process, result = start(sealer, "sh", "-c", "sleep 1000 & echo up; wait", stdout=subprocess.PIPE, text=True)
    with result:
        assert process.stdout.readline() == "up\n"
        process.kill()
        process.wait()
        # The pipe ends when the last process that holds it is gone.
        assert select.select([process.stdout], [], [], 20)[0]
        assert process.stdout.read() == ""
        process.stdout.close()


def test_a_group_kill_by_the_command_stays_inside(sealer):
    outcome = sealer.run("sh", "-c", "kill -KILL 0")
    assert outcome.code == 128 + signal.SIGKILL


class Terminal:
    """A terminal with childproof as the foreground job of a session of its own."""

    def __init__(self, sealer, script):
        reading, writing = os.pipe()
        order = sealer.order(["sh", "-c", script], writing)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.set_inheritable(writing, True)
            os.execv(sys.executable, order)
        os.close(writing)
        self.result = os.fdopen(reading)
        self.seen = ""

    def expect(self, text):
        deadline = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.fd], [], [], 0.5)[0]:
                try:
                    self.seen += os.read(self.fd, 4096).decode()
                except OSError:
                    assert text in self.seen, self.seen
        self.seen = self.seen.split(text, 1)[1]

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        text = self.result.read()
        self.result.close()
        os.close(self.fd)
        os.waitpid(self.pid, 0)
        return text


def test_the_terminal_is_the_commands(sealer):
    terminal = Terminal(sealer, "test -t 0 && test -t 1 && stty size </dev/tty && read line && echo said $line; exit 4")
    terminal.type("hello\n")
    terminal.expect("said hello")
    assert '"code": 4' in terminal.close()


def test_ctrl_c_reaches_the_command_once(sealer):
    terminal = Terminal(
        sealer, "trap 'n=$((n+1))' INT; echo ready; sleep 1; sleep 1; echo interrupted $n times; exit 5"
    )
    terminal.expect("ready")
    terminal.type("\x03")
    terminal.expect("interrupted 1 times")
    assert '"code": 5' in terminal.close()


def test_ctrl_z_does_not_break_it(sealer):
    """Here childproof leads its session, so nobody could continue it: the command goes on at once."""
    terminal = Terminal(sealer, "echo ready; read line; echo said $line; exit 6")
    terminal.expect("ready")
    terminal.type("\x1a")
    terminal.type("after\n")
    terminal.expect("said after")
    assert '"code": 6' in terminal.close()


def test_a_shell_with_job_control_stops_and_continues_it(sealer):
    reading, writing = os.pipe()
    order = sealer.order(["sh", "-c", "echo ready; read line; echo said $line"], writing)
    pid, fd = pty.fork()
    if pid == 0:
        os.set_inheritable(writing, True)
        os.execv("/bin/bash", ["bash", "--norc", "-ic", f"set -m; {shlex.join(order)}; echo status $?; fg; echo done"])
    os.close(writing)
    terminal = object.__new__(Terminal)
    terminal.pid, terminal.fd, terminal.result, terminal.seen = pid, fd, os.fdopen(reading), ""
    terminal.expect("ready")
    terminal.type("\x1a")
    terminal.expect(f"status {128 + signal.SIGTSTP}")
    time.sleep(0.2)
    terminal.type("again\n")
    terminal.expect("said again")
    terminal.expect("done")
    assert '"code": 0' in terminal.close()


def test_typing_into_the_terminal_is_refused(sealer):
    """TIOCSTI would run in the user's shell after us."""
    terminal = Terminal(
        sealer,
        f"exec {sealer.python} -c 'import fcntl; fcntl.ioctl(0, {termios.TIOCSTI}, b\"x\")' 2>&1",
    )
    terminal.expect("PermissionError")
    assert '"code": 1' in terminal.close()


@pytest.mark.parametrize("moment", ["launched", "handed over", "furnished"])
def test_a_sandbox_is_ended_before_its_command_exists(moment, tmp_path):
    """A fault in a rule file is found while the sandbox is being made: nothing may hang or be left."""
    ca = tmp_path / "ca.pem"
    ca.write_text("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
    code = f"""
import os
from pathlib import Path
from childproof.sandbox.sealed import SandboxSpec, SealedSandbox
sandbox = SealedSandbox.launch(SandboxSpec(("touch", {str(tmp_path / "ran")!r}), dict(os.environ), "/"))
if {moment != "launched"}:
    sandbox.handover()
if {moment == "furnished"}:
    sandbox.furnish(ca_cert=Path({str(ca)!r}))
    sandbox._expect()
sandbox.kill()
print(sandbox.returncode)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() not in ("", "0"), done.stderr
    assert not (tmp_path / "ran").exists()
