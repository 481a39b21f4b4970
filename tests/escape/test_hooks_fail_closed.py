"""The hook, exception and strategy matrix: whatever raises, nothing reaches upstream and nothing hangs."""

import asyncio
import itertools

import pytest
from mitmproxy import exceptions

from childproof.capture.mitm.hooks import Hooks
from childproof.errors import InputError

FOREIGN_HOOKS = (
    "client_connected",
    "requestheaders",
    "request",
    "tls_clienthello",
    "tls_start_client",
    "tls_established_client",
    "server_connect",
)
OUR_HOOKS = ("next_layer", "requestheaders", "request", "tls_clienthello", "tls_start_client", "server_connect")
EXCEPTIONS = (ValueError("a bug"), asyncio.CancelledError(), RecursionError("deep"))
STRATEGIES = ("lazy", "eager")


def force(machine, strategy):
    """Past every check: as if the refusal of the option had failed."""
    machine.capture.master.options._options["connection_strategy"].value = strategy


def raiser(error, *, asynchronous):
    if asynchronous:

        async def hook(*_args):
            await asyncio.sleep(0)
            raise error
    else:

        def hook(*_args):
            raise error

    return hook


def fetch(machine, scheme):
    """One request by each way in; whatever comes back, but within the client's timeout."""
    try:
        if scheme == "http":
            sock = machine.raw()
            sock.sendall(b"POST http://api.example/x HTTP/1.1\r\nHost: api.example\r\nContent-Length: 2\r\n\r\nhi")
        else:
            sock = machine.secure("api.example:443", "http/1.1")
            sock.sendall(b"POST /x HTTP/1.1\r\nHost: api.example\r\nContent-Length: 2\r\n\r\nhi")
        got = b""
        while b"\r\n\r\n" not in got or got.endswith(b"\r\n\r\n"):
            data = sock.recv(65536)
            if not data:
                break
            got += data
    except (OSError, AssertionError):
        return b""
    return got


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("hook", "error", "strategy"),
    list(itertools.product(FOREIGN_HOOKS, EXCEPTIONS, STRATEGIES)),
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_another_addon_that_raises_denies_the_call(machine, tools, hook, error, strategy, asynchronous):
    """Even where every rule allows: an addon that fails must not fail open."""
    machine.judge.decide = tools.allow
    machine.judge.forwards = lambda host: True
    force(machine, strategy)
    faulty = type("Faulty", (), {hook: staticmethod(raiser(error, asynchronous=asynchronous))})()
    machine.capture.master.addons.add(faulty)
    over_tls = fetch(machine, "https")
    assert b" 200 " not in over_tls.split(b"\r\n")[0]
    if not hook.startswith("tls_"):
        plain = fetch(machine, "http")
        assert b" 200 " not in plain.split(b"\r\n")[0]
    assert (machine.sentinel.connections, machine.sentinel.received, machine.sentinel.dialed) == (0, 0, [])
    assert "internal" in machine.judge.violations


@pytest.mark.parametrize(
    ("hook", "error", "strategy"),
    list(itertools.product(OUR_HOOKS, EXCEPTIONS, STRATEGIES)),
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_bug_in_our_own_hook_denies_the_call(machine, tools, monkeypatch, hook, error, strategy):
    """The same for the hooks that carry our policy."""
    machine.judge.decide = tools.allow
    machine.judge.forwards = lambda host: True
    force(machine, strategy)
    monkeypatch.setattr(Hooks, hook, raiser(error, asynchronous=False))
    assert b" 200 " not in fetch(machine, "https").split(b"\r\n")[0]
    assert (machine.sentinel.connections, machine.sentinel.received, machine.sentinel.dialed) == (0, 0, [])
    assert "internal" in machine.judge.violations


@pytest.mark.parametrize("method", ["handle", "may_allow"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_judge_that_raises_denies_the_call(machine, monkeypatch, method, scheme):
    """`Engine.handle` never raises. If it does, the answer is no."""
    machine.judge.forwards = lambda host: True
    monkeypatch.setattr(machine.judge, method, raiser(ValueError("a bug"), asynchronous=False))
    assert b" 200 " not in fetch(machine, scheme).split(b"\r\n")[0]
    assert machine.sentinel.connections == 0


def test_the_control_the_same_call_goes_through_when_nothing_raises(machine, tools):
    """Without this the matrix could pass because nothing ever works."""
    machine.judge.decide = tools.allow
    machine.judge.forwards = lambda host: True
    assert b"upstream" in fetch(machine, "https")
    assert b"upstream" in fetch(machine, "http")
    assert machine.sentinel.connections == 2


def test_a_stubbed_call_stays_here_with_an_eager_strategy(machine, tools):
    """Stock mitmproxy dials at CONNECT and at the ClientHello, even where an addon answers."""
    machine.judge.decide = tools.stubbed()
    machine.judge.forwards = lambda host: True
    force(machine, "eager")
    assert b'{"ok": true}' in fetch(machine, "https")
    assert b'{"ok": true}' in fetch(machine, "http")
    assert machine.sentinel.dialed == []


UNSAFE = {
    "connection_strategy": "eager",
    "stream_large_bodies": "1m",
    "ignore_hosts": [".*"],
    "allow_hosts": ["nothing"],
    "tcp_hosts": [".*"],
    "udp_hosts": [".*"],
    "ssl_insecure": True,
    "validate_inbound_headers": False,
    "rawtcp": True,
    "mode": ["upstream:http://127.0.0.1:1"],
    "client_certs": "/nowhere",
}


@pytest.mark.parametrize("option", UNSAFE)
def test_an_unsafe_option_is_refused_at_start(stopped, option):
    """Each of them would let bytes past the judge."""
    with pytest.raises(InputError, match=option):
        stopped.start(**{option: UNSAFE[option]})
    # and nothing was left running that would keep a safe start from working
    stopped.start()


@pytest.mark.parametrize("option", UNSAFE)
def test_an_unsafe_option_is_refused_later_and_the_old_value_stays(machine, option):
    """mitmproxy's options can change at run time."""
    options = machine.capture.master.options
    before = getattr(options, option)

    async def change():
        options.update(**{option: UNSAFE[option]})

    with pytest.raises(exceptions.OptionsError, match=option):
        machine.run(change())
    assert getattr(options, option) == before
