use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    BulkResult, DeclareStorageElements, Done, FindStorageElements, FoundStorageElements, Holding,
    ItemResult, ListHoldings, ListSites, ListStorageElements, Outcome, Page, RemoveStorageElement,
    Site, StorageElement, StorageElementUse,
};
use sbk_model::{SeKey, TermKey};
use sbk_store::{
    holding::{self, Filter},
    name_of, storage,
    total::{self, Holder, Subject},
};

use crate::{Context, Error, Note, Run, cursor, register::check_count};

impl Run for ListStorageElements {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<StorageElementUse>, Error> {
        let (after, limit) = cursor::page::<String>(&self.page)?;
        let found = storage::list(&mut cx.session, &after.unwrap_or_default(), limit).await?;
        let subjects: Vec<_> = found.iter().map(|(key, _)| Subject::Se(*key)).collect();
        let mut totals = total::of(&mut cx.session, &subjects).await?;
        let items: Vec<_> = found
            .into_iter()
            .map(|(key, element)| StorageElementUse {
                totals: totals.remove(&key.0).unwrap_or_default(),
                element,
            })
            .collect();
        let next = cursor::next(&items, limit, |item| cursor::encode(&item.element.name));
        Ok(Page { items, next })
    }
}

impl Run for ListHoldings {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Holding>, Error> {
        let (after, limit) = cursor::page::<(i64, i64, i64)>(&self.page)?;
        let after = after.map(|(vo, owner, group)| Holder { vo, owner, group });
        let key = |name: &str| TermKey::of(name).0;
        let filter = Filter {
            vo: cx.listed_community(self.vo.as_ref())?,
            owner: self.owner.as_ref().map(|owner| key(owner.as_str())),
            group: self.group.as_ref().map(|group| key(group.as_str())),
        };
        let found = holding::list(&mut cx.session, filter, after, limit).await?;
        let next = cursor::next(&found, limit, |(holder, _)| {
            cursor::encode(&(holder.vo, holder.owner, holder.group))
        });
        let keys: BTreeSet<i64> =
            found.iter().flat_map(|(holder, _)| [holder.vo, holder.owner, holder.group]).collect();
        let terms = cx.session.terms(keys).await?;
        let items = found.into_iter().map(|(holder, totals)| {
            Ok(Holding {
                vo: name_of(&terms, holder.vo)?,
                owner: name_of(&terms, holder.owner)?,
                group: name_of(&terms, holder.group)?,
                totals,
            })
        });
        Ok(Page { items: items.collect::<Result<_, Error>>()?, next })
    }
}

impl Run for ListSites {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Site>, Error> {
        let (after, limit) = cursor::page::<String>(&self.page)?;
        let items = storage::list_sites(&mut cx.session, &after.unwrap_or_default(), limit).await?;
        let next = cursor::next(&items, limit, |site| cursor::encode(&site.name));
        Ok(Page { items, next })
    }
}

impl Run for DeclareStorageElements {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("elements", self.elements.len(), 10_000)?;
        for prefix in self.elements.iter().filter_map(|e| e.pfn_prefix.as_ref()) {
            if prefix.is_empty() || prefix.len() > 1024 || prefix.chars().any(char::is_control) {
                let reason = "is not 1 to 1024 printable bytes";
                return Err(Error::invalid("elements.pfn_prefix", prefix, reason));
            }
        }
        // The last declaration of a name counts.
        let wanted: BTreeMap<SeKey, StorageElement> =
            self.elements.iter().map(|e| (SeKey::of(&e.name), e.clone())).collect();
        let sites: BTreeSet<_> = wanted.values().filter_map(|e| e.site.clone()).collect();
        let sites: Vec<_> = sites.into_iter().map(|name| Site { name }).collect();
        storage::add_sites(&mut cx.session, &sites).await?;
        let known = storage::find(&mut cx.session, wanted.keys().copied()).await?;
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (key, element) in &wanted {
            match known.get(key) {
                None => new.push(element.clone()),
                Some(old) if old != element => changed.push(element.clone()),
                Some(_) => {}
            }
        }
        storage::add(&mut cx.session, &new).await?;
        storage::change(&mut cx.session, &changed).await?;
        let outcome = |e: &StorageElement| {
            if new.iter().any(|n| n.name == e.name) {
                Outcome::Added
            } else if changed.iter().any(|c| c.name == e.name) {
                Outcome::Changed
            } else {
                Outcome::Unchanged
            }
        };
        let results = self.elements.iter().map(|e| ItemResult {
            name: e.name.to_string(),
            outcome: outcome(e),
            problem: None,
        });
        let results = BulkResult::of(results.collect());
        cx.note(Note {
            count: (new.len() + changed.len()) as u64,
            detail: serde_json::json!({
                "added": new.iter().map(|e| &e.name).collect::<Vec<_>>(),
                "changed": changed.iter().map(|e| &e.name).collect::<Vec<_>>(),
            }),
            ..Note::default()
        });
        Ok(results)
    }
}

impl Run for RemoveStorageElement {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        if !storage::lock(&mut cx.session, &self.se).await? {
            return Err(Error::NotFound(format!("there is no storage element {}", self.se)));
        }
        if storage::is_used(&mut cx.session, &self.se).await? {
            return Err(Error::Conflict(format!(
                "the storage element {} still has replicas; remove them first",
                self.se
            )));
        }
        storage::remove(&mut cx.session, &self.se).await?;
        total::remove(&mut cx.session, Subject::Se(SeKey::of(&self.se))).await?;
        cx.note(Note {
            count: 1,
            detail: serde_json::json!({ "removed": self.se }),
            ..Note::default()
        });
        Ok(Done { outcome: Outcome::Removed })
    }
}

impl Run for FindStorageElements {
    async fn run(&self, cx: &mut Context<'_>) -> Result<FoundStorageElements, Error> {
        check_count("names", self.names.len(), 1000)?;
        let keys: BTreeSet<_> = self.names.iter().map(SeKey::of).collect();
        let mut known = storage::find(&mut cx.session, keys).await?;
        let mut answer = FoundStorageElements::default();
        for name in self.names.iter().collect::<BTreeSet<_>>() {
            match known.remove(&SeKey::of(name)) {
                Some(element) => answer.found.push(element),
                None => answer.missing.push(name.clone()),
            }
        }
        Ok(answer)
    }
}
