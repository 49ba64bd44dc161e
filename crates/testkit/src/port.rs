use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which the kernel gives ports to connecting clients, so that a server can
/// be restarted on the port that it had.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A loopback port on which nothing listens at the moment.
pub(crate) fn free_port() -> io::Result<u16> {
    let random = RandomState::new().build_hasher().finish();
    let start = u16::try_from(random % u64::from(COUNT)).expect("the remainder is below 12000");
    (0..COUNT)
        .map(|step| FIRST + (start + step) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| io::Error::other("no free loopback port"))
}
