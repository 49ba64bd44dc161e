use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use sbk_testkit::postgres_program;

const END: &str = "end of the statements";

/// One connection, held by a `psql` that reports the time of every statement.
///
/// The time is from sending a statement to having its whole result; what `psql` needs to read its
/// input is not part of it.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Connects to the server.
    pub fn open(url: &str) -> Result<Self> {
        let mut child = psql(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run psql")?;
        let input = child.stdin.take().expect("the input was just redirected");
        let output = BufReader::new(child.stdout.take().expect("the output was just redirected"));
        let mut session = Self { child, input, output };
        session.run("\\timing on\n\\o /dev/null\n")?;
        Ok(session)
    }

    /// Runs the statements, each with its semicolon, and gives the milliseconds of each.
    pub fn run(&mut self, statements: &str) -> Result<Vec<f64>> {
        writeln!(self.input, "{statements}\n\\echo {END}")?;
        let mut times = Vec::new();
        loop {
            let mut line = String::new();
            ensure!(self.output.read_line(&mut line)? > 0, "psql ended; its message is above");
            if line.trim_end() == END {
                return Ok(times);
            }
            if let Some(time) = line.strip_prefix("Time: ") {
                let number = time.split(' ').next().unwrap_or_default();
                times.push(number.parse().context("psql prints times in milliseconds")?);
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The server may be gone already, and psql with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a query and gives its rows, the columns separated by `|`.
pub fn rows(url: &str, query: &str) -> Result<Vec<String>> {
    let output = psql(url).args(["--tuples-only", "--no-align", "--command", query]).output()?;
    if !output.status.success() {
        bail!("{query} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

/// Sends `text` to the server as the rows of a table.
pub fn copy(url: &str, table: &str, text: &str) -> Result<()> {
    let mut child = psql(url)
        .args(["--command", &format!("COPY {table} FROM STDIN")])
        .stdin(Stdio::piped())
        .spawn()?;
    child.stdin.take().expect("the input was just redirected").write_all(text.as_bytes())?;
    ensure!(child.wait()?.success(), "COPY {table} failed");
    Ok(())
}

fn psql(url: &str) -> Command {
    let mut command = Command::new(postgres_program("psql"));
    command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", url]);
    command
}

/// Transactions a second of a script under `pgbench`, with prepared statements.
pub fn pgbench(url: &str, script: &str, clients: u32, seconds: u32) -> Result<f64> {
    pgbench_scripts(url, &[script.to_owned()], clients, seconds)
}

/// Transactions a second of several scripts, of which `pgbench` takes one at random each time; it
/// takes 128 at most.
pub fn pgbench_scripts(url: &str, scripts: &[String], clients: u32, seconds: u32) -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(postgres_program("pgbench"));
    command
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=1"])
        .arg(format!("--client={clients}"))
        .arg(format!("--time={seconds}"));
    for (number, script) in scripts.iter().enumerate() {
        let path = directory.path().join(format!("{number}.sql"));
        std::fs::write(&path, script)?;
        command.arg("--file").arg(path);
    }
    let output = command.arg(url).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))
        .and_then(|rest| rest.split(' ').next())
        .with_context(|| format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(rate.parse()?)
}
