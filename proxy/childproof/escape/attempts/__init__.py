"""The attempts themselves, by the matrix' areas. Importing this package fills the table."""

from . import beside, bodies, device, dns, files, hosts, meaning, paths, protocol, proxy, routing, smuggling

__all__ = [
    "beside",
    "bodies",
    "device",
    "dns",
    "files",
    "hosts",
    "meaning",
    "paths",
    "protocol",
    "proxy",
    "routing",
    "smuggling",
]
