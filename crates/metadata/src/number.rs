//! Numbers that are kept exactly while they are read and converted between units.

/// A number `mantissa * 10^exponent`, without rounding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exact {
    mantissa: i128,
    exponent: i32,
}

impl Exact {
    /// The most digits that a number may have.
    const MAX_DIGITS: usize = 30;
    /// The greatest exponent, either sign.
    const MAX_EXPONENT: i32 = 400;

    /// Reads a number such as `-12`, `0.5` or `1.2e-3`; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => (-1, text.get(1..)?),
            b'+' => (1, text.get(1..)?),
            _ => (1, text),
        };
        let (digits, exponent) = match digits.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, parse_exponent(exponent)?),
            None => (digits, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let joined = format!("{whole}{fraction}");
        let significant = joined.trim_start_matches('0');
        if significant.len() > Self::MAX_DIGITS {
            return None;
        }
        let mantissa: i128 = if significant.is_empty() { 0 } else { significant.parse().ok()? };
        let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        Some(Self { mantissa: sign * mantissa, exponent }.reduced())
    }

    /// The number as a whole, if it is one and fits.
    pub fn to_int(self) -> Option<i64> {
        self.scaled(0)
    }

    /// The number times `10^scale`, if that is whole and fits.
    pub fn scaled(self, scale: u8) -> Option<i64> {
        if self.mantissa == 0 {
            return Some(0);
        }
        let shift = u32::try_from(self.exponent.checked_add(i32::from(scale))?).ok()?;
        i64::try_from(self.mantissa.checked_mul(10_i128.checked_pow(shift)?)?).ok()
    }

    /// The nearest floating-point number.
    pub fn to_f64(self) -> f64 {
        format!("{}e{}", self.mantissa, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// The number times a fraction, if the result is a decimal number that fits.
    pub fn times(self, numerator: i128, denominator: i128) -> Option<Self> {
        let common = greatest_divisor(numerator, denominator);
        let (mut numerator, mut denominator) = (numerator / common, denominator / common);
        let mut exponent = self.exponent;
        while numerator % 10 == 0 {
            numerator /= 10;
            exponent += 1;
        }
        while denominator % 10 == 0 {
            denominator /= 10;
            exponent -= 1;
        }
        let product = self.mantissa.checked_mul(numerator)?;
        if product % denominator == 0 {
            return Some(Self { mantissa: product / denominator, exponent }.reduced());
        }
        let (product, exponent) = (product.checked_mul(100_000_000)?, exponent - 8);
        (product % denominator == 0)
            .then(|| Self { mantissa: product / denominator, exponent }.reduced())
    }

    /// The same number with the smallest mantissa, so that equal numbers have equal parts.
    fn reduced(mut self) -> Self {
        if self.mantissa == 0 {
            return Self { mantissa: 0, exponent: 0 };
        }
        while self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.exponent += 1;
        }
        self
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        (self.mantissa, self.exponent) == (other.mantissa, other.exponent)
    }
}

/// Reads the digits after the `e` of a number.
fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent: i32 = text.parse().ok()?;
    (exponent.abs() <= Exact::MAX_EXPONENT).then_some(exponent)
}

/// The greatest common divisor of two positive numbers.
fn greatest_divisor(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

/// Splits `91.2 GeV` into the number and the unit, which may be empty.
pub(crate) fn split_quantity(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = number_length(text);
    (end > 0).then(|| (&text[..end], text[end..].trim_start()))
}

/// How many bytes at the beginning of a text are a number; 0 where it begins otherwise.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits_from = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut end = digits_from(sign);
    let mut digits = end - sign;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits_from(end + 1);
        digits += fraction - end - 1;
        end = fraction;
    }
    if digits == 0 {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits_from(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_without_rounding() {
        assert_eq!(Exact::parse("1.250").unwrap().scaled(4), Some(12_500));
        assert_eq!(Exact::parse("1.25").unwrap().scaled(1), None);
        assert_eq!(Exact::parse("-3e2").unwrap().to_int(), Some(-300));
        assert_eq!(Exact::parse("9223372036854775808").unwrap().to_int(), None);
        assert_eq!(Exact::parse("0e400").unwrap().to_int(), Some(0));
        for wrong in ["", "-", ".", "1e", "1e99999", "0x1", "1_0", "inf", "NaN"] {
            assert!(Exact::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_fraction_is_applied_exactly_or_not_at_all() {
        let number = Exact::parse("91200").unwrap();

        assert_eq!(number.times(1_000_000, 1_000_000_000), Exact::parse("91.2"));
        assert_eq!(number.times(1, 1024), Exact::parse("89.0625"));
        assert_eq!(Exact::parse("1").unwrap().times(1, 3), None);
    }

    #[test]
    fn a_quantity_is_a_number_and_a_unit() {
        assert_eq!(split_quantity("91.2 GeV"), Some(("91.2", "GeV")));
        assert_eq!(split_quantity("5eV"), Some(("5", "eV")));
        assert_eq!(split_quantity("5e3eV"), Some(("5e3", "eV")));
        assert_eq!(split_quantity("-.5/pb"), Some(("-.5", "/pb")));
        assert_eq!(split_quantity("GeV"), None);
    }
}
