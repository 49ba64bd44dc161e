"""A client that knows only its Configuration server finds the service through it."""

import subprocess
import sys

import pytest

import config
from conftest import REPOSITORY, URLS


@pytest.mark.parametrize("scheme", URLS)
def test_the_service_is_found_through_the_configuration_server(tmp_path, scheme):
    cs = [sys.executable, REPOSITORY / "testbed/cs.py"]
    start = [*cs, "start", "--dir", tmp_path, "--sbk-url", URLS[scheme]]
    try:
        subprocess.run(start, check=True, timeout=90)
        done = subprocess.run(
            [config.TESTBED / "venv/bin/dirac-sbk-ping"],
            env=config.environment("user", tmp_path / "client.cfg"),
            capture_output=True,
            text=True,
            timeout=90,
        )
    finally:
        subprocess.run([*cs, "stop", "--dir", tmp_path], check=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert URLS[scheme].split(":")[0] in done.stdout
