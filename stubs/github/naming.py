"""Node ids and the addresses of things."""

import base64
import struct
from functools import lru_cache

API = "https://api.github.com"
WEB = "https://github.com"
AVATARS = "https://avatars.githubusercontent.com"


@lru_cache(maxsize=4096)
def node_id(kind: str, *ids: int) -> str:
    """A global node id as GitHub makes them: a prefix, then MessagePack in base64: [0, id] or [0, repository, id].

    Kinds: U user, O organization, R repository, I issue, PR pull request, IC comment, LA label, MI milestone, RE release …
    """
    packed = bytes([0x91 + len(ids), 0]) + b"".join(b"\xce" + struct.pack(">I", one & 0xFFFFFFFF) for one in ids)
    return f"{kind}_{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"
