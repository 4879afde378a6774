//! Requests that cannot be answered: the status, and the field it blames.

use foldin::serve::pb;
use foldin::serve::{Client, ServeOptions};
use tonic::Code;

use crate::fixture::{ease, item_id, mult_vae, user_id};
use crate::harness::{Server, artifact, assert_refused, options};

fn request(history: Vec<pb::HistoryItem>, n: u32) -> pb::RecommendRequest {
    pb::RecommendRequest { history, n, ..Default::default() }
}

async fn still_answers(client: &mut Client) {
    assert!(client.recommend_user(&user_id(1), 3).await.is_ok(), "one bad request must not spoil the server");
}

#[tokio::test]
async fn no_subject() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    assert_refused(client.recommend(request(vec![], 5)).await, Code::InvalidArgument, "user_id and history");
    let blank = pb::RecommendRequest { user_id: Some(String::new()), n: 5, ..Default::default() };
    assert_refused(client.recommend(blank).await, Code::InvalidArgument, "user_id and history");
    still_answers(&mut client).await;
}

#[tokio::test]
async fn n_out_of_range() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    for n in [0, 1001, u32::MAX] {
        let message = format!("n is {n}, must be between 1 and 1000");
        assert_refused(client.recommend_user(&user_id(1), n).await, Code::InvalidArgument, &message);
        assert_refused(client.similar_items(&item_id(1), n).await, Code::InvalidArgument, &message);
    }
    assert!(client.recommend_user(&user_id(1), 1000).await.is_ok());
}

#[tokio::test]
async fn a_history_of_a_hundred_thousand() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let long = |length: usize| pb::history((0..length).map(|i| item_id(i as u32 % 37)));
    let message = "history has 100000 entries, at most 10000";
    assert_refused(client.recommend(request(long(100_000), 5)).await, Code::InvalidArgument, message);
    let embed = client.embed_histories(vec![pb::History { items: long(100_000) }]).await;
    assert_refused(embed, Code::InvalidArgument, "histories[0].items has 100000 entries");
    assert!(client.recommend(request(long(10_000), 5)).await.is_ok(), "the limit itself is fine");
}

#[tokio::test]
async fn weights_that_are_none() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let item = |id, weight| pb::HistoryItem { item_id: id, weight };
        // An unknown item with a bad weight is a bad request all the same.
        for second in [item_id(2), "?".to_owned()] {
            let history = vec![item(item_id(1), None), item(second, Some(weight))];
            let message = format!("history[1].weight is {weight}");
            assert_refused(client.recommend(request(history, 5)).await, Code::InvalidArgument, &message);
        }
    }
}

#[tokio::test]
async fn too_many_and_too_few() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let invalid = Code::InvalidArgument;
    assert_refused(client.batch_recommend(vec![]).await, invalid, "requests is empty");
    let batch = vec![request(pb::history([item_id(1)]), 1); 257];
    assert_refused(client.batch_recommend(batch).await, invalid, "requests has 257 entries, at most 256");
    assert_refused(client.user_embeddings(vec![]).await, invalid, "user_ids is empty");
    assert_refused(client.user_embeddings(vec![user_id(1); 1001]).await, invalid, "user_ids has 1001");
    assert_refused(client.item_embeddings(vec![]).await, invalid, "item_ids is empty");
    assert_refused(client.item_embeddings(vec![item_id(1); 1001]).await, invalid, "item_ids has 1001");
    assert_refused(client.embed_histories(vec![]).await, invalid, "histories is empty");
    let one_empty = vec![pb::History { items: pb::history([item_id(1)]) }, pb::History { items: vec![] }];
    assert_refused(client.embed_histories(one_empty).await, invalid, "histories[1].items is empty");
    let many = Some(pb::ItemSet { item_ids: vec!["?".to_owned(); 100_001] });
    let excluded = pb::RecommendRequest { exclude: many.clone(), ..request(vec![], 1) };
    assert_refused(client.recommend(excluded).await, invalid, "exclude has 100001 entries");
    let allowed = pb::RecommendRequest { allow: many, ..request(vec![], 1) };
    assert_refused(client.recommend(allowed).await, invalid, "allow has 100001 entries");
    still_answers(&mut client).await;
}

#[tokio::test]
async fn an_item_that_is_not_there() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    assert_refused(client.similar_items("?", 5).await, Code::NotFound, "item_id \"?\"");
}

#[tokio::test]
async fn an_id_that_is_empty_is_named() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let (invalid, none) = (Code::InvalidArgument, String::new);
    assert_refused(client.similar_items("", 5).await, invalid, "item_id is empty: give an id");
    let explain = pb::ExplainRequest { user_id: Some(user_id(1)), ..Default::default() };
    assert_refused(client.explain(explain).await, invalid, "item_id is empty");
    let item_ids = vec![item_id(1), none()];
    let score = pb::ScoreItemsRequest { user_id: Some(user_id(1)), item_ids, ..Default::default() };
    assert_refused(client.score_items(score).await, invalid, "item_ids[1] is empty");
    assert_refused(client.user_embeddings(vec![none(), user_id(1)]).await, invalid, "user_ids[0] is empty");
    assert_refused(client.item_embeddings(vec![item_id(1), none()]).await, invalid, "item_ids[1] is empty");
    let histories = vec![pb::History { items: pb::history([item_id(1), none()]) }];
    assert_refused(client.embed_histories(histories).await, invalid, "histories[0].items[1].item_id is empty");
    let history = pb::history([item_id(1), none()]);
    assert_refused(client.recommend(request(history, 5)).await, invalid, "history[1].item_id is empty");
    still_answers(&mut client).await;
}

#[tokio::test]
async fn messages_that_are_too_large() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    let huge = pb::RecommendRequest { user_id: Some("x".repeat(5 << 20)), n: 1, ..Default::default() };
    assert_refused(client.recommend(huge).await, Code::ResourceExhausted, "the request is larger than 4194304 bytes");
    still_answers(&mut client).await;

    let small = ServeOptions { max_message_bytes: 1024, ..options() };
    let server = Server::with(artifact(&ease()), small).await;
    let mut client = server.client().await;
    let batch = vec![request(pb::history([item_id(1)]), 30); 3];
    assert_refused(client.batch_recommend(batch).await, Code::ResourceExhausted, "the answer would have");
    still_answers(&mut client).await;
}

#[tokio::test]
async fn a_method_that_does_not_exist() {
    let server = Server::start(&ease()).await;
    let mut grpc = tonic::client::Grpc::new(server.channel().await);
    grpc.ready().await.unwrap();
    let path = "/foldin.v1.RecommendationService/ReadMinds".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<pb::GetModelRequest, pb::GetModelResponse>::default();
    let status = grpc.unary(tonic::Request::new(pb::GetModelRequest { name: None }), path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("no such method"), "{status}");
}
