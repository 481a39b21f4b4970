"""A shipped stub's openapi.json is what `childproof stubs derive` makes of the vendor's document and nothing else."""

from pathlib import Path

import botocore
import click.testing
import pytest

from childproof.cli.stubs_derive import derive_command

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT.parent / "shared" / "specs" / "stripe-2026-08-26.openapi.json.gz"


def test_stripes_surface_is_exactly_what_derive_gives(tmp_path: Path) -> None:
    """Nothing was put into the committed file by hand: pages.yaml and the document make the same bytes."""
    if not DOCUMENT.is_file():
        pytest.skip("Stripe's document isn't beside the repository (../shared/specs)")
    folder, output = ROOT / "stubs" / "stripe", tmp_path / "openapi.json"
    arguments = [str(DOCUMENT), "-o", str(output), "--with", str(folder / "pages.yaml")]
    result = click.testing.CliRunner().invoke(derive_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    made, committed = output.read_text().splitlines(), (folder / "openapi.json").read_text().splitlines()
    assert made == committed, "derive it again: stubs/stripe/README.md says how"


def test_ses_surface_is_exactly_what_derive_gives_of_botocores_models(tmp_path: Path) -> None:
    """Both service models of the botocore that the README names, one of them under names of its own."""
    if botocore.__version__ != "1.44.5":
        pytest.skip(f"botocore {botocore.__version__}: stubs/ses was derived from 1.44.5")
    data, output = Path(botocore.__file__).parent / "data", tmp_path / "openapi.json"
    classic, newer = (data / name / "service-2.json.gz" for name in ("ses/2010-12-01", "sesv2/2019-09-27"))
    arguments = [str(newer), "-o", str(output), "--with", f"V1={classic}"]
    result = click.testing.CliRunner().invoke(derive_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert output.read_text().splitlines() == (ROOT / "stubs" / "ses" / "openapi.json").read_text().splitlines()
