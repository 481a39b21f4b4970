"""mitmproxy's parts, without those that we never use and all that these would import.

- `mitmproxy.addons` imports every stock addon when it is imported, and with them flask, ldap3 and werkzeug: a third of
  a second and 15 MB. Its submodules don't need that.
- QUIC and HTTP/3 (with aioquic): UDP never gets here, and no TLS of ours offers h3. 70 ms.
- WebSockets (with wsproto): layers of our own answer them and pass them on, and import it with the first one. 27 ms.
- The grammar of mitmproxy's console commands (with pyparsing), and its configuration files (with ruamel.yaml): nobody
  types commands here, options are set in code. 60 ms.

While mitmproxy is imported, stand-ins take their places. What it takes from one is a class that can't be instantiated:
should a connection ever get as far as that, the exception refuses it, as any exception in a layer does. Under a stock
mitmdump the real modules are there already and stay.
"""

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_PACKAGE = "mitmproxy.addons"
_UNUSED = (
    "mitmproxy.proxy.layers.quic",
    "mitmproxy.proxy.layers.http._http3",
    "aioquic.h3.connection",
    "aioquic.tls",
    "mitmproxy.proxy.layers.websocket",
    "wsproto",
    "wsproto.handshake",
    "wsproto.frame_protocol",
    "mitmproxy.command_lexer",
    "pyparsing",
    "ruamel.yaml",
)


class LeftOut:
    """What stands for a class or function of mitmproxy that isn't there."""

    def __init__(self, *_: object, **__: object) -> None:
        raise RuntimeError(f"{type(self).__name__} is a part of mitmproxy that childproof leaves out")


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # the import system asks for some that a module needn't have
        left_out = type(name, (LeftOut,), {})
        setattr(self, name, left_out)
        return left_out


def _stand_ins() -> list[str]:
    """Put stand-ins where nothing is yet; their names."""
    placed = [name for name in _UNUSED if name not in sys.modules]
    for name in placed:
        sys.modules[name] = _StandIn(name)
        parent, _, last = name.rpartition(".")
        if parent in placed:  # as the import system does with what it loads
            setattr(sys.modules[parent], last, sys.modules[name])
    if _PACKAGE not in sys.modules:
        spec = find_spec(_PACKAGE)
        if spec is not None:  # else mitmproxy moved it: the plain import below says so
            sys.modules[_PACKAGE] = module_from_spec(spec)
            placed.append(_PACKAGE)
    return placed


_placed = _stand_ins()
try:
    from mitmproxy.addons.proxyserver import Proxyserver
    from mitmproxy.addons.tlsconfig import TlsConfig
    from mitmproxy.master import Master
    from mitmproxy.options import Options
finally:
    for _name in _placed:  # whoever wants the real module later still gets it
        del sys.modules[_name]

__all__ = ["LeftOut", "Master", "Options", "Proxyserver", "TlsConfig"]
