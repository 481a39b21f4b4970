"""How many connections the process may have open, by the system's own limit of open files."""

import resource

_RESERVED = 100  # for the database, listeners, and what is opened in passing
_EACH = 2  # an allowed connection has its other side
_ENOUGH = 65_536
_LISTENERS = 4  # one of so many descriptors at most is a listener's


def room_for(connections: int) -> int:
    """As many of `connections` as there are descriptors for, after asking for all that this user may have.

    Beyond it, `accept` itself would fail: connections would wait unheard and unrecorded instead of being refused.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, (soft - _RESERVED) // _EACH))


def room_for_listeners() -> int:
    """How many listeners of sandboxes there may be, so that connections still find room."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if soft == resource.RLIM_INFINITY else max(1, (soft - _RESERVED) // _LISTENERS)
