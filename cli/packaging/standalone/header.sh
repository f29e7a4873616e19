#!/bin/sh
# bypath @VERSION@ in one file: this header, then a compressed archive of the Deno runtime and the
# program. The first start unpacks the archive into a folder named by its SHA-256; every start runs
# it from there. The folder may be removed while nothing runs from it.
payload=@SHA256@
flags='run -A --no-config --no-lock --no-remote --no-npm --cached-only'

fail() {
  echo "bypath: $*" >&2
  exit 1
}

# What others may write to is not run: a real folder, of this user, closed to the others.
ours() {
  [ "$(find "$@" -prune -type d -user "$user" ! -perm /022 2>/dev/null | wc -l)" -eq $# ]
}

unpack() {
  (umask 077 && mkdir -p -- "$base") || fail "Cannot make \"$base\""
  ours "$base" || fail "Cannot unpack to \"$base\": not a folder that user $user alone may write to"
  # Left by a start that was killed. What others unpack at the same time may go away meanwhile.
  find "$base" -mindepth 1 -maxdepth 1 -name 'new.*' -mmin +60 -exec rm -rf -- {} + 2>/dev/null

  new=$(mktemp -d -- "$base/new.XXXXXX") || fail "Cannot unpack to \"$base\""
  trap 'rm -rf -- "$new"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  [ "$(tail -n +@LINES@ -- "$self" | sha256sum)" = "$payload  -" ] ||
    fail "Cannot unpack \"$self\": the file is damaged"
  tail -n +@LINES@ -- "$self" | tar -xzf - --no-same-owner -C "$new" ||
    fail "Cannot unpack to \"$base\": is the disk full?"
  # A power cut must not leave a folder with the right name and empty files.
  sync -f "$new" 2>/dev/null || sync
  # Of starts at the same time one wins, and the others find its folder.
  mv -T -- "$new" "$home" 2>/dev/null
  rm -rf -- "$new"
  trap - EXIT HUP INT TERM
  ours "$base" "$home" ||
    fail "Cannot run from \"$home\": not a folder that user $user alone may write to"
}

self=$(readlink -f -- "$0")
user=$(id -u)
if [ "$user" -eq 0 ]; then
  base=/var/cache/bypath
elif [ "${XDG_CACHE_HOME#/}" != "${XDG_CACHE_HOME}" ]; then
  base=$XDG_CACHE_HOME/bypath
elif [ -n "$HOME" ]; then
  base=$HOME/.cache/bypath
else
  fail 'Cannot unpack: neither XDG_CACHE_HOME nor HOME is set'
fi
home=$base/$payload
ours "$base" "$home" || unpack

# BYPATH_EXECUTABLE: how the program starts further processes of itself. DENO_DIR: where the runtime
# keeps compiled code.
export BYPATH_EXECUTABLE="$self" DENO_DIR="$home/deno" DENO_NO_UPDATE_CHECK=1
# shellcheck disable=SC2086
exec "$home/bypath" $flags "$home/cli/main.js" "$@"
# For whoever reads the script without running it (sh -n): what follows is data.
: <<'payload'
