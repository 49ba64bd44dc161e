#!/usr/bin/env bash
# Installs the real DIRAC with its client and its Configuration server, and makes the test PKI.
#
#   testbed/install.sh [--new-pki]
#
# All goes below SBK_TESTBED (target/testbed of the repository when that is not set); Debian
# packages that are missing are installed, too. Says what it installs; a second is enough when all
# is there. --new-pki makes new certificates even when those at hand are less than a day old.
set -euo pipefail
cd "$(dirname "$0")/.."

testbed=${SBK_TESTBED:-$PWD/target/testbed}
export SBK_TESTBED=$testbed
venv=$testbed/venv

main() {
    case ${1:-} in
    "" | --new-pki) ;;
    *) fail "usage: testbed/install.sh [--new-pki]" ;;
    esac
    mkdir -p "$testbed"
    # One at a time: tests that run side by side may each call this.
    exec 9>"$testbed/lock"
    flock 9
    cmp --silent testbed/requirements.txt "$venv/installed" || python_packages
    "$venv/bin/python" testbed/pki.py "$@"
}

python_packages() {
    local missing=() log=$testbed/pip.log python
    command -v cc >/dev/null || missing+=(build-essential)
    command -v openssl >/dev/null || missing+=(openssl)
    command -v swig >/dev/null || missing+=(swig)
    [[ -e /usr/include/openssl/ssl.h ]] || missing+=(libssl-dev)
    # For mysqlclient, with which DIRAC's FileCatalog speaks to its database.
    [[ -n $(command -v mariadb_config) ]] || missing+=(libmariadb-dev libmariadb-dev-compat)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    python=$(fitting_python) || missing+=(python3.11 python3.11-dev python3.11-venv)
    ((${#missing[@]} == 0)) || packages "${missing[@]}"
    python=$(fitting_python) || fail "Python 3.11 with its headers and venv is missing."
    echo "install: DIRAC into $venv (log: $log)"
    [[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps \
        --requirement testbed/requirements.txt >"$log" 2>&1 ||
        fail "pip failed: $(tail -n 5 "$log")"
    cp testbed/requirements.txt "$venv/installed"
}

fitting_python() {
    local python
    for python in python3.11 /usr/bin/python3.11 python3; do
        "$python" -c '
import ensurepip, os, sys, sysconfig, venv
os.stat(sysconfig.get_paths()["include"] + "/Python.h")
sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || continue
        command -v "$python"
        return
    done
    return 1
}

packages() {
    command -v apt-get >/dev/null || fail "please install (under Debian's names): $*"
    echo "install: $* (Debian packages)"
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes \
        --no-install-recommends "$@" >/dev/null
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

fail() {
    echo "install: $*" >&2
    exit 1
}

main "$@"
