use sbk_api::{PromoteFields, Promotion};
use sbk_model::Vo;
use sbk_store::promotion::{self, Promoted, State};

use crate::{
    Context, Error, Note, Run,
    file::communities,
    metadata::{self, TRUST_SECONDS},
    register::check_count,
};

impl Run for PromoteFields {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Promotion, Error> {
        let limit = self.limit.unwrap_or(10_000);
        check_count("limit", limit as usize, 100_000)?;
        let waiting = promotion::list(&mut cx.session).await?;
        let new: Vec<_> = waiting.iter().filter(|f| f.state == State::New).cloned().collect();
        cx.note(Note::default());
        if let Some(field) = new.first() {
            let field = Some(name(field));
            begin(cx, new).await?;
            return Ok(Promotion { done: false, filled: 0, field });
        }
        let Some(field) = waiting.into_iter().find(|field| field.state == State::Filling) else {
            return Ok(Promotion { done: true, filled: 0, field: None });
        };
        let name = name(&field);
        let filled = fill(cx, field, i64::from(limit)).await?;
        Ok(Promotion { done: false, filled, field: Some(name) })
    }
}

fn name(field: &Promoted) -> String {
    format!("{}.{}", field.entity, field.field)
}

/// Adds the columns of all new fields, and tells all writers by the state that they fill them.
async fn begin(cx: &mut Context<'_>, new: Vec<Promoted>) -> Result<(), Error> {
    cx.session.leave().await?;
    for field in &new {
        promotion::add_column(&mut cx.session, field).await?;
    }
    cx.session.enter().await?;
    for field in new {
        let filling = Promoted { state: State::Filling, since: cx.now, ..field };
        promotion::advance(&mut cx.session, &filling).await?;
    }
    cx.service.schemas().forget();
    Ok(())
}

/// Fills the column in the next rows; after the last ones, indexes it.
///
/// Writers in other processes may not know of the column for a moment: filling waits for them.
async fn fill(cx: &mut Context<'_>, field: Promoted, limit: i64) -> Result<u64, Error> {
    if cx.now < field.since.plus_seconds(2 * TRUST_SECONDS) {
        return Ok(0);
    }
    let session = &mut cx.session;
    let found = promotion::documents(session, field.entity, field.filled_to, limit, true).await?;
    let communities = communities(cx, found.iter().map(|stored| stored.vo)).await?;
    let mut documents = Vec::with_capacity(found.len());
    for stored in &found {
        documents.push((stored, metadata::parse(stored.document.as_deref())?));
    }
    documents.retain(|(_, document)| document.contains_key(&field.field));
    let with_schema = documents.iter().map(|(s, doc)| (&*communities[&s.vo].schema, doc));
    let columns = metadata::columns(std::slice::from_ref(&field), field.entity, with_schema);
    let keys: Vec<_> = documents.iter().map(|(stored, _)| stored.key).collect();
    promotion::replace(&mut cx.session, field.entity, &keys, columns).await?;
    let last = i64::try_from(found.len()).is_ok_and(|count| count < limit);
    let filled_to = found.last().map(|stored| stored.key).or(field.filled_to);
    let mut next = Promoted { filled_to, ..field };
    if last {
        cx.session.leave().await?;
        promotion::add_index(&mut cx.session, &next).await?;
        cx.session.enter().await?;
        next = Promoted { state: State::Ready, since: cx.now, ..next };
    }
    promotion::advance(&mut cx.session, &next).await?;
    cx.service.schemas().forget();
    Ok(keys.len() as u64)
}

/// Asks for the columns of the searchable fields of a schema; returns how many wait for theirs.
pub async fn request(
    cx: &mut Context<'_>,
    schema: &sbk_metadata::Schema,
    vo: &Vo,
) -> Result<u64, Error> {
    tracing::debug!(%vo, "asking for columns of searchable fields");
    for field in schema.fields() {
        if let Some(kind) = field.promoted() {
            let name = field.name.as_str();
            promotion::request(&mut cx.session, field.entity, name, kind, cx.now).await?;
        }
    }
    let waiting = promotion::list(&mut cx.session).await?;
    Ok(waiting.iter().filter(|field| field.state != State::Ready).count() as u64)
}
