use sbk_api::{AuditEntry, ListAudit, Page};
use sbk_model::Permission;
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
        let mut asked = self.clone();
        if !cx.caller.permissions.contains(&Permission::Administer) {
            // The trail of others is for administrators.
            match &self.actor {
                Some(actor) if actor != cx.caller.user.as_str() => {
                    let text = format!("{} (the actor is {actor})", cx.caller.user);
                    return Err(Error::Forbidden(Permission::Administer, text));
                }
                _ => asked.actor = Some(cx.caller.user.to_string()),
            }
        }
        let found = audit::list(&mut cx.session, &asked, before, limit).await?;
        let next = cursor::next(&found, limit, |(id, _)| cursor::encode(id));
        Ok(Page { items: found.into_iter().map(|(_, entry)| entry).collect(), next })
    }
}
