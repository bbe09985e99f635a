#!/usr/bin/env bash
# Installs what the scripts of this folder need: npm packages in node_modules, Python packages in .venv.
# Needs Node 20.11 or newer and Python 3.11 or newer. Does nothing when nothing changed since it last succeeded.
set -euo pipefail
cd "$(dirname "$0")"

say() { echo "peers: $*" >&2; }
stop() { say "$*"; exit 1; }

# Two tests that start at once wait for each other here instead of installing over each other.
mkdir -p .cache
exec 9>.cache/setup.lock
flock 9

node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 11) ? 0 : 1)' \
  || stop 'Node 20.11 or newer is needed.'
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || stop 'Python 3.11 or newer is needed.'

# The stamps lie inside what they vouch for, so that removing the folder removes the stamp.
stamp_of() { cat "$@" | sha256sum | cut -d' ' -f1; }
stamped() { [ "$(cat "$1/.stamp" 2>/dev/null)" = "$2" ]; }

npm_stamp=$(stamp_of package.json package-lock.json .npmrc; node --version)
if ! stamped node_modules "$npm_stamp"; then
  say 'installing the npm packages'
  npm ci --no-progress --loglevel=error
  echo "$npm_stamp" >node_modules/.stamp
fi

# Debian keeps the venv module in a package of its own, which a small image lacks.
make_venv() {
  rm -rf .venv
  python3 -m venv .venv >/dev/null 2>&1 && return
  rm -rf .venv
  python3 -m virtualenv --quiet .venv >/dev/null 2>&1 && return
  rm -rf .venv
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || stop 'Python can make no virtual environment: install python3-venv.'
  say 'installing python3-venv'
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
  python3 -m venv .venv
}

pip_stamp=$(stamp_of requirements.txt; python3 --version)
if ! stamped .venv "$pip_stamp"; then
  say 'installing the Python packages'
  make_venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r requirements.txt
  echo "$pip_stamp" >.venv/.stamp
fi
