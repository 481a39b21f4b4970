"""childproof under a stock mitmproxy: `mitmdump -s "$(childproof addon)"`, likewise mitmweb.

Configured like everything else, by childproof.yaml in the working directory and CHILDPROOF_ variables;
CHILDPROOF_WORLD names the world. A broken configuration ends mitmproxy before it listens: a script that merely
failed to load would leave an open proxy behind.
"""

import atexit
import os
import sys
from pathlib import Path

from childproof.capture.destination import Ingress
from childproof.capture.mitm.addon import ChildproofAddon
from childproof.errors import ChildproofError
from childproof.run.compose import compose
from childproof.run.config.config import load_config
from childproof.run.config.variables import PREFIX
from childproof.run.watch.trouble import Trouble


def _addon() -> ChildproofAddon:
    world = os.environ.get(PREFIX + "WORLD", "main")
    try:
        parts = compose(load_config(os.environ, Path.cwd()), worlds=(world,), on_trouble=Trouble())
    except ChildproofError as error:
        print(f"childproof: {error}\nchildproof: nothing was started", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    if parts.watching is not None:
        atexit.register(parts.watching.close)  # mitmproxy ends without telling
    return ChildproofAddon(parts.engine, Ingress(world))


addons = [_addon()]
