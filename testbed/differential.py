"""Compares two FileCatalogs call by call, through the real DIRAC client.

    differential.py --reference URL --subject URL [--security voms|none|directory|full]
                    [--seed N] [--sequences N | --minutes M] [--metadata | --datasets] [--same]
                    [--verbose]

The reference is DIRAC's own service (catalogue.py), the subject ours; both start empty, with the
same security model and the testbed's registry. Sequences of calls are made up from a seed: every
method, good and bad arguments, several users and groups. Each call goes to both, and what they
answer is compared part by part. A difference has to be one of those of differences.py or
datasets.py, which are those of docs/dirac.md; where the two go on from different states, the
sequence ends there. The first other difference is shown with the calls that led to it, and the exit
status is 1. With --same, for two of DIRAC's own, every difference counts.
"""

import argparse
import collections
import os
import random
import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import datasets
import differences
from calls import ADMIN, METADATA, METHODS, PROXIES, Call, Maker
from differences import DIFFERENCES, MISSING, entries, is_bulk

import config


def prepare(url: str) -> None:
    """Makes this process a DIRAC client."""
    place = Path(tempfile.mkdtemp(prefix="sbk-differential-"))
    file = config.write(place / "client.cfg", config.local(url))
    wanted = config.environment("admin", file)
    os.environ.clear()
    os.environ.update(wanted)

    from DIRAC import gLogger
    from DIRAC.Core.Base.Script import Script

    gLogger.setLevel("FATAL")
    Script.disableCS()
    Script.localCfg.disableParsingCommandLine()
    Script.initialize(ignoreErrors=True)


class Catalogue:
    """A FileCatalog, called as one of several users."""

    def __init__(self, url: str):
        self.url = url

    def call(self, who: str, method: str, arguments: tuple, raw: bool) -> dict:
        from DIRAC.Core.Base.Client import Client
        from DIRAC.Resources.Catalog.FileCatalogClient import FileCatalogClient

        proxy = str(config.PKI / "proxies" / PROXIES[who])
        if raw:
            rpc = Client(url=self.url, proxyLocation=proxy)._getRPC()
            return getattr(rpc, method)(*arguments)
        client = FileCatalogClient(url=self.url, proxyLocation=proxy)
        try:
            return getattr(client, method)(*arguments)
        except (KeyError, IndexError) as error:
            # The client itself stumbles over some answers.
            return {"OK": False, "Errno": 0, "Message": f"client: {error!r}"}


# What differs from one service to another in every answer.
IDS = {"FileID", "DirID", "DatasetID", "UID", "GID", "lastRowId"}


def plain(value, key=None):
    """A value without what cannot be the same: ids, moments, times that calls took."""
    if isinstance(value, dict):
        what = {
            str(k): plain(v, k)
            for k, v in value.items()
            if k not in ("QueryTime", "CallStack", "rpcStub", "ExecInfo")
        }
        # In lists of directories the states of datasets and directories are numbers.
        if isinstance(what.get("Status"), int):
            what["Status"] = "id"
        return what
    if isinstance(value, (list, tuple)):
        items = [plain(item) for item in value]
        # No order is promised.
        return sorted(items) if key == "SubDirs" else items
    if key in IDS and isinstance(value, int):
        return "id"
    if hasattr(value, "isoformat"):
        return type(value).__name__
    if isinstance(value, str):
        value = re.sub(r"(MySQL Error .*Table ')\w+\.", r"\1", value)
        return re.sub(r"another file \d+$", "another file #", value)
    return value


class Unexplained(Exception):
    """A difference that nobody wanted."""

    def __init__(self, call, path, theirs, ours):
        super().__init__()
        self.call, self.path, self.theirs, self.ours = call, path, theirs, ours

    def __str__(self):
        place = f" for {self.path}" if self.path else ""
        theirs, ours = (f"{value!r:.2000}" for value in (self.theirs, self.ours))
        return f"{self.call}{place}\n  reference: {theirs}\n  subject:   {ours}"


class Comparison:
    """What two catalogues answer to the same calls."""

    def __init__(self, reference: Catalogue, subject: Catalogue, same: bool, verbose: bool):
        self.reference, self.subject = reference, subject
        self.same, self.verbose = same, verbose
        self.calls = collections.Counter()
        self.seen = collections.Counter()

    def ask(self, call: Call) -> list[dict]:
        """What the reference answers, and the subject."""
        answers = [
            plain(side.call(call.who, call.method, call.arguments, call.raw))
            for side in (self.reference, self.subject)
        ]
        if self.verbose:
            print(call, "\n  theirs", answers[0], "\n  ours  ", answers[1])
        return answers

    def compare(self, call: Call, strictly=False) -> bool:
        """Makes a call to both. Returns whether the sequence can go on."""
        self.calls[call.method] += 1
        theirs, ours = self.ask(call)
        if ours != theirs:
            if strictly or self.same:
                raise Unexplained(call, "", theirs, ours)
            for name, ends, path, is_it in self.known(call):
                if not path and is_it(call, ours, theirs):
                    return not self.ends(name, ends, call, ours)
        if is_bulk(ours) and is_bulk(theirs):
            ours, theirs = entries(ours), entries(theirs)
            paths = sorted(set(ours) | set(theirs))
            both = [(path, ours.get(path, MISSING), theirs.get(path, MISSING)) for path in paths]
            return all([self.compare_path(call, *of_path) for of_path in both])
        if ours != theirs:
            raise Unexplained(call, "", theirs, ours)
        return True

    def compare_path(self, call: Call, path, ours, theirs) -> bool:
        """Compares what became of one path. Returns whether the sequence can go on."""
        if ours == theirs:
            return self.did_alike(call, path, ours)
        for name, ends, of_path, is_it in self.known(call):
            if of_path and is_it(call, path, ours, theirs):
                return not self.ends(name, ends, call, ours)
        raise Unexplained(call, path, theirs, ours)

    @staticmethod
    def known(call: Call) -> list:
        return datasets.DIFFERENCES if call.method in datasets.METHODS else DIFFERENCES

    def ends(self, name, ends, call, ours) -> bool:
        """Counts a difference; whether the two go on from different states."""
        self.seen[name] += 1
        return ends(call, ours) if callable(ends) else ends

    def did_alike(self, call, path, answer) -> bool:
        """Whether two that answer alike did alike; ours has to have done what was asked."""
        if self.same or not datasets.is_doubtful(call, path, answer):
            return True
        look = datasets.look(path)
        theirs, ours = self.ask(look)
        if not datasets.is_done(call, look, ours):
            raise Unexplained(look, path, theirs, ours)
        if ours == theirs and not datasets.is_twin(path):
            return True
        self.seen[datasets.FOUND] += 1
        return False


def declare(comparison: Comparison) -> None:
    """Declares the fields of the sequences on both sides."""
    for name, kind, level in Maker.FIELDS:
        for side in (comparison.reference, comparison.subject):
            result = side.call(ADMIN, "addMetadataField", (name, kind, level), False)
            if not result["OK"]:
                sys.exit(f"{side.url}: {name} cannot be declared: {result['Message']}")


def sequence(comparison: Comparison, seed: int, length: int, make) -> int:
    """Makes one sequence of calls; returns how many were made."""
    maker = make(random.Random(seed), f"s{seed}")
    done = []
    try:
        for call in maker.setting():
            done.append(call)
            comparison.compare(call, strictly=True)
        for _ in range(length):
            done.append(maker.made())
            if not comparison.compare(done[-1]):
                break
    except Unexplained as found:
        print(f"sequence {seed}: the answers to call {len(done)} differ\n{found}\nafter:")
        for call in done[:-1]:
            print(" ", call)
        sys.exit(1)
    for call in maker.clearing():
        comparison.ask(call)
    return len(done)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", required=True)
    parser.add_argument("--subject", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sequences", type=int, default=20)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--length", type=int, default=40, help="calls of a sequence, at most")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--metadata", action="store_true", help="only methods on metadata")
    which.add_argument(
        "--datasets", action="store_true", help="only methods on datasets and metadata sets"
    )
    parser.add_argument("--same", action="store_true", help="no difference is wanted")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    prepare(args.subject)
    differences.OVER_HTTPS = args.subject.startswith("https")
    sides = Catalogue(args.reference), Catalogue(args.subject)
    comparison = Comparison(*sides, args.same, args.verbose)
    make = partial(Maker, methods=METADATA if args.metadata else METHODS)
    if args.datasets:
        make = datasets.DatasetMaker
    if args.metadata or args.datasets:
        declare(comparison)
    end = time.monotonic() + args.minutes * 60 if args.minutes else None
    seed, calls = args.seed, 0
    while time.monotonic() < end if end else seed < args.seed + args.sequences:
        calls += sequence(comparison, seed, args.length, make)
        seed += 1
    print(f"{calls} calls in {seed - args.seed} sequences were answered alike, but for:")
    for name, times in comparison.seen.most_common():
        print(f"  {times:5} {name}")
    methods = ", ".join(f"{name} {times}" for name, times in sorted(comparison.calls.items()))
    print(f"calls: {methods}")


if __name__ == "__main__":
    main()
