"""docs/image.md names what the Dockerfile has, and runs the image as it was tried."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "image.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_each_build_argument_is_in_the_table_with_its_default() -> None:
    """Each ARG of the Dockerfile stands in the table; those with a default, with it."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| `")]
    for name, default in re.findall(r"^ARG (\w+)(?:=(.*))?$", DOCKERFILE, re.MULTILINE):
        [row] = [row for row in rows if f"`{name}`" in row.split("|")[1]]
        assert not default or row.rstrip(" |").endswith(f"`{default}`"), row


def test_ports_volumes_and_user_are_the_images_own() -> None:
    """What EXPOSE, VOLUME and USER say stands on the page."""
    exposed = re.search(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE)
    assert exposed
    assert [port for port in exposed[1].split() if port.split("/")[0] not in TEXT] == []
    for volume in re.findall(r'"(/[^"]+)"', DOCKERFILE.split("VOLUME", 1)[1].splitlines()[0]):
        assert f"volume `{volume}`" in TEXT
    assert "15001:15001, by number" in TEXT
    assert "USER 15001:15001\n" in DOCKERFILE


def test_the_page_hardens_as_the_test_of_the_image_does() -> None:
    """Both `docker run` lines have what tests/image runs containers with."""
    runs = [block for block in re.findall(r"^```\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE) if "docker run" in block]
    tried = (ROOT / "tests" / "image" / "engine.py").read_text(encoding="utf-8")
    assert len(runs) == 2
    for flag in ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"):
        assert [run for run in runs if flag not in run] == []
        assert f'"{flag}"' in tried
