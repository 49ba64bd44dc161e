/// Calls a macro with all operations: `$use! { plain: A, B, …; listing: C, D, … }`.
///
/// Wires take their operations from here, so that a new one appears on all of them.
#[macro_export]
macro_rules! every_operation {
    ($use:ident) => {
        $use! {
            plain:
                DeclareCommunity, DeclareStorageElements, RemoveStorageElement,
                AddFiles, FindFiles, ShowFile, SetFileMetadata, SetFileStatus, RetireFiles,
                RestoreFiles, PurgeFiles,
                AddReplicas, SetReplicaStatus, RemoveReplicas,
                CreateDirectories, ShowDirectory, SetDirectoryMetadata, ChangeDirectory,
                MoveDirectory, RemoveDirectory,
                ShowDataset, AddDatasets, ChangeDataset, RemoveDataset, AddMembers, RemoveMembers,
                FreezeDataset,
                ShowSchema, ApplySchema, PromoteFields,
                CountFiles, ExplainQuery,
                VerifyTotals, ImportRecords;
            listing:
                ListCommunities, ListStorageElements, ListSites,
                ListDirectory, ListDatasets, ListMembers, ListSnapshots, CompareSnapshots,
                ListSchemaVersions, QueryFiles, PostQueryFiles, ListAudit, ExportRecords;
        }
    };
}
