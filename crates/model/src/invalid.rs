use std::fmt;

/// Why a value cannot be taken: which field, which value, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    /// The field as the caller names it, for instance `lfn`.
    pub field: String,
    /// The value as given, shortened to at most [`Invalid::MAX_VALUE`] characters.
    pub value: String,
    /// What is wrong, as the rest of a sentence that begins with the value.
    pub reason: String,
}

impl Invalid {
    /// The longest part of a refused value that a message repeats, in characters.
    pub const MAX_VALUE: usize = 120;

    /// Describes a value that was refused.
    pub fn new(field: impl Into<String>, value: &str, reason: impl Into<String>) -> Self {
        let mut shown: String = value.chars().take(Self::MAX_VALUE).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self { field: field.into(), value: shown, reason: reason.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} {}", self.field, self.value, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_shortened_at_a_character() {
        let invalid = Invalid::new("lfn", &"é".repeat(300), "is too long");

        assert_eq!(invalid.value.chars().count(), Invalid::MAX_VALUE + 1);
        assert!(invalid.to_string().ends_with("is too long"));
    }
}
