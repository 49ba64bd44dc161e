//! The REST interface over a real listener.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use sbk_server::{Config, Running};
use sbk_service::{Options, Service};
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

/// A service that listens, with a client.
struct Site {
    running: Running,
    client: Client,
    base: String,
}

fn config(database: &TestDatabase) -> Config {
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.database.url = database.url().to_owned();
    config
}

impl Site {
    async fn start(config: &Config) -> Self {
        let running = sbk_server::start(config).await.unwrap();
        let base = format!("http://{}", running.address());
        Self { running, client: Client::new(), base }
    }

    /// A site with a community and a storage element.
    async fn new(config: &Config) -> Self {
        let site = Self::start(config).await;
        let declared = site.client.put(site.url("/communities/superb")).send().await.unwrap();
        assert_eq!(declared.status(), StatusCode::OK);
        let elements = json!({ "elements": [{ "name": "CNAF-disk", "site": "CNAF" }] });
        site.post("/storage-elements", &elements).await;
        site
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base)
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let response = self.client.post(self.url(path)).json(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn add(&self, count: usize) {
        let files: Vec<_> =
            (0..count).map(|n| json!({ "lfn": format!("/s/{n:06}"), "size": 100 })).collect();
        let added = self.post("/files", &json!({ "vo": "superb", "files": files })).await;
        assert_eq!(added["added"], count);
    }
}

/// Checks the shape of a failure and gives its body.
async fn problem(response: Response, status: u16) -> Value {
    assert_eq!(response.status().as_u16(), status);
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "application/problem+json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"].as_u64(), Some(u64::from(status)), "{body}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
    assert!(body["title"].is_string() && body["type"].is_string() && body["code"].is_string());
    body
}

fn gzip(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

each_backend! {
    async fn failures_are_problems_with_their_status(database: TestDatabase) {
        let mut config = config(&database);
        config.server.max_body_bytes = 10_000;
        let site = Site::new(&config).await;
        let send = async |method: Method, path: &str, body: &[u8]| {
            let request = site.client.request(method, site.url(path)).body(body.to_vec());
            request.send().await.unwrap()
        };
        let wrong = br#"{"vo": "superb", "files": [{"lfn": "/s/1", "size": 1}, {"lfn": "s", "size": 1}]}"#;

        let item = problem(send(Method::POST, "/files", wrong).await, 400).await;
        assert!(item["field"].as_str().unwrap().starts_with("files[1].lfn"), "{item}");
        assert!(item["request_id"].is_string(), "{item}");
        problem(send(Method::POST, "/files", b"{\"vo\": ").await, 400).await;
        problem(send(Method::POST, "/files", b"{\"vo\": \"\xff\xfe\"}").await, 400).await;
        problem(send(Method::POST, "/files", b"[]").await, 400).await;
        problem(send(Method::GET, "/file?lfn=%ff", b"").await, 400).await;
        problem(send(Method::GET, "/datasets/%ff", b"").await, 400).await;
        problem(send(Method::GET, "/query?limit=many", b"").await, 400).await;
        problem(send(Method::GET, "/query?where=x", b"").await, 400).await;
        let query = problem(send(Method::GET, "/query?expr=run%20%3E", b"").await, 400).await;
        assert!(query["detail"].as_str().unwrap().contains('^'), "{query}");
        let large = problem(send(Method::POST, "/files", &[b' '; 10_001]).await, 413).await;
        assert_eq!(large["code"], "too_large");
        problem(send(Method::GET, "/file?lfn=/s/none", b"").await, 404).await;
        problem(send(Method::GET, "/nothing", b"").await, 404).await;
        problem(send(Method::DELETE, "/files", b"").await, 405).await;
        problem(send(Method::GET, "/datasets/none", b"").await, 404).await;
        site.running.stop().await;
    }

    async fn bodies_and_answers_may_be_packed(database: TestDatabase) {
        let mut config = config(&database);
        config.server.max_body_bytes = 100_000;
        let site = Site::new(&config).await;
        let body = json!({ "vo": "superb", "files": [{ "lfn": "/s/1", "size": 1 }] }).to_string();
        let post = async |encoding: &str, body: Vec<u8>| {
            let request = site.client.post(site.url("/files")).body(body);
            request.header("content-encoding", encoding).send().await.unwrap()
        };

        assert_eq!(post("gzip", gzip(body.as_bytes())).await.status(), StatusCode::OK);
        assert_eq!(post("identity", body.clone().into_bytes()).await.status(), StatusCode::OK);
        problem(post("gzip", gzip(&vec![b' '; 200_000])).await, 413).await;
        problem(post("gzip", b"no gzip".to_vec()).await, 400).await;
        let unknown = problem(post("br", body.into_bytes()).await, 400).await;
        assert_eq!(unknown["field"], "Content-Encoding");
        let client = Client::builder().no_gzip().build().unwrap();
        let request = client.get(site.url("/openapi.json")).header("accept-encoding", "gzip");
        let packed = request.send().await.unwrap();
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        site.running.stop().await;
    }

    async fn lists_come_page_by_page_or_as_lines(database: TestDatabase) {
        let site = Site::new(&config(&database)).await;
        site.add(6_000).await;

        let mut names = Vec::new();
        let mut after = None::<String>;
        loop {
            let mut query = vec![("limit", "2500".to_owned())];
            query.extend(after.map(|after| ("after", after)));
            let request = site.client.get(site.url("/query")).query(&query);
            let page: Value = request.send().await.unwrap().json().await.unwrap();
            names.extend(page["items"].as_array().unwrap().iter().map(|i| i["lfn"].to_string()));
            after = page["next"].as_str().map(str::to_owned);
            if after.is_none() {
                break;
            }
        }
        let request = site.client.get(site.url("/query")).header("accept", "application/x-ndjson");
        let streamed = request.send().await.unwrap();
        let kind = streamed.headers()["content-type"].clone();
        let text = streamed.text().await.unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["lfn"].to_string())
            .collect();

        assert_eq!(kind, "application/x-ndjson");
        assert_eq!((names.len(), &names), (6_000, &lines));
        site.running.stop().await;
    }

    async fn a_repeated_write_is_recognised_and_ids_are_echoed(database: TestDatabase) {
        let site = Site::new(&config(&database)).await;
        let post = async |lfn: &str, key: &str| {
            let body = json!({ "vo": "superb", "files": [{ "lfn": lfn, "size": 1 }] });
            let request = site.client.post(site.url("/files")).json(&body);
            let request = request.header("idempotency-key", key).header("x-request-id", "abc-1");
            request.send().await.unwrap()
        };

        let first = post("/s/1", "k").await;
        assert_eq!(first.headers()["x-request-id"], "abc-1");
        let first: Value = first.json().await.unwrap();
        let again: Value = post("/s/1", "k").await.json().await.unwrap();

        assert_eq!(first, again);
        assert_eq!(problem(post("/s/2", "k").await, 409).await["request_id"], "abc-1");
        problem(post("/s/2", &"k".repeat(1_000)).await, 400).await;
        site.running.stop().await;
    }

    async fn names_with_slashes_are_percent_encoded(database: TestDatabase) {
        let site = Site::new(&config(&database)).await;
        let datasets = json!({ "vo": "superb", "datasets": [{ "name": "/a b/c?" }] });
        site.post("/datasets", &datasets).await;

        let shown = site.client.get(site.url("/datasets/%2Fa%20b%2Fc%3F")).send().await.unwrap();

        assert_eq!(shown.json::<Value>().await.unwrap()["name"], "/a b/c?");
        let frozen = site.post("/datasets/%2Fa%20b%2Fc%3F/freeze", &json!({})).await;
        assert_eq!(frozen["version"], 1);
        site.running.stop().await;
    }

    async fn health_readiness_and_metrics_are_told(database: TestDatabase) {
        let mut config = config(&database);
        config.database.migrate = false;
        let site = Site::start(&config).await;
        let get = async |path: &str| {
            site.client.get(format!("{}{path}", site.base)).send().await.unwrap()
        };

        assert_eq!(get("/health").await.status(), StatusCode::OK);
        let pending = problem(get("/ready").await, 503).await;
        assert!(pending["detail"].as_str().unwrap().contains("0001"), "{pending}");
        let service = Service::open(database.url(), Options::default()).await.unwrap();
        service.migrate().await.unwrap();
        assert_eq!(get("/ready").await.status(), StatusCode::OK);
        get("/api/v1/communities").await;
        let metrics = get("/metrics").await.text().await.unwrap();
        assert!(metrics.contains("sbk_requests_total"), "{metrics}");
        site.running.stop().await;
    }

    async fn more_requests_than_allowed_are_told_to_wait_and_the_end_waits(database: TestDatabase) {
        let mut config = config(&database);
        config.server.max_requests = 1;
        let site = Site::new(&config).await;
        let service = Service::open(database.url(), Options::default()).await.unwrap();
        let mut lock = service.store().begin().await.unwrap();
        lock.execute("UPDATE community SET created = created + 1", vec![]).await.unwrap();
        let schema = json!({ "toml": "version = 1" });
        let request = site.client.post(site.url("/schema/superb")).json(&schema);

        let blocked = tokio::spawn(async move {
            loop {
                let response = request.try_clone().unwrap().send().await.unwrap();
                if response.status() != StatusCode::TOO_MANY_REQUESTS {
                    return response;
                }
            }
        });
        let refused = loop {
            let response = site.client.get(site.url("/sites")).send().await.unwrap();
            if response.status() != StatusCode::OK {
                break response;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(problem(refused, 429).await["code"], "busy");
        let ending = tokio::spawn(site.running.stop());
        let address = site.base.strip_prefix("http://").unwrap().to_owned();
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        lock.rollback().await.unwrap();

        assert_eq!(blocked.await.unwrap().status(), StatusCode::OK);
        ending.await.unwrap();
    }

    async fn the_openapi_document_lists_every_route(database: TestDatabase) {
        let site = Site::new(&config(&database)).await;
        let request = site.client.get(site.url("/openapi.json"));
        let document: Value = request.send().await.unwrap().json().await.unwrap();

        let mut listed = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let filled = path.replace(['{', '}'], "");
                let method: Method = method.to_uppercase().parse().unwrap();
                let url = format!("{}{filled}", site.base);
                let response = site.client.request(method, &url).send().await.unwrap();
                assert_ne!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
                let text = response.text().await.unwrap();
                assert!(!text.contains("there is nothing at"), "{path}");
                listed += 1;
            }
        }

        let mut operations = 0;
        macro_rules! count {
            (plain: $($plain:ty),*; listing: $($listing:ty),*;) => {
                $(let _ = stringify!($plain); operations += 1;)*
                $(let _ = stringify!($listing); operations += 1;)*
            };
        }
        sbk_api::every_operation!(count);
        assert_eq!(listed, operations);
        let text = document.to_string();
        for (at, _) in text.match_indices("#/components/schemas/") {
            let name = text[at + 21..].split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        site.running.stop().await;
    }

    async fn reports_come_in_the_formats_of_their_producers(database: TestDatabase) {
        let site = Site::new(&config(&database)).await;
        let send = async |kind: &str, query: &str, body: Vec<u8>| {
            let request = site.client.post(site.url(&format!("/jobs?vo=superb{query}")));
            let response = request.header("content-type", kind).body(body).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{kind}");
            response.json::<Value>().await.unwrap()
        };
        let step = include_bytes!("../../formats/tests/data/lhcb-step1.xml").to_vec();
        let block = include_bytes!("../../formats/tests/data/bulk-block.json").to_vec();
        let mut latin = step.clone();
        latin.extend(b"<!-- \xfc -->");
        let summary = b"<summary><success>True</success><step>finalize</step></summary>".to_vec();

        let first = send("application/vnd.lhcb.job+xml", "", step).await;
        let again = send("text/xml; charset=ISO-8859-1", "", latin).await;
        let named = send("application/xml", "&name=mine", summary.clone()).await;
        let nameless = send("application/xml", "", summary).await;
        let block = send("application/vnd.cms.dbs.block+json", "", block).await;

        assert_eq!(first["recorded"], 1, "{first}");
        assert_eq!(again["repeated"], 1, "{again}");
        assert_eq!(named["results"][0]["job"], "mine", "{named}");
        assert_eq!(nameless["results"][0]["problem"]["field"], "name", "{nameless}");
        assert_eq!(block["results"][0]["outputs"], 2, "{block}");
        site.running.stop().await;
    }

    async fn other_machines_are_not_listened_to(database: TestDatabase) {
        let mut config = config(&database);
        config.server.listen = "0.0.0.0:0".parse().unwrap();

        let error = sbk_server::start(&config).await.unwrap_err();

        assert!(error.to_string().contains("server.listen"), "{error}");
    }
}
