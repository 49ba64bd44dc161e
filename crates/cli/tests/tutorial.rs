//! Runs every command of the tutorial, and compares what it prints.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use std::{
    env, fs,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Stands for every moment in the tutorial.
const A_MOMENT: &str = "2026-11-03T09:00:00Z";

/// Ends the output of a block.
const END: &str = "\u{1e}end of block\n";

/// How long the whole tutorial may take.
const LIMIT: Duration = Duration::from_secs(300);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A block of code of the tutorial.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    language: String,
    text: String,
}

/// The blocks of code of a text.
fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().take_while(|line| *line != "```");
            let text = inside.map(|line| format!("{line}\n")).collect();
            blocks.push(Block { language: language.to_owned(), text });
        }
    }
    blocks
}

/// The text with one moment in the place of all.
fn without_times(text: &str) -> String {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let bytes = text.as_bytes();
    let is_time = |at: usize| {
        bytes.len() >= at + FORM.len()
            && FORM.iter().zip(&bytes[at..]).all(|(form, byte)| match form {
                b'd' => byte.is_ascii_digit(),
                other => other == byte,
            })
    };
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if is_time(at) {
            at += FORM.len();
            while at < bytes.len() && (bytes[at] == b'.' || bytes[at].is_ascii_digit()) {
                at += 1;
            }
            at += usize::from(bytes.get(at) == Some(&b'Z'));
            out.extend_from_slice(A_MOMENT.as_bytes());
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap()
}

/// Two ports of this machine on which nothing listens.
fn free_ports() -> [u16; 2] {
    let listeners = [0, 1].map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A shell with all that it started, which ends with this value.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

/// Runs the scripts one after another in one shell, and gives what each printed.
fn run(scripts: &[&str], folder: &Path, ports: [u16; 2]) -> Vec<String> {
    let mut script = String::from("set -eu\n");
    for block in scripts {
        script.push_str(&on_ports(block, ports));
        script.push_str(&format!("printf '%s\\n' '{}'\n", END.trim_end()));
    }
    let log = folder.join("script.out");
    let errors = folder.join("script.err");
    let binary = Path::new(env!("CARGO_BIN_EXE_sbk")).parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([binary].into_iter().chain(env::split_paths(&path))).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(folder).env("PATH", path).stdin(Stdio::null());
    command.stdout(fs::File::create(&log).unwrap()).stderr(fs::File::create(&errors).unwrap());
    for name in ["SBK_SERVER", "SBK_DATABASE", "SBK_VO", "SBK_CONFIG"] {
        command.env_remove(name);
    }
    let mut shell = Shell(command.process_group(0).spawn().unwrap());
    let began = Instant::now();
    let status = loop {
        if let Some(status) = shell.0.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < LIMIT, "the tutorial does not end");
        thread::sleep(Duration::from_millis(50));
    };
    let printed = fs::read_to_string(&log).unwrap();
    let errors = fs::read_to_string(&errors).unwrap();
    assert!(status.success(), "{status}\n{printed}\n{errors}");
    printed.split_terminator(END).map(str::to_owned).collect()
}

/// The text with free ports in the place of those of the tutorial.
fn on_ports(text: &str, ports: [u16; 2]) -> String {
    text.replace("127.0.0.1:8641", &format!("127.0.0.1:{}", ports[0]))
        .replace("127.0.0.1:8642", &format!("127.0.0.1:{}", ports[1]))
}

/// A copy of the example, with its services on free ports.
fn copy_example(to: &Path, ports: [u16; 2]) -> PathBuf {
    let folder = to.join("superb-campaign");
    fs::create_dir(&folder).unwrap();
    fs::copy(root().join("examples/superb.toml"), to.join("superb.toml")).unwrap();
    for entry in fs::read_dir(root().join("examples/superb-campaign")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(folder.join(path.file_name().unwrap()), on_ports(&text, ports)).unwrap();
    }
    folder
}

/// The tutorial with what its commands print now.
fn rewritten(markdown: &str, printed: &[String]) -> String {
    let mut out = String::new();
    let mut printed = printed.iter();
    let mut last = "";
    let mut inside = None;
    for line in markdown.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(language), None) => {
                inside = Some(language);
                if language == "sh" {
                    last = printed.next().map_or("", String::as_str);
                }
            }
            (Some(_), Some(language)) => {
                if language == "text" {
                    out.push_str(&without_times(last));
                }
                inside = None;
            }
            (None, Some("text")) => continue,
            (None, _) => {}
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[test]
fn every_command_of_the_tutorial_prints_what_it_says() {
    let tutorial = root().join("docs/tutorial.md");
    let markdown = fs::read_to_string(&tutorial).unwrap();
    let blocks = blocks(&markdown);
    let scripts: Vec<&str> =
        blocks.iter().filter(|b| b.language == "sh").map(|b| b.text.as_str()).collect();
    let ports = free_ports();
    let place = tempfile::tempdir().unwrap();
    let folder = copy_example(place.path(), ports);

    let printed = run(&scripts, &folder, ports);

    assert_eq!(printed.len(), scripts.len());
    if env::var_os("SBK_UPDATE").is_some() {
        fs::write(&tutorial, rewritten(&markdown, &printed)).unwrap();
        return;
    }
    let mut printed = printed.iter();
    let mut last = ("", String::new());
    for block in &blocks {
        match block.language.as_str() {
            "sh" => last = (&block.text, without_times(printed.next().unwrap())),
            "text" => assert_eq!(last.1, without_times(&block.text), "after\n{}", last.0),
            other => panic!("a block of {other:?} is neither run nor compared"),
        }
    }
}

#[test]
fn times_are_found_in_a_text() {
    let text = "a 2026-01-31T12:00:00Z, 2026-01-31T12:00:00.250Z b 2026-01-31 é";

    assert_eq!(without_times(text), format!("a {A_MOMENT}, {A_MOMENT} b 2026-01-31 é"));
}
