//! Units of measurement and the exact factors between them.

use std::{fmt, str::FromStr};

use sbk_model::Invalid;

use crate::number::Exact;

/// What a unit measures. Only units of one dimension can be converted into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Energy: `eV` and its multiples.
    Energy,
    /// Momentum: `eV/c` and its multiples.
    Momentum,
    /// Mass: `eV/c2` and its multiples.
    Mass,
    /// Length: `m` and its parts and multiples.
    Length,
    /// Time: `s` and its parts, `min`, `h`, `d`.
    Time,
    /// Amount of data: `B` and its decimal and binary multiples.
    Data,
    /// Magnetic field: `T`, `mT`, `uT`, `G`, `kG`.
    MagneticField,
    /// Angle: `rad`, `mrad`, `urad`, `deg`.
    Angle,
    /// Cross section: `b` and its parts.
    CrossSection,
    /// Integrated luminosity: the inverse of a cross section, `pb-1` or `/pb`.
    Luminosity,
    /// Frequency: `Hz` and its multiples.
    Frequency,
    /// Temperature: `K`, `mK`.
    Temperature,
    /// A part of a whole: `%`.
    Fraction,
}

/// A unit of measurement.
///
/// A text that is no known unit is accepted too; such a unit is only equal to itself, and
/// nothing is converted to or from it.
#[derive(Debug, Clone)]
pub struct Unit {
    text: String,
    scale: Option<Scale>,
}

/// How many of its dimension's base a unit is.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    dimension: Dimension,
    factor: Factor,
}

/// A factor towards the base of a dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Factor {
    /// A fraction, so that conversion is exact.
    Exact(i128, i128),
    /// A factor that is no fraction: degrees to radians.
    Rounded(f64),
}

/// Each dimension's units by whole factors of its smallest one.
const UNITS: &[(Dimension, &[(&str, i128)])] = &[
    (
        Dimension::Length,
        &[
            ("fm", 1),
            ("pm", 1_000),
            ("nm", 1_000_000),
            ("um", 1_000_000_000),
            ("mm", 1_000_000_000_000),
            ("cm", 10_000_000_000_000),
            ("m", 1_000_000_000_000_000),
            ("km", 1_000_000_000_000_000_000),
        ],
    ),
    (
        Dimension::Time,
        &[
            ("ps", 1),
            ("ns", 1_000),
            ("us", 1_000_000),
            ("ms", 1_000_000_000),
            ("s", 1_000_000_000_000),
            ("min", 60_000_000_000_000),
            ("h", 3_600_000_000_000_000),
            ("d", 86_400_000_000_000_000),
        ],
    ),
    (
        Dimension::Data,
        &[
            ("B", 1),
            ("kB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("TB", 1_000_000_000_000),
            ("PB", 1_000_000_000_000_000),
            ("EB", 1_000_000_000_000_000_000),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
            ("PiB", 1 << 50),
            ("EiB", 1 << 60),
        ],
    ),
    (
        Dimension::MagneticField,
        &[("uT", 1), ("mT", 1_000), ("T", 1_000_000), ("G", 100), ("kG", 100_000)],
    ),
    (Dimension::Angle, &[("urad", 1), ("mrad", 1_000), ("rad", 1_000_000)]),
    (
        Dimension::CrossSection,
        &[
            ("ab", 1),
            ("fb", 1_000),
            ("pb", 1_000_000),
            ("nb", 1_000_000_000),
            ("ub", 1_000_000_000_000),
            ("mb", 1_000_000_000_000_000),
            ("b", 1_000_000_000_000_000_000),
        ],
    ),
    (
        Dimension::Frequency,
        &[
            ("mHz", 1),
            ("Hz", 1_000),
            ("kHz", 1_000_000),
            ("MHz", 1_000_000_000),
            ("GHz", 1_000_000_000_000),
        ],
    ),
    (Dimension::Temperature, &[("mK", 1), ("K", 1_000)]),
    (Dimension::Fraction, &[("%", 1)]),
];

/// Multiples of the electronvolt.
const ELECTRONVOLTS: &[(&str, i128)] = &[
    ("eV", 1),
    ("keV", 1_000),
    ("MeV", 1_000_000),
    ("GeV", 1_000_000_000),
    ("TeV", 1_000_000_000_000),
    ("PeV", 1_000_000_000_000_000),
];

impl Unit {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 32;

    /// The unit as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the unit measures; `None` for a unit that is not known.
    pub fn dimension(&self) -> Option<Dimension> {
        self.scale.map(|scale| scale.dimension)
    }

    /// Whether numbers can be converted from this unit to another.
    pub fn converts_to(&self, other: &Self) -> bool {
        self == other || self.dimension().is_some_and(|d| other.dimension() == Some(d))
    }

    /// Converts a number exactly; `None` where there is no exact result.
    pub(crate) fn convert_exact(&self, number: Exact, to: &Self) -> Option<Exact> {
        if self == to {
            return Some(number);
        }
        if !self.converts_to(to) {
            return None;
        }
        match (self.scale?.factor, to.scale?.factor) {
            (Factor::Exact(a, b), Factor::Exact(c, d)) => {
                number.times(a.checked_mul(d)?, b.checked_mul(c)?)
            }
            _ => None,
        }
    }

    /// Converts a number with rounding; `None` where the dimensions differ.
    pub(crate) fn convert_rounded(&self, number: f64, to: &Self) -> Option<f64> {
        if !self.converts_to(to) {
            return None;
        }
        match (self.scale, to.scale) {
            (Some(from), Some(to)) => Some(number * from.factor.to_f64() / to.factor.to_f64()),
            _ => Some(number),
        }
    }

    /// Units that are known and can be converted to this one, for a message.
    pub fn related(&self) -> Vec<&'static str> {
        let table = UNITS.iter().find(|(dimension, _)| self.dimension() == Some(*dimension));
        let units = match (table, self.dimension()) {
            (Some((_, units)), _) => units,
            (None, Some(Dimension::Energy)) => ELECTRONVOLTS,
            _ => &[],
        };
        units.iter().map(|(text, _)| *text).collect()
    }
}

impl Factor {
    #[expect(clippy::cast_precision_loss, reason = "used only where rounding is accepted")]
    fn to_f64(self) -> f64 {
        match self {
            Self::Exact(numerator, denominator) => numerator as f64 / denominator as f64,
            Self::Rounded(factor) => factor,
        }
    }
}

/// Finds a known unit.
fn scale_of(text: &str) -> Option<Scale> {
    let normal = text.replace(['µ', 'μ'], "u").replace('^', "").replace('°', "deg");
    let whole = |dimension, factor| Scale { dimension, factor: Factor::Exact(factor, 1) };
    let find = |units: &[(&str, i128)], name: &str| {
        units.iter().find(|(unit, _)| *unit == name).map(|(_, factor)| *factor)
    };
    if normal == "deg" {
        let factor = Factor::Rounded(std::f64::consts::PI / 180.0 * 1e6);
        return Some(Scale { dimension: Dimension::Angle, factor });
    }
    let (electronvolts, dimension) = match normal.strip_suffix("/c2") {
        Some(rest) => (rest, Dimension::Mass),
        None => match normal.strip_suffix("/c") {
            Some(rest) => (rest, Dimension::Momentum),
            None => (normal.as_str(), Dimension::Energy),
        },
    };
    if let Some(factor) = find(ELECTRONVOLTS, electronvolts) {
        return Some(whole(dimension, factor));
    }
    for (dimension, units) in UNITS {
        if let Some(factor) = find(units, &normal) {
            return Some(whole(*dimension, factor));
        }
        let inverse = normal.strip_prefix('/').or_else(|| normal.strip_suffix("-1"));
        if *dimension == Dimension::CrossSection
            && let Some(factor) = inverse.and_then(|unit| find(units, unit))
        {
            let factor = Factor::Exact(1, factor);
            return Some(Scale { dimension: Dimension::Luminosity, factor });
        }
    }
    None
}

impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        match (self.scale, other.scale) {
            (Some(one), Some(two)) => one == two,
            _ => self.text == other.text,
        }
    }
}

impl FromStr for Unit {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |reason: &str| Err(Invalid::new("unit", text, reason));
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return invalid("is not 1 to 32 bytes long");
        }
        let starts = |c: char| c.is_alphabetic() || matches!(c, '%' | '°' | '/');
        let goes_on =
            |c: char| starts(c) || c.is_ascii_digit() || matches!(c, '-' | '^' | '*' | '_');
        if !text.starts_with(starts) || !text.chars().all(goes_on) {
            return invalid("is not a unit such as GeV, pb-1 or m/s");
        }
        if crate::query::is_keyword(text) {
            return invalid("is a word of the query language");
        }
        Ok(Self { text: text.to_owned(), scale: scale_of(text) })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Unit {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for Unit {}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(number: &str, from: &str, to: &str) -> Option<Exact> {
        let (from, to): (Unit, Unit) = (from.parse().unwrap(), to.parse().unwrap());
        from.convert_exact(Exact::parse(number).unwrap(), &to)
    }

    #[test]
    fn units_of_one_dimension_convert_exactly() {
        assert_eq!(convert("91200", "MeV", "GeV"), Exact::parse("91.2"));
        assert_eq!(convert("1", "GiB", "B"), Exact::parse("1073741824"));
        assert_eq!(convert("2", "fb-1", "/pb"), Exact::parse("2000"));
        assert_eq!(convert("1.5", "h", "min"), Exact::parse("90"));
        assert_eq!(convert("5", "μm", "um"), Exact::parse("5"));
        assert_eq!(convert("1", "TeV/c^2", "GeV/c2"), Exact::parse("1000"));
    }

    #[test]
    fn units_of_different_dimensions_do_not_convert() {
        assert_eq!(convert("1", "pb", "pb-1"), None);
        assert_eq!(convert("1", "GeV", "GeV/c"), None);
        assert_eq!(convert("1", "MB", "mb"), None);
    }

    #[test]
    fn an_unknown_unit_is_only_equal_to_itself() {
        let (one, two): (Unit, Unit) = ("furlong".parse().unwrap(), "fathom".parse().unwrap());

        assert!(one.converts_to(&one.clone()));
        assert!(!one.converts_to(&two));
        assert_eq!(one.dimension(), None);
    }

    #[test]
    fn degrees_convert_to_radians_with_rounding() {
        let (degrees, radians): (Unit, Unit) = ("deg".parse().unwrap(), "rad".parse().unwrap());

        let half_turn = degrees.convert_rounded(180.0, &radians).unwrap();

        assert!((half_turn - std::f64::consts::PI).abs() < 1e-12);
    }

    #[test]
    fn a_unit_that_the_query_language_could_not_read_is_refused() {
        for wrong in ["", "in", "AND", "5m", "a b", "a,b", "(m)"] {
            assert!(wrong.parse::<Unit>().is_err(), "{wrong}");
        }
    }
}
