"""Fills a FileCatalog through the real client, so that there is something to migrate.

    populate.py --url URL [--files N] [--directories N] [--datasets]

What is made depends on the numbers only: directories of several users with values and permission
bits, files with replicas, states, checksums, values and ancestors, and datasets, one of them
frozen.
"""

import argparse
import os
import tempfile
from pathlib import Path

import config

TOP = "/sbkvo/mc"
BULK = 1000
FIELDS = [
    ("run", "INT", "-d"),
    ("stream", "VARCHAR(32)", "-d"),
    ("energy", "FLOAT", "-d"),
    ("taken", "DATETIME", "-d"),
    ("nevents", "INT", "-f"),
    ("quality", "VARCHAR(16)", "-f"),
]
STREAMS = ["physics", "calibration", "Größe", "it's"]


def client(url: str, proxy: str):
    from DIRAC.Resources.Catalog.FileCatalogClient import FileCatalogClient

    return FileCatalogClient(url=url, proxyLocation=str(config.PKI / "proxies" / proxy))


def value(result: dict):
    assert result["OK"], result["Message"]
    found = result["Value"]
    if isinstance(found, dict) and {"Successful", "Failed"} <= set(found):
        assert not found["Failed"], list(found["Failed"].items())[:3]
        return found["Successful"]
    return found


def new_file(number: int, lfn: str, parent: str | None) -> dict:
    file = {
        "PFN": f"root://disk.example{lfn}" if number % 3 else lfn,
        "SE": "SE-A" if number % 4 else "SE-B",
        "Size": 1000 + number,
        "GUID": f"{number:08X}-0000-4000-8000-{number:012X}",
        "Checksum": f"{number % 0xFFFFFFFF:08x}",
    }
    return file | ({"Ancestors": [parent]} if parent else {})


def populate(url: str, files: int, directories: int, with_datasets: bool) -> None:
    admin, other = client(url, "admin"), client(url, "bob")
    value(admin.createDirectory({TOP: True}))
    value(admin.changePathMode({"/sbkvo": 0o775, TOP: 0o777}))
    for name, kind, level in FIELDS:
        value(admin.addMetadataField(name, kind, level))

    per_directory = -(-files // directories)
    paths = [f"{TOP}/{at // 50:03}/{at:05}" for at in range(directories)]
    for at, path in enumerate(paths):
        owner = other if at % 5 == 0 else admin
        value(owner.createDirectory({path: True}))
    for start in range(0, directories, BULK):
        wanted = {
            path: {
                "run": start + at,
                "stream": STREAMS[at % 4],
                "energy": 10.58 + at / 8,
                "taken": f"2026-0{1 + at % 9}-01 12:00:00",
            }
            for at, path in enumerate(paths[start : start + BULK])
        }
        value(admin.setMetadataBulk(wanted))

    names = [f"{path}/file.{number}.root" for path in paths for number in range(per_directory)][
        :files
    ]
    for start in range(0, files, BULK):
        part = names[start : start + BULK]
        made = {
            lfn: new_file(number, lfn, names[number - 1] if number % 10 == 1 else None)
            for number, lfn in enumerate(part, start)
        }
        value(admin.addFile(made))
        value(admin.setMetadataBulk({lfn: {"nevents": len(lfn)} for lfn in part[::20]}))
        copies = {
            lfn: {"PFN": f"mss:{lfn}", "SE": "SE-T", "Size": made[lfn]["Size"]} for lfn in part[::7]
        }
        value(admin.addReplica(copies))
        for lfn in part[5::200]:
            # DIRAC fails where several are set at once.
            value(admin.setFileStatus({lfn: "Trash"}))
        value(
            admin.setReplicaStatus(
                {lfn: {"SE": "SE-T", "Status": "Probing"} for lfn in part[7::70]}
            )
        )
    value(admin.changePathMode({lfn: 0o640 for lfn in names[3::500]}))
    value(admin.setMetadataBulk({lfn: {"quality": "good"} for lfn in names[::100]}))

    value(admin.removeFile([names[per_directory]]))
    if not with_datasets:
        return
    datasets = {
        f"{TOP}/low": {"run": {"<": 3}},
        f"{TOP}/physics": {"stream": "physics", "Path": f"{TOP}/000"},
        f"{TOP}/frozen": {"run": [1, 2], "nevents": {">": 0}},
    }
    value(admin.addDataset(datasets))
    value(admin.addDatasetAnnotation({f"{TOP}/low": "the first runs"}))
    value(admin.freezeDataset({"frozen": True}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--directories", type=int, default=50)
    parser.add_argument(
        "--datasets", action="store_true", help="the managers can find files from any directory"
    )
    given = parser.parse_args()

    place = Path(tempfile.mkdtemp(prefix="sbk-populate-"))
    settings = config.write(place / "client.cfg", config.local(given.url))
    os.environ |= config.environment("admin", settings)
    from DIRAC.Core.Base.Script import Script

    Script.disableCS()
    Script.localCfg.disableParsingCommandLine()
    Script.initialize(ignoreErrors=True)
    populate(given.url, given.files, given.directories, given.datasets)


if __name__ == "__main__":
    main()
