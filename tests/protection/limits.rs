//! Clients that take up more than their share.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use foldin::serve::pb;
use prost::Message;
use tonic::Code;
use tonic::codegen::http::Request;

use crate::harness;
use crate::harness::{Raw, SOON, Server, ended, framed, refused, until, wish};

const RECOMMEND: &str = "/foldin.v1.RecommendationService/Recommend";

fn refusals(server: &Server, reason: &str) -> f64 {
    server.metric(&format!("foldin_connections_refused_total{{reason=\"{reason}\"}}"))
}

/// Waits for the server to close a connection.
fn until_closed(mut stream: TcpStream) {
    stream.set_read_timeout(Some(SOON)).unwrap();
    loop {
        // What it sends before, and whether it ends politely, is its own affair.
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "it stays open");
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_closed() {
    let server = Server::start(&["--first-request-timeout", "0.3"]);
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    // One that begins to speak and stops, and one that says hello and asks nothing.
    let mut stopped = TcpStream::connect(server.address).unwrap();
    stopped.write_all(b"PRI * HTTP/2.0\r\n\r\nSM").unwrap();
    let polite = Raw::connect(server.address).await;
    assert!(server.answers(None).await, "others are served meanwhile");
    silent.into_iter().for_each(until_closed);
    until_closed(stopped);
    assert!(tokio::time::timeout(SOON, polite.connection).await.is_ok(), "the polite one is sent away too");
    until("they are counted", || refusals(&server, "silent") >= 22.0);
    assert!(server.answers(None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_so_many_connections_and_no_more() {
    let server = Server::start(&["--max-connections-per-address", "3"]);
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect(server.address).await;
        assert_eq!(raw.call(RECOMMEND, None, &wish().encode_to_vec()).await.code, Code::Ok);
        held.push(raw);
    }
    until_closed(TcpStream::connect(server.address).unwrap());
    assert_eq!(refusals(&server, "connections_per_address"), 1.0);
    assert_eq!(server.metric("foldin_connections"), 3.0);
    // Whoever goes makes room.
    held.pop().unwrap().connection.abort();
    until("a connection ends", || server.metric("foldin_connections") == 2.0);
    assert!(server.answers(None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_addresses_together_have_so_many_connections() {
    let server = Server::start(&["--max-connections", "1"]);
    let mut held = Raw::connect(server.address).await;
    assert_eq!(held.call(RECOMMEND, None, &wish().encode_to_vec()).await.code, Code::Ok);
    until_closed(TcpStream::connect(server.address).unwrap());
    assert_eq!(refusals(&server, "connections"), 1.0);
    // Health is seen all the same.
    until("it is ready", || server.get("/readyz").0 == 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_and_an_old_one_are_asked_to_end() {
    for flag in ["--idle-timeout", "--max-connection-age"] {
        let server = Server::start(&[flag, "0.3"]);
        let mut raw = Raw::connect(server.address).await;
        assert_eq!(raw.call(RECOMMEND, None, &wish().encode_to_vec()).await.code, Code::Ok);
        let ended = tokio::time::timeout(SOON, raw.connection).await.expect("the connection ends").unwrap();
        assert!(ended.is_ok(), "{flag}: politely, {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_resets_ends_the_connection_that_brings_it() {
    let server = Server::start(&["--max-resets-per-second", "100"]);
    let mut honest = Raw::connect(server.address).await;
    let mut rude = Raw::connect(server.address).await;
    let mut flood = 0;
    while let Ok((response, mut stream)) = rude.send(Raw::request(RECOMMEND, None).body(()).unwrap(), false) {
        stream.send_reset(h2::Reason::CANCEL);
        drop(response);
        flood += 1;
        assert!(flood < 1_000_000, "the flood goes on unhindered");
        if flood % 20 == 0 {
            // The transport gets a chance to send.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    assert!(tokio::time::timeout(SOON, rude.connection).await.is_ok());
    assert_eq!(honest.call(RECOMMEND, None, &wish().encode_to_vec()).await.code, Code::Ok);
    assert!(server.answers(None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_headers_are_refused_without_being_kept() {
    let server = Server::start(&["--max-header-bytes", "2048"]);
    let mut raw = Raw::connect(server.address).await;
    let large = Raw::request(RECOMMEND, None).header("x-large", "x".repeat(8000)).body(()).unwrap();
    let (response, _stream) = raw.send(large, true).unwrap();
    match tokio::time::timeout(SOON, response).await.expect("an answer comes") {
        Ok(response) => assert_eq!(response.status(), 431),
        Err(error) => assert!(error.is_reset() || error.is_go_away() || error.is_io(), "{error}"),
    }
    // Far beyond what is worth an answer.
    let mut raw = Raw::connect(server.address).await;
    let mut many = Raw::request(RECOMMEND, None);
    for number in 0..200 {
        many = many.header(format!("x-{number}"), "x".repeat(1000));
    }
    let (response, _stream) = raw.send(many.body(()).unwrap(), true).unwrap();
    let ended = tokio::time::timeout(SOON, response).await.expect("an answer comes");
    assert!(ended.map_or(true, |response| response.status() == 431));
    assert!(server.answers(None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_too_slowly_is_not_waited_for() {
    let server = Server::start(&["--message-timeout", "0.2"]);
    let mut raw = Raw::connect(server.address).await;
    let (response, mut stream) = raw.begin(RECOMMEND, None);
    stream.send_data(framed(&wish().encode_to_vec()).slice(..7), false).unwrap();
    let status = ended(response).await;
    assert_eq!(status.code, Code::DeadlineExceeded, "{status:?}");
    assert!(status.message.contains("0.2 s"), "{status:?}");
    assert_eq!(raw.call(RECOMMEND, None, &wish().encode_to_vec()).await.code, Code::Ok, "on the same connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_being_received_have_a_bound_over_all_connections() {
    let (message, all) = (64 << 10, 100 << 10);
    let server = Server::start(&[
        "--max-message-bytes",
        &message.to_string(),
        "--max-received-bytes",
        &all.to_string(),
        "--message-timeout",
        "60",
    ]);
    // Two clients that have sent most of a message each.
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(server.address).await;
        let (response, mut stream) = raw.begin(RECOMMEND, None);
        stream.send_data(vec![0; 45 << 10].into(), false).unwrap();
        held.push((raw, response, stream));
    }
    until("they are counted", || server.metric("foldin_received_bytes") == f64::from(90 << 10));
    let mut raw = Raw::connect(server.address).await;
    let large = pb::RecommendRequest {
        history: vec![pb::HistoryItem { item_id: "x".repeat(20 << 10), weight: None }],
        n: 5,
        ..Default::default()
    };
    let refusal = raw.call(RECOMMEND, None, &large.encode_to_vec()).await;
    assert_eq!(refusal.code, Code::ResourceExhausted, "{refusal:?}");
    assert!(refusal.message.contains("retry"), "{refusal:?}");
    // What is small still fits, and whoever gives up makes room.
    assert_eq!(raw.call(RECOMMEND, None, &wish().encode_to_vec()).await.code, Code::Ok);
    held.clear();
    until("the bytes are given back", || server.metric("foldin_received_bytes") == 0.0);
    let answer = raw.call(RECOMMEND, None, &large.encode_to_vec()).await;
    assert_ne!(answer.code, Code::ResourceExhausted, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_larger_than_allowed_is_refused_before_it_has_come() {
    let server = Server::start(&["--max-message-bytes", "4096"]);
    let mut raw = Raw::connect(server.address).await;
    let (response, mut stream) = raw.begin(RECOMMEND, None);
    // It goes on for ever, as far as the server knows.
    stream.send_data(vec![0; 8192].into(), false).unwrap();
    let status = ended(response).await;
    assert_eq!(status.code, Code::ResourceExhausted, "{status:?}");
    assert!(status.message.contains("4096"), "{status:?}");
    let stream = "/foldin.v1.RecommendationService/StreamRecommend";
    let status = raw.call(stream, None, &[0; 5000]).await;
    assert_eq!(status.code, Code::ResourceExhausted, "a message of a stream: {status:?}");
    assert!(status.message.contains("4096"), "{status:?}");
    assert_eq!(raw.call(RECOMMEND, None, &wish().encode_to_vec()).await.code, Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_message_cannot_grow_large_by_decoding() {
    let server = Server::start(&[]);
    let mut raw = Raw::connect(server.address).await;
    // Two bytes each on the wire, some hundred in memory.
    let bomb = pb::BatchRecommendRequest { requests: vec![pb::RecommendRequest::default(); 2_000_000] };
    let bytes = bomb.encode_to_vec();
    assert!(bytes.len() < 4 << 20);
    let before = server.metric("process_resident_memory_bytes");
    for _ in 0..3 {
        let status = raw.call("/foldin.v1.RecommendationService/BatchRecommend", None, &bytes).await;
        assert_eq!(status.code, Code::InvalidArgument, "{status:?}");
    }
    // Nor by what is inside of a request, alone, in a stream or in a batch.
    let none = || vec![String::new(); 1_000_000];
    let items = || vec![pb::HistoryItem::default(); 1_000_000];
    let set = || Some(pb::ItemSet { item_ids: none() });
    let detail = Some(pb::Detail { attributes: none(), ..Default::default() });
    let excluding = pb::RecommendRequest { exclude: set(), ..wish() };
    let wrapped = pb::StreamRecommendRequest { request: Some(excluding.clone()), tag: 1 };
    let stream = "/foldin.v1.RecommendationService/StreamRecommend";
    let mut bombs = vec![(RECOMMEND, excluding.encode_to_vec(), "262144"), (stream, wrapped.encode_to_vec(), "262144")];
    for inside in [
        excluding,
        pb::RecommendRequest { allow: set(), ..wish() },
        pb::RecommendRequest { history: items(), ..wish() },
        pb::RecommendRequest { context: items(), ..wish() },
        pb::RecommendRequest { negatives: items(), ..wish() },
        pb::RecommendRequest { detail, ..wish() },
    ] {
        let batch = pb::BatchRecommendRequest { requests: vec![wish(), inside] };
        bombs.push(("/foldin.v1.RecommendationService/BatchRecommend", batch.encode_to_vec(), "524288"));
    }
    let histories = vec![pb::History { items: items() }];
    let histories = pb::EmbedHistoriesRequest { histories, ..pb::EmbedHistoriesRequest::default() };
    bombs.push(("/foldin.v1.EmbeddingService/EmbedHistories", histories.encode_to_vec(), "524288"));
    for (path, bytes, most) in bombs {
        let status = raw.call(path, None, &bytes).await;
        assert_eq!(status.code, Code::InvalidArgument, "{path}: {status:?}");
        assert!(status.message.contains(&format!("{most} entries")), "{path}: {status:?}");
    }
    let grown = server.metric("process_resident_memory_bytes") - before;
    assert!(grown < f64::from(64 << 20), "{grown} bytes more");
    // A little too many gets the message that helps.
    let many = pb::BatchRecommendRequest { requests: vec![wish(); 300] };
    let status = raw.call("/foldin.v1.RecommendationService/BatchRecommend", None, &many.encode_to_vec()).await;
    assert!(status.message.contains("requests") && status.message.contains("256"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_no_answers_is_cut_off() {
    let server = Server::start(&["--stall-timeout", "0.3"]);
    let mut closed = h2::client::Builder::new();
    closed.initial_window_size(0);
    let mut raw = Raw::with(server.address, &closed).await.unwrap();
    let (response, mut stream) = raw.begin(RECOMMEND, None);
    stream.send_data(framed(&wish().encode_to_vec()), true).unwrap();
    let _response = response.await.unwrap();
    assert!(tokio::time::timeout(SOON, raw.connection).await.is_ok(), "the connection is closed");
    until("it is counted", || refusals(&server, "stalled") == 1.0);
    until("its room is free again", || server.metric("foldin_unsent_bytes") == 0.0);
    assert!(server.answers(None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_clients_may_stream_requests() {
    let server = Server::start(&["--max-request-streams", "2", "--reflection"]);
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let mut raw = Raw::connect(server.address).await;
    let held = [raw.begin(path, None), raw.begin(path, None)];
    // An answer shows that the two before have come.
    assert_eq!(raw.call(RECOMMEND, None, &wish().encode_to_vec()).await.code, Code::Ok);
    let third = raw.call(path, None, &[]).await;
    assert_eq!(third.code, Code::ResourceExhausted, "{third:?}");
    drop(held);
    until("they end", || server.metric("foldin_requests_in_flight") == 0.0);
    assert_ne!(raw.call(path, None, &[]).await.code, Code::ResourceExhausted);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_speak_something_else_are_sent_away() {
    let server = Server::start(&[]);
    for bytes in
        [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 what is this"]
    {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(bytes).unwrap();
        until_closed(stream);
    }
    let mut raw = Raw::connect(server.address).await;
    let (response, _stream) = raw.send(Request::get("http://localhost/").body(()).unwrap(), true).unwrap();
    assert_eq!(ended(response).await.code, Code::Unimplemented);
    assert!(server.answers(None).await);
}

#[test]
fn limits_out_of_range_are_named_and_shown() {
    let serve = ["serve", harness::arg(harness::model()), "--port", "0"];
    let with = |arguments: &[&str], parts: &[&str]| refused(&[&serve[..], arguments].concat(), 2, parts);
    with(&["--max-connections", "0"], &["connections is 0", "between 1 and 65536"]);
    with(&["--max-connections", "many"], &["serve.limits.connections", "--max-connections", "whole number"]);
    with(&["--idle-timeout", "0"], &["idle_seconds", "0.001"]);
    with(&["--idle-timeout=-1"], &["serve.limits.idle_seconds"]);
    with(&["--max-received-bytes", "100"], &["received_bytes is 100"]);
    with(&["--set", "serve.limits.conections=3"], &["did you mean `serve.limits.connections`?"]);
    with(&["--ops-address", "nowhere"], &["nowhere", "off"]);

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("foldin.toml");
    std::fs::write(&file, "[serve]\nport = 1\n[serve.limits]\nstreams = 3\n").unwrap();
    with(&["--config", harness::arg(&file)], &["serve.limits.streams"]);
    std::fs::write(&file, "[serve]\nqueue = 7\n[serve.limits]\nconnections = 3\nidle_seconds = 60\n").unwrap();
    let print = ["--config", harness::arg(&file), "--max-connections", "4", "--print-config"];
    let mut command = harness::foldin(&[&serve[..], &print].concat());
    let (code, out, errors) = harness::finish(command.env("FOLDIN_SERVE__LIMITS__IDLE_SECONDS", "61.5"));
    assert_eq!(code, 0, "{errors}");
    // Flag over environment over file over default.
    for line in ["port = 0", "queue = 7", "connections = 4", "idle_seconds = 61.5", "header_bytes = 16384"] {
        assert!(out.lines().any(|found| found == line), "{line}\n{out}");
    }
}
