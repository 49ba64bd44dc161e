//! Runs the program as a user does.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

/// The program, on something that is named by two arguments such as `--database URL`.
pub struct Sbk {
    target: [String; 2],
}

/// What the program answered.
pub struct Answer {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub text: String,
    /// Its standard error.
    pub errors: String,
}

impl Sbk {
    /// The program on a database with its tables.
    pub fn on_database(url: &str) -> Self {
        let sbk = Self::on_empty_database(url);
        sbk.ok(&["db", "migrate"]);
        sbk
    }

    /// The program on a database without tables.
    pub fn on_empty_database(url: &str) -> Self {
        Self { target: ["--database".into(), url.into()] }
    }

    /// The program on a server.
    pub fn on_server(url: &str) -> Self {
        Self { target: ["--server".into(), url.into()] }
    }

    /// The command with its arguments, without the environment of the test.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sbk"));
        command.args(arguments).args(&self.target).stdin(Stdio::null());
        for name in ["SBK_SERVER", "SBK_DATABASE", "SBK_VO", "SBK_CONFIG"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        answer(self.command(arguments).output().expect("the program runs"))
    }

    /// Runs a command with a text as its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Answer {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut stdin = child.stdin.take().expect("the input is a pipe");
        let input = input.to_vec();
        // The program may end before it read all: that is its answer, and no failure of the test.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("writing does not panic");
        answer(output)
    }

    /// Runs a command that succeeds, and gives its output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let Answer { code, text, errors } = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}{errors}");
        text
    }

    /// Runs a command that succeeds with `--json`, and gives its answer.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

fn answer(output: Output) -> Answer {
    Answer {
        code: output.status.code().expect("no signal ended the program"),
        text: String::from_utf8(output.stdout).expect("the output is UTF-8"),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A server that ends with this value.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl Server {
    /// Starts a server on a database.
    pub fn start(database: &str) -> Self {
        Self::start_at(database, "127.0.0.1:0")
    }

    /// Kills the server without warning, and starts it again at the same address.
    pub fn kill_and_restart(&mut self, database: &str) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the server ends");
        let address = self.url.strip_prefix("http://").expect("it has an address").to_owned();
        *self = Self::start_at(database, &address);
    }

    fn start_at(database: &str, address: &str) -> Self {
        let sbk = Sbk::on_empty_database(database);
        let mut command = sbk.command(&["serve", "--listen", address]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program runs");
        let errors = child.stderr.take().expect("the errors are a pipe");
        let mut lines = BufReader::new(errors).lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| line.strip_prefix("sbk listens on ").map(str::to_owned))
            .expect("the server says where it listens");
        // What is logged later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
            eprintln!("the server did not end: {error}");
        }
    }
}
