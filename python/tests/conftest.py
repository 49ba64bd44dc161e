"""Runs the real DIRAC client against a running SBK, over DISET and over HTTPS.

    SBK_TESTBED      what testbed/install.sh made (target/testbed of the repository if not set)
    SBK_TEST_DIPS    the service's DISET URL, as dips://localhost:9200/Bookkeeping/SBK
    SBK_TEST_HTTPS   its HTTPS URL, as https://localhost:9443/Bookkeeping/SBK

The service has to know the testbed's registry (`testbed/config.py server`). The tests declare the
community, storage elements and schema that they need, and use new names in every run.
"""

import os
import secrets
import shutil
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "testbed"))

import config  # noqa: E402

URLS = {name: os.environ.get(f"SBK_TEST_{name.upper()}", "") for name in ("dips", "https")}
SETTINGS = config.TESTBED / "test" / str(os.getpid())
SCHEMA = """\
version = 1
vo = "sbkvo"

[[field]]
name = "energy"
entity = "file"
kind = "float"
unit = "GeV"
searchable = true

[[field]]
name = "generator"
entity = "file"
kind = "string"
searchable = true

[[field]]
name = "run"
entity = "file"
kind = "int"

[[field]]
name = "campaign"
entity = "directory"
kind = "string"

[[field]]
name = "session"
entity = "dataset"
kind = "string"
searchable = true
"""


def pytest_configure() -> None:
    missing = [f"SBK_TEST_{name.upper()}" for name, url in URLS.items() if not url]
    if missing:
        pytest.exit(f"set {' and '.join(missing)} to the URLs of a running SBK", returncode=1)
    if not (config.PKI / "complete").exists():
        pytest.exit(f"there is no test PKI in {config.TESTBED}: run testbed/install.sh", 1)
    for protocol, url in URLS.items():
        config.write(settings(protocol), config.local(url))
    wanted = config.environment("user", settings("dips"))
    os.environ.clear()
    os.environ.update(wanted)

    from DIRAC import gLogger
    from DIRAC.Core.Base.Script import Script

    # The level holds for what the clients say themselves, which would hide pytest's own output.
    gLogger.setLevel("FATAL")
    Script.disableCS()
    Script.localCfg.disableParsingCommandLine()
    Script.initialize(ignoreErrors=True)


def pytest_unconfigure() -> None:
    shutil.rmtree(SETTINGS, ignore_errors=True)


def settings(protocol: str) -> Path:
    return SETTINGS / f"{protocol}.cfg"


@pytest.fixture(scope="session", params=["dips", "https"])
def protocol(request) -> str:
    """Points DIRAC's configuration, and nothing else, at the service over one protocol."""
    from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData

    gConfigurationData.setOptionInCFG("/Systems/Bookkeeping/URLs/SBK", URLS[request.param])
    return request.param


@pytest.fixture(scope="session")
def client(protocol):
    """Makes a client of somebody: the name of a proxy, and keywords of DIRAC's clients."""
    from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient

    def make(proxy: str | None = "user", **kwargs):
        if proxy:
            kwargs["proxyLocation"] = str(config.PKI / "proxies" / proxy)
        return SBKClient(**kwargs)

    return make


class World:
    """What one run declared, with names that no other run has."""

    def __init__(self, protocol: str) -> None:
        self.tag = f"{protocol}-{secrets.token_hex(4)}"
        self.path = f"/sbkvo/{self.tag}"
        self.disk = f"{self.tag}-disk"
        self.tape = f"{self.tag}-tape"
        self.site = f"{self.tag}-site"

    def lfn(self, name: str) -> str:
        return f"{self.path}/{name}"

    def dataset(self, name: str) -> str:
        return f"{self.tag}-{name}"

    def file(self, name: str, **more) -> dict:
        return {"lfn": self.lfn(name), "size": 1000} | more


@pytest.fixture(scope="session")
def world(protocol, client) -> World:
    """Declares community, schema and storage elements, and a directory that users may write to."""
    made = World(protocol)
    admin = client("admin")
    value(admin.declareCommunity(config.VO))
    value(admin.applySchema(SCHEMA))
    while not value(admin.promoteFields())["done"]:
        pass
    elements = [
        {"name": made.disk, "site": made.site, "pfn_prefix": "root://disk.example"},
        {"name": made.tape, "site": made.site},
    ]
    bulk(admin.declareStorageElements(elements))
    directory = {"path": made.path, "group": "user", "mode": "0777"}
    bulk(admin.createDirectories([directory]))
    return made


def value(result: dict):
    """The value of a result that has to be a success."""
    assert result["OK"], result["Message"]
    return result["Value"]


def bulk(result: dict) -> dict:
    """What a bulk call did, none of which may have failed."""
    done = value(result)
    assert done["Failed"] == {}
    return done["Successful"]


def refusal(result: dict) -> str:
    """The message of a result that has to be a failure."""
    assert not result["OK"], result["Value"]
    return result["Message"]
