use sbk_model::{GroupName, SeName, SiteName, Totals, UserName, Vo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BulkResult, Done, Page, PageArgs, operation::operations};

/// A storage element: where replicas are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StorageElement {
    /// Its name.
    pub name: SeName,
    /// The site that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// What the physical name of a replica begins with, when it is not given: prefix, then LFN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pfn_prefix: Option<String>,
}

/// A storage element with what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StorageElementUse {
    /// The storage element.
    #[serde(flatten)]
    pub element: StorageElement,
    /// The replicas that are not retired, with the bytes and events of their files.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Site {
    /// Its name.
    pub name: SiteName,
}

/// Lists the storage elements.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListStorageElements {
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Declares storage elements, and their sites where they are new.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareStorageElements {
    /// The storage elements, 1 to 10,000.
    pub elements: Vec<StorageElement>,
}

/// Removes a storage element that holds no replica.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveStorageElement {
    /// Its name.
    pub se: SeName,
}

/// Lists the sites.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListSites {
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Looks storage elements up.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindStorageElements {
    /// Their names, 1 to 1,000.
    pub names: Vec<SeName>,
}

/// The storage elements that were found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundStorageElements {
    /// Those that are declared, by name.
    pub found: Vec<StorageElement>,
    /// Names that are not declared.
    pub missing: Vec<SeName>,
}

/// What the files of an owner and group amount to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Holding {
    /// The community of the files.
    pub vo: Vo,
    /// Their owner.
    pub owner: UserName,
    /// Their group.
    pub group: GroupName,
    /// Those that are not retired, each counted once.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Lists what the files of each owner and group amount to.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListHoldings {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those of an owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// Only those of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

operations! {
    ListHoldings = "listHoldings"(), Get "/holdings", Read, reads -> Page<Holding>, each Holding;
    "Lists what the files of each owner and group amount to."
    FindStorageElements = "findStorageElements"(names), Post "/storage-elements/find", Read, reads
        -> FoundStorageElements;
    "Looks storage elements up by name."
    ListStorageElements = "listStorageElements"(), Get "/storage-elements", Read, reads
        -> Page<StorageElementUse>, each StorageElementUse;
    "Lists the storage elements with what they hold."
    DeclareStorageElements = "declareStorageElements"(elements), Post "/storage-elements", Administer, writes
        -> BulkResult;
    "Declares storage elements, and their sites where they are new."
    RemoveStorageElement = "removeStorageElement"(se), Delete "/storage-elements/{se}", Administer, writes
        -> Done;
    "Removes a storage element that holds no replica."
    ListSites = "listSites"(), Get "/sites", Read, reads -> Page<Site>, each Site;
    "Lists the sites."
}
