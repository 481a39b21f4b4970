"""The attempts themselves, by the matrix' areas. Importing this package fills the table."""

from . import (
    beside,
    bodies,
    device,
    dns,
    files,
    forging,
    hosts,
    meaning,
    paths,
    protocol,
    proxy,
    routing,
    smuggling,
    users,
)

__all__ = [
    "beside",
    "bodies",
    "device",
    "dns",
    "files",
    "forging",
    "hosts",
    "meaning",
    "paths",
    "protocol",
    "proxy",
    "routing",
    "smuggling",
    "users",
]
