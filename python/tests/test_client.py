"""Every method of the client, against the running service."""

import inspect
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from DIRAC.Core.Utilities.DErrno import cmpError
from DIRAC.Core.Utilities.ReturnValues import SErrorException

import config
from conftest import SCHEMA, bulk, refusal, value
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@pytest.fixture
def sbk(client, world):
    return client("admin")


@pytest.fixture
def files(sbk, world, request):
    """Three registered files in a directory of the test's own."""
    folder = re.sub(r"\W", "_", request.node.name)
    names = [f"{folder}/{name}" for name in "abc"]
    made = [
        world.file(
            name,
            size=1000 * n,
            events=10 * n,
            replicas=[{"se": world.disk}],
            metadata={"energy": 90.0 + n, "generator": folder, "run": n},
        )
        for n, name in enumerate(names, 1)
    ]
    bulk(sbk.addFiles(made))
    return [file["lfn"] for file in made]


def finish(step):
    """Calls a long operation again until it is done."""
    after = None
    for _ in range(100):
        progress = value(step(after))
        if progress["done"]:
            return
        after = progress.get("next")
    pytest.fail("the operation does not come to an end")


def test_ping_says_version_and_times(client, protocol):
    ping = value(client().ping())

    assert ping["name"] == config.SERVICE
    assert ping["URL"].startswith(protocol)
    assert isinstance(ping["version"], str)
    assert isinstance(ping["time"], datetime)
    assert abs(datetime.now(UTC).replace(tzinfo=None) - ping["time"]) < timedelta(minutes=1)
    assert ping["service start time"] <= ping["time"]


def test_echo_answers_text_in_any_script(client):
    assert value(client().echo("Größe \U0001f600")) == "Größe \U0001f600"


def test_a_method_that_is_not_there_is_named(client):
    message = refusal(client().executeRPC(call="noSuchMethod"))

    assert "Unknown method noSuchMethod" in message or "not implemented" in message


def test_a_query_that_is_wrong_is_refused_with_what_is_wrong(sbk):
    result = sbk.findFiles("no_such_field = 1")

    assert "no_such_field" in refusal(result)
    assert cmpError(result, 22)


def test_files_are_added_and_looked_up(sbk, world):
    file = world.file(
        "looked/up.root",
        guid="6c1c1f9e-9d0f-4e5c-8a43-6f4f8d3a6c01"[:-8] + world.tag[-8:],
        checksums={"adler32": "0a0b0c0d"},
        events=7,
        file_type="ROOT",
        replicas=[{"se": world.disk}, {"se": world.tape, "pfn": "mss:/up"}],
        metadata={"energy": 91.5},
    )
    lfn, missing = file["lfn"], world.lfn("missing")

    added = bulk(sbk.addFiles([file], vo="sbkvo", atomicity="all"))
    again = bulk(sbk.addFiles([file]))
    found = value(sbk.getFiles([lfn, missing], replicas=True, metadata=True, datasets=True))
    shown = value(sbk.getFile(lfn))

    assert (added[lfn], again[lfn]) == ("added", "unchanged")
    assert list(found["Failed"]) == [missing]
    assert "No such file or directory" in found["Failed"][missing]
    assert found["Successful"][lfn]["size"] == 1000
    assert isinstance(shown["created"], datetime)
    assert shown["checksums"] == {"adler32": "0a0b0c0d"}
    assert shown["metadata"]["energy"] == 91.5
    pfns = {replica["se"]: replica["pfn"] for replica in shown["replicas"]}
    assert pfns == {world.disk: f"root://disk.example{lfn}", world.tape: "mss:/up"}


def test_a_file_that_is_not_there_is_said_so(sbk, world):
    result = sbk.getFile(world.lfn("missing"))

    refusal(result)
    assert cmpError(result, 2)


def test_one_refused_file_stops_all_or_only_itself(sbk, world):
    good, bad = world.file("good"), world.file("bad", replicas=[{"se": "no-such-se"}])

    together = sbk.addFiles([good, bad], atomicity="all")
    apart = value(sbk.addFiles([good, bad], atomicity="each"))

    assert not together["OK"] or good["lfn"] in together["Value"]["Failed"]
    assert list(apart["Successful"]) == [good["lfn"]]
    assert list(apart["Failed"]) == [bad["lfn"]]


def test_metadata_are_set_and_removed(sbk, files):
    bulk(sbk.setMetadata({files[0]: {"energy": 88.5, "run": None}}, atomicity="all"))

    metadata = value(sbk.getFile(files[0]))["metadata"]
    assert metadata["energy"] == 88.5
    assert "run" not in metadata


def test_the_state_of_files_changes(sbk, files):
    bulk(sbk.setFileStatus(files[:2], "bad", reason="wrong field"))

    found = value(sbk.getFiles(files))["Successful"]
    assert [found[lfn]["status"] for lfn in files] == ["bad", "bad", "good"]


def test_files_are_retired_and_restored(sbk, files):
    preview = value(sbk.retireFiles(files, "superseded", preview=True))
    assert preview["preview"]
    assert preview["replicas"] == 3
    bulk(sbk.retireFiles(files, "superseded", grace_seconds=3600))
    assert value(sbk.getFile(files[0]))["status"] == "retired"
    bulk(sbk.restoreFiles(files, "was right after all"))
    assert value(sbk.getFile(files[0]))["status"] == "good"


def test_retired_files_are_purged(sbk, files):
    bulk(sbk.retireFiles(files, "superseded", grace_seconds=0))

    finish(lambda _: sbk.purgeFiles(limit=1000))

    assert set(value(sbk.getFiles(files))["Failed"]) == set(files)


def test_replicas_are_added_changed_and_removed(sbk, world, files):
    names = [{"lfn": lfn, "se": world.tape} for lfn in files]

    bulk(sbk.addReplicas([{**name, "pfn": f"mss:{name['lfn']}"} for name in names]))
    bulk(sbk.setReplicaStatus(names, "staging", reason="wanted"))
    shown = value(sbk.getFile(files[0]))["replicas"]
    bulk(sbk.removeReplicas(names, "tape lost"))

    assert {replica["se"]: replica["status"] for replica in shown}[world.tape] == "staging"
    assert len(value(sbk.getFile(files[0]))["replicas"]) == 1


def test_files_change_hands_and_are_removed(sbk, files):
    bulk(sbk.changeFiles([{"lfn": lfn, "owner": "bob", "mode": "0640"} for lfn in files]))
    changed = value(sbk.getFile(files[0]))
    held = sum(one["files"] for one in sbk.iterate("listHoldings", owner="bob", vo="sbkvo"))
    bulk(sbk.removeFiles(files[1:], "made twice"))

    found = value(sbk.getFiles(files))
    assert (changed["owner"], changed["mode"]) == ("bob", "0640")
    assert held >= 3
    assert list(found["Successful"]) == files[:1]
    assert set(found["Failed"]) == set(files[1:])


def test_files_are_found_by_guid_and_by_place(sbk, world):
    file = world.file("by/guid.root", guid=world.tag, replicas=[{"se": world.disk}])
    lfn = file["lfn"]
    bulk(sbk.addFiles([file]))

    guids = value(sbk.findGuids([world.tag, "no-such-guid"]))
    bulk(sbk.moveReplicas([{"lfn": lfn, "se": world.disk, "to": world.tape}], reason="archived"))
    replicas = value(sbk.findReplicas([lfn, world.lfn("missing")]))
    elements = value(sbk.findStorageElements([world.tape, "no-such-se"]))

    assert guids == {"found": [{"guid": world.tag, "lfn": lfn}], "missing": ["no-such-guid"]}
    assert [copy["se"] for copy in replicas["Successful"][lfn]["replicas"]] == [world.tape]
    assert list(replicas["Failed"]) == [world.lfn("missing")]
    assert [element["name"] for element in elements["found"]] == [world.tape]
    assert elements["missing"] == ["no-such-se"]


def test_what_is_in_and_below_directories(sbk, files):
    parent = files[0].rsplit("/", 1)[0]
    below = f"{parent}/x/y"
    bulk(sbk.createDirectories([below], vo="sbkvo"))
    value(sbk.setDirectoryMetadata(below, {"campaign": parent}))

    found = value(sbk.findDirectories([parent, f"{parent}/z"]))
    children = value(sbk.listSubdirectories(parent))["items"]
    all_below = sbk.iterate("listSubdirectories", parent, recursive=True, limit=1)
    inside = value(sbk.listFiles(parent, replicas=True, limit=2))
    measured = value(sbk.measureDirectories([parent], storage=True))
    with_value = value(sbk.queryDirectories({"campaign": parent}, vo="sbkvo", metadata=True))

    assert list(found["Successful"]) == [parent]
    assert list(found["Failed"]) == [f"{parent}/z"]
    assert [directory["path"] for directory in children] == [f"{parent}/x"]
    assert [directory["path"] for directory in all_below] == [f"{parent}/x", below]
    assert [file["lfn"] for file in inside["items"]] == files[:2]
    assert measured["Successful"][parent]["files"] == 3
    assert [directory["path"] for directory in with_value["items"]] == [below]


def test_directories_are_made_shown_and_listed(sbk, world, files):
    parent = files[0].rsplit("/", 1)[0]
    paths = [f"{parent}/x", {"path": f"{parent}/y", "mode": "0755"}]

    bulk(sbk.createDirectories(paths, vo="sbkvo"))
    shown = value(sbk.getDirectory(parent))
    first = value(sbk.listDirectory(parent, limit=2))
    rest = value(sbk.listDirectory(parent, after=first["next"], retired=True))

    assert (shown["files"], shown["bytes"], shown["events"]) == (3, 6000, 60)
    names = [entry["name"] for entry in first["items"] + rest["items"]]
    assert names == ["x", "y", "a", "b", "c"]
    assert not rest.get("next")


def test_a_directory_is_changed_moved_and_removed(sbk, world, files):
    source = files[0].rsplit("/", 1)[0]
    target = f"{source}-moved"

    value(sbk.setDirectoryMetadata(source, {"campaign": "2026"}))
    value(sbk.changeDirectory(source, group="prod", mode="0750", recursive=True, reason="ours"))
    changed = value(sbk.getDirectory(source))
    finish(lambda _: sbk.moveDirectory(source, target))
    preview = value(sbk.removeDirectory(target, "not needed", recursive=True, preview=True))
    moved = value(sbk.getDirectory(target))
    finish(lambda after: sbk.removeDirectory(target, "old", recursive=True, after=after))

    assert changed["metadata"] == {"campaign": "2026"}
    assert (changed["group"], changed["mode"]) == ("prod", "0750")
    assert preview["files"] == 3
    assert moved["files"] == 3
    refusal(sbk.getDirectory(source))


def test_datasets_are_added_listed_and_changed(sbk, world):
    raw, derived = world.dataset("raw"), world.dataset("derived")
    new = [
        {"name": raw, "metadata": {"session": world.tag}},
        {"name": derived, "parents": [raw], "metadata": {"session": world.tag}},
    ]

    bulk(sbk.addDatasets(new, vo="sbkvo", atomicity="all"))
    value(
        sbk.changeDataset(
            raw,
            status="closed",
            owner="bob",
            sites=[world.site],
            metadata={"session": None},
            reason="complete",
            vo="sbkvo",
        )
    )
    shown = value(sbk.getDataset(raw, vo="sbkvo"))
    listed = value(sbk.getDatasets(vo="sbkvo", expr=f'session = "{world.tag}"', limit=10))

    assert (shown["status"], shown["owner"], shown["sites"]) == ("closed", "bob", [world.site])
    assert isinstance(shown["created"], datetime)
    assert [(d["name"], d["parents"]) for d in listed["items"]] == [(derived, [raw])]


def test_a_dataset_that_nothing_is_in_can_be_removed(sbk, world):
    name = world.dataset("short-lived")
    bulk(sbk.addDatasets([{"name": name, "status": "temp"}]))

    value(sbk.removeDataset(name, reason="a mistake"))

    assert cmpError(sbk.getDataset(name), 2)


def test_members_snapshots_and_their_differences(sbk, world, files):
    name = world.dataset("members")
    bulk(sbk.addDatasets([{"name": name}]))

    bulk(sbk.addMembers(name, files))
    first = value(sbk.freezeDataset(name, snapshot_only=True))
    bulk(sbk.removeMembers(name, files[:1], reason="not ours"))
    members = value(sbk.listMembers(name, limit=10))
    second = value(sbk.freezeDataset(name, reason="published"))
    snapshots = value(sbk.listSnapshots(name))["items"]
    differences = value(sbk.compareSnapshots(name, 1, 2))["items"]
    frozen = value(sbk.listSnapshotFiles(name, 1, limit=10))["items"]

    assert sorted(member["lfn"] for member in members["items"]) == files[1:]
    assert (first["files"], second["files"]) == (3, 2)
    assert first["content_hash"] != second["content_hash"]
    assert sorted(file["lfn"] for file in frozen) == files
    assert sorted(snapshot["version"] for snapshot in snapshots) == [1, 2]
    assert differences == [{"lfn": files[0], "change": "removed"}]
    assert value(sbk.getDataset(name))["status"] == "frozen"


def test_a_schema_is_shown_and_a_change_planned(sbk):
    wider = SCHEMA.replace("version = 1", "version = 2")
    wider += '\n[[field]]\nname = "weight"\nentity = "file"\nkind = "float"\n'

    shown = value(sbk.getSchema(vo="sbkvo"))
    plan = value(sbk.applySchema(wider, vo="sbkvo", dry_run=True, reason="more"))
    versions = value(sbk.listSchemaVersions(vo="sbkvo", limit=5))["items"]

    assert 'name = "energy"' in shown["toml"]
    assert not plan["applied"]
    assert [change["field"] for change in plan["changes"]] == ["weight"]
    assert versions[0]["version"] == shown["version"]


def test_files_are_found_by_text_and_by_a_dictionary(sbk, files, request):
    generator = re.sub(r"\W", "_", request.node.name)

    text = value(sbk.findFiles(f'generator = "{generator}" and energy > 91.5 GeV order by lfn'))
    twin = value(
        sbk.findFiles(
            {"generator": generator, "energy": {">": 91.5}},
            vo="sbkvo",
            replicas=True,
            metadata=True,
            limit=10,
        )
    )
    totals = value(sbk.countFiles({"generator": generator}, vo="sbkvo"))
    plan = value(sbk.explainQuery(f'generator = "{generator}"', vo="sbkvo"))

    assert [file["lfn"] for file in text["items"]] == files[1:]
    assert sorted(file["lfn"] for file in twin["items"]) == files[1:]
    assert all(file["replicas"] and file["metadata"]["run"] for file in twin["items"])
    assert totals == {"files": 3, "bytes": 6000, "events": 60}
    assert generator in plan["query"]
    assert plan["plan"]


def test_long_lists_are_gone_through_page_by_page(sbk, files, request):
    generator = re.sub(r"\W", "_", request.node.name)

    found = sbk.iterate("findFiles", f'generator = "{generator}" order by lfn', limit=2)

    assert [file["lfn"] for file in found] == files
    with pytest.raises(SErrorException):
        list(sbk.iterate("findFiles", "no_such_field = 1"))


def test_totals_are_proved(sbk, files):
    step = value(sbk.verifyTotals())
    wrong = step["wrong"]
    while step.get("next"):
        step = value(sbk.verifyTotals(repair=False, after=step["next"]))
        wrong += step["wrong"]

    assert wrong == []


def test_the_audit_trail_says_who_did_what(sbk, files):
    bulk(sbk.setFileStatus(files[:1], "bad", reason="checked by hand"))

    entries = value(sbk.listAudit(lfn=files[0], operation="setFileStatus", limit=5))["items"]

    assert entries[0]["reason"] == "checked by hand"
    assert "alice" in entries[0]["actor"]
    assert isinstance(entries[0]["time"], datetime)


def test_records_are_exported_and_can_be_imported(sbk, files):
    records = value(sbk.exportRecords(vo="sbkvo", limit=10))["items"]

    done = value(sbk.importRecords(records))

    assert records
    assert done["Failed"] == {}
    assert set(done["Successful"].values()) == {"unchanged"}


def test_communities_storage_elements_and_sites_are_listed(sbk, world, files):
    name = f"{world.tag}-short-lived"
    bulk(sbk.declareStorageElements([{"name": name, "site": world.site}]))
    elements = {se["name"]: se for se in sbk.iterate("listStorageElements", limit=100)}
    value(sbk.removeStorageElement(name))

    assert elements[name]["files"] == 0
    assert elements[world.disk]["files"] >= 3
    assert "sbkvo" in [vo["vo"] for vo in value(sbk.listCommunities(limit=100))["items"]]
    assert world.site in [site["name"] for site in sbk.iterate("listSites", limit=100)]
    assert name not in [se["name"] for se in sbk.iterate("listStorageElements", limit=100)]


def test_every_method_of_the_client_is_tried_here():
    tested = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))

    methods = [name for name, _ in inspect.getmembers(SBKClient, inspect.isfunction)]
    own = [name for name in methods if name in vars(SBKClient) and not name.startswith("_")]
    assert len(own) > 40
    assert [name for name in own if not re.search(rf'\.{name}\(|"{name}"', tested)] == []
