//! Random sequences of writes, held against a model that is simple enough to be right.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Catalogue, file, lfns, vo};
use sbk_api::*;
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::json;

/// What the catalogue should hold.
#[derive(Debug, Default)]
struct Model {
    /// Whether each file is retired.
    files: BTreeMap<String, bool>,
    /// Files with a second replica, on tape.
    on_tape: BTreeSet<String>,
    members: BTreeSet<String>,
}

impl Model {
    fn is_live(&self, name: &str) -> bool {
        self.files.get(name) == Some(&false)
    }

    fn live(&self, within: impl Fn(&str) -> bool) -> i64 {
        let live = self.files.iter().filter(|(name, retired)| !**retired && within(name));
        i64::try_from(live.count()).unwrap()
    }

    /// Moves all names below one directory to another, unless one is there already.
    fn rename(&mut self, from: &str, to: &str) {
        let new = |name: &String| match name.strip_prefix(from) {
            Some(rest) => format!("{to}{rest}"),
            None => name.clone(),
        };
        self.files = self.files.iter().map(|(name, retired)| (new(name), *retired)).collect();
        self.on_tape = self.on_tape.iter().map(new).collect();
        self.members = self.members.iter().map(new).collect();
    }
}

/// One random write, to the catalogue and to the model.
async fn write(catalogue: &Catalogue, model: &mut Model, random: &mut fastrand::Rng) {
    let name = format!("/s/{}/{}", random.u8(..3), random.u8(..8));
    let reason = || "test".parse().unwrap();
    match random.u8(..8) {
        0 | 1 => {
            catalogue.add(vec![file(&name)]).await;
            model.files.entry(name).or_insert(false);
        }
        2 => {
            let replicas =
                serde_json::from_value(json!([{ "lfn": name, "se": "CNAF-tape" }])).unwrap();
            let call = AddReplicas { replicas, atomicity: Atomicity::Each };
            catalogue.call(call).await.unwrap();
            if model.is_live(&name) {
                model.on_tape.insert(name);
            }
        }
        3 => {
            let call = RetireFiles {
                lfns: lfns(&[&name]),
                reason: reason(),
                grace_seconds: None,
                preview: false,
            };
            catalogue.call(call).await.unwrap();
            model.files.entry(name).and_modify(|retired| *retired = true);
        }
        4 => {
            let call = RestoreFiles { lfns: lfns(&[&name]), reason: reason() };
            catalogue.call(call).await.unwrap();
            model.files.entry(name).and_modify(|retired| *retired = false);
        }
        5 => {
            let call = AddMembers { name: "d".parse().unwrap(), vo: None, lfns: lfns(&[&name]) };
            catalogue.call(call).await.unwrap();
            if model.is_live(&name) {
                model.members.insert(name);
            }
        }
        6 => {
            let (dataset, lfns) = ("d".parse().unwrap(), lfns(&[&name]));
            let call = RemoveMembers { name: dataset, vo: None, lfns, reason: None };
            catalogue.call(call).await.unwrap();
            model.members.remove(&name);
        }
        _ => {
            let (from, to) = (format!("/s/{}", random.u8(..3)), format!("/s/{}", random.u8(..3)));
            let call = json!({ "from": from, "to": to });
            let call: MoveDirectory = serde_json::from_value(call).unwrap();
            match catalogue.call(call).await {
                Ok(progress) => {
                    assert!(progress.done, "{progress:?}");
                    model.rename(&format!("{from}/"), &format!("{to}/"));
                }
                Err(error) => {
                    let code = error.code();
                    let told = matches!(code, Code::Conflict | Code::NotFound | Code::Invalid);
                    assert!(told, "{error:?}");
                }
            }
        }
    }
}

async fn compare(catalogue: &Catalogue, model: &Model) {
    for directory in ["/s/0", "/s/1", "/s/2", "/s"] {
        let path = directory.parse().unwrap();
        let kept = match catalogue.call(GetDirectory { path }).await {
            Ok(shown) => shown.totals.files,
            Err(_) => 0,
        };
        let below = format!("{directory}/");
        assert_eq!(kept, model.live(|name| name.starts_with(&below)), "{directory}");
    }
    let members = model.live(|name| model.members.contains(name));
    assert_eq!(catalogue.show_dataset("d").await.files, Some(members));
    let elements = catalogue.call(ListStorageElements::default()).await.unwrap().items;
    let kept: Vec<_> = elements.iter().map(|element| element.totals.files).collect();
    let tape = model.live(|name| model.on_tape.contains(name));
    assert_eq!(kept, [model.live(|_| true), tape]);
    let mut found = catalogue.query(&format!("vo = {}", vo())).await.unwrap();
    found.sort();
    let live = model.files.iter().filter(|(_, retired)| !**retired).map(|(name, _)| name);
    assert_eq!(found, live.cloned().collect::<Vec<_>>());
    assert_eq!(catalogue.wrong_totals(false).await, []);
}

each_backend! {
    async fn random_writes_keep_all_totals_right(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        let mut model = Model::default();
        let mut random = fastrand::Rng::with_seed(1);

        for step in 1..=240 {
            write(&catalogue, &mut model, &mut random).await;
            if step % 40 == 0 {
                compare(&catalogue, &model).await;
            }
        }
    }
}
