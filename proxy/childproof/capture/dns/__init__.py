"""DNS answered by us: every name gets an address of ours, nothing is ever resolved upstream."""

from .answer import Answerer
from .tcp import serve_stream
from .udp import DnsDatagrams, serve_datagrams

__all__ = ["Answerer", "DnsDatagrams", "serve_datagrams", "serve_stream"]
