#!/usr/bin/env bash
# Debian's Chromium for the tests that open a page, installed where it is missing and root can.
# Elsewhere this changes nothing and fails nothing: those tests then skip and say what to do.
set -euo pipefail
if [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi

echo "installing Debian's chromium for the tests that open a page"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update -qq &&
    apt-get install -y -qq --no-install-recommends chromium fonts-liberation; } >"$log" 2>&1; then
    echo "chromium could not be installed; the last lines of apt-get:"
    tail -n 3 "$log"
fi
