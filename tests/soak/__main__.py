"""`python -m tests.soak --minutes 10`: the long run by hand, with its figures."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import CAP, MAY_GROW, Findings, soak


def main() -> int:
    """Run and print; 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=10)
    minutes: float = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        findings = soak(Path(folder), minutes * 60)
    _show(findings)
    return bool(findings.wrong)


def _show(findings: Findings) -> None:
    print(f"{findings.seconds:.0f} s, {findings.entries:,} entries; killed and started again half-way")
    print("answered:    ", ", ".join(f"{count:,} {kind}" for kind, count in sorted(findings.answers.items())))
    print("broken:      ", ", ".join(f"{count:,} {kind}" for kind, count in sorted(findings.broken.items())))
    print(f"floods:       {findings.floods} over a cap of {CAP}: {findings.refused:,} connections reset;")
    print(f"              an accepted one waited at most {findings.waited * 1000:.0f} ms")
    quiet, end = findings.descriptors
    print(f"descriptors:  {quiet} at rest, at most {findings.most_descriptors}, {end} at the end")
    if findings.memory:
        print(
            f"memory:       {findings.warm:.0f} MB when warm, {findings.memory[-1]:.0f} MB at the end (at most +{MAY_GROW:.0f})"
        )
    print(f"leaked:       {findings.leaked}")
    print("wrong:       ", *(findings.wrong or ["nothing"]), sep="\n  " if findings.wrong else " ")


if __name__ == "__main__":
    sys.exit(main())
