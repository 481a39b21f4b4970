#!/usr/bin/env bash
# Makes the virtual environment that the Makefile's targets use: setup.sh DIR
# Finds a Python >= 3.12 (uv, pyenv, python3.13, python3.12, python3), installs childproof editable with its tools.
set -euo pipefail
venv=${1:?usage: setup.sh DIR}
cd "$(dirname "$0")/.."

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in python3.13 python3.12 python3 python; do
    if command -v "$candidate" >/dev/null && new_enough "$candidate"; then command -v "$candidate"; return; fi
  done
  # pyenv's shims refuse a version that isn't selected, although it may be installed.
  local root=${PYENV_ROOT:-$HOME/.pyenv}
  for candidate in "$root"/versions/3.13*/bin/python "$root"/versions/3.12*/bin/python; do
    if [ -x "$candidate" ] && new_enough "$candidate"; then echo "$candidate"; return; fi
  done
}

group() { # the development tools, read from pyproject.toml so that they stand in one place
  "$venv/bin/python" -c 'import tomllib
for line in tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"]: print(line)'
}

if command -v uv >/dev/null; then
  [ -x "$venv/bin/python" ] || uv venv --quiet --python '>=3.12' "$venv"
  echo "setting up $venv with uv, once …" >&2
  group | uv pip install --quiet --compile-bytecode --python "$venv/bin/python" --constraint constraints.txt --editable . --requirement -
else
  python=$(find_python)
  if [ -z "$python" ]; then
    cat >&2 <<'EOF'
childproof needs Python 3.12 or newer, and none was found.
  install one with your system's packages (for example: apt install python3.12 python3.12-venv; brew install python@3.13),
  with pyenv (pyenv install 3.13), or install uv, which brings its own; then run this again.
EOF
    exit 1
  fi
  echo "setting up $venv with $("$python" --version), once; it takes a minute or two …" >&2
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || {
    rm -rf "$venv"
    echo "$python can't make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
  group > "$venv/dev-requirements.txt"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . --requirement "$venv/dev-requirements.txt"
fi
# As pip does for what it installs, so that the first start is as quick as any, even where Python may not write bytecode.
"$venv/bin/python" -m compileall -q proxy/childproof stubs
touch "$venv/.ready"
