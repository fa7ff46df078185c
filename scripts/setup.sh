#!/bin/sh
# What a command needs before it can run, from nothing; quick when all is there.
#   setup.sh            npm packages
#   setup.sh chromium   the browser of the end-to-end tests
#   setup.sh firefox    the other one
#   setup.sh tools      programs that some tests ask: ACPICA's, cpio, gdb
set -u
cd "$(dirname "$0")/.." || exit 1

fail() {
  echo "$1" >&2
  exit 1
}

packages() {
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
    fail "Hotslot needs Node 20 or newer, this is $(node --version)."
  installed=node_modules/.package-lock.json
  [ -e "$installed" ] && ! [ package-lock.json -nt "$installed" ] && return
  echo 'Installing npm packages'
  npm ci --include=dev --loglevel=error >&2 ||
    fail 'The npm packages could not be installed: see the message above, then run the command again.'
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

# Debian's package $1, where its program $2 is not there and it may be installed.
debian() {
  command -v "$2" >/dev/null && return
  command -v apt-get >/dev/null && as_root true 2>/dev/null || return
  echo "Installing Debian's $1"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get -qq update && as_root apt-get -qq install -y --no-install-recommends "$1" >/dev/null
  command -v "$2" >/dev/null
}

# $1: Debian's package; $2: its program; $3: the variable that names another program; $4: its value, empty if unset
browser() {
  if [ -n "$4" ]; then command -v "$4" >/dev/null; else debian "$1" "$2"; fi && return
  fail "There is no ${4:-$2}: run \`apt-get install $1\` as root, or name another program in $3."
}

tools() {
  lacking=
  debian acpica-tools iasl || lacking="$lacking acpica-tools"
  debian cpio cpio || lacking="$lacking cpio"
  debian gdb gdb || lacking="$lacking gdb"
  [ -z "$lacking" ] || fail "Tests that need them are skipped: run \`apt-get install$lacking\` as root."
}

case "${1:-packages}" in
  packages) packages ;;
  chromium) browser chromium /usr/bin/chromium HOTSLOT_CHROMIUM "${HOTSLOT_CHROMIUM:-}" ;;
  firefox) browser firefox-esr firefox-esr HOTSLOT_FIREFOX "${HOTSLOT_FIREFOX:-}" ;;
  tools) tools ;;
  *) fail 'usage: setup.sh [packages|chromium|firefox|tools]' ;;
esac
