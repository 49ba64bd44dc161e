"""Reports of jobs as XML, as LHCb's jobs send them."""

import pytest

from conftest import refusal, value

REPORT = """\
<?xml version="1.0" encoding="ISO-8859-1"?>
<Job ConfigName="MC" ConfigVersion="2026" Date="2026-01-31" Time="1{step}:00">
  <TypedParameter Name="Production" Value="{production}" Type="Info"/>
  <TypedParameter Name="DiracJobId" Value="4711" Type="Info"/>
  <TypedParameter Name="Name" Value="{name}" Type="Info"/>
  <TypedParameter Name="Location" Value="LCG.CNAF.it" Type="Info"/>
  <TypedParameter Name="ProgramName" Value="{program}" Type="Info"/>
  <TypedParameter Name="NumberOfEvents" Value="{events}" Type="Info"/>
  {inputs}
  <OutputFile Name="{output}" TypeName="{kind}" TypeVersion="1">
    <Parameter Name="EventStat" Value="{events}"/>
    <Parameter Name="FileSize" Value="{size}"/>
    <Replica Name="" Location="{se}"/>
  </OutputFile>
</Job>
"""


@pytest.fixture
def sbk(client, world):
    return client("admin")


@pytest.fixture
def chain(world):
    """The files of three steps, and a report for each."""
    production = int(world.tag.split("-")[-1], 16) % 10**8
    files = [world.lfn(f"chain/{name}") for name in ("1.sim", "2.digi", "3.dst")]
    reports = []
    for step, (program, kind, events) in enumerate(
        [("Gauss", "SIM", 200), ("Boole", "DIGI", 200), ("Brunel", "DST", 150)], 1
    ):
        inputs = f'<InputFile Name="{files[step - 2]}"/>' if step > 1 else ""
        report = REPORT.format(
            step=step,
            production=production,
            name=f"{production:08d}_00000007_{step}",
            program=program,
            events=events,
            inputs=inputs,
            output=files[step - 1],
            kind=kind,
            size=1000 * step,
            se=world.disk,
        )
        reports.append(report)
    return files, reports


def test_three_steps_sent_as_xml_are_traced_back_and_counted(sbk, world, chain):
    files, (first, second, third) = chain

    said = value(sbk.sendXMLBookkeepingReport(first))
    value(sbk.sendXMLBookkeepingReport(second.encode("iso-8859-1")))
    value(sbk.sendXMLBookkeepingReport(third, vo="sbkvo"))
    again = value(sbk.sendXMLBookkeepingReport(first))

    assert "00000007_1 was taken" in said
    assert "had come before" in again
    found = sbk.executeRPC([files[2]], 100, call="getAncestors")
    assert [(item["lfn"], item["depth"]) for item in value(found)["items"]] == [
        (files[1], 1),
        (files[0], 2),
    ]
    made = value(sbk.getDirectory(f"{world.path}/chain"))
    assert (made["files"], made["bytes"], made["events"]) == (3, 6000, 550)


def test_a_report_that_cannot_be_taken_is_kept_and_a_failure(sbk, chain):
    _, (first, *_) = chain
    broken = first[: len(first) // 2]

    message = refusal(sbk.sendXMLBookkeepingReport(broken))
    again = refusal(sbk.sendXMLBookkeepingReport(broken))

    entry = message.split("in the quarantine as ")[1].split(")")[0]
    assert entry in again
    kept = value(sbk.executeRPC(entry, call="getQuarantined"))
    assert kept["body"] == broken
    assert kept["state"] == "waiting"


def test_replicas_are_changed_by_xml(sbk, world):
    file = world.file("xml/replicas", replicas=[{"se": world.disk}])
    value(sbk.addFiles([file]))
    lfn = file["lfn"]
    change = '<Replica File="{}" Name="" SE="{}" Action="{}"/>'
    changes = change.format(lfn, world.tape, "Add") + change.format(lfn, world.disk, "Delete")

    said = value(sbk.sendXMLBookkeepingReport(f"<Replicas>{changes}</Replicas>"))

    assert said.startswith("1 replicas were added, 1 removed")
    assert [replica["se"] for replica in value(sbk.getFile(lfn))["replicas"]] == [world.tape]
