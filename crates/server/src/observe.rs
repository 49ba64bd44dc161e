//! Logs, traces and metrics.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{Error, LogSection, config::LogFormat};

/// Keeps logs and traces going; what is left is sent when it is dropped.
#[derive(Debug)]
pub struct Logs {
    traces: Option<SdkTracerProvider>,
}

impl Drop for Logs {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Begins to write logs to standard error, and traces where they are configured.
pub fn start_logs(section: &LogSection) -> Result<Logs, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Logs(error.to_string());
    let filter = EnvFilter::try_new(&section.level).map_err(|e| failed(&e))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match section.format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let traces = match section.otlp_endpoint.as_str() {
        "" => None,
        endpoint => {
            let exporter = opentelemetry_otlp::SpanExporter::builder()
                .with_http()
                .with_endpoint(endpoint)
                .build()
                .map_err(|e| failed(&e))?;
            let resource = opentelemetry_sdk::Resource::builder().with_service_name("sbk").build();
            Some(
                SdkTracerProvider::builder()
                    .with_batch_exporter(exporter)
                    .with_resource(resource)
                    .build(),
            )
        }
    };
    let spans = traces
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("sbk")));
    tracing_subscriber::registry()
        .with(spans)
        .with(lines)
        .with(filter)
        .try_init()
        .map_err(|e| failed(&e))?;
    Ok(Logs { traces })
}

/// The registry of metrics of this process, in Prometheus' text form.
///
/// A second call in one process gets a registry of its own that stays empty: the first one counts.
pub fn start_metrics() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
        .unwrap_or_else(|_| PrometheusBuilder::new())
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::debug!("metrics are counted by an earlier service of this process");
    }
    handle
}
