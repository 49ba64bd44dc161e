use std::collections::BTreeSet;

use sbk_api::{TotalKind, Verification, VerifyTotals, WrongTotal};
use sbk_model::{DatasetKey, DirKey, DirPath, SeKey, TermKey, Totals};
use sbk_store::{
    holding,
    total::{Deltas, Subject},
    verify::{self, Compared},
};

use crate::{Context, Error, Note, Run, cursor};

/// How many totals one step proves.
const STEP: usize = 200;

/// The kinds of totals in the order in which they are proved: directories come last, each
/// against those right below it.
const KINDS: [TotalKind; 5] =
    [TotalKind::Dataset, TotalKind::Se, TotalKind::Vo, TotalKind::Holder, TotalKind::Directory];

impl Run for VerifyTotals {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Verification, Error> {
        let position = self.after.as_deref().map(cursor::decode::<(usize, i64)>).transpose()?;
        let (at, after) = position.unwrap_or((0, i64::MIN));
        let kind = *KINDS.get(at).ok_or_else(|| {
            Error::invalid("after", "", "is not a cursor that this operation gave")
        })?;
        if kind == TotalKind::Holder {
            return holders(cx, self.repair, at).await;
        }
        let compared = compare(cx, kind, after).await?;
        let next = match compared.last() {
            Some(last) if compared.len() >= STEP => Some((at, last.key)),
            _ if at + 1 < KINDS.len() => Some((at + 1, i64::MIN)),
            _ => None,
        };
        let checked = compared.len() as u64;
        let mut wrong: Vec<_> = compared.into_iter().filter(|c| c.kept != c.counted).collect();
        if kind == TotalKind::Directory {
            wrong = wrong_directories(cx, wrong).await?;
        }
        if self.repair {
            repair(cx, kind, &wrong).await?;
        }
        cx.note(Note {
            count: if self.repair { wrong.len() as u64 } else { 0 },
            reason: Some("repair of totals".into()),
            detail: serde_json::json!({
                "repaired": wrong.iter().map(|c| &c.name).collect::<Vec<_>>(),
            }),
            ..Note::default()
        });
        let wrong = wrong
            .into_iter()
            .map(|c| WrongTotal {
                kind,
                name: if c.name.is_empty() { "/".into() } else { c.name },
                kept: c.kept,
                counted: c.counted,
                repaired: self.repair,
            })
            .collect();
        Ok(Verification { checked, wrong, next: next.map(|next| cursor::encode(&next)) })
    }
}

/// Proves what all owners and groups hold, which is one step: there are not many of them.
async fn holders(cx: &mut Context<'_>, repair: bool, at: usize) -> Result<Verification, Error> {
    let compared = holding::compare(&mut cx.session).await?;
    let checked = compared.len() as u64;
    let wrong: Vec<_> = compared.into_iter().filter(|(_, kept, counted)| kept != counted).collect();
    let keys: BTreeSet<i64> =
        wrong.iter().flat_map(|(holder, ..)| [holder.vo, holder.owner, holder.group]).collect();
    let terms = cx.session.terms(keys).await?;
    let mut deltas = Deltas::default();
    let mut told = Vec::with_capacity(wrong.len());
    for (holder, kept, counted) in wrong {
        if repair {
            deltas.hold(holder, counted.checked_add(-kept).unwrap_or_default())?;
        }
        let name = |key| terms.get(&key).map_or("", |name| &**name);
        let name = format!("{} {}:{}", name(holder.vo), name(holder.owner), name(holder.group));
        told.push(WrongTotal { kind: TotalKind::Holder, name, kept, counted, repaired: repair });
    }
    cx.count(deltas).await?;
    cx.note(Note {
        count: if repair { told.len() as u64 } else { 0 },
        reason: Some("repair of totals".into()),
        detail: serde_json::json!({ "repaired": told.iter().map(|w| &w.name).collect::<Vec<_>>() }),
        ..Note::default()
    });
    let next = (at + 1 < KINDS.len()).then(|| cursor::encode(&(at + 1, i64::MIN)));
    Ok(Verification { checked, wrong: told, next })
}

async fn compare(
    cx: &mut Context<'_>,
    kind: TotalKind,
    after: i64,
) -> Result<Vec<Compared>, Error> {
    let session = &mut cx.session;
    let step = i64::try_from(STEP).unwrap_or(i64::MAX);
    Ok(match kind {
        TotalKind::Dataset => verify::datasets(session, after, step).await?,
        TotalKind::Se => verify::elements(session, after, step).await?,
        TotalKind::Vo => verify::communities(session, after, step).await?,
        TotalKind::Directory => verify::directories(session, after, step).await?,
        // They are proved in one step.
        TotalKind::Holder => Vec::new(),
    })
}

/// Of directories that disagree with those right below them, and of all above, those whose total
/// is wrong: either side of a disagreement may be.
async fn wrong_directories(
    cx: &mut Context<'_>,
    suspects: Vec<Compared>,
) -> Result<Vec<Compared>, Error> {
    let mut paths = BTreeSet::new();
    for suspect in &suspects {
        let path = if suspect.name.is_empty() { "/" } else { &suspect.name };
        paths.extend(path.parse::<DirPath>()?.self_and_above());
    }
    let mut wrong = Vec::new();
    for path in paths {
        let exact = verify::directory(&mut cx.session, &path).await?;
        wrong.extend(exact.into_iter().filter(|c| c.kept != c.counted));
    }
    Ok(wrong)
}

/// Adds what is missing. What was measured in one moment stays right whatever is written
/// meanwhile, since writers add their changes to both sides.
async fn repair(cx: &mut Context<'_>, kind: TotalKind, wrong: &[Compared]) -> Result<(), Error> {
    let mut deltas = Deltas::default();
    for compared in wrong {
        let subject = match kind {
            TotalKind::Dataset => Subject::Dataset(DatasetKey(compared.key)),
            TotalKind::Se => Subject::Se(SeKey(compared.key)),
            TotalKind::Vo => Subject::Vo(TermKey(compared.key)),
            TotalKind::Directory => Subject::Directory(DirKey(compared.key)),
            TotalKind::Holder => continue,
        };
        let missing = compared.counted.checked_add(-compared.kept).unwrap_or(Totals::default());
        deltas.add(subject, missing)?;
    }
    cx.count(deltas).await
}
