//! Draws chains: as SVG, and in the language of Graphviz.
//!
//! SVG: <https://www.w3.org/TR/SVG2/>. DOT: <https://graphviz.org/doc/info/lang.html>.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

use sbk_api::{Chain, ChainFile, ChainStep};
use sbk_model::{FileStatus, Lfn};

/// What is drawn: a file by its name, or a step by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Node<'a> {
    File(&'a str),
    Step(usize),
}

const COLUMN: i32 = 300;
const ROW: i32 = 64;
const WIDTH: i32 = 230;
const HEIGHT: i32 = 44;
const MARGIN: i32 = 20;

/// The text of a chain as an SVG document.
pub fn svg(chain: &Chain) -> String {
    let layers = layers(chain);
    let places = places(&layers, chain);
    let columns = i32::try_from(layers.len()).unwrap_or(i32::MAX / COLUMN);
    let rows = layers.values().map(Vec::len).max().unwrap_or(1);
    let width = columns.saturating_mul(COLUMN) + 2 * MARGIN;
    let height = i32::try_from(rows).unwrap_or(i32::MAX / ROW).saturating_mul(ROW) + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker></defs>\n"
    );
    for (at, step) in chain.steps.iter().enumerate() {
        let Some(place) = places.get(&Node::Step(at)) else { continue };
        for lfn in &step.used {
            edge(&mut out, places.get(&Node::File(lfn.as_str())), Some(place));
        }
        for lfn in &step.made {
            edge(&mut out, Some(place), places.get(&Node::File(lfn.as_str())));
        }
    }
    for (node, (x, y)) in &places {
        match node {
            Node::File(name) => file(&mut out, name, &chain.files[*name], *x, *y),
            Node::Step(at) => step(&mut out, &chain.steps[*at], *x, *y),
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The nodes by layer, from the oldest: files in even layers, steps between them.
fn layers(chain: &Chain) -> BTreeMap<i32, Vec<Node<'_>>> {
    let mut layers: BTreeMap<i32, Vec<Node<'_>>> = BTreeMap::new();
    let layer_of = |name: &str| chain.files.get(name).map(|file| file.depth * 2);
    for (name, file) in &chain.files {
        layers.entry(file.depth * 2).or_default().push(Node::File(name));
    }
    for (at, step) in chain.steps.iter().enumerate() {
        let made = step.made.iter().filter_map(|lfn| layer_of(lfn.as_str())).min();
        layers.entry(made.unwrap_or_default() - 1).or_default().push(Node::Step(at));
    }
    layers
}

/// Puts each node near the middle of those that it comes from, so that few edges cross.
fn places<'a>(
    layers: &BTreeMap<i32, Vec<Node<'a>>>,
    chain: &'a Chain,
) -> BTreeMap<Node<'a>, (i32, i32)> {
    let mut before: HashMap<Node<'a>, Vec<Node<'a>>> = HashMap::new();
    for (at, step) in chain.steps.iter().enumerate() {
        let used = step.used.iter().map(|lfn| Node::File(lfn.as_str()));
        before.entry(Node::Step(at)).or_default().extend(used);
        for lfn in &step.made {
            before.entry(Node::File(lfn.as_str())).or_default().push(Node::Step(at));
        }
    }
    let mut places: BTreeMap<Node<'a>, (i32, i32)> = BTreeMap::new();
    let mut x = MARGIN;
    for nodes in layers.values() {
        let mut sorted: Vec<(i32, Node<'a>)> = nodes
            .iter()
            .map(|node| {
                let ys: Vec<i32> = before
                    .get(node)
                    .into_iter()
                    .flatten()
                    .filter_map(|from| places.get(from).map(|(_, y)| *y))
                    .collect();
                let count = i32::try_from(ys.len()).unwrap_or(i32::MAX).max(1);
                (ys.iter().sum::<i32>() / count, *node)
            })
            .collect();
        sorted.sort_unstable();
        let mut y = MARGIN;
        for (_, node) in sorted {
            places.insert(node, (x, y));
            y = y.saturating_add(ROW);
        }
        x = x.saturating_add(COLUMN);
    }
    places
}

fn edge(out: &mut String, from: Option<&(i32, i32)>, to: Option<&(i32, i32)>) {
    let Some(((x1, y1), (x2, y2))) = from.zip(to) else { return };
    let (x1, y1, y2) = (x1 + WIDTH, y1 + HEIGHT / 2, y2 + HEIGHT / 2);
    let middle = i32::midpoint(x1, *x2);
    let _ = writeln!(
        out,
        "<path d=\"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" \
         stroke=\"#667\" marker-end=\"url(#tip)\"/>"
    );
}

fn file(out: &mut String, name: &str, file: &ChainFile, x: i32, y: i32) {
    let fill = match file.status {
        None => "#eee",
        Some(FileStatus::Good) => "#dff0d8",
        Some(FileStatus::Bad | FileStatus::Lost) => "#f6d5d5",
        Some(FileStatus::Retired) => "#e4e4e4",
    };
    let state = file.status.map_or("not in the catalogue", FileStatus::as_str);
    let events = file.events.map_or(String::new(), |events| format!(", {events} events"));
    let kind = file.file_type.as_ref().map_or(String::new(), |kind| format!("{kind}, "));
    let base = name.rsplit('/').next().unwrap_or(name);
    boxed(out, (x, y), fill, 16, name, base, &format!("{kind}{state}{events}"));
}

fn step(out: &mut String, step: &ChainStep, x: i32, y: i32) {
    let (first, second) = step_lines(step);
    boxed(out, (x, y), "#d9e8f6", 2, &first, &first, &second);
}

/// What a step is called, and what is said below.
fn step_lines(step: &ChainStep) -> (String, String) {
    let version = step.version.as_ref().map_or(String::new(), |version| format!(" {version}"));
    let program = step.application.as_ref().map(|name| format!("{name}{version}"));
    match (&step.job, program) {
        (Some(job), Some(program)) => (program, job.to_string()),
        (Some(job), None) => (job.to_string(), format!("step {}", step.step)),
        (None, _) => ("declared".into(), "no job known".into()),
    }
}

fn boxed(
    out: &mut String,
    (x, y): (i32, i32),
    fill: &str,
    round: i32,
    title: &str,
    first: &str,
    second: &str,
) {
    let (text, line1, line2) = (x + 8, y + 18, y + 34);
    let _ = writeln!(
        out,
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         rx=\"{round}\" fill=\"{fill}\" stroke=\"#445\"/><text x=\"{text}\" y=\"{line1}\">{}</text>\
         <text x=\"{text}\" y=\"{line2}\" fill=\"#556\">{}</text></g>",
        escaped(title),
        escaped(&shortened(first)),
        escaped(&shortened(second)),
    );
}

/// A text that fits its box; the end of a file's name says more than its middle.
fn shortened(text: &str) -> String {
    const MOST: usize = 34;
    let count = text.chars().count();
    if count <= MOST {
        return text.to_owned();
    }
    let head: String = text.chars().take(MOST / 2 - 1).collect();
    let tail: String = text.chars().skip(count - MOST / 2).collect();
    format!("{head}…{tail}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The text of a chain in the language of Graphviz.
pub fn dot(chain: &Chain) -> String {
    let mut out = String::from("digraph provenance {\n  rankdir=LR;\n  node [fontsize=10];\n");
    for (name, file) in &chain.files {
        let state = file.status.map_or("not in the catalogue", FileStatus::as_str);
        let label = format!("{}\\n{state}", quoted(name));
        let _ = writeln!(out, "  \"{}\" [shape=ellipse, label=\"{label}\"];", quoted(name));
    }
    for (at, step) in chain.steps.iter().enumerate() {
        let (first, second) = step_lines(step);
        let label = format!("{}\\n{}", quoted(&first), quoted(&second));
        let _ = writeln!(out, "  step{at} [shape=box, label=\"{label}\"];");
        let name = |lfn: &Lfn| quoted(lfn.as_str());
        for lfn in &step.used {
            let _ = writeln!(out, "  \"{}\" -> step{at};", name(lfn));
        }
        for lfn in &step.made {
            let _ = writeln!(out, "  step{at} -> \"{}\";", name(lfn));
        }
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Chain {
        let file = |depth| ChainFile { depth, ..ChainFile::default() };
        Chain {
            files: [("/a/<raw>.raw".to_owned(), file(-1)), ("/a/\"x\".dst".to_owned(), file(0))]
                .into(),
            steps: vec![ChainStep {
                application: "Brunel".parse().ok(),
                job: "j1".parse().ok(),
                step: 1,
                used: vec!["/a/<raw>.raw".parse().unwrap()],
                made: vec!["/a/\"x\".dst".parse().unwrap()],
                ..ChainStep::default()
            }],
            ..Chain::default()
        }
    }

    #[test]
    fn a_picture_has_all_nodes_and_edges_and_no_foreign_markup() {
        let svg = svg(&chain());

        assert_eq!(svg.matches("<rect").count(), 3);
        assert_eq!(svg.matches("marker-end").count(), 2);
        assert!(svg.contains("&lt;raw&gt;.raw") && !svg.contains("<raw>"));
    }

    #[test]
    fn dot_quotes_names() {
        let dot = dot(&chain());

        assert!(dot.contains("step0 -> \"/a/\\\"x\\\".dst\""), "{dot}");
        assert!(dot.contains("Brunel"));
    }
}
