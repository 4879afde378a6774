//! More requests than can be computed: what waits, what is refused, what is not worth computing.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldin::serve::pb;
use foldin::serve::{ClientError, ServeOptions};
use prost::Message;
use prost::bytes::Bytes;
use tonic::Code;
use tonic::codegen::http;

use crate::fixture::{ease, item_id, user_id};
use crate::harness::{Gate, Server, gated, options, refused};

/// One thread, held back by the gate, and a queue.
async fn narrow(queue: usize) -> (Server, Arc<Gate>) {
    let (model, gate) = gated();
    (Server::with(model, ServeOptions { threads: 1, queue, ..options() }).await, gate)
}

type Pending = tokio::task::JoinHandle<Result<pb::RecommendResponse, ClientError>>;

async fn ask(server: &Server, user: usize) -> Pending {
    let mut client = server.client().await;
    tokio::spawn(async move { client.recommend_user(&user_id(user), 5).await })
}

/// A bare HTTP/2 client: unlike the gRPC one it has no timer, so what it sees is the server's doing.
struct Raw(h2::client::SendRequest<Bytes>);

impl Raw {
    async fn connect(server: &Server) -> Self {
        let socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let (send, connection) = h2::client::handshake(socket).await.unwrap();
        tokio::spawn(connection);
        Self(send.ready().await.unwrap())
    }

    /// Sends a request for recommendations; returns its response to come and its stream.
    fn send(
        &mut self,
        method: &str,
        message: &impl Message,
        timeout: Option<&str>,
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        self.send_bytes(method, &message.encode_to_vec(), timeout)
    }

    /// The same with any bytes for a message.
    fn send_bytes(
        &mut self,
        method: &str,
        body: &[u8],
        timeout: Option<&str>,
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        let mut request = http::Request::post(format!("http://localhost/foldin.v1.RecommendationService/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(timeout) = timeout {
            request = request.header("grpc-timeout", timeout);
        }
        let (response, mut stream) = self.0.send_request(request.body(()).unwrap(), false).unwrap();
        let framed = [&[0][..], &(body.len() as u32).to_be_bytes(), body].concat();
        stream.send_data(framed.into(), true).unwrap();
        (response, stream)
    }
}

fn of_user(user: usize) -> pb::RecommendRequest {
    pb::RecommendRequest { user_id: Some(user_id(user)), n: 5, ..Default::default() }
}

async fn status_of(response: h2::client::ResponseFuture) -> Code {
    let response = response.await.unwrap();
    Code::from_bytes(response.headers()["grpc-status"].as_bytes())
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_recovers() {
    let (server, gate) = narrow(2).await;
    let mut waiting = vec![ask(&server, 20).await];
    gate.until_entered(1).await;
    let mut full = server.client().await;
    // Two more find a place; from then on the answer is immediate.
    for user in [21, 22] {
        waiting.push(ask(&server, user).await);
    }
    let refusal = loop {
        match tokio::time::timeout(Duration::from_millis(200), full.recommend_user(&user_id(23), 5)).await {
            Ok(answer) => break refused(answer),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert!(refusal.message().contains("retry"), "{refusal}");
    // What is not computed is answered all the same.
    assert!(full.model().await.is_ok());

    gate.open();
    for (user, pending) in [20, 21, 22].into_iter().zip(waiting) {
        match pending.await.unwrap() {
            Ok(answer) => assert_eq!(answer.items.len(), 5, "user {user}"),
            // The probe above may have taken the last place before it gave up.
            Err(ClientError::Call(status)) => assert_eq!(status.code(), Code::ResourceExhausted, "user {user}"),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(full.recommend_user(&user_id(23), 5).await.is_ok());
}

#[tokio::test]
async fn a_deadline_is_reported_as_one_and_the_request_is_not_computed() {
    let (server, gate) = narrow(8).await;
    let first = ask(&server, 20).await;
    gate.until_entered(1).await;
    let mut raw = Raw::connect(&server).await;
    for timeout in ["30m", "1n"] {
        let (response, _stream) = raw.send("Recommend", &of_user(21), Some(timeout));
        assert_eq!(status_of(response).await, Code::DeadlineExceeded, "{timeout}");
    }
    gate.open();
    assert!(first.await.unwrap().is_ok());
    // One thread computes in order: when this is answered, the expired ones have had their turn.
    assert!(ask(&server, 22).await.await.unwrap().is_ok());
    assert_eq!(gate.entered(), 2);
}

#[tokio::test]
async fn who_would_wait_in_vain_is_told_at_once() {
    let (server, gate) = narrow(64).await;
    // The server learns that a request takes a fifth of a second.
    let slow = ask(&server, 20).await;
    gate.until_entered(1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    gate.open();
    assert!(slow.await.unwrap().is_ok());
    gate.close();
    let mut raw = Raw::connect(&server).await;
    // Nobody is before it: it has its chance, however little time it has.
    let (alone, _stream) = raw.send("Recommend", &of_user(20), Some("50m"));
    assert_eq!(status_of(alone).await, Code::DeadlineExceeded);
    // It has still its turn. Together with another that makes more than half a second.
    let (waiting, _stream) = raw.send("Recommend", &of_user(21), Some("60S"));
    gate.until_entered(2).await;
    let (refused, _stream) = raw.send("Recommend", &of_user(22), Some("300m"));
    assert_eq!(status_of(refused).await, Code::ResourceExhausted);
    let (patient, _stream) = raw.send("Recommend", &of_user(23), None);
    gate.open();
    for response in [waiting, patient] {
        assert!(!response.await.unwrap().headers().contains_key("grpc-status"), "it has a list");
    }
}

#[tokio::test]
async fn the_client_reports_its_own_timer_as_the_deadline() {
    let (server, gate) = narrow(8).await;
    let mut client = server.client().await.with_timeout(Duration::from_millis(30));
    assert_eq!(refused(client.recommend_user(&user_id(20), 5).await).code(), Code::DeadlineExceeded);
    gate.open();
}

#[tokio::test]
async fn a_client_that_has_gone_is_not_computed_for() {
    let (server, gate) = narrow(8).await;
    let first = ask(&server, 20).await;
    gate.until_entered(1).await;
    let mut raw = Raw::connect(&server).await;
    let (response, mut stream) = raw.send("Recommend", &of_user(21), None);
    // A later answer on the same connection shows that the server has read the request.
    let (unknown, _stream) = raw.send("NoSuchMethod", &of_user(21), None);
    assert_eq!(status_of(unknown).await, Code::Unimplemented);
    stream.send_reset(h2::Reason::CANCEL);
    drop(response);
    let (unknown, _stream) = raw.send("NoSuchMethod", &of_user(21), None);
    assert_eq!(status_of(unknown).await, Code::Unimplemented);

    gate.open();
    assert!(first.await.unwrap().is_ok());
    assert!(ask(&server, 22).await.await.unwrap().is_ok());
    assert_eq!(gate.entered(), 2, "the abandoned request was skipped");
}

#[tokio::test]
async fn a_batch_stops_when_its_deadline_passes() {
    let (server, gate) = narrow(8).await;
    let mut raw = Raw::connect(&server).await;
    let batch = pb::BatchRecommendRequest { requests: vec![of_user(20); 256] };
    let (response, _stream) = raw.send("BatchRecommend", &batch, Some("50m"));
    gate.until_entered(1).await;
    assert_eq!(status_of(response).await, Code::DeadlineExceeded);
    gate.open();
    assert!(ask(&server, 22).await.await.unwrap().is_ok());
    assert_eq!(gate.entered(), 2, "only the first part of the batch was begun");
}

#[tokio::test]
async fn a_computation_that_crashes_fails_alone() {
    let (server, gate) = narrow(8).await;
    gate.crash_next();
    gate.open();
    let mut client = server.client().await;
    let status = refused(client.recommend_user(&user_id(20), 5).await);
    assert_eq!(status.code(), Code::Internal);
    for _ in 0..5 {
        assert!(client.recommend_user(&user_id(20), 5).await.is_ok(), "its place in the queue is free again");
    }
}

/// What the log says, in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "cli")]
#[tokio::test]
async fn a_request_leaves_one_line_without_personal_data() {
    use foldin::serve::pb::recommendation_service_client::RecommendationServiceClient;
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO).with_writer(move || writer.clone());
    // For the whole process, as tests run side by side; the lines of this one are known by their ids.
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();

    let server = Server::start(&ease()).await;
    let mut client = RecommendationServiceClient::new(server.channel().await);
    let with_history = pb::RecommendRequest { history: pb::history([item_id(31), item_id(7)]), ..of_user(51) };
    let invalid = pb::RecommendRequest { n: 0, ..of_user(51) };
    let unknown = pb::RecommendRequest { user_id: Some("nobody-in-particular".into()), ..of_user(0) };
    for (number, message) in [with_history, invalid, unknown].into_iter().enumerate() {
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("x-request-id", format!("logged-{number}").parse().unwrap());
        // Whether it is refused does not matter here: the log tells.
        let _ = client.recommend(request).await;
    }

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let entries: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mine = |entry: &&serde_json::Value| entry["request_id"].as_str().is_some_and(|id| id.starts_with("logged-"));
    let fields: Vec<_> = entries.iter().map(|entry| &entry["fields"]).filter(mine).collect();
    let told: Vec<_> = fields.iter().map(|f| (f["status"].as_str().unwrap(), f["tier"].as_str())).collect();
    assert_eq!(told, [("Ok", Some("personal")), ("InvalidArgument", None), ("Ok", Some("popularity"))]);
    for field in fields {
        assert_eq!(field["method"], "/foldin.v1.RecommendationService/Recommend");
        assert!(field["latency_ms"].as_f64().unwrap() > 0.0);
    }
    for secret in ["item-31", "item-07", &user_id(51), "nobody-in-particular"] {
        assert!(!text.contains(&format!("\"{secret}\"")), "{secret} in {text}");
    }
}

#[tokio::test]
async fn requests_computed_together_get_the_answers_they_would_get_alone() {
    let (server, gate) = narrow(64).await;
    let held = ask(&server, 0).await;
    gate.until_entered(1).await;
    // All of these wait behind the first and are computed in batches; every fifth is refused.
    let requests: Vec<pb::RecommendRequest> = (0..40)
        .map(|i| pb::RecommendRequest { n: if i % 5 == 4 { 0 } else { 3 + i as u32 % 4 }, ..of_user(i % 7) })
        .collect();
    let mut pending = Vec::new();
    for request in requests.clone() {
        let mut client = server.client().await;
        pending.push(tokio::spawn(async move { client.recommend(request).await }));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    gate.open();
    held.await.unwrap().unwrap();
    let mut answers = Vec::new();
    for pending in pending {
        answers.push(pending.await.unwrap());
    }
    // One by one, the 32 that are not refused and the first would have been 33 computations.
    assert!(gate.entered() < 33, "{} computations", gate.entered());
    let mut client = server.client().await;
    for (request, together) in requests.into_iter().zip(answers) {
        match client.recommend(request).await {
            Ok(alone) => assert_eq!(together.unwrap(), alone),
            Err(alone) => assert_eq!(together.unwrap_err().to_string(), alone.to_string()),
        }
    }
}

#[tokio::test]
async fn a_full_queue_refuses_before_it_looks_at_a_message() {
    let (server, gate) = narrow(1).await;
    let first = ask(&server, 20).await;
    gate.until_entered(1).await;
    let mut raw = Raw::connect(&server).await;
    let (_waiting, _stream) = raw.send("Recommend", &of_user(21), None);
    // Not even a message, which the server finds out when it has a place for it.
    let nonsense = vec![0xff; 64];
    let (refused, _stream) = raw.send_bytes("Recommend", &nonsense, None);
    assert_eq!(status_of(refused).await, Code::ResourceExhausted);
    gate.open();
    assert!(first.await.unwrap().is_ok());
    let (decoded, _stream) = raw.send_bytes("Recommend", &nonsense, None);
    assert_eq!(status_of(decoded).await, Code::Internal);
}
