//! Makes the directories that files and directories need.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_metadata::{Document, Entity};
use sbk_model::{DirKey, DirPath, GroupName, Mode, TermKey, Timestamp, UserName};
use sbk_store::directory::{self, Lock, Stored};

use crate::{
    Context, Error,
    metadata::{self, Community},
};

/// A directory that is wanted, with what it gets if it is new.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its owner.
    pub owner: UserName,
    /// Its group.
    pub group: GroupName,
    /// Its permission bits.
    pub mode: Mode,
    /// The values set on it, canonical.
    pub metadata: Document,
    /// When it was made.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
}

impl Wanted {
    /// What a directory gets that is made because something in it is.
    pub fn implied(cx: &Context<'_>) -> Self {
        Self {
            owner: cx.caller.user.clone(),
            group: cx.caller.group.clone(),
            mode: if cx.access().is_official() { Mode::DIRECTORY } else { Mode::OWN_DIRECTORY },
            metadata: Document::new(),
            created: cx.now,
            modified: cx.now,
        }
    }
}

impl Wanted {
    /// What a directory gets that belongs to nobody: `/<vo>/user`, made with the first home.
    fn common(cx: &Context<'_>) -> Self {
        let root = "root".parse().expect("`root` is a name");
        let group = "root".parse().expect("`root` is a name");
        Self { owner: root, group, mode: Mode::OWN_DIRECTORY, ..Self::implied(cx) }
    }
}

/// Makes sure that directories exist, holds them against removal, and returns those that are
/// new. Directories above are made as needed.
///
/// Two writers may do this at once: one makes the directory, both go on.
pub async fn ensure(
    cx: &mut Context<'_>,
    community: &Community,
    wanted: &BTreeSet<DirPath>,
    explicit: &BTreeMap<DirPath, Wanted>,
) -> Result<BTreeSet<DirPath>, Error> {
    cx.check_writes_in(wanted).await?;
    let held = directory::hold(&mut cx.session, wanted).await?;
    if held.len() == wanted.len() {
        return Ok(BTreeSet::new());
    }
    let missing: BTreeSet<&DirPath> = wanted.difference(&held).collect();
    let chain: BTreeSet<DirPath> = missing.iter().flat_map(|path| path.self_and_above()).collect();
    let keys: Vec<_> = chain.iter().map(DirPath::key).collect();
    let known = directory::find(&mut cx.session, keys, Lock::Share).await?;
    let new: Vec<&DirPath> = chain.iter().filter(|p| !known.contains_key(&p.key())).collect();
    let made = insert(cx, community, &new, known, explicit).await?;
    let held = directory::hold(&mut cx.session, wanted).await?;
    if held.len() < wanted.len() {
        // A directory was removed between two statements: begin again.
        return Err(sbk_store::Error::Contended("a directory went away".into()).into());
    }
    Ok(made)
}

/// Inserts directories in the order of their depth, so that each inherits from its parent.
async fn insert(
    cx: &mut Context<'_>,
    community: &Community,
    new: &[&DirPath],
    known: HashMap<DirKey, Stored>,
    explicit: &BTreeMap<DirPath, Wanted>,
) -> Result<BTreeSet<DirPath>, Error> {
    let mut effective: HashMap<DirPath, Document> = HashMap::new();
    for stored in known.into_values() {
        let document = metadata::parse(stored.effective.as_deref())?;
        effective.insert(stored.path, document);
    }
    let implied = Wanted::implied(cx);
    let mut rows = Vec::with_capacity(new.len());
    let mut documents = Vec::with_capacity(new.len());
    let mut names: BTreeSet<String> = BTreeSet::new();
    // Sorted by path, each directory comes after the one above it.
    for path in new {
        let common = if cx.is_above_home(path) { Some(Wanted::common(cx)) } else { None };
        let wanted = explicit.get(*path).or(common.as_ref()).unwrap_or(&implied);
        let mut document =
            path.parent().and_then(|parent| effective.get(&parent).cloned()).unwrap_or_default();
        document.extend(wanted.metadata.clone());
        effective.insert((*path).clone(), document.clone());
        names.extend([wanted.owner.to_string(), wanted.group.to_string()]);
        rows.push(Stored {
            path: (*path).clone(),
            vo: community.key,
            owner: TermKey::of(wanted.owner.as_str()).0,
            group: TermKey::of(wanted.group.as_str()).0,
            mode: wanted.mode,
            created: wanted.created,
            modified: wanted.modified,
            meta: metadata::text(&wanted.metadata),
            effective: metadata::text(&document),
        });
        documents.push(document);
    }
    cx.session.intern(names.iter().map(String::as_str)).await?;
    let promoted = cx.promoted().await?;
    let with_schema = documents.iter().map(|document| (&*community.schema, document));
    let columns = metadata::columns(&promoted, Entity::Directory, with_schema);
    directory::insert(&mut cx.session, &rows, columns, cx.audit).await?;
    Ok(new.iter().map(|path| (*path).clone()).collect())
}
