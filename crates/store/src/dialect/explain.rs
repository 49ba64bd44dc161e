use std::fmt::Write as _;

use super::Dialect;

impl Dialect {
    /// What goes before a query so that the database says how it would run it.
    pub fn explain(self) -> &'static str {
        match self {
            Self::Sqlite => "EXPLAIN QUERY PLAN ",
            Self::Postgres => "EXPLAIN (FORMAT JSON) ",
            Self::MariaDb => "EXPLAIN FORMAT=JSON ",
        }
    }

    /// The column of the answer that holds the plan.
    pub fn plan_column(self) -> usize {
        match self {
            Self::Sqlite => 3,
            Self::Postgres | Self::MariaDb => 0,
        }
    }

    /// The plan as lines for people, and the number of rows that the database expects.
    pub fn read_plan(self, rows: &[String]) -> (Vec<String>, Option<i64>) {
        match self {
            Self::Sqlite => (rows.to_vec(), None),
            Self::Postgres => {
                let plan = rows.first().and_then(|text| serde_json::from_str(text).ok());
                plan.map_or((Vec::new(), None), |plan: serde_json::Value| {
                    let top = &plan[0]["Plan"];
                    let mut lines = Vec::new();
                    postgres_lines(top, 0, &mut lines);
                    (lines, top["Plan Rows"].as_i64())
                })
            }
            Self::MariaDb => {
                let plan = rows.first().and_then(|text| serde_json::from_str(text).ok());
                plan.map_or((Vec::new(), None), |plan: serde_json::Value| {
                    let mut lines = Vec::new();
                    let mut rows = None;
                    mariadb_lines(&plan, &mut lines, &mut rows);
                    (lines, rows)
                })
            }
        }
    }
}

fn postgres_lines(node: &serde_json::Value, depth: usize, lines: &mut Vec<String>) {
    let text = |key: &str| node[key].as_str().map(str::to_owned);
    let mut line = "  ".repeat(depth) + &text("Node Type").unwrap_or_default();
    for (key, word) in [("Relation Name", "on"), ("Index Name", "using"), ("Index Cond", "where")] {
        if let Some(value) = text(key) {
            let _ = write!(line, " {word} {value}");
        }
    }
    if let Some(filter) = text("Filter") {
        let _ = write!(line, " filter {filter}");
    }
    lines.push(line);
    for child in node["Plans"].as_array().into_iter().flatten() {
        postgres_lines(child, depth + 1, lines);
    }
}

fn mariadb_lines(node: &serde_json::Value, lines: &mut Vec<String>, rows: &mut Option<i64>) {
    if let Some(table) = node.get("table") {
        let part = |key: &str| table[key].as_str().unwrap_or("-").to_owned();
        let expected = table["rows"].as_i64().unwrap_or_default();
        lines.push(format!(
            "{} {} using {} ({expected} rows)",
            part("access_type"),
            part("table_name"),
            part("key"),
        ));
        let filtered = table["filtered"].as_f64().unwrap_or(100.0) / 100.0;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "an estimate"
        )]
        let here = (expected as f64 * filtered).round() as i64;
        *rows = Some(rows.map_or(here, |before| before.saturating_mul(here.max(1))));
    }
    match node {
        serde_json::Value::Object(parts) => {
            for part in parts.values() {
                mariadb_lines(part, lines, rows);
            }
        }
        serde_json::Value::Array(parts) => {
            for part in parts {
                mariadb_lines(part, lines, rows);
            }
        }
        _ => {}
    }
}
