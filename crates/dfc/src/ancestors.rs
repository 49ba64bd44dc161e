use sbk_model::Lfn;

use crate::{
    Error, Finding, Source,
    fields::is_last,
    source::{PAGE, int, text},
    tables::signed,
};

/// A file and one that it was made from, by their numbers.
pub type Edge = (i64, i64);

impl Source {
    /// Which files were made from which, after an edge, with the edge that the next page comes after.
    ///
    /// DIRAC stores all ancestors with their depths; those further away follow from the direct ones.
    pub async fn parents(
        &mut self,
        after: Option<Edge>,
    ) -> Result<(Vec<(Lfn, Lfn)>, Option<Edge>), Error> {
        if self.tables.name("FC_FileAncestors").is_none() {
            return Ok((Vec::new(), None));
        }
        let (child, parent) = after.unwrap_or((i64::MIN, i64::MIN));
        let sql = format!(
            "SELECT {}, {}, {}, c.FileName, {}, p.FileName FROM FC_FileAncestors a \
             LEFT JOIN FC_Files c ON c.FileID = a.FileID \
             LEFT JOIN FC_Files p ON p.FileID = a.AncestorID \
             WHERE a.AncestorDepth = 1 AND a.FileID >= ? AND (a.FileID > ? OR a.AncestorID > ?) \
             ORDER BY a.FileID, a.AncestorID LIMIT ?",
            signed("a.FileID"),
            signed("a.AncestorID"),
            signed("c.DirID"),
            signed("p.DirID"),
        );
        let rows = self.rows("ancestors", &sql, &[child, child, parent, PAGE]).await?;
        let mut edges = Vec::with_capacity(rows.len());
        let mut last = None;
        for row in &rows {
            let (child, parent) = (int(row, 0), int(row, 1));
            last = child.zip(parent);
            match (int(row, 2), int(row, 4)) {
                (Some(of_child), Some(of_parent)) => {
                    let child = self.lfn(Some(of_child), text(row, 3));
                    edges.extend(child.zip(self.lfn(Some(of_parent), text(row, 5))));
                }
                _ => self.findings.note(Finding::Edge, || {
                    let number = |id: Option<i64>| id.unwrap_or_default();
                    format!("FileID {} from {}", number(child), number(parent))
                }),
            }
        }
        Ok((edges, last.filter(|_| !is_last(rows.len()))))
    }
}
