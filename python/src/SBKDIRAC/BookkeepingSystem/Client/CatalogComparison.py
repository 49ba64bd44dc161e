"""Compares what two FileCatalogs answer to the same questions, for instance before a migration."""

import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from DIRAC.Resources.Catalog.FileCatalogClient import FileCatalogClient

# Each catalogue has its own.
IDS = frozenset({"FileID", "DirID", "DatasetID", "UID", "GID"})

# How long a call took, and what only errors of a service's own have.
PASSING = frozenset({"QueryTime", "CallStack", "rpcStub", "ExecInfo", "Errno"})

# How exactly numbers agree: a FLOAT of MySQL is shown with six digits.
PRECISION = 1e-5

# What DIRAC says of files whose ancestor was removed: it forgets the name, and fails from then on.
LOST = "Failed to get the ancestor LFN"

# How the old catalogue fails of itself, so that there is nothing to compare with.
FAULTS = ("Invalid table name", "MySQL Error", "Server error while serving")

# How many names one call takes.
AT_ONCE = 100


@dataclass
class Difference:
    """Where two answers differ."""

    call: str
    where: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.call} {self.where}\n  old: {self.old!r:.500}\n  new: {self.new!r:.500}"


@dataclass
class Outcome:
    """What a comparison came to."""

    files: int = 0
    directories: int = 0
    calls: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)


def differences(old: Any, new: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The places in which two values differ. Lists of names have no order."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys(), key=str):
            if key in PASSING:
                continue
            place = f"{where}[{key!r}]"
            if key in old and key in new and means_nothing(key, old[key]):
                continue
            if key not in old or key not in new:
                yield place, old.get(key, "nothing"), new.get(key, "nothing")
            else:
                yield from differences(old[key], new[key], place)
    elif isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        if sorted(map(str, old)) != sorted(map(str, new)):
            yield where, old, new
    elif isinstance(old, float) or isinstance(new, float):
        numbers = all(isinstance(one, (int, float)) for one in (old, new))
        if not numbers or not math.isclose(old, new, rel_tol=PRECISION):
            yield where, old, new
    elif old != new:
        yield where, old, new


def comparable(method: str, answer: dict) -> dict:
    """An answer without what the old catalogue has lost, or what each numbers in its own way."""
    value = answer.get("Value")
    if not answer["OK"] or not isinstance(value, dict):
        return answer
    if method == "findDirectoriesByMetadata":
        return {"OK": True, "Value": [path for path in value.values() if path != "None"]}
    if method == "getFileAncestors":
        failed = {lfn: text for lfn, text in value["Failed"].items() if text != LOST}
        found = {lfn: known for lfn, known in value["Successful"].items() if known}
        return {"OK": True, "Value": {"Successful": found, "Failed": failed}}
    return answer


def means_nothing(key: str, value: Any) -> bool:
    """Whether each catalogue has a number of its own there: of something, or of its state."""
    return key in IDS or (key == "Status" and isinstance(value, int))


class CatalogComparison:
    """Asks an old catalogue and a new one the same about a sample of what the old one holds.

    Example: ``CatalogComparison(old, new).run(500, top="/superb")``
    """

    def __init__(self, old: str, new: str, seed: int = 1, **options: Any) -> None:
        self.old = FileCatalogClient(url=old, **options)
        self.new = FileCatalogClient(url=new, **options)
        self.random = random.Random(seed)
        self.outcome = Outcome()

    def run(self, size: int, top: str = "/") -> Outcome:
        """Compares up to `size` files and the directories that they are in."""
        files, directories = self.sample(size, top)
        self.outcome.files, self.outcome.directories = len(files), len(directories)
        self.ask("getMetadataFields")
        self.ask("getDatasets", {"*": True})
        self.compare_datasets()
        for part in parts(files):
            self.compare_files(part)
        for part in parts(directories):
            self.compare_directories(part)
        return self.outcome

    def ask(self, method: str, *arguments: Any) -> Any:
        """Asks both, notes how they differ, and gives the old one's answer."""
        self.outcome.calls[method] += 1
        old, new = (getattr(one, method)(*arguments) for one in (self.old, self.new))
        if any(fault in old.get("Message", "") for fault in FAULTS):
            self.outcome.faults[method] += 1
            return None
        for where, theirs, ours in differences(comparable(method, old), comparable(method, new)):
            shown = f"{method}{arguments!r:.200}"
            self.outcome.differences.append(Difference(shown, where, theirs, ours))
        return old.get("Value")

    def sample(self, size: int, top: str) -> tuple[list[str], list[str]]:
        """Names of files and of directories, found by going down by chance.

        The root itself is not among them: in some of DIRAC's catalogues it has no owner.
        """
        files: dict[str, None] = {}
        directories: dict[str, None] = {}
        open_: list[str] = [top]
        while open_ and len(files) < size:
            path = open_.pop(self.random.randrange(len(open_)))
            listed = self.old.listDirectory(path)
            found = listed.get("Value", {}).get("Successful", {}).get(path)
            if not found:
                continue
            directories |= {path: None} if path != "/" else {}
            names = sorted(found["Files"])
            # Some of each directory, so that there is something of many.
            share = max(10, size // 50)
            files |= dict.fromkeys(self.random.sample(names, min(share, len(names))))
            open_ += sorted(found["SubDirs"])
        return list(files)[:size], list(directories)

    def compare_files(self, files: list[str]) -> None:
        self.ask("getFileMetadata", files)
        self.ask("getFileSize", files)
        self.ask("getReplicas", files, True)
        self.ask("getPathPermissions", files)
        self.ask("exists", files)
        self.ask("getFileAncestors", files, [1, 2, 3])
        self.ask("getFileDescendents", files, [1, 2])
        for lfn in files[:10]:
            self.ask("getFileUserMetadata", lfn)

    def compare_directories(self, directories: list[str]) -> None:
        self.ask("isDirectory", directories)
        self.ask("getDirectoryMetadata", directories)
        self.ask("getPathPermissions", directories)
        self.ask("getDirectorySize", directories, True)
        for path in directories[:20]:
            self.ask("listDirectory", path, False)
            values = self.ask("getDirectoryUserMetadata", path)
            # MySQL finds no FLOAT by the value that it shows.
            known = {name: one for name, one in (values or {}).items() if not is_float(one)}
            for name, value in sorted(known.items())[:3]:
                self.ask("findFilesByMetadata", {name: value}, path)
                self.ask("findDirectoriesByMetadata", {name: value}, path)

    def compare_datasets(self) -> None:
        found = self.old.getDatasets({"*": True})
        names = sorted(found.get("Value", {}).get("Successful", {}).get("*", {}))
        for part in parts(names):
            self.ask("getDatasetAnnotation", dict.fromkeys(part, True))
            self.ask("getDatasetFiles", dict.fromkeys(part, True))
            self.ask("checkDataset", dict.fromkeys(part, True))


def is_float(value: Any) -> bool:
    return isinstance(value, float)


def parts(names: list[str]) -> Iterator[list[str]]:
    """Names in portions of one call."""
    for start in range(0, len(names), AT_ONCE):
        yield names[start : start + AT_ONCE]
