"""Calls of a FileCatalog, made up."""

import random

PROXIES = {"alice@admin": "admin", "alice@prod": "prod", "alice@user": "user", "bob@user": "bob"}
ADMIN = "alice@admin"
TOP = "/sbkvo"


class Call:
    """One call of a sequence."""

    def __init__(self, who, method, *arguments, raw=False):
        self.who, self.method, self.arguments, self.raw = who, method, arguments, raw

    def __repr__(self):
        way = "rpc" if self.raw else "client"
        return f"{self.who} {way}.{self.method}{self.arguments!r}"


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
        opened, shared, closed, _ = self.directories
        return [
            Call(ADMIN, "createDirectory", [opened, shared, closed]),
            Call(ADMIN, "changePathMode", {opened: 0o777, shared: 0o775, closed: 0o755}),
            Call(ADMIN, "changePathOwner", {shared: "bob"}),
            Call(ADMIN, "changePathGroup", {opened: "user", shared: "user", closed: "prod"}),
        ]

    def clearing(self) -> list[Call]:
        """What takes away what later sequences would see."""
        return []

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

    def usual(self, path: str) -> dict:
        """What `addFile` is told of a file: for each path always the same but for its PFN."""
        number = self.files.index(path) if path in self.files else 0
        return {
            "PFN": "" if self.odd(0.5) else f"srm://host{path}",
            "SE": self.ELEMENTS[number % 2],
            "Size": 1000 + number,
            "GUID": self.guids[number],
            "Checksum": f"{number:08x}",
        }

    def file(self, path: str) -> dict:
        """What is usual of a file, now and then with something odd."""
        described = self.usual(path)
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
    "createDirectory": lambda self, m: Call(ADMIN, m, self.directories),
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
