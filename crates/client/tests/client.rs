//! The client against small servers that behave, or do not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{any, get, put},
};
use futures::{StreamExt, TryStreamExt};
use sbk_api::{Code, DeclareCommunity, ListCommunities, ListSites, PageArgs, Problem, Site};
use sbk_client::{Client, Options};
use serde_json::json;

/// Starts a server and makes a client of it that does not wait long.
async fn client(router: Router) -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::new(&url, options()).unwrap()
}

fn options() -> Options {
    Options { attempts: 3, first_pause: Duration::from_millis(1), ..Options::default() }
}

fn declare() -> DeclareCommunity {
    DeclareCommunity { vo: "superb".parse().unwrap() }
}

fn problem(status: StatusCode, code: Code) -> Response {
    let problem = Problem::new(code, "later");
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, serde_json::to_string(&problem).unwrap()).into_response()
}

async fn names(client: &Client, listing: ListSites) -> Vec<Result<String, Problem>> {
    client.stream(listing).map(|site| site.map(|site: Site| site.name.to_string())).collect().await
}

#[tokio::test]
async fn a_write_is_repeated_under_the_same_key_until_the_server_has_time() {
    let keys: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&keys);
    let handler = move |headers: HeaderMap| async move {
        let mut keys = seen.lock().unwrap();
        keys.push(headers["Idempotency-Key"].to_str().unwrap().to_owned());
        match keys.len() {
            1 => problem(StatusCode::SERVICE_UNAVAILABLE, Code::Busy),
            _ => Json(json!({"outcome": "added"})).into_response(),
        }
    };
    let client = client(Router::new().route("/api/v1/communities/{vo}", put(handler))).await;

    client.call(&declare()).await.unwrap();
    client.call(&declare()).await.unwrap();

    let keys = keys.lock().unwrap();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
}

#[tokio::test]
async fn a_server_that_stays_busy_is_a_problem_after_the_last_attempt() {
    let count: Arc<Mutex<u32>> = Arc::default();
    let seen = Arc::clone(&count);
    let handler = move || async move {
        *seen.lock().unwrap() += 1;
        problem(StatusCode::SERVICE_UNAVAILABLE, Code::Busy)
    };
    let client = client(Router::new().fallback(any(handler))).await;

    let failure = client.call(&declare()).await.unwrap_err();

    assert_eq!(failure, Problem::new(Code::Busy, "later"));
    assert_eq!(*count.lock().unwrap(), 3);
}

#[tokio::test]
async fn a_wrong_argument_is_not_tried_again() {
    let count: Arc<Mutex<u32>> = Arc::default();
    let seen = Arc::clone(&count);
    let handler = move || async move {
        *seen.lock().unwrap() += 1;
        problem(StatusCode::BAD_REQUEST, Code::Invalid)
    };
    let client = client(Router::new().fallback(any(handler))).await;

    let failure = client.call(&declare()).await.unwrap_err();

    assert_eq!(failure.code, Code::Invalid);
    assert_eq!(*count.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_named() {
    let client = Client::new("http://127.0.0.1:1", options()).unwrap();

    let failure = client.call(&ListCommunities::default()).await.unwrap_err();

    assert_eq!(failure.code, Code::Unavailable);
    assert!(failure.detail.contains("http://127.0.0.1:1"), "{failure}");
}

#[tokio::test]
async fn a_streamed_list_is_read_line_by_line() {
    let handler = async |headers: HeaderMap| {
        assert!(headers[header::ACCEPT].to_str().unwrap().contains("application/x-ndjson"));
        let lines = "{\"name\": \"a\"}\n{\"name\": \"b\"}\n\n{\"name\": \"c\"}";
        ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
    };
    let client = client(Router::new().route("/api/v1/sites", get(handler))).await;

    let sites: Vec<Site> = client.stream(ListSites::default()).try_collect().await.unwrap();

    assert_eq!(sites.iter().map(|site| site.name.as_str()).collect::<String>(), "abc");
}

#[tokio::test]
async fn a_stream_that_fails_midway_ends_with_its_problem() {
    let handler = async || {
        let failed = json!({"problem": Problem::new(Code::Unavailable, "the database is away")});
        let lines = format!("{{\"name\": \"a\"}}\n{failed}\n");
        ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
    };
    let client = client(Router::new().route("/api/v1/sites", get(handler))).await;

    let found = names(&client, ListSites::default()).await;

    assert_eq!(found.len(), 2);
    assert_eq!(found[1].as_ref().unwrap_err().detail, "the database is away");
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_asked_page_by_page() {
    let handler = async |uri: Uri| {
        let query = uri.query().unwrap_or_default();
        Json(if query.contains("after=x") {
            json!({"items": [{"name": "c"}]})
        } else {
            json!({"items": [{"name": "a"}, {"name": "b"}], "next": "x"})
        })
    };
    let client = client(Router::new().route("/api/v1/sites", get(handler))).await;

    let page = PageArgs { limit: Some(2), after: None };
    let found = names(&client, ListSites { page }).await;

    let found: String = found.into_iter().map(Result::unwrap).collect();
    assert_eq!(found, "abc");
}
