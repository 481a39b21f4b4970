#!/usr/bin/env bash
# What the image's test needs: prepare.sh [FOLDER]
# podman from Debian, and in the storage of FOLDER (default: where the test looks) a stand-in for the Dockerfile's FROM, since no registry of
# images is at hand: a minimal Debian trixie (mmdebstrap) with this machine's own CPython 3.13 under /usr/local, as the official
# image has it. Takes a minute; a second time nothing. Exits with 1 and the reason where it can't be done.
set -euo pipefail
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/childproof-image}
tag=python:3.13-slim-trixie
no() { echo "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || no "the stand-in for $tag is made as root alone"
missing=$(for command in podman crun conmon mmdebstrap ip nsenter; do command -v "$command" >/dev/null || echo "$command"; done)
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || no "not there:" $missing
  packages=$(sed -e 's/^ip$/iproute2/' -e 's/^nsenter$/util-linux/' <<<"$missing")
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086  # several words
  apt-get install -qq -y --no-install-recommends $packages netavark >/dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends $packages netavark >/dev/null; } ||
    no "apt-get can't install:" $packages
fi

python=
for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13 /usr/local/bin/python3.13; do
  if [ -x "$candidate" ] && [ -d "${candidate%/bin/*}/lib/python3.13" ]; then python=${candidate%/bin/*}; break; fi
done
[ -n "$python" ] || no "no CPython 3.13 of this machine's own (pyenv's, or one in /usr/local) to put into the stand-in"

mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
storage=(podman --log-level=error --root "$folder/storage" --runroot "$folder/run")
made=localhost/childproof-stand-in:$(sha256sum "$0" | cut -c1-16)  # made by this very file, or made again
"${storage[@]}" image exists "$made" && "${storage[@]}" image exists "localhost/$tag" && exit 0

root=$(mktemp -d "$folder/root.XXXXXX")
trap 'rm -rf "$root"' EXIT
# What the official slim image installs beside the minimum, and what the interpreter's own modules are linked with.
mmdebstrap --quiet --mode=root --variant=minbase --skip=output/dev \
  --include=ca-certificates,netbase,tzdata,libffi8,libsqlite3-0,libssl3t64,libbz2-1.0,liblzma5,libreadline8t64,libncursesw6,libuuid1 \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  trixie "$root" 2>"$folder/mmdebstrap.log" || no "mmdebstrap can't make a Debian trixie: $(tail -n 1 "$folder/mmdebstrap.log")"
tar -C "$python" -cf - --exclude=test --exclude=__pycache__ --exclude='config-3.13*' --exclude='site-packages/*' \
  bin/python3.13 lib/python3.13 $(cd "$python" && ls lib/libpython3.13.so.1.0 2>/dev/null || true) |
  tar -C "$root/usr/local" -xf - --no-same-owner
ln -s python3.13 "$root/usr/local/bin/python3"
ln -s python3 "$root/usr/local/bin/python"
chroot "$root" ldconfig
chroot "$root" python3 -c 'import bz2, ctypes, lzma, sqlite3, ssl, zlib' || no "this machine's Python 3.13 lacks modules in Debian trixie"
chroot "$root" python3 -m ensurepip >/dev/null 2>&1
rm -rf "$root"/var/lib/apt/lists/*
chroot "$root" python3 -m compileall -q /usr/local/lib/python3.13
tar -C "$root" -cf - --exclude=./dev . | "${storage[@]}" import --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
  --change 'CMD ["python3"]' - "localhost/$tag" >/dev/null
"${storage[@]}" tag "localhost/$tag" "$made"
"${storage[@]}" image prune --force >/dev/null || true  # the one before
