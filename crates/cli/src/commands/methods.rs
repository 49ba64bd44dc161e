use clap::Args;
use futures::stream;
use sbk_api::{Code, Problem};
use sbk_server::{Argument, MethodDescription};

use crate::{cell::Cell, context::Context, failure::Failure, output::Row};

/// Which methods.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sbk methods
  sbk methods addFiles
  sbk methods findFiles --json
  sbk methods --markdown > methods.md

The same methods are operations of REST; `/api/v1/docs` of a service shows them there.")]
pub struct Methods {
    /// Only this one, with all that it takes
    name: Option<String>,
    /// Write a page in Markdown with all that every method takes
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
}

impl Methods {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        if self.markdown {
            return context.output.text(&sbk_server::methods_as_markdown());
        }
        let methods = sbk_server::methods();
        let Some(name) = self.name else {
            context.output.list(stream::iter(methods.into_iter().map(Ok))).await?;
            return Ok(());
        };
        show(context, find(&methods, &name)?)
    }
}

/// The method of a name. Where there is none, the failure names the nearest.
pub fn find<'a>(
    methods: &'a [MethodDescription],
    name: &str,
) -> Result<&'a MethodDescription, Failure> {
    methods
        .iter()
        .find(|method| method.name == name)
        .ok_or_else(|| unknown(name, methods.iter().map(|method| method.name)))
}

/// Says that there is no method of a name.
pub fn unknown<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Failure {
    let hint = match sbk_registry::nearest(name, names) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "`sbk methods` lists all".to_owned(),
    };
    Failure::Problem(Problem::new(Code::NotFound, format!("there is no method {name:?}; {hint}")))
}

impl Row for MethodDescription {
    const HEADINGS: &'static [&'static str] = &["METHOD", "ARGUMENTS", "NEEDS", "WHAT IT DOES"];

    fn cells(&self) -> Vec<Cell> {
        let places: Vec<_> = self.positional.iter().map(|place| place.name.as_str()).collect();
        let places = (!places.is_empty()).then(|| places.join(", "));
        let needs = self.permission.map(sbk_model::Permission::name);
        vec![
            Cell::text(self.name),
            Cell::optional(places),
            Cell::optional(needs),
            Cell::text(self.summary),
        ]
    }
}

/// Shows one method with all that it takes.
fn show(context: &mut Context, method: &MethodDescription) -> Result<(), Failure> {
    let permission = method.permission.map(sbk_model::Permission::name);
    let streams = match (method.downloads, &method.uploads) {
        (true, _) => Some("its answer can be downloaded".to_owned()),
        (false, Some(list)) => Some(format!("{list} can be uploaded")),
        (false, None) => None,
    };
    let fields = [
        ("method", Cell::text(method.name)),
        ("what it does", Cell::text(method.summary)),
        ("permission", Cell::optional(permission)),
        ("rule of its own", Cell::optional(method.rule)),
        ("writes", Cell::text(if method.writes { "yes" } else { "no" })),
        ("stream", Cell::optional(streams)),
        ("arguments", Cell::list(method.positional.iter().map(describe))),
        ("options", Cell::list(method.options.iter().map(describe))),
        ("example", Cell::text(&method.example)),
    ];
    context.output.show(method, &fields)
}

/// An argument in a line.
fn describe(argument: &Argument) -> String {
    let Argument { name, choices, description, .. } = argument;
    let types = argument.types();
    let choices = match choices.as_slice() {
        [] => String::new(),
        choices => format!(" One of {}.", choices.join(", ")),
    };
    format!("{name} ({types}): {description}{choices}")
}
