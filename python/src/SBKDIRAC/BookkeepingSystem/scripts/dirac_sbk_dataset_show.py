#!/usr/bin/env python
"""
Shows a dataset, or the names of its files

Examples::

  $ dirac-sbk-dataset-show raw-2026
  $ dirac-sbk-dataset-show raw-2026 --files
"""

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    first,
    items,
    switches,
    table,
    value,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(
        vo_="The community, when it is not your group's",
        files="Print the names of its files",
        json="Print JSON; with --files one object a file",
    )
    (name,), options = arguments("Name: the dataset")
    sbk = SBKClient()
    vo = first(options, "vo")
    if "files" not in options:
        shown = value(sbk.getDataset(name, **vo))
        (as_json if "json" in options else table)(shown)
        return
    for file in items(sbk.iterate("listMembers", name, **vo, limit=1000), None):
        if "json" in options:
            as_json(file)
        else:
            print(file["lfn"])


if __name__ == "__main__":
    main()
