#!/bin/sh
# What a command needs before it can run, from nothing; quick when all is there.
#   setup.sh            npm packages
#   setup.sh chromium   the browser of the end-to-end tests
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

chromium() {
  browser=${HOTSLOT_CHROMIUM:-/usr/bin/chromium}
  [ -x "$browser" ] && return
  if [ -z "${HOTSLOT_CHROMIUM:-}" ] && command -v apt-get >/dev/null && as_root true 2>/dev/null; then
    echo "Installing Debian's Chromium"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get -qq update && as_root apt-get -qq install -y --no-install-recommends chromium >/dev/null
    [ -x "$browser" ] && return
  fi
  fail "There is no $browser: run \`apt-get install chromium\` as root, or name a Chromium in HOTSLOT_CHROMIUM."
}

case "${1:-packages}" in
  packages) packages ;;
  chromium) chromium ;;
  *) fail 'usage: setup.sh [packages|chromium]' ;;
esac
