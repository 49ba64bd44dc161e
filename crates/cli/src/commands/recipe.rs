//! What the commands about steps and about processing passes share.

use std::str::FromStr;

use sbk_api::{DeclaredVersions, VersionSummary};

use crate::{bulk, cell::Cell, connection::Call, context::Context, failure::Failure};

/// A name with a value: `NAME=VALUE`.
#[derive(Debug, Clone)]
pub struct Tag {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not of the form NAME=VALUE"))?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// Declares versions, and says which they are.
pub async fn declared<O>(context: &mut Context, operation: O) -> Result<(), Failure>
where
    O: Call<Output = DeclaredVersions>,
{
    let declared = context.connect().await?.call(operation).await?;
    let sentences: Vec<String> = declared
        .results
        .iter()
        .map(|r| format!("{}@{}: {}", r.name, r.version, bulk::outcome(r.outcome)))
        .collect();
    context.say(&declared, &sentences.join("\n"))
}

/// The fields that tell versions apart.
pub fn summary(version: &VersionSummary, all: &[VersionSummary]) -> [(&'static str, Cell); 4] {
    let used = |version: &VersionSummary| if version.used { "used" } else { "not used" };
    let versions =
        all.iter().map(|v| format!("{} of {} by {}, {}", v.version, v.created, v.actor, used(v)));
    [
        ("declared", Cell::Time(version.created)),
        ("by", Cell::text(&version.actor)),
        ("used", Cell::text(if version.used { "yes" } else { "no" })),
        ("versions", Cell::list(versions)),
    ]
}
