//! Energies, cross-sections and run numbers, where the records write them as prose.

/// A range of energies in `GeV`; both ends are equal for a single value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct EnergyRange {
    pub min: f64,
    pub max: f64,
}

/// Reads `13TeV`, `2.76 TeV` or `89-94 GeV`.
pub(super) fn energy_range(text: &str) -> Option<EnergyRange> {
    // The exponent is put behind the digits, so that 5.02 TeV is 5020 and not 5019.999….
    let units = [("TeV", "e3"), ("GeV", ""), ("MeV", "e-3")];
    let (number, exponent) = units
        .iter()
        .find_map(|(unit, exponent)| Some((text.trim().strip_suffix(unit)?, exponent)))?;
    let (min, max) = number.split_once('-').unwrap_or((number, number));
    let parse = |digits: &str| positive(&format!("{}{exponent}", digits.trim()));
    let range = EnergyRange { min: parse(min)?, max: parse(max)? };
    (range.min <= range.max).then_some(range)
}

/// The energy in `GeV` that follows `ecms=` or `ecm=` in a description.
pub(super) fn precise_energy(description: &str) -> Option<f64> {
    let digits = number_after(description, "ecms=").or_else(|| number_after(description, "ecm="));
    digits.and_then(positive)
}

/// The cross-section and its error in pb, from `cross-section = 0.538 +- 0.004 pb`.
pub(super) fn cross_section(description: &str) -> Option<(f64, f64)> {
    let rest = after(description, "cross-section = ")?;
    let (value, rest) = rest.split_once(" +- ")?;
    let (error, _) = rest.split_once(" pb")?;
    Some((positive(value)?, positive(error)?))
}

/// The first and last run, from `Run range [163289, 163370]` or `Run period 160957`.
pub(super) fn run_range(description: &str) -> Option<(i64, i64)> {
    if let Some(run) = number_after(description, "Run period ") {
        let run = run.trim_end_matches('.').parse().ok()?;
        return Some((run, run));
    }
    let (range, _) = after(description, "Run range [")?.split_once(']')?;
    let (first, last) = range.split_once(',')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

/// What follows a marker in a text.
pub(super) fn after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    text.split_once(marker).map(|(_, rest)| rest)
}

/// The digits and points that follow a marker.
fn number_after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    let rest = after(text, marker)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest.get(..end).filter(|digits| !digits.is_empty())
}

/// A number above zero.
fn positive(digits: &str) -> Option<f64> {
    digits.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_are_in_gev() {
        let cases = [
            ("13TeV", 13_000.0, 13_000.0),
            ("5.02TeV", 5_020.0, 5_020.0),
            ("2.76 TeV", 2_760.0, 2_760.0),
            ("900GeV", 900.0, 900.0),
            ("89-94 GeV", 89.0, 94.0),
            ("500 MeV", 0.5, 0.5),
        ];
        for (text, min, max) in cases {
            assert_eq!(energy_range(text), Some(EnergyRange { min, max }), "{text}");
        }
        for text in ["", "TeV", "13", "-3TeV", "94-89 GeV", "nanTeV", "infTeV", "1e999TeV"] {
            assert_eq!(energy_range(text), None, "{text}");
        }
    }

    #[test]
    fn the_precise_energy_is_read_in_both_spellings() {
        let newer = "Short DST simulation 94c2 done at ecms=91.25 , CERN";
        let older = "Short DST simulation 94c  done at ecm=91.2 GeV , CERN";

        assert_eq!(precise_energy(newer), Some(91.25));
        assert_eq!(precise_energy(older), Some(91.2));
        assert_eq!(precise_energy("done at ecms= , CERN"), None);
    }

    #[test]
    fn a_cross_section_has_an_error_and_a_unit() {
        let text = "ShortDST; TTQQ cross-section = 0.538 +- 0.004 pb Short DST simulation";

        assert_eq!(cross_section(text), Some((0.538, 0.004)));
        assert_eq!(cross_section("cross-section = 0.538 +- 0.004"), None);
    }

    #[test]
    fn runs_are_read_from_a_range_and_from_a_period_of_one() {
        assert_eq!(run_range("Run range [163289, 163370]. All"), Some((163_289, 163_370)));
        assert_eq!(run_range("Run period 160957.</p>"), Some((160_957, 160_957)));
        assert_eq!(run_range("Run period from run number 278820 to 280385."), None);
    }
}
