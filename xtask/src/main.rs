//! What people and continuous integration run.
fn main() {}
