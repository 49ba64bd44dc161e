#!/usr/bin/env python
"""
Registers a file; for many files at once use dirac-sbk-upload-list

A value is read as JSON where that can be, else it is text: run=7 is a number, run='"7"' is text.

Examples::

  $ dirac-sbk-register /sbkvo/a.root --size 1000 --se CNAF-disk --checksum adler32:0a0b0c0d
  $ dirac-sbk-register /sbkvo/b.root --size 1000 --events 50 --dataset raw-2026 energy=91.2
"""

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    bulk,
    fail,
    first,
    number,
    pairs,
    switches,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(
        size_="Its size in bytes; needed",
        se_="A storage element that holds it; may be repeated",
        checksum_="algorithm:value; may be repeated",
        guid_="Its id",
        events_="How many events it holds",
        file_type_="What it holds",
        dataset_="A dataset that it joins",
        vo_="The community, when it is not your group's",
        json="Print JSON",
    )
    (lfn, *metadata), options = arguments("LFN: the file", ("*Metadata: field=value", False))
    if "size" not in options:
        fail("say how large the file is, with --size and a number of bytes")
    file = {"lfn": lfn, "size": number(options, "size"), **first(options, "guid", "file_type")}
    if "events" in options:
        file["events"] = number(options, "events")
    if "se" in options:
        file["replicas"] = [{"se": se} for se in options["se"]]
    if "checksum" in options:
        split = [one.partition(":") for one in options["checksum"]]
        file["checksums"] = {algorithm: checksum for algorithm, _, checksum in split}
    if metadata:
        file["metadata"] = pairs(metadata)
    done = bulk(SBKClient().addFiles([file], **first(options, "vo", "dataset")))
    if "json" in options:
        as_json(done["Successful"])
    else:
        print(lfn)


if __name__ == "__main__":
    main()
