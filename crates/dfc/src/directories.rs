use sbk_api::DirectoryRecord;
use sbk_metadata::Entity;
use sbk_model::{Mode, Timestamp};

use crate::{
    Error, Fields, Finding, Source,
    fields::is_last,
    source::{PAGE, int},
};

/// Permission bits that were written in decimal digits where octal ones were meant: the default of
/// a column, `DEFAULT 775`.
const DECIMAL: i64 = 775;

/// Permission bits; the usual ones for what is none.
pub fn mode(stored: i64) -> Option<Mode> {
    if stored == DECIMAL {
        return Some(Mode::DIRECTORY);
    }
    u16::try_from(stored).ok().filter(|bits| *bits <= 0o7777).map(Mode::from_bits)
}

/// A moment of whole seconds.
pub fn moment(seconds: Option<i64>) -> Option<Timestamp> {
    seconds.map(|seconds| Timestamp::from_micros(seconds.saturating_mul(1_000_000)))
}

impl Source {
    /// The directories after a number, with the number that the next page comes after.
    pub async fn directories(
        &mut self,
        fields: &Fields,
        after: Option<i64>,
    ) -> Result<(Vec<DirectoryRecord>, Option<i64>), Error> {
        let after = after.unwrap_or(i64::MIN);
        let sql = self.layout.directories();
        let rows = self.rows("directories", &sql, &[after, PAGE]).await?;
        let Some(last) = rows.last().and_then(|row| int(row, 0)) else {
            return Ok((Vec::new(), None));
        };
        let mut values = self.directory_values(fields, after, last).await?;
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(id) = int(row, 0) else { continue };
            // Paths that are none were told when they were read.
            let Some(path) = self.names.directories.get(&id).cloned() else { continue };
            let has_info = int(row, 2).is_some();
            if !has_info {
                self.findings.note(Finding::DirectoryWithoutInfo, || path.to_string());
            }
            let (uid, gid) = if has_info { (int(row, 3), int(row, 4)) } else { (Some(0), Some(0)) };
            let (owner, knows_owner) = self.names.user(uid);
            let (group, knows_group) = self.names.group(gid);
            if !knows_owner || !knows_group {
                self.findings.note(Finding::Owner, || path.to_string());
            }
            let mode = match int(row, 5).map(mode) {
                Some(Some(mode)) => mode,
                None => Mode::DIRECTORY,
                Some(None) => {
                    self.findings.note(Finding::Mode, || path.to_string());
                    Mode::DIRECTORY
                }
            };
            let vo = self.communities.of(&path);
            let whose = || path.to_string();
            let metadata = self.document(fields, Entity::Directory, &vo, values.remove(&id), whose);
            let created = moment(int(row, 6)).unwrap_or_else(|| Timestamp::from_micros(0));
            let modified = moment(int(row, 7)).unwrap_or(created);
            records.push(DirectoryRecord {
                path,
                vo,
                owner,
                group,
                mode,
                created,
                modified,
                metadata,
            });
        }
        Ok((records, Some(last).filter(|_| !is_last(rows.len()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_bits_are_read_as_they_were_meant() {
        assert_eq!(mode(509), Some(Mode::DIRECTORY));
        assert_eq!(mode(775), Some(Mode::DIRECTORY));
        assert_eq!(mode(0o4755).map(Mode::bits), Some(0o4755));
        assert_eq!(mode(65_535), None);
        assert_eq!(mode(-1), None);
    }
}
