use sbk_model::Permission;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::Answer;

/// How an operation is called over REST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads; arguments are in the path and the query string.
    Get,
    /// Writes, or reads with a long list; arguments are in the body.
    Post,
    /// Declares one thing by its name.
    Put,
    /// Changes parts of one thing.
    Patch,
    /// Removes one thing.
    Delete,
}

/// One operation of the bookkeeping.
///
/// The type's fields are the arguments. [`Operation::REQUIRES`] has no default: an operation
/// without a permission does not compile.
pub trait Operation: Serialize + DeserializeOwned + ToSchema + Send + Sync + 'static {
    /// The name on every wire, for instance `addFiles`.
    const NAME: &'static str;
    /// What it does, in one sentence.
    const SUMMARY: &'static str;
    /// The permission that a caller needs.
    const REQUIRES: Permission;
    /// The REST verb.
    const VERB: Verb;
    /// The REST path below `/api/v1`, with `{argument}` for arguments in the path.
    const PATH: &'static str;
    /// Whether it changes anything.
    const WRITES: bool;
    /// The arguments that DIRAC's clients give by their place, in this order; the others follow in
    /// one dictionary. `None` for an operation that only REST has.
    ///
    /// `query` stands for `expr` when it is a text, and for `where` when it is a dictionary.
    const POSITIONAL: Option<&'static [&'static str]>;
    /// The answer.
    type Output: Answer + Serialize + DeserializeOwned + ToSchema + Send + Sync + 'static;
}

/// An operation that answers page by page, and can be streamed.
pub trait Listing: Operation<Output = Page<Self::Item>> + Clone {
    /// One item of a page.
    type Item: Serialize + DeserializeOwned + ToSchema + Send + Sync + 'static;

    /// Which page is asked for.
    fn page(&mut self) -> &mut PageArgs;
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PageArgs {
    /// Where to go on: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The most items to answer, 1 to 10,000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number_or_text")]
    pub limit: Option<u32>,
}

impl PageArgs {
    /// The page size when none is asked for.
    pub const DEFAULT_LIMIT: u32 = 100;
    /// The greatest page size.
    pub const MAX_LIMIT: u32 = 10_000;
}

/// Takes a number that a query string spells as text.
pub(crate) fn number_or_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + std::str::FromStr,
    T::Err: std::fmt::Display,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Number(T),
        Text(String),
    }
    match Option::<Either<T>>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Either::Number(number)) => Ok(Some(number)),
        Some(Either::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// Takes a truth value that a query string spells as text.
pub(crate) fn bool_or_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<bool, D::Error> {
    number_or_text::<D, bool>(deserializer).map(Option::unwrap_or_default)
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T: ToSchema> {
    /// The items, in a stable order.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Implements [`Operation`] (and [`Listing`], when an item is named).
macro_rules! operations {
    ($(
        $type:ident = $name:literal($($positional:ident),*), $verb:ident $path:literal, $permission:ident, $mode:ident
            -> $output:ty $(, each $item:ty)? ;
        $summary:literal
    )*) => {
        $(
            impl $crate::Operation for $type {
                const NAME: &'static str = $name;
                const SUMMARY: &'static str = $summary;
                const REQUIRES: sbk_model::Permission = sbk_model::Permission::$permission;
                const VERB: $crate::Verb = $crate::Verb::$verb;
                const PATH: &'static str = $path;
                const WRITES: bool = operations!(@$mode);
                const POSITIONAL: Option<&'static [&'static str]> =
                    Some(&[$(stringify!($positional)),*]);
                type Output = $output;
            }
            $(
                impl $crate::Listing for $type {
                    type Item = $item;

                    fn page(&mut self) -> &mut $crate::PageArgs {
                        &mut self.page
                    }
                }
            )?
        )*
    };
    (@reads) => { false };
    (@writes) => { true };
}
pub(crate) use operations;
