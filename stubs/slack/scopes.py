"""Which scopes each method asks for; any one of them will do. From the methods' pages of Slack's reference."""

_READ = frozenset({"channels:read", "groups:read", "im:read", "mpim:read"})
_HISTORY = frozenset({"channels:history", "groups:history", "im:history", "mpim:history"})
_MANAGE = frozenset({"channels:manage", "channels:write", "groups:write", "im:write", "mpim:write"})
_CHAT = frozenset({"chat:write", "chat:write:bot", "chat:write:user"})

_METHODS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("list", "info", "members"), _READ),
    **dict.fromkeys(("history", "replies"), _HISTORY),
    **dict.fromkeys(("archive", "close", "create", "kick", "leave", "mark", "open", "rename", "unarchive"), _MANAGE),
    "invite": _MANAGE | {"channels:write.invites", "groups:write.invites"},
    "join": frozenset({"channels:join", "channels:write"}),
    "setTopic": _MANAGE | {"channels:write.topic", "groups:write.topic"},
    "setPurpose": _MANAGE | {"channels:write.topic", "groups:write.topic"},
}

NEEDED: dict[str, frozenset[str]] = {
    **{f"POST /conversations.{name}": scopes for name, scopes in _METHODS.items()},
    **{
        f"POST /chat.{name}": _CHAT
        for name in ("postMessage", "update", "delete", "meMessage", "postEphemeral", "scheduleMessage", "deleteScheduledMessage")
    },
    "POST /chat.unfurl": frozenset({"links:write"}),
    **{f"POST /reactions.{name}": frozenset({f"reactions:{what}"})
       for name, what in (("add", "write"), ("remove", "write"), ("get", "read"), ("list", "read"))},
    **{f"POST /pins.{name}": frozenset({f"pins:{what}"}) for name, what in (("add", "write"), ("remove", "write"), ("list", "read"))},
    "POST /users.list": frozenset({"users:read"}),
    "POST /users.info": frozenset({"users:read"}),
    "POST /users.getPresence": frozenset({"users:read"}),
    "POST /users.lookupByEmail": frozenset({"users:read.email"}),
    "POST /users.conversations": _READ,
    "POST /users.profile.get": frozenset({"users.profile:read"}),
    "POST /users.profile.set": frozenset({"users.profile:write"}),
    "POST /users.setPresence": frozenset({"users:write"}),
    "POST /team.info": frozenset({"team:read"}),
    "POST /emoji.list": frozenset({"emoji:read"}),
    **{f"POST /usergroups.{name}": frozenset({"usergroups:write"}) for name in ("create", "update", "enable", "disable", "users.update")},
    **{f"POST /usergroups.{name}": frozenset({"usergroups:read"}) for name in ("list", "users.list")},
}  # fmt: skip
