//! Spans at a collector.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

use crate::harness::{Raw, Server, ended, framed, refused, wish};

/// Keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn attribute(span: &Span, name: &str) -> Option<Value> {
    span.attributes.iter().find(|attribute| attribute.key == name)?.value.clone()?.value
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_of_the_clients_trace() {
    let collector = Collector::default();
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", incoming.local_addr().unwrap());
    let service = TraceServiceServer::new(collector.clone());
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));

    let server = Server::start(&["--otlp", &address]);
    let mut raw = Raw::connect(server.address).await;
    let request = Raw::request("/foldin.v1.RecommendationService/Recommend", None)
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("x-request-id", "traced");
    let (response, mut stream) = raw.send(request.body(()).unwrap(), false).unwrap();
    stream.send_data(framed(&wish().encode_to_vec()), true).unwrap();
    assert_eq!(ended(response).await.code, Code::Ok);
    let missing = raw.call("/foldin.v1.EmbeddingService/BatchGetUserEmbeddings", None, &[]).await;
    assert_ne!(missing.code, Code::Ok);
    // What has not been sent yet is sent at the end.
    server.terminate();

    let received = collector.0.lock().unwrap().clone();
    let resource = received[0].resource_spans[0].resource.clone().unwrap();
    let name = resource.attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
    assert_eq!(name.value.clone().unwrap().value, Some(Value::StringValue("foldin".into())));
    let all = received.iter().flat_map(|request| &request.resource_spans).flat_map(|spans| &spans.scope_spans);
    let spans: Vec<&Span> = all.flat_map(|scope| &scope.spans).collect();
    let [list, embeddings] = spans[..] else { panic!("{spans:?}") };

    assert_eq!(list.name, "RecommendationService/Recommend");
    assert_eq!(list.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes());
    assert_eq!(list.parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    let text = |text: &str| Some(Value::StringValue(text.into()));
    assert_eq!(attribute(list, "rpc.method"), text("Recommend"));
    assert_eq!(attribute(list, "foldin.tier"), text("personal"));
    assert_eq!(attribute(list, "foldin.request_id"), text("traced"));
    assert_eq!(attribute(list, "rpc.grpc.status_code"), Some(Value::IntValue(0)));
    for time in ["foldin.queue_ms", "foldin.compute_ms"] {
        let Some(Value::DoubleValue(milliseconds)) = attribute(list, time) else { panic!("{time}: {list:?}") };
        assert!(milliseconds >= 0.0);
    }
    assert!(embeddings.parent_span_id.is_empty(), "a trace of its own");
    assert_ne!(attribute(embeddings, "rpc.grpc.status_code"), Some(Value::IntValue(0)));
    // Users and items are personal data here as well.
    assert!(!format!("{received:?}").contains("item-03"));
}

#[test]
fn a_collector_that_is_none() {
    let model = crate::harness::arg(crate::harness::model());
    refused(&["serve", model, "--port", "0", "--otlp", "not a url"], 2, &["--otlp", "not a url"]);
}
