"""Reading real credentials and canaries when childproof starts: from the environment, files and commands.

Everything that is missing is reported at once, and nothing starts then.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from childproof.engine.vault import Canary, Vault
from childproof.errors import Fault, InputError
from childproof.model import Hidden, SecretSource
from childproof.policy import Rule
from childproof.policy.allow import Secret

COMMAND_SECONDS = 30
SHORTEST = 8  # a shorter one can't be told from ordinary text in a reply
_LONGEST = 16 * 1024


class _Unreadable(Exception):
    """Found, expected: why a source gave nothing."""


def read_vault(
    rules: Sequence[Rule], canaries: Sequence[tuple[str, SecretSource | str]], environ: Mapping[str, str]
) -> Vault:
    """The credentials that the rules name and the canaries of the configuration. Raises InputError with every fault."""
    faults: list[Fault] = []
    values: dict[SecretSource, Hidden] = {}
    for secret in (secret for rule in rules for secret in rule.allow.secrets):
        if secret.source in values:
            continue
        try:
            values[secret.source] = Hidden(_usable(_read(secret.source, environ)))
        except _Unreadable as problem:
            faults.append(_fault(secret, str(problem)))
    found: list[Canary] = []
    for name, source in canaries:
        try:
            text = source if isinstance(source, str) else _read(source, environ)
            found += [Canary(name, Hidden(_usable(line))) for line in text.splitlines() if line.strip()]
        except _Unreadable as problem:
            faults.append(Fault("canaries", 0, 0, f"{name}: {problem}", "a value of 8 characters or more"))
    if faults:
        raise InputError(faults)
    return Vault(values, tuple(found))


def stand_ins(environ: Mapping[str, str], secrets: Sequence[tuple[Secret, Hidden]]) -> dict[str, str]:
    """Of an environment, the variables that hold a real credential, with its placeholder instead: for the sandbox."""
    changed: dict[str, str] = {}
    for secret, value in secrets:
        for name, text in environ.items():
            held = changed.get(name, text)
            if value.reveal() in held:
                changed[name] = held.replace(value.reveal(), secret.placeholder)
    return changed


def secret_files(secrets: Sequence[tuple[Secret, Hidden]]) -> list[Path]:
    """The files that real credentials come from, for the sandbox not to see."""
    return [Path(secret.source.file) for secret, _ in secrets if secret.source.file]


def _fault(secret: Secret, problem: str) -> Fault:
    file, line, column = secret.place
    return Fault(
        file, line, column, f"no credential for {secret.placeholder}: {problem}", "one that is there at the start"
    )


def _read(source: SecretSource, environ: Mapping[str, str]) -> str:
    if source.env:
        if source.env not in environ:
            raise _Unreadable(f"{source} is not set")
        return environ[source.env]
    if source.file:
        try:
            return Path(source.file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _Unreadable(f"{source}: {getattr(error, 'strerror', None) or 'no text in UTF-8'}") from None
    import subprocess  # noqa: PLC0415 (only where a rule names a command)

    try:
        done = subprocess.run(  # noqa: S603 (the operator's own command, without a shell)
            source.command, env=dict(environ), capture_output=True, timeout=COMMAND_SECONDS, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or f"no answer within {COMMAND_SECONDS} s"
        raise _Unreadable(f"{source}: {reason}") from None
    if done.returncode:
        raise _Unreadable(f"{source} ended with {done.returncode}")
    return done.stdout


def _usable(text: str) -> str:
    """The value without a final line break. Nothing of it is in the message, whatever is wrong with it."""
    value = text.rstrip("\r\n")
    if not SHORTEST <= len(value) <= _LONGEST:
        raise _Unreadable(
            f"a value of {len(value)} characters, where {SHORTEST} to {_LONGEST} can be told from other text"
        )
    if not value.isascii() or not value.isprintable():
        raise _Unreadable("a value that isn't one line of printable ASCII, as a header takes it")
    return value
