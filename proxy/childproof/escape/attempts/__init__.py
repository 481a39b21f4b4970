"""The attempts themselves, by the matrix' areas. Importing this package fills the table."""

from . import bodies, dns, files, hosts, meaning, paths, protocol, proxy, routing, smuggling

__all__ = ["bodies", "dns", "files", "hosts", "meaning", "paths", "protocol", "proxy", "routing", "smuggling"]
