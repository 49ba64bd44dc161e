//! Readers of the formats that producers of physics data speak.
//!
//! A reader turns bytes into domain types and says what it could not take. It knows no database,
//! no transport and no clock.

pub mod open_data;
