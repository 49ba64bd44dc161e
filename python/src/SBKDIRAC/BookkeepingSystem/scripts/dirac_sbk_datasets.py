#!/usr/bin/env python
"""
Lists datasets, all or those that a query matches

Examples::

  $ dirac-sbk-datasets
  $ dirac-sbk-datasets 'status = open and generator = uds' --json
"""

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    first,
    items,
    number,
    switches,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(
        vo_="The community, when it is not your group's",
        limit_="Print at most so many",
        json="Print one JSON object a dataset",
    )
    queries, options = arguments(("Query: which datasets", False))
    most = number(options, "limit")
    wanted = first(options, "vo") | {"limit": min(most, 1000) if most else 1000}
    if queries:
        wanted["expr"] = queries[0]
    for dataset in items(SBKClient().iterate("getDatasets", **wanted), most):
        if "json" in options:
            as_json(dataset)
        else:
            print(dataset["name"], dataset["status"], dataset["files"], sep="\t")


if __name__ == "__main__":
    main()
