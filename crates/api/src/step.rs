use std::{collections::BTreeMap, fmt, str::FromStr};

use sbk_model::{
    Application, FileType, Invalid, Label, PassName, Reason, StepName, Timestamp, UserName, Vo,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use crate::{Metadata, Outcome, Page, PageArgs, operation::operations};

/// Defines a reference to one version of something, written `name@version`.
macro_rules! references {
    ($($(#[$doc:meta])* $type:ident of $name:ident, $field:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type {
            /// The name.
            pub name: $name,
            /// The version; the newest when absent.
            pub version: Option<u32>,
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.version {
                    Some(version) => write!(f, "{}@{version}", self.name),
                    None => self.name.fmt(f),
                }
            }
        }

        impl FromStr for $type {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let (name, version) = split_version(text);
                if version == Some(0) {
                    return Err(Invalid::new($field, text, "has no version: they count from 1"));
                }
                Ok(Self { name: name.parse()?, version })
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $name::schema()
            }
        }

        impl ToSchema for $type {}
    )*};
}

references! {
    /// A version of a step: `Gauss@3`, or `Gauss` for the newest.
    StepRef of StepName, "step";
    /// A version of a processing pass: `Reco12@2`, or `Reco12` for the newest.
    PassRef of PassName, "pass";
}

/// Takes `name@version` apart.
fn split_version(text: &str) -> (&str, Option<u32>) {
    let split = text.rsplit_once('@').filter(|(_, digits)| {
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    });
    match split.and_then(|(name, digits)| Some((name, digits.parse().ok()?))) {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    }
}

/// A step as it is declared: a program with all that decides what it makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStep {
    /// Its name, unique within its community. It does not end with `@` and digits.
    pub name: StepName,
    /// The program.
    pub application: Application,
    /// The version of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Label>,
    /// The options that it is run with, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The tags of the conditions that it uses, by database.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, String>,
    /// The platform that it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Label>,
    /// The types of the files that it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<FileType>,
    /// The types of the files that it makes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<FileType>,
    /// Whatever else decides what it makes.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub extra: Metadata,
    /// What is to be said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Declares steps. One that is there and says something else gets a new version where it is used,
/// and is changed where it is not.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareSteps {
    /// Their community.
    pub vo: Vo,
    /// The steps, 1 to 1,000.
    pub steps: Vec<NewStep>,
    /// Whether a change makes a new version even where nothing uses the old one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_version: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// What was done to one step or processing pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeclaredVersion {
    /// Its name.
    pub name: String,
    /// The version that says what was declared.
    pub version: u32,
    /// What was done: `added` for a new version, `changed`, or `unchanged`.
    pub outcome: Outcome,
}

/// What was done to each step or processing pass, in the order of the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeclaredVersions {
    /// One entry each.
    pub results: Vec<DeclaredVersion>,
}

/// A version of a step or of a processing pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionSummary {
    /// Its number, from 1.
    pub version: u32,
    /// When it was declared, or last changed.
    pub created: Timestamp,
    /// Who did so.
    pub actor: UserName,
    /// Whether something uses it, so that it never changes.
    pub used: bool,
}

/// Shows a step with all its versions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetStep {
    /// The step, `name@version`; the newest version when it names none.
    pub step: StepRef,
    /// Its community; needed when several have a step of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
}

/// A version of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Its community.
    pub vo: Vo,
    /// Its number, date, author, and whether it is used.
    #[serde(flatten)]
    pub summary: VersionSummary,
    /// What it is.
    pub definition: NewStep,
    /// All versions of the step, oldest first; absent in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionSummary>,
}

/// Lists the newest versions of steps by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListSteps {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// A processing pass as it is declared: steps, one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPass {
    /// Its name, unique within its community. It does not end with `@` and digits.
    pub name: PassName,
    /// Its steps in order, 1 to 100, each `name@version`; the newest version when one names none.
    pub steps: Vec<StepRef>,
    /// What is to be said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Declares processing passes. One that is there and says something else gets a new version where
/// it is used, and is changed where it is not.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclarePasses {
    /// Their community.
    pub vo: Vo,
    /// The passes, 1 to 1,000.
    pub passes: Vec<NewPass>,
    /// Whether a change makes a new version even where nothing uses the old one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_version: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Shows a processing pass with all its versions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetPass {
    /// The pass, `name@version`; the newest version when it names none.
    pub pass: PassRef,
    /// Its community; needed when several have a pass of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
}

/// A version of a processing pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pass {
    /// Its community.
    pub vo: Vo,
    /// Its number, date, author, and whether it is used.
    #[serde(flatten)]
    pub summary: VersionSummary,
    /// What it is; each step names its version.
    pub definition: NewPass,
    /// All versions of the pass, oldest first; absent in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionSummary>,
}

/// Lists the newest versions of processing passes by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListPasses {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

operations! {
    DeclareSteps = "declareSteps"(steps), Post "/steps", Produce, writes -> DeclaredVersions;
    "Declares steps; a step that is used never changes: a change makes a version."
    GetStep = "getStep"(step), Get "/steps/{step}", Read, reads -> Step;
    "Shows a step with all its versions."
    ListSteps = "listSteps"(), Get "/steps", Read, reads -> Page<Step>, each Step;
    "Lists the newest versions of steps by name."
    DeclarePasses = "declarePasses"(passes), Post "/passes", Produce, writes -> DeclaredVersions;
    "Declares processing passes; one that is used never changes: a change makes a version."
    GetPass = "getPass"(pass), Get "/passes/{pass}", Read, reads -> Pass;
    "Shows a processing pass with its steps and all its versions."
    ListPasses = "listPasses"(), Get "/passes", Read, reads -> Page<Pass>, each Pass;
    "Lists the newest versions of processing passes by name."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_version_after_the_last_at() {
        let parse = |text: &str| text.parse::<StepRef>().unwrap();

        assert_eq!((parse("Gauss@3").name.as_str(), parse("Gauss@3").version), ("Gauss", Some(3)));
        assert_eq!((parse("a@b").name.as_str(), parse("a@b").version), ("a@b", None));
        assert_eq!(parse("a@b@12").to_string(), "a@b@12");
        assert!("Gauss@0".parse::<StepRef>().is_err());
        assert!("@3".parse::<StepRef>().is_err());
    }
}
