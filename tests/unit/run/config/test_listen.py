"""`listen:`: who names a listener's world, and what is refused about it at once."""

from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.run.config.config import load_config
from childproof.run.config.listen import Listen, NamedBy, settled

HOME = {"HOME": "/home/someone"}


def configured(folder: Path, listen: str) -> tuple[Listen, ...]:
    (folder / "childproof.yaml").write_text(f"listen: [{listen}]\n")
    return load_config(HOME, folder).listen


def test_redirections_lead_to_listeners_with_names_and_ranges(tmp_path: Path) -> None:
    [item] = configured(
        tmp_path, '{world: a, service: "0.0.0.0:1", dns: "0.0.0.0:2", from: [10.0.0.0/8, "fd00::/8", 192.0.2.7]}'
    )
    assert item.addresses() == {"service": "0.0.0.0:1", "dns": "0.0.0.0:2"}
    assert [str(network) for network in item.sources] == ["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"]


@pytest.mark.parametrize(
    ("listen", "found"),
    [
        ("{world: a}", "http, socks or both beside world"),
        ('{world: a, http: "a:1", dns: "a:2"}', "dns beside transparent or service"),
        ('{world: a, http: "a:1", from: [10.0.0.0/8]}', "from beside transparent"),
        ('{world: a, service: "a:1", from: [10.0.0.1/8]}', "its last bits zero"),
        ('{world: a, service: "a:1", from: [all]}', "a range of addresses"),
        ('{world: a, transparent: "15001"}', "HOST:PORT"),
        ('{world: {file: a, env: b}, transparent: "a:1"}', "world"),
        ('{world: {pod: a}, transparent: "a:1"}', "world"),
    ],
)
def test_what_is_no_listener_is_refused_at_its_place(tmp_path: Path, listen: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        configured(tmp_path, listen)


def test_a_file_or_a_variable_names_the_world(tmp_path: Path) -> None:
    """The file is relative to childproof.yaml; spaces around the name are nobody's."""
    (tmp_path / "world").write_text(" team/run-7 \n")
    items = configured(tmp_path, '{world: {file: world}, transparent: "a:1"}, {world: {env: SANDBOX}, http: "a:2"}')
    assert items[0].named_by == NamedBy("file", str(tmp_path / "world"))
    assert [item.world for item in settled(items, {"SANDBOX": "b"})] == ["team/run-7", "b"]


def test_all_that_name_no_world_are_told_at_once_with_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bad").write_bytes(b"a\xff b")
    (tmp_path / "huge").write_bytes(b"a" * 5000)
    (tmp_path / "folder").mkdir()
    names = ("missing", "empty", "bad", "huge", "folder")
    files = ", ".join(f'{{world: {{file: {name}}}, http: "a:1"}}' for name in names)
    items = configured(tmp_path, files + ', {world: {env: NONE}, http: "a:1"}, {world: {env: EMPTY}, http: "a:1"}')
    with pytest.raises(InputError) as caught:
        settled(items, {"EMPTY": " "})
    told = [(fault.file.removeprefix(f"{tmp_path}/"), fault.found.partition(";")[0]) for fault in caught.value.faults]
    assert told == [
        ("missing", "can't be read: No such file or directory"),
        ("empty", "an empty file, which is to name the world of a listener"),
        ("bad", "'a\\\\xff b' is no name of a world"),
        ("huge", "more than 4096 bytes, where the name of a listener's world is to be"),
        ("folder", "can't be read: Is a directory"),
        ("environment", "NONE is not set, and is to name the world of a listener"),
        ("environment", "EMPTY is empty, and is to name the world of a listener"),
    ]
    assert caught.value.faults[-1].write == "EMPTY=main"
    assert caught.value.faults[0].write == f"echo main > {tmp_path}/missing"


def test_a_port_that_is_none_is_refused_at_its_place(tmp_path: Path) -> None:
    """All of them together, each with its line."""
    (tmp_path / "childproof.yaml").write_text(
        'listen:\n  - {world: a, service: "a:1", dns: "a:65536"}\nhealth: 127.0.0.1:99999\nmetrics: 127.0.0.1:65535\n'
    )
    with pytest.raises(InputError) as caught:
        load_config(HOME, tmp_path)
    assert [(fault.line, fault.found) for fault in caught.value.faults] == [
        (2, "listen.0.dns: the port 65536"), (3, "health: the port 99999"),
    ]  # fmt: skip
