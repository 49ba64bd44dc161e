"""Runs DIRAC's own Configuration server for tests (run it in the venv of the testbed).

    cs.py run --dir DIR [--port PORT] [--sbk-url URL]
    cs.py start --dir DIR [--port PORT] [--sbk-url URL]
    cs.py stop --dir DIR

`run` stays in the foreground until it is killed: the process is the server itself. Once the real
client got an answer from it, it writes one line to its output, `ready URL`, and closes it; when the
server does not come up the output ends without that line. `start` returns when the server answers,
and writes the same line.

Each server has a directory of its own, DIR, with its process id in `pid`, its URL in `url`, its log
in `log`, its content in `root/etc/SBK-Test.cfg`, and `client.cfg` for those who follow it. Without
--port a free one is taken. --sbk-url is what it says of SBK's address.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import config

PATIENCE = 60  # seconds until a server that does not answer is given up
ASK = """
import DIRAC
DIRAC.gLogger.setLevel("FATAL")
from DIRAC.Core.Base.Script import Script
Script.disableCS()
Script.localCfg.disableParsingCommandLine()
Script.initialize(ignoreErrors=True)
from DIRAC.Core.Base.Client import Client
result = Client(url=URL, useCertificates=True).getVersion()
raise SystemExit(0 if result["OK"] and result["Value"] != "0" else result.get("Message", "empty"))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare(directory: Path, port: int, sbk_url: str | None) -> tuple[str, dict[str, str]]:
    """Writes the server's files; returns its URL and its environment."""
    url = f"dips://localhost:{port}/Configuration/Server"
    root = directory / "root"
    config.write(root / "etc/SBK-Test.cfg", config.content(url, sbk_url))
    config.write(directory / "server.cfg", config.master(url))
    config.write(directory / "client.cfg", config.following(url))
    environment = config.environment(None, directory / "server.cfg")
    environment["DIRAC_ROOT_PATH"] = str(root)
    (root / "work").mkdir(exist_ok=True)
    return url, environment


def answers(url: str, environment: dict[str, str]) -> bool:
    question = [sys.executable, "-c", ASK.replace("URL", repr(url))]
    done = subprocess.run(question, env=environment, capture_output=True, timeout=PATIENCE)
    return done.returncode == 0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(directory: Path, port: int, sbk_url: str | None) -> None:
    """Becomes the server; a child of it reports when it answers."""
    if listens(port):
        sys.exit(f"cs: port {port} is taken")
    url, environment = prepare(directory, port, sbk_url)
    environment["DIRACSYSCONFIG"] = str(directory / "server.cfg")
    server = os.getpid()
    (directory / "pid").write_text(str(server))
    (directory / "url").write_text(url)
    child = os.fork()
    if child == 0:
        report(server, port, url, environment)
    os.waitpid(child, 0)
    log = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(directory / "root/work")
    program = config.TESTBED / "venv/bin/dirac-service"
    os.execve(program, [str(program), "Configuration/Server"], environment)


def report(server: int, port: int, url: str, environment: dict[str, str]) -> None:
    """Says that the server is ready; leaves without a word when it is gone."""
    # A child's child: the server must not have a child that it does not know of.
    if os.fork():
        os._exit(0)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and alive(server):
        if listens(port) and answers(url, environment):
            print("ready", url, flush=True)
            break
        time.sleep(0.1)
    os._exit(0)


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def start(directory: Path, port: int, sbk_url: str | None) -> None:
    command = [sys.executable, __file__, "run", "--dir", directory, "--port", str(port)]
    if sbk_url:
        command += ["--sbk-url", sbk_url]
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    line = server.stdout.readline()
    if not line:
        server.kill()
        sys.exit(f"cs: the server did not come up, see {directory / 'log'}")
    print(line, end="")


def stop(directory: Path) -> None:
    try:
        process = int((directory / "pid").read_text())
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return
    if b"dirac-service" not in command:
        return
    os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + 5
    while alive(process):
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
        time.sleep(0.05)
    (directory / "pid").unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["run", "start", "stop"])
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sbk-url")
    args = parser.parse_args()
    directory = args.dir.resolve()
    if args.command == "stop":
        stop(directory)
        return
    directory.mkdir(parents=True, exist_ok=True)
    (start if args.command == "start" else run)(directory, args.port or free_port(), args.sbk_url)


if __name__ == "__main__":
    main()
