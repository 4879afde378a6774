//! Many requests over one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldin::serve::pb::recommendation_service_client::RecommendationServiceClient;
use foldin::serve::pb::{self, recommend_result::Result as Outcome};
use foldin::serve::{Client, ServeOptions};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Code, Streaming};

use crate::fixture::{ITEMS, item_id, mult_vae, user_id};
use crate::harness::{Server, artifact, gated, options, refused};

fn of_user(user: usize) -> pb::RecommendRequest {
    pb::RecommendRequest { user_id: Some(user_id(user % 60)), n: 5, ..Default::default() }
}

fn tagged(tag: usize, request: pb::RecommendRequest) -> pb::StreamRecommendRequest {
    pb::StreamRecommendRequest { request: Some(request), tag: tag as u64 }
}

async fn all(mut answers: Streaming<pb::StreamRecommendResponse>) -> Vec<pb::StreamRecommendResponse> {
    let mut all = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        all.push(answer);
    }
    all
}

fn response(answer: &pb::StreamRecommendResponse) -> &pb::RecommendResponse {
    match answer.result.as_ref().unwrap().result.as_ref().unwrap() {
        Outcome::Response(response) => response,
        Outcome::Error(error) => panic!("{error:?}"),
    }
}

/// A stream whose requests are sent one by one.
async fn open(
    client: &mut Client,
) -> (mpsc::Sender<pb::StreamRecommendRequest>, Streaming<pb::StreamRecommendResponse>) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, client.stream_recommend(ReceiverStream::new(receiver)).await.unwrap())
}

#[tokio::test]
async fn answers_come_in_order_and_are_those_of_single_calls() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let requests: Vec<_> = (0..500).map(|user| tagged(7 * user, of_user(user))).collect();
    let answers = all(client.stream_recommend(tokio_stream::iter(requests)).await.unwrap()).await;
    assert_eq!(answers.len(), 500);
    for (user, answer) in answers.iter().enumerate() {
        assert_eq!(answer.tag, 7 * user as u64);
        if user % 83 == 0 {
            assert_eq!(*response(answer), client.recommend(of_user(user)).await.unwrap());
        }
    }
    let empty = client.stream_recommend(tokio_stream::iter(Vec::new())).await.unwrap();
    assert!(all(empty).await.is_empty());
}

#[tokio::test]
async fn a_bad_request_spoils_only_itself() {
    let too_many = || Some(pb::ItemSet { item_ids: vec!["?".into(); 100_001] });
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let requests = vec![
        tagged(1, of_user(1)),
        tagged(2, pb::RecommendRequest { n: 0, ..of_user(1) }),
        pb::StreamRecommendRequest { request: None, tag: 3 },
        tagged(4, pb::RecommendRequest { filter: Some("x <".into()), ..of_user(1) }),
        tagged(5, pb::RecommendRequest { model: Some("nobody".into()), ..of_user(1) }),
        tagged(6, pb::RecommendRequest { n: 1001, ..of_user(1) }),
        tagged(7, pb::RecommendRequest { history: pb::history(vec![item_id(1); 10_001]), ..of_user(1) }),
        tagged(8, pb::RecommendRequest { exclude: too_many(), ..of_user(1) }),
        tagged(9, pb::RecommendRequest { allow: too_many(), ..of_user(1) }),
        tagged(10, of_user(2)),
    ];
    let answers = all(client.stream_recommend(tokio_stream::iter(requests)).await.unwrap()).await;
    assert_eq!(answers.iter().map(|answer| answer.tag).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    assert_eq!((response(&answers[0]).items.len(), response(&answers[9]).items.len()), (5, 5));
    let errors = answers[1..9].iter().map(|answer| match answer.result.as_ref().unwrap().result.as_ref().unwrap() {
        Outcome::Error(error) => (error.code, error.field.as_str()),
        Outcome::Response(response) => panic!("{response:?}"),
    });
    let (first, then) = ([(3, "n"), (3, "n"), (3, "filter"), (5, "model")], ["n", "history", "exclude", "allow"]);
    assert_eq!(errors.collect::<Vec<_>>(), [first, then.map(|field| (3, field))].concat());

    // An answer that is too large is one of them.
    let server = Server::with(artifact(&mult_vae()), ServeOptions { max_message_bytes: 1024, ..options() }).await;
    let mut client = server.client().await;
    let attributes = ["category", "released", "tags"].map(Into::into).into();
    let detail = Some(pb::Detail { attributes, ..Default::default() });
    let requests = vec![tagged(1, pb::RecommendRequest { n: 37, detail, ..of_user(1) }), tagged(2, of_user(1))];
    let answers = all(client.stream_recommend(tokio_stream::iter(requests)).await.unwrap()).await;
    match answers[0].result.as_ref().unwrap().result.as_ref().unwrap() {
        Outcome::Error(error) => assert_eq!(error.code, Code::ResourceExhausted as i32, "{error:?}"),
        Outcome::Response(response) => panic!("{response:?}"),
    }
    assert_eq!(response(&answers[1]).items.len(), 5);
}

#[tokio::test]
async fn the_server_reads_no_further_than_its_answers_are_taken() {
    const MANY: usize = 4_000;
    let server = Server::start(&mult_vae()).await;
    // A client that has room for few answers.
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let endpoint = endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    let mut client = RecommendationServiceClient::new(endpoint.connect().await.unwrap());
    let (sender, receiver) = mpsc::channel(1);
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    tokio::spawn(async move {
        for tag in 0..MANY {
            // Large both ways, so that buffers on the way hold few of them.
            let exclude = Some(pb::ItemSet { item_ids: vec!["?".repeat(4_000)] });
            let request = pb::RecommendRequest { n: ITEMS as u32, include_seen: true, exclude, ..of_user(tag) };
            if sender.send(tagged(tag, request)).await.is_err() {
                break;
            }
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut answers = client.stream_recommend(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    let mut before = usize::MAX;
    while before != sent.load(Ordering::SeqCst) {
        before = sent.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(before < MANY / 2, "{before} of {MANY} requests were read though nobody takes the answers");
    // Others are served meanwhile, and the stream goes on where it stood.
    assert_eq!(server.client().await.recommend(of_user(3)).await.unwrap().items.len(), 5);
    for tag in 0..MANY {
        assert_eq!(answers.message().await.unwrap().unwrap().tag, tag as u64);
    }
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn what_a_client_leaves_behind_is_not_computed() {
    let (model, gate) = gated();
    let server = Server::with(model, ServeOptions { threads: 1, ..options() }).await;
    let mut client = server.client().await;
    let (sender, answers) = open(&mut client).await;
    // Computed one by one, so that every one of them would be seen.
    let alone = |user| pb::RecommendRequest {
        detail: Some(pb::Detail { contributions: 1, ..Default::default() }),
        ..of_user(user)
    };
    sender.send(tagged(0, alone(20))).await.unwrap();
    gate.until_entered(1).await;
    for tag in 1..20 {
        sender.send(tagged(tag, alone(20))).await.unwrap();
    }
    // The last of them has left the channel, so most have arrived.
    drop((sender, answers));
    tokio::time::sleep(Duration::from_millis(300)).await;
    gate.open();
    assert_eq!(client.recommend(of_user(3)).await.unwrap().items.len(), 5);
    // EASE explains itself without folding in again: one for the first, one for the last.
    assert_eq!(gate.entered(), 2);
}

#[tokio::test]
async fn streams_leave_room_for_others() {
    let (model, gate) = gated();
    // Four places: two for streams.
    let server = Server::with(model, ServeOptions { threads: 1, queue: 3, ..options() }).await;
    let mut client = server.client().await;
    let requests: Vec<_> = (0..100).map(|tag| tagged(tag, of_user(tag))).collect();
    let answers = client.stream_recommend(tokio_stream::iter(requests)).await.unwrap();
    gate.until_entered(1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut single = server.client().await;
    let single = tokio::spawn(async move { single.recommend(of_user(3)).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    gate.open();
    assert_eq!(single.await.unwrap().unwrap().items.len(), 5, "a place was left");
    assert_eq!(all(answers).await.len(), 100, "and the stream waits for its own instead of failing");
}

#[tokio::test]
async fn a_deadline_and_the_end_of_the_server_end_streams() {
    let (model, gate) = gated();
    let server = Server::with(model, ServeOptions { threads: 1, ..options() }).await;
    let mut client = server.client().await.with_timeout(Duration::from_millis(300));
    let (sender, mut answers) = open(&mut client).await;
    sender.send(tagged(0, of_user(1))).await.unwrap();
    let status = answers.message().await.unwrap_err();
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status}");
    gate.open();

    let (model, gate) = gated();
    let drain = Duration::from_millis(200);
    let mut server = Server::with(model, ServeOptions { threads: 1, drain, ..options() }).await;
    let mut client = server.client().await;
    let (sender, mut answers) = open(&mut client).await;
    sender.send(tagged(0, of_user(1))).await.unwrap();
    gate.until_entered(1).await;
    server.stop();
    let status = answers.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    gate.open();
    drop((sender, answers, client));
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_crash_is_one_answer() {
    let (model, gate) = gated();
    gate.open();
    let server = Server::with(model, ServeOptions { threads: 1, ..options() }).await;
    let mut client = server.client().await;
    let (sender, mut answers) = open(&mut client).await;
    gate.crash_next();
    for tag in 0..2 {
        sender.send(tagged(tag, of_user(1))).await.unwrap();
        let answer = answers.message().await.unwrap().unwrap();
        let outcome = answer.result.unwrap().result.unwrap();
        match outcome {
            Outcome::Error(error) => assert_eq!((tag, error.code), (0, Code::Internal as i32)),
            Outcome::Response(response) => assert_eq!((tag, response.items.len()), (1, 5)),
        }
    }
    assert!(client.model().await.is_ok());
    let unknown = pb::RecommendRequest { history: pb::history([item_id(1)]), n: 0, ..Default::default() };
    assert_eq!(refused(client.recommend(unknown).await).code(), Code::InvalidArgument);
}
