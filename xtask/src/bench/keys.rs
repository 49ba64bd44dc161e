pub(super) mod data;
mod layout;
mod report;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use sbk_testkit::{Backend, Cluster, Settings};

use self::data::{FILES_IN_BATCH, Random, batch};
use self::layout::Layout;
use self::report::Stage;
use super::machine;
use super::psql::{Session, copy, pgbench, rows};
use crate::interrupt::Interrupt;

const SERVER: [&str; 3] = ["shared_buffers=2GB", "max_wal_size=8GB", "random_page_cost=1.1"];
const PROBES: u64 = 20_000;
const REPLAYS: u64 = 20;
const LOOK_UPS: usize = 30;
const LISTINGS: usize = 100;
const PGBENCH_ROUNDS: u64 = 15;
const PGBENCH_SECONDS: u32 = 1;

/// Compares keys that are hashes of names with keys from a sequence, on `PostgreSQL`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The numbers of files at which to measure, each a multiple of 100,000.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 10_000_000])]
    rows: Vec<u64>,

    /// Where the report is written.
    #[arg(long, default_value = "target/bench/keys.md")]
    report: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let stages = &arguments.rows;
    ensure!(
        stages.is_sorted() && stages.iter().all(|rows| *rows > 0 && rows % 100_000 == 0),
        "the numbers of files must rise and be multiples of 100,000"
    );

    let interrupt = Interrupt::watch()?;
    let directory = tempfile::Builder::new().prefix("sbk-bench-keys-").tempdir()?;
    let mut catalogues = Layout::ALL
        .into_iter()
        .map(|layout| Catalogue::start(layout, directory.path()))
        .collect::<Result<Vec<_>>>()?;

    let mut report = introduction();
    let mut batches = 0;
    for rows in stages {
        let mut stage = Stage::new(*rows);
        grow(&mut catalogues, batches..rows / FILES_IN_BATCH, &interrupt, &mut stage)?;
        batches = rows / FILES_IN_BATCH;
        replay(&mut catalogues, batches, &mut stage)?;
        settle(&mut catalogues, *rows)?;
        sizes(&catalogues, &mut stage)?;
        look_up_one(&mut catalogues, &interrupt, &mut stage)?;
        look_up_many(&mut catalogues, *rows, &mut stage)?;
        list(&mut catalogues, *rows, &mut stage)?;

        let _ = write!(report, "\n{}", stage.markdown());
        save(&arguments.report, &report)?;
        println!("{}", stage.markdown());
    }
    eprintln!("The report is in {}.", arguments.report.display());
    Ok(())
}

/// One layout on a server of its own, so that no layout shares memory or log with another.
struct Catalogue {
    layout: Layout,
    cluster: Cluster,
    session: Session,
}

impl Catalogue {
    fn start(layout: Layout, parent: &Path) -> Result<Self> {
        let directory = parent.join(format!("{layout:?}"));
        fs::create_dir(&directory)?;
        fs::set_permissions(parent, std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
        let settings = Settings {
            durable: true,
            postgres_options: SERVER.map(str::to_owned).to_vec(),
            ..Settings::default()
        };
        let cluster = Cluster::start(Backend::Postgres, &directory, &settings)?;
        let mut session = Session::open(&cluster.url())?;
        session.run(layout.tables())?;
        Ok(Self { layout, cluster, session })
    }

    /// Runs statements and gives the milliseconds of all together.
    fn time(&mut self, statements: &str) -> Result<f64> {
        Ok(self.session.run(statements)?.iter().sum())
    }

    fn restart(&mut self) -> Result<()> {
        self.cluster.restart()?;
        self.session = Session::open(&self.cluster.url())?;
        Ok(())
    }
}

/// Registers the batches, each in all layouts before the next one.
fn grow(
    catalogues: &mut [Catalogue],
    batches: std::ops::Range<u64>,
    interrupt: &Interrupt,
    stage: &mut Stage,
) -> Result<()> {
    let last = batches.end - batches.end / 50;
    for number in batches {
        interrupt.check()?;
        let files = batch(number);
        for catalogue in in_turn(catalogues, number) {
            let layout = catalogue.layout;
            let times = catalogue.session.run(&layout.register(&files))?;
            let total: f64 = times.iter().sum();
            stage.add("files a second, all since the stage before", layout, rate(total));
            if number >= last {
                stage.add("files a second, last 2 %", layout, rate(total));
                stage.add("ms a batch of 1,000, last 2 %", layout, total);
                let replicas = times.iter().rev().nth(1).context("a batch has replicas")?;
                stage.add("of which ms for its replicas", layout, *replicas);
                let commit = times.last().context("a batch is committed")?;
                stage.add("of which ms for the commit", layout, *commit);
            }
        }
        if number == 10 || number == 100 || number % 1000 == 999 {
            for catalogue in &mut *catalogues {
                catalogue.session.run("ANALYZE;")?;
            }
            eprintln!("{} files registered", (number + 1) * FILES_IN_BATCH);
        }
    }
    Ok(())
}

fn replay(catalogues: &mut [Catalogue], batches: u64, stage: &mut Stage) -> Result<()> {
    for number in batches - REPLAYS..batches {
        let files = batch(number);
        for catalogue in in_turn(catalogues, number) {
            let time = catalogue.time(&catalogue.layout.register(&files))?;
            stage.add("ms to register a batch again", catalogue.layout, time);
        }
    }
    Ok(())
}

/// Checks that everything arrived, makes the table of look-ups, and lets the server come to rest.
fn settle(catalogues: &mut [Catalogue], files: u64) -> Result<()> {
    let mut random = Random::new(1);
    let mut probes = String::new();
    for number in 0..PROBES {
        let file = random.file(files);
        let (directory, name_key) = (file.key.directory.0, file.key.name);
        let (lfn, path, name) = (file.lfn(), &file.directory, &file.name);
        let _ = writeln!(probes, "{number}\t{directory}\t{name_key}\t{path}\t{name}\t{lfn}");
    }
    for catalogue in catalogues {
        let url = catalogue.cluster.url();
        let counts =
            rows(&url, "SELECT (SELECT count(*) FROM file), (SELECT count(*) FROM replica)")?;
        ensure!(counts == [format!("{files}|{files}")], "{:?}: {counts:?}", catalogue.layout);
        catalogue.session.run(
            "SET client_min_messages = warning;
             DROP TABLE IF EXISTS probe;
             CREATE TABLE probe (number int PRIMARY KEY, directory bigint, name_key bigint,
                 path text, name text, lfn text);",
        )?;
        copy(&url, "probe", &probes)?;
        catalogue.session.run("VACUUM ANALYZE;\nCHECKPOINT;")?;
    }
    Ok(())
}

fn sizes(catalogues: &[Catalogue], stage: &mut Stage) -> Result<()> {
    const MEASURES: [(&str, &str); 5] = [
        ("MB: table file", "pg_table_size('file')"),
        ("MB: indexes of file", "pg_indexes_size('file')"),
        ("MB: table replica", "pg_table_size('replica')"),
        ("MB: indexes of replica", "pg_indexes_size('replica')"),
        ("MB: directory with indexes", "pg_total_relation_size(to_regclass('directory'))"),
    ];
    for catalogue in catalogues {
        let url = catalogue.cluster.url();
        let mut total = 0.0;
        for (measure, expression) in MEASURES {
            let answer = rows(&url, &format!("SELECT coalesce({expression}, 0) / 1e6"))?;
            let megabytes = answer.first().context("a query of one row")?.parse()?;
            total += megabytes;
            stage.add(measure, catalogue.layout, megabytes);
        }
        stage.add("MB: all", catalogue.layout, total);
    }
    Ok(())
}

fn look_up_one(
    catalogues: &mut [Catalogue],
    interrupt: &Interrupt,
    stage: &mut Stage,
) -> Result<()> {
    const MEASURES: [(&str, u32); 2] = [
        ("look-ups of one name a second, 1 client", 1),
        ("look-ups of one name a second, 16 clients", 16),
    ];
    const ALONE: &str = "the probe alone a second, 16 clients";

    for catalogue in &mut *catalogues {
        // Fills the caches, through the same indexes that the look-ups use.
        let probes = catalogue.layout.look_up_probes();
        catalogue.session.run(&format!(
            "SET enable_hashjoin = off; SET enable_mergejoin = off; {probes};
             RESET enable_hashjoin; RESET enable_mergejoin;"
        ))?;
    }

    let choice = format!("\\set number random(0, {})\n", PROBES - 1);
    let alone = format!("{choice}SELECT lfn FROM probe WHERE number = :number;");
    for round in 0..PGBENCH_ROUNDS {
        let mut measure = |name, catalogue: &Catalogue, script: &str, clients| -> Result<()> {
            interrupt.check()?;
            let rate = pgbench(&catalogue.cluster.url(), script, clients, PGBENCH_SECONDS)?;
            stage.add(name, catalogue.layout, rate);
            Ok(())
        };
        for (name, clients) in MEASURES {
            for catalogue in in_turn(catalogues, round) {
                let probes = catalogue.layout.look_up_probes();
                let script = format!("{choice}{probes} WHERE number = :number;");
                measure(name, catalogue, &script, clients)?;
            }
        }
        for catalogue in in_turn(catalogues, round) {
            measure(ALONE, catalogue, &alone, 16)?;
        }
    }
    Ok(())
}

fn look_up_many(catalogues: &mut [Catalogue], rows: u64, stage: &mut Stage) -> Result<()> {
    let mut random = Random::new(2);
    for round in 0..LOOK_UPS {
        let files: Vec<_> = (0..FILES_IN_BATCH).map(|_| random.file(rows)).collect();
        for catalogue in in_turn(catalogues, round as u64) {
            let statement = catalogue.layout.look_up(&files);
            let first = catalogue.time(&statement)?;
            let again = catalogue.time(&statement)?;
            stage.add("ms for 1,000 random names, first time", catalogue.layout, first);
            stage.add("ms for 1,000 random names, again", catalogue.layout, again);
        }
    }
    Ok(())
}

fn list(catalogues: &mut [Catalogue], rows: u64, stage: &mut Stage) -> Result<()> {
    let mut random = Random::new(3);
    for catalogue in &mut *catalogues {
        catalogue.restart()?;
        // The connection reads the server's own catalogues here, not in the first measurement.
        catalogue.time(&catalogue.layout.list(0))?;
    }
    let directories: Vec<u64> = (0..LISTINGS).map(|_| random.directory(rows)).collect();
    for measure in ["ms to list 100 files, server just started", "ms to list 100 files, again"] {
        for directory in &directories {
            for catalogue in in_turn(catalogues, *directory) {
                let time = catalogue.time(&catalogue.layout.list(*directory))?;
                stage.add(measure, catalogue.layout, time);
            }
        }
    }
    Ok(())
}

/// The catalogues in an order that changes with the round: none is always first.
fn in_turn(catalogues: &mut [Catalogue], round: u64) -> impl Iterator<Item = &mut Catalogue> {
    let first = usize::try_from(round).unwrap_or_default() % catalogues.len();
    let (before, after) = catalogues.split_at_mut(first);
    after.iter_mut().chain(before)
}

/// Files a second of a batch that took so many milliseconds.
fn rate(milliseconds: f64) -> f64 {
    1e6 / milliseconds
}

fn introduction() -> String {
    let example = data::File::new(12345, 17).lfn();
    format!(
        "# Keys from names against keys from a sequence\n\n\
         {}. fsync and synchronous_commit on, {}. Each layout has a server of its own; a round \
         measures all of them in turn; the figures are medians, and the \
         middle half of the values in brackets. Client and servers share the \
         cores.\n\n\
         Files are registered in batches of 1,000, one transaction each, in 20 directories of 50 \
         new files; a directory is visited twice, ten batches apart; names are like `{example}` ({} bytes). \
         Each file gets one replica. Nothing has a foreign key. Numbered layouts find the numbers \
         of directories and files by joins in the same statement. A look-up of one name reads \
         the name, or the hashes that a client makes of it, from a table `probe` of 20,000 \
         random files, all of which were read once before.\n",
        machine::describe(),
        SERVER.join(", "),
        example.len(),
    )
}

fn save(path: &Path, report: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, report).with_context(|| format!("cannot write {}", path.display()))
}
