"""Git itself, sealed in, against GitHub's stub: what is pushed is what the API shows, later runs and forks of the world included."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")

# Asked for a password, git gets one from its helper, as it does with `gh auth setup-git`.
SETTINGS = """
set -eu
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 LC_ALL=C GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.com
git config --global credential.helper '!f() { echo username=x-access-token; echo password=ghp_childproof; }; f'
git config --global init.defaultBranch main
api() { curl -sSf -H "Authorization: Bearer ghp_childproof" -H "Content-Type: application/json" "https://api.github.com$@"; }
me=$(api /user | sed 's/.*"login":"\\([^"]*\\)".*/\\1/')
url=https://github.com/$me/work
say() { echo "$@"; }
"""
FIRST = """
api /user/repos -d '{"name": "work", "private": true}' > /dev/null
git init -q w && cd w
git add -A && git commit -qm one
git remote add origin $url.git
git tag -a v1 -m First && git push -q -u origin main v1
cd .. && git clone -q $url a
say same $(git -C a rev-parse HEAD) $(git -C w rev-parse HEAD)
say api $(api /repos/$me/work/commits/main -H "Accept: application/vnd.github.sha")
say raw $(curl -sS "https://raw.githubusercontent.com/$me/work/main/d10/f150" -u :ghp_childproof | head -n 1)
(cd a && git checkout -qb one && git commit -q --allow-empty -m one && git push -q origin one) &
(cd w && git push -q origin main:two) &
wait
api /repos/$me/work/contents/README.md -X PUT -d '{"message": "by hand", "content": "aGVsbG8K"}' > /dev/null
cd w && git commit -q --allow-empty -m late && git push origin main 2>&1 | grep -o 'fetch first' || true
git pull -q --rebase && cat README.md && git push -q
head -c 2500000 /dev/urandom > big && git add big && git commit -qm big
git push origin main 2>&1 | grep -o 'HTTP 413' || true
git push -q origin :one
git ls-remote --heads origin | cut -f2
git -c credential.helper= ls-remote https://github.com/$me/work 2>&1 | tail -1
git ls-remote https://github.com/$me/nothing 2>&1 | head -1 || true
"""
LATER = """
git clone -q $url again && cd again && git log --format=%s | head -3
git commit -q --allow-empty -m "$1" && git push -q
"""


def childproof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "childproof", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def run(folder: Path, name: str, script: str, *options: str, arguments: tuple[str, ...] = ()) -> Any:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "script").write_text(SETTINGS + script)
    command = ("sh", "-c", f"cd {name} && sh ./script {' '.join(arguments)}")
    done = childproof(folder, "run", "--seed", "7", *options, "--", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.sealed
def test_git_pushes_and_clones_and_the_api_shows_the_same(tmp_path: Path, needs_sealing: None) -> None:
    """Hundreds of files there and back, refusals as git shows them; the next run and a fork go on from there, each by itself."""
    (tmp_path / "childproof.yaml").write_text("limits: {body: 2MiB}\n")
    dice = random.Random(1)
    for number in range(300):
        path = tmp_path / "first" / "w" / f"d{number % 20}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n{dice.randbytes(700).hex()}\n")
    done = run(tmp_path, "first", FIRST)
    said = done.stdout.splitlines()
    (_, cloned, pushed), (_, shown) = said[0].split(), said[1].split()
    assert cloned == pushed == shown
    assert said[2:] == [
        "raw 150",
        "fetch first",
        "hello",
        "HTTP 413",
        "refs/heads/main",
        "refs/heads/two",
        "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
        "remote: Repository not found.",
    ]
    assert "pushed" in done.stderr
    assert "0 bytes left this machine" in done.stderr
    assert childproof(tmp_path, "world", "fork", "main", "other").returncode == 0
    other = run(tmp_path, "other", LATER, "--world", "other", arguments=("theirs",))
    assert other.stdout.split("\n")[:3] == ["late", "by hand", "one"]
    log = childproof(tmp_path, "log", "--json", "--world", "main").stdout.splitlines()
    entries = [json.loads(line) for line in log]
    assert all(entry["upstream"]["bytes_out"] == 0 for entry in entries)
    changes = [change for entry in entries for change in entry["changes"] if change["kind"] == "git_ref"]
    assert {change["after"]["ref"] for change in changes if change["after"]} >= {"refs/heads/main", "refs/tags/v1"}
    differing = childproof(tmp_path, "world", "diff", "main", "other")
    assert "refs/heads/main" in differing.stdout, differing.stdout + differing.stderr
