use std::borrow::Cow;

use sbk_wire::Value;

use crate::Failure;

/// What a method answers: its value, and what stands beside it in the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// Further entries of the result, such as `QueryTime`.
    pub beside: Vec<(Cow<'static, str>, Value)>,
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Self { value, beside: Vec::new() }
    }
}

impl Answer {
    /// The same with another entry beside the value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.beside.push((name.into(), value));
        self
    }

    /// The whole result.
    pub fn result(self) -> Value {
        let mut result = ok(self.value);
        if let Value::Dict(entries) = &mut result {
            entries.extend(
                self.beside
                    .into_iter()
                    .map(|(name, value)| (Value::Text(name.into_owned()), value)),
            );
        }
        result
    }
}

/// A result of success.
pub fn ok(value: Value) -> Value {
    Value::dict([("OK", Value::Bool(true)), ("Value", value)])
}

/// A result of failure.
pub fn failed(failure: &Failure) -> Value {
    Value::dict([
        ("OK", Value::Bool(false)),
        ("Errno", Value::Int(failure.errno)),
        ("Message", Value::from(failure.message.as_str())),
    ])
}
