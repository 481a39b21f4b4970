"""Where the control API is asked, and when a token has to be there."""

import subprocess
import sys
from pathlib import Path

import pytest

from childproof.errors import InputError, ListenError
from childproof.model import SecretSource
from childproof.run.config.config import load_config
from childproof.run.config.controladdress import (
    Control,
    at,
    bind_unix,
    exposed,
    is_loopback,
    place_of,
    read_token,
    unbind_unix,
)
from childproof.run.config.listen import Listen

TOKEN = SecretSource(env="TOKEN")
TRANSPARENT = (Listen("main", transparent="127.0.0.1:15001"),)


@pytest.mark.parametrize(
    ("address", "listeners", "allowed"),
    [
        ("unix:/run/c.sock", (), True),
        ("unix:/run/c.sock", TRANSPARENT, False),
        ("127.0.0.1:15000", (), True),
        ("localhost:15000", (), True),
        ("[::1]:15000", (), True),
        ("127.0.0.1:15000", TRANSPARENT, False),
        ("0.0.0.0:15000", (), False),
        ("[::]:15000", (), False),
        ("10.0.0.7:15000", (), False),
        ("localhost.evil.example:15000", (), False),
    ],
)
def test_beyond_the_loopback_there_has_to_be_a_token(
    address: str, listeners: tuple[Listen, ...], *, allowed: bool
) -> None:
    """And beside redirected workloads, which share that loopback, and perhaps the socket's folder."""
    assert read_token(Control(address, TOKEN), listeners, {"TOKEN": "0123456789abcdef"}) is not None
    if allowed:
        assert read_token(Control(address), listeners, {}) is None
    else:
        with pytest.raises(InputError, match="no token"):
            read_token(Control(address), listeners, {})


def test_a_token_that_everybody_may_read_is_warned_of(tmp_path: Path) -> None:
    """With what to write; a file of its owner's, of a group's or of nobody's is none of that."""
    file = tmp_path / "token"
    control = Control("127.0.0.1:1", SecretSource(file=str(file)))
    assert not exposed(control)
    for mode, warned in ((0o644, True), (0o440, False), (0o600, False)):
        file.touch()
        file.chmod(mode)
        assert exposed(control).endswith(f"write: chmod 600 {file}") is warned
    assert not exposed(Control("127.0.0.1:1", TOKEN))


@pytest.mark.parametrize("text", ["", "short", "with a space in it", "0123456789abcdé0", "x" * 5000])
def test_a_token_that_is_none(text: str) -> None:
    """Is refused, and not shown."""
    with pytest.raises(InputError) as refused:
        read_token(Control("127.0.0.1:1", TOKEN), (), {"TOKEN": text})
    assert not text or text not in str(refused.value)


def test_it_is_configured_by_file_environment_and_flag(tmp_path: Path) -> None:
    """The flag wins over the environment, that over the file; paths in the file are beside it."""
    file = tmp_path / "childproof.yaml"
    file.write_text("control: {listen: 'unix:c.sock', token: {file: token}}\n")
    config = load_config({"HOME": "/nowhere"}, tmp_path)
    assert config.control == Control(f"unix:{tmp_path}/c.sock", SecretSource(file=str(tmp_path / "token")))
    environ = {"HOME": "/nowhere", "CHILDPROOF_CONTROL": "127.0.0.1:1", "CHILDPROOF_CONTROL_TOKEN": "x" * 20}
    config = load_config(environ, tmp_path)
    assert config.control == Control("127.0.0.1:1", SecretSource(env="CHILDPROOF_CONTROL_TOKEN"))
    assert config.override(control="localhost:2").control == at("localhost:2", config.control)
    with pytest.raises(InputError, match="unix:PATH"):
        load_config({"HOME": "/nowhere", "CHILDPROOF_CONTROL": "nowhere"}, tmp_path)


def test_a_variable_that_is_set_and_empty_is_no_token(tmp_path: Path) -> None:
    """Whoever meant to give one must not have opened the API to everybody."""
    environ = {"HOME": "/nowhere", "CHILDPROOF_CONTROL": "127.0.0.1:1", "CHILDPROOF_CONTROL_TOKEN": ""}
    control = load_config(environ, tmp_path).control
    assert control is not None
    with pytest.raises(InputError, match="CHILDPROOF_CONTROL_TOKEN is empty"):
        read_token(control, (), environ)


def test_what_is_a_loopback() -> None:
    """By its address, not by how a name begins."""
    assert is_loopback("127.8.9.1:1")
    assert not is_loopback("127.0.0.1.example:1")


def test_the_web_framework_is_imported_only_when_asked_for() -> None:
    """Neither a server's modules nor the client's pull it in."""
    program = (
        "import sys, childproof.run.server.serving, childproof.run.session, childproof.client, childproof.control.messages\n"
        "import childproof.run.compose, childproof.cli.serve, childproof.cli.run, childproof.cli.world_diff\n"
        "print([name for name in ('starlette', 'uvicorn', 'anyio') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_socket_goes_with_its_file_and_with_no_other(tmp_path: Path) -> None:
    """Another server may have taken the path, where somebody had removed the file."""
    path = str(tmp_path / "c.sock")
    first = bind_unix(path)
    made = place_of(path)
    (tmp_path / "c.sock").unlink()
    second = bind_unix(path)
    unbind_unix(path, first, made)
    assert (tmp_path / "c.sock").exists()
    unbind_unix(path, second, place_of(path))
    assert not (tmp_path / "c.sock").exists()


@pytest.mark.parametrize("path", ["\0abstract", "/tmp/a\0b"])
def test_a_path_with_a_nul_is_none(path: str) -> None:
    """At its beginning it is a name without a file, and so without a mode."""
    with pytest.raises(ListenError, match="NUL"):
        bind_unix(path)
