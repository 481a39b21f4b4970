"""mitmproxy's parts without its addons package.

`mitmproxy.addons` imports every stock addon when it is imported, and with them flask, ldap3, werkzeug and pyparsing:
a third of a second and 15 MB that we never use. Its submodules don't need that, so while we import the two that we
use, an empty package stands in. Under a stock mitmdump the real package is there already and stays.
"""

import sys
from importlib.util import find_spec, module_from_spec

_NAME = "mitmproxy.addons"


def _stand_in() -> bool:
    if _NAME in sys.modules:
        return False
    spec = find_spec(_NAME)
    if spec is None:  # mitmproxy moved it: the plain import below says so
        return False
    sys.modules[_NAME] = module_from_spec(spec)
    return True


_replaced = _stand_in()
try:
    from mitmproxy.addons.proxyserver import Proxyserver
    from mitmproxy.addons.tlsconfig import TlsConfig
    from mitmproxy.master import Master
    from mitmproxy.options import Options
finally:
    if _replaced:
        # whoever wants the real package later still gets it
        del sys.modules[_NAME]

__all__ = ["Master", "Options", "Proxyserver", "TlsConfig"]
