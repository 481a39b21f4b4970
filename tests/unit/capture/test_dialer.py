"""The dialer: what was checked is what is dialled, and private answers are refused."""

import asyncio
from collections.abc import Sequence
from typing import Self

import pytest

from childproof.capture.dialer import DialError, dial, permitted
from childproof.model import Forward, Upstream


class Resolver:
    """Gives one answer after the other, as a rebinding name server does."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Sentinel:
    """A server on loopback that counts its connections and echoes."""

    connections = 0

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(await reader.read(100))
        writer.close()


def refused(forward: Forward, resolver: Resolver) -> DialError:
    with pytest.raises(DialError) as caught:
        asyncio.run(dial(forward, resolver))
    return caught.value


def test_the_checked_address_is_the_one_dialled() -> None:
    """DNS rebinding: the second answer is never asked for."""

    async def main() -> None:
        async with Sentinel() as sentinel:
            resolver = Resolver(["127.0.0.1"], ["127.0.0.2"])
            dialed = await dial(Forward("api.example", sentinel.port, ("127.0.0.1/32",)), resolver)
            assert dialed.address == "127.0.0.1"
            assert dialed.writer.get_extra_info("peername")[0] == "127.0.0.1"
            assert dialed.upstream == Upstream(dns=1, connections=1)
            assert resolver.asked == 1
            dialed.writer.write(b"hello")
            assert await dialed.reader.read(100) == b"hello"
            dialed.writer.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1",
        "fd00:ec2::254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "198.18.0.1", "100::1", "224.0.0.1", "168.63.129.16",
    ],
)  # fmt: skip
def test_private_answers_are_refused(address: str) -> None:
    error = refused(Forward("api.example", 443), Resolver([address]))
    assert "no rule names it" in error.reason
    assert error.upstream == Upstream(dns=1)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
def test_private_literals_are_refused_without_a_query(address: str) -> None:
    resolver = Resolver()
    error = refused(Forward(address, 443), resolver)
    assert "no rule names it" in error.reason
    assert error.upstream == Upstream()


def test_one_private_address_among_public_ones_refuses_them_all() -> None:
    async def main() -> None:
        async with Sentinel() as sentinel:
            with pytest.raises(DialError):
                await dial(Forward("a.example", sentinel.port, ("127.0.0.1/32",)), Resolver(["127.0.0.1", "127.0.0.2"]))
            assert sentinel.connections == 0

    asyncio.run(main())


def test_a_scoped_or_broken_answer_is_refused() -> None:
    for answer in ("fe80::1%eth0", "nonsense", ""):
        refused(Forward("a.example", 443), Resolver([answer]))


def test_a_name_without_an_address_and_a_failing_resolver_are_told_apart() -> None:
    assert "has no address" in refused(Forward("a.example", 443), Resolver([])).reason
    assert "does not resolve" in refused(Forward("a.example", 443), Resolver(OSError("no such host"))).reason


def test_a_port_nobody_listens_on_is_an_error_with_its_count() -> None:
    async def main() -> None:
        async with Sentinel() as sentinel:
            port = sentinel.port
        with pytest.raises(DialError) as caught:
            await dial(Forward("127.0.0.1", port, ("127.0.0.0/8",)))
        assert caught.value.upstream == Upstream(connections=1)
        assert "can't be reached" in caught.value.reason

    asyncio.run(main())


def test_a_second_address_is_tried_when_the_first_refuses() -> None:
    async def main() -> None:
        async with Sentinel() as sentinel:
            forward = Forward("a.example", sentinel.port, ("127.0.0.0/8",))
            dialed = await dial(forward, Resolver(["127.0.0.9", "127.0.0.1"]))
            assert dialed.address == "127.0.0.1"
            assert dialed.upstream == Upstream(dns=1, connections=2)
            dialed.writer.close()

    asyncio.run(main())


def test_a_second_address_of_this_machine_is_its_own_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel reaches it from the first one, so that its ends don't look alike: 127.0.0.2 is reached from 127.0.0.1."""
    monkeypatch.setattr("childproof.capture.dialer.is_global", lambda _: True)

    async def main() -> None:
        async with Sentinel() as sentinel:
            server = await asyncio.start_server(sentinel._serve, "127.0.0.2", sentinel.port)
            async with server:
                for here in ("127.0.0.1", "127.0.0.2"):
                    with pytest.raises(DialError, match="own address"):
                        await dial(Forward("a.example", sentinel.port), Resolver([here]))

    asyncio.run(main())


def test_a_resolver_that_hangs_is_given_up() -> None:
    async def forever(host: str, port: int) -> Sequence[str]:
        del host, port
        await asyncio.get_running_loop().create_future()
        return []

    with pytest.raises(DialError) as caught:
        asyncio.run(dial(Forward("a.example", 443), forever, timeout=0.01))
    assert "not resolved" in caught.value.reason


def test_networks_permit_only_their_own_family_and_range() -> None:
    assert permitted("10.1.2.3", ("fd00::/8", "10.1.0.0/16"))
    assert not permitted("10.2.2.3", ("fd00::/8", "10.1.0.0/16"))
    assert permitted("8.8.8.8", ())


@pytest.mark.parametrize("address", ["93.184.216.34", "64:ff9b::5db8:d822"])
def test_a_range_that_a_rule_denies_is_not_dialled_whatever_leads_there(address: str) -> None:
    forward = Forward("a.example", 443, (), ("93.184.216.0/24", "2001:db8::/32"))
    error = refused(forward, Resolver(["8.8.8.8", address]))
    assert "in a range that a rule denies" in error.reason
    assert error.upstream == Upstream(dns=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "here.example", "rebound.example"])
def test_no_call_leads_to_what_judges_it(host: str) -> None:
    """A rule may name the loopback; our own ports there, the control API's among them, are closed all the same."""

    async def main() -> None:
        async with Sentinel() as sentinel:
            forward = Forward(host, sentinel.port, networks=("127.0.0.0/8",))
            answer = ["127.0.0.3", "127.0.0.1"] if host == "rebound.example" else ["127.0.0.1"]
            with pytest.raises(DialError, match=r"where childproof itself listens$") as caught:
                await dial(forward, Resolver(answer), closed={sentinel.port})
            assert caught.value.upstream.connections == sentinel.connections == 0
            if host == "here.example":
                dialed = await dial(forward, Resolver(answer), closed={sentinel.port + 1})
                dialed.writer.close()

    asyncio.run(main())
