"""A newcomer finds every page, and every link between pages leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "stubs").glob("*/*.md"))]
LINKS = re.compile(r"\]\(([^)\s]+)\)")
TESTS = re.compile(r"`((?:\w+/)*test_\w+)(?:\.py)?`")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings: lower case, without punctuation, hyphens for spaces."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_each_page_of_the_docs_is_in_the_readme() -> None:
    """README's table is the index: each once."""
    _, _, index = (ROOT / "README.md").read_text().partition("## Read on\n")
    linked = [link for link in LINKS.findall(index) if link.startswith("docs/")]
    assert sorted(linked) == sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a section that is in it."""
    broken = []
    for link in LINKS.findall(page.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_tests_that_pages_name_are_there() -> None:
    """A claim about containment names what holds it: a test that was moved is named by its new place."""
    there = {str(path.relative_to(ROOT).with_suffix("")) for path in (ROOT / "tests").rglob("test_*.py")}
    named = {(page.name, name) for page in PAGES for name in TESTS.findall(page.read_text())}
    assert len(named) > 20
    assert [one for one in sorted(named) if not any(f"/{path}".endswith(f"/{one[1]}") for path in there)] == []
