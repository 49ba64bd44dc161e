use sbk_model::Vo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{File, Page, PageArgs, operation::bool_or_text, operation::operations};

/// What is looked for: a text in the query language, or its JSON twin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Selection {
    /// The query as text: `energy > 89 GeV and not status = bad order by lfn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    /// The query as JSON: `{"energy": {">": 89}, "generator": ["a", "b"]}`.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<serde_json::Value>,
    /// The community; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
}

/// Finds files by a query.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct FindFiles {
    /// What is looked for.
    #[serde(flatten)]
    pub selection: Selection,
    /// Whether to answer the replicas, too.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub replicas: bool,
    /// Whether to answer the metadata, too.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub metadata: bool,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Finds files by a query, with the query in the body.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct PostFindFiles(pub FindFiles);

/// Counts the files that a query matches.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CountFiles {
    /// What is looked for.
    #[serde(flatten)]
    pub selection: Selection,
}

/// Says how a query would be run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ExplainQuery {
    /// What is looked for.
    #[serde(flatten)]
    pub selection: Selection,
}

/// How a query would be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The query as it was understood, in full.
    pub query: String,
    /// How many files the database expects to find; on SQLite, which does not say, how many there
    /// are, counted up to 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_files: Option<i64>,
    /// The database's own plan, line by line.
    pub plan: Vec<String>,
    /// What could make it slow, with what to do about it.
    pub warnings: Vec<String>,
}

operations! {
    FindFiles = "findFiles"(query), Get "/query", Read, reads -> Page<File>, each File;
    "Finds files by a query."
    CountFiles = "countFiles"(query), Post "/query/count", Read, reads -> sbk_model::Totals;
    "Counts the files that a query matches, with their bytes and events."
    ExplainQuery = "explainQuery"(query), Post "/query/explain", Read, reads -> Explanation;
    "Says how a query would be run: plan, estimated count, warnings."
}

impl crate::Operation for PostFindFiles {
    const NAME: &'static str = "postFindFiles";
    const SUMMARY: &'static str = "Finds files by a query in the body, as text or JSON.";
    const REQUIRES: sbk_model::Permission = sbk_model::Permission::Read;
    const VERB: crate::Verb = crate::Verb::Post;
    const PATH: &'static str = "/query";
    const WRITES: bool = false;
    const POSITIONAL: Option<&'static [&'static str]> = None;
    type Output = Page<File>;
}

impl crate::Listing for PostFindFiles {
    type Item = File;

    fn page(&mut self) -> &mut PageArgs {
        &mut self.0.page
    }
}
