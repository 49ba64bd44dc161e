use sbk_api::{Code, Operation, Problem, Verb};
use serde_json::{Map, Value};

/// An operation as it goes over REST.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// The verb.
    pub verb: Verb,
    /// The path below the server's address, its segments percent-encoded.
    pub path: String,
    /// The query string as pairs, not encoded yet.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Option<Value>,
    /// Whether it changes anything.
    pub writes: bool,
}

impl Request {
    /// Puts the arguments of an operation where they belong.
    pub(crate) fn of<O: Operation>(operation: &O) -> Result<Self, Problem> {
        let mut arguments = match serde_json::to_value(operation) {
            Ok(Value::Object(arguments)) => arguments,
            Ok(_) => return Err(Problem::new(Code::Invalid, "the arguments are no object")),
            Err(error) => return Err(Problem::new(Code::Invalid, error.to_string())),
        };
        let path = format!("/api/v1{}", fill(O::PATH, &mut arguments)?);
        let (query, body) = match O::VERB {
            Verb::Get | Verb::Delete => (pairs(arguments), None),
            Verb::Post | Verb::Put | Verb::Patch => (Vec::new(), Some(Value::Object(arguments))),
        };
        Ok(Self { verb: O::VERB, path, query, body, writes: O::WRITES })
    }
}

/// Puts arguments in the place of their names in a path, and takes them out of the object.
fn fill(template: &str, arguments: &mut Map<String, Value>) -> Result<String, Problem> {
    let mut path = String::new();
    for segment in template.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => path.push_str(&argument(name, arguments)?),
            None => path.push_str(segment),
        }
    }
    Ok(path)
}

/// Takes one argument as a segment of a path.
fn argument(name: &str, arguments: &mut Map<String, Value>) -> Result<String, Problem> {
    let refused = |reason: &str| {
        let problem = Problem::new(Code::Invalid, format!("{name}: {reason}"));
        Problem { field: Some(name.to_owned()), ..problem }
    };
    let text = text(arguments.remove(name).ok_or_else(|| refused("is missing"))?);
    // Every reader of URLs removes such segments, even when they are percent-encoded.
    if matches!(text.as_str(), "" | "." | "..") {
        return Err(refused(&format!("{text:?} cannot be part of a URL")));
    }
    Ok(encode(&text))
}

/// Writes arguments as pairs of a query string; what is null is left out.
fn pairs(arguments: Map<String, Value>) -> Vec<(String, String)> {
    arguments
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name, text(value)))
        .collect()
}

/// Scalars as they are, lists and objects as JSON.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
fn encode(text: &str) -> String {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use sbk_api::{
        ChangeDataset, DeclareCommunity, FindFiles, GetFile, PageArgs, RemoveDataset, Selection,
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn an_argument_in_the_path_is_one_encoded_segment() {
        let operation: ChangeDataset =
            serde_json::from_value(json!({"name": "/a b/é?#%", "status": "closed"})).unwrap();

        let request = Request::of(&operation).unwrap();

        assert_eq!(request.path, "/api/v1/datasets/%2Fa%20b%2F%C3%A9%3F%23%25");
        assert_eq!(request.body, Some(json!({"status": "closed"})));
        assert!(request.query.is_empty() && request.writes);
    }

    #[test]
    fn a_name_that_urls_lose_is_refused() {
        let operation: RemoveDataset = serde_json::from_value(json!({"name": ".."})).unwrap();

        let problem = Request::of(&operation).unwrap_err();

        assert_eq!(problem.field.as_deref(), Some("name"));
    }

    #[test]
    fn the_rest_of_a_get_goes_to_the_query_string() {
        let operation = FindFiles {
            selection: Selection { filter: Some(json!({"run": [1, 2]})), ..Selection::default() },
            replicas: true,
            page: PageArgs { limit: Some(5), after: None },
            ..FindFiles::default()
        };

        let mut request = Request::of(&operation).unwrap();
        request.query.sort();

        let expected = [
            ("limit", "5"),
            ("metadata", "false"),
            ("replicas", "true"),
            ("where", r#"{"run":[1,2]}"#),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(request.query, expected);
        assert_eq!(request.body, None);
    }

    #[test]
    fn a_name_with_slashes_in_a_query_string_is_plain_text() {
        let request = Request::of(&GetFile { lfn: "/a/b c".parse().unwrap() }).unwrap();

        assert_eq!(request.query, [("lfn".to_owned(), "/a/b c".to_owned())]);
    }

    #[test]
    fn a_put_with_all_arguments_in_its_path_has_an_empty_body() {
        let request = Request::of(&DeclareCommunity { vo: "superb".parse().unwrap() }).unwrap();

        assert_eq!(
            (request.path.as_str(), request.body),
            ("/api/v1/communities/superb", Some(json!({})))
        );
    }
}
