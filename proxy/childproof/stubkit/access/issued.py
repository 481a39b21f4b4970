"""Keys that a service hands out itself: entities of a resource, one of whose fields holds the key (`auth.issued`).

Any other key is still taken as `auth` says. One that was handed out and deleted (softly) since isn't taken any more.
"""

from collections.abc import Mapping

from childproof.stubkit.declared.resources import DELETED
from childproof.stubkit.refusal import Refusal
from childproof.world.transaction import Transaction


class Issued:
    """`resource`, `key` and `scopes` of `auth.issued`."""

    def __init__(self, service: str, written: Mapping[str, str]) -> None:
        self._service = service
        self._resource = written["resource"]
        self._key = written["key"]
        self._scopes = written.get("scopes", "")

    def scopes(self, tx: Transaction, token: str) -> set[str] | None:
        """What a key may do; None for one that was never handed out, or may do everything. Raises Refusal: `bad_token`."""
        where = {self._key: token}
        found = tx.list(self._service, self._resource, where=where, limit=1)
        if found:
            held = found[0].get(self._scopes)
            return set(held) if isinstance(held, list) else None
        if tx.list(self._service, self._resource + DELETED, where=where, limit=1):
            raise Refusal.of("bad_token", token="*" * len(token))
        return None
