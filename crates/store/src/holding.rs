//! What the files of each owner and group amount to, kept in the transaction that changes it.

use std::collections::{BTreeMap, BTreeSet};

use sbk_model::Totals;

use crate::{
    Error, Session,
    dialect::{Batch, Conflict, Param, Row},
    total::Holder,
};

/// Writes changes.
pub async fn add(session: &mut Session, changes: BTreeMap<Holder, Totals>) -> Result<(), Error> {
    let changes: Vec<_> = changes.into_iter().filter(|(_, change)| !change.is_zero()).collect();
    if changes.is_empty() {
        return Ok(());
    }
    let slot = session.slot();
    let batch = Batch::default()
        .ints("vo", changes.iter().map(|(holder, _)| holder.vo))
        .ints("owner", changes.iter().map(|(holder, _)| holder.owner))
        .ints("owner_group", changes.iter().map(|(holder, _)| holder.group))
        .ints("slot", changes.iter().map(|_| slot))
        .ints("files", changes.iter().map(|(_, change)| change.files))
        .ints("bytes", changes.iter().map(|(_, change)| change.bytes))
        .ints("events", changes.iter().map(|(_, change)| change.events));
    let key = &["vo", "owner", "owner_group", "slot"];
    let sums = &["files", "bytes", "events"];
    session.insert("holding", batch, Conflict::Add { key, sums }).await?;
    Ok(())
}

fn read(row: &Row) -> Result<(Holder, Totals), Error> {
    let holder = Holder { vo: row.int(0)?, owner: row.int(1)?, group: row.int(2)? };
    let totals = Totals { files: row.int(3)?, bytes: row.int(4)?, events: row.int(5)? };
    Ok((holder, totals))
}

/// Which holdings are listed; all where nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Of a community.
    pub vo: Option<i64>,
    /// Of an owner.
    pub owner: Option<i64>,
    /// Of a group.
    pub group: Option<i64>,
}

/// Lists holdings in the order of their keys, after one; those of nothing are left out.
pub async fn list(
    session: &mut Session,
    filter: Filter,
    after: Option<Holder>,
    limit: i64,
) -> Result<Vec<(Holder, Totals)>, Error> {
    let mut condition = String::from("1 = 1");
    let mut params: Vec<Param> = Vec::new();
    let Filter { vo, owner, group } = filter;
    for (column, key) in [("vo", vo), ("owner", owner), ("owner_group", group)] {
        if let Some(key) = key {
            condition.push_str(" AND h.");
            condition.push_str(column);
            condition.push_str(" = ?");
            params.push(key.into());
        }
    }
    if let Some(Holder { vo, owner, group }) = after {
        condition.push_str(
            " AND (h.vo > ? OR (h.vo = ? AND (h.owner > ? OR (h.owner = ? AND h.owner_group > ?))))",
        );
        params.extend([vo, vo, owner, owner, group].map(Param::from));
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT h.vo, h.owner, h.owner_group, CAST(SUM(h.files) AS {{int}}), \
         CAST(SUM(h.bytes) AS {{int}}), CAST(SUM(h.events) AS {{int}}) FROM holding h \
         WHERE {condition} GROUP BY h.vo, h.owner, h.owner_group \
         HAVING SUM(h.files) <> 0 OR SUM(h.bytes) <> 0 OR SUM(h.events) <> 0 \
         ORDER BY h.vo, h.owner, h.owner_group LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// What is kept of each holder beside what the files say, both of one moment.
pub async fn compare(session: &mut Session) -> Result<Vec<(Holder, Totals, Totals)>, Error> {
    let sql = "SELECT u.vo, u.owner, u.owner_group, CAST(SUM(u.files) AS {int}), \
               CAST(SUM(u.bytes) AS {int}), CAST(SUM(u.events) AS {int}), u.side FROM ( \
                 SELECT h.vo, h.owner, h.owner_group, h.files, h.bytes, h.events, 0 AS side \
                 FROM holding h \
                 UNION ALL \
                 SELECT f.vo, f.owner, f.owner_group, COUNT(*) AS files, SUM(f.size) AS bytes, \
                 SUM(COALESCE(f.events, 0)) AS events, 1 AS side FROM file f WHERE f.status < 3 \
                 GROUP BY f.vo, f.owner, f.owner_group \
               ) AS u GROUP BY u.vo, u.owner, u.owner_group, u.side";
    let rows = session.rows(sql, vec![]).await?;
    let (mut kept, mut counted) = (BTreeMap::new(), BTreeMap::new());
    for row in &rows {
        let (holder, totals) = read(row)?;
        let side = if row.int(6)? == 0 { &mut kept } else { &mut counted };
        side.insert(holder, totals);
    }
    let holders: BTreeSet<Holder> = kept.keys().chain(counted.keys()).copied().collect();
    let of =
        |side: &BTreeMap<Holder, Totals>, holder| side.get(holder).copied().unwrap_or_default();
    Ok(holders.iter().map(|holder| (*holder, of(&kept, holder), of(&counted, holder))).collect())
}
