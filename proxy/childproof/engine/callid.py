"""What a call is called."""

import hashlib

from childproof.world import Transaction


def call_id_of(tx: Transaction) -> str:
    """Unique across worlds, and the same whenever the same call is made again in a world of that name and seed."""
    digest = hashlib.blake2b(f"{tx.world}\0{tx.seed}\0{tx.seq}".encode(), digest_size=8).hexdigest()
    return f"call_{digest}"
