"""What files look like from outside: enough to see a change, and no reason to see one where there is none."""

import os
from pathlib import Path

from childproof.catalog.footprint import DEEPEST, differ, footprint


def test_any_change_of_a_file_is_seen(tmp_path: Path) -> None:
    """Content of the same length in the same second, another file in its place, a link that leads elsewhere, none at all."""
    file, other, link = tmp_path / "a", tmp_path / "b", tmp_path / "link"
    file.write_text("1")
    other.write_text("2")
    link.symlink_to(file)
    seen = [footprint([link])]
    before = file.stat()
    file.write_text("3")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))  # a clock may tick more coarsely than we write
    seen.append(footprint([link]))
    before = file.stat()
    (tmp_path / "new").write_text("4")
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").replace(file)
    seen.append(footprint([link]))
    link.unlink()
    link.symlink_to(other)
    seen.append(footprint([link]))
    link.unlink()
    seen.append(footprint([link]))
    assert all(differ(one, other) for place, one in enumerate(seen) for other in seen[place + 1 :])
    assert seen[-1] == {str(link): None}


def test_it_is_bounded_and_knows_no_caches(tmp_path: Path) -> None:
    """A circle of links, a cache, an editor's file: none of them is a reason to read again."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    before = footprint([tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").touch()
    (tmp_path / ".x.swp").touch()
    assert not differ(footprint([tmp_path]), before)
    (tmp_path / "a" / "new").touch()
    now = footprint([tmp_path])
    assert differ(now, before)
    assert len(now) <= DEEPEST


def test_a_file_that_is_nowhere_is_the_same_as_one_that_nobody_knew(tmp_path: Path) -> None:
    assert not differ(footprint([tmp_path / "nothing"]), {})


def test_what_can_not_be_looked_at_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    assert footprint([tmp_path / "circle", tmp_path / ("x" * 300)]) == {
        str(tmp_path / "circle"): None,
        str(tmp_path / ("x" * 300)): None,
    }
