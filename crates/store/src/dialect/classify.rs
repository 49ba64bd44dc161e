use crate::Error;

/// Says what a database's failure means to the caller.
pub fn classify(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(failure) => {
            let code = failure.code().unwrap_or_default().into_owned();
            let message = failure.message().to_owned();
            classify_code(&code, mariadb_number(failure.as_ref()), message)
        }
        sqlx::Error::Io(failure) => Error::Unavailable(failure.to_string()),
        sqlx::Error::Tls(failure) => Error::Unavailable(failure.to_string()),
        sqlx::Error::WorkerCrashed => Error::Unavailable("the connection's worker ended".into()),
        sqlx::Error::Protocol(failure) => Error::Unavailable(failure),
        other => Error::Internal(other.to_string()),
    }
}

fn mariadb_number(failure: &dyn sqlx::error::DatabaseError) -> Option<u16> {
    let failure = failure.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?;
    Some(failure.number())
}

/// The SQLSTATE of PostgreSQL, the number of MariaDB, or the result code of SQLite.
///
/// Sources: PostgreSQL manual, appendix A; MariaDB error codes; SQLite result codes.
fn classify_code(code: &str, number: Option<u16>, message: String) -> Error {
    if let Some(number) = number {
        return match number {
            1205 | 1213 | 1020 | 1062 => Error::Contended(message),
            1264 | 1690 => Error::OutOfRange(message),
            1021 | 1114 | 1041 => Error::Full(message),
            1053 | 1077 | 1078 | 1079 | 1927 | 2006 | 2013 | 1040 | 1203 => {
                Error::Unavailable(message)
            }
            1836 | 1290 => Error::Unavailable(message),
            _ => Error::Internal(format!("{number}: {message}")),
        };
    }
    match code {
        // 23505, 1555 and 2067: a key is taken, which another transaction was quicker with.
        "40001" | "40P01" | "55P03" | "23505" | "1555" | "2067" | "5" | "6" | "261" | "262"
        | "517" => Error::Contended(message),
        // SQLite makes a sum that overflows a REAL, which a STRICT column of integers refuses.
        "22003" | "3091" => Error::OutOfRange(message),
        // SQLite's SUM of integers that do not fit has no code of its own.
        "1" if message == "integer overflow" => Error::OutOfRange(message),
        "53100" | "13" => Error::Full(message),
        "57P01" | "57P02" | "57P03" | "53300" | "53200" | "25006" | "08006" | "08003" | "08000" => {
            Error::Unavailable(message)
        }
        "10" | "266" | "778" | "1034" | "14" | "8" | "1032" => Error::Unavailable(message),
        _ => Error::Internal(format!("{code}: {message}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadlock_is_contention_on_every_database() {
        assert!(matches!(classify_code("40P01", None, String::new()), Error::Contended(_)));
        assert!(matches!(classify_code("40001", Some(1213), String::new()), Error::Contended(_)));
        assert!(matches!(classify_code("5", None, String::new()), Error::Contended(_)));
    }

    #[test]
    fn a_key_that_was_taken_meanwhile_is_contention_on_every_database() {
        for (code, number) in [("23505", None), ("23000", Some(1062)), ("1555", None)] {
            let error = classify_code(code, number, String::new());
            assert!(matches!(error, Error::Contended(_)), "{code}: {error:?}");
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_out_of_range_on_sqlite() {
        let error = classify_code("1", None, "integer overflow".into());
        assert!(matches!(error, Error::OutOfRange(_)));
        let error = classify_code("1", None, "no such table: file".into());
        assert!(matches!(error, Error::Internal(_)));
    }
}
