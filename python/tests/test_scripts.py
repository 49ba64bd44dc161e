"""The commands, as people run them."""

import json
import subprocess
from importlib.metadata import entry_points

import pytest

import config
from conftest import URLS, bulk, settings

SCRIPTS = sorted(
    script.name
    for script in entry_points(group="console_scripts")
    if script.name.startswith("dirac-sbk-")
)


@pytest.fixture
def run(protocol):
    def run(script: str, *args: str, proxy: str = "admin", status: int = 0) -> str:
        """What a command prints: its output, or its errors where it has to fail."""
        done = subprocess.run(
            [config.TESTBED / "venv/bin" / script, *map(str, args)],
            env=config.environment(proxy, settings(protocol)),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stderr if status else done.stdout

    return run


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_shows_examples(run, script):
    text = run(script, "--help")

    assert f"$ {script}" in text
    assert "--json" in text


def test_all_commands_are_installed():
    assert len(SCRIPTS) == 11


def test_ping(run):
    assert "you are alice in group admin" in run("dirac-sbk-ping")
    assert json.loads(run("dirac-sbk-ping", "--json"))["ping"]["name"] == config.SERVICE


def test_a_catalogue_answers_as_itself(run, protocol, world, client):
    bulk(client("admin").addFiles([world.file("compared/a.root")]))
    url = URLS[protocol].replace("Bookkeeping/SBK", "DataManagement/FileCatalog")

    done = json.loads(run("dirac-sbk-compare-catalogs", url, url, "--sample=5", "--json"))

    assert done["files"] > 0
    assert done["calls"]["getReplicas"] > 0
    assert done["differences"] == []


def test_a_proxy_that_is_refused_is_told_what_to_do(run):
    assert "dirac-proxy-in" in run("dirac-sbk-ping", proxy="expired", status=1)
    assert "dirac-proxy-info" in run("dirac-sbk-datasets", proxy="stranger", status=1)


def test_a_file_from_registration_to_metadata(run, world):
    lfn = world.lfn("scripts/a.root")
    name = world.dataset("scripts")

    assert run("dirac-sbk-dataset-create", name, "session=fastsim", "--json")
    run(
        "dirac-sbk-register",
        lfn,
        *("--size", 1000, "--events", 10, "--se", world.disk, "--se", world.tape),
        *("--checksum", "adler32:0a0b0c0d", "--dataset", name),
        "energy=91.25",
        "generator=scripts",
    )
    run("dirac-sbk-file-metadata", lfn, "run=7", "energy=null")
    shown = json.loads(run("dirac-sbk-file-metadata", lfn, "--json"))
    text = run("dirac-sbk-file-metadata", lfn)
    found = run("dirac-sbk-find-files", f'dataset = "{name}"', "--limit", 5)
    one = json.loads(run("dirac-sbk-find-files", f'dataset = "{name}"', "--replicas", "--json"))
    count = json.loads(run("dirac-sbk-find-files", f'dataset = "{name}"', "--count", "--json"))
    plan = run("dirac-sbk-find-files", f'dataset = "{name}"', "--explain")

    assert shown["metadata"] == {"generator": "scripts", "run": 7}
    assert shown["datasets"] == [name]
    assert lfn in text
    assert found == lfn + "\n"
    assert {replica["se"] for replica in one["replicas"]} == {world.disk, world.tape}
    assert (count["files"], count["events"]) == (1, 10)
    assert "plan" in plan


def test_a_dataset_from_creation_to_its_close(run, world):
    name = world.dataset("closing")

    run("dirac-sbk-dataset-create", name, "--parent", "older", "--parent", "oldest")
    listed = run("dirac-sbk-datasets", f'name = "{name}"')
    run("dirac-sbk-dataset-close", name, "--reason", "all runs are in")
    shown = json.loads(run("dirac-sbk-dataset-show", name, "--json"))
    files = run("dirac-sbk-dataset-show", name, "--files")
    frozen = json.loads(run("dirac-sbk-dataset-close", name, "--freeze", "--json"))
    text = run("dirac-sbk-dataset-show", name)

    assert listed.split("\t")[:2] == [name, "open"]
    assert (shown["status"], sorted(shown["parents"])) == ("closed", ["older", "oldest"])
    assert files == ""
    assert frozen["version"] == 1
    assert "frozen" in text


def test_lists_go_up_and_come_back(run, world, tmp_path):
    sent, received = tmp_path / "sent", tmp_path / "received"
    files = [world.file(f"scripts/list/{n}") for n in range(3)]
    sent.write_text("".join(json.dumps(file) + "\n" for file in files))
    query = f'directory = "{world.lfn("scripts/list")}"'

    done = json.loads(run("dirac-sbk-upload-list", sent, "--json"))
    text = run("dirac-sbk-download-list", received, query)

    assert done["SuccessfulCount"] == 3
    assert text.startswith("3 items")
    assert len(received.read_text().splitlines()) == 3


def test_what_is_refused_ends_with_a_message(run, world, tmp_path):
    bad = tmp_path / "bad"
    bad.write_text(json.dumps(world.file("x", replicas=[{"se": "none"}])) + "\n")

    refused = {
        ("dirac-sbk-find-files", "no_such_field = 1"): "no_such_field",
        ("dirac-sbk-file-metadata", world.lfn("missing")): "missing",
        ("dirac-sbk-dataset-show", world.dataset("missing")): "missing",
        ("dirac-sbk-register", world.lfn("x")): "--size",
        ("dirac-sbk-register", world.lfn("x"), "--size", "many"): "whole number",
        ("dirac-sbk-upload-list", str(tmp_path / "none")): "there is no file",
        ("dirac-sbk-upload-list", str(bad)): "refused",
    }
    for (script, *args), reason in refused.items():
        message = run(script, *args, status=1)
        assert reason in message
        assert message.startswith(script) or reason == "refused"
