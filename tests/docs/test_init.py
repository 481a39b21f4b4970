"""docs/init.md: its set-up for plain Linux works as it is written, and its tables name what there is."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.sandbox.fence import egress, redirection, refusals

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "init.md").read_text()
# Beside the page's own commands: a mount namespace in which `ip netns` may leave its files, and childproof by name.
AROUND = """
set -e
mount -t tmpfs none /run; mkdir /run/bin
printf '#!/bin/sh\\nexec {python} -c "from childproof.cli.entry import main; main()" "$@"\\n' > /run/bin/childproof
chmod 755 /run /run/bin /run/bin/childproof; export PATH=/run/bin:$PATH
{block}
ip netns exec box childproof init --check --to 10.77.0.1
"""
TRIED = """python3 -c 'import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("203.0.113.9", 443)); s.send(b"x")
try: s.recv(1)
except ConnectionRefusedError: print("refused", os.getuid())'"""


@pytest.mark.sealed
@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("ip"), reason="the page's set-up is root's, and takes iproute2"
)
def test_the_set_up_for_plain_linux_works_as_it_is_written() -> None:
    [block] = re.findall(r"^```\n(ip netns add .*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    script = AROUND.format(
        python=sys.executable, block=block.replace("COMMAND", TRIED.replace("python3", "/usr/bin/python3"))
    )
    run = subprocess.run(
        ["unshare", "-n", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "TCP goes to 15001 of 10.77.0.1" in run.stdout
    assert "refused 1000\n" in run.stdout


def test_the_table_of_chains_has_all_of_them() -> None:
    wanted = redirection.Redirection(gateway=True)
    names = {chain.name for chain in (*redirection.chains(wanted), *refusals.chains(wanted))}
    for name in {*names, *(chain.name.replace("0", "N") for chain in egress.chains(["eth0"]))}:
        assert f"| `{name}` |" in TEXT
