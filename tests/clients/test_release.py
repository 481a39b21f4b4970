"""Several services in one world: the example that ships a fix meets the same people in all of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = ("--rules", str(ROOT / "rules" / "default.yaml"))
WORLD = """
world: office
seed: 7
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: 6
slack: {users: people}
stripe: {customers: {count: 6}}
github: {repositories: [{name: shop, files: {README.md: "# Shop"}}]}
"""
LOOK = """
import json, urllib.request
def read(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    return json.load(urllib.request.urlopen(request))
github = read("https://api.github.com/user", "ghp_0123456789abcdefghijklmnopqrstuvwxyz")
slack = read("https://slack.com/api/users.list", "xoxb-1-1-a")["members"]
stripe = read("https://api.stripe.com/v1/customers", "sk_test_look")["data"]
print(json.dumps({
    "github": [github["email"]], "login": github["login"],
    "slack": [user["profile"]["email"] for user in slack if user["profile"].get("email")],
    "stripe": [customer["email"] for customer in stripe],
}))
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


@pytest.mark.sealed
def test_the_example_ships_a_fix_and_the_report_tells_all_of_it(tmp_path: Path, needs_sealing: None) -> None:
    """git, GitHub, Slack and SendGrid in one sealed run; nothing leaves."""
    agent = str(ROOT / "examples" / "release_agent.py")
    done = childproof(
        tmp_path, "run", *RULES, "--report", "json", "--report-to", "report.json", "--", sys.executable, agent
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split(maxsplit=1) for line in done.stdout.replace("one world", "people").splitlines())
    assert "#1 closed" in said["issue"]
    assert said["main"] == "Round what is charged (#2)"
    assert said["people"].endswith("is in Slack, too")
    told = json.loads((tmp_path / "report.json").read_text())
    outcomes = {service["stub"]: service["outcome"] for service in told["services"]}
    assert "opened 1 pull request, merged 1 pull request" in outcomes["github"]
    assert outcomes["slack"] == "would have posted 1 message to #general"
    assert outcomes["email"].startswith("would have sent 1 message to ")
    assert (told["denied"], told["upstream"]["bytes_out"]) == ([], 0)


@pytest.mark.sealed
def test_a_worlds_people_are_the_same_for_every_service(tmp_path: Path, needs_sealing: None) -> None:
    """Whose token it is at GitHub, who is in Slack, who buys at Stripe: the people of the world file."""
    (tmp_path / "office.yaml").write_text(WORLD)
    seeded = childproof(tmp_path, "world", "seed", "office.yaml")
    assert seeded.returncode == 0, seeded.stderr
    done = childproof(tmp_path, "run", *RULES, "--world", "office", "--", sys.executable, "-c", LOOK)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["slack"]) == 6
    assert sorted(found["stripe"]) == sorted(found["slack"])
    assert found["github"] == found["slack"][:1]
