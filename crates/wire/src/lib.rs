//! What DIRAC's clients and servers say to one another, as bytes: frames, and the two encodings of
//! their contents.
//!
//! Nothing here reads or waits: bytes come in, values go out. Every length is held against a bound
//! before anything is allocated for it, and nesting and the number of values are bounded, too.
//!
//! The formats are those of DIRAC 9.1.22: `Core/DISET/private/Transports/BaseTransport.py`,
//! `Core/Utilities/DEncode.py`, `Core/Utilities/JEncode.py`.

mod budget;
mod de;
mod dencode;
mod encoding;
mod error;
mod frame;
mod jencode;
mod number;
mod ser;
mod value;

pub use de::from_value;
pub use encoding::{Encoding, decode};
pub use error::{DecodeError, EncodeError, FrameError, SerdeError};
pub use frame::{Frame, FrameReader, KeepAlive, frame};
pub use ser::to_value;
pub use value::{Limits, Value};
