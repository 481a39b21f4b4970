"""Slack's own clients in the sealed sandbox: slack_sdk, plain and async, and npm's @slack/web-api, at Slack's own addresses."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.npm import NoNpm, package

CHILDPROOF = [sys.executable, "-c", "from childproof.cli.main import main; main()"]
WORLD = """
world: office
people: {count: 6, given: [{name: Maria Lopez, email: maria@example.com}]}
slack:
  users: people
  channels: [{name: deploys, topic: What goes out}]
  messages: [{channel: deploys, text: 1.1 is out, ago: 2d}]
  tokens: [{token: xoxb-reader-1, scopes: ["channels:read"]}]
"""
AGENT = '''
"""It reads what was said, answers in a thread, makes a channel, and asks for what it may not."""

import asyncio
import importlib.util
import sys

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

bot = WebClient("xoxb-agent-1")
deploys = next(one for one in bot.conversations_list()["channels"] if one["name"] == "deploys")
[said] = bot.conversations_history(channel=deploys["id"])["messages"]
author = bot.users_info(user=said["user"])["user"]["real_name"]
print(f"{author} in #{deploys['name']} ({deploys['topic']['value']}): {said['text']}")
bot.chat_postMessage(channel="#deploys", thread_ts=said["ts"], text="and 1.2 is next")
maria = bot.users_lookupByEmail(email="maria@example.com")["user"]["id"]
bot.chat_postMessage(channel=maria, text="Shall I?", blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "*Shall I?*"}}])
launch = bot.conversations_create(name="launch")["channel"]["id"]
bot.conversations_invite(channel=launch, users=[maria])
bot.reactions_add(channel=deploys["id"], timestamp=said["ts"], name="eyes")
print("replies:", bot.conversations_replies(channel=deploys["id"], ts=said["ts"])["messages"][0]["reply_count"])


def refused(action, **arguments):
    try:
        action(**arguments)
    except SlackApiError as error:
        told = error.response.data
        print(told["error"], *told.get("response_metadata", {}).get("messages", []), *filter(None, [told.get("needed")]))


refused(bot.chat_postMessage, channel="#nowhere", text="Hi")
refused(bot.chat_postMessage, channel="#deploys", blocks=[{"type": "section"}])
refused(WebClient("nonsense").auth_test)
refused(WebClient().auth_test)
refused(WebClient("xoxb-reader-1").chat_postMessage, channel="#deploys", text="Hi")
if importlib.util.find_spec("aiohttp"):
    from slack_sdk.web.async_client import AsyncWebClient

    async def later():
        client = AsyncWebClient("xoxb-agent-1")
        await client.chat_postMessage(channel="#deploys", text="from a coroutine")
        async for page in await client.users_list(limit=3):
            print("page of", len(page["members"]))

    asyncio.run(later())
'''
NODE = """
const { WebClient } = require(process.argv[2]);
(async () => {
  const bot = new WebClient("xoxb-agent-1");
  const { url, user } = await bot.auth.test();
  console.log("node:", url, user);
  const posted = await bot.chat.postMessage({ channel: "#deploys", text: "hi from node", attachments: [{ text: "green", color: "#00ff00" }] });
  const history = await bot.conversations.history({ channel: posted.channel, limit: 1 });
  console.log("node:", history.messages[0].text, history.messages[0].attachments[0].color, history.has_more);
  let pages = 0;
  for await (const page of bot.paginate("conversations.members", { channel: posted.channel, limit: 3 })) pages += 1;
  console.log("node: pages", pages);
  try {
    await bot.conversations.create({ name: "Launch!" });
  } catch (error) {
    console.log("node:", error.data.error);
  }
})();
"""
TOLD = """Maria Lopez in #deploys (What goes out): 1.1 is out
replies: 1
channel_not_found
invalid_blocks [ERROR] must define either `text` or `fields` [json-pointer:/blocks/0]
invalid_auth
not_authed
missing_scope chat:write
"""
TOLD_LATER = "page of 3\npage of 3\npage of 1\n"
TOLD_BY_NODE = """node: https://acme.slack.com/ assistant
node: hi from node 00ff00 true
node: pages 3
node: invalid_name_specials
"""


def childproof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CHILDPROOF, *arguments], cwd=folder, capture_output=True, text=True, timeout=90, check=False
    )


@pytest.mark.sealed
def test_slacks_clients_find_a_workspace_and_the_report_says_what_was_posted(
    tmp_path: Path, needs_sealing: None
) -> None:
    """What a world file says of the past is read, what is done is there afterwards, and every refusal is Slack's own."""
    (tmp_path / "office.yaml").write_text(WORLD)
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "agent.js").write_text(NODE)
    made = childproof(tmp_path, "world", "seed", "office.yaml")
    assert made.returncode == 0, made.stderr
    try:
        client = str(package("@slack/web-api", "7.9.3")) if shutil.which("node") else ""
    except NoNpm:
        client = ""
    script = f"{sys.executable} agent.py" + (f" && node agent.js {client}" if client else "")
    done = childproof(tmp_path, "run", "--world", "office", "--", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    later = find_spec("aiohttp") is not None
    assert done.stdout == TOLD + (TOLD_LATER if later else "") + (TOLD_BY_NODE if client else "")
    assert "0 bytes left this machine" in done.stderr
    posted = 1 + later + bool(client)
    assert (
        f"would have posted {posted} message{'s' if posted > 1 else ''} to #deploys, posted 1 message to @mlopez1, "
        "created 1 channel: #launch, reacted to 1 message in #deploys" in done.stderr
    ), done.stderr
