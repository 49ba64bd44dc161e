//! Files by the ids that their producers gave them.

use std::collections::{BTreeSet, HashMap};

use sbk_api::{Code, FindGuids, FoundGuids, GuidOf, Problem};
use sbk_model::{FileKey, Guid, Lfn};
use sbk_store::guid;

use crate::{Context, Error, Run, register::check_count};

impl Run for FindGuids {
    async fn run(&self, cx: &mut Context<'_>) -> Result<FoundGuids, Error> {
        check_count("guids", self.guids.len(), 10_000)?;
        let wanted: BTreeSet<Guid> = self.guids.iter().copied().collect();
        let access = cx.access();
        let mut found: Vec<_> = guid::find(&mut cx.session, wanted).await?;
        found.retain(|holder| access.sees(holder.vo));
        let mut by_guid: HashMap<Guid, Vec<Lfn>> = HashMap::new();
        for holder in found {
            by_guid.entry(holder.guid).or_default().push(holder.lfn);
        }
        let (mut answer, mut seen) = (FoundGuids::default(), BTreeSet::new());
        for guid in self.guids.iter().copied().filter(|guid| seen.insert(*guid)) {
            match by_guid.remove(&guid) {
                None => answer.missing.push(guid),
                Some(mut lfns) => {
                    lfns.sort_unstable();
                    answer.found.extend(lfns.into_iter().map(|lfn| GuidOf { guid, lfn }));
                }
            }
        }
        Ok(answer)
    }
}

/// Refuses files whose ids others have, or have in the same call; by the place in the list.
///
/// Who registers an id locks it until the end of the transaction, so two that do so at once see
/// one another.
pub async fn taken(
    cx: &mut Context<'_>,
    files: &[(FileKey, Guid)],
) -> Result<HashMap<usize, Problem>, Error> {
    let guids: BTreeSet<Guid> = files.iter().map(|(_, guid)| *guid).collect();
    guid::lock(&mut cx.session, &guids).await?;
    let mut holders: HashMap<Guid, (FileKey, String)> = HashMap::new();
    for holder in guid::find(&mut cx.session, guids).await? {
        holders.entry(holder.guid).or_insert((holder.file, holder.lfn.to_string()));
    }
    let mut taken = HashMap::new();
    for (at, (file, guid)) in files.iter().enumerate() {
        match holders.get(guid) {
            Some((holder, lfn)) if holder != file => {
                let text = format!("its GUID {guid} is that of another file, {lfn}");
                let problem = Problem::new(Code::Conflict, text);
                taken.insert(at, Problem { field: Some("guid".into()), ..problem });
            }
            Some(_) => {}
            None => drop(holders.insert(*guid, (*file, "of the same call".into()))),
        }
    }
    Ok(taken)
}
