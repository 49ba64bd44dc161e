"""Compares two FileCatalogs call by call, through the real DIRAC client.

    differential.py --reference URL --subject URL [--security voms|none|directory|full]
                    [--seed N] [--sequences N | --minutes M] [--verbose]

The reference is DIRAC's own service (catalogue.py), the subject ours; both start empty, with the
same security model and the testbed's registry. Sequences of calls are made up from a seed: every
method, good and bad arguments, several users and groups. Each call goes to both, and what they
answer is compared part by part. A difference has to be one of DIFFERENCES, which are those of
docs/dirac.md; where the two go on from different states, the sequence ends there. The first other
difference is shown with the calls that led to it, and the exit status is 1.
"""

import argparse
import collections
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path

import config

PROXIES = {"alice@admin": "admin", "alice@prod": "prod", "alice@user": "user", "bob@user": "bob"}
TOP = "/sbkvo"


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
        self.is_ours = False

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
IDS = {"FileID", "DirID", "UID", "GID", "lastRowId"}


def plain(value, key=None):
    """A value without what cannot be the same: ids, moments, times that calls took."""
    if isinstance(value, dict):
        return {
            str(k): plain(v, k)
            for k, v in value.items()
            if k not in ("QueryTime", "CallStack", "rpcStub", "ExecInfo")
        }
    if isinstance(value, (list, tuple)):
        items = [plain(item) for item in value]
        # No order is promised.
        return sorted(items) if key == "SubDirs" else items
    if key in IDS and isinstance(value, int):
        return "id"
    if hasattr(value, "isoformat"):
        return type(value).__name__
    if isinstance(value, str):
        return re.sub(r"another file \d+$", "another file #", value)
    return value


MISSING = ("absent", None)


def entries(result: dict) -> dict:
    """What became of each path of a bulk call."""
    value = result["Value"]
    found = {path: ("ok", what) for path, what in value["Successful"].items()}
    found.update({path: ("failed", what) for path, what in value["Failed"].items()})
    return found


def is_bulk(result: dict) -> bool:
    value = result.get("Value")
    return result["OK"] and isinstance(value, dict) and {"Successful", "Failed"} <= set(value)


class Call:
    """One call of a sequence."""

    def __init__(self, who, method, *arguments, raw=False):
        self.who, self.method, self.arguments, self.raw = who, method, arguments, raw

    def __repr__(self):
        way = "rpc" if self.raw else "client"
        return f"{self.who} {way}.{self.method}{self.arguments!r}"


# Each difference: its name, whether the two go on from different states, and when it is one.
# `of_call` sees whole results, `of_path` what became of one path.
DIFFERENCES = []


OVER_HTTPS = False


def difference(name, *, ends=False, path=False):
    def register(function):
        DIFFERENCES.append((name, ends, path, function))
        return function

    return register


# What MySQL says of values that it does not take: too long, too great, null, twice, of nothing.
REFUSED_BY_MYSQL = ("(1048,", "(1062,", "(1064,", "(1264,", "(1265,", "(1366,", "(1406,", "(1452,")


def is_internal(text) -> bool:
    """A text of Python, of MySQL or of the client that stumbled."""
    if not isinstance(text, str):
        return False
    if text.startswith("MySQL Error"):
        return any(code in text for code in REFUSED_BY_MYSQL)
    return text.startswith(("Server error while serving", "client: "))


@difference("no internal text", ends=True)
def internal(call, ours, theirs):
    return not theirs["OK"] and is_internal(theirs["Message"])


@difference("no internal text", ends=True, path=True)
def internal_of_path(call, path, ours, theirs):
    return theirs[0] == "failed" and is_internal(theirs[1])


@difference("getFileDetails is open to all, and has the key Status")
def details(call, ours, theirs):
    return call.method == "getFileDetails" and ours["OK"]


@difference("getPathPermissions is answered under VOMS, too")
def permissions(call, ours, theirs):
    return (
        call.method == "getPathPermissions"
        and "must be implemented" in theirs.get("Message", "")
        and is_bulk(ours)
    )


@difference("types of fields are in one spelling")
def field_types(call, ours, theirs):
    if call.method != "getMetadataFields" or not (ours["OK"] and theirs["OK"]):
        return False
    return all(set(ours["Value"][kind]) == set(theirs["Value"][kind]) for kind in theirs["Value"])


@difference("types of fields are in one spelling")
def types_of_values(call, ours, theirs):
    ours, theirs = ({k: v for k, v in r.items() if k != "MetadataType"} for r in (ours, theirs))
    return call.method in ("getDirectoryUserMetadata", "getFileUserMetadata") and ours == theirs


@difference("a GUID is unique within a call, too", ends=True, path=True)
def guid_twice(call, path, ours, theirs):
    """FileManager looks at those that are there before it inserts all."""
    text = "GUID already registered for another file #"
    return call.method == "addFile" and theirs[0] == "ok" and ours == ("failed", text)


CONFLICTS = ("Metadata conflict for", "Conflict in the directory metadata hierarchy")


@difference("of two directories with a value the nearer one's holds", ends=True)
def nearer(call, ours, theirs):
    return not theirs["OK"] and theirs["Message"].startswith(CONFLICTS)


@difference("of two directories with a value the nearer one's holds", ends=True, path=True)
def nearer_of_path(call, path, ours, theirs):
    return theirs[0] == "failed" and theirs[1].startswith(CONFLICTS)


@difference("of several values all are set or none", ends=True, path=True)
def all_or_none(call, path, ours, theirs):
    text = "Metadata conflict detected for"
    return all(side[0] == "failed" and side[1].startswith(text) for side in (ours, theirs))


@difference("of several values all are set or none", ends=True)
def all_or_none_of_call(call, ours, theirs):
    text = "Metadata conflict detected for"
    return all(not side["OK"] and side["Message"].startswith(text) for side in (ours, theirs))


@difference("lists of files have an order")
def orders(call, ours, theirs):
    if not call.method.startswith("find") or not (ours["OK"] and theirs["OK"]):
        return False
    ours, theirs = ours["Value"], theirs["Value"]
    if call.method == "findDirectoriesByMetadata":
        return sorted(ours.values()) == sorted(theirs.values())
    return isinstance(ours, list) and sorted(ours) == sorted(theirs)


@difference("over HTTPS arguments may be left out, and an unknown method has a status of its own")
def over_https(call, ours, theirs):
    return call.raw and OVER_HTTPS and not theirs["OK"]


@difference("permissions are true or false, and no bits", path=True)
def truths(call, path, ours, theirs):
    if call.method != "getPathPermissions" or ours[0] != "ok" or theirs[0] != "ok":
        return False
    return ours[1] == {right: bool(bits) for right, bits in theirs[1].items()}


@difference("users and groups are those of the Registry")
def people(call, ours, theirs):
    return call.method in ("getUsers", "getGroups", "addUser", "addGroup") and (
        ours["OK"] and theirs["OK"]
    )


@difference("PFNs of a directory's replicas are texts", path=True)
def directory_replicas(call, path, ours, theirs):
    if call.method != "getDirectoryReplicas" or ours[0] != "ok" or theirs[0] != "ok":
        return False

    def names(value):
        return {file: sorted(copies) for file, copies in value.items()}

    return names(ours[1]) == names(theirs[1])


@difference("a state that is there already is set", path=True)
def same_status(call, path, ours, theirs):
    return (
        call.method == "setReplicaStatus"
        and theirs == ("failed", "Replica does not exist")
        and ours == ("ok", None)
    )


@difference("a moved replica is moved", ends=True, path=True)
def moved(call, path, ours, theirs):
    return call.method == "setReplicaHost" and theirs == ("failed", "Replica does not exist")


@difference("files in any state can be changed", ends=True, path=True)
def hidden(call, path, ours, theirs):
    return (
        call.method in ("setFileStatus", "changePathMode", "changePathOwner", "changePathGroup")
        and theirs == ("failed", "No such file or directory")
        and ours[0] == "ok"
    )


@difference("removing a directory names no metadata fields", path=True)
def fields(call, path, ours, theirs):
    return call.method == "removeDirectory" and not path.startswith("/") and ours == MISSING


@difference("a directory goes with the one above it", ends=True, path=True)
def deeper_first(call, path, ours, theirs):
    return (
        call.method == "removeDirectory"
        and theirs == ("failed", "Failed to remove non-empty directory")
        and ours[0] == "ok"
    )


@difference("absent files have no ancestors, and are said to be absent", path=True)
def absent_relatives(call, path, ours, theirs):
    return (
        call.method in ("getFileAncestors", "getFileDescendents")
        and theirs == MISSING
        and ours == ("failed", "No such file or directory")
    )


@difference("relative paths are refused one by one", path=True)
def relative(call, path, ours, theirs):
    return not path.startswith("/") and "ok" not in (ours[0], theirs[0])


@difference("only who administers the catalogue gives files away", ends=True, path=True)
def given_away(call, path, ours, theirs):
    return call.method == "addFile" and ours == ("failed", "Permission denied")


@difference("a file of a state that is not seen is said to be there", path=True)
def unseen(call, path, ours, theirs):
    return (
        call.method == "addFile"
        and ours[0] == theirs[0] == "failed"
        and ours[1].startswith("File already registered with status")
    )


@difference("no path is judged by the others of its call", ends=True, path=True)
def judged_alone(call, path, ours, theirs):
    """FullSecurityManager judges what is in a directory of the same call by the one above that."""
    argument = call.arguments[0] if call.arguments else ()
    paths = {os.path.normpath(p) for p in argument} if isinstance(argument, (list, dict)) else set()
    denied = (("failed", "Permission denied"), ("ok", False))
    return (
        len(paths) > 1
        and (ours in denied or theirs in denied)
        and any(os.path.dirname(other) in paths for other in paths)
    )


@difference("a checksum is one", ends=True, path=True)
def bad_value(call, path, ours, theirs):
    """What no file can have is refused, and the text says which part of it is wrong."""
    return (
        call.method in ("addFile", "addReplica")
        and ours[0] == "failed"
        and ("is not" in ours[1] or "has a character" in ours[1] or "has not" in ours[1])
    )


@difference("counters are counted")
def counters(call, ours, theirs):
    return call.method == "getCatalogCounters" and ours["OK"]


@difference("paths of any length are looked up", path=True)
def long_names(call, path, ours, theirs):
    return len(path) > 255


class Comparison:
    """What two catalogues answer to the same calls."""

    def __init__(self, reference: Catalogue, subject: Catalogue, verbose: bool):
        self.reference, self.subject, self.verbose = reference, subject, verbose
        self.calls = collections.Counter()
        self.seen = collections.Counter()

    def compare(self, call: Call, strictly=False) -> bool:
        """Makes a call to both. Returns whether the sequence can go on."""
        self.calls[call.method] += 1
        theirs, ours = (
            plain(side.call(call.who, call.method, call.arguments, call.raw))
            for side in (self.reference, self.subject)
        )
        if self.verbose:
            print(call, "\n  theirs", theirs, "\n  ours  ", ours)
        if ours == theirs:
            return True
        if strictly:
            raise Unexplained(call, "", theirs, ours)
        for name, ends, path, is_it in DIFFERENCES:
            if not path and is_it(call, ours, theirs):
                self.seen[name] += 1
                return not ends
        if not (is_bulk(ours) and is_bulk(theirs)):
            raise Unexplained(call, "", theirs, ours)
        goes_on = True
        ours, theirs = entries(ours), entries(theirs)
        for path in sorted(set(ours) | set(theirs)):
            mine, other = ours.get(path, MISSING), theirs.get(path, MISSING)
            if mine == other:
                continue
            for name, ends, of_path, is_it in DIFFERENCES:
                if of_path and is_it(call, path, mine, other):
                    self.seen[name] += 1
                    goes_on = goes_on and not ends
                    break
            else:
                raise Unexplained(call, path, other, mine)
        return goes_on


class Unexplained(Exception):
    """A difference that nobody wanted."""

    def __init__(self, call, path, theirs, ours):
        super().__init__()
        self.call, self.path, self.theirs, self.ours = call, path, theirs, ours

    def __str__(self):
        place = f" for {self.path}" if self.path else ""
        theirs, ours = (f"{value!r:.2000}" for value in (self.theirs, self.ours))
        return f"{self.call}{place}\n  reference: {theirs}\n  subject:   {ours}"


class Maker:
    """Makes calls up."""

    ELEMENTS = ("SE-A", "SE-B", "SE-C")
    STATES = ("AprioriGood", "Trash", "Removing", "Probing")

    def __init__(self, chance: random.Random, name: str, methods: dict):
        self.chance, self.methods = chance, methods
        self.top = f"{TOP}/{name}"
        self.directories = [f"{self.top}/{d}" for d in ("open", "shared", "closed", "open/a")]
        self.files = [f"{d}/f{n}" for d in self.directories for n in range(3)]
        self.guids = [f"{name}-{n}" for n in range(len(self.files) * 2)]

    def setting(self) -> list[Call]:
        """What every sequence begins with: directories of several owners and modes."""
        admin = "alice@admin"
        opened, shared, closed, _ = self.directories
        return [
            Call(admin, "createDirectory", [opened, shared, closed]),
            Call(admin, "changePathMode", {opened: 0o777, shared: 0o775, closed: 0o755}),
            Call(admin, "changePathOwner", {shared: "bob"}),
            Call(admin, "changePathGroup", {opened: "user", shared: "user", closed: "prod"}),
        ]

    def one(self, choices):
        return self.chance.choice(choices)

    def some(self, choices, most=3):
        return self.chance.sample(choices, self.chance.randint(1, min(most, len(choices))))

    def odd(self, chance=0.06) -> bool:
        return self.chance.random() < chance

    def spelled(self, path: str) -> str:
        """A path, now and then in another spelling."""
        if not self.odd(0.1):
            return path
        return self.one(
            [
                f"lfn:{path}",
                f"LFN:{path}",
                f"{path}/",
                path.replace("/", "//", 2)[1:],
                f"/grid{path}",
                f"{path}/../{path.rsplit('/', 1)[1]}",
            ]
        )

    def path(self, method) -> str:
        if self.odd(0.02) and method not in self.WHOLE:
            return "/"
        if self.odd():
            return self.one(
                ["relative/x", "x", f"{self.top}/none", "//x", f"{self.top}/" + "n" * 300]
            )
        return self.spelled(self.one(self.files + self.directories))

    # What these say of the root is of all sequences, which do not all end alike.
    WHOLE = ("getDirectoryDump", "getDirectorySize", "getDirectoryReplicas", "listDirectory")

    def paths(self, method):
        """Paths in one of the forms that are taken."""
        if self.odd(0.03):
            return self.one(["", [], {}])
        paths = [self.path(method) for _ in range(self.chance.randint(1, 3))]
        return self.one([paths[0], paths, {path: True for path in paths}])

    def file(self, path: str) -> dict:
        """What `addFile` is told of a file: for each path always the same, but for odd ones."""
        number = self.files.index(path) if path in self.files else 0
        described = {
            "PFN": "" if self.odd(0.5) else f"srm://host{path}",
            "SE": self.ELEMENTS[number % 2],
            "Size": 1000 + number,
            "GUID": self.guids[number],
            "Checksum": f"{number:08x}",
        }
        if self.odd():
            described["Checksum"] = self.one(["ffffffff", ""])
        if self.odd():
            described["SE"] = self.one(self.ELEMENTS)
        if self.odd():
            described["GUID"] = self.one(self.guids)
        if self.odd():
            described["Size"] = self.one([0, 7, 1 << 40])
        if self.odd(0.04):
            described["Ancestors"] = self.some(self.files, 2)
        if self.odd(0.04):
            del described[self.one(sorted(described))]
        return described

    def who(self) -> str:
        return self.one(sorted(PROXIES))

    def made(self) -> Call:
        """The next call."""
        method = self.one(sorted(self.methods))
        return self.methods[method](self, method)

    def _paths(self, method):
        return Call(self.who(), method, self.paths(method))

    def _flagged(self, method):
        return Call(self.who(), method, self.paths(method), self.one([True, False]))

    def _add_file(self, method):
        files = self.some(self.files)
        return Call(self.who(), method, {self.spelled(f): self.file(f) for f in files})

    def _remove_file(self, method):
        return Call(self.who(), method, self.some(self.files, 2))

    def _file_status(self, method):
        # Of several in one call the reference sets the first only.
        return Call(
            self.who(),
            method,
            {self.one(self.files): self.one(self.STATES[:1] * 3 + ("None", "Trash"))},
        )

    def _add_replica(self, method):
        files = self.some(self.files, 2)
        return Call(
            self.who(), method, {f: {"PFN": "", "SE": self.one(self.ELEMENTS)} for f in files}
        )

    def _remove_replica(self, method):
        files = self.some(self.files, 2)
        wanted = {f: {"SE": self.one(self.ELEMENTS)} for f in files}
        if self.odd():
            wanted[files[0]] = {"PFN": "x"}
        return Call(self.who(), method, wanted)

    def _replica_status(self, method):
        files = self.some(self.files, 2)
        wanted = {
            f: {"SE": self.one(self.ELEMENTS), "Status": self.one((*self.STATES, "Odd"))}
            for f in files
        }
        return Call(self.who(), method, wanted)

    def _replica_host(self, method):
        old, new = self.some(list(self.ELEMENTS), 2), self.one(self.ELEMENTS)
        return Call(self.who(), method, {self.one(self.files): {"SE": old[0], "NewSE": new}})

    def _get_replica_status(self, method):
        files = self.some(self.files + self.directories)
        return Call(self.who(), method, {f: self.one((*self.ELEMENTS, "")) for f in files})

    def _ancestors(self, method):
        child, parents = self.one(self.files), self.some(self.files, 2)
        # In one direction only: the reference makes circles.
        parents = [p for p in parents if self.files.index(p) < self.files.index(child)]
        return Call(self.who(), method, {child: {"Ancestors": parents or [f"{self.top}/none"]}})

    def _relatives(self, method):
        return Call(self.who(), method, self.some(self.files), self.one([1, 2, [1, 2], [], 0]))

    def _guids(self, method):
        wanted = self.some(self.guids) + self.one([[], ["no-such-guid"]])
        return Call(self.who(), method, self.one([wanted, wanted[0]]))

    def _create(self, method):
        wanted = self.some([*self.directories, f"{self.top}/open/b/c", f"{self.top}/closed/d"])
        if self.odd():
            wanted.append(self.one(["relative/x", "x"]))
        return Call(self.who(), method, self.one([wanted, wanted[0]]))

    def _size(self, method):
        return Call(
            self.who(), method, self.paths(method), *(self.one([True, False]) for _ in "ab")
        )

    def _owner(self, method):
        name = {
            "changePathOwner": ["alice", "bob", "dora"],
            "changePathGroup": ["user", "prod"],
            "changePathMode": [0o775, 0o755, 0o700, 0o777, 0o640],
        }[method]
        paths = self.some(self.files + self.directories[1:] + [f"{self.top}/none"], 2)
        return Call(self.who(), method, {p: self.one(name) for p in paths}, self.odd(0.3))

    def _access(self, method):
        operations = [
            "addFile",
            "removeFile",
            "getReplicas",
            "setReplicaStatus",
            "createDirectory",
            "removeDirectory",
            "changePathMode",
            "changePathOwner",
            "listDirectory",
            "Read",
            "nonsense",
            "setMetadata",
        ]
        return Call(self.who(), method, self.paths(method) or "/", self.one(operations))

    def _bare(self, method):
        return Call(self.who(), method)

    # The fields that are declared before the sequences, with their types.
    FIELDS = (
        ("dirInt", "INT", "-d"),
        ("dirText", "VARCHAR(32)", "-d"),
        ("fileInt", "INT", "-f"),
        ("fileText", "VARCHAR(32)", "-f"),
        ("fileTime", "DATETIME", "-f"),
        ("fileReal", "DOUBLE", "-f"),
    )

    def value(self, name):
        if name.endswith("Int"):
            return self.one([1, 2, 3, "2", -7])
        if name.endswith("Time"):
            return self.one(["2026-01-31 12:00:00", "2026-02-01 00:00:00"])
        if name.endswith("Real"):
            return self.one([1.5, 2.25, -0.5])
        return self.one(["alpha", "beta", "gamma delta"])

    def _set(self, method):
        """Values for files and directories, each in a call of its own or in one."""
        wanted = {}
        for path in self.some(self.files + self.directories, 3):
            level = "-d" if path in self.directories else "-f"
            names = [name for name, _, of in self.FIELDS if of == level]
            wanted[path] = {name: self.value(name) for name in self.some(names, 2)}
        if method == "setMetadataBulk":
            return Call(self.who(), method, wanted)
        return Call(self.who(), method, *next(iter(wanted.items())))

    def _unset(self, method):
        names = [name for name, *_ in self.FIELDS]
        paths = self.some(self.files + self.directories, 2)
        return Call(self.who(), method, {p: self.some(names, 2) for p in paths})

    def _user_metadata(self, method):
        choices = self.directories if method == "getDirectoryUserMetadata" else self.files
        path = self.one([*choices, *choices, f"{self.top}/none"])
        # Past the client, which would ask for the directory's, too.
        return Call(self.who(), method, path, raw=True)

    def query(self):
        query = {}
        names = [name for name, *_ in self.FIELDS] + ["Size", "Name", "SE"]
        for name in self.some(names, 2):
            if name == "Size":
                query[name] = self.one([1000, {">": 1003}, {"<=": 1005, ">": 1001}])
            elif name == "Name":
                query[name] = self.one(["f1", "f*", "f?"])
            elif name == "SE":
                query[name] = self.one(["SE-A", {"in": ["SE-A", "SE-B"]}])
            else:
                value, other = self.value(name), self.value(name)
                choices = [value, [value, other], {"in": [value, other]}, {"!=": value}]
                choices.append({"nin": [value]})
                if not name.endswith("Text"):
                    choices += [{">": value}, {"<": value}, {">=": value, "<=": other}]
                if name.startswith("file"):
                    choices += ["Any", "Missing"]
                query[name] = self.one(choices)
        return query

    def _find(self, method):
        path = self.one([self.top, *self.directories])
        if self.odd():
            path = f"{self.top}/none"
        arguments = (self.query() if not self.odd() else {}, path)
        if method == "getReplicasByMetadata":
            arguments = (*arguments, self.one([True, False]))
        return Call(self.who(), method, *arguments)

    def _wrong(self, method):
        """Arguments of wrong types and numbers, past the client."""
        name = self.one(
            [
                "exists",
                "addFile",
                "getReplicas",
                "listDirectory",
                "setFileStatus",
                "getFileAncestors",
                "getDirectorySize",
                "isOK",
                "hasAccess",
                "nonsense",
            ]
        )
        arguments = self.one(
            [(), (5,), (None,), ("/x",), ("/x", 1), (["/x"], True, 3, 4, 5), ({"/x": 1}, "y")]
        )
        return Call(self.who(), name, *arguments, raw=True)


# Each method with what makes a call of it up.
METHODS = {
    **dict.fromkeys(
        [
            "exists",
            "isFile",
            "isDirectory",
            "getFileSize",
            "getFileMetadata",
            "getDirectoryMetadata",
            "getDirectoryDump",
            "getPathPermissions",
        ],
        Maker._paths,
    ),
    **dict.fromkeys(["getReplicas", "listDirectory", "getDirectoryReplicas"], Maker._flagged),
    "addFile": Maker._add_file,
    "addFile again": lambda self, _: self._add_file("addFile"),
    "addFile once more": lambda self, _: self._add_file("addFile"),
    "removeFile": Maker._remove_file,
    "setFileStatus": Maker._file_status,
    "addReplica": Maker._add_replica,
    "removeReplica": Maker._remove_replica,
    "setReplicaStatus": Maker._replica_status,
    "setReplicaHost": Maker._replica_host,
    "getReplicaStatus": Maker._get_replica_status,
    "addFileAncestors": Maker._ancestors,
    "getFileAncestors": Maker._relatives,
    "getFileDescendents": Maker._relatives,
    "getLFNForGUID": Maker._guids,
    "createDirectory": Maker._create,
    "removeDirectory": lambda self, m: Call(self.who(), m, self.some(self.directories, 2)),
    "getDirectorySize": Maker._size,
    **dict.fromkeys(["changePathOwner", "changePathGroup", "changePathMode"], Maker._owner),
    "hasAccess": Maker._access,
    **dict.fromkeys(["isOK", "getUsers", "getGroups"], Maker._bare),
    "wrong": Maker._wrong,
}


# The methods on metadata, with those that make files to ask for.
METADATA = {
    "addFile": Maker._add_file,
    "addFile again": lambda self, _: self._add_file("addFile"),
    "createDirectory": lambda self, m: Call("alice@admin", m, self.directories),
    "setMetadata": Maker._set,
    "setMetadataBulk": Maker._set,
    "setMetadataBulk again": lambda self, _: self._set("setMetadataBulk"),
    "removeMetadata": Maker._unset,
    **dict.fromkeys(["getDirectoryUserMetadata", "getFileUserMetadata"], Maker._user_metadata),
    **dict.fromkeys(
        ["findFilesByMetadata", "findDirectoriesByMetadata", "getReplicasByMetadata"], Maker._find
    ),
    "findFilesByMetadata again": lambda self, _: self._find("findFilesByMetadata"),
    "getMetadataFields": Maker._bare,
}


def declare(comparison: Comparison) -> None:
    """Declares the fields of the sequences on both sides."""
    for name, kind, level in Maker.FIELDS:
        for side in (comparison.reference, comparison.subject):
            result = side.call("alice@admin", "addMetadataField", (name, kind, level), False)
            if not result["OK"]:
                sys.exit(f"{side.url}: {name} cannot be declared: {result['Message']}")


def sequence(comparison: Comparison, seed: int, length: int, methods: dict) -> int:
    """Makes one sequence of calls; returns how many were made."""
    maker = Maker(random.Random(seed), f"s{seed}", methods)
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
    parser.add_argument("--metadata", action="store_true", help="only methods on metadata")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    prepare(args.subject)
    global OVER_HTTPS
    OVER_HTTPS = args.subject.startswith("https")
    comparison = Comparison(Catalogue(args.reference), Catalogue(args.subject), args.verbose)
    methods = METADATA if args.metadata else METHODS
    if args.metadata:
        declare(comparison)
    end = time.monotonic() + args.minutes * 60 if args.minutes else None
    seed, calls = args.seed, 0
    while time.monotonic() < end if end else seed < args.seed + args.sequences:
        calls += sequence(comparison, seed, args.length, methods)
        seed += 1
    print(f"{calls} calls in {seed - args.seed} sequences were answered alike, but for:")
    for name, times in comparison.seen.most_common():
        print(f"  {times:5} {name}")
    methods = ", ".join(f"{name} {times}" for name, times in sorted(comparison.calls.items()))
    print(f"calls: {methods}")


if __name__ == "__main__":
    main()
