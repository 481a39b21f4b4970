"""Reading credentials and canaries: all that is missing at once, and never a value in a message."""

from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.model import Hidden, SecretSource
from childproof.policy import Source, load_ruleset
from childproof.policy.allow import Secret
from childproof.run.config.secrets import read_vault, secret_files, stand_ins

REAL = "real-credential-9f8e7d6c"


def vault(source: str, environ: dict[str, str], folder: Path = Path("/")):
    text = f"version: 1\nrules:\n  - name: a\n    match: {{host: a.example}}\n    allow: {{secrets: [{{placeholder: PLACEHOLDER, header: X-Key, from: {source}}}]}}"
    rules = load_ruleset([Source(str(folder / "rules.yaml"), text, folder)])
    return rules.rules, read_vault(rules.rules, (), environ)


def test_from_the_environment_a_file_or_a_command(tmp_path: Path) -> None:
    """A final line break is left out; a file is looked for beside the rule file; a command has the environment."""
    (tmp_path / "key").write_text(f"{REAL}\n")
    for source in ("{env: KEY}", "{file: key}", "{command: [printenv, KEY]}", '{command: [sh, -c, "echo $KEY"]}'):
        rules, made = vault(source, {"KEY": REAL, "PATH": "/usr/bin:/bin"}, tmp_path)
        [injection] = made.injections(rules[0])
        assert (injection.header, injection.placeholder, injection.value.reveal()) == ("x-key", "PLACEHOLDER", REAL)


@pytest.mark.parametrize(
    ("source", "value", "words"),
    [
        ("{env: MISSING}", "", "the environment variable MISSING is not set"),
        ("{file: missing}", "", "the file /missing: No such file or directory"),
        ("{command: /nonexistent}", "", "the command /nonexistent: No such file"),
        ('{command: ["false"]}', "", "the command false ended with 1"),
        ("{env: KEY}", "short", "a value of 5 characters"),
        ("{env: KEY}", "two\nlines-of-it", "isn't one line"),
        ("{env: KEY}", "schlüssel-mit-umlaut", "printable ASCII"),
    ],
)
def test_what_is_missing_or_unusable_is_named_with_its_place(source: str, value: str, words: str) -> None:
    """And with nothing of the value."""
    with pytest.raises(InputError) as caught:
        vault(source, {"KEY": value, "PATH": "/usr/bin:/bin"})
    [fault] = caught.value.faults
    assert words in fault.found
    assert fault.line == 5
    assert not value or value not in str(caught.value)


def test_canaries_are_lines_of_a_file_variables_or_values(tmp_path: Path) -> None:
    """All faults at once."""
    (tmp_path / "list").write_text("canary-one-1\n\ncanary-two-2\n")
    found = read_vault(
        (), [("a", SecretSource(file=str(tmp_path / "list"))), ("b", SecretSource(env="B"))], {"B": "canary-3"}
    )
    assert [(one.name, one.value.reveal()) for one in found.guarded()] == [
        ("a", "canary-one-1"), ("a", "canary-two-2"), ("b", "canary-3"),
    ]  # fmt: skip
    with pytest.raises(InputError) as caught:
        read_vault((), [("a", SecretSource(env="X")), ("b", "short")], {})
    assert len(caught.value.faults) == 2


def test_the_sandbox_gets_placeholders_for_every_variable_that_holds_a_credential() -> None:
    """Whatever the variable is called."""
    secrets = [
        (Secret("STAND_IN", "x", SecretSource(env="KEY")), Hidden(REAL)),
        (Secret("OTHER", "x", SecretSource(file="/k")), Hidden("other-value")),
    ]
    environ = {"KEY": REAL, "URL": f"https://{REAL}:other-value@a/", "PLAIN": "1"}
    assert stand_ins(environ, secrets) == {"KEY": "STAND_IN", "URL": "https://STAND_IN:OTHER@a/"}
    assert secret_files(secrets) == [Path("/k")]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("match: {}, allow: {secrets: [{placeholder: PLACEHOLDER, header: a, from: {env: A}}]}", "a secret in a rule for any host"),
        ('match: {host: "*"}, allow: {secrets: [{placeholder: PLACEHOLDER, header: a, from: {env: A}}]}', "a secret in a rule for any host"),
        ("match: {host: a.example}, allow: {secrets: [{placeholder: short, header: a, from: {env: A}}]}", "8 to 200"),
        ("match: {host: a.example}, allow: {secrets: [{placeholder: PLACEHOLDER, header: a, from: {env: A, file: b}}]}", "2 sources"),
        ("match: {host: a.example}, allow: {secrets: [{placeholder: PLACEHOLDER, header: a, from: {}}]}", "0 sources"),
        ("match: {host: a.example}, allow: {secrets: [{placeholder: PLACEHOLDER, header: a, from: {env: A}}, {placeholder: PLACEHOLDER2, header: A, from: {env: B}}]}", "none within another"),
        ("match: {protocol: tcp, port: 5432}, allow: {credentials: [github]}", "not for http alone"),
        ("match: {host: a.example}, allow: {credentials: [githbu]}", "githbu"),
        ("match: {host: a.example}, allow: {credentials: [any, github]}", "'any' beside other kinds"),
        ("match: {host: a.example}, allow: {reply: 5XB}", "5XB"),
        ("match: {host: a.example}, stub: s, secrets: []", "unknown key 'secrets'"),
    ],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused_at_load(rule: str, words: str) -> None:
    """With what is wrong, and where."""
    with pytest.raises(InputError, match=words):
        load_ruleset([Source("rules.yaml", f"version: 1\nrules:\n  - {{name: a, {rule}}}")])
