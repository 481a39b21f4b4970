"""How a sealed process starts: namespaces, packet rules, mounts, trust. Linux only; needs no root.

`with childproof.sandbox(rules=…) as box:` is `childproof.testing.sandbox`. A package's name and its module's are one name, so
this module is callable, whichever of the two was imported first.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, **wanted: Any) -> Any:
        """`childproof.testing.sandbox`, imported when it is called: it stands above this layer, and isn't part of it."""
        return import_module("childproof.testing").sandbox(**wanted)


sys.modules[__name__].__class__ = _Callable
