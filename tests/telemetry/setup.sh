#!/usr/bin/env bash
# Installs what `test_telemetry.py` needs in .venv. Does nothing when nothing changed since it last succeeded.
set -euo pipefail
cd "$(dirname "$0")"

# Two tests that start at once wait for each other here instead of installing over each other.
exec 9>.setup.lock
flock 9

stamp=$({ cat requirements.txt; python3 --version; } | sha256sum | cut -d' ' -f1)
[ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ] && exit 0
echo 'telemetry: installing the Python packages' >&2
rm -rf .venv
python3 -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; python3 -m virtualenv --quiet .venv; }
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r requirements.txt
echo "$stamp" >.venv/.stamp
