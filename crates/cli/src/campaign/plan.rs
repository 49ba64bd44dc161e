use sbk_model::{ProductionName, Vo, fingerprint};

/// The most attempts at a task.
pub const MAX_ATTEMPTS: u8 = 3;

/// How many tasks are played together.
const BLOCK: u64 = 2000;

/// What a campaign is made of; all that is played follows from it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The community that plays it.
    pub vo: Vo,
    /// The production that the jobs belong to.
    pub production: ProductionName,
    /// What all chance comes from.
    pub seed: u64,
    /// The number of tasks. There is at least one job for each.
    pub tasks: u64,
    /// The number of sites.
    pub sites: u32,
    /// The share of reports that come again.
    pub repeated: f64,
    /// The share of reports that come late.
    pub late: f64,
    /// The share of reports that come again with other content.
    pub conflicting: f64,
    /// The share of jobs whose worker is lost.
    pub lost: f64,
    /// The share of jobs that fail, over all sites.
    pub failing: f64,
}

/// A stream of numbers that follow from a place in the plan (xorshift64*, Vigna 2016,
/// <https://doi.org/10.1145/2845077>).
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Whether something happens that happens in a share of all cases.
    pub fn happens(&mut self, share: f64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are kept, which is exact")]
        let part = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        part < share
    }
}

/// How a job of the plan ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It does its task.
    Good,
    /// It fails, for the reason of this number.
    Failed(u8),
    /// Its worker is lost; whether it reports after all, as a job that did its task.
    Lost(bool),
}

/// One attempt at a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// The task, from 0.
    pub task: u64,
    /// The attempt, from 1.
    pub attempt: u8,
    /// Where it runs.
    pub site: u32,
    /// How it ends.
    pub end: End,
    /// In how many blocks after its own its report comes.
    pub delay: u8,
    /// Whether the report comes again: in the same block, or in a later one.
    pub again: Option<bool>,
    /// Whether it comes again with other content.
    pub contradicted: bool,
}

impl Job {
    /// Whether it reports at all.
    pub fn reports(self) -> bool {
        !matches!(self.end, End::Lost(false))
    }

    /// Whether its report says that it did its task.
    pub fn is_good(self) -> bool {
        matches!(self.end, End::Good | End::Lost(true))
    }
}

impl Plan {
    /// The number of blocks in which tasks are begun.
    pub fn blocks(&self) -> u64 {
        self.tasks.div_ceil(BLOCK)
    }

    /// The tasks of a block.
    pub fn tasks_of(&self, block: u64) -> std::ops::Range<u64> {
        block * BLOCK..((block + 1) * BLOCK).min(self.tasks)
    }

    /// Numbers that follow from the seed, a purpose and a number.
    pub fn chance(&self, purpose: &str, number: u64) -> Chance {
        let parts = [&*self.seed.to_string(), self.production.as_str(), &number.to_string()];
        let seed = fingerprint(purpose, &parts).cast_unsigned();
        Chance(if seed == 0 { 1 } else { seed })
    }

    /// The attempts at a task, in order.
    pub fn attempts(&self, task: u64) -> Vec<Job> {
        let mut chance = self.chance("attempts", task);
        let mut jobs = Vec::new();
        for attempt in 1..=MAX_ATTEMPTS {
            let site = u32::try_from(chance.below(self.sites.into())).unwrap_or_default();
            let failing = self.failing * (0.5 + f64::from(site % 3) / 2.0);
            let end = if chance.happens(self.lost) {
                End::Lost(chance.happens(0.5))
            } else if chance.happens(failing) {
                End::Failed(u8::try_from(chance.below(4)).unwrap_or_default())
            } else {
                End::Good
            };
            let late = chance.happens(self.late) || end == End::Lost(true);
            let delay = 1 + u8::try_from(chance.below(3)).unwrap_or_default();
            let again = chance.happens(self.repeated);
            let same_block = chance.happens(0.5);
            jobs.push(Job {
                task,
                attempt,
                site,
                end,
                delay: if late { delay } else { 0 },
                again: again.then_some(same_block),
                contradicted: chance.happens(self.conflicting),
            });
            if end == End::Good {
                break;
            }
        }
        jobs
    }

    /// Whether any attempt at a task does it.
    pub fn is_done(&self, task: u64) -> bool {
        self.attempts(task).into_iter().any(Job::is_good)
    }

    /// The name of a site.
    pub fn site(site: u32) -> String {
        format!("SIM.site{site}.org")
    }

    /// The events that a job of a task makes.
    pub fn events(&self, task: u64) -> u64 {
        100 + self.chance("events", task).below(900)
    }

    /// The names of what a task reads.
    pub fn inputs(&self, task: u64) -> [String; 2] {
        match task % 4 {
            2 => [self.output(task - 2, "dst"), self.output(task - 1, "dst")],
            3 => [self.output(task - 1, "mdst"), self.output(task - 2, "mdst")],
            _ => [self.generated(task, 1), self.generated(task, 2)],
        }
    }

    /// Whether a task reads what no job made.
    pub fn is_first(task: u64) -> bool {
        task % 4 < 2
    }

    /// A file that no job made.
    pub fn generated(&self, task: u64, number: u8) -> String {
        self.name(task, &format!("{number}.gen"), "gen")
    }

    /// A file that a task makes: of the type `sim`, `dst` or `mdst`.
    pub fn output(&self, task: u64, kind: &str) -> String {
        self.name(task, kind, kind)
    }

    fn name(&self, task: u64, end: &str, kind: &str) -> String {
        format!("/{}/{}/{kind}/{:06}/{task:09}.{end}", self.vo, self.production, task / 1000)
    }
}

/// What a task makes, in the order of its steps.
pub const KINDS: [&str; 3] = ["sim", "dst", "mdst"];

/// The size of an output in bytes: from the task and the place of its type in [`KINDS`].
pub fn size(task: u64, kind: usize) -> u64 {
    1_000_000 + task % 1000 * 1000 + kind as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn plan(tasks: u64) -> Plan {
        Plan {
            vo: "sim".parse().unwrap(),
            production: "p".parse().unwrap(),
            seed: 1,
            tasks,
            sites: 5,
            repeated: 0.05,
            late: 0.05,
            conflicting: 0.02,
            lost: 0.02,
            failing: 0.08,
        }
    }

    #[test]
    fn the_shares_are_met_and_the_same_each_time() {
        let plan = plan(20_000);
        let jobs: Vec<Job> = (0..plan.tasks).flat_map(|task| plan.attempts(task)).collect();
        let total = u32::try_from(jobs.len()).unwrap();
        let share = |of: fn(&&Job) -> bool| {
            f64::from(u32::try_from(jobs.iter().filter(of).count()).unwrap()) / f64::from(total)
        };

        assert!((share(|job| job.again.is_some()) - 0.05).abs() < 0.005);
        assert!((share(|job| job.contradicted) - 0.02).abs() < 0.005);
        assert!((share(|job| matches!(job.end, End::Failed(_))) - 0.08).abs() < 0.02);
        assert!((share(|job| matches!(job.end, End::Lost(_))) - 0.02).abs() < 0.005);
        assert_eq!(jobs[..100], (0..100).flat_map(|t| plan.attempts(t)).collect::<Vec<_>>()[..100]);
    }

    #[test]
    fn every_task_is_in_one_block() {
        let plan = plan(4100);
        let tasks: Vec<u64> = (0..plan.blocks()).flat_map(|block| plan.tasks_of(block)).collect();

        assert_eq!(tasks, (0..4100).collect::<Vec<_>>());
    }
}
