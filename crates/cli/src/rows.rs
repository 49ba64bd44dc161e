//! What of each thing is shown in a table.

use sbk_api::{
    AuditEntry, Community, Dataset, Difference, Entry, File, Fill, Holding, ItemResult, RunSummary,
    SchemaChange, SchemaDocument, Site, Snapshot, SnapshotFile, StorageElementUse, WrongTotal,
};

use crate::{cell::Cell, output::Row};

impl Row for Community {
    const HEADINGS: &'static [&'static str] =
        &["COMMUNITY", "FILES", "SIZE", "EVENTS", "SCHEMA", "CREATED"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.vo),
            Cell::Count(self.totals.files),
            Cell::Bytes(self.totals.bytes),
            Cell::Count(self.totals.events),
            Cell::Count(self.schema_version.into()),
            Cell::Time(self.created),
        ]
    }
}

impl Row for File {
    const HEADINGS: &'static [&'static str] = &["LFN", "SIZE", "EVENTS", "STATUS", "TYPE"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.lfn),
            Cell::Bytes(self.size.get()),
            Cell::count(self.events.map(sbk_model::Events::get)),
            Cell::text(self.status),
            Cell::optional(self.file_type.as_ref()),
        ]
    }

    /// Only the name, ready for another program.
    fn plain(&self) -> Vec<Cell> {
        vec![Cell::text(&self.lfn)]
    }
}

impl Row for Entry {
    const HEADINGS: &'static [&'static str] =
        &["NAME", "FILES", "SIZE", "EVENTS", "STATUS", "OWNER", "MODIFIED"];

    fn cells(&self) -> Vec<Cell> {
        match self {
            Self::Directory { name, owner, mode, modified, totals } => vec![
                Cell::text(format_args!("{name}/")),
                Cell::Count(totals.files),
                Cell::Bytes(totals.bytes),
                Cell::Count(totals.events),
                Cell::text(mode),
                Cell::text(owner),
                Cell::Time(*modified),
            ],
            Self::File { name, size, events, status, owner, modified } => vec![
                Cell::text(name),
                Cell::Missing,
                Cell::Bytes(size.get()),
                Cell::count(events.map(sbk_model::Events::get)),
                Cell::text(status),
                Cell::text(owner),
                Cell::Time(*modified),
            ],
        }
    }
}

impl Row for Dataset {
    const HEADINGS: &'static [&'static str] =
        &["DATASET", "STATUS", "FILES", "SIZE", "EVENTS", "COMMUNITY"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::text(self.status),
            Cell::count_of(self.files, self.declared.files),
            Cell::bytes_of(self.bytes, self.declared.bytes),
            Cell::count_of(self.events, self.declared.events),
            Cell::text(&self.vo),
        ]
    }
}

impl Row for Snapshot {
    const HEADINGS: &'static [&'static str] =
        &["VERSION", "FILES", "SIZE", "EVENTS", "CREATED", "CONTENT HASH"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Count(self.version.into()),
            Cell::Count(self.files),
            Cell::Bytes(self.bytes),
            Cell::Count(self.events),
            Cell::Time(self.created),
            Cell::text(&self.content_hash),
        ]
    }
}

impl Row for SnapshotFile {
    const HEADINGS: &'static [&'static str] = &["LFN"];

    fn cells(&self) -> Vec<Cell> {
        vec![Cell::text(&self.lfn)]
    }
}

impl Row for Difference {
    const HEADINGS: &'static [&'static str] = &["CHANGE", "LFN"];

    fn cells(&self) -> Vec<Cell> {
        let change = match self.change {
            sbk_api::Change::Added => "added",
            sbk_api::Change::Removed => "removed",
            sbk_api::Change::Changed => "changed",
        };
        vec![Cell::text(change), Cell::text(&self.lfn)]
    }
}

impl Row for Holding {
    const HEADINGS: &'static [&'static str] =
        &["OWNER", "GROUP", "COMMUNITY", "FILES", "SIZE", "EVENTS"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.owner),
            Cell::text(&self.group),
            Cell::text(&self.vo),
            Cell::Count(self.totals.files),
            Cell::Bytes(self.totals.bytes),
            Cell::Count(self.totals.events),
        ]
    }
}

impl Row for StorageElementUse {
    const HEADINGS: &'static [&'static str] =
        &["STORAGE ELEMENT", "SITE", "REPLICAS", "SIZE", "EVENTS", "PREFIX"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.element.name),
            Cell::optional(self.element.site.as_ref()),
            Cell::Count(self.totals.files),
            Cell::Bytes(self.totals.bytes),
            Cell::Count(self.totals.events),
            Cell::optional(self.element.pfn_prefix.as_ref()),
        ]
    }
}

impl Row for Site {
    const HEADINGS: &'static [&'static str] = &["SITE"];

    fn cells(&self) -> Vec<Cell> {
        vec![Cell::text(&self.name)]
    }
}

impl Row for RunSummary {
    const HEADINGS: &'static [&'static str] = &[
        "RUN",
        "FILL",
        "STARTED",
        "ENDED",
        "EVENTS",
        "SECTIONS",
        "RECORDED",
        "UNIT",
        "QUALITY",
        "CONDITIONS",
        "COMMUNITY",
    ];

    fn cells(&self) -> Vec<Cell> {
        let sections = self.run.sections.as_ref().map(sbk_model::Intervals::count);
        vec![
            Cell::text(self.run.run),
            Cell::optional(self.run.fill),
            self.run.started.map_or(Cell::Missing, Cell::Time),
            self.run.ended.map_or(Cell::Missing, Cell::Time),
            Cell::count(self.run.events.map(sbk_model::Events::get)),
            Cell::count(sections.and_then(|count| i64::try_from(count).ok())),
            Cell::optional(self.recorded),
            Cell::text(&self.unit),
            Cell::text(self.quality),
            Cell::optional(self.run.conditions.as_ref()),
            Cell::text(&self.vo),
        ]
    }
}

impl Row for Fill {
    const HEADINGS: &'static [&'static str] = &["FILL", "STARTED", "ENDED", "COMMUNITY", "DETAILS"];

    fn cells(&self) -> Vec<Cell> {
        let details = self.fill.details.iter();
        vec![
            Cell::text(self.fill.fill),
            self.fill.started.map_or(Cell::Missing, Cell::Time),
            self.fill.ended.map_or(Cell::Missing, Cell::Time),
            Cell::text(&self.vo),
            Cell::list(details.map(|(name, text)| format!("{name}={text}"))),
        ]
    }
}

impl Row for SchemaDocument {
    const HEADINGS: &'static [&'static str] = &["VERSION", "APPLIED", "BY"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Count(self.version.into()),
            self.applied.map_or(Cell::Missing, Cell::Time),
            Cell::optional(self.actor.as_ref()),
        ]
    }
}

impl Row for SchemaChange {
    const HEADINGS: &'static [&'static str] = &["FIELD", "VALUES", "LOST", "CHANGE"];

    fn cells(&self) -> Vec<Cell> {
        let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
        vec![
            Cell::text(format_args!("{}.{}", self.entity, self.field)),
            Cell::Count(number(self.values)),
            Cell::Count(number(self.lost)),
            Cell::text(&self.description),
        ]
    }
}

impl Row for WrongTotal {
    const HEADINGS: &'static [&'static str] =
        &["KIND", "FILES", "COUNTED", "SIZE", "COUNTED", "EVENTS", "COUNTED", "REPAIRED", "NAME"];

    fn cells(&self) -> Vec<Cell> {
        let kind = match self.kind {
            sbk_api::TotalKind::Directory => "directory",
            sbk_api::TotalKind::Dataset => "dataset",
            sbk_api::TotalKind::Se => "se",
            sbk_api::TotalKind::Vo => "vo",
            sbk_api::TotalKind::Holder => "holder",
        };
        vec![
            Cell::text(kind),
            Cell::Count(self.kept.files),
            Cell::Count(self.counted.files),
            Cell::Bytes(self.kept.bytes),
            Cell::Bytes(self.counted.bytes),
            Cell::Count(self.kept.events),
            Cell::Count(self.counted.events),
            Cell::text(if self.repaired { "yes" } else { "no" }),
            Cell::text(&self.name),
        ]
    }
}

impl Row for AuditEntry {
    const HEADINGS: &'static [&'static str] =
        &["TIME", "ACTOR", "OPERATION", "COUNT", "REASON", "DETAIL"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Time(self.time),
            Cell::text(&self.actor),
            Cell::text(&self.operation),
            Cell::Count(self.count),
            Cell::optional(self.reason.as_ref()),
            Cell::text(&self.detail),
        ]
    }
}

impl Row for ItemResult {
    const HEADINGS: &'static [&'static str] = &["NAME", "OUTCOME", "PROBLEM"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::text(crate::bulk::outcome(self.outcome)),
            Cell::optional(self.problem.as_ref()),
        ]
    }
}
