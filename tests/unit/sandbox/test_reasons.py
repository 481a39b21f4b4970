"""Where a machine can't seal: one sentence, with the way out."""

import errno
import subprocess
import sys

import pytest

from childproof.sandbox import reasons


@pytest.mark.parametrize(
    ("files", "number", "advice"),
    [
        ({"/proc/sys/user/max_user_namespaces": 0}, errno.ENOSPC, "user.max_user_namespaces"),
        ({"/proc/sys/kernel/unprivileged_userns_clone": 0}, errno.EPERM, "kernel.unprivileged_userns_clone=1"),
        (
            {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": 1},
            errno.EACCES,
            "apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_the_reason_names_the_switch(monkeypatch, files, number, advice):
    monkeypatch.setattr(reasons, "_number", files.get)
    message = str(reasons.explain("a user namespace", "Operation not permitted", number))
    assert advice in message
    assert "a user namespace failed" in message
    assert message.endswith(reasons.WAY_OUT)


def test_another_error_is_told_as_it_is(monkeypatch):
    monkeypatch.setattr(reasons, "_number", {}.get)
    message = str(reasons.explain("an empty /run", "No such device", errno.ENODEV))
    assert message == f"This machine can't seal a command: an empty /run failed (No such device). {reasons.WAY_OUT}"


def test_another_system_is_told_at_once():
    """As on macOS; in a process of its own, since the platform is a fact of the interpreter."""
    code = (
        "import sys; sys.platform = 'darwin'\n"
        "from childproof.sandbox.sealed import SandboxSpec, SealedSandbox\n"
        "SealedSandbox.launch(SandboxSpec(('true',), {}, '/'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "SandboxError: Sealing a command needs Linux" in done.stderr
    assert "--mode env" in done.stderr
