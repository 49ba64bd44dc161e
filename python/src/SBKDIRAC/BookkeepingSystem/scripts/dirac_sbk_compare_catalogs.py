#!/usr/bin/env python
"""
Compares what two FileCatalogs answer about a sample of files and directories

The sample is found in the old catalogue by going down its directories by chance. Each question goes
to both, through DIRAC's own client; where the answers differ it is shown, and the exit status is 1.

Examples::

  $ dirac-sbk-compare-catalogs dips://old:9197/DataManagement/FileCatalog \\
      dips://sbk:9135/DataManagement/FileCatalog --sample 1000 --top /superb
"""

import sys
from dataclasses import asdict

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    first,
    number,
    switches,
)

SHOWN = 20


@Script()
def main():
    switches(
        sample_="How many files to ask about (500)",
        seed_="Another number takes other files",
        top_="Only what is below this directory",
        json="Print JSON",
    )
    (old, new), options = arguments(
        "Old: the URL of the catalogue to compare with", "New: the URL of the other catalogue"
    )
    # DIRAC's clients need the configuration, which is read by now.
    from SBKDIRAC.BookkeepingSystem.Client.CatalogComparison import CatalogComparison

    comparison = CatalogComparison(old, new, seed=number(options, "seed") or 1)
    outcome = comparison.run(
        number(options, "sample") or 500, first(options, "top").get("top", "/")
    )
    if "json" in options:
        as_json(
            vars(outcome)
            | {"differences": [asdict(difference) for difference in outcome.differences]}
        )
    else:
        for difference in outcome.differences[:SHOWN]:
            print(difference)
        for method, count in outcome.faults.items():
            print(f"{method}: the old catalogue itself failed {count} times")
        print(
            f"{outcome.files} files and {outcome.directories} directories, "
            f"{outcome.calls.total()} calls, {len(outcome.differences)} differences"
        )
    sys.exit(1 if outcome.differences else 0)


if __name__ == "__main__":
    main()
