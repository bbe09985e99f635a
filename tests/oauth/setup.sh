#!/usr/bin/env bash
# Installs what the tests of this folder need in node_modules. Does nothing when nothing changed since it last
# succeeded. Needs Node 20.11 or newer.
set -euo pipefail
cd "$(dirname "$0")"

# Two tests that start at once wait for each other here instead of installing over each other.
exec 9>.setup.lock
flock 9

stamp=$({ cat package.json package-lock.json; node --version; } | sha256sum | cut -d' ' -f1)
[ "$(cat node_modules/.stamp 2>/dev/null)" = "$stamp" ] && exit 0
echo 'oauth: installing the npm packages' >&2
npm ci --no-progress --loglevel=error
echo "$stamp" >node_modules/.stamp
