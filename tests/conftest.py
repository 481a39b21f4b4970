"""What holds for all tests: no test asserts on time, so neither do the property tests."""

from hypothesis import settings

settings.register_profile("childproof", deadline=None)
settings.load_profile("childproof")
