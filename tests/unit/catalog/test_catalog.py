"""The catalog: shipped stubs, given folders; faults of folders all at once."""

import contextlib
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from childproof.catalog import load_catalog
from childproof.catalog.shipped import shipped
from childproof.cli.stubs_find import stub_folders
from childproof.errors import InputError

DATA = Path(__file__).parents[2] / "data"


def test_shipped_stubs_are_found_in_a_checkout() -> None:
    assert (shipped("stubs") / "stripe" / "stub.yaml").is_file()
    assert "stripe" in load_catalog().names()


def test_a_folder_may_be_a_stub_or_hold_stubs() -> None:
    for folder in (DATA / "stubs", DATA / "stubs" / "acme-crm"):
        catalog = load_catalog([folder])
        assert "acme-crm" in catalog.names()
        assert catalog.get("acme-crm") is catalog.get("acme-crm")


def test_a_given_stub_replaces_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "stripe").mkdir()
    (tmp_path / "stripe" / "stub.yaml").write_text("stub: stripe\nhosts: [stripe.example]\n")
    assert load_catalog([tmp_path]).get("stripe").hosts == ("stripe.example",)


def test_bad_folders_are_refused_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        load_catalog([tmp_path / "empty", tmp_path / "missing", DATA / "stubs", DATA / "bare"])
    text = str(caught.value)
    assert "no folder" in text
    assert "without a stub.yaml" in text
    assert "a second stub 'acme-crm'" in text


def test_an_unknown_name_is_a_lookup_error_with_those_there_are() -> None:
    with pytest.raises(LookupError, match="stripe"):
        load_catalog().get("nobody")


def test_a_broken_stub_only_breaks_itself(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "stub.yaml").write_text("stub: broken\n")
    catalog = load_catalog([tmp_path, DATA / "stubs"])
    assert catalog.get("acme-crm").name == "acme-crm"
    with pytest.raises(InputError, match="hosts"):
        catalog.get("broken")
    with pytest.raises(InputError, match="hosts"):
        catalog.check()


def test_installed_stubs_are_found_without_importing_their_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "acme_stubs_for_tests"
    shutil.copytree(DATA / "stubs" / "acme-crm", package / "acme-crm")
    (package / "__init__.py").write_text("raise RuntimeError('a stub package must not be imported')\n")
    entry = metadata.EntryPoint("acme", "acme_stubs_for_tests", "childproof.stubs")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == "childproof.stubs" else [])
    catalog = load_catalog()
    assert catalog.folder("acme-crm") == package / "acme-crm"
    assert catalog.get("acme-crm").hosts == ("api.acme.com",)


def test_an_entry_point_to_nothing_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = metadata.EntryPoint("gone", "no_such_package_anywhere.stubs", "childproof.stubs")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry])
    assert "stripe" in load_catalog().names()


def test_what_becomes_of_unknown_ids_is_told_by_name() -> None:
    """Of a stub that ships, too: nobody has to copy it for that; what its resources say for themselves stays."""
    told = load_catalog(unknown_ids={"stripe": "synthesize"}).get("stripe").service
    assert told.settings.unknown_ids == "synthesize"
    assert told.registry.named("customer").supposed
    assert not load_catalog().get("stripe").service.registry.named("customer").supposed
    with pytest.raises(InputError, match=r"write: unknown_ids: \{stripe: synthesize\}"):
        load_catalog(unknown_ids={"strype": "synthesize"})


def test_a_stub_that_is_where_stubs_new_writes_is_told_with_its_folder(tmp_path: Path) -> None:
    """`stubs new acme` makes stubs/acme; elsewhere, how to make one is said."""
    made = tmp_path / "stubs" / "acme"
    made.mkdir(parents=True)
    (made / "stub.yaml").write_text("stub: acme\nhosts: [acme.example]\n")
    with pytest.raises(InputError) as caught:
        load_catalog([tmp_path / "acme", tmp_path / "other"])
    assert [fault.write for fault in caught.value.faults] == [
        f"--stubs {tmp_path}/stubs/acme",
        "childproof stubs new other --openapi FILE",
    ]
    with contextlib.chdir(tmp_path), pytest.raises(InputError) as asked:
        stub_folders(["acme"], load_catalog())
    assert asked.value.faults[0].write == "childproof stubs check stubs/acme"
