"""The client of the bookkeeping service SBK."""

import json
import os
import re
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
        only_new: bool = False,
        unique_guids: bool = False,
    ) -> Result:
        """Registers files, 1 to 10,000 a call; what is registered already is left unchanged.

        :param files: dictionaries with ``lfn``, ``size`` and, if known, ``guid``, ``checksums``
            (by algorithm), ``events``, ``file_type``, ``replicas`` (``se``, ``pfn``), ``metadata``
        :param dataset: a dataset that the files join
        :param atomicity: ``all``: nothing is done unless all can be done; ``each``: each on its own
        :param only_new: whether a file that is there already is refused, even if it is the same
        :param unique_guids: whether a file is refused whose GUID another file has

        Example::

            sbk.addFiles([{
                "lfn": "/sbkvo/a.root", "size": 1000, "checksums": {"adler32": "0a0b0c0d"},
                "events": 100, "replicas": [{"se": "CNAF-disk"}], "metadata": {"energy": 91.2},
            }], dataset="raw")
        """
        return self._ask(
            "addFiles",
            files,
            vo=vo,
            dataset=dataset,
            atomicity=atomicity,
            only_new=only_new,
            unique_guids=unique_guids,
        )

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

    def removeFiles(self, lfns: list[str], reason: str) -> Result:
        """Removes files for good and at once, with their replicas; see ``retireFiles``."""
        return self._ask("removeFiles", lfns, reason)

    def changeFiles(self, files: list[dict], *, reason: str | None = None) -> Result:
        """Changes owner, group or permission bits of files.

        Example: ``sbk.changeFiles([{"lfn": "/sbkvo/a.root", "owner": "bob", "mode": "0755"}])``
        """
        return self._ask("changeFiles", files, reason=reason)

    def findGuids(self, guids: list[str]) -> Result:
        """Finds files by the ids that their producers gave them."""
        return self._ask("findGuids", guids)

    # Replicas

    def findReplicas(self, lfns: list[str]) -> Result:
        """Finds the replicas of files, 1 to 10,000 a call."""
        return self._ask("findReplicas", lfns)

    def moveReplicas(self, replicas: list[dict], *, reason: str | None = None) -> Result:
        """Records that replicas are at other storage elements.

        Example: ``sbk.moveReplicas([{"lfn": "/sbkvo/a.root", "se": "disk", "to": "tape"}])``
        """
        return self._ask("moveReplicas", replicas, reason=reason)

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

    def findDirectories(self, paths: list[str]) -> Result:
        """Looks directories up by path, 1 to 10,000 a call."""
        return self._ask("findDirectories", paths)

    def listSubdirectories(
        self,
        path: str,
        *,
        recursive: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists the directories in a directory, or all below it, by path."""
        return self._ask("listSubdirectories", path, recursive=recursive, after=after, limit=limit)

    def queryDirectories(
        self,
        query: str | Metadata,
        *,
        vo: str | None = None,
        below: str | None = None,
        metadata: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Finds directories by a query over the values that hold in them, by path."""
        return self._ask(
            "queryDirectories",
            query,
            vo=vo,
            below=below,
            metadata=metadata,
            after=after,
            limit=limit,
        )

    def listFiles(
        self,
        path: str,
        *,
        replicas: bool = False,
        retired: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists the files directly in a directory with all that is known of them, by name."""
        return self._ask(
            "listFiles", path, replicas=replicas, retired=retired, after=after, limit=limit
        )

    def measureDirectories(
        self, paths: list[str], *, own: bool = False, storage: bool = False
    ) -> Result:
        """Counts files, bytes and directories below directories, also by storage element."""
        return self._ask("measureDirectories", paths, own=own, storage=storage)

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
        description: str | None = None,
        declared: dict | None = None,
        origin: dict | None = None,
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
            description=description,
            declared=declared,
            origin=origin,
            parents=parents,
            sites=sites,
            metadata=metadata,
            reason=reason,
            vo=vo,
        )

    def removeDataset(
        self, name: str, *, reason: str | None = None, vo: str | None = None
    ) -> Result:
        """Removes a dataset that has no files of its own.

        One that is ``temp`` or ``prepared``, or one that a query defines and that is not frozen.
        """
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

    def listSnapshotFiles(
        self,
        name: str,
        version: int,
        *,
        after: str | None = None,
        limit: int | None = None,
        vo: str | None = None,
    ) -> Result:
        """Lists the files of a snapshot, also those that are gone."""
        return self._ask("listSnapshotFiles", name, version, after=after, limit=limit, vo=vo)

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

    def verifyJobs(self, *, repair: bool = False, after: str | None = None) -> Result:
        """Proves the kept counts of jobs; call again with ``after`` until the end."""
        return self._ask("verifyJobs", repair=repair, after=after)

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

    def findStorageElements(self, names: list[str]) -> Result:
        """Looks storage elements up by name."""
        return self._ask("findStorageElements", names)

    def removeStorageElement(self, se: str) -> Result:
        """Removes a storage element that holds no replica."""
        return self._ask("removeStorageElement", se)

    def listHoldings(
        self,
        *,
        owner: str | None = None,
        group: str | None = None,
        vo: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists what the files of each owner and group amount to: files, bytes, events."""
        return self._ask("listHoldings", owner=owner, group=group, vo=vo, after=after, limit=limit)

    def listSites(self, *, after: str | None = None, limit: int | None = None) -> Result:
        """Lists the sites."""
        return self._ask("listSites", after=after, limit=limit)

    # Jobs and provenance

    def reportJob(
        self,
        reports: list[dict | str],
        *,
        vo: str | None = None,
        format: str | None = None,
        name: str | None = None,
        refuse: bool = False,
    ) -> Result:
        """Takes whole reports of jobs, 1 to 1,000 a call, each exactly once.

        A report that comes again gets its first answer. What cannot be taken is kept in the
        quarantine, with the reason.

        :param reports: dictionaries with ``name`` and, if known, ``production``, ``task``,
            ``attempt``, ``state`` (``done``, ``failed``, ``killed``, ``lost``), ``reason``,
            ``site``, ``steps``, ``inputs``, ``outputs`` (as for addFiles, with ``dataset``), times,
            ``metadata``; or the texts of documents in another format
        :param format: ``json`` (the default), ``lhcb``, ``gaudi`` or ``bulk_block``
        :param name: the job's name where the format has none (a Gaudi summary)
        :param refuse: refuse what cannot be taken, and do not keep it

        Example::

            sbk.reportJob([{
                "name": "00012448_00000001_1", "inputs": ["/sbkvo/raw/1.raw"],
                "steps": [{"application": "Brunel", "version": "v50r0"}],
                "outputs": [{"lfn": "/sbkvo/dst/1.dst", "size": 1000, "events": 10,
                             "replicas": [{"se": "CNAF-disk"}], "dataset": "dst-2026"}],
            }])
        """
        return self._ask("reportJob", reports, vo=vo, format=format, name=name, refuse=refuse)

    def getJob(self, name: str, *, vo: str | None = None) -> Result:
        """Shows a job with its steps, inputs, outputs, and the other attempts at its task."""
        return self._ask("getJob", name, vo=vo)

    def listJobs(
        self,
        *,
        vo: str | None = None,
        production: str | None = None,
        task: int | None = None,
        site: str | None = None,
        reason: str | None = None,
        state: str | None = None,
        standing: str | None = None,
        dirac_id: int | None = None,
        since: Any = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists jobs in the order in which their reports came."""
        return self._ask(
            "listJobs",
            vo=vo,
            production=production,
            task=task,
            site=site,
            reason=reason,
            state=state,
            standing=standing,
            dirac_id=dirac_id,
            since=since,
            after=after,
            limit=limit,
        )

    def summarizeJobs(self, *, vo: str | None = None, production: str | None = None) -> Result:
        """Counts jobs, events and time by production, site, reason, state and standing."""
        return self._ask("summarizeJobs", vo=vo, production=production)

    def listQuarantine(
        self,
        *,
        vo: str | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists job reports that could not be taken; those that wait, unless ``state`` is given."""
        return self._ask("listQuarantine", vo=vo, state=state, after=after, limit=limit)

    def getQuarantined(self, entry: str) -> Result:
        """Shows a job report that could not be taken, with its body."""
        return self._ask("getQuarantined", entry)

    def replayQuarantined(
        self,
        entry: str,
        report: dict | None = None,
        *,
        name: str | None = None,
        reason: str | None = None,
    ) -> Result:
        """Tries a job report of the quarantine again, as it is or corrected."""
        given = [] if report is None else [report]
        return self._ask("replayQuarantined", entry, *given, name=name, reason=reason)

    def dismissQuarantined(self, entry: str, reason: str) -> Result:
        """Gives a job report of the quarantine up."""
        return self._ask("dismissQuarantined", entry, reason)

    def getAncestors(
        self,
        lfns: list[str],
        depth: int = 1,
        *,
        retired: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Finds what files were made from, generation by generation.

        Example: ``sbk.getAncestors(["/sbkvo/dst/1.dst"], 5)["Value"]["items"]``
        """
        return self._ask("getAncestors", lfns, depth, retired=retired, after=after, limit=limit)

    def getDescendants(
        self,
        lfns: list[str],
        depth: int = 1,
        *,
        retired: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Finds what was made from files, generation by generation."""
        return self._ask("getDescendants", lfns, depth, retired=retired, after=after, limit=limit)

    def getSiblings(
        self,
        lfns: list[str],
        *,
        retired: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Finds what was made together with files: by the same step of the same job."""
        return self._ask("getSiblings", lfns, retired=retired, after=after, limit=limit)

    def getChain(
        self,
        lfn: str,
        *,
        up: int | None = None,
        down: int | None = None,
        form: str | None = None,
    ) -> Result:
        """Shows how a file came about; ``form`` adds it as ``svg``, ``dot`` or ``prov``."""
        return self._ask("getChain", lfn, up=up, down=down, form=form)

    def listOpenEdges(
        self, *, vo: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Result:
        """Lists files that others were made from and that are not in the catalogue."""
        return self._ask("listOpenEdges", vo=vo, after=after, limit=limit)

    def setParents(self, parents: dict[str, list[str]], *, vo: str | None = None) -> Result:
        """Says what files were made from, where no job is known.

        Example: ``sbk.setParents({"/sbkvo/dst/1.dst": ["/sbkvo/raw/1.raw"]})``
        """
        return self._ask("setParents", parents, vo=vo)

    def sendXMLBookkeepingReport(
        self, xml: str | bytes, *, vo: str | None = None, name: str | None = None
    ) -> Result:
        """Sends the report of a step of a job, or of replicas, as LHCb's jobs do; a repeat changes
        nothing. A report that cannot be taken is kept, and is a failure that names the entry.

        :param xml: the document; bytes are read in the encoding that they declare
        :param name: the job, for documents that do not name it (Gaudi's summaries)
        """
        return self._ask("sendXMLBookkeepingReport", _text(xml), vo=vo, name=name)

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
        return self._ask("getQuality", runs=runs, processing_pass=processing_pass, lfns=lfns, vo=vo)

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

    def declareMetadataSets(
        self,
        sets: list[dict],
        *,
        replace: bool | None = None,
        reason: str | None = None,
        vo: str | None = None,
    ) -> Result:
        """Declares sets of metadata: dictionaries with `name`, `values`, `description`."""
        return self._ask("declareMetadataSets", sets, replace=replace, reason=reason, vo=vo)

    def listMetadataSets(
        self,
        *,
        prefix: str | None = None,
        site: str | None = None,
        vo: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists sets of metadata by name."""
        return self._ask(
            "listMetadataSets", prefix=prefix, site=site, vo=vo, after=after, limit=limit
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

    def declareSteps(
        self,
        steps: list[dict],
        *,
        vo: str | None = None,
        new_version: bool = False,
        reason: str | None = None,
    ) -> Result:
        """Declares steps; a step that is used never changes: a change makes a version.

        :param steps: dictionaries with ``name``, ``application`` and, if known, ``version``,
            ``options``, ``conditions`` (tags by database), ``platform``, ``inputs`` and ``outputs``
            (file types), ``extra``, ``comment``
        :param new_version: a change makes a new version even where nothing uses the old one

        Example: ``sbk.declareSteps([{"name": "Gauss-2026", "application": "Gauss"}])``
        """
        return self._ask("declareSteps", steps, vo=vo, new_version=new_version, reason=reason)

    def getStep(self, step: str, *, vo: str | None = None) -> Result:
        """Shows a step with all its versions; ``step`` is ``name`` or ``name@version``."""
        return self._ask("getStep", step, vo=vo)

    def listSteps(
        self, *, vo: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Result:
        """Lists the newest versions of steps by name."""
        return self._ask("listSteps", vo=vo, after=after, limit=limit)

    def declarePasses(
        self,
        passes: list[dict],
        *,
        vo: str | None = None,
        new_version: bool = False,
        reason: str | None = None,
    ) -> Result:
        """Declares processing passes; one that is used never changes: a change makes a version.

        :param passes: dictionaries with ``name``, ``steps`` (``name@version``, in order) and, if
            known, ``comment``

        Example: ``sbk.declarePasses([{"name": "Sim08", "steps": ["Gauss-2026@1"]}])``
        """
        return self._ask("declarePasses", passes, vo=vo, new_version=new_version, reason=reason)

    def getPass(self, name: str, *, vo: str | None = None) -> Result:
        """Shows a processing pass with its steps and versions, of ``name`` or ``name@version``."""
        return self._ask("getPass", name, vo=vo)

    def listPasses(
        self, *, vo: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Result:
        """Lists the newest versions of processing passes by name."""
        return self._ask("listPasses", vo=vo, after=after, limit=limit)

    def createProduction(self, production: dict, *, vo: str | None = None) -> Result:
        """Creates a production of steps, on an input selection or on event ranges.

        :param production: a dictionary with ``name`` and, if wanted, ``kind``, ``pass`` or
            ``steps``, ``input`` (``query`` or ``dataset``, ``files_per_task``) or ``events``
            (``events``, ``events_per_task``, ``first_event``, ``seed_base``), ``outputs``
            (datasets by file type), ``request``, ``priority``, ``max_attempts``, ``comment``

        Example::

            sbk.createProduction(
                {"name": "p1", "pass": "Sim08", "events": {"events": 1000, "events_per_task": 50}}
            )
        """
        return self._ask("createProduction", production, vo=vo)

    def getProduction(self, name: str, *, vo: str | None = None) -> Result:
        """Shows a production with its steps, inputs or event ranges, outputs and progress."""
        return self._ask("getProduction", name, vo=vo)

    def listProductions(
        self,
        *,
        vo: str | None = None,
        state: str | None = None,
        request: str | None = None,
        processing_pass: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists productions with their progress; archived ones only with ``state="archived"``."""
        options = {"pass": processing_pass}
        return self._ask(
            "listProductions",
            vo=vo,
            state=state,
            request=request,
            after=after,
            limit=limit,
            **options,
        )

    def changeProduction(
        self,
        name: str,
        *,
        reason: str,
        vo: str | None = None,
        state: str | None = None,
        events: int | None = None,
        priority: int | None = None,
        request: str | None = None,
    ) -> Result:
        """Changes a production: pauses, closes, archives it or wants more events of it."""
        return self._ask(
            "changeProduction",
            name,
            vo=vo,
            state=state,
            events=events,
            priority=priority,
            request=request,
            reason=reason,
        )

    def extendProduction(
        self,
        name: str,
        *,
        vo: str | None = None,
        flush: bool = False,
        limit: int | None = None,
        after: str | None = None,
    ) -> Result:
        """Makes tasks of what is new; call again with ``next`` as ``after`` until ``done``.

        :param flush: the last inputs make a task although they are fewer than a task gets
        """
        return self._ask("extendProduction", name, vo=vo, flush=flush, limit=limit, after=after)

    def getProgress(self, name: str, *, vo: str | None = None) -> Result:
        """Shows how far a production is: events wanted, made and in flight, tasks, inputs."""
        return self._ask("getProgress", name, vo=vo)

    def getCompleteness(self, name: str, *, vo: str | None = None) -> Result:
        """Counts the inputs of a production that have no good output, by reason."""
        return self._ask("getCompleteness", name, vo=vo)

    def listMissingInputs(
        self,
        name: str,
        *,
        vo: str | None = None,
        reason: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists the inputs of a production that have no good output, with the reason."""
        return self._ask("listMissingInputs", name, vo=vo, reason=reason, after=after, limit=limit)

    def summarizeFailures(self, name: str, *, vo: str | None = None) -> Result:
        """Counts the jobs of a production that did not do well, by site and reason."""
        return self._ask("summarizeFailures", name, vo=vo)

    def takeTasks(
        self,
        production: str,
        *,
        vo: str | None = None,
        limit: int | None = None,
        site: str | None = None,
        worker: str | None = None,
        lease_seconds: int | None = None,
        retry_failed: bool = False,
        key: str | None = None,
    ) -> Result:
        """Takes tasks of a production, each for one worker, with inputs, seed and events.

        :param key: the caller's own name for this call: the same call again gets the same tasks

        Example: ``sbk.takeTasks("p1", limit=10, site="CNAF", key="pilot-7-1")``
        """
        return self._ask(
            "takeTasks",
            production,
            vo=vo,
            limit=limit,
            site=site,
            worker=worker,
            lease_seconds=lease_seconds,
            retry_failed=retry_failed,
            key=key,
        )

    def setTaskState(
        self,
        production: str,
        tasks: list[int],
        state: str,
        *,
        vo: str | None = None,
        attempt: int | None = None,
        site: str | None = None,
        lease_seconds: int | None = None,
        reason: str | None = None,
    ) -> Result:
        """Changes the state of tasks: submitted, running, failed, abandoned, or created again."""
        return self._ask(
            "setTaskState",
            production,
            tasks,
            state,
            vo=vo,
            attempt=attempt,
            site=site,
            lease_seconds=lease_seconds,
            reason=reason,
        )

    def resetTasks(
        self,
        production: str,
        reason: str,
        *,
        vo: str | None = None,
        failed_for: str | None = None,
    ) -> Result:
        """Makes tasks that have failed ready to be taken again; call again until ``done``."""
        return self._ask("resetTasks", production, reason, vo=vo, failed_for=failed_for)

    def expireTasks(self, *, vo: str | None = None, production: str | None = None) -> Result:
        """Takes tasks back whose leases have ended; call again until ``done``."""
        return self._ask("expireTasks", vo=vo, production=production)

    def listTasks(
        self,
        production: str,
        *,
        vo: str | None = None,
        state: str | None = None,
        site: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists the tasks of a production by number, with a state or at a site."""
        return self._ask(
            "listTasks", production, vo=vo, state=state, site=site, after=after, limit=limit
        )

    def getTask(self, production: str, task: int, *, vo: str | None = None) -> Result:
        """Shows a task with its inputs, and the jobs that have reported for it."""
        return self._ask("getTask", production, task, vo=vo)

    # Requests

    def addRequests(
        self, requests: list[dict], *, vo: str | None = None, atomicity: str | None = None
    ) -> Result:
        """Writes requests for samples as drafts, or templates, 1 to 1,000 a call.

        :param requests: dictionaries with any of ``name``, ``template``, ``event_type``,
            ``generator``, ``events``, ``conditions``, ``release``, ``priority`` (0 to 9),
            ``deadline``, ``comment``, ``campaign``, and ``parameters``, the values that the
            datasets of the sample shall have
        :param atomicity: ``all``: nothing is done unless all can be done; ``each``: each on its own

        Example::

            sbk.addRequests([{
                "name": "B0-2012", "event_type": "B0B0bar_generic", "events": 1000000,
                "parameters": {"session": "fastsim", "dg": "DG_4"},
            }])
        """
        return self._ask("addRequests", requests, vo=vo, atomicity=atomicity)

    def changeRequest(
        self,
        name: str,
        changes: Metadata,
        *,
        vo: str | None = None,
        remove: list[str] | None = None,
        reason: str | None = None,
    ) -> Result:
        """Edits a draft or a template of the caller's; ``remove`` names what is taken out."""
        return self._ask("changeRequest", name, changes, vo=vo, remove=remove, reason=reason)

    def setRequestState(
        self, name: str, state: str, *, vo: str | None = None, reason: str | None = None
    ) -> Result:
        """Moves a request to ``submitted``, ``accepted``, ``rejected``, ``active``, ``done``,
        ``cancelled``, or back to ``draft``."""
        return self._ask("setRequestState", name, state, vo=vo, reason=reason)

    def cloneRequest(
        self,
        name: str,
        *,
        vo: str | None = None,
        new_name: str | None = None,
        template: bool = False,
        changes: Metadata | None = None,
        remove: list[str] | None = None,
    ) -> Result:
        """Writes a new draft like a request or a template, with changes."""
        return self._ask(
            "cloneRequest",
            name,
            vo=vo,
            new_name=new_name,
            template=template,
            changes=changes,
            remove=remove,
        )

    def getRequest(self, name: str, *, vo: str | None = None) -> Result:
        """Shows a request with its history, productions, progress and datasets."""
        return self._ask("getRequest", name, vo=vo)

    def listRequests(
        self,
        *,
        vo: str | None = None,
        state: str | None = None,
        requester: str | None = None,
        campaign: str | None = None,
        event_type: str | None = None,
        templates: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists requests in the order in which they were written, or templates."""
        return self._ask(
            "listRequests",
            vo=vo,
            state=state,
            requester=requester,
            campaign=campaign,
            event_type=event_type,
            templates=templates,
            after=after,
            limit=limit,
        )

    def listRequestHistory(
        self,
        name: str,
        *,
        vo: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists the changes of a request: who, when, from and to which state, and why."""
        return self._ask("listRequestHistory", name, vo=vo, after=after, limit=limit)

    def splitRequest(
        self,
        name: str,
        productions: list[dict],
        *,
        vo: str | None = None,
        attach: list[str] | None = None,
        detach: list[str] | None = None,
    ) -> Result:
        """Splits an accepted request into productions, and makes the datasets of their outputs.

        :param productions: those to create, as ``createProduction`` takes them
        :param attach: names of productions that are there
        :param detach: names of productions that serve the request no longer
        """
        return self._ask("splitRequest", name, productions, vo=vo, attach=attach, detach=detach)

    # Campaigns

    def addCampaigns(
        self, campaigns: list[dict], *, vo: str | None = None, atomicity: str | None = None
    ) -> Result:
        """Declares campaigns: dictionaries with ``name`` and ``description``."""
        return self._ask("addCampaigns", campaigns, vo=vo, atomicity=atomicity)

    def changeCampaign(
        self,
        name: str,
        *,
        vo: str | None = None,
        description: str | None = None,
        closed: bool | None = None,
        reason: str | None = None,
    ) -> Result:
        """Describes, closes or opens a campaign; a closed one takes no more requests."""
        return self._ask(
            "changeCampaign", name, vo=vo, description=description, closed=closed, reason=reason
        )

    def assignRequests(
        self,
        name: str,
        requests: list[str],
        *,
        vo: str | None = None,
        remove: bool = False,
        reason: str | None = None,
    ) -> Result:
        """Puts requests into a campaign, or takes them out."""
        return self._ask("assignRequests", name, requests, vo=vo, remove=remove, reason=reason)

    def getCampaign(self, name: str, *, vo: str | None = None) -> Result:
        """Shows a campaign with the sums over its requests."""
        return self._ask("getCampaign", name, vo=vo)

    def listCampaigns(
        self,
        *,
        vo: str | None = None,
        open: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Lists campaigns in the order of their names, with their requests by state."""
        return self._ask("listCampaigns", vo=vo, open=open, after=after, limit=limit)

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


def _text(xml: str | bytes) -> str:
    """A document as text: HTTPS carries no bytes."""
    if isinstance(xml, str):
        return xml
    declared = re.search(rb"""^<\?xml[^>]*encoding=["']([\w.-]+)["']""", xml)
    return xml.decode(declared[1].decode() if declared else "utf-8")


def _trailing(options: dict[str, Any]) -> list[dict[str, Any]]:
    given = _given(options)
    return [given] if given else []
