pub mod database;
pub mod http;
pub mod process;
pub mod report;
mod sample;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use sbk_model::{DatasetKey, DatasetName, Vo};
use sbk_testkit::{Backend, postgres_program};

use self::database::Database;
use self::http::{Connection, Request};
use self::process::{Server, cpu_seconds, forget_peak, memory_mib};
use self::report::Report;
use self::sample::{RowMaker, VO, campaign};
use super::keys::data::{FILES_IN_BATCH, Random};
use super::machine;
use super::psql::pgbench_scripts;
use crate::interrupt::Interrupt;

const BATCHES: u64 = 100;
const LOOK_UPS: usize = 200;
const QUERIES: u64 = 200;
const STREAMS: usize = 3;
const STREAMED: u64 = 1_000_000;
const CLIENTS: usize = 16;
/// Few, since `pgbench` prepares each of its scripts on each of its connections first.
const HOT_NAMES: usize = 8;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
const LOADED_AT_ONCE: u64 = 100;

/// Measures the service over REST, each database beside its own tools.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The numbers of files at which to measure, in thousands of 20.
    #[arg(long, value_delimiter = ',', default_value = "100000,1000000")]
    rows: Vec<u64>,

    /// The database.
    #[arg(long, default_value = "postgres")]
    backend: Backend,

    /// Where the report goes.
    #[arg(long, default_value = "target/bench-service.md")]
    output: PathBuf,

    /// Fill the catalogue, measure nothing, and keep it running until Ctrl-C, for profiles.
    #[arg(long)]
    hold: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let interrupt = Interrupt::watch()?;
    let program = Server::build()?;
    let directory = tempfile::Builder::new().prefix("sbk-bench-").tempdir()?;
    let database = Database::start(arguments.backend, directory.path())?;
    let log = directory.path().join("service.log");
    let server = Server::start(&program, database.url(), &log)?;
    let connection = Connection::open(server.address)?;
    let report = Report::new(&format!("{}: {}", arguments.backend, machine::describe()));
    let mut bench = Bench {
        backend: arguments.backend,
        interrupt,
        database,
        server,
        connection,
        report,
        maker: RowMaker::default(),
        batches: 0,
        has_peers: false,
    };
    bench.idle()?;
    bench.prepare()?;
    if arguments.hold {
        return bench.hold(&arguments.rows);
    }
    for (stage, rows) in arguments.rows.iter().enumerate() {
        let outcome = bench.stage(stage, *rows);
        save(&arguments.output, &bench.report.markdown())?;
        outcome?;
    }
    println!("{}", bench.report.markdown());
    Ok(())
}

fn save(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// What a batch is registered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registration {
    /// To have more files.
    Filling,
    /// To measure the first batches after a checkpoint.
    AfterCheckpoint,
    /// To measure it beside the database's own tool, into tables of the same size.
    BesidePeer,
    /// To measure it.
    Alone,
}

struct Bench {
    backend: Backend,
    interrupt: Interrupt,
    connection: Connection,
    server: Server,
    database: Database,
    report: Report,
    maker: RowMaker,
    /// How many batches are registered.
    batches: u64,
    has_peers: bool,
}

impl Bench {
    fn idle(&mut self) -> Result<()> {
        thread::sleep(Duration::from_secs(2));
        self.report.add("MiB of memory, idle", memory_mib(self.server.pid(), "VmRSS")?);
        Ok(())
    }

    /// Declares the community, its schema and its storage elements, and waits for the columns.
    fn prepare(&mut self) -> Result<()> {
        let schema = format!(r#"{{"toml":{:?}}}"#, sample::SCHEMA);
        for request in [
            Request::put(&format!("/communities/{VO}"), "{}"),
            Request::post(&format!("/schema/{VO}"), &schema),
            Request::post("/storage-elements", &sample::elements()),
        ] {
            self.connection.send(&request)?;
        }
        let promote = Request::post("/schema-promotion", "{}");
        while !String::from_utf8(self.connection.send(&promote)?)?.contains("\"done\":true") {
            self.interrupt.check()?;
            thread::sleep(Duration::from_millis(200));
        }
        self.has_peers = self.database.make_peers()?;
        Ok(())
    }

    /// Fills the catalogue and waits.
    fn hold(&mut self, rows: &[u64]) -> Result<()> {
        self.register(Registration::Filling)?;
        let wanted = rows.last().copied().unwrap_or_default() / FILES_IN_BATCH;
        self.fill(0, wanted)?;
        self.database.settle()?;
        println!("database {}", self.database.url());
        println!("service http://{} in process {}", self.server.address, self.server.pid());
        self.interrupt.wait();
        Ok(())
    }

    fn stage(&mut self, number: usize, rows: u64) -> Result<()> {
        self.report.stage(rows);
        let wanted = rows / FILES_IN_BATCH;
        if number == 0 {
            while self.batches < wanted {
                self.register(Registration::Filling)?;
            }
        } else {
            self.fill(number, wanted)?;
            self.database.settle()?;
        }
        self.look_up_many(rows)?;
        self.query()?;
        self.look_up_one(rows)?;
        if number > 0 {
            // The database writes each page whole that it changes first after a checkpoint; the
            // first stage is past that, since it registers all its files.
            for _ in 0..BATCHES {
                self.register(Registration::AfterCheckpoint)?;
            }
        }
        for _ in 0..BATCHES {
            let alone = number > 0;
            self.register(if alone { Registration::Alone } else { Registration::BesidePeer })?;
        }
        if rows == STREAMED {
            self.stream()?;
        }
        self.report.add("MiB of memory, at most", memory_mib(self.server.pid(), "VmHWM")?);
        Ok(())
    }

    /// Registers the next batch.
    fn register(&mut self, kind: Registration) -> Result<()> {
        self.interrupt.check()?;
        let request = Request::post("/files", &sample::registration(self.batches));
        let rows = self.maker.rows(self.batches)?;
        self.batches += 1;
        let with_peer =
            self.has_peers && matches!(kind, Registration::Filling | Registration::BesidePeer);
        let peer_first = self.batches.is_multiple_of(2);
        let (mut peer, mut peer_cpu) = (0.0, 0.0);
        if with_peer && peer_first {
            (peer, peer_cpu) = self.load_peers(&rows)?;
        }
        let before = self.cpu();
        let began = Instant::now();
        let answer = self.connection.send(&request)?;
        let took = began.elapsed().as_secs_f64() * 1000.0;
        let after = self.cpu();
        ensure!(answer.starts_with(b"{\"added\":1000,"), "{}", String::from_utf8_lossy(&answer));
        if with_peer && !peer_first {
            (peer, peer_cpu) = self.load_peers(&rows)?;
        }
        if kind == Registration::AfterCheckpoint {
            self.report.add("ms to register 1,000 files, right after a checkpoint", took);
        } else if kind != Registration::Filling {
            self.report.add("ms to register 1,000 files", took);
            self.report.add_mean("of which ms of server CPU (mean)", (after.0 - before.0) * 1000.0);
            self.report
                .add_mean("of which ms of database CPU (mean)", (after.1 - before.1) * 1000.0);
            if with_peer {
                self.report.add("ms to load the same rows", peer);
                self.report.add_mean("of which ms of database CPU, load (mean)", peer_cpu);
                self.report.add("rate of the service to the load", peer / took);
            }
        }
        Ok(())
    }

    /// Milliseconds that the database's own tool takes for the rows, and those of the database's
    /// processor time in them.
    fn load_peers(&mut self, rows: &sample::Rows) -> Result<(f64, f64)> {
        let before = self.cpu().1;
        let took = self.database.load("peer_", rows)?;
        Ok((took, (self.cpu().1 - before) * 1000.0))
    }

    /// Seconds of processor time of the service and of the database.
    fn cpu(&self) -> (f64, f64) {
        (cpu_seconds(self.server.pid()), self.database.pid().map_or(0.0, cpu_seconds))
    }

    /// Brings the catalogue to a number of batches.
    fn fill(&mut self, number: usize, wanted: u64) -> Result<()> {
        if !self.database.can_load() {
            while self.batches < wanted {
                self.register(Registration::Filling)?;
            }
            return Ok(());
        }
        let began = Instant::now();
        self.maker.totals(0)?;
        let indexes = self.database.drop_indexes()?;
        while self.batches < wanted {
            self.interrupt.check()?;
            let mut rows = sample::Rows::default();
            let last = (self.batches + LOADED_AT_ONCE).min(wanted);
            for batch in self.batches..last {
                rows.append(&self.maker.rows(batch)?);
            }
            self.database.load("", &rows)?;
            self.batches = last;
            if last.is_multiple_of(1000) {
                eprintln!("{} files after {:.0?}", last * FILES_IN_BATCH, began.elapsed());
            }
        }
        for index in indexes {
            self.interrupt.check()?;
            self.database.run(&index)?;
            eprintln!("{index} after {:.0?}", began.elapsed());
        }
        let totals = self.maker.totals(100 + number as u64)?;
        self.database.load_totals(&totals)
    }

    fn look_up_many(&mut self, rows: u64) -> Result<()> {
        for (more, wall, server, database) in [
            (
                "",
                "ms to look up 1,000 names",
                "of which ms of server CPU, names",
                "of which ms of database CPU, names",
            ),
            (
                r#","metadata":true,"replicas":true"#,
                "ms to look up 1,000 names with metadata and replicas",
                "of which ms of server CPU, names with all",
                "of which ms of database CPU, names with all",
            ),
        ] {
            let mut random = Random::new(7);
            let requests: Vec<_> = (0..LOOK_UPS)
                .map(|_| {
                    let names: Vec<_> =
                        (0..1000).map(|_| format!("{:?}", random.file(rows).lfn())).collect();
                    Request::post(
                        "/files/find",
                        &format!(r#"{{"lfns":[{}]{more}}}"#, names.join(",")),
                    )
                })
                .collect();
            // Fills the caches.
            for request in &requests {
                self.connection.send(request)?;
            }
            let before = self.cpu();
            for request in &requests {
                let began = Instant::now();
                self.connection.send(request)?;
                self.report.add(wall, began.elapsed().as_secs_f64() * 1000.0);
            }
            let after = self.cpu();
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let each = 1000.0 / LOOK_UPS as f64;
            self.report.add(server, (after.0 - before.0) * each);
            self.report.add(database, (after.1 - before.1) * each);
        }
        Ok(())
    }

    fn query(&mut self) -> Result<()> {
        for round in 0..2 {
            for number in 0..QUERIES {
                let (low, high) = (number % 80, number % 80 + 10);
                let campaign = campaign(number * 7);
                let body = format!(
                    r#"{{"vo":"{VO}","metadata":true,"expr":"campaign = '{campaign}' and energy >= {low} and energy < {high}"}}"#
                );
                let request = Request::post("/query", &body);
                let began = Instant::now();
                let answer = self.connection.send(&request)?;
                if round > 0 {
                    self.report.add(
                        "ms for the first page of a query",
                        began.elapsed().as_secs_f64() * 1000.0,
                    );
                }
                ensure!(answer.len() > 100, "nothing was found");
            }
        }
        Ok(())
    }

    fn look_up_one(&mut self, rows: u64) -> Result<()> {
        let mut random = Random::new(9);
        let files: Vec<_> = (0..HOT_NAMES).map(|_| random.file(rows)).collect();
        let requests: Vec<_> = files
            .iter()
            .map(|file| {
                let body = format!(r#"{{"lfns":[{:?}],"metadata":true}}"#, file.lfn());
                Request::post("/files/find", &body)
            })
            .collect();
        let scripts: Vec<_> = files
            .iter()
            .map(|file| {
                let (dir, id) = (file.key.directory.0, file.key.name);
                format!("\\set dir {dir}\n\\set id {id}\n{ONE}\n")
            })
            .collect();
        for _ in 0..ROUNDS {
            self.interrupt.check()?;
            let rate = look_up_at_once(self.server.address, &requests)?;
            self.report.add("single look-ups a second, 16 connections", rate);
            if self.backend == Backend::Postgres {
                let peer = pgbench_scripts(self.database.url(), &scripts, 16, 4)?;
                self.report.add("the same select a second with pgbench", peer);
                self.report.add("rate of the service to pgbench", rate / peer);
            }
        }
        Ok(())
    }

    fn stream(&mut self) -> Result<()> {
        let dataset = Request::post(
            "/datasets",
            &format!(r#"{{"vo":"{VO}","datasets":[{{"name":"all","status":"open"}}]}}"#),
        );
        self.connection.send(&dataset)?;
        let key = DatasetKey::of(&VO.parse::<Vo>()?, &"all".parse::<DatasetName>()?).0;
        self.database.run(&format!(
            "INSERT INTO member SELECT {key}, dir, id, 0 FROM file LIMIT {STREAMED};"
        ))?;
        self.database.settle()?;
        let request = Request::lines(&format!("/datasets/all/files?vo={VO}"));
        for round in 0..=STREAMS {
            self.interrupt.check()?;
            forget_peak(self.server.pid())?;
            let before = self.cpu();
            let began = Instant::now();
            let (lines, bytes) = self.connection.count_lines(&request)?;
            let took = began.elapsed().as_secs_f64();
            let after = self.cpu();
            ensure!(lines >= STREAMED, "{lines} lines came");
            let memory = memory_mib(self.server.pid(), "VmHWM")?;
            let peer = if self.backend == Backend::Postgres {
                copy_out(self.database.url(), key)?
            } else {
                0.0
            };
            if round == 0 {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let (lines, bytes) = (lines as f64, bytes as f64);
            self.report.add("files a second in a stream of 1 M", lines / took);
            self.report.add("bytes a file in the stream", bytes / lines);
            self.report.add("s of server CPU for the stream", after.0 - before.0);
            self.report.add("s of database CPU for the stream", after.1 - before.1);
            self.report.add("MiB of memory at most, streaming", memory);
            if peer > 0.0 {
                self.report.add("files a second with \\copy to stdout", lines / peer);
                self.report.add("rate of the stream to \\copy", peer / took);
            }
        }
        Ok(())
    }
}

/// What a look-up reads of a file.
macro_rules! columns {
    () => {
        "f.dir, f.id, f.name, f.vo, f.owner, f.owner_group, f.size, f.events, f.file_type, \
         f.status, f.created, f.modified, f.until_time, f.adler32, f.md5, \
         CAST(f.checksums AS text), f.guid, f.audit, CAST(f.meta AS text)"
    };
}

const ONE: &str = concat!("SELECT ", columns!(), " FROM file f WHERE f.dir = :dir AND f.id = :id;");

/// Looks single names up over several connections at once, and gives how many a second.
fn look_up_at_once(address: SocketAddr, requests: &[Request]) -> Result<f64> {
    let began = Instant::now();
    let counts = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || -> Result<u64> {
                    let mut connection = Connection::open(address)?;
                    let mut count = 0;
                    for request in requests.iter().cycle().skip(client * 7) {
                        connection.send(request)?;
                        count += 1;
                        if began.elapsed() > ROUND {
                            break;
                        }
                    }
                    Ok(count)
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("a client does not panic"))
            .sum::<Result<u64>>()
    })?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let count = counts as f64;
    Ok(count / began.elapsed().as_secs_f64())
}

/// Seconds that `\copy` takes for the files of a dataset.
fn copy_out(url: &str, dataset: i64) -> Result<f64> {
    let select = format!(
        concat!(
            "SELECT ",
            columns!(),
            " FROM member m JOIN file f ON f.dir = m.dir AND f.id = m.id \
             WHERE m.dataset = {} AND f.status < 3 ORDER BY m.dir, m.id"
        ),
        dataset
    );
    let began = Instant::now();
    let status = Command::new(postgres_program("psql"))
        .args(["--no-psqlrc", "--quiet", "--dbname", url, "--command"])
        .arg(format!("\\copy ({select}) to stdout"))
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "\\copy failed");
    Ok(began.elapsed().as_secs_f64())
}
