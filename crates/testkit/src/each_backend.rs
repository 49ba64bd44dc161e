/// Makes three tests of each function: one for every backend, each with an empty database.
///
/// `async fn name(database: TestDatabase) { .. }` becomes `name::sqlite`, `name::postgres` and
/// `name::mariadb`. The crate that uses it has `tokio` among its dependencies.
///
/// ```
/// sbk_testkit::each_backend! {
///     /// A new database has an address.
///     async fn a_database_has_a_url(database: sbk_testkit::TestDatabase) {
///         assert!(!database.url().is_empty());
///     }
/// }
/// ```
#[macro_export]
macro_rules! each_backend {
    ($(
        $(#[$attribute:meta])*
        async fn $name:ident($($database:ident)+ : $kind:ty $(,)?) $body:block
    )+) => {
        $(
            $(#[$attribute])*
            mod $name {
                #[allow(unused_imports, reason = "a test may need nothing from around it")]
                use super::*;

                async fn test($($database)+: $kind) $body

                $crate::each_backend!(@one sqlite, $crate::Backend::Sqlite);
                $crate::each_backend!(@one postgres, $crate::Backend::Postgres);
                $crate::each_backend!(@one mariadb, $crate::Backend::MariaDb);
            }
        )+
    };
    (@one $name:ident, $backend:expr) => {
        #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if let Some(database) = $crate::TestDatabase::create_if_selected($backend) {
                test(database).await;
            }
        }
    };
}
