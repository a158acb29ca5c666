#!/bin/sh
# Makes .venv with everything that make demo and make test need. Says what is missing, in one line, if it cannot.
set -eu
cd "$(dirname "$0")/.."
python="${PYTHON:-python3}"

command -v "$python" >/dev/null 2>&1 || { echo "error: $python is not on the PATH" >&2; echo "hint: apt-get install python3 python3-venv" >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $("$python" --version) is too old; 3.11 or newer is needed" >&2; exit 1; }
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Python's venv module is missing: installing Debian's python3-venv"
        apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    else
        echo "error: Python's venv module is missing" >&2; echo "hint: apt-get install python3-venv" >&2; exit 1
    fi
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "installing what tallystick needs into .venv, as locked in requirements/dev.lock (a minute or two the first time) ..."
# Wheels only: building a source package would fetch its build tools, which no lock covers.
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement requirements/dev.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
.venv/bin/python -m pip check --disable-pip-version-check >/dev/null || { .venv/bin/python -m pip check; echo "hint: make clean setup" >&2; exit 1; }
touch .venv/.ready
