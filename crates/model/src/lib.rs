//! Domain types of the bookkeeping that cannot be wrong.
//!
//! Every type here is made only by parsing, so holding a value means that it is valid. The crate
//! knows no database, no transport and no clock.

mod checksum;
mod guid;
mod invalid;
mod key;
mod name;
mod packed;
mod path;
mod permission;
mod production;
mod quantity;
mod request;
mod section;
mod status;
mod time;

pub use checksum::{Adler32, Checksums, Md5};
pub use guid::Guid;
pub use invalid::Invalid;
pub use key::{
    AuditId, CampaignKey, DatasetKey, DirKey, FileKey, JobKey, ProductionKey, RecipeKey,
    RequestKey, SeKey, TermKey, Totals, fingerprint,
};
pub use name::{
    Application, CampaignName, DatasetName, FieldName, FileType, GroupName, IdempotencyKey,
    JobName, Label, PassName, Pfn, ProductionName, Reason, RequestId, RequestName, SeName,
    SiteName, StepName, UserName, Vo,
};
pub use packed::{pack_numbers, unpack_numbers};
pub use path::{BaseName, DirPath, Lfn};
pub use permission::Permission;
pub use production::{Missing, ProductionKind, ProductionState, TaskState};
pub use quantity::{Events, Mode, Size};
pub use request::{Priority, RequestMover, RequestState};
pub use section::{Intervals, RunNumber, RunSections};
pub use status::{DatasetKind, DatasetStatus, FileStatus, JobState, Quality, ReplicaStatus};
pub use time::Timestamp;
