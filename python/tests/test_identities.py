"""Who the service takes the owner of each proxy for."""

import pytest

import config
from conftest import refusal, value

ACCEPTED = {
    "user": ("alice", "user"),
    "prod": ("alice", "prod"),
    "admin": ("alice", "admin"),
    "bob": ("bob", "user"),
    "otheruser": ("bob", "other_user"),
    "dora": ("dora", "user"),
    "ian": ("ian", "user"),
    "nogroup": ("alice", "user"),
    "limited": ("alice", "user"),
    "delegated": ("alice", "user"),
    "deep": ("alice", "user"),
}
NOBODY = ["carol", "stranger", "nosuchgroup", "wronggroup", "full_of_limited"]
REFUSED = [
    "revoked",
    "expired",
    "notyet",
    "expireduser",
    "futureuser",
    "foreignca",
    "brokenchain",
    "misnamed",
    "nochain",
    "nointermediate",
    "pathlen",
]


@pytest.mark.parametrize("proxy", ACCEPTED)
def test_a_proxy_is_its_owner_in_the_group_of_its_first_generation(client, proxy):
    you = value(client(proxy).whoami())

    assert (you["username"], you["group"]) == ACCEPTED[proxy]
    assert you["isProxy"]
    assert you["isLimitedProxy"] == (proxy == "limited")
    assert you["DN"].startswith("/DC=org/DC=sbk-test/OU=Users/CN=")


@pytest.mark.parametrize("proxy", ACCEPTED)
def test_who_is_registered_may_ask(client, world, proxy):
    value(client(proxy).listCommunities())


@pytest.mark.parametrize("proxy", NOBODY)
def test_who_is_nobody_has_no_properties_and_may_ask_nothing(client, world, proxy):
    # Bob's honest call comes first: it must not lend its standing to his dishonest one.
    value(client("bob").listCommunities())
    sbk = client(proxy)

    refusal(sbk.listCommunities())
    whoami = sbk.whoami()
    if whoami["OK"]:
        you = whoami["Value"]
        assert (you["username"], you["group"]) == ("anonymous", "visitor")
        assert you["properties"] == []


def test_a_certificate_that_is_slipped_into_a_chain_makes_nobody_its_owner(client):
    whoami = client("slipped").whoami()

    assert not whoami["OK"] or whoami["Value"]["username"] in ("alice", "anonymous")


@pytest.mark.parametrize("proxy", REFUSED)
def test_a_certificate_that_is_not_valid_ends_the_connection(client, proxy):
    sbk = client(proxy)

    refusal(sbk.ping())
    refusal(sbk.whoami())


def test_a_dishonest_call_does_not_harm_the_honest_ones_after_it(client, world):
    refusal(client("wronggroup").listCommunities())

    value(client("bob").listCommunities())


def test_a_host_calls_with_its_certificate(client):
    you = value(client(None, useCertificates=True).whoami())

    assert (you["username"], you["group"]) == ("localhost", "hosts")
    assert "TrustedHost" in you["properties"]


def test_a_trusted_host_calls_on_behalf_of_a_user(client):
    alice = "/DC=org/DC=sbk-test/OU=Users/CN=alice"
    sbk = client(None, useCertificates=True, delegatedDN=alice, delegatedGroup="prod")

    you = value(sbk.whoami())

    assert (you["username"], you["group"]) == ("alice", "prod")


def test_a_trusted_host_cannot_put_a_user_into_a_group_that_is_not_theirs(client, world):
    bob = "/DC=org/DC=sbk-test/OU=Users/CN=bob"
    sbk = client(None, useCertificates=True, delegatedDN=bob, delegatedGroup="prod")

    refusal(sbk.listCommunities())


def test_a_host_that_is_not_trusted_calls_for_nobody_but_itself(client, world, monkeypatch):
    monkeypatch.setenv("DIRAC_X509_HOST_CERT", str(config.PKI / "hosts/other.cert.pem"))
    monkeypatch.setenv("DIRAC_X509_HOST_KEY", str(config.PKI / "hosts/other.key.pem"))
    alice = "/DC=org/DC=sbk-test/OU=Users/CN=alice"

    you = value(client(None, useCertificates=True).whoami())
    delegated = client(None, useCertificates=True, delegatedDN=alice, delegatedGroup="prod")

    assert (you["username"], you["group"]) == ("other.sbk-test.org", "hosts")
    refusal(delegated.listCommunities())


def test_a_user_may_not_administer(client, world):
    refusal(client("user").declareCommunity("another"))
    refusal(client("prod").purgeFiles())


def test_a_stranger_to_a_community_does_not_change_its_files(client, world):
    sbk = client("otheruser")

    result = sbk.addFiles([world.file("stolen")], vo="sbkvo")

    assert not result["OK"] or result["Value"]["Failed"]
