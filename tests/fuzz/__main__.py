"""`python -m tests.fuzz [NAME …] [--seconds 60]`: fuzz the targets named, or all, one after the other, with atheris.

What is found stays below `.fuzz/NAME` (inputs that reach new code) and as `.fuzz/crash-NAME-…`; a run goes on from there.
`python -m tests.fuzz NAME --input FILE` runs one input without atheris.
"""

import argparse
import importlib
import resource
import subprocess
import sys
from pathlib import Path

from tests.fuzz import CORPUS, DICTIONARIES, INSTRUMENTED, NAMES

_KEPT = Path(".fuzz")
_LONGEST = 4096  # bytes of one input
_SLOW = 10  # seconds after which an input counts as a hang
_MEMORY = 2048  # MB


def main() -> int:
    """Fuzz each target in a process of its own: libFuzzer never returns."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="fuzz what reads hostile bytes")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--input", type=Path, help="run this one file, without atheris")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names: list[str] = arguments.names or list(NAMES)
    if unknown := set(names) - set(NAMES):
        parser.error(f"no target named {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    if arguments.input is not None:
        for name in names:
            importlib.import_module(f"tests.fuzz.targets.{name}").check(arguments.input.read_bytes())
        return 0
    if arguments.inside:
        _fuzz(names[0], arguments.seconds)
    failed = []
    for name in names:
        command = [sys.executable, "-m", "tests.fuzz", name, "--inside", "--seconds", str(arguments.seconds)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"found something: {', '.join(failed)}; see {_KEPT}/crash-*", file=sys.stderr)
    return bool(failed)


def _fuzz(name: str, seconds: int) -> None:
    import atheris  # noqa: PLC0415 - no dependency of the tests: `pip install atheris`

    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        check = importlib.import_module(f"tests.fuzz.targets.{name}").check
    grown = _KEPT / name
    grown.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_LONGEST}",
        f"-timeout={_SLOW}",
        f"-rss_limit_mb={_MEMORY}",
        f"-artifact_prefix={_KEPT}/crash-{name}-",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    dictionary = DICTIONARIES / f"{name}.dict"
    if dictionary.exists():
        options.append(f"-dict={dictionary}")
    atheris.Setup(["childproof", *options, str(grown), str(CORPUS / name)], check)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
