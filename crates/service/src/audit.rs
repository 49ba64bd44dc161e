use sbk_api::{AuditEntry, ListAudit, Page};
use sbk_store::audit;

use crate::{Context, Error, Run, cursor};

impl Run for ListAudit {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<AuditEntry>, Error> {
        if self.dataset.is_some() && self.vo.is_none() {
            let reason = "is needed beside `dataset`; name the dataset's community";
            return Err(Error::invalid("vo", "", reason));
        }
        let (before, limit) = cursor::page::<i64>(&self.page)?;
        let before = before.unwrap_or(i64::MAX);
        let found = audit::list(&mut cx.session, self, before, limit).await?;
        let next = cursor::next(&found, limit, |(id, _)| cursor::encode(id));
        Ok(Page { items: found.into_iter().map(|(_, entry)| entry).collect(), next })
    }
}
