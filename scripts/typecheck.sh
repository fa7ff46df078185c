#!/bin/sh
# One TypeScript project per layer: each sees only the globals that its layer may use.
set -e
for project in emu ui workers node tests; do
  npx tsc -p "tsconfig.$project.json"
done
