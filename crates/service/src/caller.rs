use std::collections::BTreeSet;

use sbk_model::{GroupName, Permission, UserName, Vo};

/// Who calls, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The user's name.
    pub user: UserName,
    /// The group that they act for.
    pub group: GroupName,
    /// What they may do.
    pub permissions: BTreeSet<Permission>,
    /// Their community, whose data they see.
    pub vo: Option<Vo>,
    /// Whether they act for the machine that the service runs on, and so for every community.
    pub local: bool,
}

impl Caller {
    /// Whether the data of every community is theirs to see.
    pub fn sees_everything(&self) -> bool {
        let may = |permission| self.permissions.contains(&permission);
        self.local || may(Permission::AllCommunities) || may(Permission::Administer)
    }

    /// Somebody with all permissions: who administers the machine that the service runs on.
    ///
    /// A name that is not valid becomes `local`.
    pub fn local(user: &str) -> Self {
        Self::with(user, "local", Permission::ALL.iter().copied())
    }

    /// Somebody with some permissions.
    pub fn with(
        user: &str,
        group: &str,
        permissions: impl IntoIterator<Item = Permission>,
    ) -> Self {
        let fallback = || "local".parse().expect("`local` is a valid name");
        Self {
            user: user.parse().unwrap_or_else(|_| fallback()),
            group: group
                .parse()
                .unwrap_or_else(|_| "local".parse().expect("`local` is a valid name")),
            permissions: permissions.into_iter().collect(),
            vo: None,
            local: true,
        }
    }
}
