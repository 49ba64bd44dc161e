use std::str::FromStr;

use crate::Invalid;

/// Gives a validated text type the traits that all of them share.
macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_type;

/// Says why a one-line text of bounded length is refused, if it is.
fn check_line(text: &str, max: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.len() > max {
        return Err(format!("is longer than {max} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character".into());
    }
    if text.trim() != text {
        return Err("begins or ends with a space".into());
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $field:literal, $max:literal, $extra:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .max_length(Some($max))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl $name {
            /// The greatest length in bytes.
            pub const MAX_LEN: usize = $max;
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let extra: fn(&str) -> Result<(), String> = $extra;
                check_line(text, $max)
                    .and_then(|()| extra(text))
                    .map_err(|reason| Invalid::new($field, text, reason))?;
                Ok(Self(text.to_owned()))
            }
        }

        text_type!($name);
    )*};
}

/// Accepts letters, digits and the characters of `others`.
fn only(text: &str, others: &str) -> Result<(), String> {
    match text.chars().find(|c| !c.is_ascii_alphanumeric() && !others.contains(*c)) {
        None => Ok(()),
        Some(c) => Err(format!("has the character {c:?}; use letters, digits and {others}")),
    }
}

names! {
    /// A community (virtual organisation), for instance `superb` or `vo.example.org`.
    Vo, "vo", 64, |text| only(text, "._-");
    /// The name of a storage element, for instance `CNAF-disk`.
    SeName, "se", 64, |text| only(text, "._-:@/+");
    /// The name of a site, for instance `LCG.CERN.ch`.
    SiteName, "site", 64, |text| only(text, "._-:@/+");
    /// The name of a dataset: any printable text, unique within its community.
    DatasetName, "dataset", 512, |_| Ok(());
    /// A user's name or distinguished name.
    UserName, "owner", 256, |_| Ok(());
    /// The name of a group of users.
    GroupName, "group", 64, |_| Ok(());
    /// What a file holds, for instance `RAW`, `DST` or `ROOT`.
    FileType, "file_type", 64, |text| only(text, "._-+/");
    /// A physical file name: where a replica can be read, as a URL.
    Pfn, "pfn", 2048, |_| Ok(());
    /// Why something is done, in the words of who does it.
    Reason, "reason", 1024, |_| Ok(());
    /// A client's own name for one write, so that a repeat is recognised.
    IdempotencyKey, "Idempotency-Key", 128, |_| Ok(());
    /// A name that follows one request through the logs.
    RequestId, "request id", 64, |text| only(text, "._-");
    /// The name of a job, unique within its community, for instance `00012448_00013484_1`.
    JobName, "job", 256, |_| Ok(());
    /// The name of a production, unique within its community, for instance `12448` or `MC-2026-a`.
    ProductionName, "production", 256, |_| Ok(());
    /// The name of a request for a sample, unique within its community.
    RequestName, "request", 256, |_| Ok(());
    /// The name of a campaign (a production series), unique within its community.
    CampaignName, "campaign", 256, |_| Ok(());
    /// The name of a processing pass, for instance `Reco12`, or of a group of passes.
    PassName, "processing pass", 256, |_| Ok(());
    /// The name of a step that productions are made of.
    StepName, "step", 256, |_| Ok(());
    /// The name of a program, for instance `Brunel`.
    Application, "application", 128, |_| Ok(());
    /// A short text that groups what is alike: a kind of job, a reason of a failure, a platform.
    Label, "label", 256, |_| Ok(());
    /// The name of a metadata field: a letter, then letters, digits and `_`.
    FieldName, "field", 48, |text| {
        only(text, "_")?;
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            Ok(())
        } else {
            Err("does not begin with a letter".into())
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_which_character_is_wrong() {
        let error = "CNAF disk".parse::<SeName>().unwrap_err();

        assert_eq!(error.field, "se");
        assert!(error.reason.contains("' '"), "{error}");
    }

    #[test]
    fn a_name_is_bounded_in_bytes() {
        assert!("v".repeat(64).parse::<Vo>().is_ok());
        assert!("v".repeat(65).parse::<Vo>().is_err());
        assert!("".parse::<Vo>().is_err());
    }

    #[test]
    fn a_dataset_name_may_hold_slashes_but_no_line_break() {
        assert!("/Charmonium/Run2016G/MINIAOD".parse::<DatasetName>().is_ok());
        assert!("a\nb".parse::<DatasetName>().is_err());
        assert!(" a".parse::<DatasetName>().is_err());
    }

    #[test]
    fn a_field_name_begins_with_a_letter() {
        assert!("run_period".parse::<FieldName>().is_ok());
        assert!("_run".parse::<FieldName>().is_err());
        assert!("run-period".parse::<FieldName>().is_err());
    }
}
