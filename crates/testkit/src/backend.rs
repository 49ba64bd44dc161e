use std::env;
use std::fmt;
use std::str::FromStr;

/// A database system that the service runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backend {
    /// `SQLite`, in a file.
    Sqlite,
    /// `PostgreSQL`, over TCP.
    Postgres,
    /// `MariaDB`, over TCP.
    MariaDb,
}

impl Backend {
    /// Every backend, in the order in which reports name them.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MariaDb];

    /// The environment variable with a comma list of the backends to test; all if it is unset.
    pub const SELECTION: &str = "SBK_TEST_BACKENDS";

    /// The backend's name: in the selection, in reports, and as the last part of a test's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        }
    }

    /// The environment variable that holds the administrator's URL of the test cluster.
    pub const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SBK_TEST_POSTGRES"),
            Self::MariaDb => Some("SBK_TEST_MARIADB"),
        }
    }

    /// The backends that [`Backend::SELECTION`] asks for.
    ///
    /// # Errors
    ///
    /// An explanation if the variable names a backend that does not exist, or none.
    pub fn selected() -> Result<Vec<Self>, String> {
        env::var(Self::SELECTION)
            .map_or_else(|_| Ok(Self::ALL.to_vec()), |list| parse_selection(&list))
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|backend| backend.name() == text)
            .ok_or_else(|| format!("`{text}` is none of sqlite, postgres, mariadb"))
    }
}

fn parse_selection(list: &str) -> Result<Vec<Backend>, String> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    let backends: Vec<Backend> = names.map(str::parse).collect::<Result<_, _>>()?;
    if backends.is_empty() {
        return Err(format!("{} is set but names no backend", Backend::SELECTION));
    }
    Ok(backends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_a_comma_list() {
        let selection = parse_selection("mariadb, sqlite,").unwrap();

        assert_eq!(selection, [Backend::MariaDb, Backend::Sqlite]);
    }

    #[test]
    fn a_selection_with_an_unknown_or_no_backend_is_refused() {
        assert!(parse_selection("oracle").is_err());
        assert!(parse_selection(" ,").is_err());
    }
}
