"""Addresses tied to names: what our DNS answers, and how a sealed connection finds its name again.

Every name that a sandbox asks for gets one address of each family, and a connection to that address is judged as a
call to the name. So an address must never come to mean another name while anybody may still hold it:

- A name keeps its addresses as long as the table lives (one table per sandbox). They follow from the name, so that a
  proxy that was restarted gives the same ones again: clients hold on to what its predecessor told them.
- An address that was ever dialled is never tied to another name: clients, pools and the JVM cache for longer than
  any TTL says.
- When all addresses are taken, the name that was asked for longest ago gives its addresses up, if nobody ever dialled
  them and the last answer is older than `HOLD` seconds, which is far above the TTL. Otherwise `NamesExhausted` is
  raised and the query is refused: closed, not confused.
"""

import hashlib
import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from childproof.model import HostError, is_address, normalize_host

TTL = 60  # seconds that our answers may be cached
HOLD = 3600.0  # seconds after its last answer before an address that was never dialled may be tied to another name
IPV4 = ipaddress.IPv4Network("198.18.0.0/15")  # benchmarking (RFC 2544): never routed, so nobody's real address
IPV6 = ipaddress.IPv6Network("100::/64")  # discard-only (RFC 6666), likewise
CAPACITY = IPV4.num_addresses - 2  # without the first and the last, which some stacks take for broadcast

_GUESSES = 16  # places that a name may have, the first of them unless other names have it

Family = Literal[4, 6]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NamesExhausted(Exception):
    """Every address is tied to a name that may still be in use. The message fits into a denial's reason."""


@dataclass(slots=True)
class _Tie:
    name: str
    place: int  # 1 … capacity: the address's offset in both networks
    answered: float  # when it was last told to anybody, by the table's clock


class NameTable:
    """One sandbox's names. `clock` gives seconds that only ever grow (`time.monotonic`); `capacity` is for tests."""

    def __init__(self, clock: Callable[[], float], *, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = min(capacity, CAPACITY)
        self._places: dict[int, _Tie] = {}
        self._next = 1  # below it all places are taken
        self._dialled: dict[str, _Tie] = {}
        self._undialled: OrderedDict[str, _Tie] = OrderedDict()  # oldest answer first

    def __len__(self) -> int:
        return len(self._places)

    def address_for(self, name: str, family: Family) -> str:
        """The address tied to a name, tying one where none is.

        Names of the local machine (RFC 6761: `localhost` and below) get loopback. Raises HostError for what is no
        name, an IP address included, and NamesExhausted.
        """
        name = normalize_host(name)
        if is_address(name):
            raise HostError(f"{name!r} is an address, not a name")
        if name == "localhost" or name.endswith(".localhost"):
            return "127.0.0.1" if family == 4 else "::1"
        tie = self._dialled.get(name) or self._touch(name) or self._tie(name)
        network = IPV4 if family == 4 else IPV6
        return str(network[tie.place])

    def name_for(self, address: str) -> str | None:
        """The name that a dialled address is tied to, None for all others. From now on the tie is final."""
        tie = self._find(address)
        if tie is None:
            return None
        if self._undialled.pop(tie.name, None) is not None:
            self._dialled[tie.name] = tie
        return tie.name

    def peek(self, address: str) -> str | None:
        """The name of an address for reverse lookups: like `name_for`, but leaves no trace."""
        tie = self._find(address)
        return tie.name if tie else None

    def _find(self, address: str) -> _Tie | None:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return None
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        network = IPV4 if isinstance(parsed, ipaddress.IPv4Address) else IPV6
        if parsed not in network:
            return None
        return self._places.get(int(parsed) - int(network.network_address))

    def _touch(self, name: str) -> _Tie | None:
        tie = self._undialled.get(name)
        if tie is not None:
            tie.answered = self._clock()
            self._undialled.move_to_end(name)
        return tie

    def _tie(self, name: str) -> _Tie:
        place = self._free(name) if len(self._places) < self._capacity else self._recycle()
        tie = _Tie(name, place, self._clock())
        self._places[place] = tie
        self._undialled[name] = tie
        return tie

    def _free(self, name: str) -> int:
        """One of the places that follow from a name; any other where all of those are taken."""
        digest = hashlib.blake2b(name.encode(), digest_size=_GUESSES * 4).digest()
        for start in range(0, len(digest), 4):
            place = int.from_bytes(digest[start : start + 4]) % self._capacity + 1
            if place not in self._places:
                return place
        while self._next in self._places:
            self._next += 1
        return self._next

    def _recycle(self) -> int:
        if self._undialled:
            oldest = next(iter(self._undialled.values()))
            if self._clock() - oldest.answered >= HOLD:
                del self._undialled[oldest.name]
                return oldest.place
        raise NamesExhausted(f"all {self._capacity} addresses for names are in use in this sandbox")
