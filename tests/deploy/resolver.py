"""A name server for a session: python -m tests.deploy.resolver ADDRESS LOG NAME=ADDRESS…

It knows these names, refuses all others, and writes down each that it is asked for.
"""

import socket
import struct
import sys
from pathlib import Path

_A = 1
_REFUSED = 5


def main(address: str, log: Path, names: dict[str, str]) -> None:
    """Answer until killed; prints `ready` first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, log.open("a", buffering=1) as written:
        server.bind((address, 53))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            query, client = server.recvfrom(4096)
            labels, at = [], 12
            while length := query[at]:
                labels.append(query[at + 1 : at + 1 + length].decode())
                at += 1 + length
            name, (kind,) = ".".join(labels).lower(), struct.unpack_from("!H", query, at + 1)
            written.write(f"{name}\n")
            known = names.get(name)
            answers = b""
            if known and kind == _A:
                answers = b"\xc0\x0c" + struct.pack("!2HIH", _A, 1, 0, 4) + socket.inet_aton(known)
            code = 0 if known else _REFUSED
            head = query[:2] + struct.pack("!5H", 0x8180 | code, 1, int(bool(answers)), 0, 0)
            server.sendto(head + query[12 : at + 5] + answers, client)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), dict(item.split("=", 1) for item in sys.argv[3:]))
