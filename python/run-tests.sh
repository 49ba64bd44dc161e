#!/usr/bin/env bash
# Installs this package into the testbed and runs its tests; arguments are pytest's.
# SBK_TEST_DIPS and SBK_TEST_HTTPS name a running service, see tests/conftest.py.
set -euo pipefail
cd "$(dirname "$0")"

../testbed/install.sh
venv=${SBK_TESTBED:-$PWD/../target/testbed}/venv/bin
"$venv/python" -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation \
    --editable .
"$venv/ruff" check --quiet --config pyproject.toml . ../testbed
"$venv/ruff" format --quiet --check --config pyproject.toml . ../testbed
exec "$venv/python" -m pytest "$@"
