"""The rules that ship say what their cases say; broken rule files say what is wrong with them."""

from pathlib import Path

import pytest

from childproof.catalog.shipped import shipped
from childproof.errors import InputError
from childproof.policy import load_ruleset
from childproof.policy.cases import Case, load_cases, run_case

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rules"
BROKEN = Path(__file__).parent / "broken"
STUBS = sorted(path.parent.name for path in shipped("stubs").glob("*/stub.yaml"))
CASES = load_cases(
    [*sorted((RULES / "cases").glob("*.yaml")), *sorted((Path(__file__).parent / "cases").glob("*.yaml"))],
    rules=[RULES / "default.yaml"],
    stubs=STUBS,
    include_roots=[RULES],
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    assert not [str(failure) for failure in run_case(case)], case.place


@pytest.mark.parametrize("file", sorted(BROKEN.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_broken_rule_file_is_refused_with_these_words(file: Path) -> None:
    """All faults at once, as people read them; `FILE.txt` beside the rule file holds the words."""
    with pytest.raises(InputError) as caught:
        load_ruleset([file], stubs=["email", "stripe"], include_roots=[RULES])
    assert str(caught.value).replace(f"{BROKEN}/", "") == file.with_suffix(".txt").read_text().rstrip("\n")


@pytest.mark.parametrize(
    "file", [RULES / "default.yaml", *sorted((RULES / "presets").glob("*.yaml"))], ids=lambda file: file.stem
)
def test_every_shipped_rule_file_loads(file: Path) -> None:
    assert len(load_ruleset([file], stubs=STUBS, include_roots=[RULES])) > 0


def test_the_shipped_default_lets_nothing_leave() -> None:
    rules = load_ruleset([RULES / "default.yaml"], stubs=STUBS, include_roots=[RULES])
    assert {rule.action.value for rule in rules.rules} == {"stub"}
