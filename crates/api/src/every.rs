/// Calls a macro with all operations: `$use! { plain: A, B, …; listing: C, D, … }`.
///
/// Wires take their operations from here, so that a new one appears on all of them.
#[macro_export]
macro_rules! every_operation {
    ($use:ident) => {
        $use! {
            plain:
                $crate::DeclareCommunity, $crate::DeclareStorageElements, $crate::RemoveStorageElement, $crate::FindStorageElements,
                $crate::AddFiles, $crate::GetFiles, $crate::GetFile, $crate::SetMetadata, $crate::SetFileStatus, $crate::RetireFiles,
                $crate::RestoreFiles, $crate::PurgeFiles, $crate::RemoveFiles, $crate::ChangeFiles, $crate::FindGuids,
                $crate::AddReplicas, $crate::FindReplicas, $crate::MoveReplicas, $crate::SetReplicaStatus, $crate::RemoveReplicas,
                $crate::CreateDirectories, $crate::FindDirectories, $crate::MeasureDirectories, $crate::GetDirectory, $crate::SetDirectoryMetadata, $crate::ChangeDirectory,
                $crate::MoveDirectory, $crate::RemoveDirectory,
                $crate::GetDataset, $crate::AddDatasets, $crate::ChangeDataset, $crate::RemoveDataset, $crate::AddMembers, $crate::RemoveMembers,
                $crate::FreezeDataset,
                $crate::GetSchema, $crate::ApplySchema, $crate::PromoteFields,
                $crate::CountFiles, $crate::ExplainQuery,
                // Jobs and provenance
                $crate::ReportJob, $crate::GetJob, $crate::SummarizeJobs, $crate::GetQuarantined,
                $crate::ReplayQuarantined, $crate::DismissQuarantined, $crate::GetChain, $crate::SetParents,
                // Runs, quality, conditions
                $crate::DeclareRuns, $crate::GetRun, $crate::DeclareFills, $crate::SetLuminosity, $crate::GetRunLuminosity,
                $crate::SetSections, $crate::GetSections, $crate::GetLuminosity, $crate::ExportMask, $crate::CombineMasks,
                $crate::SetQuality, $crate::GetQuality,
                $crate::DeclareEventTypes, $crate::DeclareConditions, $crate::DeclareSoftware, $crate::SetInstalled,
                $crate::DeclareBackgroundFrames, $crate::SetFrameSites, $crate::DeclareMetadataSets,
                // Productions
                $crate::DeclareSteps, $crate::GetStep, $crate::DeclarePasses, $crate::GetPass,
                $crate::CreateProduction, $crate::GetProduction, $crate::ChangeProduction,
                $crate::ExtendProduction, $crate::GetProgress, $crate::GetCompleteness,
                $crate::SummarizeFailures, $crate::TakeTasks, $crate::SetTaskState,
                $crate::ResetTasks, $crate::ExpireTasks, $crate::GetTask,
                // Requests
                $crate::AddRequests, $crate::ChangeRequest, $crate::SetRequestState, $crate::CloneRequest, $crate::GetRequest, $crate::SplitRequest,
                $crate::AddCampaigns, $crate::ChangeCampaign, $crate::AssignRequests, $crate::GetCampaign,
                // Administration
                $crate::VerifyTotals, $crate::VerifyJobs, $crate::ImportRecords;
            listing:
                $crate::ListCommunities, $crate::ListStorageElements, $crate::ListSites, $crate::ListHoldings,
                $crate::ListDirectory, $crate::ListSubdirectories, $crate::QueryDirectories, $crate::ListFiles, $crate::GetDatasets, $crate::ListMembers, $crate::ListSnapshots, $crate::ListSnapshotFiles, $crate::CompareSnapshots,
                $crate::ListSchemaVersions, $crate::FindFiles, $crate::PostFindFiles, $crate::ListAudit, $crate::ExportRecords,
                // Runs, quality, conditions
                $crate::ListRuns, $crate::ListFills, $crate::ListQualityHistory, $crate::ListEventTypes,
                $crate::ListConditions, $crate::ListSoftware, $crate::ListBackgroundFrames, $crate::ListMetadataSets,
                // Productions
                $crate::ListSteps, $crate::ListPasses, $crate::ListProductions, $crate::ListTasks,
                $crate::ListMissingInputs,
                // Requests
                $crate::ListRequests, $crate::ListRequestHistory, $crate::ListCampaigns,
                // Jobs and provenance
                $crate::ListJobs, $crate::ListQuarantine,
                $crate::GetAncestors, $crate::GetDescendants, $crate::GetSiblings, $crate::ListOpenEdges;
        }
    };
}
