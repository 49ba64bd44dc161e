"""Jobs, provenance, runs, productions and requests, through the client."""

import pytest

from conftest import bulk, refusal, value


@pytest.fixture
def sbk(client, world):
    return client("admin")


def names(page: dict, key: str) -> list:
    return [item[key] for item in value(page)["items"]]


def test_a_job_is_reported_once_and_its_files_are_traced(sbk, world):
    raw, dst = world.lfn("story/1.raw"), world.lfn("story/1.dst")
    output = world.file("story/1.dst", events=10, replicas=[{"se": world.disk}])
    report = {
        "name": f"{world.tag}-job",
        "site": world.site,
        "steps": [{"application": "Brunel", "version": "v1"}],
        "inputs": [raw],
        "outputs": [output],
    }
    first = value(sbk.reportJob([report]))
    again = value(sbk.reportJob([report]))
    other = value(sbk.reportJob([report | {"exit_code": 1}]))

    assert (first["recorded"], again["repeated"], other["quarantined"]) == (1, 1, 1)
    assert first["results"] == again["results"]
    assert value(sbk.getJob(report["name"]))["registered"] == [dst]
    assert report["name"] in names(sbk.listJobs(site=world.site, limit=100), "name")
    groups = value(sbk.summarizeJobs())["groups"]
    assert sum(g["jobs"] for g in groups if g.get("site") == world.site) == 1
    assert names(sbk.getAncestors([dst], 5), "lfn") == [raw]
    assert names(sbk.getDescendants([raw], 5), "lfn") == [dst]
    assert names(sbk.getSiblings([dst]), "lfn") == []
    assert "<svg" in value(sbk.getChain(dst, form="svg"))["text"]
    assert raw in [edge["lfn"] for edge in sbk.iterate("listOpenEdges", limit=1000)]
    bulk(sbk.addFiles([world.file("story/1.raw"), world.file("story/2.raw")]))
    assert raw not in [edge["lfn"] for edge in sbk.iterate("listOpenEdges", limit=1000)]
    bulk(sbk.setParents({world.lfn("story/2.raw"): [raw]}))
    assert names(sbk.getAncestors([world.lfn("story/2.raw")]), "lfn") == [raw]

    entry = other["results"][0]["entry"]
    assert entry in [kept["entry"] for kept in sbk.iterate("listQuarantine", limit=1000)]
    assert "exit_code" in value(sbk.getQuarantined(entry))["problem"]["detail"]
    assert value(sbk.replayQuarantined(entry, reason="once more"))["quarantined"] == 1
    value(sbk.dismissQuarantined(entry, "it was a test"))
    step = value(sbk.verifyJobs())
    assert step["checked"] > 0
    assert step["wrong"] == []


def test_runs_have_luminosity_quality_and_conditions(sbk, world):
    run = int(world.tag.split("-")[-1], 16) % 10**8
    lfn = world.lfn("runs/1.raw")
    bulk(sbk.addFiles([world.file("runs/1.raw")]))
    bulk(sbk.declareFills([{"fill": run, "started": "2026-01-31T09:00:00Z"}]))
    bulk(sbk.declareRuns([{"run": run, "fill": run, "conditions": "Y4S", "sections": [[1, 4]]}]))
    bulk(sbk.setLuminosity([{"run": run, "first": 1, "recorded": [1, 2, 3, 4]}], "/nb"))
    bulk(sbk.setSections({lfn: {str(run): [[2, 3]]}}))

    assert value(sbk.getRun(run))["run"] == run
    assert run in names(sbk.listRuns(fill=run), "run")
    assert run in [fill["fill"] for fill in sbk.iterate("listFills", limit=1000)]
    value(sbk.getRunLuminosity(run, unit="/nb"))
    assert value(sbk.getSections([lfn]))["files"][lfn] == {str(run): [[2, 3]]}
    found = value(sbk.getLuminosity({"lfns": [lfn]}, unit="/nb"))
    assert (found["recorded"], found["sections"]) == (5, 2)
    assert value(sbk.exportMask({"runs": [run, run]}))["mask"] == {str(run): [[1, 4]]}
    masks = [{"mask": {str(run): [[1, 4]]}}, {"mask": {str(run): [[2, 3]]}}]
    left = value(sbk.combineMasks("sub", masks))["mask"]
    assert left == {str(run): [[1, 1], [4, 4]]}
    bulk(sbk.setQuality("bad", "the trackers were off", runs=[run]))
    value(sbk.getQuality(runs=[run], lfns=[lfn]))
    assert names(sbk.listQualityHistory(run=run), "quality") == ["bad"]


def test_what_a_community_names_is_declared_and_listed(sbk, world):
    name = f"{world.tag}-name"
    release = {"application": "Brunel", "version": name}
    frames = {"series": name, "directory": world.lfn("frames")}
    bulk(sbk.declareEventTypes([{"name": name, "description": "no bias"}]))
    bulk(sbk.declareConditions([{"name": name, "kind": "simulation"}]))
    bulk(sbk.declareSoftware([release]))
    bulk(sbk.setInstalled([release], [{"site": world.site}]))
    bulk(sbk.declareBackgroundFrames([frames | {"valid": True}]))
    bulk(sbk.setFrameSites([frames], [world.site]))
    bulk(sbk.declareMetadataSets([{"name": name, "values": {"energy": 10.58}}]))

    assert names(sbk.listEventTypes(prefix=name), "name") == [name]
    assert name in [known["name"] for known in sbk.iterate("listConditions", limit=1000)]
    assert name in [known["version"] for known in sbk.iterate("listSoftware", limit=1000)]
    assert name in [known["series"] for known in sbk.iterate("listBackgroundFrames", limit=1000)]
    assert names(sbk.listMetadataSets(prefix=name), "values") == [{"energy": 10.58}]


def test_a_production_hands_its_tasks_out_and_says_what_is_missing(sbk, world):
    name = f"{world.tag}-production"
    value(sbk.declareSteps([{"name": name, "application": "Gauss", "version": "v1"}]))
    value(sbk.declarePasses([{"name": name, "steps": [f"{name}@1"]}]))
    events = {"events": 1000, "events_per_task": 500}
    value(sbk.createProduction({"name": name, "pass": f"{name}@1", "events": events}))
    value(sbk.extendProduction(name))

    taken = value(sbk.takeTasks(name, limit=1, site=world.site, key=f"{name}-1"))["tasks"]
    assert [task["task"] for task in taken] == [1]
    value(sbk.setTaskState(name, [1], "running"))
    value(sbk.setTaskState(name, [1], "failed", reason="disk full"))
    assert value(sbk.getTask(name, 1))["state"] == "failed"
    assert [task["task"] for task in sbk.iterate("listTasks", name, limit=10)] == [1, 2]
    value(sbk.resetTasks(name, "the disk is back"))
    value(sbk.expireTasks(production=name))
    assert value(sbk.getProduction(name))["definition"]["name"] == name
    listed = [known["definition"]["name"] for known in sbk.iterate("listProductions", limit=1000)]
    assert name in listed
    assert value(sbk.getProgress(name))["events_wanted"] == 1000
    assert value(sbk.getCompleteness(name))["inputs"] == 0
    assert value(sbk.listMissingInputs(name))["items"] == []
    value(sbk.summarizeFailures(name))
    assert value(sbk.getStep(name))["definition"]["name"] == name
    assert value(sbk.getPass(name))["definition"]["name"] == name
    listed = [known["definition"]["name"] for known in sbk.iterate("listSteps", limit=1000)]
    assert name in listed
    listed = [known["definition"]["name"] for known in sbk.iterate("listPasses", limit=1000)]
    assert name in listed
    value(sbk.changeProduction(name, state="closed", reason="it was a test"))
    assert "closed" in refusal(sbk.takeTasks(name))


def test_a_request_becomes_productions_of_a_campaign(sbk, world):
    name, campaign = f"{world.tag}-request", f"{world.tag}-campaign"
    bulk(sbk.addCampaigns([{"name": campaign, "description": "for the detector report"}]))
    value(sbk.addRequests([{"name": name, "event_type": "uds", "events": 1000}]))
    bulk(sbk.assignRequests(campaign, [name]))
    value(sbk.changeRequest(name, {"events": 2000}))
    value(sbk.cloneRequest(name, new_name=f"{name}-2"))
    value(sbk.setRequestState(name, "submitted"))
    value(sbk.setRequestState(name, "accepted"))
    events = {"events": 2000, "events_per_task": 500}
    split = value(sbk.splitRequest(name, [{"name": f"{name}-p", "events": events}]))

    assert split["created"] == [f"{name}-p"]
    assert value(sbk.getRequest(name))["state"] == "active"
    assert name in [known["name"] for known in sbk.iterate("listRequests", limit=1000)]
    assert len(value(sbk.listRequestHistory(name))["items"]) >= 4
    value(sbk.changeCampaign(campaign, closed=True, reason="complete"))
    assert value(sbk.getCampaign(campaign))["name"] == campaign
    assert campaign in [known["name"] for known in sbk.iterate("listCampaigns", limit=1000)]
