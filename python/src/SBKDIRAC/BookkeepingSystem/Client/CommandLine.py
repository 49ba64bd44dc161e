"""What the commands of this package have in common."""

import json
import logging
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NoReturn

from DIRAC.Core.Base.Script import Script
from DIRAC.Core.Utilities.DErrno import ENOAUTH, cmpError
from DIRAC.Core.Utilities.ReturnValues import SErrorException

ADVICE = {
    "Unauthorized query": "your proxy's group may not do this; see dirac-proxy-info",
    "No access to": "your proxy's group may not do this; see dirac-proxy-info",
    "No proxy found": "make a proxy with dirac-proxy-init",
    "has expired": "make a new proxy with dirac-proxy-init",
    "Can't find proxy": "make a proxy with dirac-proxy-init",
    "Peer closed connection": "the service refused your certificate; see dirac-proxy-info",
    "SSLError": "the service refused your certificate; see dirac-proxy-info",
    "is not connected": "the service refused your certificate; see dirac-proxy-info",
    "URL for service": "set /Systems/Bookkeeping/URLs/SBK in your DIRAC configuration",
    "Can't find a valid URL": "set /Systems/Bookkeeping/URLs/SBK in your DIRAC configuration",
    "Connection refused": "no service answers there; check /Systems/Bookkeeping/URLs/SBK",
    "Unknown method": "the service is older than this client, or is no SBK",
}


def switches(**described: str) -> None:
    """Declares options: ``limit_="…"`` takes a value, ``json="…"`` does not."""
    for name, description in described.items():
        key = name.rstrip("_").replace("_", "-")
        Script.registerSwitch("", f"{key}=" if name.endswith("_") else key, f"  {description}")


def arguments(*positional: str | tuple[str, bool]) -> tuple[list[str], dict[str, list[str]]]:
    """Reads the command line: the arguments, and the values of each option that was given.

    Each of `positional` describes an argument. In a tuple, False makes it optional; a description
    that begins with * may be given more than once.
    """
    for one in positional:
        description, mandatory = one if isinstance(one, tuple) else (one, True)
        repeated = description.startswith("*")
        Script.registerArgument([description[1:]] if repeated else description, mandatory)
    _keep_warnings_apart()
    given, args = Script.parseCommandLine()
    options: dict[str, list[str]] = {}
    for name, value in given:
        options.setdefault(name.replace("-", "_"), []).append(value)
    return list(args), options


def _keep_warnings_apart() -> None:
    """Keeps DIRAC's warnings out of what a command prints: they go to standard error."""
    Script.addDefaultOptionValue("LogBackends", "stderr")
    # Until the configuration is read DIRAC writes to standard output, the help among other things.
    for handler in logging.getLogger("dirac").handlers:
        handler.addFilter(lambda record: record.levelname != "WARN")


def first(options: dict[str, list[str]], *names: str) -> dict[str, str]:
    """Those of the options `names` that were given, each with its first value."""
    return {name: options[name][0] for name in names if name in options}


def number(options: dict[str, list[str]], name: str) -> int | None:
    """The value of an option that must be a whole number."""
    if name not in options:
        return None
    try:
        return int(options[name][0])
    except ValueError:
        fail(f"--{name} must be a whole number, not {options[name][0]!r}")


def pairs(texts: Iterable[str]) -> dict[str, Any]:
    """Reads ``field=value``: a value is JSON where it can be read so, else text."""
    found = {}
    for text in texts:
        field, equals, value = text.partition("=")
        if not equals or not field:
            fail(f"write field=value, not {text!r}")
        found[field] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def value(result: dict) -> Any:
    """The value of a result; ends the command when it is an error."""
    if not result["OK"]:
        fail(result["Message"], cmpError(result, ENOAUTH))
    return result["Value"]


def bulk(result: dict) -> dict:
    """The value of a bulk result; ends the command when something was refused."""
    done = value(result)
    if not done["Failed"]:
        return done
    for name, text in done["Failed"].items():
        print(f"{name}: {text}", file=sys.stderr)
    sys.exit(1)


def items(pages: Iterable[dict], most: int | None) -> Iterable[dict]:
    """The items of a list up to a number; ends the command when a page is refused."""
    try:
        for count, item in enumerate(pages):
            if most is not None and count >= most:
                return
            yield item
    except SErrorException as error:
        value(error.result)


def as_json(thing: Any) -> None:
    """Prints JSON on one line; times are ISO 8601."""
    print(json.dumps(thing, default=_text))


def table(thing: dict) -> None:
    """Prints what is known of one thing, a line each."""
    width = max(map(len, thing), default=0)
    for name, one in thing.items():
        shown = one if isinstance(one, str) else json.dumps(one, default=_text)
        print(f"{name:{width}}  {shown}")


def _text(one: Any) -> str:
    if isinstance(one, datetime):
        return one.isoformat() + "Z"
    return str(one)


def fail(message: str, unauthorised: bool = False) -> NoReturn:
    """Ends the command with a message, and what to do about it where that is known."""
    print(f"{Script.scriptName}: {message}", file=sys.stderr)
    advice = [advice for symptom, advice in ADVICE.items() if symptom in message]
    if unauthorised and not advice:
        advice = [ADVICE["Unauthorized query"]]
    for one in advice[:1]:
        print(f"{Script.scriptName}: {one}", file=sys.stderr)
    sys.exit(1)
