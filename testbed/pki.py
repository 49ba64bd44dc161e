"""Makes the certificates and proxies of the tests below SBK_TESTBED/pki (run it in the venv there).

    pki.py [--new-pki]

They are valid for two days unless said otherwise, and made anew when they are a day old. All names
are below /DC=org/DC=sbk-test; `config.py` has the registry that goes with them.

    grid-security/hostcert.pem, hostkey.pem   the service's: localhost, 127.0.0.1, ::1
    grid-security/certificates/               the CA with its CRL and signing policy, each under
                                              its new and its old hash; the intermediate CA's CRL
    ca/, intermediate/, foreign/              cert.pem and key.pem of the trusted CA, of the CA
                                              below it, and of a CA that nobody trusts
    hosts/NAME.cert.pem, NAME.key.pem         localhost; other: a host that nothing is delegated to
    users/NAME.cert.pem, NAME.key.pem         see USERS
    proxies/NAME                              see PROXIES; certificate, key, then the issuers

PROXIES that a service accepts (alice's, in group user, unless said otherwise):
    user, prod, admin       alice in that group
    bob                     bob in group user
    otheruser               bob in group other_user, of the second community
    dora                    a user whose name is not ASCII
    ian                     a user of the intermediate CA, which the chain brings along
    nogroup                 no group: the default group holds
    limited                 a limited proxy
    delegated               second generation that asks for prod: the first one's group, user, holds
    deep                    fifth generation

PROXIES whose handshake succeeds but whose owner is nobody, or may do nothing:
    carol                   a suspended user
    stranger                mallory: a valid certificate that is not registered
    nosuchgroup             a group that does not exist
    wronggroup              bob claims prod, of which he is no member
    full_of_limited         a full proxy made from a limited one

    slipped                 bob's certificate between alice's proxy and her certificate: DIRAC says
                            nobody; alice would be right, too, but never bob

PROXIES that end the handshake:
    revoked                 the user certificate is in the CRL
    expired, notyet         the proxy's time is over, or has not come
    expireduser, futureuser the same for the user certificate
    foreignca               alice's name, certified by the foreign CA
    brokenchain             alice's name, signed with bob's key
    misnamed                signed by alice, with a subject below bob's
    nochain                 the user certificate is left out
    nointermediate          ian's without the intermediate CA
    pathlen                 a proxy below one that allows none (path length 0)
"""

import datetime
import hashlib
import ipaddress
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

REPOSITORY = Path(__file__).resolve().parents[1]
TESTBED = Path(os.environ.get("SBK_TESTBED") or REPOSITORY / "target/testbed").resolve()
PKI = TESTBED / "pki"

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
VALID = (NOW - HOUR, NOW + 2 * DAY)
PAST = (NOW - 2 * DAY, NOW - HOUR)
FUTURE = (NOW + DAY, NOW + 2 * DAY)

USERS = ("alice", "bob", "carol", "mallory", "revoked", "expireduser", "futureuser", "dora", "ian")
NAMES = {"dora": "D\u00f3ra Kov\u00e1cs"}  # common names that differ from the user's name
VALIDITY = {"expireduser": PAST, "futureuser": FUTURE}

PROXY_CERT_INFO = ObjectIdentifier("1.3.6.1.5.5.7.1.14")
INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")
INHERIT_ALL_AND_END = bytes.fromhex("300f020100300a06082b06010505071501")  # path length 0
DIRAC_GROUP = ObjectIdentifier("1.2.42.42")
PEM = serialization.Encoding.PEM
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def name(unit: str, common: str) -> x509.Name:
    """The subject /DC=org/DC=sbk-test/OU=unit/CN=common."""
    parts = [
        (NameOID.DOMAIN_COMPONENT, "org"),
        (NameOID.DOMAIN_COMPONENT, "sbk-test"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def write(path: Path, *parts: bytes) -> None:
    """Writes a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(b"".join(parts))


def key_usage(*used: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in used for usage in USAGES})


class Pair:
    """A certificate, its key, and the certificates that a chain needs above it."""

    def __init__(self, certificate, key, above=()):
        self.certificate, self.key, self.above = certificate, key, list(above)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )

    @property
    def chain(self) -> list["Pair"]:
        """This and what is above it, without a root."""
        return [self, *self.above]

    def save(self, certificate: Path, key: Path) -> None:
        write(certificate, *(pair.pem for pair in self.chain))
        write(key, self.key_pem)


def certify(subject, issuer, extensions, validity=VALID, key=None, serial=None) -> x509.Certificate:
    """Signs a certificate; `issuer` is a Pair, or None for a certificate that signs itself."""
    signer = issuer.key if issuer else key
    issuer_name = issuer.certificate.subject if issuer else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256())


def new_key():
    return rsa.generate_private_key(65537, 2048)


def identifiers(key, issuer):
    signer = issuer.key if issuer else key
    return [
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
    ]


def authority(directory: str, common: str, issuer: Pair | None = None) -> Pair:
    key = new_key()
    extensions = [
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (key_usage("key_cert_sign", "crl_sign", "digital_signature"), True),
        *identifiers(key, issuer),
    ]
    certificate = certify(name("Authorities", common), issuer, extensions, key=key)
    pair = Pair(certificate, key)
    pair.save(PKI_NEW / directory / "cert.pem", PKI_NEW / directory / "key.pem")
    return pair


def end_entity(subject, issuer, server=(), validity=VALID, above=()) -> Pair:
    """The certificate of a user, or of a host with the names `server`."""
    key = new_key()
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
    extensions = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage("digital_signature", "key_encipherment"), True),
        *identifiers(key, issuer),
    ]
    if server:
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
        extensions.append((x509.SubjectAlternativeName(list(server)), False))
    extensions.append((x509.ExtendedKeyUsage(uses), False))
    return Pair(certify(subject, issuer, extensions, validity, key), key, above)


def subject_hashes(ca: Pair) -> list[str]:
    """The names under which OpenSSL looks for a CA: today's, and that of version 0.9."""
    command = ["openssl", "x509", "-noout", "-subject_hash", "-subject_hash_old"]
    return (
        subprocess.run(command, input=ca.pem, capture_output=True, check=True)
        .stdout.decode()
        .split()
    )


def publish(ca: Pair, revoked=(), trusted=True) -> None:
    """Puts a CA into the directory of those that are trusted, or its CRL alone."""
    directory = PKI_NEW / "grid-security/certificates"
    directory.mkdir(parents=True, exist_ok=True)
    crl = x509.CertificateRevocationListBuilder(
        ca.certificate.subject, NOW - HOUR, NOW + 2 * DAY
    ).add_extension(x509.CRLNumber(1), False)
    for certificate in revoked:
        entry = x509.RevokedCertificateBuilder(certificate.serial_number, NOW - HOUR).build()
        crl = crl.add_revoked_certificate(entry)
    crl_pem = crl.sign(ca.key, hashes.SHA256()).public_bytes(PEM)
    for hash_ in subject_hashes(ca):
        (directory / f"{hash_}.r0").write_bytes(crl_pem)
        if trusted:
            (directory / f"{hash_}.0").write_bytes(ca.pem)
            (directory / f"{hash_}.signing_policy").write_text(SIGNING_POLICY)


SIGNING_POLICY = """\
access_id_CA  X509    '/DC=org/DC=sbk-test/OU=Authorities/CN=SBK Test CA'
pos_rights    globus  CA:sign
cond_subjects globus  '"/DC=org/DC=sbk-test/*"'
"""


def honest(proxy: str, owner: str | None, group=False, limited=False, issuer=None) -> None:
    """A proxy as dirac-proxy-init makes it; `issuer` is an existing proxy to derive it from."""
    from DIRAC.Core.Security.X509Chain import X509Chain

    chain = X509Chain()
    if issuer:
        results = [chain.loadProxyFromFile(str(PKI_NEW / "proxies" / issuer))]
    else:
        user = PKI_NEW / "users" / owner
        results = [
            chain.loadChainFromFile(f"{user}.cert.pem"),
            chain.loadKeyFromFile(f"{user}.key.pem"),
        ]
    path = PKI_NEW / "proxies" / proxy
    path.parent.mkdir(exist_ok=True)
    lifetime = int((2 * DAY).total_seconds())
    results.append(
        chain.generateProxyToFile(str(path), lifetime, diracGroup=group, limited=limited)
    )
    failed = [result["Message"] for result in results if not result["OK"]]
    if failed:
        sys.exit(f"pki: cannot make proxy {proxy}: {failed[0]}")


def forged(issuer: Pair, signer=None, subject=None, validity=VALID, info=INHERIT_ALL) -> Pair:
    """A proxy below `issuer`, with what the arguments say in place of what is right."""
    key = new_key()
    serial = secrets.randbits(62)
    base = (subject or issuer).certificate.subject
    group = b"user"
    extensions = [
        (key_usage("digital_signature", "key_encipherment", "data_encipherment"), True),
        (x509.UnrecognizedExtension(PROXY_CERT_INFO, info), True),
        (x509.UnrecognizedExtension(DIRAC_GROUP, bytes([0x16, len(group)]) + group), False),
    ]
    common = x509.NameAttribute(NameOID.COMMON_NAME, str(serial))
    certificate = certify(
        x509.Name([*base, common]),
        Pair(issuer.certificate, (signer or issuer).key),
        extensions,
        validity,
        key,
        serial,
    )
    return Pair(certificate, key, issuer.chain)


def save(proxy: str, pair: Pair, above: list[Pair] | None = None) -> None:
    """Writes a proxy file, with other issuers than its own where `above` names them."""
    issuers = pair.above if above is None else above
    write(PKI_NEW / "proxies" / proxy, pair.pem, pair.key_pem, *(one.pem for one in issuers))


def authorities_and_users() -> dict[str, Pair]:
    """Makes all certificates, and returns the users' by name."""
    ca = authority("ca", "SBK Test CA")
    intermediate = authority("intermediate", "SBK Test Intermediate CA", ca)
    foreign = authority("foreign", "Foreign CA")

    local = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    hosts = {
        "localhost": end_entity(name("Hosts", "localhost"), ca, local),
        "other": end_entity(
            name("Hosts", "other.sbk-test.org"), ca, [x509.DNSName("other.sbk-test.org")]
        ),
    }
    for host, pair in hosts.items():
        pair.save(PKI_NEW / f"hosts/{host}.cert.pem", PKI_NEW / f"hosts/{host}.key.pem")
    grid = PKI_NEW / "grid-security"
    hosts["localhost"].save(grid / "hostcert.pem", grid / "hostkey.pem")

    users = {}
    for user in USERS:
        subject = name("Users", NAMES.get(user, user))
        validity = VALIDITY.get(user, VALID)
        if user == "ian":
            above = [Pair(intermediate.certificate, None)]
            users[user] = end_entity(subject, intermediate, validity=validity, above=above)
        else:
            users[user] = end_entity(subject, ca, validity=validity)
    users["foreign"] = end_entity(name("Users", "alice"), foreign)
    for user, pair in users.items():
        pair.save(PKI_NEW / f"users/{user}.cert.pem", PKI_NEW / f"users/{user}.key.pem")

    publish(ca, revoked=[users["revoked"].certificate])
    publish(intermediate, trusted=False)
    return users


def proxies(users: dict[str, Pair]) -> None:
    alice, bob, ian = users["alice"], users["bob"], users["ian"]
    for group in ("user", "prod", "admin", "nosuchgroup"):
        honest(group, "alice", group)
    honest("nogroup", "alice")
    honest("limited", "alice", "user", limited=True)
    for user in ("bob", "carol", "dora", "ian", "revoked", "futureuser"):
        honest(user, user, "user")
    honest("otheruser", "bob", "other_user")
    honest("wronggroup", "bob", "prod")
    honest("stranger", "mallory", "user")
    honest("foreignca", "foreign", "user")
    honest("delegated", None, "prod", issuer="user")
    honest("full_of_limited", None, "user", issuer="limited")
    for generation in range(2, 6):
        below = "user" if generation == 2 else f"generation{generation - 1}"
        honest(f"generation{generation}", None, issuer=below)
    (PKI_NEW / "proxies/generation5").rename(PKI_NEW / "proxies/deep")
    for generation in range(2, 5):
        (PKI_NEW / f"proxies/generation{generation}").unlink()

    save("expired", forged(alice, validity=PAST))
    save("notyet", forged(alice, validity=FUTURE))
    save("expireduser", forged(users["expireduser"]))
    save("brokenchain", forged(alice, signer=bob))
    save("misnamed", forged(alice, subject=bob))
    save("nochain", forged(alice), above=[])
    save("nointermediate", forged(ian), above=[ian])
    save("pathlen", forged(forged(alice, info=INHERIT_ALL_AND_END)))
    save("slipped", forged(alice), above=[bob, alice])


def is_fresh() -> bool:
    stamp = PKI / "complete"
    if not stamp.exists():
        return False
    age = NOW.timestamp() - stamp.stat().st_mtime
    same = stamp.read_bytes() == fingerprint()
    return same and age < DAY.total_seconds()


def fingerprint() -> bytes:
    """Changes when this file does, so that what it makes is made anew."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest().encode()


def main() -> None:
    if sys.argv[1:] not in ([], ["--new-pki"]):
        sys.exit(__doc__)
    if is_fresh() and not sys.argv[1:]:
        return
    shutil.rmtree(PKI_NEW, ignore_errors=True)
    PKI_NEW.mkdir(parents=True)
    os.environ["DIRAC_NO_CFG"] = "1"
    os.environ["X509_CERT_DIR"] = str(PKI_NEW / "grid-security/certificates")
    proxies(authorities_and_users())
    (PKI_NEW / "complete").write_bytes(fingerprint())
    old = TESTBED / f"pki.old.{os.getpid()}"
    if PKI.exists():
        PKI.rename(old)
    PKI_NEW.rename(PKI)
    shutil.rmtree(old, ignore_errors=True)
    print(f"pki: new certificates and proxies in {PKI}")


PKI_NEW = TESTBED / f"pki.new.{os.getpid()}"

if __name__ == "__main__":
    main()
