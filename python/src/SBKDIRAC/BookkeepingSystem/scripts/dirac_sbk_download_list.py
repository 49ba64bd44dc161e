#!/usr/bin/env python
"""
Writes a whole list to a file, one JSON object a line: for long lists

Examples::

  $ dirac-sbk-download-list found.ndjson 'energy > 89 GeV' --replicas --metadata
  $ dirac-sbk-download-list raw.ndjson raw-2026 --method listMembers
  $ dirac-sbk-download-list backup.ndjson --method exportRecords
"""

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    first,
    switches,
    value,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(
        method_="The method; findFiles when it is not given",
        replicas="With the replicas",
        metadata="With the metadata",
        vo_="The community, when it is not your group's",
        json="Print JSON",
    )
    (path, *asked), options = arguments(
        "File: where the list is written", ("*Argument: the query, or what the method takes", False)
    )
    method = first(options, "method").get("method", "findFiles")
    wanted = {name: True for name in ("replicas", "metadata") if name in options}
    value(SBKClient().download(path, method, *asked, **wanted, **first(options, "vo")))
    with open(path, "rb") as file:
        lines = sum(1 for _ in file)
    if "json" in options:
        as_json({"file": path, "items": lines})
    else:
        print(f"{lines} items in {path}")


if __name__ == "__main__":
    main()
