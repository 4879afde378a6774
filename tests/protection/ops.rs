//! Health and metrics on their own port.

use std::io::{Read, Write};
use std::net::TcpStream;

use prost::Message;
use tonic::Code;

use crate::harness::{Raw, SOON, Server, http, refused, until, wish};

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_over_http() {
    let server = Server::start(&[]);
    assert_eq!(server.get("/livez"), (200, "ok\n".into()));
    until("it is ready", || server.get("/readyz") == (200, "ok\n".into()));
    assert_eq!(server.get("/elsewhere").0, 404);
    assert_eq!(http(server.ops, "POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").0, 405);
    assert_eq!(http(server.ops, "HEAD /livez HTTP/1.1\r\nhost: x\r\n\r\n"), (200, String::new()));

    let mut raw = Raw::connect(server.address).await;
    let path = "/foldin.v1.RecommendationService/Recommend";
    for _ in 0..3 {
        assert_eq!(raw.call(path, None, &wish().encode_to_vec()).await.code, Code::Ok);
    }
    let bad = foldin::serve::pb::RecommendRequest { n: 0, ..wish() };
    assert_eq!(raw.call(path, None, &bad.encode_to_vec()).await.code, Code::InvalidArgument);
    assert_eq!(raw.call("/no/such", None, &[]).await.code, Code::Unimplemented);

    let label = "method=\"RecommendationService/Recommend\"";
    assert_eq!(server.metric(&format!("foldin_requests_total{{{label},code=\"OK\"}}")), 3.0);
    assert_eq!(server.metric(&format!("foldin_requests_total{{{label},code=\"INVALID_ARGUMENT\"}}")), 1.0);
    // A stranger's path does not become a label.
    assert_eq!(server.metric("foldin_requests_total{method=\"unknown\",code=\"UNIMPLEMENTED\"}"), 1.0);
    assert_eq!(server.metric(&format!("foldin_request_seconds_count{{{label},tier=\"personal\"}}")), 3.0);
    assert_eq!(server.metric("foldin_lists_total{name=\"default\",tier=\"personal\",fallback=\"none\"}"), 3.0);
    assert_eq!(server.metric("foldin_queue_seconds_count"), 4.0);
    // A place is given back just after its answer has left.
    until("the queue is empty", || server.metric("foldin_queue_length") == 0.0);
    assert_eq!(server.metric("foldin_queue_capacity"), 258.0);
    assert_eq!(server.metric("foldin_catalogue_items{name=\"default\"}"), 37.0);
    assert_eq!(server.metric("foldin_catalogue_items_served{name=\"default\"}"), 5.0);
    let coverage = server.metric("foldin_catalogue_coverage_ratio{name=\"default\"}");
    assert!((coverage - 5.0 / 37.0).abs() < 1e-9, "{coverage}");
    assert!(server.get("/metrics").1.ends_with("# EOF\n"));
}

#[test]
fn silent_and_rude_clients_do_not_keep_others_from_health() {
    let server = Server::start(&[]);
    let mut silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.ops).unwrap()).collect();
    for stream in &mut silent {
        stream.write_all(b"GET /livez HT").unwrap();
    }
    assert_eq!(server.get("/livez").0, 200);
    let long = format!("GET /livez HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    let mut stream = TcpStream::connect(server.ops).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    // The server may hang up before it has heard everything.
    let _ = stream.write_all(long.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.get("/livez").0, 200);
}

#[test]
fn health_has_an_address_of_its_own_or_none() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let model = crate::harness::arg(crate::harness::model());
    refused(&["serve", model, "--port", "0", "--ops-address", &address], 1, &[&address, "--ops-address"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_follows_the_end_of_the_server() {
    let mut server = Server::start(&["--lame-duck", "60", "--drain", "0.1"]);
    until("it is ready", || server.get("/readyz").0 == 200);
    server.signal("-TERM");
    until("it is not ready any more", || server.get("/readyz") == (503, "stopping\n".into()));
    assert_eq!(server.get("/livez").0, 200, "it is alive");
    // gRPC says the same: the second field of the answer is NOT_SERVING.
    let mut raw = Raw::connect(server.address).await;
    assert_eq!(raw.call("/grpc.health.v1.Health/Check", None, &[]).await.code, Code::Ok);
    assert!(server.answers(None).await, "until the load balancer has noticed, requests are answered");
    assert!(!server.has_ended());
}
