"""An agent that ships a fix: a repository on GitHub, a pull request, a word in Slack, a mail to the team.

It talks to the real hosts as anybody would: git over HTTPS and plain HTTP requests. Run it sealed, and nothing of it happens:

    childproof run --world release -- python examples/release_agent.py

It needs git and Python's standard library. The tokens are invented, as a sandbox's should be.
"""

import json
import os
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

GITHUB = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
SLACK = "xoxb-1234567890-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx"
SENDGRID = "SG.0123456789abcdefghijkl.0123456789abcdefghijklmnopqrstuvwxyz0123456"  # gitleaks:allow
PRICE = "def total(prices):\n    return sum(prices) * 1.19\n"
FIXED = "def total(prices):\n    return round(sum(prices) * 1.19, 2)\n"


def call(method: str, url: str, token: str, body: Any = None) -> Any:
    """One request with a JSON body, and the JSON that came back. Raises HTTPError for a refusal."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request) as reply:
        text = reply.read()
        return json.loads(text) if text else dict(reply.headers)


def git(*words: str, folder: Path) -> str:
    """What git prints, of a command in the folder. Raises CalledProcessError where it fails."""
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def pull_request(me: dict[str, Any]) -> dict[str, Any]:
    """The fix: pushed to a branch, reviewed by nobody, merged."""
    repository = call("POST", "https://api.github.com/user/repos", GITHUB, {"name": "shop", "auto_init": True})
    api = f"https://api.github.com/repos/{repository['full_name']}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        address = f"https://x-access-token:{GITHUB}@github.com/{repository['full_name']}.git"
        git("clone", "--quiet", address, "shop", folder=folder)
        shop = folder / "shop"
        git("config", "user.name", me["name"], folder=shop)
        git("config", "user.email", me["email"], folder=shop)
        for text, message, branch in ((PRICE, "Prices with tax", "main"), (FIXED, "Round what is charged", "rounding")):
            git("checkout", "--quiet", "-B", branch, folder=shop)
            (shop / "prices.py").write_text(text)
            git("add", "prices.py", folder=shop)
            git("commit", "--quiet", "-m", message, folder=shop)
            git("push", "--quiet", "origin", branch, folder=shop)
        issue = call("POST", f"{api}/issues", GITHUB, {"title": "Totals have too many digits"})
        opened = call("POST", f"{api}/pulls", GITHUB, {
            "title": "Round what is charged", "head": "rounding", "base": "main", "body": f"Fixes #{issue['number']}",
        })  # fmt: skip
        call("PUT", f"{api}/pulls/{opened['number']}/merge", GITHUB, {"merge_method": "squash"})
        git("checkout", "--quiet", "main", folder=shop)
        git("pull", "--quiet", "origin", "main", folder=shop)
        assert (shop / "prices.py").read_text() == FIXED
        say("pull request", f"#{opened['number']} {call('GET', opened['url'], GITHUB)['state']}, merged")
        say("issue", f"#{issue['number']} {call('GET', issue['url'], GITHUB)['state']}")
        say("main", git("log", "-1", "--format=%s", folder=shop))
    return opened


def tell(opened: dict[str, Any], me: dict[str, Any]) -> None:
    """The team hears of it: in Slack, and by mail where Slack knows an address."""
    posted = call("POST", "https://slack.com/api/chat.postMessage", SLACK, {
        "channel": "#general", "text": f"Merged: <{opened['html_url']}|{opened['title']}>",
    })  # fmt: skip
    assert posted["ok"], posted
    say("slack", f"posted to #general at {posted['ts']}")
    members = call("GET", "https://slack.com/api/users.list", SLACK)["members"]
    team = [member["profile"]["email"] for member in members if member["profile"].get("email")]
    say(
        "one world",
        f"{me['login']} is in Slack, too" if me["email"] in team else "GitHub and Slack know different people",
    )
    call("POST", "https://api.sendgrid.com/v3/mail/send", SENDGRID, {
        "personalizations": [{"to": [{"email": address} for address in team]}], "from": {"email": me["email"], "name": me["name"]},
        "subject": "A fix is out", "content": [{"type": "text/plain", "value": f"{opened['title']}\n{opened['html_url']}\n"}],
    })  # fmt: skip
    say("mail", f"to {len(team)} people")


def say(what: str, told: str) -> None:
    """A line of the agent's own report."""
    print(f"{what:14}{told}", flush=True)


def main() -> None:
    """Fix, merge, tell."""
    os.environ.setdefault("GIT_TERMINAL_PROMPT", "0")
    me = call("GET", "https://api.github.com/user", GITHUB)
    say("github", f"as {me['login']}, {me['name']}")
    tell(pull_request(me), me)


if __name__ == "__main__":
    main()
