//! Values as Python writes them: what DIRAC stores of the queries of datasets.

use sbk_wire::Value;

/// How deep lists and dictionaries may be in one another.
const MAX_DEPTH: usize = 32;

/// Reads numbers, texts, truths, `None`, lists, tuples, dictionaries and `datetime.datetime(…)` as
/// Python's `repr` writes them; `None` where it is something else.
pub fn literal(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.blank();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a text that comes next.
    fn takes(&mut self, text: &str) -> bool {
        self.blank();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.blank();
        match self.rest.chars().next()? {
            '{' => self.dictionary(depth),
            '[' => self.list("[", "]", depth).map(|(items, _)| Value::List(items)),
            '(' => {
                let (mut items, comma) = self.list("(", ")", depth)?;
                let is_bracket = items.len() == 1 && !comma;
                if is_bracket { items.pop() } else { Some(Value::Tuple(items)) }
            }
            '\'' | '"' => self.text(),
            '-' | '+' | '0'..='9' | '.' => self.number(),
            _ => self.word(),
        }
    }

    fn list(&mut self, open: &str, close: &str, depth: usize) -> Option<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut comma = false;
        if !self.takes(open) {
            return None;
        }
        loop {
            if self.takes(close) {
                return Some((items, comma));
            }
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value(depth + 1)?);
            comma = self.takes(",");
        }
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        let mut entries = Vec::new();
        let mut comma = true;
        if !self.takes("{") {
            return None;
        }
        loop {
            if self.takes("}") {
                return Some(Value::Dict(entries));
            }
            if !comma {
                return None;
            }
            let key = self.value(depth + 1)?;
            if !self.takes(":") {
                return None;
            }
            entries.push((key, self.value(depth + 1)?));
            comma = self.takes(",");
        }
    }

    fn text(&mut self) -> Option<Value> {
        let mut chars = self.rest.char_indices();
        let (_, quote) = chars.next()?;
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.rest = self.rest.get(at + 1..)?;
                return Some(Value::Text(text));
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            let (_, escaped) = chars.next()?;
            let digits = match escaped {
                'n' => {
                    text.push('\n');
                    continue;
                }
                'r' => {
                    text.push('\r');
                    continue;
                }
                't' => {
                    text.push('\t');
                    continue;
                }
                'x' => 2,
                'u' => 4,
                'U' => 8,
                other => {
                    text.push(other);
                    continue;
                }
            };
            let mut code = 0;
            for _ in 0..digits {
                code = code * 16 + chars.next()?.1.to_digit(16)?;
            }
            text.push(char::from_u32(code)?);
        }
        None
    }

    fn number(&mut self) -> Option<Value> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        match number.parse() {
            Ok(whole) => Some(Value::Int(whole)),
            Err(_) => number.parse().ok().map(Value::Float),
        }
    }

    fn word(&mut self) -> Option<Value> {
        for (word, value) in
            [("None", Value::Null), ("True", Value::Bool(true)), ("False", Value::Bool(false))]
        {
            if self.takes(word) {
                return Some(value);
            }
        }
        if !self.takes("datetime.datetime") {
            return None;
        }
        let (parts, _) = self.list("(", ")", MAX_DEPTH - 1)?;
        let part = |at: usize| match parts.get(at) {
            None => Some(0),
            Some(Value::Int(number)) => Some(*number),
            Some(_) => None,
        };
        let moment = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            part(0)?,
            part(1)?,
            part(2)?,
            part(3)?,
            part(4)?,
            part(5)?
        );
        moment.parse().ok().map(Value::DateTime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_is_read() {
        let query =
            "{'run': {'>': 5, 'in': [1, -2.5]}, \"it's\": ('a\\n\\xe9', None, True), 'x': (1)}";
        let read = literal(query).unwrap();
        assert_eq!(read.get("run").unwrap().get(">"), Some(&Value::Int(5)));
        let list = Value::List(vec![Value::Int(1), Value::Float(-2.5)]);
        assert_eq!(read.get("run").unwrap().get("in"), Some(&list));
        let tuple = vec![Value::from("a\n\u{e9}"), Value::Null, Value::Bool(true)];
        assert_eq!(read.get("it's"), Some(&Value::Tuple(tuple)));
        assert_eq!(read.get("x"), Some(&Value::Int(1)));
        assert_eq!(literal("(1,)"), Some(Value::Tuple(vec![Value::Int(1)])));
        assert_eq!(literal(" {} "), Some(Value::Dict(vec![])));
        assert!(matches!(
            literal("datetime.datetime(2026, 1, 31, 12, 0)"),
            Some(Value::DateTime(_))
        ));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in
            ["", "{", "{'a'}", "[1 2]", "'a", "a", "{'a': 1} x", "'\\x4'", "datetime.datetime(1)"]
        {
            assert_eq!(literal(text), None, "{text}");
        }
        assert_eq!(literal(&"[".repeat(100_000)), None);
    }
}
