#!/usr/bin/env python
"""
Sends a list, a file of one JSON object a line, to a method of SBK: for registering many files

Examples::

  $ head -1 files.ndjson
  {"lfn": "/sbkvo/a.root", "size": 1000, "replicas": [{"se": "CNAF-disk"}]}
  $ dirac-sbk-upload-list files.ndjson --dataset raw-2026
  $ dirac-sbk-upload-list replicas.ndjson --method addReplicas
  $ dirac-sbk-upload-list backup.ndjson --method importRecords
"""

import os

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    fail,
    first,
    switches,
    table,
    value,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(
        method_="The method; addFiles when it is not given",
        dataset_="A dataset that the files join",
        atomicity_="all or each",
        vo_="The community, when it is not your group's",
        json="Print JSON",
    )
    (path,), options = arguments("File: the list")
    if not os.path.isfile(path):
        fail(f"there is no file {path}")
    method = first(options, "method").get("method", "addFiles")
    given = first(options, "vo", "dataset", "atomicity")
    done = value(SBKClient().upload(path, method, **given))
    (as_json if "json" in options else table)(done or {})
    if isinstance(done, dict) and done.get("Failed"):
        fail("some were refused; they are listed above")


if __name__ == "__main__":
    main()
