#!/usr/bin/env python
"""
Closes a dataset, so that it takes no more files; it can be opened again

With --freeze it never changes again, and a snapshot is taken that can be cited.

Examples::

  $ dirac-sbk-dataset-close raw-2026 --reason 'all runs are in'
  $ dirac-sbk-dataset-close raw-2026 --freeze --reason 'published'
"""

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    first,
    switches,
    table,
    value,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(
        vo_="The community, when it is not your group's",
        reason_="Why",
        freeze="Freeze it for good",
        json="Print JSON",
    )
    (name,), options = arguments("Name: the dataset")
    sbk = SBKClient()
    given = first(options, "vo", "reason")
    if "freeze" in options:
        done = value(sbk.freezeDataset(name, **given))
    else:
        done = value(sbk.changeDataset(name, status="closed", **given))
    (as_json if "json" in options else table)(done)


if __name__ == "__main__":
    main()
