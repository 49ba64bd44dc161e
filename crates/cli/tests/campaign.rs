//! A campaign whose server is killed twice and whose database is restarted once while it is played.
//!
//! It is small. `SBK_CAMPAIGN_JOBS=100000 cargo xtask test --release -p sbk-cli --test campaign`
//! plays a long one.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    env,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{Sbk, Server};
use sbk_testkit::{Backend, PrivateCluster, TestDatabase};
use serde_json::Value;

/// How many tasks are played when nothing is said.
const JOBS: u64 = 1500;

fn jobs() -> u64 {
    env::var("SBK_CAMPAIGN_JOBS").map_or(JOBS, |text| text.parse().expect("a number of jobs"))
}

/// A campaign in progress.
struct Campaign {
    child: Child,
    server: Server,
    url: String,
}

impl Campaign {
    fn begin(database: &str) -> Self {
        let server = Server::start(database);
        let number = jobs().to_string();
        let sbk = Sbk::on_server(&server.url);
        let mut command = sbk.command(&[
            "simulate",
            "campaign",
            "--jobs",
            &number,
            "--batch",
            "20",
            "--connections",
            "8",
            "--repeated",
            "0.05",
            "--late",
            "0.05",
            "--conflicting",
            "0.02",
            "--json",
        ]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, server, url: database.to_owned() }
    }

    /// Waits until a share of the jobs is recorded.
    fn wait_for(&mut self, share: f64) {
        let wanted = (jobs() as f64 * share) as i64;
        let begun = Instant::now();
        while self.recorded() < wanted {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the campaign ended before {share} of its jobs were recorded: {status}");
            }
            assert!(begun.elapsed() < Duration::from_secs(1800), "the campaign is stuck");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn recorded(&self) -> i64 {
        let sbk = Sbk::on_server(&self.server.url);
        let answer = sbk.run(&["job", "summary", "--vo", "simulation", "--json"]);
        let groups: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let groups = groups.as_array().cloned().unwrap_or_default();
        groups.iter().filter_map(|group| group["jobs"].as_i64()).sum()
    }

    /// Kills the server without warning, and starts it where it was.
    fn kill_server(&mut self) {
        self.server.kill_and_restart(&self.url);
    }

    /// Waits for the end, and holds what was proved against what was played.
    fn end(self) {
        let output = self.child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{errors}");
        let outcome: Value = serde_json::from_str(&text).unwrap();
        println!("{outcome:#}");
        assert_eq!(outcome["differences"].as_array().unwrap().len(), 0, "{outcome:#}");
        assert!(outcome["conflicting"].as_u64().unwrap() > 0);
        assert!(outcome["repeated"].as_u64().unwrap() > 0);
        assert!(outcome["jobs"].as_u64().unwrap() >= jobs());

        let sbk = Sbk::on_server(&self.server.url);
        sbk.ok(&["verify", "totals"]);
        sbk.ok(&["verify", "jobs"]);
    }
}

/// Plays a campaign through two kills of the server and one restart of its database.
fn play(database: &str, restart_database: impl FnOnce()) {
    let mut campaign = Campaign::begin(database);
    campaign.wait_for(0.2);
    campaign.kill_server();
    campaign.wait_for(0.4);
    restart_database();
    campaign.wait_for(0.6);
    campaign.kill_server();
    campaign.end();
}

fn play_on(backend: Backend) {
    let Some(mut cluster) = PrivateCluster::start(backend) else { return };
    let database = cluster.create_database();
    let url = database.url().to_owned();
    play(&url, || cluster.restart().unwrap());
}

/// A campaign outlives the deaths of its server.
mod a_campaign_outlives_the_deaths_of_its_server_private_cluster {
    use super::*;

    #[test]
    fn sqlite() {
        let Some(database) = TestDatabase::create_if_selected(Backend::Sqlite) else { return };
        play(database.url(), || {});
    }

    #[test]
    fn postgres() {
        play_on(Backend::Postgres);
    }

    #[test]
    fn mariadb() {
        play_on(Backend::MariaDb);
    }
}
