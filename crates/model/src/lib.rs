//! Domain types of the bookkeeping that cannot be wrong.
//!
//! Every type here is made only by parsing, so holding a value means that it is valid. The crate
//! knows no database, no transport and no clock.

mod checksum;
mod guid;
mod invalid;
mod key;
mod name;
mod path;
mod permission;
mod quantity;
mod status;
mod time;

pub use checksum::{Adler32, Checksums, Md5};
pub use guid::Guid;
pub use invalid::Invalid;
pub use key::{AuditId, DatasetKey, DirKey, FileKey, SeKey, TermKey, Totals, fingerprint};
pub use name::{
    DatasetName, FieldName, FileType, GroupName, IdempotencyKey, Pfn, Reason, RequestId, SeName,
    SiteName, UserName, Vo,
};
pub use path::{BaseName, DirPath, Lfn};
pub use permission::Permission;
pub use quantity::{Events, Mode, Size};
pub use status::{DatasetKind, DatasetStatus, FileStatus, ReplicaStatus};
pub use time::Timestamp;
