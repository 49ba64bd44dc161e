//! A database that dies while files are registered: what was acknowledged is there afterwards.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{Catalogue, file, vo};
use sbk_api::{AddFiles, Atomicity, Code};
use sbk_testkit::{Backend, PrivateCluster, TestDatabase};

/// The variable by which the test tells its own program to be the writer that is killed.
const WRITER: &str = "SBK_TEST_WRITER";

/// The files of one call; calls overlap in their directories.
fn batch(writer: usize, round: usize) -> AddFiles {
    let files = (0..10).map(|n| file(&format!("/s/{}/{writer}-{round}-{n}", n % 3))).collect();
    AddFiles {
        vo: vo(),
        files,
        dataset: None,
        atomicity: Atomicity::All,
        only_new: false,
        unique_guids: false,
    }
}

async fn check(catalogue: &Catalogue, acknowledged: &[(usize, usize)]) {
    for (writer, round) in acknowledged {
        let again = catalogue.call(batch(*writer, *round)).await.unwrap();
        assert_eq!(again.unchanged, 10, "{writer}-{round}: {again:?}");
    }
    let kept = catalogue.show_directory("/s").await.totals.files;
    assert!(kept >= 10 * acknowledged.len() as i64, "{kept}");
    assert_eq!(catalogue.wrong_totals(false).await, []);
}

/// Kills the database in the middle of a bulk load and starts it again.
async fn survives_a_crash(backend: Backend) {
    let Some(mut cluster) = PrivateCluster::start(backend) else { return };
    let database = cluster.create_database();
    let catalogue = Catalogue::new(&database).await;
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let failed = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (catalogue, stop) = (catalogue.clone(), stop.clone());
            let (count, failed) = (count.clone(), failed.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let round = acknowledged.len();
                    match catalogue.call(batch(writer, round)).await {
                        Ok(result) => {
                            assert_eq!(result.added + result.unchanged, 10, "{result:?}");
                            acknowledged.push((writer, round));
                            count.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => {
                            let code = error.code();
                            let told = matches!(code, Code::Unavailable | Code::Busy);
                            assert!(told, "{error:?}");
                            failed.store(true, Ordering::SeqCst);
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
                acknowledged
            })
        })
        .collect();

    wait_until(|| count.load(Ordering::SeqCst) >= 20).await;
    cluster.kill_hard();
    wait_until(|| failed.load(Ordering::SeqCst)).await;
    cluster.restart().unwrap();
    let before = count.load(Ordering::SeqCst);
    wait_until(|| count.load(Ordering::SeqCst) >= before + 20).await;
    stop.store(true, Ordering::SeqCst);

    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    check(&catalogue, &acknowledged).await;
    assert_eq!(catalogue.show_directory("/s").await.totals.files, 10 * acknowledged.len() as i64);
}

async fn wait_until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("this happens in time");
}

mod a_database_that_crashes_in_a_load_loses_nothing_acknowledged {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        survives_a_crash(Backend::Postgres).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn mariadb() {
        survives_a_crash(Backend::MariaDb).await;
    }

    /// SQLite has no server: here the process that writes is killed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        if let Ok(url) = std::env::var(WRITER) {
            return write_until_killed(&url).await;
        }
        let Some(database) = TestDatabase::create_if_selected(Backend::Sqlite) else { return };
        let catalogue = Catalogue::new(&database).await;
        let acknowledged = tokio::task::block_in_place(|| killed_writer(database.url()));

        check(&catalogue, &acknowledged).await;
    }
}

/// Writes, and says what was acknowledged, a line a call.
async fn write_until_killed(url: &str) {
    let options = sbk_service::Options::default();
    let service = sbk_service::Service::open(url, options).await.unwrap();
    let caller = sbk_service::Caller::local("writer");
    for round in 0.. {
        service.call(&caller, batch(0, round), sbk_service::CallContext::default()).await.unwrap();
        println!("\nacknowledged {round}");
        std::io::stdout().flush().unwrap();
    }
}

/// Starts this program again as the writer, kills it amid its work, and gives what it was told.
fn killed_writer(url: &str) -> Vec<(usize, usize)> {
    let name = "a_database_that_crashes_in_a_load_loses_nothing_acknowledged::sqlite";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(WRITER, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut acknowledged = Vec::new();
    for line in lines {
        if let Some(round) = line.strip_prefix("acknowledged ") {
            acknowledged.push((0, round.parse().unwrap()));
        }
        if acknowledged.len() == 30 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= 30);
    acknowledged
}
