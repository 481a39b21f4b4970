"""The stub's own executable examples."""

from pathlib import Path

import pytest

from childproof.stubkit.cases.cases import load_cases, run_case

CASES = load_cases(Path(__file__).parents[3] / "stubs" / "email")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(stub, case):
    result = run_case(stub, case)
    assert not result.failures, "\n".join(map(str, result.failures))
