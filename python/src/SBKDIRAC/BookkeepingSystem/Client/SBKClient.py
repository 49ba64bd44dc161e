"""The client of the bookkeeping service SBK."""

import json
import os
from collections.abc import Iterator
from typing import Any

from DIRAC.Core.Base.Client import Client
from DIRAC.Core.DISET import DEFAULT_RPC_TIMEOUT
from DIRAC.Core.Tornado.Client.ClientSelector import TransferClientSelector
from DIRAC.Core.Utilities.ReturnValues import returnValueOrRaise

Result = dict[str, Any]
Metadata = dict[str, Any]


class SBKClient(Client):
    """Asks SBK, over DISET or HTTPS as ``/Systems/Bookkeeping/URLs/SBK`` says.

    Every method returns a result structure. Its ``Value`` is:

    * for a call about many things ``{"Successful": {name: …}, "Failed": {name: text}}``,
    * for a list ``{"items": […], "next": cursor}``, the cursor being None on the last page,
    * else a dictionary. Times are datetimes in UTC.

    Keywords are options: those that are left out are not sent. ``vo`` is the community; without it
    that of the caller's group is meant. ``after`` is the ``next`` of the page before, ``limit`` the
    most items of a page. ``reason`` goes into the audit trail.

    Keyword arguments of the constructor are those of DIRAC's clients, for instance ``url``,
    ``timeout``, ``useCertificates``, ``delegatedDN``. An object must not be shared by threads.

    Example::

        >>> from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient
        >>> sbk = SBKClient()
        >>> sbk.countFiles("energy > 89 GeV")
        {'OK': True, 'Value': {'files': 3, 'bytes': 3000, 'events': 300}, ...}
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.setServer(kwargs.get("url") or "Bookkeeping/SBK")

    def _ask(self, method: str, *args: Any, **options: Any) -> Result:
        """Calls a method; the options that were given follow as one dictionary."""
        return self.executeRPC(*args, *_trailing(options), call=method)

    # Every service has these

    def ping(self) -> Result:
        """Says which version runs, on what host and since when."""
        return self._ask("ping")

    def whoami(self) -> Result:
        """Says who the service takes the caller for."""
        return self._ask("whoami")

    def echo(self, text: str) -> Result:
        """Answers the text."""
        return self._ask("echo", text)

    # Files

    def addFiles(
        self,
        files: list[dict],
        *,
        vo: str | None = None,
        dataset: str | None = None,
        atomicity: str | None = None,
    ) -> Result:
        """Registers files, 1 to 10,000 a call; what is registered already is left unchanged.

        :param files: dictionaries with ``lfn``, ``size`` and, if known, ``guid``, ``checksums``
            (by algorithm), ``events``, ``file_type``, ``replicas`` (``se``, ``pfn``), ``metadata``
        :param dataset: a dataset that the files join
        :param atomicity: ``all``: nothing is done unless all can be done; ``each``: each on its own

        Example::

            sbk.addFiles([{
                "lfn": "/sbkvo/a.root", "size": 1000, "checksums": {"adler32": "0a0b0c0d"},
                "events": 100, "replicas": [{"se": "CNAF-disk"}], "metadata": {"energy": 91.2},
            }], dataset="raw")
        """
        return self._ask("addFiles", files, vo=vo, dataset=dataset, atomicity=atomicity)

    def getFiles(
        self,
        lfns: list[str],
        *,
        replicas: bool = False,
        metadata: bool = False,
        datasets: bool = False,
    ) -> Result:
        """Looks files up by name.

        Example: ``sbk.getFiles(["/sbkvo/a.root"], replicas=True)``
        """
        return self._ask("getFiles", lfns, replicas=replicas, metadata=metadata, datasets=datasets)

    def getFile(self, lfn: str) -> Result:
        """Shows one file with its replicas, metadata and datasets."""
        return self._ask("getFile", lfn)

    def setMetadata(self, files: dict[str, Metadata], *, atomicity: str | None = None) -> Result:
        """Sets metadata of files; a value of None removes a field.

        Example: ``sbk.setMetadata({"/sbkvo/a.root": {"energy": 91.2, "run": None}})``
        """
        return self._ask("setMetadata", files, atomicity=atomicity)

    def setFileStatus(self, lfns: list[str], status: str, *, reason: str | None = None) -> Result:
        """Changes the state of files between ``good``, ``bad`` and ``lost``."""
        return self._ask("setFileStatus", lfns, status, reason=reason)

    def retireFiles(
        self,
        lfns: list[str],
        reason: str,
        *,
        grace_seconds: int | None = None,
        preview: bool = False,
    ) -> Result:
        """Takes files out of the catalogue; they can be restored until the grace period ends.

        Example: ``sbk.retireFiles(["/sbkvo/a.root"], "wrong calibration", preview=True)``
        """
        return self._ask("retireFiles", lfns, reason, grace_seconds=grace_seconds, preview=preview)

    def restoreFiles(self, lfns: list[str], reason: str) -> Result:
        """Brings retired files back."""
        return self._ask("restoreFiles", lfns, reason)

    def purgeFiles(self, *, limit: int | None = None) -> Result:
        """Removes retired files whose grace period is over; call again until ``done``."""
        return self._ask("purgeFiles", limit=limit)

    # Replicas

    def addReplicas(self, replicas: list[dict], *, atomicity: str | None = None) -> Result:
        """Records that files have a replica; without ``pfn`` it follows from the storage element.

        Example: ``sbk.addReplicas([{"lfn": "/sbkvo/a.root", "se": "CNAF-disk"}])``
        """
        return self._ask("addReplicas", replicas, atomicity=atomicity)

    def setReplicaStatus(
        self, replicas: list[dict], status: str, *, reason: str | None = None
    ) -> Result:
        """Changes the state of replicas.

        :param replicas: dictionaries with ``lfn`` and ``se``
        :param status: ``available``, ``copying``, ``staging``, ``bad`` or ``retired``
        """
        return self._ask("setReplicaStatus", replicas, status, reason=reason)

    def removeReplicas(self, replicas: list[dict], reason: str) -> Result:
        """Removes the record of replicas, dictionaries with ``lfn`` and ``se``, for good."""
        return self._ask("removeReplicas", replicas, reason)

    # Directories

    def createDirectories(self, directories: list[str | dict], *, vo: str | None = None) -> Result:
        """Creates directories, and those above them as needed.

        :param directories: paths, or dictionaries with ``path`` and, if wanted, ``owner``,
            ``group``, ``mode`` (octal text) and ``metadata``

        Example: ``sbk.createDirectories([{"path": "/sbkvo/raw", "mode": "0755"}])``
        """
        return self._ask("createDirectories", directories, vo=vo)

    def getDirectory(self, path: str) -> Result:
        """Shows a directory with its metadata and the totals of all files below it."""
        return self._ask("getDirectory", path)

    def listDirectory(
        self,
        path: str,
        *,
        after: str | None = None,
        limit: int | None = None,
        retired: bool = False,
    ) -> Result:
        """Lists what is directly in a directory: directories first, each kind by name."""
        return self._ask("listDirectory", path, after=after, limit=limit, retired=retired)

    def setDirectoryMetadata(
        self, path: str, metadata: Metadata, *, after: str | None = None
    ) -> Result:
        """Sets metadata on a directory, which all below it inherit; None removes a field.

        A large tree takes several calls: call again with ``after`` until ``next`` is absent.
        """
        return self._ask("setDirectoryMetadata", path, metadata, after=after)

    def changeDirectory(
        self,
        path: str,
        *,
        owner: str | None = None,
        group: str | None = None,
        mode: str | None = None,
        recursive: bool = False,
        after: str | None = None,
        reason: str | None = None,
    ) -> Result:
        """Changes owner, group or mode, which is octal text; call again until ``done``."""
        return self._ask(
            "changeDirectory",
            path,
            owner=owner,
            group=group,
            mode=mode,
            recursive=recursive,
            after=after,
            reason=reason,
        )

    def moveDirectory(self, source: str, target: str, *, reason: str | None = None) -> Result:
        """Moves a directory with all that is below it; call again until ``done``."""
        return self._ask("moveDirectory", source, target, reason=reason)

    def removeDirectory(
        self,
        path: str,
        reason: str,
        *,
        recursive: bool = False,
        preview: bool = False,
        grace_seconds: int | None = None,
        after: str | None = None,
    ) -> Result:
        """Removes a directory; recursively, its files are retired. Call again until ``done``."""
        return self._ask(
            "removeDirectory",
            path,
            reason,
            recursive=recursive,
            preview=preview,
            grace_seconds=grace_seconds,
            after=after,
        )

    # Datasets

    def getDatasets(
        self,
        *,
        vo: str | None = None,
        expr: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists datasets by name, all or those that a query matches.

        Example: ``sbk.getDatasets(expr="status = open and generator = pythia")``
        """
        return self._ask("getDatasets", vo=vo, expr=expr, after=after, limit=limit)

    def getDataset(self, name: str, *, vo: str | None = None) -> Result:
        """Shows a dataset with its totals, parents and metadata."""
        return self._ask("getDataset", name, vo=vo)

    def addDatasets(
        self, datasets: list[dict], *, vo: str | None = None, atomicity: str | None = None
    ) -> Result:
        """Creates datasets, 1 to 1,000 a call.

        :param datasets: dictionaries with ``name`` and, if wanted, ``kind`` (``official`` or
            ``personal``), ``status``, ``query`` (which then defines the files), ``parents``,
            ``sites``, ``declared``, ``documents``, ``metadata``

        Example: ``sbk.addDatasets([{"name": "raw", "metadata": {"session": "fastsim"}}])``
        """
        return self._ask("addDatasets", datasets, vo=vo, atomicity=atomicity)

    def changeDataset(
        self,
        name: str,
        *,
        status: str | None = None,
        owner: str | None = None,
        parents: list[str] | None = None,
        sites: list[str] | None = None,
        metadata: Metadata | None = None,
        reason: str | None = None,
        vo: str | None = None,
    ) -> Result:
        """Changes a dataset; parents and sites replace those so far.

        Example: ``sbk.changeDataset("raw", status="closed", reason="all runs are in")``
        """
        return self._ask(
            "changeDataset",
            name,
            status=status,
            owner=owner,
            parents=parents,
            sites=sites,
            metadata=metadata,
            reason=reason,
            vo=vo,
        )

    def removeDataset(
        self, name: str, *, reason: str | None = None, vo: str | None = None
    ) -> Result:
        """Removes a dataset that is ``temp`` or ``prepared`` and has no files."""
        return self._ask("removeDataset", name, reason=reason, vo=vo)

    def addMembers(self, name: str, lfns: list[str], *, vo: str | None = None) -> Result:
        """Adds files to a dataset."""
        return self._ask("addMembers", name, lfns, vo=vo)

    def removeMembers(
        self, name: str, lfns: list[str], *, reason: str | None = None, vo: str | None = None
    ) -> Result:
        """Takes files out of a dataset."""
        return self._ask("removeMembers", name, lfns, reason=reason, vo=vo)

    def listMembers(
        self,
        name: str,
        *,
        after: str | None = None,
        limit: int | None = None,
        vo: str | None = None,
    ) -> Result:
        """Lists the files of a dataset."""
        return self._ask("listMembers", name, after=after, limit=limit, vo=vo)

    def freezeDataset(
        self,
        name: str,
        *,
        snapshot_only: bool = False,
        reason: str | None = None,
        vo: str | None = None,
    ) -> Result:
        """Takes a snapshot of a dataset, and freezes it unless ``snapshot_only``."""
        return self._ask("freezeDataset", name, snapshot_only=snapshot_only, reason=reason, vo=vo)

    def listSnapshots(
        self,
        name: str,
        *,
        after: str | None = None,
        limit: int | None = None,
        vo: str | None = None,
    ) -> Result:
        """Lists the snapshots of a dataset."""
        return self._ask("listSnapshots", name, after=after, limit=limit, vo=vo)

    def compareSnapshots(
        self,
        name: str,
        older: int,
        newer: int,
        *,
        after: str | None = None,
        limit: int | None = None,
        vo: str | None = None,
    ) -> Result:
        """Lists the files that were added, removed or changed between two snapshots.

        Example: ``sbk.compareSnapshots("raw", 1, 2)``
        """
        return self._ask("compareSnapshots", name, older, newer, after=after, limit=limit, vo=vo)

    # Schemas

    def getSchema(self, *, vo: str | None = None) -> Result:
        """Shows the metadata fields that a community declares."""
        return self._ask("getSchema", vo=vo)

    def listSchemaVersions(
        self, *, vo: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Result:
        """Lists the versions of a community's schema, the newest first."""
        return self._ask("listSchemaVersions", vo=vo, after=after, limit=limit)

    def applySchema(
        self,
        toml: str,
        *,
        vo: str | None = None,
        dry_run: bool = False,
        reason: str | None = None,
    ) -> Result:
        """Applies a schema, the text of a TOML file, or says what that would change."""
        return self._ask("applySchema", toml, vo=vo, dry_run=dry_run, reason=reason)

    def promoteFields(self, *, limit: int | None = None) -> Result:
        """Goes on with making new fields searchable; call again until ``done``."""
        return self._ask("promoteFields", limit=limit)

    # Queries

    def findFiles(
        self,
        query: str | Metadata,
        *,
        vo: str | None = None,
        replicas: bool = False,
        metadata: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Finds files by a query: text, or a dictionary as DIRAC's catalogue takes it.

        Example::

            sbk.findFiles("energy > 89 GeV and generator in (a, b) order by lfn", limit=10)
            sbk.findFiles({"energy": {">": 89}, "generator": ["a", "b"]}, replicas=True)
        """
        return self._ask(
            "findFiles",
            query,
            vo=vo,
            replicas=replicas,
            metadata=metadata,
            after=after,
            limit=limit,
        )

    def countFiles(self, query: str | Metadata, *, vo: str | None = None) -> Result:
        """Counts the files that a query matches, with their bytes and events."""
        return self._ask("countFiles", query, vo=vo)

    def explainQuery(self, query: str | Metadata, *, vo: str | None = None) -> Result:
        """Says how a query would be run: plan, estimated count, warnings."""
        return self._ask("explainQuery", query, vo=vo)

    # Administration

    def verifyTotals(self, *, repair: bool = False, after: str | None = None) -> Result:
        """Proves the kept totals against the files; call again with ``after`` until the end."""
        return self._ask("verifyTotals", repair=repair, after=after)

    def listAudit(
        self,
        *,
        lfn: str | None = None,
        directory: str | None = None,
        dataset: str | None = None,
        vo: str | None = None,
        actor: str | None = None,
        operation: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists who changed what, when and why, the newest first.

        Example: ``sbk.listAudit(lfn="/sbkvo/a.root")``
        """
        return self._ask(
            "listAudit",
            lfn=lfn,
            directory=directory,
            dataset=dataset,
            vo=vo,
            actor=actor,
            operation=operation,
            after=after,
            limit=limit,
        )

    def exportRecords(
        self, *, vo: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Result:
        """Exports everything, one record after the other, in an order that can be imported."""
        return self._ask("exportRecords", vo=vo, after=after, limit=limit)

    def importRecords(self, records: list[dict]) -> Result:
        """Imports records as they were exported, 1 to 10,000 a call."""
        return self._ask("importRecords", records)

    def listCommunities(self, *, after: str | None = None, limit: int | None = None) -> Result:
        """Lists the communities with their totals."""
        return self._ask("listCommunities", after=after, limit=limit)

    def declareCommunity(self, vo: str) -> Result:
        """Declares a community."""
        return self._ask("declareCommunity", vo)

    def listStorageElements(self, *, after: str | None = None, limit: int | None = None) -> Result:
        """Lists the storage elements with what they hold."""
        return self._ask("listStorageElements", after=after, limit=limit)

    def declareStorageElements(self, elements: list[dict]) -> Result:
        """Declares storage elements, and their sites where they are new.

        Example::

            sbk.declareStorageElements([
                {"name": "CNAF-disk", "site": "CNAF", "pfn_prefix": "root://cnaf.example/data"},
            ])
        """
        return self._ask("declareStorageElements", elements)

    def removeStorageElement(self, se: str) -> Result:
        """Removes a storage element that holds no replica."""
        return self._ask("removeStorageElement", se)

    def listSites(self, *, after: str | None = None, limit: int | None = None) -> Result:
        """Lists the sites."""
        return self._ask("listSites", after=after, limit=limit)

    # Jobs and provenance

    # Runs, quality, conditions

    def declareRuns(
        self, runs: list[dict], *, replace: bool | None = None, vo: str | None = None
    ) -> Result:
        """Declares runs.

        :param runs: dictionaries with `run`, and where known `fill`, `started`, `ended`,
            `conditions`, `events`, `sections`, `streams`, `details`
        :param replace: whether to change a run that was declared otherwise
        """
        return self._ask("declareRuns", runs, replace=replace, vo=vo)

    def getRun(self, run: int, *, unit: str | None = None, vo: str | None = None) -> Result:
        """Shows a run with its luminosity and quality."""
        return self._ask("getRun", run, unit=unit, vo=vo)

    def listRuns(
        self,
        *,
        vo: str | None = None,
        first: int | None = None,
        last: int | None = None,
        fill: int | None = None,
        conditions: str | None = None,
        since: str | None = None,
        until: str | None = None,
        quality: str | None = None,
        processing_pass: str | None = None,
        unit: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists runs by number.

        :param processing_pass: the one whose quality is meant
        """
        return self._ask(
            "listRuns",
            vo=vo,
            first=first,
            last=last,
            fill=fill,
            conditions=conditions,
            since=since,
            until=until,
            quality=quality,
            processing_pass=processing_pass,
            unit=unit,
            after=after,
            limit=limit,
        )

    def declareFills(
        self, fills: list[dict], *, replace: bool | None = None, vo: str | None = None
    ) -> Result:
        """Declares fills: dictionaries with `fill`, `started`, `ended`, `details`."""
        return self._ask("declareFills", fills, replace=replace, vo=vo)

    def listFills(
        self, *, vo: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Result:
        """Lists fills of the accelerator."""
        return self._ask("listFills", vo=vo, after=after, limit=limit)

    def setLuminosity(
        self, runs: list[dict], unit: str, *, reason: str | None = None, vo: str | None = None
    ) -> Result:
        """Sets the luminosity of runs, in place of what was known.

        :param runs: dictionaries with `run`, and either `recorded`, `delivered` (a value a section,
            from the section `first` on) or `recorded_total`, `delivered_total`
        :param unit: the unit of all values, for instance `pb-1`
        """
        return self._ask("setLuminosity", runs, unit, reason=reason, vo=vo)

    def getRunLuminosity(
        self,
        run: int,
        *,
        unit: str | None = None,
        totals: bool | None = None,
        vo: str | None = None,
    ) -> Result:
        """Shows the luminosity of a run, section by section."""
        return self._ask("getRunLuminosity", run, unit=unit, totals=totals, vo=vo)

    def setSections(
        self, files: dict[str, dict[str, list]], *, replace: bool | None = None
    ) -> Result:
        """Says which luminosity sections files hold events of.

        :param files: masks `{"run": [[first, last], ...]}` by LFN
        """
        return self._ask("setSections", files, replace=replace)

    def getSections(self, lfns: list[str]) -> Result:
        """Shows which luminosity sections files hold events of."""
        return self._ask("getSections", lfns)

    def getLuminosity(self, of: dict, *, unit: str | None = None, vo: str | None = None) -> Result:
        """Sums the luminosity of sections up, each once, however many files have it.

        :param of: `dataset`, `expr`, `where`, `lfns`, `mask`, `runs`, `quality`,
            `processing_pass`
        """
        return self._ask("getLuminosity", of, unit=unit, vo=vo)

    def exportMask(self, of: dict, *, vo: str | None = None) -> Result:
        """Gives sections as a mask; `of` is as for `getLuminosity`."""
        return self._ask("exportMask", of, vo=vo)

    def combineMasks(self, rule: str, of: list[dict], *, vo: str | None = None) -> Result:
        """Puts sections together by `or`, `and`, `sub` or `xor`; `of` as for `getLuminosity`."""
        return self._ask("combineMasks", rule, of, vo=vo)

    def setQuality(
        self,
        quality: str,
        reason: str,
        *,
        runs: list[int] | None = None,
        processing_pass: str | None = None,
        lfns: list[str] | None = None,
        descendants: bool | None = None,
        preview: bool | None = None,
        vo: str | None = None,
    ) -> Result:
        """Says what was found of the quality of runs or files.

        :param quality: `ok`, `maybe`, `bad`, or `unchecked`, which takes back what was said
        :param descendants: whether to pass it on to what was made from the files, and to the files
            of the runs
        :param processing_pass: that of the runs; all when absent
        """
        return self._ask(
            "setQuality",
            quality,
            reason,
            runs=runs,
            processing_pass=processing_pass,
            lfns=lfns,
            descendants=descendants,
            preview=preview,
            vo=vo,
        )

    def getQuality(
        self,
        *,
        runs: list[int] | None = None,
        processing_pass: str | None = None,
        lfns: list[str] | None = None,
        vo: str | None = None,
    ) -> Result:
        """Shows the quality of runs and files, and where it comes from."""
        return self._ask(
            "getQuality", runs=runs, processing_pass=processing_pass, lfns=lfns, vo=vo
        )

    def listQualityHistory(
        self,
        *,
        run: int | None = None,
        processing_pass: str | None = None,
        lfn: str | None = None,
        vo: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists all that was said of the quality of a run or a file."""
        return self._ask(
            "listQualityHistory",
            run=run,
            processing_pass=processing_pass,
            lfn=lfn,
            vo=vo,
            after=after,
            limit=limit,
        )

    def declareEventTypes(
        self,
        event_types: list[dict],
        *,
        replace: bool | None = None,
        reason: str | None = None,
        vo: str | None = None,
    ) -> Result:
        """Declares types of events: dictionaries with `name`, `description`, `parameters`."""
        return self._ask("declareEventTypes", event_types, replace=replace, reason=reason, vo=vo)

    def listEventTypes(
        self,
        *,
        prefix: str | None = None,
        site: str | None = None,
        vo: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists types of events by name."""
        return self._ask(
            "listEventTypes", prefix=prefix, site=site, vo=vo, after=after, limit=limit
        )

    def declareConditions(
        self,
        conditions: list[dict],
        *,
        replace: bool | None = None,
        reason: str | None = None,
        vo: str | None = None,
    ) -> Result:
        """Declares conditions: dictionaries with `name`, `kind`, `description`, `parameters`.

        The kind is `data_taking` or `simulation`.
        """
        return self._ask("declareConditions", conditions, replace=replace, reason=reason, vo=vo)

    def listConditions(
        self,
        *,
        prefix: str | None = None,
        site: str | None = None,
        vo: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists conditions of data taking and simulation by name."""
        return self._ask(
            "listConditions", prefix=prefix, site=site, vo=vo, after=after, limit=limit
        )

    def declareSoftware(
        self,
        software: list[dict],
        *,
        replace: bool | None = None,
        reason: str | None = None,
        vo: str | None = None,
    ) -> Result:
        """Declares releases: dictionaries with `application`, `version`, `platform`, and more."""
        return self._ask("declareSoftware", software, replace=replace, reason=reason, vo=vo)

    def listSoftware(
        self,
        *,
        prefix: str | None = None,
        site: str | None = None,
        vo: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists releases of programs with the sites where they are installed."""
        return self._ask("listSoftware", prefix=prefix, site=site, vo=vo, after=after, limit=limit)

    def setInstalled(
        self,
        releases: list[dict],
        places: list[dict],
        *,
        removed: bool | None = None,
        vo: str | None = None,
    ) -> Result:
        """Says where releases are installed: places are dictionaries with `site`, `activity`."""
        return self._ask("setInstalled", releases, places, removed=removed, vo=vo)

    def declareBackgroundFrames(
        self,
        frames: list[dict],
        *,
        replace: bool | None = None,
        reason: str | None = None,
        vo: str | None = None,
    ) -> Result:
        """Declares background frames: dictionaries with `series`, `directory`, `valid`, more."""
        return self._ask("declareBackgroundFrames", frames, replace=replace, reason=reason, vo=vo)

    def listBackgroundFrames(
        self,
        *,
        prefix: str | None = None,
        site: str | None = None,
        vo: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists sets of background frames with the sites that hold them."""
        return self._ask(
            "listBackgroundFrames", prefix=prefix, site=site, vo=vo, after=after, limit=limit
        )

    def setFrameSites(
        self,
        frames: list[dict],
        sites: list[str],
        *,
        removed: bool | None = None,
        vo: str | None = None,
    ) -> Result:
        """Says which sites hold background frames: dictionaries with `series`, `directory`."""
        return self._ask("setFrameSites", frames, sites, removed=removed, vo=vo)

    # Productions

    # Requests

    # Long lists

    def iterate(self, method: str, *args: Any, **options: Any) -> Iterator[dict]:
        """Goes through all pages of a list, item by item.

        :raises DIRAC.Core.Utilities.ReturnValues.SErrorException: when a page is refused

        Example::

            for file in sbk.iterate("findFiles", "energy > 89 GeV", limit=1000):
                print(file["lfn"])
        """
        while True:
            page = returnValueOrRaise(getattr(self, method)(*args, **options))
            yield from page["items"]
            options["after"] = page.get("next")
            if not options["after"]:
                return

    def download(self, path: str | os.PathLike, method: str, *args: Any, **options: Any) -> Result:
        """Writes a whole list to a file, one JSON object a line; better than pages when long.

        Example: ``sbk.download("found.ndjson", "findFiles", "energy > 89 GeV", replicas=True)``
        """
        wanted = json.dumps({"method": method, "args": [*args, *_trailing(options)]})
        # A list that breaks off must not look like one that is complete.
        part = f"{os.fspath(path)}.part"
        result = self._transfer().receiveFile(part, wanted)
        if result["OK"]:
            os.replace(part, path)
        elif os.path.exists(part):
            os.remove(part)
        return result

    def upload(self, path: str | os.PathLike, method: str, *args: Any, **options: Any) -> Result:
        """Sends a whole file, one JSON object a line, to a method that takes a list.

        :param args: the arguments of the method other than the list

        The value is ``{"Lines": …, "SuccessfulCount": …, "FailedCount": …, "Failed": {…}}``.

        Examples::

            sbk.upload("files.ndjson", "addFiles", dataset="raw")
            sbk.upload("lost.txt", "setFileStatus", "lost", reason="disk broken")
        """
        destination: dict[str, Any] = {"method": method}
        if args:
            destination["args"] = args
        if given := _given(options):
            destination["options"] = given
        return self._transfer().sendFile(os.fspath(path), json.dumps(destination))

    def _transfer(self) -> Any:
        kwargs = {"timeout": DEFAULT_RPC_TIMEOUT} | self.getClientKWArgs()
        return TransferClientSelector(self.getServer(), **kwargs)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in options.items() if value is not None and value is not False
    }


def _trailing(options: dict[str, Any]) -> list[dict[str, Any]]:
    given = _given(options)
    return [given] if given else []
