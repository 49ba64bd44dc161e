"""Whole lists as files, both ways."""

import json

import pytest

from conftest import bulk, refusal, value

LARGE = 100 << 20


def lines(path):
    with open(path, encoding="utf-8") as file:
        yield from map(json.loads, file)


def test_a_list_goes_up_and_comes_back(client, world, tmp_path):
    sbk = client("user")
    sent, received = tmp_path / "sent", tmp_path / "received"
    files = [
        world.file(f"list/é{n:04}", events=n, metadata={"generator": world.tag})
        for n in range(2500)
    ]
    sent.write_text("".join(json.dumps(file) + "\n" for file in files), encoding="utf-8")

    done = value(sbk.upload(sent, "addFiles", vo="sbkvo"))
    query = f'directory = "{world.lfn("list")}" order by lfn'
    value(sbk.download(received, "findFiles", query, metadata=True))

    assert (done["SuccessfulCount"], done["FailedCount"], done["Failed"]) == (2500, 0, {})
    found = list(lines(received))
    assert [file["lfn"] for file in found] == [file["lfn"] for file in files]
    assert found[7]["metadata"] == {"generator": world.tag}


def test_a_list_may_be_empty(client, world, tmp_path):
    path = tmp_path / "none"
    path.write_text("")

    done = value(client("user").upload(path, "addFiles"))
    value(client("user").download(path, "findFiles", f'lfn = "{world.lfn("nothing")}"'))

    assert done["Lines"] == 0
    assert path.read_bytes() == b""


def test_a_list_may_go_to_a_method_with_more_arguments(client, world, tmp_path):
    sbk = client("user")
    bulk(sbk.addFiles([world.file("lost/a"), world.file("lost/b")]))
    path = tmp_path / "lost"
    path.write_text(f'"{world.lfn("lost/a")}"\n"{world.lfn("lost/b")}"\n')

    done = value(sbk.upload(path, "setFileStatus", "lost", reason="disk broken"))

    assert done["SuccessfulCount"] == 2
    assert value(sbk.getFile(world.lfn("lost/b")))["status"] == "lost"


def test_what_is_refused_in_a_list_is_named(client, world, tmp_path):
    good, bad = world.file("partly/good"), world.file("partly/bad", replicas=[{"se": "none"}])
    path = tmp_path / "partly"
    path.write_text("".join(json.dumps(file) + "\n" for file in (good, bad)))

    done = value(client("user").upload(path, "addFiles"))

    assert list(done["Failed"]) == [bad["lfn"]]
    assert (done["SuccessfulCount"], done["FailedCount"]) == (1, 1)


def test_a_download_that_is_refused_leaves_no_file(client, world, tmp_path):
    path = tmp_path / "refused"

    refusal(client("user").download(path, "findFiles", "no_such_field = 1"))
    refusal(client("stranger").download(path, "findFiles", ""))

    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_is_refused_changes_nothing(client, world, tmp_path):
    path = tmp_path / "stolen"
    path.write_text(json.dumps(world.file("stolen")) + "\n")

    refusal(client("stranger").upload(path, "addFiles", vo="sbkvo"))

    assert value(client("user").getFiles([world.lfn("stolen")]))["Successful"] == {}


@pytest.mark.slow
def test_a_list_of_100_mb_goes_up_and_comes_back(client, world, tmp_path):
    sbk = client("admin")
    sent, received = tmp_path / "sent", tmp_path / "received"
    count = size = 0
    with open(sent, "w", encoding="utf-8") as file:
        while size < LARGE:
            padding = f"{count:08}".ljust(700, "x")
            name = f"large/{count // 1000:03}/{count:06}"
            one = world.file(name, metadata={"generator": padding})
            size += file.write(json.dumps(one) + "\n")
            count += 1

    done = value(sbk.upload(sent, "addFiles"))
    totals = value(sbk.getDirectory(world.lfn("large")))
    value(sbk.download(received, "findFiles", f'lfn like "{world.lfn("large")}/%"', metadata=True))

    assert done["SuccessfulCount"] == count
    assert totals["files"] == count
    assert received.stat().st_size > LARGE
    assert sum(1 for _ in lines(received)) == count
