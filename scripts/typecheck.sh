#!/bin/sh
# One TypeScript project per layer: each sees only the globals that its layer may use. Two at a time, the longest first.
printf '%s\n' tests emu node workers ui | xargs -P 2 -I '{}' node_modules/.bin/tsc -p 'tsconfig.{}.json'
