/// The middle value, or zero of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_extreme_value() {
        let median = median([3.0, 1000.0, 1.0]);

        assert!((median - 3.0).abs() < f64::EPSILON);
    }
}
