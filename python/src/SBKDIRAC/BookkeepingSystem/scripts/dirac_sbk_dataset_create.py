#!/usr/bin/env python
"""
Creates a dataset

A value is read as JSON where that can be, else it is text: year=2026 is a number,
year='"2026"' is text.

Examples::

  $ dirac-sbk-dataset-create raw-2026 session=fastsim generator=uds
  $ dirac-sbk-dataset-create z-peak --query 'energy > 91 GeV and energy < 92 GeV'
  $ dirac-sbk-dataset-create mine --kind personal --status temp --parent raw-2026
"""

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    bulk,
    first,
    pairs,
    switches,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(
        vo_="The community, when it is not your group's",
        kind_="official or personal",
        status_="temp, prepared or open",
        query_="The query that defines its files",
        parent_="A dataset that it was made from; may be repeated",
        site_="A site where it is; may be repeated",
        json="Print JSON",
    )
    (name, *metadata), options = arguments("Name: the dataset", ("*Metadata: field=value", False))
    dataset = {"name": name, **first(options, "kind", "status", "query")}
    for option, key in (("parent", "parents"), ("site", "sites")):
        if option in options:
            dataset[key] = options[option]
    if metadata:
        dataset["metadata"] = pairs(metadata)
    done = bulk(SBKClient().addDatasets([dataset], **first(options, "vo")))
    if "json" in options:
        as_json(done["Successful"])
    else:
        print(name)


if __name__ == "__main__":
    main()
