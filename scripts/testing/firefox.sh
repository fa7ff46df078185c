#!/bin/sh
# Firefox for Playwright: see firefox-bidi.ts.
cd "$(dirname "$0")/../.." && exec node --import tsx scripts/testing/firefox-bidi.ts "$@"
