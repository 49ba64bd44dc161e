//! Operations as DIRAC's clients call them, whatever the transport.

mod answer;
mod arguments;
mod dispatch;
pub mod examples;
mod methods;
mod parameter;
mod standard;
mod upload;
pub mod xml_report;

pub use crate::stream::Lines;
pub use dispatch::{Incoming, Kind, dispatch, placed};
pub use methods::{Method, Methods};
pub use parameter::{Kind as ArgumentKind, Parameter};
pub use sbk_dirac::{Failure, failed, ok};
pub use standard::Standard;
pub use upload::{FileId, Upload};
