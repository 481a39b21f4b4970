"""GitHub's own JavaScript client in the sandbox: a pull request from an issue to its release, told by signed webhooks."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.npm import NoNpm, package

CHILDPROOF = [sys.executable, "-c", "from childproof.cli.main import main; main()"]
BOT = """
import {createServer} from "node:http";
import {Octokit} from "@octokit/rest";
import {verify} from "@octokit/webhooks-methods";

const octokit = new Octokit({auth: "ghp_childproof", log: {debug() {}, info() {}, warn() {}, error() {}}});
const heard = [];
const listener = createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  const signature = request.headers["x-hub-signature-256"];
  const fine = await verify("s3cret", body, signature) && !(await verify("other", body, signature));
  const {action} = JSON.parse(body);
  heard.push([request.headers["x-github-event"], action, fine].filter((part) => part !== undefined).join(" "));
  response.end();
}).listen(4242, "127.0.0.1");

const owner = (await octokit.rest.users.getAuthenticated()).data.login;
const repo = (await octokit.rest.repos.createForAuthenticatedUser({name: "shop", auto_init: true})).data.name;
const of = {owner, repo};
const config = {url: "http://localhost:4242/", content_type: "json", secret: "s3cret"};
await octokit.rest.repos.createWebhook({...of, config, events: ["issues", "pull_request", "release"]});
const issue = await octokit.rest.issues.create({...of, title: "No cart", labels: ["bug"]});
await octokit.rest.issues.createComment({...of, issue_number: issue.data.number, body: "On it"});
const main = await octokit.rest.git.getRef({...of, ref: "heads/main"});
await octokit.rest.git.createRef({...of, ref: "refs/heads/cart", sha: main.data.object.sha});
const content = Buffer.from("total = 0\\n").toString("base64");
await octokit.rest.repos.createOrUpdateFileContents({...of, path: "cart.py", message: "A cart", content, branch: "cart"});
const pull = await octokit.rest.pulls.create({...of, title: "A cart", head: "cart", base: "main", body: "Fixes #1"});
const files = await octokit.paginate(octokit.rest.pulls.listFiles, {...of, pull_number: pull.data.number, per_page: 1});
console.log("files", files.map((file) => `${file.filename} +${file.additions}`).join());
try {
  await octokit.rest.pulls.createReview({...of, pull_number: pull.data.number, event: "APPROVE"});
} catch (error) {
  console.log("review", error.status, error.response.data.errors[0]);
}
try {
  await octokit.rest.pulls.merge({...of, pull_number: pull.data.number, sha: main.data.object.sha});
} catch (error) {
  console.log("merge", error.status, error.response.data.message);
}
console.log("merged", (await octokit.rest.pulls.merge({...of, pull_number: pull.data.number, merge_method: "squash"})).data.merged);
console.log("issue", (await octokit.rest.issues.get({...of, issue_number: 1})).data.state);
const release = await octokit.rest.repos.createRelease({...of, tag_name: "v1.0", generate_release_notes: true});
const asset = await octokit.rest.repos.uploadReleaseAsset({
  ...of, release_id: release.data.id, name: "shop.txt", data: "hello", headers: {"content-type": "text/plain"},
});
console.log("asset", asset.data.size, await (await fetch(asset.data.browser_download_url)).text());
while (heard.length < 8) await new Promise((done) => setTimeout(done, 20));
console.log(heard.join("\\n"));
listener.close();
listener.closeAllConnections();
"""


@pytest.mark.sealed
def test_octokit_takes_a_pull_request_from_an_issue_to_its_release(tmp_path: Path, needs_sealing: None) -> None:
    """By real host names, with the listener inside; refusals are GitHub's; the report says what would have happened."""
    node = shutil.which("node")
    try:
        modules = [
            package("@octokit/rest", "22.0.1").parents[1],
            package("@octokit/webhooks-methods", "6.0.0").parents[1],
        ]
    except NoNpm as error:
        pytest.skip(str(error))
    assert node is not None
    (tmp_path / "node_modules" / "@octokit").mkdir(parents=True)
    for folder in modules:
        for one in folder.glob("@octokit/*"):
            link = tmp_path / "node_modules" / "@octokit" / one.name
            if not link.exists():
                shutil.copytree(one, link)
        for one in folder.iterdir():
            if not one.name.startswith((".", "@")) and not (tmp_path / "node_modules" / one.name).exists():
                shutil.copytree(one, tmp_path / "node_modules" / one.name)
    (tmp_path / "bot.mjs").write_text(BOT)
    done = subprocess.run(
        [*CHILDPROOF, "run", "--", node, "bot.mjs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[:6] == [
        "files cart.py +1",
        "review 422 Can not approve your own pull request",
        "merge 409 Head branch was modified. Review and try the merge again.",
        "merged true",
        "issue closed",
        "asset 5 hello",
    ]
    assert said[6:] == [
        "ping true", "issues opened true", "issues labeled true", "pull_request opened true", "pull_request closed true",
        "issues closed true", "release published true", "release released true",
    ]  # fmt: skip
    assert "opened 1 pull request" in done.stderr
    assert "merged 1 pull request" in done.stderr
    assert "published 1 release v1.0" in done.stderr
