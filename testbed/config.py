"""Configuration for tests with the real DIRAC: the registry, SBK's rules, and the clients' files.

    config.py client PROFILE --url URL [--cs URL] [-o FILE]
    config.py server --cs URL [-o FILE]           what a service is told that follows the server
    config.py environment PROXY FILE              `export NAME=value` lines for a client

PROFILE local: everything is in the client's file; no Configuration server is asked.
PROFILE cs: the file has only /DIRAC/Configuration/Servers and /DIRAC/Security.
URL is that of SBK: dips://localhost:9200/Bookkeeping/SBK or https://localhost:9443/Bookkeeping/SBK.

`cs.py` uses `content` for what the Configuration server serves.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).resolve().parents[1]
TESTBED = Path(os.environ.get("SBK_TESTBED") or REPOSITORY / "target/testbed").resolve()
PKI = TESTBED / "pki"
SUBJECT = "/DC=org/DC=sbk-test"
SERVICE = "Bookkeeping/SBK"
VO = "sbkvo"
OTHER_VO = "othervo"

USERS = {
    "alice": {},
    "bob": {},
    "carol": {"Suspended": f"{VO}, {OTHER_VO}"},
    "dora": {"DN": SUBJECT + r"/OU=Users/CN=D\xC3\xB3ra Kov\xC3\xA1cs"},
    "ian": {},
    "revoked": {},
    "expireduser": {},
    "futureuser": {},
}

GROUPS = {
    "user": {
        "Users": ", ".join(USERS),
        "Properties": "NormalUser",
        "VO": VO,
    },
    "prod": {
        "Users": "alice, carol",
        "Properties": "NormalUser, ProductionManagement, FileCatalogManagement",
        "VO": VO,
    },
    "admin": {
        "Users": "alice",
        "Properties": "NormalUser, ProductionManagement, FileCatalogManagement, Operator, "
        "ServiceAdministrator, CSAdministrator",
        "VO": VO,
    },
    "other_user": {
        "Users": "bob, carol",
        "Properties": "NormalUser",
        "VO": OTHER_VO,
    },
}

HOSTS = {
    "localhost": {
        "DN": SUBJECT + "/OU=Hosts/CN=localhost",
        "Properties": "TrustedHost, CSAdministrator, ServiceAdministrator",
    },
    "other.sbk-test.org": {
        "DN": SUBJECT + "/OU=Hosts/CN=other.sbk-test.org",
        "Properties": "NormalUser",
    },
}

AUTHENTICATED = {"Default": "authenticated"}


def registry() -> dict:
    users = {
        user: {
            "DN": f"{SUBJECT}/OU=Users/CN={user}",
            "Email": f"{user}@sbk-test.org",
            **options,
        }
        for user, options in USERS.items()
    }
    communities = {VO: {"VOAdmin": "alice"}, OTHER_VO: {"VOAdmin": "bob"}}
    return {
        "DefaultGroup": "user",
        "Users": users,
        "Groups": GROUPS,
        "Hosts": HOSTS,
        "VO": communities,
    }


def bookkeeping(url: str | None) -> dict:
    rules = {**AUTHENTICATED, "FileTransfer": AUTHENTICATED}
    system = {"Services": {"SBK": {"Authorization": rules}}}
    return {"URLs": {"SBK": url}, **system} if url else system


def catalogue_of(url: str) -> str:
    """Where the FileCatalog is of the server that has SBK at a URL."""
    return url.rsplit("/", 2)[0] + "/DataManagement/FileCatalog"


def data_management(url: str | None) -> dict:
    """What DIRAC has to know of a FileCatalog at a URL."""
    rules = {**AUTHENTICATED, "FileTransfer": AUTHENTICATED}
    system = {"Services": {"FileCatalog": {"Authorization": rules}}}
    return {"URLs": {"FileCatalog": url}, **system} if url else system


def catalogue_server(url: str, options: dict, database: dict) -> dict:
    """The file of DIRAC's own FileCatalog."""
    section = data_management(url)
    port = url.split(":")[2].split("/")[0]
    section["Services"]["FileCatalog"].update({"Port": port, **options})
    section["Databases"] = {"FileCatalogDB": database}
    return {
        "DIRAC": {
            "VirtualOrganization": VO,
            "Hostname": "localhost",
            "Security": security(),
            "Configuration": {"Name": "SBK-Test"},
        },
        "Registry": registry(),
        "Operations": {"Defaults": {}},
        "Systems": {"DataManagement": section},
    }


def database(url: str) -> dict:
    """The section of a database at mysql://USER:PASSWORD@HOST:PORT/NAME."""
    place = urlsplit(url)
    return {
        "DBName": place.path.strip("/"),
        "Host": place.hostname,
        "Port": place.port,
        "User": place.username,
        "Password": place.password or "",
    }


def security() -> dict:
    grid = PKI / "grid-security"
    return {
        "Grid-Security": grid,
        "CALocation": grid / "certificates",
        "CertFile": grid / "hostcert.pem",
        "KeyFile": grid / "hostkey.pem",
    }


def configuration_system(cs: str) -> dict:
    rules = {
        **AUTHENTICATED,
        "commitNewData": "CSAdministrator",
        "rollbackToVersion": "CSAdministrator",
        "forceSlaveUpdate": "CSAdministrator",
        "getVersionContents": "ServiceAdministrator, CSAdministrator",
    }
    handler = "DIRAC/ConfigurationSystem/Service/ConfigurationHandler.py"
    port = cs.split(":")[2].split("/")[0]
    server = {"Port": port, "HandlerPath": handler, "Authorization": rules}
    return {"URLs": {"Server": cs}, "Services": {"Server": server}}


def content(cs: str, url: str | None = None) -> dict:
    """What the Configuration server serves."""
    return {
        "DIRAC": {
            "VirtualOrganization": VO,
            "Configuration": {
                "Name": "SBK-Test",
                "Version": "2026-01-01 00:00:00.000000",
                "MasterServer": cs,
                "Servers": cs,
            },
        },
        "Registry": registry(),
        "Systems": {
            "Configuration": configuration_system(cs),
            "Bookkeeping": bookkeeping(url),
            "DataManagement": data_management(catalogue_of(url) if url else None),
        },
    }


def master(cs: str) -> dict:
    """The Configuration server's own file."""
    configuration = {"Name": "SBK-Test", "Master": "yes", "Servers": cs, "EnableAutoMerge": "yes"}
    return {
        "DIRAC": {
            "VirtualOrganization": VO,
            "Hostname": "localhost",
            "Security": security(),
            "Configuration": configuration,
        },
        "Systems": {"Configuration": configuration_system(cs)},
    }


def local(url: str) -> dict:
    """A client's file that needs no Configuration server."""
    return {
        "DIRAC": {"VirtualOrganization": VO, "Security": security()},
        "Registry": registry(),
        "Systems": {
            "Bookkeeping": bookkeeping(url),
            "DataManagement": data_management(catalogue_of(url)),
        },
    }


def following(cs: str) -> dict:
    """The file of a client, or of a service, that follows the Configuration server."""
    return {"DIRAC": {"Security": security(), "Configuration": {"Servers": cs}}}


def text(tree: dict, indent: int = 0) -> str:
    """A configuration as DIRAC writes it."""
    pad, out = "  " * indent, ""
    for key, value in tree.items():
        if isinstance(value, dict):
            out += f"{pad}{key}\n{pad}{{\n{text(value, indent + 1)}{pad}}}\n"
        else:
            out += f"{pad}{key} = {value}\n"
    return out


def write(path: Path, tree: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text(tree))
    return temporary.replace(path)


def environment(proxy: str | None, file: Path) -> dict[str, str]:
    """What a process needs to be a DIRAC client with that proxy (a name, or a path), and no more.

    Variables of the surroundings that would lead it elsewhere are left out.
    """
    strangers = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in strangers
        and not name.lower().endswith("_proxy")
        and not name.startswith(("DIRAC", "X509_"))
    }
    own = {
        "PATH": f"{TESTBED / 'venv/bin'}:{kept.get('PATH', '')}",
        "DIRACSYSCONFIG": str(file),
        "DIRAC_NO_CFG": "1",
        "X509_CERT_DIR": str(PKI / "grid-security/certificates"),
        "PYTHONWARNINGS": "ignore",
    }
    if proxy:
        own["X509_USER_PROXY"] = str(PKI / "proxies" / proxy)
    return kept | own


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    client = commands.add_parser("client")
    client.add_argument("profile", choices=["local", "cs"])
    client.add_argument("--url")
    server = commands.add_parser("server")
    for command in (client, server):
        command.add_argument("--cs")
        command.add_argument("-o", "--output", type=Path)
    shell = commands.add_parser("environment")
    shell.add_argument("proxy")
    shell.add_argument("file", type=Path)
    args = parser.parse_args()

    if args.command == "environment":
        wanted = environment(args.proxy, args.file.resolve())
        for name, value in wanted.items():
            if os.environ.get(name) != value:
                print(f"export {name}={shlex.quote(value)}")
        for name in set(os.environ) - set(wanted):
            print(f"unset {name}")
        return
    if args.command == "client" and args.profile == "local":
        needed, tree = "url", local
    else:
        needed, tree = "cs", following
    value = getattr(args, needed)
    if not value:
        parser.error(f"--{needed} is needed here")
    if args.output:
        write(args.output, tree(value))
    else:
        sys.stdout.write(text(tree(value)))


if __name__ == "__main__":
    main()
