"""What may differ between DIRAC's FileCatalog and ours."""

import os

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


# Each difference: its name, whether the two go on from different states (or what says so of the
# call and our answer), and when it is one: of whole results, or of what became of one path.
DIFFERENCES = []


OVER_HTTPS = False


def difference(name, *, ends=False, path=False, among=DIFFERENCES):
    def register(function):
        among.append((name, ends, path, function))
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


@difference("a file that is not there counts as removed")
def removed(call, ours, theirs):
    """So it does in one of DIRAC's managers; the other fails where it finds none of a call."""
    return (
        call.method == "removeFile"
        and theirs.get("Message") == "No such file or directory"
        and is_bulk(ours)
        and not ours["Value"]["Failed"]
    )


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
