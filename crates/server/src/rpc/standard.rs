//! The methods that every DIRAC service has.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sbk_model::Timestamp;
use sbk_wire::Value;

use super::parameter::{Kind, Parameter};

/// A method of every service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    /// Says that the service lives, and for how long.
    Ping,
    /// Says who calls.
    Whoami,
    /// Says what it was told.
    Echo,
    /// Reads the configuration again.
    RefreshConfiguration,
}

impl Standard {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Ping, Self::Whoami, Self::Echo, Self::RefreshConfiguration];

    /// The method of a name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|standard| standard.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Whoami => "whoami",
            Self::Echo => "echo",
            Self::RefreshConfiguration => "refreshConfiguration",
        }
    }

    /// What it does, in one sentence.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Ping => "Says which version runs, on what host and since when.",
            Self::Whoami => "Says who the service takes the caller for.",
            Self::Echo => "Answers the text that it was given.",
            Self::RefreshConfiguration => {
                "Reads certificates, CAs and the DIRAC configuration again."
            }
        }
    }

    /// What it takes.
    pub fn parameter(self) -> Option<Parameter> {
        let (name, kind, description) = match self {
            Self::Ping | Self::Whoami => return None,
            Self::Echo => ("text", Kind::Text, "The text."),
            Self::RefreshConfiguration => {
                ("fromMaster", Kind::Bool, "As DIRAC has it; it makes no difference here.")
            }
        };
        Some(Parameter {
            name: name.into(),
            kinds: vec![kind],
            required: true,
            choices: Vec::new(),
            description: description.into(),
        })
    }

    /// The rule that DIRAC's own code has for it.
    pub fn rule(self) -> Option<&'static str> {
        match self {
            Self::Ping | Self::Whoami => Some("all"),
            Self::Echo => None,
            Self::RefreshConfiguration => Some("CSAdministrator"),
        }
    }
}

/// What `ping` says of a service that started at a moment.
pub fn started(name: &str, url: &str, start: Timestamp, now: Timestamp) -> Value {
    let moment = |time: Timestamp| {
        // DIRAC's times have no parts of seconds.
        let micros = time.micros() - time.micros().rem_euclid(1_000_000);
        sbk_wire::to_value(&Timestamp::from_micros(micros)).unwrap_or(Value::Null)
    };
    let uptime = (now.micros() - start.micros()) / 1_000_000;
    let Machine { uptime: host_uptime, load, cpu: [user, system], .. } = Machine::now();
    let times = [
        ("user time", user),
        ("system time", system),
        ("children user time", 0.0),
        ("children system time", 0.0),
        ("elapsed real time", host_uptime),
    ];
    #[expect(clippy::cast_possible_truncation, reason = "seconds since the host was started")]
    Value::dict([
        ("version", Value::from(env!("CARGO_PKG_VERSION"))),
        ("time", moment(now)),
        ("host uptime", Value::Int(host_uptime as i64)),
        ("service start time", moment(start)),
        ("service uptime", Value::Int(uptime)),
        ("load", Value::Text(load)),
        ("name", Value::from(name)),
        ("URL", Value::from(url)),
        ("cpu times", Value::dict(times.map(|(name, time)| (name, Value::Float(time))))),
    ])
}

/// What the machine says of itself, no older than a second: the files of the kernel take longer to
/// read than the rest of a ping.
#[derive(Debug, Clone)]
struct Machine {
    read: Instant,
    uptime: f64,
    load: String,
    cpu: [f64; 2],
}

impl Machine {
    fn now() -> Self {
        static LAST: Mutex<Option<Machine>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(machine) if machine.read.elapsed() < Duration::from_secs(1) => machine.clone(),
            _ => {
                let (uptime, load) = host();
                let machine = Self { read: Instant::now(), uptime, load, cpu: cpu() };
                *last = Some(machine.clone());
                machine
            }
        }
    }
}

/// For how many seconds the host has been up, and its load averages.
fn host() -> (f64, String) {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let uptime = read("/proc/uptime");
    let uptime = uptime.split_whitespace().next().and_then(|text| text.parse().ok());
    let load: Vec<_> = read("/proc/loadavg").split_whitespace().take(3).map(String::from).collect();
    (uptime.unwrap_or_default(), load.join(" "))
}

/// The time that this process has computed, in seconds: for itself, and in the kernel.
fn cpu() -> [f64; 2] {
    let clock = rustix::param::clock_ticks_per_second();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is a name in brackets, which may hold anything.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let mut times = fields.split_whitespace().skip(11).map(|text| text.parse().unwrap_or(0.0));
    #[expect(clippy::cast_precision_loss, reason = "a hundred, as a rule")]
    [(); 2].map(|()| times.next().unwrap_or(0.0) / clock as f64)
}
