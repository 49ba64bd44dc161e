/// The middle value, and the bounds of the middle half.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub median: f64,
    pub lower: f64,
    pub upper: f64,
}

impl Summary {
    /// Summarises the values, of which there is at least one.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| values.get((values.len().checked_sub(1)?) * quarter / 4).copied();
        Some(Self { median: at(2)?, lower: at(1)?, upper: at(3)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_extreme_value_moves_nothing() {
        let summary = Summary::of(&[3.0, 1000.0, 1.0, 2.0, 4.0]);

        assert_eq!(summary, Some(Summary { median: 3.0, lower: 2.0, upper: 4.0 }));
    }

    #[test]
    fn nothing_has_no_summary() {
        assert_eq!(Summary::of(&[]), None);
    }
}
