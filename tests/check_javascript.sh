#!/usr/bin/env bash
# The types of the page's JavaScript, as its JSDoc states them, checked by TypeScript (strict).
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v npm >/dev/null; then
    echo "the page's JavaScript was not checked: npm is not installed"
    [ "${RELUBLOOM_REQUIRE_BROWSER:-}" != 1 ]
    exit
fi
if [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --silent --no-audit --no-fund
fi
node_modules/.bin/tsc --project src/relubloom/report/explorer
