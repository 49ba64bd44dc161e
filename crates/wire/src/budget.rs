use crate::{DecodeError, Limits};

/// What a reader may still take of its [`Limits`].
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    values: usize,
}

impl Budget {
    /// All of the limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, values: 0 }
    }

    /// Counts a value.
    pub fn value(&mut self) -> Result<(), DecodeError> {
        self.values += 1;
        if self.values > self.limits.values {
            return Err(DecodeError::TooMany { limit: self.limits.values });
        }
        Ok(())
    }

    /// The depth of what stands within the value at byte `at`, whose own depth is given.
    pub fn deeper(&self, at: usize, depth: usize) -> Result<usize, DecodeError> {
        if depth >= self.limits.depth {
            return Err(DecodeError::TooDeep { at, limit: self.limits.depth });
        }
        Ok(depth + 1)
    }
}
