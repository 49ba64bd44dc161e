//! Operations as DIRAC's clients call them, whatever the transport.

mod answer;
mod arguments;
mod methods;
mod standard;
mod upload;

pub use answer::{Failure, failed, ok};
pub use methods::{Lines, Method, Methods, Parameter};
pub use standard::{Standard, started};
pub use upload::{FileId, Upload};
