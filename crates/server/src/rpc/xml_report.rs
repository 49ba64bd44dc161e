//! `sendXMLBookkeepingReport`, by which jobs of LHCb's kind report: one document in XML, as text or
//! bytes. It is `reportJob` in another form, so that permission and rules are the same.
//!
//! A report that cannot be taken is kept, and is a failure all the same, as with LHCb's own
//! bookkeeping: to a job that is told "OK", its files are registered. The failure names the entry
//! in the quarantine; a job that sends the report again changes nothing.

use futures::future::BoxFuture;
use sbk_api::{Code, Operation, Problem, ReportAnswer, ReportFormat, ReportJob};
use sbk_model::{JobName, Vo};
use sbk_service::{CallContext, Caller, Service};
use sbk_wire::Value;

use super::{
    Failure, Method,
    methods::refused,
    parameter::{Kind, Parameter},
};

/// The name of the method, as LHCb's clients call it.
pub const NAME: &str = "sendXMLBookkeepingReport";

/// The method.
pub fn method() -> Method {
    let text = |name: &str, description: &str| Parameter {
        name: name.into(),
        kinds: vec![Kind::Text],
        required: false,
        choices: Vec::new(),
        description: description.into(),
    };
    let about = "The document: an LHCb report of a step or of replicas, or a Gaudi summary.";
    let xml =
        Parameter { kinds: vec![Kind::Text, Kind::Bytes], required: true, ..text("xml", about) };
    Method {
        name: NAME,
        summary: "Takes the report of a job as XML; what cannot be taken is kept, and a failure.",
        requires: ReportJob::REQUIRES,
        writes: true,
        places: vec![xml],
        options: vec![
            text("vo", "The community that the job belongs to."),
            text("name", "The name of the job, where the document has none (a Gaudi summary)."),
        ],
        call,
        lines: None,
    }
}

fn call(
    service: Service,
    caller: Caller,
    arguments: Value,
    context: CallContext,
) -> BoxFuture<'static, Result<Value, Failure>> {
    Box::pin(async move {
        let operation = operation(&arguments)?;
        let result = service.call(&caller, operation, context).await;
        let mut result = result.map_err(|error| refused::<ReportJob>(&error))?;
        match result.results.pop() {
            Some(ReportAnswer { problem: Some(problem), entry, .. }) => {
                Err(Failure::from(kept(problem, entry)))
            }
            Some(answer) => Ok(Value::Text(said(&answer, result.repeated > 0))),
            None => Err(Failure::from(Problem::new(Code::Internal, "there is no answer"))),
        }
    })
}

fn operation(arguments: &Value) -> Result<ReportJob, Problem> {
    let invalid = |field: &str, text: String| Problem {
        field: Some(field.to_owned()),
        ..Problem::new(Code::Invalid, format!("{field}: {text}"))
    };
    let document = match arguments.get("xml") {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Bytes(bytes)) => sbk_formats::decode(bytes).into_owned(),
        _ => return Err(invalid("xml", "is neither text nor bytes".into())),
    };
    let text = |name: &str| arguments.get(name).and_then(Value::text);
    let vo = text("vo").ok_or_else(|| invalid("vo", "is needed".into()))?;
    let vo: Vo = vo.parse().map_err(|error| invalid("vo", format!("{error}")))?;
    let name = text("name").map(str::parse::<JobName>).transpose();
    let name = name.map_err(|error| invalid("name", error.to_string()))?;
    let reports = vec![document.into()];
    Ok(ReportJob { vo, reports, format: ReportFormat::Auto, name, refuse: false })
}

/// Says of a report that could not be taken where it is.
fn kept(problem: Problem, entry: Option<String>) -> Problem {
    let entry = entry.unwrap_or_default();
    let detail = format!("{}; it is kept in the quarantine as {entry}", problem.detail);
    Problem { detail, ..problem }
}

fn said(answer: &ReportAnswer, is_repeat: bool) -> String {
    if let Some(replicas) = &answer.replicas {
        let (added, removed) = (replicas.added, replicas.removed);
        return format!(
            "{added} replicas were added, {removed} removed, {} were so already",
            replicas.unchanged
        );
    }
    let job = answer.job.as_ref().map(JobName::as_str).unwrap_or_default();
    let outputs = answer.outputs;
    let done = if is_repeat { "had come before" } else { "was taken" };
    format!("The report of the job {job} {done}; it registered {outputs} files")
}
