#!/usr/bin/env python
"""
Finds files by a query, and prints their names

Examples::

  $ dirac-sbk-find-files 'energy > 89 GeV and generator in (a, b) order by lfn' --limit 10
  $ dirac-sbk-find-files 'directory = "/sbkvo/raw"' --count
  $ dirac-sbk-find-files 'size > 2 GB' --replicas --json | jq .replicas
"""

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    first,
    items,
    number,
    switches,
    table,
    value,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(
        vo_="The community, when it is not your group's",
        limit_="Print at most so many",
        count="Print how many there are, with their bytes and events",
        explain="Print how the query would be run",
        replicas="With --json: print the replicas, too",
        metadata="With --json: print the metadata, too",
        json="Print one JSON object a file",
    )
    (query,), options = arguments("Query: what is looked for")
    sbk = SBKClient()
    vo = first(options, "vo")
    show = as_json if "json" in options else table
    if "count" in options:
        show(value(sbk.countFiles(query, **vo)))
        return
    if "explain" in options:
        show(value(sbk.explainQuery(query, **vo)))
        return
    most = number(options, "limit")
    wanted = {name: True for name in ("replicas", "metadata") if name in options}
    page = min(most, 1000) if most else 1000
    found = sbk.iterate("findFiles", query, **vo, **wanted, limit=page)
    for file in items(found, most):
        if "json" in options:
            as_json(file)
        else:
            print(file["lfn"])


if __name__ == "__main__":
    main()
