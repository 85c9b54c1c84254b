#!/bin/sh
# Makes .venv with mxbench and all it needs; does nothing if that has been done already.
#
#     scripts/setup.sh [EXTRA [PYTHON]]
#
# EXTRA is the build of MXNet, cpu (the default) or cu112; further extras of setup.py follow a comma: cpu,gluon.
# PYTHON is a Python 3.8 to 3.12, by default the first that is found. What is not given stays as it was last time.
set -eu
cd "$(dirname "$0")/.."

# Written last, so that an interrupted set-up has none.
record=.venv/set-up.txt

fail() {
    echo "mxbench: $1" >&2
    exit 2
}

# Prints the path of Python $1 if it is supported. In an active virtual environment that is the Python it was made with:
# the environment may be the very one that is about to be made anew.
supported_path() {
    "$1" -c 'import os, sys
if not (3, 8) <= sys.version_info[:2] <= (3, 12): sys.exit(1)
print(os.path.realpath(sys._base_executable))' 2>/dev/null
}

find_python() {
    [ -n "$1" ] || set -- python3 python3.11 python3.10 python3.9 python3.12 python3.8 python
    for candidate in "$@"; do
        supported_path "$candidate" && return
    done
    there=$("$1" --version 2>&1) || there="no program $1"
    fail "needs Python 3.8 to 3.12, because MXNet 1.9.1 needs NumPy older than 2 and distutils; here is $there. \
Install Python 3.11, or name one: make PYTHON=/path/to/python3.11"
}

# One line; when it is the same, so is the environment. The folder is part of it, as an environment cannot be moved.
state() {
    { "$python" --version; pwd; cat setup.py pyproject.toml constraints.txt scripts/setup.sh; } | cksum | tr ' ' -
}

# Prints the Debian packages that are missing: what virtual environments need, and what MXNet links to but does not bring.
missing_packages() {
    "$python" - <<'END'
import ctypes
import sys

missing = []
try:
    import ensurepip
except ImportError:
    missing.append("python%d.%d-venv" % sys.version_info[:2])
for library, package in (("libgomp.so.1", "libgomp1"), ("libquadmath.so.0", "libquadmath0")):
    try:
        ctypes.CDLL(library)
    except OSError:
        missing.append(package)
print(" ".join(missing))
END
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_packages() {
    command -v apt-get >/dev/null ||
        fail "this system lacks what Debian has in the packages $*: install the like of them"
    as_root true 2>/dev/null || fail "this system lacks $*; install with: sudo apt-get install $*"
    echo "Installing $* with apt-get"
    set -- env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@"
    # The first try fails where the list of packages is missing, as in a new container, or out of date.
    as_root "$@" >/dev/null 2>&1 || { as_root apt-get update -qq && as_root "$@" >/dev/null; } ||
        fail "apt-get cannot install them, see above"
}

pip_install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "$@"
}

[ "$(uname -sm)" = "Linux x86_64" ] || fail "MXNet 1.9.1 comes for Linux on x86-64 only, and this is $(uname -sm)"

last_extra="" last_state="" last_python=""
if [ -x .venv/bin/python ] && [ -r $record ]; then
    read -r last_extra last_state last_python <$record
fi
extra=${1:-${last_extra:-cpu}}
python=$(find_python "${2:-$last_python}")
[ "$extra $(state) $python" != "$last_extra $last_state $last_python" ] || exit 0

missing=$(missing_packages)
[ -z "$missing" ] || install_packages $missing
case $extra in
    cu112*) cost="a few minutes and 5 GB" ;;
    *) cost="about a minute and 600 MB" ;;
esac
echo "Setting up .venv with $("$python" --version) and MXNet 1.9.1 ($extra): $cost the first time"
"$python" -m venv --clear .venv
pip_install --editable ".[$extra,report,test]"
case ,$extra, in
    # GluonCV brings an OpenCV that needs a desktop's libraries and overwrites the headless one: that has to come last.
    *,gluon,*) pip_install --force-reinstall --no-deps opencv-python-headless ;;
esac
echo "$extra $(state) $python" >$record
