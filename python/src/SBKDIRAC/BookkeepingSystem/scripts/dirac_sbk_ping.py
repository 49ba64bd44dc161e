#!/usr/bin/env python
"""
Asks SBK whether it is there, and who it takes you for

Example::

  $ dirac-sbk-ping
  Bookkeeping/SBK 0.1.0 at dips://sbk.example:9200/Bookkeeping/SBK, up 3601 s
  you are alice in group user
"""

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    switches,
    value,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(json="Print JSON")
    _, options = arguments()
    sbk = SBKClient()
    ping = value(sbk.ping())
    you = value(sbk.whoami())
    if "json" in options:
        as_json({"ping": ping, "whoami": you})
        return
    where = f"{ping['name']} {ping['version']} at {ping['URL']}"
    print(f"{where}, up {ping['service uptime']} s")
    print(f"you are {you['username']} in group {you['group']}")


if __name__ == "__main__":
    main()
