//! Vectors, and what is known of the model.

use foldin::serve::pb::{self, EmbeddingStatus, Metric};
use foldin::types::UserIdx;
use tonic::Code;

use crate::fixture::{ITEMS, USERS, ease, histories, item_id, metrics, mult_dae, mult_vae, train, user_id};
use crate::harness::{Server, assert_refused};

#[tokio::test]
async fn user_vectors_come_with_a_status_each() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let keys = vec![user_id(7), "nobody".into(), user_id(0), user_id(7)];
    let answer = client.user_embeddings(keys.clone()).await.unwrap();
    let ids: Vec<_> = answer.results.iter().map(|result| result.id.clone()).collect();
    assert_eq!(ids, keys, "in the order asked for, repetitions included");
    let status: Vec<_> = answer.results.iter().map(pb::EmbeddingResult::status).collect();
    let (found, missing) = (EmbeddingStatus::Found, EmbeddingStatus::NotFound);
    assert_eq!(status, [found, missing, found, found]);
    assert!(answer.results[1].embedding.is_none());

    let all = histories();
    let expected = train(&mult_vae(), 1).model.embed_users(&[all.history(UserIdx(7))]).unwrap();
    assert_eq!(answer.results[0].embedding.as_ref().unwrap().values, expected.as_slice());
    let space = answer.space.unwrap();
    assert_eq!((space.id.as_str(), space.dimensions, space.metric()), ("mult-vae/latent", 6, Metric::Cosine));
    assert_eq!(answer.model_version, server.engine.info().manifest.model_version);
}

#[tokio::test]
async fn item_vectors_come_with_a_status_each() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let answer = client.item_embeddings(vec![item_id(36), "?".into(), item_id(0)]).await.unwrap();
    let vectors = train(&mult_vae(), 1).model.embed_items(0..ITEMS as u32).unwrap();
    for (position, item) in [(0, 36), (2, 0)] {
        let values = &answer.results[position].embedding.as_ref().unwrap().values;
        assert_eq!(values.as_slice(), vectors.column(item).as_slice());
    }
    assert_eq!(answer.results[1].status(), EmbeddingStatus::NotFound);
    assert_eq!(answer.space.unwrap().dimensions, 19);
}

#[tokio::test]
async fn an_embedded_history_is_where_its_user_is() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let all = histories();
    let own = all.history(UserIdx(20)).items().iter().map(|&i| item_id(i));
    let reversed: Vec<String> = own.clone().rev().chain(own.clone().take(1)).collect();
    let sent = vec![
        pb::History { items: pb::history(own) },
        pb::History { items: pb::history(["?", "!"]) },
        pb::History { items: pb::history(reversed) },
        pb::History { items: pb::history(["?".to_owned(), item_id(3)]) },
    ];
    let answer = client.embed_histories(sent).await.unwrap();
    let status: Vec<_> = answer.results.iter().map(pb::HistoryEmbeddingResult::status).collect();
    let (found, unknown) = (EmbeddingStatus::Found, EmbeddingStatus::NoKnownItems);
    assert_eq!(status, [found, unknown, found, found]);
    assert_eq!(answer.results.iter().map(|r| r.unknown_items).collect::<Vec<_>>(), [0, 2, 0, 1]);
    assert!(answer.results[1].embedding.is_none());

    let user = client.user_embeddings(vec![user_id(20)]).await.unwrap();
    assert_eq!(answer.space, user.space);
    let user = user.results[0].embedding.as_ref();
    assert_eq!(answer.results[0].embedding.as_ref(), user);
    assert_eq!(answer.results[2].embedding.as_ref(), user, "order and repetition mean nothing");
}

#[tokio::test]
async fn variances_come_beside_the_vectors_that_they_are_of() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let all = histories();
    let stored = [UserIdx(20), UserIdx(3)].map(|user| all.history(user));
    let mut sent: Vec<pb::History> = stored
        .iter()
        .map(|history| pb::History { items: pb::history(history.items().iter().map(|&i| item_id(i))) })
        .collect();
    sent.insert(1, pb::History { items: pb::history(["?"]) });
    let request = pb::EmbedHistoriesRequest { histories: sent, with_variances: true, model: None };
    let answer = client.embed(request.clone()).await.unwrap();
    // The model sees which items there are, not their weights.
    let model = train(&mult_vae(), 1).model;
    for (result, history) in [(0, stored[0]), (2, stored[1])] {
        let result = &answer.results[result];
        let values = |of: &Option<pb::Embedding>| of.as_ref().unwrap().values.clone();
        assert_eq!(values(&result.variances), model.variances(&[history]).unwrap().as_slice());
        assert_eq!(values(&result.embedding), model.embed_users(&[history]).unwrap().as_slice());
    }
    assert_eq!((&answer.results[1].embedding, &answer.results[1].variances), (&None, &None));

    let plain = client.embed(pb::EmbedHistoriesRequest { with_variances: false, ..request.clone() }).await.unwrap();
    assert!(plain.results.iter().all(|result| result.variances.is_none()));
    assert_eq!(plain.results[2].embedding, answer.results[2].embedding);

    let certain = Server::start(&mult_dae()).await;
    let answer = certain.client().await.embed(request).await;
    let lack = "with_variances cannot be used with model mult-dae, which does not know how uncertain it is of a user; \
                variational models do: mult-vae, rec-vae";
    assert_refused(answer, Code::FailedPrecondition, lack);
}

#[tokio::test]
async fn a_model_without_vectors_says_so() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    let no_users = "model ease has no user embeddings";
    assert_refused(client.user_embeddings(vec![user_id(1)]).await, Code::FailedPrecondition, no_users);
    let history = pb::History { items: pb::history([item_id(1)]) };
    assert_refused(client.embed_histories(vec![history]).await, Code::FailedPrecondition, no_users);
    let no_items = "model ease has no item embeddings";
    assert_refused(client.item_embeddings(vec![item_id(1)]).await, Code::FailedPrecondition, no_items);
}

#[tokio::test]
async fn the_model_tells_what_it_is() {
    let server = Server::start(&mult_vae()).await;
    let model = server.client().await.model().await.unwrap();
    let manifest = &server.engine.info().manifest;
    assert_eq!((model.version.as_str(), model.kind.as_str()), (manifest.model_version.as_str(), "mult-vae"));
    assert_eq!((model.users, model.items), (USERS as u64, ITEMS as u64));
    assert_eq!(model.interactions, histories().len() as u64);
    assert_eq!(model.user_space.unwrap().dimensions, 6);
    assert_eq!(model.item_space.unwrap().dimensions, 19);
    assert_eq!(model.metrics, metrics().into_iter().collect());
    assert_eq!(model.data_fingerprint, manifest.data_fingerprint);
    let configuration: serde_json::Value = serde_json::from_str(&model.configuration_json).unwrap();
    assert_eq!((&configuration["kind"], &configuration["latent"]), (&"mult-vae".into(), &6.into()));

    let server = Server::start(&ease()).await;
    let model = server.client().await.model().await.unwrap();
    assert_eq!((model.user_space, model.item_space), (None, None));
}
