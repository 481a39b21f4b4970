"""What users install: the wheel, in an empty environment, runs the demo with the stubs and rules that it carries."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.slow
@pytest.mark.sealed
@pytest.mark.timeout(600)
def test_the_wheel_in_an_empty_environment_runs_the_demo(tmp_path: Path, needs_sealing: None) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT), cwd=ROOT)
    [wheel] = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"), cwd=tmp_path)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = (python, "-m", "pip", "install", "-q", "--no-compile", "-c", str(ROOT / "constraints.txt"))
    run(*install, str(wheel), "stripe", "requests", "httpx", cwd=tmp_path)
    done = run(
        *(str(tmp_path / "venv" / "bin" / "childproof"), "run", "--world", "demo", "--"),
        *(python, str(ROOT / "examples" / "checkout_agent.py")),
        cwd=tmp_path,
    )
    assert "would have charged $420.00 to 1 customer, refunded $20.00 · 1 decline" in done.stderr
    listed = run(str(tmp_path / "venv" / "bin" / "childproof"), "stubs", "list", cwd=tmp_path).stdout
    assert "stripe" in listed
    assert str(ROOT) not in listed
    doctor = (str(tmp_path / "venv" / "bin" / "childproof"), "doctor", "--escape")
    tried = run(*doctor, "--topology", "sealed", "--topology", "explicit", cwd=tmp_path).stdout
    assert tried.count("nothing reached the sinkhole but what rules allow") == 2
