"""Finding the certificate bundles that clients bring along and read whatever the environment says.

Bounded: only places where a package manager puts packages are looked into, then the working directory up to a number
of entries. Files, not programs, are asked: nothing is started.
"""

import glob
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from .trust import SYSTEM_BUNDLES

# Within one Python package's directory. certifi, botocore, stripe, httplib2, grpc, pip, and whoever does as they do.
_IN_PACKAGE = (
    "cacert.pem",
    "cacerts.txt",
    "ca-certificates.crt",
    "data/ca-certificates.crt",
    "data/cacert.pem",
    "_vendor/certifi/cacert.pem",
    "_cython/_credentials/roots.pem",
)
_BUNDLE_NAMES = frozenset(
    {"cacert.pem", "cacerts.txt", "cacerts.pem", "ca-certificates.crt", "ca-bundle.crt", "ca-bundle.pem", "roots.pem"}
)
_SITE_PACKAGES = (
    "lib/python3*/site-packages",
    "lib/python3/dist-packages",
    "lib/python3*/dist-packages",
    "local/lib/python3*/dist-packages",
    "lib64/python3*/site-packages",
)
_PREFIXES = (
    "/usr",
    "/usr/local",
    "/opt/conda",
    "~/.local",
    "~/.pyenv/versions/*",
    "~/.local/share/uv/python/*",
    "~/.local/share/uv/tools/*",
    "~/.local/share/pipx/venvs/*",
    "~/.local/pipx/venvs/*",
)
_GEMS = ("/var/lib/gems/*/gems", "/usr/share/rubygems-integration/*/gems", "~/.local/share/gem/ruby/*/gems")
_JAVA_STORES = (
    "/etc/ssl/certs/java/cacerts",
    "/usr/lib/jvm/*/lib/security/cacerts",
    "/usr/lib/jvm/*/jre/lib/security/cacerts",
    "~/.sdkman/candidates/java/*/lib/security/cacerts",
)
_SKIPPED = frozenset({".git", ".hg", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
_MOST_ENTRIES = 20_000
_LEAST_SIZE = 8_000  # bytes: several certificates; stripe has 12 in 16,659
_INTERPRETER_LINE = 256
_PROGRAM = re.compile(r"[^\s'\"`;|&()<>=]*/bin/[\w.+-]+")


def find_bundles(command: Sequence[str], env: Mapping[str, str], cwd: str) -> list[str]:
    """Real paths of PEM bundles that clients of this command may read: the system's, and packages' own."""
    candidates = [
        *(path for path in SYSTEM_BUNDLES if os.path.exists(path)),
        *_of_packages(_site_packages(command, env, cwd)),
        *_of_gems(env),
        *_below(cwd),
    ]
    return _real(path for path in candidates if path in SYSTEM_BUNDLES or _is_bundle(path))


def find_java_stores(env: Mapping[str, str]) -> list[str]:
    """Real paths of the `cacerts` of every JDK found."""
    patterns = list(_JAVA_STORES)
    homes = [env["JAVA_HOME"]] if env.get("JAVA_HOME") else []
    java = shutil.which("java", path=env.get("PATH"))
    if java:
        homes.append(str(Path(java).resolve().parent.parent))
    for home in homes:
        patterns += [f"{glob.escape(home)}/lib/security/cacerts", f"{glob.escape(home)}/jre/lib/security/cacerts"]
    return _real(path for pattern in patterns for path in _expand(pattern, env))


def _site_packages(command: Sequence[str], env: Mapping[str, str], cwd: str) -> Iterator[str]:
    seen: set[str] = set()
    for prefix in _prefixes(command, env, cwd):
        if prefix in seen:
            continue
        seen.add(prefix)
        for pattern in _SITE_PACKAGES:
            yield from glob.glob(f"{glob.escape(prefix)}/{pattern}")
    yield from filter(None, env.get("PYTHONPATH", "").split(os.pathsep))


def _prefixes(command: Sequence[str], env: Mapping[str, str], cwd: str) -> Iterator[str]:
    yield sys.prefix  # childproof is often installed beside what it is to run
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT"):
        if env.get(name):
            yield env[name]
    for place in (Path(cwd), *Path(cwd).parents):  # a project's environment, from anywhere below it
        for folder in (".venv", "venv", "env"):
            yield str(place / folder)
    if env.get("PYENV_ROOT"):
        yield from glob.glob(glob.escape(env["PYENV_ROOT"]) + "/versions/*")
    for program in _interpreters(command, env, cwd):
        # A virtual environment's interpreter is a link: both its own prefix and the one it points to have packages.
        for path in (os.path.abspath(program), os.path.realpath(program)):
            yield os.path.dirname(os.path.dirname(path))
    for pattern in _PREFIXES:
        yield from _expand(pattern, env)


def _interpreters(command: Sequence[str], env: Mapping[str, str], cwd: str) -> Iterator[str]:
    path = env.get("PATH", os.defpath)
    # `sh -c '../venv/bin/python agent.py'` names its interpreter within a word.
    named = (os.path.join(cwd, program) for word in command for program in _PROGRAM.findall(word))
    first = os.path.join(cwd, command[0]) if "/" in command[0] else shutil.which(command[0], path=path)
    for found in (first, *named):
        if found and os.path.isfile(found):
            yield found
            yield from _shebang(found)
    for folder in path.split(os.pathsep):
        for pattern in ("python", "python3", "python3.[0-9]*"):
            yield from (p for p in glob.glob(f"{glob.escape(folder)}/{pattern}") if "-" not in p[len(folder) :])


def _shebang(script: str) -> Iterator[str]:
    try:
        with open(script, "rb") as file:
            line = file.readline(_INTERPRETER_LINE)
    except OSError:
        return
    if line.startswith(b"#!"):
        words = line[2:].split()
        if words:
            yield os.fsdecode(words[0])


def _of_packages(folders: Iterable[str]) -> Iterator[str]:
    for folder in dict.fromkeys(os.path.realpath(folder) for folder in folders):
        try:
            with os.scandir(folder) as entries:
                packages = [entry.path for entry in entries if "." not in entry.name and entry.is_dir()]
        except OSError:
            continue
        for package in packages:
            for name in _IN_PACKAGE:
                yield f"{package}/{name}"


def _of_gems(env: Mapping[str, str]) -> Iterator[str]:
    folders = [path for pattern in _GEMS for path in _expand(pattern, env)]
    homes = filter(None, (env.get("GEM_HOME"), *env.get("GEM_PATH", "").split(os.pathsep)))
    folders += [f"{home}/gems" for home in homes]
    for folder in folders:
        for pattern in ("*/lib/data/ca-certificates.crt", "*/lib/*/cacert.pem"):
            yield from glob.glob(f"{glob.escape(folder)}/{pattern}")


def _below(cwd: str) -> Iterator[str]:
    budget = _MOST_ENTRIES
    folders = deque([cwd])  # broadest first: what is near is likelier to be read
    while folders and budget > 0:
        folder = folders.popleft()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    budget -= 1
                    if entry.name in _BUNDLE_NAMES:
                        yield entry.path
                    elif entry.is_dir(follow_symlinks=False) and entry.name not in _SKIPPED:
                        folders.append(entry.path)
        except OSError:
            continue


def _is_bundle(path: str) -> bool:
    try:
        if os.stat(path).st_size < _LEAST_SIZE:
            return False
        with open(path, "rb") as file:
            # Some bundles begin with pages of comments.
            return b"-----BEGIN CERTIFICATE-----" in file.read(1 << 16)
    except OSError:
        return False


def _expand(pattern: str, env: Mapping[str, str]) -> list[str]:
    if pattern.startswith("~"):
        home = env.get("HOME", "")
        if not home.startswith("/"):
            return []
        pattern = glob.escape(home) + pattern[1:]
    return sorted(glob.glob(pattern))


def _real(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(path for path in map(os.path.realpath, paths) if os.path.isfile(path)))
