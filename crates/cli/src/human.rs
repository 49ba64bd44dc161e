//! Numbers as people read them.

/// A number of bytes with three digits and a binary prefix: `1.35 TiB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(number: i64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number.unsigned_abs() < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // What would be shown as 1,024 of a unit is one of the next.
        if value.abs() < 1023.5 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    let decimals = match value.abs() {
        small if small < 9.995 => 2,
        middle if middle < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// A number with a comma between thousands: `52,376,887`.
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number that cannot be negative, as [`count`] writes it.
pub fn total(number: u64) -> String {
    i64::try_from(number).map_or_else(|_| number.to_string(), count)
}

/// A number of things with its noun: `1 file`, `2 files`.
pub fn things(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", total(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_a_unit() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (10_230, "9.99 KiB"),
            (10_235, "10.0 KiB"),
            (1_048_575, "1.00 MiB"),
            (1_484_350_000_000, "1.35 TiB"),
            (135 << 40, "135 TiB"),
            (-2_500_000_000_000, "-2.27 TiB"),
            (i64::MAX, "8.00 EiB"),
            (i64::MIN, "-8.00 EiB"),
        ];
        for (number, expected) in cases {
            assert_eq!(bytes(number), expected);
        }
    }

    #[test]
    fn counts_have_a_comma_between_thousands() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (52_376_887, "52,376,887")];
        for (number, expected) in cases {
            assert_eq!(count(number), expected);
        }
        assert_eq!(count(-123_456), "-123,456");
        assert_eq!(count(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn nouns_agree_with_their_number() {
        assert_eq!(things(1, "file", "files"), "1 file");
        assert_eq!(things(1200, "file", "files"), "1,200 files");
    }
}
