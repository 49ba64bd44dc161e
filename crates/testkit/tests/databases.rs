//! Databases are new, empty, apart from each other, and gone afterwards.

use std::process::Command;

use sbk_testkit::{Backend, TestDatabase, each_backend, postgres_program};

each_backend! {
    async fn two_databases_are_apart(database: TestDatabase) {
        let other = TestDatabase::create(database.backend());

        assert_ne!(database.url(), other.url());
    }

    /// `mut` is accepted before the name of the database.
    async fn a_database_belongs_to_its_backend(mut database: TestDatabase) {
        let scheme = match database.backend() {
            Backend::Sqlite => "sqlite:",
            Backend::Postgres => "postgres://",
            Backend::MariaDb => "mysql://",
        };

        let database = &mut database;

        assert!(database.url().starts_with(scheme), "{}", database.url());
    }
}

#[test]
fn a_dropped_database_is_gone() {
    let Some(database) = TestDatabase::create_if_selected(Backend::Postgres) else { return };
    let url = database.url().to_owned();

    let answers = |url: &str| {
        let mut psql = Command::new(postgres_program("psql"));
        psql.args(["--command", "SELECT 1", url]).output().unwrap().status.success()
    };
    let before = answers(&url);
    drop(database);
    let after = answers(&url);

    assert_eq!((before, after), (true, false));
}
