#!/bin/sh
# What a command needs before it can run, from nothing; quick when all is there.
#   setup.sh            npm packages
#   setup.sh chromium   the browser of the end-to-end tests
#   setup.sh firefox    the other one
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

# $1: Debian's package; $2: its program; $3: the variable that names another program; $4: its value, empty if unset
browser() {
  program=${4:-$2}
  command -v "$program" >/dev/null && return
  if [ -z "$4" ] && command -v apt-get >/dev/null && as_root true 2>/dev/null; then
    echo "Installing Debian's $1"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get -qq update && as_root apt-get -qq install -y --no-install-recommends "$1" >/dev/null
    command -v "$program" >/dev/null && return
  fi
  fail "There is no $program: run \`apt-get install $1\` as root, or name another program in $3."
}

case "${1:-packages}" in
  packages) packages ;;
  chromium) browser chromium /usr/bin/chromium HOTSLOT_CHROMIUM "${HOTSLOT_CHROMIUM:-}" ;;
  firefox) browser firefox-esr firefox-esr HOTSLOT_FIREFOX "${HOTSLOT_FIREFOX:-}" ;;
  *) fail 'usage: setup.sh [packages|chromium|firefox]' ;;
esac
