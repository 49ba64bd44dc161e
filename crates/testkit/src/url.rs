use std::io;

/// The parts of a URL `scheme://user[:password]@host:port/database`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl<'a> {
    pub user: &'a str,
    pub password: Option<&'a str>,
    pub host: &'a str,
    pub port: u16,
    prefix: &'a str,
}

impl<'a> ServerUrl<'a> {
    pub(crate) fn parse(url: &'a str) -> io::Result<Self> {
        Self::split(url).ok_or_else(|| {
            io::Error::other(format!("`{url}` is not scheme://user[:password]@host:port/database"))
        })
    }

    fn split(url: &'a str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let (authority, _) = rest.split_once('/')?;
        let (login, address) = authority.rsplit_once('@')?;
        let (host, port) = address.rsplit_once(':')?;
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let prefix = &url[..url.len() - rest.len() + authority.len()];
        Some(Self { user, password, host, port: port.parse().ok()?, prefix })
    }

    /// The same server, another database.
    pub(crate) fn with_database(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrators_url_names_user_password_and_address() {
        let url = ServerUrl::parse("mysql://sbk:secret@127.0.0.1:3310/").unwrap();

        assert_eq!((url.user, url.password), ("sbk", Some("secret")));
        assert_eq!((url.host, url.port), ("127.0.0.1", 3310));
        assert_eq!(url.with_database("t1"), "mysql://sbk:secret@127.0.0.1:3310/t1");
    }

    #[test]
    fn a_url_without_a_port_is_refused() {
        assert!(ServerUrl::parse("postgres://postgres@127.0.0.1/postgres").is_err());
    }
}
