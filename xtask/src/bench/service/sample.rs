use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use anyhow::Result;
use sbk_model::{AuditId, DirPath, SeKey, SeName, TermKey, Timestamp};

use crate::bench::keys::data::{File, batch};

pub const VO: &str = "bench";
pub const CAMPAIGNS: u64 = 200;
const ELEMENTS: u64 = 4;
const ACTOR: &str = "local";
const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

pub const SCHEMA: &str = r#"
version = 1
vo = "bench"

[[field]]
name = "campaign"
entity = "file"
kind = "string"
searchable = true

[[field]]
name = "energy"
entity = "file"
kind = "float"
searchable = true

[[field]]
name = "generator"
entity = "file"
kind = "enum"
values = ["evtgen", "kkmc", "bhwide", "tauola"]

[[field]]
name = "run"
entity = "file"
kind = "int"

[[field]]
name = "certified"
entity = "file"
kind = "bool"
"#;

/// The storage elements, as the body of their declaration.
pub fn elements() -> String {
    let names: Vec<String> =
        (0..ELEMENTS).map(|number| format!(r#"{{"name":"{}"}}"#, element(number))).collect();
    format!(r#"{{"elements":[{}]}}"#, names.join(","))
}

fn element(number: u64) -> String {
    format!("SITE{}-DISK", number % ELEMENTS)
}

pub fn campaign(number: u64) -> String {
    format!("c{:03}", number % CAMPAIGNS)
}

/// What a file of the benchmark has beside its name; it follows from the name's key.
struct Facts {
    adler32: u32,
    guid: String,
    element: String,
    campaign: String,
    energy: f64,
    document: String,
}

fn facts(file: &File) -> Facts {
    let mix = file.key.name.cast_unsigned();
    let campaign = campaign(mix % CAMPAIGNS);
    let energy = f64::from(u32::try_from(mix / 1000 % 100_000).unwrap_or_default()) / 1000.0;
    let generator = ["evtgen", "kkmc", "bhwide", "tauola"][usize::try_from(mix % 4).unwrap_or(0)];
    let document = format!(
        r#"{{"campaign":"{campaign}","certified":{},"energy":{energy:?},"generator":"{generator}","run":{}}}"#,
        mix.is_multiple_of(3),
        mix % 50_000,
    );
    let high = file.key.directory.0.cast_unsigned();
    let guid = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        mix >> 32,
        (mix >> 16) & 0xffff,
        mix & 0xffff,
        high >> 48,
        high & 0xffff_ffff_ffff
    );
    let adler32 = u32::try_from(mix & 0xffff_ffff).unwrap_or_default();
    Facts { adler32, guid, element: element(high), campaign, energy, document }
}

/// The body of the call that registers a batch.
pub fn registration(number: u64) -> String {
    let files: Vec<String> = batch(number)
        .iter()
        .map(|file| {
            let Facts { adler32, guid, element, document, .. } = facts(file);
            let (lfn, size, events) = (file.lfn(), file.size, file.events);
            format!(
                r#"{{"lfn":"{lfn}","size":{size},"events":{events},"guid":"{guid}","file_type":"ROOT","checksums":{{"adler32":"{adler32:08x}"}},"replicas":[{{"se":"{element}"}}],"metadata":{document}}}"#
            )
        })
        .collect();
    format!(r#"{{"vo":"{VO}","files":[{}]}}"#, files.join(","))
}

/// The rows that the registration of batches leaves, as text for `COPY` and `LOAD DATA`.
#[derive(Debug, Default)]
pub struct Rows {
    pub file: String,
    pub replica: String,
    pub directory: String,
    pub audit: String,
}

impl Rows {
    pub fn append(&mut self, more: &Self) {
        self.file.push_str(&more.file);
        self.replica.push_str(&more.replica);
        self.directory.push_str(&more.directory);
        self.audit.push_str(&more.audit);
    }
}

pub const FILE_COLUMNS: &str = "dir, id, vo, owner, owner_group, size, events, file_type, created, \
     modified, audit, adler32, status, name, guid, meta, ms_campaign, mf_energy";
pub const REPLICA_COLUMNS: &str = "dir, id, se, created, audit, status";
pub const DIRECTORY_COLUMNS: &str =
    "dir, parent, path, vo, owner, owner_group, created, modified, audit, mode";
pub const AUDIT_COLUMNS: &str = "audit, time, subjects, actor, operation, detail";
pub const TOTAL_COLUMNS: &str = "kind, subject, slot, files, bytes, events";

/// Makes rows batch after batch, and keeps their sums.
#[derive(Debug, Default)]
pub struct RowMaker {
    known: HashSet<i64>,
    totals: BTreeMap<(u8, i64), [u64; 3]>,
}

impl RowMaker {
    /// The rows of one batch; directories only where they are new.
    pub fn rows(&mut self, number: u64) -> Result<Rows> {
        let mut rows = Rows::default();
        let term = |name: &str| TermKey::of(name).0;
        let (vo, owner, kind) = (term(VO), term(ACTOR), term("ROOT"));
        let now = NOW.micros();
        let audit = AuditId::at(NOW, u32::try_from(number)?).0;
        for file in batch(number) {
            let (dir, id) = (file.key.directory.0, file.key.name);
            let Facts { adler32, guid, element, campaign, energy, document } = facts(&file);
            let se = SeKey::of(&element.parse::<SeName>()?).0;
            let File { size, events, name, .. } = &file;
            writeln!(
                rows.file,
                "{dir}\t{id}\t{vo}\t{owner}\t{owner}\t{size}\t{events}\t{kind}\t{now}\t{now}\t\
                 {audit}\t{adler32}\t0\t{name}\t{guid}\t{document}\t{campaign}\t{energy:?}"
            )?;
            writeln!(rows.replica, "{dir}\t{id}\t{se}\t{now}\t{audit}\t0")?;
            for subject in [(2, se), (3, vo)] {
                self.add(subject, &file);
            }
            for path in file.directory.parse::<DirPath>()?.self_and_above() {
                let dir = path.key().0;
                self.add((0, dir), &file);
                if self.known.insert(dir) {
                    let parent = path.parent().map(|path| path.key().0.to_string());
                    let (parent, path) = (parent.as_deref().unwrap_or("\\N"), path.prefix());
                    writeln!(
                        rows.directory,
                        "{dir}\t{parent}\t{path}\t{vo}\t{owner}\t{owner}\t{now}\t{now}\t{audit}\t493"
                    )?;
                }
            }
        }
        writeln!(rows.audit, "{audit}\t{now}\t1000\t{ACTOR}\taddFiles\t{{}}")?;
        Ok(rows)
    }

    fn add(&mut self, subject: (u8, i64), file: &File) {
        let sum = self.totals.entry(subject).or_default();
        sum[0] += 1;
        sum[1] += file.size;
        sum[2] += file.events;
    }

    /// The rows of the totals of all since the last call.
    pub fn totals(&mut self, slot: u64) -> Result<String> {
        let mut text = String::new();
        for ((kind, subject), [files, bytes, events]) in std::mem::take(&mut self.totals) {
            writeln!(text, "{kind}\t{subject}\t{slot}\t{files}\t{bytes}\t{events}")?;
        }
        Ok(text)
    }
}
