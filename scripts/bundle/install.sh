#!/bin/sh
# Installs tallystick from this folder, with no network:  sh install.sh [DIR]   (default /opt/tallystick)
set -eu
cd "$(dirname "$0")"
target="${1:-/opt/tallystick}"
python="${PYTHON:-python3}"
wanted="$(cat python-version)"

command -v "$python" >/dev/null 2>&1 || { echo "error: $python is not on the PATH" >&2; echo "hint: install Debian's python3 and python3-venv, or name another with PYTHON=" >&2; exit 1; }
found="$("$python" -c 'import platform, sys; print("%d.%d-%s" % (*sys.version_info[:2], platform.machine()))')"
[ "$found" = "$wanted" ] || { echo "error: these wheels are for Python $wanted, $python is $found" >&2; echo "hint: name another with PYTHON=, or take the bundle that was made for this one" >&2; exit 1; }
"$python" -c 'import ensurepip' 2>/dev/null || { echo "error: Python's venv module is missing" >&2; echo "hint: install Debian's python3-venv" >&2; exit 1; }
[ ! -e "$target" ] || { echo "error: $target is there already and was not touched" >&2; echo "hint: name another folder; homes and keys do not lie in it, so the old one may go once the new one runs" >&2; exit 1; }
sha256sum --check --quiet --strict SHA256SUMS || { echo "error: this bundle was changed or is not whole" >&2; echo "hint: fetch it again, and compare the digest of the whole file on another way" >&2; exit 1; }
"$python" -m venv "$target"
"$target/bin/python" -m pip install --quiet --disable-pip-version-check --isolated --no-index --find-links wheels --only-binary :all: --require-hashes --requirement requirements.lock
"$target/bin/tallystick" --version
echo "installed in $target; put $target/bin on the PATH"
