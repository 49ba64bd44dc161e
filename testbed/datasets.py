"""Calls on datasets and metadata sets, and what may differ between DIRAC's and ours.

Two datasets of one short name in two directories, the twins, are only made both in one call:
of them ours takes the first path, DIRAC one or all.
"""

import datetime
import functools
import os
import random

from calls import ADMIN, TOP, Call, Maker
from differences import difference, entries, is_bulk, is_internal

# Those that change the dataset of a name.
CHANGES = {
    "removeDataset",
    "updateDataset",
    "addDatasetAnnotation",
    "freezeDataset",
    "releaseDataset",
}
READS = {
    "checkDataset",
    "getDatasets",
    "getDatasetParameters",
    "getDatasetFiles",
    "getDatasetAnnotation",
}
SETS = {"addMetadataSet", "getMetadataSet"}
METHODS = {"addDataset"} | CHANGES | READS | SETS

# The first of these paths is the first of all in order, too.
TWINS = ("closed", "open/a")
# The state after these; DIRAC does not find a dataset by its path, and says that it is done.
STATES = {"removeDataset": None, "freezeDataset": "Frozen", "releaseDataset": "Dynamic"}

NOT_APPLIED = "Failed to apply the metaQuery"
NOT_ANNOTATED = "Failed to add annotation"
NO_PATH = "Dataset name should be specified with full path"


def is_full(name: str) -> bool:
    return "/" in name


def is_twin(name: str) -> bool:
    return not is_full(name) and name.endswith("-twin")


def unknown(name: str) -> str:
    return "No such dataset" if is_full(name) else "Dataset not found"


def is_doubtful(call, name, answer) -> bool:
    """Whether the two may have done different things though both say that it is done."""
    found = is_twin(name) or (is_full(name) and call.method in STATES)
    return call.method in CHANGES and answer[0] == "ok" and found


def look(name: str) -> Call:
    """Shows the dataset, by its path."""
    if is_twin(name):
        name = f"{TOP}/{name.removesuffix('-twin')}/{TWINS[0]}/{name}"
    return Call(ADMIN, "getDatasetParameters", name)


def is_done(call, look, ours: dict) -> bool:
    """Whether ours shows what a call should have made of a dataset."""
    if call.method not in STATES:
        return True
    (name,) = look.arguments
    outcome, what = entries(ours)[name]
    state = STATES[call.method]
    if state is None:
        return (outcome, what) == ("failed", unknown(name))
    return outcome == "ok" and what["Status"] == state


def asked(call) -> dict:
    """What a method is told of each name."""
    (argument,) = call.arguments
    if isinstance(argument, dict):
        return argument
    return dict.fromkeys([argument] if isinstance(argument, str) else argument, True)


def is_proper(call, ours: dict) -> bool:
    """Whether datasets have answers that the method may give."""

    def may_be(name, outcome, what):
        texts = (NOT_APPLIED, NOT_ANNOTATED, NO_PATH, unknown(name))
        return outcome == "ok" or what in texts or what.endswith(" already exists")

    found = entries(ours) if is_bulk(ours) else {}
    return (
        bool(found)
        and set(found) <= set(asked(call))
        and all(may_be(name, *answer) for name, answer in found.items())
    )


def changes(call, ours) -> bool:
    """Whether a call that DIRAC refuses changed something here."""
    answers = entries(ours).values() if isinstance(ours, dict) else [ours]
    writes = call.method in CHANGES or call.method == "addDataset"
    return writes and any(answer[0] == "ok" and answer[1] is not None for answer in answers)


# The differences of these methods; nothing else may differ.
DIFFERENCES = []
of_datasets = functools.partial(difference, among=DIFFERENCES, ends=changes)
FOUND = "datasets are found by their paths"


@of_datasets("the directory of a dataset is made")
def made(call, ours, theirs):
    return "makeDirectories() missing" in theirs.get("Message", "") and is_proper(call, ours)


@of_datasets("a query that is no dictionary fails alone")
def no_dictionary(call, ours, theirs):
    if call.method != "addDataset" or theirs["OK"] or not is_proper(call, ours):
        return False
    bad = {name for name, query in asked(call).items() if not isinstance(query, dict)}
    found = entries(ours)
    return (
        bool(bad)
        and theirs["Message"].startswith("Server error while serving")
        and all(found.get(name) == ("failed", NOT_APPLIED) for name in bad)
    )


@of_datasets("names that no dataset has fail alone")
def nothing_found(call, ours, theirs):
    return (
        call.method in ("addDatasetAnnotation", "getDatasetAnnotation")
        and "(1064," in theirs.get("Message", "")
        and is_proper(call, ours)
    )


@of_datasets("queries with dates are read")
def dates(call, ours, theirs):
    text = "Syntax error processing object expression"
    return text in theirs.get("Message", "") and is_proper(call, ours)


@of_datasets("metadata sets are kept", ends=False)
def sets(call, ours, theirs):
    """DIRAC's schema lacks their table; the name of one that was not added stays taken."""
    if call.method not in SETS or not any(
        c in theirs.get("Message", "") for c in ("(1146,", "(1062,")
    ):
        return False
    kind = int if call.method == "addMetadataSet" else dict
    return isinstance(ours["Value"], kind) if ours["OK"] else not is_internal(ours["Message"])


@of_datasets("of datasets of one name the first path is taken", path=True)
def twins(call, name, ours, theirs):
    if not is_twin(name) or ours[0] != "ok":
        return False
    if call.method == "getDatasetParameters":
        return ours[1]["MetaQuery"]["Path"].endswith(f"/{TWINS[0]}")
    if call.method == "getDatasetFiles":
        return all(f"/{TWINS[0]}/" in file for file in ours[1])
    return True


@of_datasets("of datasets of one name the first path is taken", path=True)
def listed_twins(call, pattern, ours, theirs):
    def others(answer):
        return {name: what for name, what in answer[1].items() if not is_twin(name)}

    is_listed = call.method == "getDatasets" and ours[0] == theirs[0] == "ok"
    return is_listed and set(ours[1]) == set(theirs[1]) and others(ours) == others(theirs)


@difference("of datasets of one name the first path is taken", path=True)
def annotated_twins(call, path, ours, theirs):
    """DIRAC looks annotations of a directory's datasets up by their names."""

    def others(answer):
        shown = {
            name: {**what, "Annotation": ""} if is_twin(name) else what
            for name, what in answer[1]["Datasets"].items()
        }
        return {**answer[1], "Datasets": shown}

    is_listed = call.method == "listDirectory" and ours[0] == theirs[0] == "ok"
    return is_listed and others(ours) == others(theirs)


@of_datasets(FOUND, path=True)
def found(call, name, ours, theirs):
    if not (
        is_full(name) and theirs[0] == "failed" and theirs[1].startswith("Unknown MetaDataset ")
    ):
        return False
    if ours == ("failed", NOT_APPLIED):
        return True
    if call.method == "updateDataset":
        return ours in (("ok", None), ("ok", 1))
    values = {"TotalSize", "DatasetHash", "NumberOfFiles"}
    return ours[0] == "ok" and isinstance(ours[1], dict) and set(ours[1]) <= values


@of_datasets("what is not found is said alike", path=True)
def not_found(call, name, ours, theirs):
    if theirs[0] != "failed" or ours != ("failed", unknown(name)):
        return False
    is_full_annotation = call.method == "getDatasetAnnotation" and is_full(name)
    return (
        theirs[1].startswith("Unknown MetaDataset ")
        or "(1064," in theirs[1]
        or (is_full_annotation and theirs[1] == "Dataset not found")
    )


@of_datasets("a frozen dataset may have no files", path=True)
def frozen_empty(call, name, ours, theirs):
    return call.method == "getDatasetFiles" and "(1064," in str(theirs[1]) and ours == ("ok", [])


@of_datasets("lists of files have an order", path=True)
def order(call, name, ours, theirs):
    return (
        call.method == "getDatasetFiles"
        and ours[0] == theirs[0] == "ok"
        and ours[1] == sorted(theirs[1])
    )


@of_datasets("queries of datasets have any length", path=True)
def long_query(call, name, ours, theirs):
    exists = ours[0] == "failed" and ours[1].endswith(" already exists")
    return (
        call.method == "addDataset"
        and "(1406," in str(theirs[1])
        and len(str(asked(call)[name])) > 512
        and (ours == ("ok", True) or exists)
    )


@of_datasets("a field that nobody declared is refused", path=True, ends=True)
def undeclared(call, name, ours, theirs):
    return (
        call.method == "addDataset"
        and ours == ("failed", NOT_APPLIED)
        and DatasetMaker.UNDECLARED in asked(call)[name]
    )


@of_datasets("an annotation is a text", path=True, ends=True)
def annotation(call, name, ours, theirs):
    return (
        call.method == "addDatasetAnnotation"
        and ours == ("failed", NOT_ANNOTATED)
        and not isinstance(asked(call)[name], str)
    )


class DatasetMaker(Maker):
    """Makes up calls on datasets, and on the files that they find."""

    UNDECLARED = "noSuchField"

    def __init__(self, chance: random.Random, name: str):
        super().__init__(chance, name, CALLS)
        opened, shared, *_ = self.directories
        # The hash of a dataset is that of Python's spelling of its files.
        self.files += [f"{opened}/it's", f'{opened}/it\'s "it"', f"{shared}/é\u00a0z"]
        self.guids = [f"{name}-{n}" for n in range(len(self.files) * 2)]
        shorts = ["_d0", "-D0", "-ü 'x'", *(f"-d{n}" for n in range(5))]
        homes = self.directories * 2
        self.datasets = [f"{home}/{name}{end}" for home, end in zip(homes, shorts, strict=True)]
        self.twins = [f"{self.top}/{place}/{name}-twin" for place in TWINS]
        self.name, self.new = name, f"{self.top}/new/{name}-new"
        self.added = self.datasets[:2]

    def setting(self):
        files = {path: self.usual(path) for path in self.files[::2]}
        first = {"dirInt": 1, "Path": self.top}, {"Path": self.top, "Size": {">": 1002}}
        return [
            *super().setting(),
            Call(ADMIN, "createDirectory", self.directories),
            Call(ADMIN, "setMetadata", self.directories[0], {"dirInt": 1}),
            Call(ADMIN, "addFile", files),
            Call(ADMIN, "addDataset", dict(zip(self.added, first, strict=True))),
        ]

    def clearing(self):
        known = [*self.datasets, *self.twins, self.new]
        names = sorted({path.rsplit("/", 1)[1] for path in known})
        return [Call(ADMIN, "removeDataset", names) for _ in self.twins]

    def dataset(self, by_path: float) -> str:
        """A dataset, by its path or by its short name."""
        if self.odd():
            absent = ["no-such-dataset", f"{self.top}/none/x", f"{self.top}/open/x", "/x"]
            return self.one(absent)
        path = self.one(self.added if self.odd(0.8) else self.datasets)
        return self.spelled(path) if self.odd(by_path) else path.rsplit("/", 1)[1]

    def several(self, by_path: float) -> list[str]:
        """Datasets, each by one name: of two names of one DIRAC shows the annotation for one."""
        names = [self.dataset(by_path) for _ in range(self.chance.randint(1, 3))]
        return list({os.path.basename(os.path.normpath(name)): name for name in names}.values())

    def _named(self, method, by_path=0.5):
        """Datasets in one of the forms that are taken."""
        names = self.several(by_path)
        return Call(self.who(), method, self.one([names[0], names, dict.fromkeys(names, True)]))

    def _changed(self, method):
        # Not often by paths, since sequences end where DIRAC does not find them.
        return self._named(method, by_path=0.12)

    def value(self, name):
        # Texts of this sequence only, so that they can be asked for everywhere.
        return f"{self.name} {self.one('abc')}" if name.endswith("Text") else super().value(name)

    def query_everywhere(self):
        """A query without a path, which other sequences have nothing to do with."""
        name = self.one(["dirText", "fileText"])
        value = self.value(name)
        choices = [{name: value}, {name: [value, self.value(name)]}, {name: {"in": [value]}}]
        return self.one([*choices, {"GUID": self.one(self.guids)}, {}])

    def standard_keys(self):
        choices = [
            {"User": self.one(["alice", "bob", "nobody"])},
            {"Group": self.one(["user", "prod"])},
            {"FileName": self.one(["f0", "f*", "it's"])},
            {"CheckSum": self.usual(self.one(self.files))["Checksum"]},
            {"SE": "SE-none"},
        ]
        return self.one(choices)

    def dataset_query(self):
        if self.odd(0.03):
            return self.one([True, 5, "text"])
        if self.odd(0.15):
            return self.query_everywhere()
        query = self.query() if self.odd(0.8) else {}
        if self.odd(0.2):
            query |= self.standard_keys()
        if self.odd(0.05):
            moment = datetime.datetime(2026, 1, 31, 12, self.chance.randint(0, 59))
            query["fileTime"] = {self.one([">=", "<"]): moment}
        if self.odd(0.03):
            query["fileText"] = {"nin": [f"text {n}" for n in range(100)]}
        if self.odd(0.03):
            query[self.UNDECLARED] = self.one([1, "x"])
        path = {"Path": self.one([self.top] * 4 + self.directories + [f"{self.top}/none"])}
        return self.one([query | path, path | query])

    def _add(self, method):
        paths = self.some(self.datasets)
        self.added += paths
        names = [self.spelled(path) for path in paths]
        if self.odd(0.03):
            names = self.one([names, [names[0].rsplit("/", 1)[1]], [self.new]])
            return Call(self.who(), method, self.one([names, names[0]]))
        if self.odd(0.03):
            names.append(self.one([self.new, "no-path"]))
        return Call(self.who(), method, {name: self.dataset_query() for name in names})

    def _add_twins(self, method):
        paths = self.chance.sample(self.twins, 2)
        self.added += paths
        return Call(self.who(), method, {p: {"Path": p.rsplit("/", 1)[0]} for p in paths})

    def annotation(self):
        if self.odd(0.1):
            return self.one(["x" * 513, "é" * 513, ["a", "b"], {"a": "b"}])
        return self.one(["good", 'it\'s \\ "good"', "é ü", "x" * 512, "é" * 300, "%s"])

    def _annotate(self, method):
        names = self.several(0.5)
        if self.odd(0.03):
            return Call(self.who(), method, self.one([names[0], names]))
        return Call(self.who(), method, {name: self.annotation() for name in names})

    def _list(self, method):
        name = self.name
        patterns = ["*", "/", f"{name}*", f"{name}-*", f"{name}_*", "*d0", f"{name}-?0", "none*"]
        patterns += [f"{self.top}/open/*", self.dataset(0.5), self.dataset(0.5)]
        wanted = self.some(patterns)
        return Call(self.who(), method, self.one([wanted[0], wanted, dict.fromkeys(wanted, "")]))

    def _list_directory(self, method):
        wanted = self.some([self.top, *self.directories])
        return Call(self.who(), method, self.one([wanted, wanted[0]]), self.one([True, False]))

    def _add_set(self, method):
        fields = self.some(["dirInt", "dirText", "dirInt", "fileInt"])
        return Call(
            self.who(),
            method,
            f"{self.name}-{self.one([0, 1])}",
            {name: self.value(name) for name in fields},
        )

    def _get_set(self, method):
        name = self.one([f"{self.name}-0", f"{self.name}-1", "none"])
        return Call(self.who(), method, name, self.one([True, False]))


# The methods on datasets, with those that make and change what they find.
CALLS = {
    **dict.fromkeys(["add files", "add more files"], lambda self, _: self._add_file("addFile")),
    "removeFile": Maker._remove_file,
    "setFileStatus": Maker._file_status,
    "setMetadata": Maker._set,
    **dict.fromkeys(["set", "set more"], lambda self, _: self._set("setMetadataBulk")),
    "removeMetadata": Maker._unset,
    "listDirectory": DatasetMaker._list_directory,
    **dict.fromkeys(["add", "add more"], lambda self, _: self._add("addDataset")),
    "add twins": lambda self, _: self._add_twins("addDataset"),
    **dict.fromkeys(
        ["freezeDataset", "releaseDataset", "removeDataset", "checkDataset", "updateDataset"],
        DatasetMaker._changed,
    ),
    "remove": lambda self, _: self._changed("removeDataset"),
    **dict.fromkeys(
        ["getDatasetParameters", "getDatasetFiles", "getDatasetAnnotation"], DatasetMaker._named
    ),
    "get files": lambda self, _: self._named("getDatasetFiles"),
    **dict.fromkeys(
        ["annotate", "annotate more"], lambda self, _: self._annotate("addDatasetAnnotation")
    ),
    "getDatasets": DatasetMaker._list,
    "addMetadataSet": DatasetMaker._add_set,
    "getMetadataSet": DatasetMaker._get_set,
}
