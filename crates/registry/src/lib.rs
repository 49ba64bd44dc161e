//! Who may do what: DIRAC's configuration, its registry of users and groups, and its rules.
//!
//! [`Cfg`] reads the syntax of `dirac.cfg`. [`Registry`] is its section `/Registry`, [`Rules`] and
//! [`PermissionMap`] are the sections `Authorization` and `Permissions` of a service.
//! [`Registry::authorise`] is the one door: it says who a connection is and whether it may call a
//! method. [`check`] finds what an administrator probably did not mean.
//!
//! Certificates and tokens are verified elsewhere: a [`Claim`] states only what is proven, but for
//! the group, which is the caller's own statement and is held against the registry on every call.
//!
//! # Where there is no DIRAC installation
//!
//! The same syntax serves as a file of local users; nothing but `/Registry` is needed for it:
//!
//! ```
//! let text = "
//! Registry
//! {
//!   DefaultGroup = people
//!   Users
//!   {
//!     anna
//!     {
//!       DN = /C=it/O=Example/CN=Anna
//!     }
//!   }
//!   Groups
//!   {
//!     people
//!     {
//!       Users = anna
//!       Properties = NormalUser
//!       VO = superb
//!     }
//!   }
//! }";
//! let cfg = sbk_registry::Cfg::parse(text)?;
//! let registry = sbk_registry::Registry::from_cfg(&cfg).expect("the section is there");
//! assert_eq!(registry.default_group("anna"), Some("people"));
//! # Ok::<(), sbk_registry::CfgError>(())
//! ```
//!
//! The crate knows no transport, no database, no file and no clock.

mod admission;
mod cfg;
mod check;
mod claim;
mod denial;
mod finding;
mod identify;
mod permissions;
mod registry;
mod rule;
mod rules;

pub use admission::Admission;
pub use cfg::{Cfg, CfgError, CfgErrorKind, Item, read_hostile};
pub use check::check;
pub use claim::{Claim, ExtraCredentials, Identity, Kind};
pub use denial::{Denial, Step};
pub use finding::{Finding, Severity, nearest};
pub use permissions::PermissionMap;
pub use registry::{Group, Host, Registry, User, VoEntry};
pub use rule::Rule;
pub use rules::{Method, Rules, Service};
