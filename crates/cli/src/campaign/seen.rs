//! What was acknowledged of each job: some bits.

use sbk_api::Standing;

use super::plan::MAX_ATTEMPTS;

/// A small number for each job.
#[derive(Debug)]
pub struct Seen(Vec<[u8; MAX_ATTEMPTS as usize]>);

impl Seen {
    /// Nothing is known of the jobs of some tasks.
    pub fn new(tasks: u64) -> Self {
        Self(vec![[0; MAX_ATTEMPTS as usize]; usize::try_from(tasks).unwrap_or_default()])
    }

    fn at(&self, task: u64, attempt: u8) -> Option<u8> {
        let task = self.0.get(usize::try_from(task).ok()?)?;
        task.get(usize::from(attempt.checked_sub(1)?)).copied()
    }

    fn set(&mut self, task: u64, attempt: u8, value: u8) {
        let task = usize::try_from(task).ok().and_then(|task| self.0.get_mut(task));
        let attempt = attempt.checked_sub(1).map(usize::from);
        if let Some(place) = task.zip(attempt).and_then(|(task, at)| task.get_mut(at)) {
            *place = value;
        }
    }

    /// The standing with which a job was acknowledged.
    pub fn standing(&self, task: u64, attempt: u8) -> Option<Standing> {
        let number = self.at(task, attempt)? & 7;
        Standing::ALL.get(usize::from(number.checked_sub(1)?)).copied()
    }

    /// Notes a standing.
    pub fn note(&mut self, task: u64, attempt: u8, standing: Standing) {
        let number = Standing::ALL.iter().position(|known| *known == standing);
        let number = u8::try_from(number.unwrap_or_default() + 1).unwrap_or_default();
        let old = self.at(task, attempt).unwrap_or_default();
        self.set(task, attempt, (old & !7) | number);
    }

    /// Whether a job was met, from now on.
    pub fn meet(&mut self, task: u64, attempt: u8) -> bool {
        let old = self.at(task, attempt).unwrap_or_default();
        self.set(task, attempt, old | 8);
        old & 8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_and_a_meeting_are_kept_apart() {
        let mut seen = Seen::new(2);
        assert_eq!(seen.standing(1, 3), None);

        seen.note(1, 3, Standing::NotGood);

        assert!(!seen.meet(1, 3) && seen.meet(1, 3));
        assert_eq!(seen.standing(1, 3), Some(Standing::NotGood));
        assert_eq!(seen.standing(0, 3), None);
        assert_eq!(seen.standing(9, 9), None);
    }
}
