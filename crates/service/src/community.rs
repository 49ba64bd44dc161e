use sbk_api::{Community, DeclareCommunity, Done, ListCommunities, Outcome, Page};
use sbk_store::community;

use crate::{Context, Error, Note, Run, cursor};

impl Run for ListCommunities {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Community>, Error> {
        let (after, limit) = cursor::page::<String>(&self.page)?;
        let mut all = community::list(&mut cx.session).await?;
        if let Some(own) = cx.only_community()? {
            all.retain(|community| community.vo == *own);
        }
        let after = after.unwrap_or_default();
        let limit_items = usize::try_from(limit).unwrap_or(usize::MAX);
        let items: Vec<_> =
            all.into_iter().filter(|c| c.vo.as_str() > after.as_str()).take(limit_items).collect();
        let next = cursor::next(&items, limit, |c| cursor::encode(&c.vo));
        Ok(Page { items, next })
    }
}

impl Run for DeclareCommunity {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        let new = community::declare(&mut cx.session, &self.vo, cx.now).await?;
        cx.note(Note {
            count: u64::from(new),
            detail: serde_json::json!({ "vo": self.vo }),
            ..Note::default()
        });
        Ok(Done { outcome: if new { Outcome::Added } else { Outcome::Unchanged } })
    }
}
