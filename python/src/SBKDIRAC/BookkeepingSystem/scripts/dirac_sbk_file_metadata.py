#!/usr/bin/env python
"""
Shows what is known of a file, or sets its metadata

A value is read as JSON where that can be, else it is text: run=7 is a number, period=94a is text,
and so is period='"1994"'. null removes a field.

Examples::

  $ dirac-sbk-file-metadata /sbkvo/a.root
  $ dirac-sbk-file-metadata /sbkvo/a.root energy=91.2 generator=pythia run=null
"""

from DIRAC.Core.Base.Script import Script

from SBKDIRAC.BookkeepingSystem.Client.CommandLine import (
    arguments,
    as_json,
    bulk,
    pairs,
    switches,
    table,
    value,
)
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient


@Script()
def main():
    switches(json="Print JSON")
    (lfn, *changes), options = arguments("LFN: the file", ("*Change: field=value", False))
    sbk = SBKClient()
    show = as_json if "json" in options else table
    if changes:
        show(bulk(sbk.setMetadata({lfn: pairs(changes)}))["Successful"])
    else:
        show(value(sbk.getFile(lfn)))


if __name__ == "__main__":
    main()
