"""One sandbox's connections, counted whatever becomes of them."""

import asyncio

from childproof.capture.destination import Ingress
from childproof.capture.mitm.shares import Shares

ONE, OTHER = Ingress("main", "one"), Ingress("main", "other")


class Connection(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.over = False

    def is_closing(self) -> bool:
        return self.over


def test_a_share_that_is_used_up_leaves_the_others_theirs() -> None:
    shares = Shares(2)
    held = [Connection() for _ in range(4)]
    assert shares.take(ONE, held[0])
    assert shares.take(ONE, held[1])
    assert not shares.take(ONE, held[2])
    assert shares.take(OTHER, held[3])


def test_a_connection_that_ended_makes_room() -> None:
    """Closed or collected, it is over."""
    shares = Shares(1)
    first, second = Connection(), Connection()
    assert shares.take(ONE, first)
    assert not shares.take(ONE, second)
    first.over = True
    assert shares.take(ONE, second)
    del second
    assert shares.take(ONE, Connection())


def test_a_listener_that_is_gone_is_forgotten() -> None:
    shares = Shares(1)
    held = [Connection(), Connection()]
    assert shares.take(ONE, held[0])
    shares.forget(ONE)
    assert shares.take(ONE, held[1])
