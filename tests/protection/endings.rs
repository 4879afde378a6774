//! How a server ends.

use prost::Message;
use tonic::Code;

use crate::harness::{Raw, Server, ended, framed, until, wish};

const RECOMMEND: &str = "/foldin.v1.RecommendationService/Recommend";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_finished() {
    let server = Server::start(&["--message-timeout", "60", "--drain", "60"]);
    let mut raw = Raw::connect(server.address).await;
    let message = framed(&wish().encode_to_vec());
    let (response, mut stream) = raw.begin(RECOMMEND, None);
    stream.send_data(message.slice(..5), false).unwrap();
    until("the request has come", || server.metric("foldin_requests_in_flight") == 1.0);
    server.signal("-TERM");
    until("nobody new gets in", || std::net::TcpStream::connect(server.address).is_err());
    stream.send_data(message.slice(5..), true).unwrap();
    assert_eq!(ended(response).await.code, Code::Ok);
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_sent_elsewhere() {
    let server = Server::start(&["--message-timeout", "60", "--drain", "0.2"]);
    let mut raw = Raw::connect(server.address).await;
    let (response, _stream) = raw.begin(RECOMMEND, None);
    until("the request has come", || server.metric("foldin_requests_in_flight") == 1.0);
    server.signal("-TERM");
    assert_eq!(ended(response).await.code, Code::Unavailable);
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("giving up"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_interrupt_ends_it_at_once() {
    let mut server = Server::start(&["--message-timeout", "600", "--drain", "600"]);
    let mut raw = Raw::connect(server.address).await;
    let (_response, _stream) = raw.begin(RECOMMEND, None);
    until("the request has come", || server.metric("foldin_requests_in_flight") == 1.0);
    server.signal("-INT");
    until("the end has begun", || server.get("/readyz").0 == 503);
    assert!(!server.has_ended());
    server.signal("-INT");
    until("it ends long before the drain is over", || server.has_ended());
    let (code, log) = server.wait();
    assert_eq!(code, Some(130), "{log}");
}
