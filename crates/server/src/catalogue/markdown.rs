//! The methods as a page for people.

use std::fmt::Write as _;

use super::{Argument, MethodDescription, methods};

const HEAD: &str = "\
# Methods

What DIRAC's clients can ask SBK, over DISET and HTTPS. `sbk methods` shows the same; this page is
made by `SBK_UPDATE=1 cargo test -p sbk-server methods`.

A call gives arguments by their place, and options in one dictionary after them; in Python they are
keywords:

```python
from SBKDIRAC.BookkeepingSystem.Client.SBKClient import SBKClient
```

A caller needs the permission named here, and a rule in
`/Systems/Bookkeeping/Services/SBK/Authorization` that admits them: the one of the method's name,
else `Default`. `sbk pki check PROXY --method NAME` says whether both are there, and what is missing
if not.

A list with *download* can be had in one piece, one JSON object a line:
`SBKClient().download(\"found.ndjson\", METHOD, …)`. An argument with *upload* can be sent from such a
file: `SBKClient().upload(\"files.ndjson\", METHOD, …)`.
";

const FILE_CATALOG: &str = "
# Methods of DIRAC's FileCatalog

The same server answers to `DataManagement/FileCatalog` with these methods, as DIRAC's own service has
them ([dirac.md](dirac.md)); clients call them through DIRAC's `FileCatalogClient`.

| method | what it does |
|---|---|
";

/// The page in `docs/methods.md`.
pub fn methods_as_markdown() -> String {
    let methods = methods();
    let mut page = HEAD.to_owned();
    page.push_str("\n| method | needs | what it does |\n|---|---|---|\n");
    for method in &methods {
        let MethodDescription { name, summary, .. } = method;
        line(
            &mut page,
            &format!("| [`{name}`](#{}) | {} | {summary} |", anchor(name), needs(method)),
        );
    }
    for method in &methods {
        describe(&mut page, method);
    }
    page.push_str(FILE_CATALOG);
    for entry in sbk_dirac::catalog::METHODS {
        line(&mut page, &format!("| `{}` | {} |", entry.name, entry.summary));
    }
    page
}

fn line(page: &mut String, text: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(page, "{text}");
}

fn anchor(name: &str) -> String {
    name.to_lowercase()
}

fn describe(page: &mut String, method: &MethodDescription) {
    let kind = if method.writes { "Writes" } else { "Reads" };
    line(page, &format!("\n## {}\n\n{}\n", method.name, method.summary));
    let mut facts = vec![kind.to_owned(), format!("needs {}", needs(method))];
    facts.extend(method.downloads.then(|| "download".to_owned()));
    facts.extend(method.uploads.iter().map(|argument| format!("upload of `{argument}`")));
    line(page, &format!("{}.\n", facts.join("; ")));
    if !method.positional.is_empty() || !method.options.is_empty() {
        line(page, "| argument | type | what it is |\n|---|---|---|");
        for (at, argument) in method.positional.iter().enumerate() {
            line(page, &row(&format!("{}. `{}`", at + 1, argument.name), argument));
        }
        for option in &method.options {
            line(page, &row(&format!("`{}=`", option.name), option));
        }
        page.push('\n');
    }
    line(page, &format!("```python\n{}\n```", method.example));
}

fn row(name: &str, argument: &Argument) -> String {
    let choices: Vec<_> = argument.choices.iter().map(|choice| format!("`{choice}`")).collect();
    let choices =
        if choices.is_empty() { String::new() } else { format!(" One of {}.", choices.join(", ")) };
    let types = argument.types().replace('|', "or");
    format!("| {name} | {types} | {}{choices} |", argument.description.replace('|', "\\|"))
}

fn needs(method: &MethodDescription) -> String {
    match (method.permission, method.rule) {
        (Some(permission), _) => format!("`{}`", permission.name()),
        (None, Some(rule)) => format!("the rule `{rule}`"),
        (None, None) => "no permission".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_methods_in_docs_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/methods.md");
        let page = methods_as_markdown();

        if std::env::var_os("SBK_UPDATE").is_some() {
            std::fs::write(path, &page).unwrap();
        }

        let kept = std::fs::read_to_string(path).unwrap();
        assert!(kept == page, "run SBK_UPDATE=1 cargo test -p sbk-server methods");
    }
}
