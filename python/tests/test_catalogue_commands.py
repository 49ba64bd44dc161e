"""DIRAC's own command lines on SBK as their FileCatalog, over DISET and HTTPS.

Files are stored in DIRAC's own StorageElement service, whose state its ResourceStatus service
knows; the tests start both.

    SBK_TEST_STATUS_DATABASE   an empty database for the latter, mysql://USER:PASSWORD@HOST:PORT/NAME
"""

import os
import secrets
import socket
import subprocess
import time
from pathlib import Path

import pytest
from cs import free_port

import config
from conftest import URLS

PATIENCE = 120
GUID = "6E1BB6A6-3E3C-11E0-A8C9-{}"
DATABASE = os.environ.get("SBK_TEST_STATUS_DATABASE", "")
ELEMENTS = ("SE-1", "SE-2")


class Services:
    """A StorageElement and a ResourceStatus service of DIRAC."""

    def __init__(self, place: Path):
        self.place, self.running = place, []
        self.storage, self.status = free_port(), free_port()
        (place / "files").mkdir()
        self.start("DataManagement/StorageElement", self.storage)
        self.start("ResourceStatus/ResourceStatus", self.status)

    def systems(self) -> dict:
        """What servers and clients have to know."""
        rules = {**config.AUTHENTICATED, "FileTransfer": config.AUTHENTICATED}
        element = {"Port": self.storage, "BasePath": str(self.place / "files")}
        status = {"Port": self.status, "Authorization": {**config.AUTHENTICATED, "select": "all"}}
        url = f"dips://localhost:{self.status}/ResourceStatus/ResourceStatus"
        return {
            "DataManagement": {"Services": {"StorageElement": {**element, "Authorization": rules}}},
            "ResourceStatus": {
                "URLs": {"ResourceStatus": url},
                "Databases": {"ResourceStatusDB": config.database(DATABASE)},
                "Services": {"ResourceStatus": status},
            },
        }

    def resources(self) -> dict:
        """The storage elements, both in one service."""
        path = "/DataManagement/StorageElement"
        access = {"Host": "localhost", "Port": self.storage, "Protocol": "dips", "Path": path}
        element = {"AccessProtocol": "dips", "DIP": {**access, "Access": "remote"}}
        return {
            "StorageElements": dict.fromkeys(ELEMENTS, element),
            "Sites": {"DIRAC": {"DIRAC.Test.ch": {"SE": ", ".join(ELEMENTS)}}},
        }

    def start(self, service: str, port: int) -> None:
        name = service.split("/")[1]
        tree = {
            "DIRAC": {"Hostname": "localhost", "Security": config.security()},
            "Registry": config.registry(),
            "Resources": self.resources(),
            "Systems": self.systems(),
        }
        file = config.write(self.place / f"{name}.cfg", tree)
        log = self.place / f"{name}.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                [config.TESTBED / "venv/bin/dirac-service", service],
                env=config.environment(None, file) | {"DIRAC_ROOT_PATH": str(self.place)},
                stdout=output,
                stderr=output,
                cwd=self.place,
            )
        self.running.append(server)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and server.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        pytest.fail(f"{service} did not start: {log.read_text()}")

    def stop(self) -> None:
        for server in self.running:
            server.kill()
            server.wait()


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    if not DATABASE:
        pytest.exit("set SBK_TEST_STATUS_DATABASE to an empty database", returncode=1)
    services = Services(tmp_path_factory.mktemp("services"))
    try:
        first = Commands(next(iter(URLS.values())), services, tmp_path_factory.mktemp("first"))
        first.run("dirac-rss-sync", "--element", "Resource", "--init")
        yield services
    finally:
        services.stop()


class Commands:
    """A place to run command lines in, as a member of the group `admin`."""

    def __init__(self, url: str, services: Services, place: Path):
        catalogue = {
            "CatalogType": "FileCatalog",
            "AccessType": "Read-Write",
            "Status": "Active",
            "CatalogURL": "DataManagement/FileCatalog",
        }
        tree = config.local(url)
        tree["LocalSite"] = {"Site": "DIRAC.Test.ch"}
        tree["Resources"] = {"FileCatalogs": {"FileCatalog": catalogue}, **services.resources()}
        tree["Systems"]["ResourceStatus"] = services.systems()["ResourceStatus"]
        ours = {"Status": "Active", "AccessType": "Read-Write", "Master": "True"}
        catalogues = {"CatalogList": "FileCatalog", "FileCatalog": ours}
        tree["Operations"] = {"Defaults": {"Services": {"Catalogs": catalogues}}}
        self.place = place
        self.top = f"/sbkvo/user/a/alice/{secrets.token_hex(4)}"
        (place / "dcommands.conf").write_text(
            f"[global]\ndefault_group = admin\n[admin]\ngroup_name = admin\nhome_dir = {self.top}\n"
        )
        self.environment = config.environment("admin", config.write(place / "client.cfg", tree))
        self.environment |= {"HOME": str(place), "DCOMMANDS_CONFIG_DIR": str(place)}

    def run(self, *command, text: str | None = None, place: Path | None = None, fails=False) -> str:
        """What a command says."""
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=place or self.place,
            input=text,
            capture_output=True,
            text=True,
            timeout=180,
        )
        said = done.stdout + done.stderr
        assert fails or done.returncode == 0, said
        return said


@pytest.fixture(params=sorted(URLS))
def commands(request, services, tmp_path):
    return Commands(URLS[request.param], services, tmp_path)


def test_files_go_to_a_storage_element_and_come_back(commands):
    top, place = commands.top, commands.place
    (place / "a.txt").write_text("measured")
    guid = GUID.format(secrets.token_hex(6).upper())

    added = commands.run("dirac-dms-add-file", f"{top}/a.txt", "a.txt", "SE-1", guid)
    assert "Successfully uploaded file" in added or "SE-1" in added
    (place / "back").mkdir()
    commands.run("dirac-dms-get-file", f"{top}/a.txt", place=place / "back")
    assert (place / "back/a.txt").read_text() == "measured"

    assert f"{top}/a.txt" in commands.run("dirac-dms-lfn-replicas", f"{top}/a.txt")
    assert "'Size': 8" in commands.run("dirac-dms-lfn-metadata", f"{top}/a.txt")
    assert guid in commands.run("dirac-dms-catalog-metadata", f"{top}/a.txt")
    assert f"-> {top}/a.txt" in commands.run("dirac-dms-resolve-guid", guid)
    assert "1" in commands.run("dirac-dms-data-size", f"{top}/a.txt")

    commands.run("dirac-dms-set-replica-status", f"{top}/a.txt", "SE-1", "Trash")
    commands.run("dirac-dms-change-replica-status", f"{top}/a.txt", "SE-1", "AprioriGood")
    listed = commands.run("dirac-dms-user-lfns", "-b", top)
    assert "1 files" in listed

    commands.run("dirac-dms-remove-files", f"{top}/a.txt")
    gone = commands.run("dirac-dms-catalog-metadata", f"{top}/a.txt")
    assert "No such file or directory" in gone


def test_a_directory_is_synchronised_and_cleaned(commands):
    top, place = commands.top, commands.place
    source = place / "source"
    (source / "deep").mkdir(parents=True)
    (source / "one.txt").write_text("one")
    (source / "deep/two.txt").write_text("two")

    commands.run("dmkdir", f"{top}/copy")
    commands.run("dirac-dms-directory-sync", str(source), f"{top}/copy", "SE-1")
    assert f"{top}/copy/deep/two.txt" in commands.run("dfind", f"{top}", "Size>1")

    commands.run("dirac-dms-clean-directory", f"{top}/copy")
    assert "one.txt" not in commands.run("dfind", top, "Size>1")


def test_the_console_of_the_catalogue_works(commands):
    top = commands.top
    field = f"console{secrets.token_hex(3)}"
    guid = GUID.format(secrets.token_hex(6).upper())
    said = commands.run(
        "dirac-dms-filecatalog-cli",
        text=f"""\
mkdir {top}
cd {top}
register file {top}/a.txt srm://x/a 100 SE-1 {guid} 0a0b0c0d
register replica {top}/a.txt srm://y/a SE-2
ls -l
replicas {top}/a.txt
guid {top}/a.txt
meta index -f {field} INT
meta set a.txt {field} 7
meta get a.txt
find {top} {field}=7
size -l {top}
chmod 755 a.txt
chown bob a.txt
ls -l
unregister replica {top}/a.txt SE-2
ancestorset {top}/b.txt {top}/a.txt
rm a.txt
ls
exit
""",
    )

    for expected in (
        f"Successfully created directory: {top}",
        "File successfully added to the catalog",
        "-rwxrwxr-x 2 alice admin 100",
        f"GUID: {guid}",
        f"Added metadata field {field} of type INT",
        f"{field} : 7",
        "-rwxr-xr-x 2 bob admin 100",
        f"File {top}/a.txt removed from the catalog",
    ):
        assert expected in said, said
    assert f"\n{top}/a.txt" in said


def test_short_commands_work(commands):
    top = commands.top
    guid = GUID.format(secrets.token_hex(6).upper())
    register = f"register file {top}/f srm://x/f 42 SE-1 {guid} 0a0b0c0d\nexit\n"
    commands.run("dmkdir", top)
    commands.run("dirac-dms-filecatalog-cli", text=register)

    assert "42" in commands.run("dls", "-l", top)
    assert f"{top}/f" in commands.run("dfind", top, "Size=42")
    assert f"{top}/f" in commands.run("dirac-dms-find-lfns", f"Path={top}", "Size=42")
    assert "SE-1" in commands.run("dreplicas", f"{top}/f")
    assert "42" in commands.run("dsize", "-l", top)
    commands.run("dchmod", "700", f"{top}/f")
    assert "-rwx------" in commands.run("dls", "-l", top)

    commands.run("dirac-dms-remove-catalog-replicas", f"{top}/f", "SE-1")
    assert "SE-1" not in commands.run("dreplicas", f"{top}/f", fails=True)
    commands.run("dirac-dms-remove-catalog-files", f"{top}/f")
    assert f"{top}/f" not in commands.run("dfind", top, "Size=42")


def test_metadata_is_set_and_found_by_commands(commands):
    top = commands.top
    field = f"short{secrets.token_hex(3)}"
    guid = GUID.format(secrets.token_hex(6).upper())
    commands.run("dmkdir", top)
    commands.run(
        "dirac-dms-filecatalog-cli",
        text=f"register file {top}/f srm://x/f 42 SE-1 {guid} 0a0b0c0d\n"
        f"meta index -f {field} INT\nexit\n",
    )

    commands.run("dmeta", "add", f"{top}/f", f"{field}=3")

    assert f"{field} = 3" in commands.run("dmeta", "ls", f"{top}/f")
    assert f"{top}/f" in commands.run("dfind", top, f"{field}=3")
    commands.run("dmeta", "rm", f"{top}/f", field)
    assert field not in commands.run("dmeta", "ls", f"{top}/f")
