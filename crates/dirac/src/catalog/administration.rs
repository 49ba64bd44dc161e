//! What administrators ask for.

use sbk_api::{
    CountFiles, ListCommunities, ListStorageElements, MeasureDirectories, PageArgs, Selection,
    VerifyTotals,
};
use sbk_model::DirPath;
use sbk_wire::Value;

use super::{call::Call, show::id};
use crate::{Answer, Failure, ok};

/// What is said to those who do not administer the catalogue.
const DENIED: &str = "Permission denied";

impl Call<'_> {
    /// `isOK`: the database answers.
    pub async fn is_ok(&self) -> Result<Answer, Failure> {
        let page = PageArgs { after: None, limit: Some(1) };
        self.ask(ListCommunities { page }).await?;
        Ok(Value::Null.into())
    }

    /// `addUser`, `addGroup`: a name is there as soon as it is used, and has its number always.
    pub fn add_person(&self, name: &Value) -> Result<Answer, Failure> {
        self.check_admin(DENIED)?;
        Ok(id(name.text().unwrap_or_default()).into())
    }

    /// `deleteUser`, `deleteGroup`: who there is, is said by the Registry.
    pub fn delete_person(&self) -> Result<Answer, Failure> {
        self.check_admin(DENIED)?;
        Ok(Value::Null.into())
    }

    /// `getUsers`.
    pub fn users(&self) -> Result<Answer, Failure> {
        self.check_admin(DENIED)?;
        let users = self.who.people.users.iter().map(String::as_str);
        Ok(numbered(users).into())
    }

    /// `getGroups`.
    pub fn groups(&self) -> Result<Answer, Failure> {
        self.check_admin(DENIED)?;
        let groups = self.who.people.groups.keys().map(String::as_str);
        Ok(numbered(groups).into())
    }

    /// `getCatalogCounters`. What cannot be here (replicas without files, directories outside the
    /// tree) counts 0.
    pub async fn counters(&self) -> Result<Answer, Failure> {
        self.check_admin(DENIED)?;
        let mut files = 0;
        let communities = |page| ListCommunities { page };
        self.each(communities, |community| files += community.totals.files).await?;
        let mut replicas = 0;
        let elements = |page| ListStorageElements { page };
        self.each(elements, |element| replicas += element.totals.files).await?;
        let bare = Selection { expr: Some("se not exists".into()), ..Selection::default() };
        let bare = self.ask(CountFiles { selection: bare }).await?.files;
        let root =
            MeasureDirectories { paths: vec![DirPath::root()], ..MeasureDirectories::default() };
        let root = self.ask(root).await?.found;
        let directories = root.first().map_or(0, |root| root.directories + 1);
        Ok(Value::dict([
            ("Files", Value::Int(files)),
            ("Files w/o Replicas", Value::Int(bare)),
            ("Replicas w/o Files", Value::Int(0)),
            ("Orphan Files", Value::Int(0)),
            ("Files w/o FileInfo", Value::Int(0)),
            ("FileInfo w/o Files", Value::Int(0)),
            ("Replicas", Value::Int(replicas)),
            ("Directories", Value::Int(directories)),
            ("Orphan Directories", Value::Int(0)),
            ("DirTree w/o DirInfo", Value::Int(0)),
            ("DirInfo w/o DirTree", Value::Int(0)),
        ])
        .into())
    }

    /// `rebuildDirectoryUsage`: proves the totals, and corrects what is wrong.
    pub async fn rebuild_usage(&self) -> Result<Answer, Failure> {
        self.check_admin("Not authorized to rebuild directory usage")?;
        self.prove().await?;
        let root = MeasureDirectories { paths: vec![DirPath::root()], own: false, storage: true };
        let root = self.ask(root).await?.found;
        let uses = root.iter().flat_map(|root| &root.storage).map(|held| {
            let counts = [("Size", Value::Int(held.bytes)), ("Files", Value::Int(held.files))];
            (held.se.as_str(), Value::dict(counts))
        });
        Ok(Value::dict(uses.collect::<Vec<_>>()).into())
    }

    /// `repairCatalog`.
    pub async fn repair(&self) -> Result<Answer, Failure> {
        self.check_admin("Not authorized to perform catalog repairs")?;
        let repaired = self.prove().await?;
        Ok(Value::dict([
            ("RecoverOrphanDirectories", ok(Value::Null)),
            ("RepairFileTables", ok(Value::Int(repaired))),
        ])
        .into())
    }

    /// Proves the totals and corrects them; how many were wrong.
    async fn prove(&self) -> Result<i64, Failure> {
        let (mut after, mut repaired) = (None, 0);
        loop {
            let step = self.ask(VerifyTotals { repair: true, after }).await?;
            repaired += i64::try_from(step.wrong.len()).unwrap_or(i64::MAX);
            after = step.next;
            if after.is_none() {
                return Ok(repaired);
            }
        }
    }
}

/// Names with their numbers.
fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    Value::dict(names.map(|name| (name, id(name))).collect::<Vec<_>>())
}
