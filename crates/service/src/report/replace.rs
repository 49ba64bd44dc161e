//! Jobs that take the place of others.

use std::collections::{BTreeMap, HashMap};

use sbk_api::{Code, Problem};
use sbk_model::{FileStatus, JobKey};
use sbk_store::{
    directory::Lock,
    file,
    job::{self, Standing, Stored},
    job_total, lineage,
};

use super::draft::Draft;
use crate::{Context, Error, metadata::Community, retire};

/// The jobs whose place is taken, by the job that takes it.
#[derive(Debug, Default)]
pub struct Replaced(HashMap<JobKey, Stored>);

impl Replaced {
    /// The job whose place a job takes.
    pub fn of(&self, key: JobKey) -> Option<JobKey> {
        self.0.get(&key).map(|job| job.key)
    }
}

type Refused = BTreeMap<usize, Problem>;

/// Finds the jobs whose place drafts take, locked.
pub async fn find(
    cx: &mut Context<'_>,
    community: &Community,
    drafts: &[Draft<'_>],
) -> Result<Result<Replaced, Refused>, Error> {
    let wanted: Vec<_> = drafts
        .iter()
        .filter_map(|draft| {
            let name = draft.report.supersedes.as_ref()?;
            Some((draft, name, JobKey::of(&community.vo, name)))
        })
        .collect();
    if wanted.is_empty() {
        return Ok(Ok(Replaced::default()));
    }
    let keys = wanted.iter().map(|(.., key)| *key);
    let found = job::find(&mut cx.session, keys, Lock::Update).await?;
    let mut refused = Refused::new();
    let mut replaced = HashMap::new();
    for (draft, name, key) in wanted {
        match found.get(&key) {
            None => {
                let text = format!(
                    "it supersedes the job {name:?}, which has not reported yet",
                    name = name.as_str()
                );
                refused.insert(
                    draft.at,
                    Problem {
                        field: Some("supersedes".into()),
                        ..Problem::new(Code::NotFound, text)
                    },
                );
            }
            Some(job) => drop(replaced.insert(draft.key, job.clone())),
        }
    }
    Ok(if refused.is_empty() { Ok(Replaced(replaced)) } else { Err(refused) })
}

/// Retires what the replaced jobs made, where the new job counts. Their records stay.
pub async fn retire(
    cx: &mut Context<'_>,
    replaced: &Replaced,
    counting: &[&Draft<'_>],
    totals: &mut job_total::Deltas,
) -> Result<Result<(), Refused>, Error> {
    let mut refused = Refused::new();
    for draft in counting {
        let Some(old) = replaced.0.get(&draft.key) else { continue };
        if old.standing != Standing::Counts {
            continue;
        }
        let made = lineage::made_by(&mut cx.session, [old.key]).await?;
        let keys = made.iter().map(|edge| edge.file);
        let files = file::find(&mut cx.session, keys, true, Lock::Update).await?;
        let good: Vec<_> = files.values().filter(|f| f.status != FileStatus::Retired).collect();
        let (_, frozen) = retire::retire(cx, &good, None).await?;
        if let Some(dataset) = frozen.values().next() {
            let text = format!(
                "an output of the job {:?} is in the frozen dataset {:?}; it cannot be superseded",
                old.name,
                dataset.as_str()
            );
            refused.insert(draft.at, Problem::new(Code::Conflict, text));
            continue;
        }
        let new = Stored { standing: Standing::Superseded, ..old.clone() };
        job::set_standing(&mut cx.session, &[(old.key, new.standing)]).await?;
        totals.add(old, -1);
        totals.add(&new, 1);
    }
    Ok(if refused.is_empty() { Ok(()) } else { Err(refused) })
}
