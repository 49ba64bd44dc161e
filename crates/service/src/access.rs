//! Whose data a caller sees, and whose they may change.
//!
//! A caller sees the data of their own community, unless a permission opens all of them. Official
//! data is changed by those who produce; others change what they own, what their group shares with
//! them (a directory whose mode lets the group write, and the files in it), and what is below
//! their own directory `/<vo>/user/<initial>/<user>`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sbk_api::{Code, Problem};
use sbk_model::{DatasetKind, DirKey, DirPath, FileKey, Permission, TermKey, Vo};
use sbk_store::{
    dataset,
    directory::{self, Lock},
    file,
};

use crate::{Context, Error};

/// The bits that let a group, or everybody, write.
const GROUP_WRITES: u16 = 0o020;
const ALL_WRITE: u16 = 0o002;

/// What a caller sees and may change, by the keys of names.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    everywhere: bool,
    vo: Option<i64>,
    user: i64,
    group: i64,
    official: bool,
}

impl Access {
    /// Whether the caller sees the data of a community.
    pub fn sees(self, vo: i64) -> bool {
        self.everywhere || self.vo == Some(vo)
    }

    /// Whether the caller may change all that they see.
    pub fn is_official(self) -> bool {
        self.official
    }

    /// Whether the caller may do what only an owner may.
    pub fn owns(self, owner: i64) -> bool {
        self.official || owner == self.user
    }

    fn shares(self, directory: &directory::Stored) -> bool {
        let mode = directory.mode.bits();
        self.owns(directory.owner)
            || (directory.group == self.group && mode & GROUP_WRITES != 0)
            || mode & ALL_WRITE != 0
    }
}

/// Files of some names: those that the caller may change, and those that they only see.
#[derive(Debug)]
pub struct Changeable {
    files: HashMap<FileKey, file::Stored>,
    denied: HashSet<FileKey>,
}

impl Changeable {
    /// The file of a key, or why it cannot be changed.
    pub fn file(&self, key: FileKey) -> Result<&file::Stored, Problem> {
        self.files.get(&key).ok_or_else(|| {
            if self.denied.contains(&key) { not_yours() } else { crate::file::no_file() }
        })
    }
}

impl std::ops::Deref for Changeable {
    type Target = HashMap<FileKey, file::Stored>;

    fn deref(&self) -> &Self::Target {
        &self.files
    }
}

/// Says that a file is not the caller's to change.
pub fn not_yours() -> Problem {
    let text = "the file is somebody else's; its owner, or a group with the `produce` permission, \
                can do this";
    Problem::new(Code::Forbidden, text)
}

/// A caller's own directory.
fn home(vo: &str, user: &str) -> Option<DirPath> {
    let initial = user.chars().next()?;
    format!("/{vo}/user/{initial}/{user}").parse().ok()
}

impl Context<'_> {
    /// What the caller sees and may change.
    pub fn access(&self) -> Access {
        let key = |name: &str| TermKey::of(name).0;
        let may = |permission| self.caller.permissions.contains(&permission);
        Access {
            everywhere: self.caller.sees_everything(),
            vo: self.caller.vo.as_ref().map(|vo| key(vo.as_str())),
            user: key(self.caller.user.as_str()),
            group: key(self.caller.group.as_str()),
            official: may(Permission::Produce) || may(Permission::Administer),
        }
    }

    /// The community of which alone the caller sees anything; `None` where they see all.
    ///
    /// # Errors
    /// The caller sees none.
    pub fn only_community(&self) -> Result<Option<&Vo>, Error> {
        match &self.caller.vo {
            _ if self.caller.sees_everything() => Ok(None),
            Some(vo) => Ok(Some(vo)),
            None => Err(Error::Forbidden(
                Permission::AllCommunities,
                format!("{}, who belongs to no community,", self.caller.user),
            )),
        }
    }

    /// The key of the community that a list is limited to: the one asked for, or the caller's;
    /// `None` for all.
    pub fn listed_community(&self, vo: Option<&Vo>) -> Result<Option<i64>, Error> {
        if let Some(vo) = vo {
            self.check_sees(vo)?;
        }
        let own = self.only_community()?;
        Ok(vo.or(own).map(|vo| TermKey::of(vo.as_str()).0))
    }

    /// Refuses a community whose data the caller does not see.
    pub fn check_sees(&self, vo: &Vo) -> Result<(), Error> {
        match self.only_community()? {
            Some(own) if own != vo => Err(Error::Forbidden(
                Permission::AllCommunities,
                format!("{}, who belongs to {own} and not to {vo},", self.caller.user),
            )),
            _ => Ok(()),
        }
    }

    /// The files of some names that the caller may change.
    pub async fn changeable(
        &mut self,
        found: HashMap<FileKey, file::Stored>,
    ) -> Result<Changeable, Error> {
        let access = self.access();
        let foreign: Vec<_> = found.values().filter(|file| !access.owns(file.owner)).collect();
        let mut denied: HashSet<FileKey> = foreign.iter().map(|file| file.key).collect();
        if !foreign.is_empty() {
            let keys: BTreeSet<DirKey> = foreign.iter().map(|file| file.key.directory).collect();
            let around = directory::find(&mut self.session, keys, Lock::None).await?;
            denied.retain(|key| {
                !around.get(&key.directory).is_some_and(|around| access.shares(around))
            });
        }
        let mut files = found;
        files.retain(|key, _| !denied.contains(key));
        Ok(Changeable { files, denied })
    }

    /// Refuses a directory that the caller may not change.
    pub fn check_changes_directory(&self, stored: &directory::Stored) -> Result<(), Error> {
        if self.access().shares(stored) || self.is_at_home(&stored.path) {
            return Ok(());
        }
        Err(self.not_here(&stored.path))
    }

    /// Refuses a directory that is not the caller's own: what is done to all below it reaches what
    /// others own there, which a group's right to write does not.
    pub fn check_owns_directory(&self, stored: &directory::Stored) -> Result<(), Error> {
        if self.access().owns(stored.owner) || self.is_at_home(&stored.path) {
            return Ok(());
        }
        Err(self.not_here(&stored.path))
    }

    /// Whether a directory is above the caller's own, and so nobody's, when it is made for that.
    pub fn is_above_home(&self, path: &DirPath) -> bool {
        let vo = self.caller.vo.as_ref().map(Vo::as_str);
        let home = vo.and_then(|vo| home(vo, self.caller.user.as_str()));
        !self.access().official && home.is_some_and(|home| home != *path && path.contains(&home))
    }

    fn is_at_home(&self, path: &DirPath) -> bool {
        let vo = self.caller.vo.as_ref().map(Vo::as_str);
        vo.and_then(|vo| home(vo, self.caller.user.as_str()))
            .is_some_and(|home| home.contains(path))
    }

    fn not_here(&self, path: &DirPath) -> Error {
        let vo = self.caller.vo.as_ref().map_or("<vo>", Vo::as_str);
        let user = self.caller.user.as_str();
        let home = home(vo, user).map_or_else(String::new, |home| format!("; write below {home}"));
        Error::Forbidden(
            Permission::Produce,
            format!("{user} (in {path}, which is not theirs{home})"),
        )
    }

    /// Refuses directories in which the caller may not make anything. What counts is the nearest
    /// one that exists.
    pub async fn check_writes_in(&mut self, wanted: &BTreeSet<DirPath>) -> Result<(), Error> {
        let access = self.access();
        if access.official {
            return Ok(());
        }
        let chains: BTreeMap<&DirPath, Vec<DirPath>> = wanted
            .iter()
            .filter(|path| !self.is_at_home(path))
            .map(|path| (path, path.self_and_above().collect()))
            .collect();
        let keys: BTreeSet<DirKey> = chains.values().flatten().map(DirPath::key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let known = directory::find(&mut self.session, keys, Lock::None).await?;
        for (path, chain) in chains {
            let nearest = chain.iter().find_map(|above| known.get(&above.key()));
            if !nearest.is_some_and(|nearest| access.sees(nearest.vo) && access.shares(nearest)) {
                return Err(self.not_here(path));
            }
        }
        Ok(())
    }

    /// Refuses an owner other than the caller to those who may not give data away.
    pub fn check_gives(&self, field: &str, owner: Option<&str>) -> Result<(), Error> {
        match owner {
            Some(owner) if owner != self.caller.user.as_str() && !self.access().official => {
                let text = format!("{} ({field} is {owner})", self.caller.user);
                Err(Error::Forbidden(Permission::Produce, text))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a dataset that the caller may not fill: who produces fills official ones, too.
    pub async fn check_fills_dataset(&mut self, dataset: &dataset::Stored) -> Result<(), Error> {
        if dataset.kind == DatasetKind::Official && self.access().official {
            return Ok(());
        }
        self.check_changes_dataset(dataset).await
    }

    /// Refuses a dataset that the caller may not change: a personal one of somebody else, an
    /// official one to those who do not manage datasets.
    pub async fn check_changes_dataset(&mut self, dataset: &dataset::Stored) -> Result<(), Error> {
        let user = &self.caller.user;
        let may = |permission| self.caller.permissions.contains(&permission);
        match dataset.kind {
            DatasetKind::Official if may(Permission::ManageDatasets) => Ok(()),
            DatasetKind::Official => {
                let text = format!("{user} (the dataset {:?} is official)", dataset.name.as_str());
                Err(Error::Forbidden(Permission::ManageDatasets, text))
            }
            _ if may(Permission::Administer) => Ok(()),
            _ if TermKey::of(user.as_str()).0 == dataset.owner => Ok(()),
            DatasetKind::Personal => {
                let terms = self.session.terms([dataset.owner]).await?;
                let owner: sbk_model::UserName = sbk_store::name_of(&terms, dataset.owner)?;
                let text = format!("{user} (the dataset belongs to {owner})");
                Err(Error::Forbidden(Permission::Administer, text))
            }
        }
    }
}
