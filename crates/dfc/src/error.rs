/// Why a catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is no URL of MySQL. It is not repeated, since it may hold a password.
    #[error(
        "the URL is not that of a MySQL or MariaDB database: mysql://user:password@host:3306/FileCatalogDB"
    )]
    Url,
    /// The database cannot be reached.
    #[error("the catalogue's database cannot be reached: {0}")]
    Connect(#[source] sqlx::Error),
    /// A statement failed.
    #[error("the catalogue's database cannot be read ({what}): {error}")]
    Query {
        /// What was read.
        what: &'static str,
        /// Why it failed.
        #[source]
        error: sqlx::Error,
    },
    /// The tables are not those of a catalogue.
    #[error(
        "the database holds no FileCatalog of DIRAC that is in use: it needs FC_Files and one of \
         FC_DirectoryLevelTree and FC_DirectoryList, and has {0}"
    )]
    NoCatalogue(String),
    /// The fields of the catalogue cannot be declared.
    #[error("the metadata fields of the catalogue cannot be declared: {0}")]
    Fields(String),
}
