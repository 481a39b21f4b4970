"""The environment's variables that are ours, and which of them a sealed command isn't to see."""

PREFIX = "CHILDPROOF_"
VARIABLES = (
    "CONFIG",
    "RULES",
    "STUBS",
    "STORE",
    "STATE",
    "WORLD",
    "OTLP",
    "OTLP_HEADERS",
    "OTLP_ATTRIBUTES",
    "METRICS",
    "CONTROL",
    "CONTROL_TOKEN",
    "SERVER",
    "SANDBOX",
    "DEBUG",
)  # after the prefix
PRIVATE = (PREFIX + "OTLP_HEADERS", PREFIX + "CONTROL_TOKEN", PREFIX + "SERVER")  # what a command isn't to see
