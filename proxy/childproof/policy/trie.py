"""Finding rules by host and path without looking at every rule.

Hosts go through dictionaries (the name, each of its parents for `*.name`, each prefix length for addresses), paths
through a trie by segment. A lookup may give a rule that doesn't match after all; it never misses one that does.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from .facts import Facts
from .glob import ANY
from .rule import Network

EVERY_PATH: tuple[str, ...] = (ANY,)


class PathTrie:
    """Numbers under path patterns. Segments are compared without regard to case: guards may read them so.

    `below` are the tries after a literal segment, `star` after one with a `*`; `deep` are the numbers of patterns with
    `**` here, whatever follows, and `here` of those that end here.
    """

    __slots__ = ("below", "deep", "here", "star")

    def __init__(self) -> None:
        self.below: dict[str, PathTrie] | None = None
        self.star: PathTrie | None = None
        self.deep: list[int] | None = None
        self.here: list[int] | None = None

    def add(self, segments: Sequence[str], number: int) -> None:
        """Put `number` under a pattern."""
        node = self
        for segment in segments:
            if segment == ANY:
                node.deep = node.deep or []
                node.deep.append(number)
                return
            if "*" in segment:
                node.star = node.star or PathTrie()
                node = node.star
            else:
                folded = segment.lower()
                if node.below is None:
                    node.below = {}
                following = node.below.get(folded)
                if following is None:
                    following = node.below[folded] = PathTrie()
                node = following
        node.here = node.here or []
        node.here.append(number)

    def find(self, segments: Sequence[str], into: set[int]) -> None:
        """Add all numbers whose patterns may fit the path."""
        active = [self]
        into.update(self.deep or ())
        for segment in segments:
            following = []
            for node in active:
                if node.below is not None and (below := node.below.get(segment.lower())) is not None:
                    following.append(below)
                if node.star is not None:
                    following.append(node.star)
            if not following:
                return
            for node in following:
                into.update(node.deep or ())
            active = following
        for node in active:
            into.update(node.here or ())

    def everything(self, into: set[int], *, enough: int | None = None) -> None:
        """Add all numbers, whatever their patterns; stop once there are more than `enough`."""
        levels: list[Iterator[PathTrie]] = [iter((self,))]
        while levels and (enough is None or len(into) <= enough):
            node = next(levels[-1], None)
            if node is None:
                levels.pop()
                continue
            into.update(node.deep or (), node.here or ())
            if node.below is not None:
                levels.append(iter(node.below.values()))
            if node.star is not None:
                levels.append(iter((node.star,)))

    def find_covering(self, segments: Sequence[str], into: set[int]) -> None:
        """Add all numbers whose patterns may cover the *pattern* `segments`: a star needs a star, `**` needs `**`."""
        active = [self]
        into.update(self.deep or ())
        for segment in segments:
            if segment == ANY:
                return
            following = []
            for node in active:
                if node.below is not None and "*" not in segment:
                    below = node.below.get(segment.lower())
                    following += [below] if below is not None else []
                if node.star is not None:
                    following.append(node.star)
            for node in following:
                into.update(node.deep or ())
            active = following
        for node in active:
            into.update(node.here or ())


class HostTable:
    """Path tries under host patterns and networks."""

    __slots__ = ("_below", "_every", "_lengths", "_names", "_networks")

    def __init__(self) -> None:
        self._names: dict[str, PathTrie] = {}
        self._below: dict[str, PathTrie] = {}  # under `name` for the pattern `*.name`
        self._every: PathTrie | None = None
        self._networks: dict[Network, PathTrie] = {}
        self._lengths: dict[int, list[int]] = {4: [], 6: []}  # the prefix lengths that occur, by IP version

    def trie(self, key: str | Network | None) -> PathTrie:
        """The trie under a host pattern, a network, or (None) under no constraint of hosts; made where missing."""
        if key is None or key == "*":
            self._every = self._every or PathTrie()
            return self._every
        if isinstance(key, str):
            table, name = (self._below, key[2:]) if key.startswith("*.") else (self._names, key)
            return table.setdefault(name, PathTrie())
        if key.prefixlen not in self._lengths[key.version]:
            self._lengths[key.version].append(key.prefixlen)
        return self._networks.setdefault(key, PathTrie())

    def find(self, facts: Facts) -> list[PathTrie]:
        """All tries whose keys fit the call's host, or one of the addresses it may be said to go to."""
        host = facts.host
        found = [self._every] if self._every is not None else []
        if (exact := self._names.get(host)) is not None:
            found.append(exact)
        found += self._parents(host)
        if self._networks:
            for address in facts.addresses:
                for length in self._lengths[address.version]:
                    network = ip_network((address, length), strict=False)
                    if (trie := self._networks.get(network)) is not None:
                        found.append(trie)
        return found

    def find_covering(self, key: str | Network | None) -> list[PathTrie]:
        """All tries whose keys cover a host pattern or a network."""
        found = [self._every] if self._every is not None else []
        if key is None or key == "*":
            return found
        if isinstance(key, str):
            if key.startswith("*."):
                bare = key[2:]
                if (same := self._below.get(bare)) is not None:
                    found.append(same)
                return found + self._parents(bare)
            if (exact := self._names.get(key)) is not None:
                found.append(exact)
            return found + self._parents(key)
        wider = (key.supernet(new_prefix=length) for length in self._lengths[key.version] if length <= key.prefixlen)
        return found + [self._networks[network] for network in wider if network in self._networks]

    def _parents(self, name: str) -> list[PathTrie]:
        if not self._below:
            return []
        found = []
        dot = name.find(".")
        while dot >= 0:
            if (parent := self._below.get(name[dot + 1 :])) is not None:
                found.append(parent)
            dot = name.find(".", dot + 1)
        return found
