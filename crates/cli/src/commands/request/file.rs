//! Requests and campaigns in TOML files.

use std::path::Path;

use sbk_api::{NewCampaign, NewProduction, NewRequest};
use serde::Deserialize;

use crate::{failure::Failure, input};

/// A file with requests, the campaign that they belong to, or productions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleFile {
    /// The campaign.
    #[serde(default)]
    pub campaign: Option<NewCampaign>,
    /// The requests.
    #[serde(default, rename = "request")]
    pub requests: Vec<NewRequest>,
    /// The productions.
    #[serde(default, rename = "production")]
    pub productions: Vec<NewProduction>,
}

impl SampleFile {
    /// Reads a file, `-` for the standard input. A request that names no campaign belongs to that
    /// of the file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let mut file = Self::parse(path)?;
        if let Some(campaign) = &file.campaign {
            for request in &mut file.requests {
                request.sample.campaign.get_or_insert_with(|| campaign.name.clone());
            }
        }
        Ok(file)
    }

    fn parse(path: &Path) -> Result<Self, Failure> {
        let text = input::read_text(path)?;
        toml::from_str(&text)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
    }
}
