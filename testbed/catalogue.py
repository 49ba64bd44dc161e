"""Runs DIRAC's own FileCatalog for comparisons (run it in the venv of the testbed).

    catalogue.py run --dir DIR --database mysql://USER:PASSWORD@HOST:PORT/NAME [--security MANAGER]
                     [--directories MANAGER --files MANAGER] [--no-unique-guid]

The process is the server itself, until it is killed. Its tables are made in the database, which has
to be empty. Once it listens, one line is written to the output, `ready URL`, and the output is
closed; when it does not come up, the output ends without that line. Its log is in DIR.

The managers are by default those of LHCb: DirectoryClosure, FileManagerPs, VOMSSecurityManager.
"""

import argparse
import os
import time
from pathlib import Path

from cs import alive, free_port, listens

import config

PATIENCE = 120  # seconds until a server that does not come up is given up
SCHEMAS = {
    "DirectoryClosure": "FileCatalogWithFkAndPsDB.sql",
    "DirectoryLevelTree": "FileCatalogDB.sql",
}


def make_tables(database: dict, schema: str) -> None:
    """Runs the package's own schema, under another name of the database."""
    import DIRAC
    import MySQLdb

    text = (Path(DIRAC.__file__).parent / "DataManagementSystem/DB" / schema).read_text()
    text = text.replace("FileCatalogDB", database["DBName"])
    connection = MySQLdb.connect(
        host=database["Host"],
        port=int(database["Port"]),
        user=database["User"],
        passwd=database["Password"],
        db=database["DBName"],
        autocommit=True,
    )
    cursor = connection.cursor()
    # As a server makes one when nothing is said.
    cursor.execute(
        f"ALTER DATABASE {database['DBName']} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    )
    for statement in statements(text):
        # The database is there already, and so is its user.
        if not statement.upper().startswith(("DROP DATABASE", "CREATE DATABASE", "GRANT", "FLUSH")):
            cursor.execute(statement)
    connection.close()


def statements(text: str):
    """The statements of a file for MySQL's client, which may change the delimiter."""
    delimiter, lines = ";", []
    for line in text.splitlines():
        bare = line.strip()
        if bare.lower().startswith("delimiter"):
            delimiter = bare.split()[1]
            continue
        if not lines and (not bare or bare.startswith(("--", "#"))):
            continue
        lines.append(line)
        if bare.endswith(delimiter):
            statement = "\n".join(lines).strip().removesuffix(delimiter).strip()
            lines = []
            if statement:
                yield statement


def run(args: argparse.Namespace) -> None:
    database = config.database(args.database)
    make_tables(database, SCHEMAS[args.directories])
    port = args.port or free_port()
    url = f"dips://localhost:{port}/DataManagement/FileCatalog"
    options = {
        "DirectoryManager": args.directories,
        "FileManager": args.files,
        "SecurityManager": args.security,
        "UniqueGUID": not args.no_unique_guid,
    }
    directory = args.dir.resolve()
    file = config.write(directory / "server.cfg", config.catalogue_server(url, options, database))
    environment = config.environment(None, file)
    environment["DIRAC_ROOT_PATH"] = str(directory)
    (directory / "work").mkdir(exist_ok=True)
    server = os.getpid()
    if os.fork() == 0:
        report(server, port, url)
    log = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(directory / "work")
    program = config.TESTBED / "venv/bin/dirac-service"
    os.execve(program, [str(program), "DataManagement/FileCatalog"], environment)


def report(server: int, port: int, url: str) -> None:
    """Says that the server is ready; leaves without a word when it is gone."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and alive(server):
        if listens(port):
            print("ready", url, flush=True)
            break
        time.sleep(0.1)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["run"])
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--security", default="VOMSSecurityManager")
    parser.add_argument("--directories", default="DirectoryClosure", choices=list(SCHEMAS))
    parser.add_argument("--files", default="FileManagerPs")
    parser.add_argument("--no-unique-guid", action="store_true")
    args = parser.parse_args()
    args.dir.mkdir(parents=True, exist_ok=True)
    run(args)


if __name__ == "__main__":
    main()
