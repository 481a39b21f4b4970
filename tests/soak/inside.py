"""The clients within a sealed sandbox, where nobody needs to be told of a proxy: `inside.py SECONDS BESIDE`.

`BESIDE` is the port of a listener on the machine's own loopback, which must not be reachable from here. Prints what was
answered as JSON.
"""

import contextlib
import json
import random
import socket
import sys
import time

from tests.soak import clients
from tests.soak.clients import Tally, Way

_PLACES = ("127.0.0.1", "localhost", "0.0.0.0", "::1", "192.0.2.1", "10.0.0.1", "169.254.169.254", "gateway.example")


def main(seconds: float, beside: int) -> None:
    """All at once."""
    way = Way("")
    tally = Tally()

    def outwards(_way: Way, tally: Tally, dice: random.Random) -> None:
        with contextlib.suppress(OSError), socket.create_connection((dice.choice(_PLACES), beside), 5) as sock:
            sock.sendall(b"GET /leak HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"200 OK" not in sock.recv(1000)
        tally.answers["outwards"] += 1

    work = [clients.http, clients.https, clients.denied, clients.http2, clients.mail, clients.raw, clients.names]
    work += [clients.slow_head, clients.slow_body, clients.slow_reader, outwards]
    with clients.clients([(client, way) for client in work], tally):
        time.sleep(seconds)
    print(
        json.dumps(
            {
                "created": tally.created,
                "calls": tally.calls,
                "answers": tally.answers,
                "broken": tally.broken,
                "wrong": tally.wrong,
            }
        )
    )


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
