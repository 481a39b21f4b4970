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
    run(*install, str(wheel), "stripe", "requests", "httpx", "pytest-xdist", "pytest-asyncio", cwd=tmp_path)
    done = run(
        *(str(tmp_path / "venv" / "bin" / "childproof"), "run", "--world", "demo", "--"),
        *(python, str(ROOT / "examples" / "checkout_agent.py")),
        cwd=tmp_path,
    )
    assert "would have charged $420.00 to 1 customer, refunded $20.00 · 1 decline" in done.stderr
    listed = run(str(tmp_path / "venv" / "bin" / "childproof"), "stubs", "list", cwd=tmp_path).stdout
    assert "stripe" in listed
    assert str(ROOT) not in listed
    _tests_of_a_users_own(python, tmp_path)
    doctor = (str(tmp_path / "venv" / "bin" / "childproof"), "doctor", "--escape")
    tried = run(*doctor, "--topology", "sealed", "--topology", "explicit", cwd=tmp_path).stdout
    assert tried.count("nothing reached the sinkhole but what rules allow") == 2


TESTS = """
import sys
import httpx, pytest, requests

CUSTOMERS = "https://api.stripe.com/v1/customers"

@pytest.mark.parametrize("n", range(4))
def test_intercepted(intercepted, n):
    assert requests.post(CUSTOMERS, data={"email": "a@example.com"}, auth=("sk_test_123", "")).status_code == 200
    intercepted.must_have("POST", "api.stripe.com/v1/customers", email="a@example.com", exactly=1)

@pytest.mark.asyncio
async def test_coroutine(intercepted):
    async with httpx.AsyncClient(auth=("sk_test_123", "")) as client:
        assert (await client.get(CUSTOMERS)).status_code == 200

def test_sealed(sandbox):
    done = sandbox.run([sys.executable, "-c", "import requests; requests.get('https://example.com/')"])
    assert [call.verdict for call in done.calls] == ["deny"]
"""


def _tests_of_a_users_own(python: str, folder: Path) -> None:
    """pytest finds the plugin by itself, beside xdist and pytest-asyncio."""
    (folder / "test_mine.py").write_text(TESTS)
    options = ("-n", "2", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")
    done = run(python, "-m", "pytest", "-q", *options, "test_mine.py", cwd=folder)
    assert "6 passed" in done.stdout
