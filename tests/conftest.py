"""What holds for all tests: no test asserts on time, so neither do the property tests."""

import os

from hypothesis import settings

# Commands that tests start run from bytecode, as installed ones do: without it, each takes a second to compile what it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("childproof", deadline=None)
settings.load_profile("childproof")
