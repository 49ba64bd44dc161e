//! DISET, the protocol of DIRAC's services: values in frames over a stream, and a client.
//!
//! A [`Link`] sends and receives values and takes care of keep-alives; the server uses one for each
//! connection. The [`Client`] makes one call per connection, as DIRAC's own does.

mod client;
mod link;
mod result;

pub use client::{Call, Client};
pub use link::{Link, LinkError};
pub use result::{CallError, outcome};
