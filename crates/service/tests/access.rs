//! Whose data callers see, and whose they may change.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::Catalogue;
use sbk_api::*;
use sbk_model::{DatasetKind, FileStatus, Permission};
use sbk_service::{Call, CallContext, Caller, Error};
use sbk_testkit::{TestDatabase, each_backend};

/// Somebody whom the registry knows.
fn caller(user: &str, group: &str, vo: &str, permissions: &[Permission]) -> Caller {
    Caller {
        user: user.parse().unwrap(),
        group: group.parse().unwrap(),
        permissions: permissions.iter().copied().collect(),
        vo: Some(vo.parse().unwrap()),
        local: false,
    }
}

fn user(name: &str) -> Caller {
    caller(name, "people", "superb", &[Permission::Read, Permission::Write])
}

fn foreigner() -> Caller {
    caller("eve", "people", "babar", &[Permission::Read, Permission::Write, Permission::Produce])
}

fn producer() -> Caller {
    let may =
        [Permission::Read, Permission::Write, Permission::Produce, Permission::ManageDatasets];
    caller("prod", "production", "superb", &may)
}

async fn call<O: Call>(
    catalogue: &Catalogue,
    who: &Caller,
    operation: O,
) -> Result<O::Output, Error> {
    catalogue.service.call(who, operation, CallContext::default()).await
}

fn file(lfn: &str) -> NewFile {
    serde_json::from_value(serde_json::json!({"lfn": lfn, "size": 10})).unwrap()
}

fn add(lfns: &[&str]) -> AddFiles {
    AddFiles {
        vo: "superb".parse().unwrap(),
        files: lfns.iter().map(|lfn| file(lfn)).collect(),
        dataset: None,
        atomicity: Atomicity::Each,
        only_new: false,
        unique_guids: false,
    }
}

/// Two communities, with official files and one of Alice's in the first.
async fn catalogue(database: &TestDatabase) -> Catalogue {
    let catalogue = Catalogue::new(database).await;
    catalogue.call(DeclareCommunity { vo: "babar".parse().unwrap() }).await.unwrap();
    call(&catalogue, &producer(), add(&["/superb/prod/a"])).await.unwrap();
    call(&catalogue, &user("alice"), add(&["/superb/user/a/alice/mine"])).await.unwrap();
    catalogue
}

fn denied<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Forbidden(..)))
}

each_backend! {
    async fn people_write_at_home_and_producers_everywhere(database: TestDatabase) {
        let catalogue = catalogue(&database).await;
        let (alice, bob) = (user("alice"), user("bob"));

        assert!(denied(call(&catalogue, &alice, add(&["/superb/prod/b"])).await));
        assert!(denied(call(&catalogue, &alice, add(&["/superb/user/b/bob/x"])).await));
        assert!(denied(call(&catalogue, &bob, add(&["/superb/user/a/alice/x"])).await));
        assert_eq!(call(&catalogue, &bob, add(&["/superb/user/b/bob/d/e"])).await.unwrap().added, 1);
        assert_eq!(call(&catalogue, &producer(), add(&["/superb/prod/b"])).await.unwrap().added, 1);
        let mut given = add(&["/superb/user/a/alice/given"]);
        given.files[0].owner = Some("bob".parse().unwrap());
        assert_eq!(call(&catalogue, &alice, given).await.unwrap().refused, 1);
    }

    async fn files_of_others_are_seen_and_not_changed(database: TestDatabase) {
        let catalogue = catalogue(&database).await;
        let lfns: Vec<_> =
            ["/superb/prod/a", "/superb/user/a/alice/mine", "/superb/none"].map(|l| l.parse().unwrap()).into();

        let seen = GetFiles { lfns: lfns.clone(), replicas: false, metadata: false, datasets: false };
        let seen = call(&catalogue, &user("alice"), seen).await.unwrap();
        let set = SetFileStatus { lfns: lfns.clone(), status: FileStatus::Bad, reason: None };
        let set = call(&catalogue, &user("alice"), set).await.unwrap();
        let retire = RetireFiles {
            lfns, reason: "mine".parse().unwrap(), grace_seconds: None, preview: false,
        };
        let retired = call(&catalogue, &user("bob"), retire).await.unwrap();

        assert_eq!((seen.found.len(), seen.missing.len()), (2, 1));
        let codes: Vec<_> = set.results.iter().map(|r| r.problem.as_ref().map(|p| p.code)).collect();
        assert_eq!(codes, [Some(Code::Forbidden), None, Some(Code::NotFound)]);
        assert_eq!((retired.bulk.changed, retired.bulk.refused), (0, 3));
    }

    async fn a_group_shares_what_its_directory_lets_it_write(database: TestDatabase) {
        let catalogue = catalogue(&database).await;
        let shared: NewDirectory = serde_json::from_value(serde_json::json!(
            {"path": "/superb/shared", "group": "people", "mode": "0775"})).unwrap();
        let made = CreateDirectories { vo: "superb".parse().unwrap(), directories: vec![shared] };
        catalogue.call(made).await.unwrap();
        let outsider = caller("dan", "others", "superb", &[Permission::Read, Permission::Write]);

        let added = call(&catalogue, &user("alice"), add(&["/superb/shared/x"])).await.unwrap();
        let lfns = vec!["/superb/shared/x".parse().unwrap()];
        let bad = SetFileStatus { lfns, status: FileStatus::Bad, reason: None };
        let by_bob = call(&catalogue, &user("bob"), bad.clone()).await.unwrap();
        let by_dan = call(&catalogue, &outsider, bad).await.unwrap();

        let take: ChangeDirectory = serde_json::from_value(serde_json::json!(
            {"path": "/superb/shared", "owner": "bob", "recursive": true})).unwrap();
        let remove: RemoveDirectory = serde_json::from_value(serde_json::json!(
            {"path": "/superb/shared", "recursive": true, "reason": "x"})).unwrap();

        assert_eq!((added.added, by_bob.changed, by_dan.refused), (1, 1, 1));
        assert!(denied(call(&catalogue, &user("bob"), take).await));
        assert!(denied(call(&catalogue, &user("bob"), remove).await));
        assert!(denied(call(&catalogue, &outsider, add(&["/superb/shared/y"])).await));
    }

    async fn datasets_are_personal_or_official(database: TestDatabase) {
        let catalogue = catalogue(&database).await;
        let new = |name: &str, kind| -> AddDatasets {
            let dataset = serde_json::json!({"name": name, "kind": kind, "status": "open"});
            serde_json::from_value(serde_json::json!({"vo": "superb", "datasets": [dataset]})).unwrap()
        };
        let (alice, bob) = (user("alice"), user("bob"));

        let personal = call(&catalogue, &alice, new("hers", DatasetKind::Personal)).await.unwrap();
        let official = call(&catalogue, &alice, new("ours", DatasetKind::Official)).await.unwrap();
        call(&catalogue, &producer(), new("ours", DatasetKind::Official)).await.unwrap();
        let members = |name: &str| AddMembers {
            name: name.parse().unwrap(),
            vo: None,
            lfns: vec!["/superb/prod/a".parse().unwrap()],
        };

        assert_eq!((personal.added, official.refused), (1, 1));
        assert!(denied(call(&catalogue, &bob, members("hers")).await));
        assert!(denied(call(&catalogue, &alice, members("ours")).await));
        assert_eq!(call(&catalogue, &alice, members("hers")).await.unwrap().added, 1);
        assert_eq!(call(&catalogue, &producer(), members("ours")).await.unwrap().added, 1);
    }

    async fn nothing_of_another_community_is_seen_or_changed(database: TestDatabase) {
        let catalogue = catalogue(&database).await;
        let dataset: AddDatasets = serde_json::from_value(serde_json::json!(
            {"vo": "superb", "datasets": [{"name": "d", "status": "open"}]})).unwrap();
        catalogue.call(dataset).await.unwrap();
        let eve = foreigner();
        let read = |json: serde_json::Value| json;
        let lfn = "/superb/prod/a";
        let page = PageArgs::default();

        assert!(matches!(call(&catalogue, &eve, GetFile { lfn: lfn.parse().unwrap() }).await, Err(Error::NotFound(_))));
        let files: GetFiles = serde_json::from_value(read(serde_json::json!({"lfns": [lfn]}))).unwrap();
        assert!(call(&catalogue, &eve, files).await.unwrap().found.is_empty());
        assert!(call(&catalogue, &eve, FindFiles::default()).await.unwrap().items.is_empty());
        let everything: FindFiles = serde_json::from_value(serde_json::json!({"vo": "superb"})).unwrap();
        assert!(denied(call(&catalogue, &eve, everything).await));
        assert_eq!(call(&catalogue, &eve, CountFiles::default()).await.unwrap().files, 0);
        let by_dataset: FindFiles = serde_json::from_value(serde_json::json!({"expr": "dataset = d"})).unwrap();
        assert!(call(&catalogue, &eve, by_dataset).await.unwrap().items.is_empty());
        let list = GetDatasets { vo: None, expr: None, page: page.clone() };
        assert!(call(&catalogue, &eve, list).await.unwrap().items.is_empty());
        let name = || "d".parse().unwrap();
        assert!(matches!(call(&catalogue, &eve, GetDataset { name: name(), vo: None }).await, Err(Error::NotFound(_))));
        let members = ListMembers { name: name(), vo: None, page: page.clone() };
        assert!(matches!(call(&catalogue, &eve, members).await, Err(Error::NotFound(_))));
        for path in ["/superb", "/superb/prod"] {
            let path: sbk_model::DirPath = path.parse().unwrap();
            assert!(matches!(call(&catalogue, &eve, GetDirectory { path: path.clone() }).await, Err(Error::NotFound(_))));
            let entries: ListDirectory = serde_json::from_value(serde_json::json!({"path": path})).unwrap();
            assert!(matches!(call(&catalogue, &eve, entries).await, Err(Error::NotFound(_))));
            let remove: RemoveDirectory = serde_json::from_value(serde_json::json!(
                {"path": path, "recursive": true, "reason": "x"})).unwrap();
            assert!(matches!(call(&catalogue, &eve, remove).await, Err(Error::NotFound(_))));
            let change: ChangeDirectory = serde_json::from_value(serde_json::json!(
                {"path": path, "mode": "0777"})).unwrap();
            assert!(matches!(call(&catalogue, &eve, change).await, Err(Error::NotFound(_))));
        }
        let root: ListDirectory = serde_json::from_value(serde_json::json!({"path": "/"})).unwrap();
        assert!(call(&catalogue, &eve, root).await.unwrap().items.is_empty());
        assert!(denied(call(&catalogue, &eve, GetSchema { vo: "superb".parse().unwrap() }).await));
        assert!(denied(call(&catalogue, &eve, add(&["/babar/x"])).await));
        let communities = call(&catalogue, &eve, ListCommunities { page }).await.unwrap();
        assert_eq!(communities.items.len(), 1);
        let status = SetFileStatus { lfns: vec![lfn.parse().unwrap()], status: FileStatus::Bad, reason: None };
        let status = call(&catalogue, &eve, status).await.unwrap();
        assert_eq!(status.results[0].problem.as_ref().unwrap().code, Code::NotFound);
        let replicas: AddReplicas = serde_json::from_value(serde_json::json!(
            {"replicas": [{"lfn": lfn, "se": "CNAF-disk"}], "atomicity": "each"})).unwrap();
        assert_eq!(call(&catalogue, &eve, replicas).await.unwrap().refused, 1);
        let own: AddFiles = serde_json::from_value(serde_json::json!(
            {"vo": "babar", "files": [{"lfn": lfn, "size": 10}], "atomicity": "each"})).unwrap();
        assert!(call(&catalogue, &eve, own).await.unwrap().results[0].problem.is_some());
    }

    async fn the_audit_trail_of_others_is_for_administrators(database: TestDatabase) {
        let catalogue = catalogue(&database).await;

        let own = call(&catalogue, &user("alice"), ListAudit::default()).await.unwrap();
        let others = ListAudit { actor: Some("prod".into()), ..ListAudit::default() };

        assert!(!own.items.is_empty());
        assert!(own.items.iter().all(|entry| entry.actor == "alice"));
        assert!(denied(call(&catalogue, &user("alice"), others).await));
    }
}
