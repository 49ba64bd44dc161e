//! Luminosities as whole numbers of inverse barns.
//!
//! An inverse barn is a millionth of an inverse microbarn, the least that any experiment states:
//! a run of heavy ions at 10²⁵ cm⁻² s⁻¹ has ten in each second, and 9,200 inverse femtobarns in
//! one run still fit 64 bits.

use sbk_model::Invalid;

use crate::{Dimension, Unit, number::Exact};

/// The unit in which luminosities are kept.
const KEPT: &str = "/b";

fn kept() -> Option<Unit> {
    KEPT.parse().ok()
}

/// A luminosity in whole inverse barns; what is less than one is rounded.
///
/// # Errors
/// When the unit is none of luminosity, or the number is negative or too great.
pub fn to_inverse_barns(number: f64, unit: &Unit) -> Result<i64, Invalid> {
    check_luminosity_unit(unit)?;
    let refuse = |reason| Invalid::new("luminosity", &format!("{number} {unit}"), reason);
    if !number.is_finite() || number < 0.0 {
        return Err(refuse("is not a number of 0 or more"));
    }
    let kept = kept().ok_or_else(|| refuse("has no unit"))?;
    let exact = Exact::parse(&number.to_string())
        .and_then(|exact| unit.convert_exact(exact, &kept))
        .and_then(Exact::to_int);
    let rounded = || unit.convert_rounded(number, &kept).map(f64::round);
    exact.or_else(|| whole(rounded()?)).ok_or_else(|| refuse("is more than 9 inverse attobarns"))
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(number: f64) -> Option<i64> {
    (0.0..9.2e18).contains(&number).then_some(number as i64)
}

/// A number of inverse barns in a unit of luminosity; no number in any other unit.
#[expect(clippy::cast_precision_loss, reason = "an answer has the precision of a double")]
pub fn from_inverse_barns(number: i128, unit: &Unit) -> f64 {
    // Every unit is a whole number of inverse barns, so the quotient is the nearest double.
    let one = Exact::parse("1").zip(kept());
    let size = one.and_then(|(one, kept)| unit.convert_exact(one, &kept)?.to_int());
    size.map_or(f64::NAN, |size| number as f64 / size as f64)
}

/// Refuses a unit that is none of luminosity.
///
/// # Errors
/// When it is none.
pub fn check_luminosity_unit(unit: &Unit) -> Result<(), Invalid> {
    if unit.dimension() == Some(Dimension::Luminosity) {
        return Ok(());
    }
    let reason = "is no unit of integrated luminosity; use one such as pb-1, /nb or fb-1";
    Err(Invalid::new("unit", unit.as_str(), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Unit {
        text.parse().unwrap()
    }

    #[test]
    fn a_luminosity_is_kept_exactly_down_to_an_inverse_barn() {
        assert_eq!(to_inverse_barns(0.1, &unit("/pb")), Ok(100_000_000_000));
        assert_eq!(to_inverse_barns(230_123.456, &unit("ub-1")), Ok(230_123_456_000));
        assert_eq!(to_inverse_barns(1.2e-6, &unit("/ub")), Ok(1));
        assert!(to_inverse_barns(10.0, &unit("/ab")).is_err());
        assert!(to_inverse_barns(-1.0, &unit("/pb")).is_err());
        assert!(to_inverse_barns(f64::NAN, &unit("/pb")).is_err());
        assert!(to_inverse_barns(1.0, &unit("pb")).is_err());
    }

    #[test]
    fn a_luminosity_is_shown_in_any_unit() {
        assert!((from_inverse_barns(100_000_000_000, &unit("/pb")) - 0.1).abs() < 1e-15);
        assert!((from_inverse_barns(75_000_000_000_000_000_000, &unit("/ab")) - 75.0).abs() < 1e-9);
    }
}
