//! What a request can ask of a list, over the wire; scores, explanations and similar users.

use foldin::serve::pb::{
    self, ExplanationMethod, FallbackReason, ShortReason, Tier, attribute::Value, recommend_result::Result as Outcome,
};
use tonic::Code;

use crate::fixture::{ITEMS, ease, item_id, mult_vae, popularity, price_of, user_id};
use crate::harness::{Server, assert_refused, refused};

fn of_user(user: usize, n: u32) -> pb::RecommendRequest {
    pb::RecommendRequest { user_id: Some(user_id(user)), n, ..Default::default() }
}

#[tokio::test]
async fn everything_a_list_can_be_asked_for_arrives() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let request = pb::RecommendRequest {
        filter: Some("price < 12 and not adult".into()),
        context: pb::history([item_id(4), "?".into()]),
        negatives: pb::history([item_id(1)]),
        negative_strength: Some(0.25),
        diversity: Some(pb::Diversity { strength: 0.4, candidates: Some(20) }),
        popularity_damping: Some(0.3),
        exploration: Some(pb::Exploration { seed: 5, draws: Some(4), scale: Some(2.0) }),
        detail: Some(pb::Detail {
            omit_titles: true,
            attributes: vec!["price".into(), "tags".into()],
            contributions: 2,
        }),
        fill: true,
        ..of_user(20, 20)
    };
    let answer = client.recommend(request.clone()).await.unwrap();
    let direct = server.engine.recommend(&[request.into()]).remove(0).unwrap();
    assert_eq!(answer.items.len(), direct.items.len());
    assert_eq!(answer.filled_items as usize, direct.filled_items);
    assert!(direct.filled_items > 0 && answer.tier() == Tier::Personal);
    assert_eq!((answer.unknown_context_items, answer.removed.unwrap().excluded), (1, 1));
    assert_eq!(answer.removed.unwrap().not_matching as usize, direct.removed.not_matching);
    for (item, expected) in answer.items.iter().zip(&direct.items) {
        assert_eq!((&item.item_id, item.score.to_bits()), (&expected.item_id, expected.score.to_bits()));
        assert_eq!((item.propensity, &item.title), (expected.propensity, &None));
        assert!(item.propensity.is_some());
        assert_eq!(item.contributions.len(), expected.contributions.len());
        let of = item.item_id["item-".len()..].parse().unwrap();
        let price = item.attributes.iter().find(|attribute| attribute.name == "price");
        assert_eq!(price.map(|price| price.value.clone()), price_of(of).map(|price| Some(Value::Number(price))));
        assert!(matches!(item.attributes.last().unwrap().value, Some(Value::Texts(_))));
    }
    let tiers: Vec<Tier> = answer.items.iter().map(pb::ScoredItem::tier).collect();
    assert_eq!((tiers[0], *tiers.last().unwrap()), (Tier::Personal, Tier::Popularity));
}

#[tokio::test]
async fn tiers_and_reasons_have_their_names() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let popular = pb::RecommendRequest {
        user_id: Some("nobody".into()),
        filter: Some("tags has 'even'".into()),
        ..of_user(0, 3)
    };
    let answer = client.recommend(popular).await.unwrap();
    assert_eq!((answer.tier(), answer.fallback()), (Tier::PopularityFiltered, FallbackReason::UnknownUser));
    let nothing = pb::RecommendRequest { filter: Some("tags has 'x'".into()), ..of_user(3, 3) };
    assert_eq!(client.recommend(nothing).await.unwrap().short_reason(), ShortReason::NothingMatches);
    let least = pb::RecommendRequest { min_score: Some(1e9), ..of_user(3, 3) };
    assert_eq!(client.recommend(least).await.unwrap().short_reason(), ShortReason::BelowMinScore);
}

#[tokio::test]
async fn requests_that_are_refused_blame_a_field() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    let filter = pb::RecommendRequest { filter: Some("price < ".into()), ..of_user(3, 3) };
    let status = refused(client.recommend(filter.clone()).await);
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(
        status.message(),
        "filter, at byte 8: expected a value: a text in quotes, a number, true or false, found the end\n  price < \n          ^"
    );
    let damping = pb::RecommendRequest { popularity_damping: Some(f32::NAN), ..of_user(3, 3) };
    assert_refused(client.recommend(damping.clone()).await, Code::InvalidArgument, "popularity_damping is NaN");
    let attributes = pb::Detail { attributes: vec!["prize".into()], ..Default::default() };
    let attributes = pb::RecommendRequest { detail: Some(attributes), ..of_user(3, 3) };
    assert_refused(
        client.recommend(attributes.clone()).await,
        Code::InvalidArgument,
        "detail.attributes[0]: there is no",
    );
    let diverse = Some(pb::Diversity { strength: 0.5, candidates: None });
    let diverse = pb::RecommendRequest { diversity: diverse, ..of_user(3, 3) };
    assert_refused(client.recommend(diverse.clone()).await, Code::FailedPrecondition, "diversity cannot be used");
    let exploring = Some(pb::Exploration { seed: 1, draws: None, scale: None });
    let exploring = pb::RecommendRequest { exploration: exploring, ..of_user(3, 3) };
    assert_refused(client.recommend(exploring.clone()).await, Code::FailedPrecondition, "exploration cannot be used");

    // In a batch they spoil nobody else's answer.
    let batch = vec![filter, of_user(3, 3), damping, attributes, diverse, exploring];
    let results = client.batch_recommend(batch).await.unwrap();
    let fields = results.iter().map(|result| match result.result.as_ref().unwrap() {
        Outcome::Response(answer) => answer.items.len().to_string(),
        Outcome::Error(error) => error.field.clone(),
    });
    let expected = ["filter", "3", "popularity_damping", "detail.attributes[0]", "diversity", "exploration"];
    assert_eq!(fields.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn candidates_are_scored() {
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let list = client.recommend(of_user(20, 5)).await.unwrap();
    let mut item_ids: Vec<String> = list.items.iter().map(|item| item.item_id.clone()).collect();
    item_ids.push("?".into());
    let request = pb::ScoreItemsRequest { user_id: Some(user_id(20)), item_ids, ..Default::default() };
    let answer = client.score_items(request.clone()).await.unwrap();
    for (score, item) in answer.scores.iter().zip(&list.items) {
        assert_eq!((score.score.unwrap().to_bits(), score.seen), (item.score.to_bits(), false));
    }
    assert_eq!((answer.scores[5].score, answer.tier()), (None, Tier::Personal));
    assert_eq!(answer.model_version, list.model_version);
    let none = pb::ScoreItemsRequest { item_ids: vec![], ..request.clone() };
    assert_refused(client.score_items(none).await, Code::InvalidArgument, "item_ids is empty");
    let many = pb::ScoreItemsRequest { item_ids: vec![item_id(1); 10_001], ..request };
    assert_refused(client.score_items(many).await, Code::InvalidArgument, "item_ids has 10001 entries");
}

#[tokio::test]
async fn recommendations_are_explained() {
    let about = |item_id: &str| pb::ExplainRequest {
        user_id: Some(user_id(43)),
        item_id: item_id.into(),
        n: Some(2),
        ..Default::default()
    };
    for (config, method) in [(ease(), ExplanationMethod::Exact), (mult_vae(), ExplanationMethod::LeaveOneOut)] {
        let server = Server::start(&config).await;
        let mut client = server.client().await;
        let answer = client.explain(about("item-05")).await.unwrap();
        assert_eq!((answer.method(), answer.contributions.len()), (method, 2));
        assert!(answer.contributions[0].amount >= answer.contributions[1].amount);
        if method == ExplanationMethod::Exact {
            let named: f32 = answer.contributions.iter().map(|contribution| contribution.amount).sum();
            assert!((named + answer.rest - answer.score).abs() < 1e-6);
        }
        assert_refused(client.explain(about("?")).await, Code::NotFound, "item_id \"?\"");
        let stranger = pb::ExplainRequest { user_id: Some("nobody".into()), ..about("item-05") };
        assert_refused(client.explain(stranger).await, Code::FailedPrecondition, "there is nothing to explain");
        let none = pb::ExplainRequest { n: Some(0), ..about("item-05") };
        assert_refused(client.explain(none).await, Code::InvalidArgument, "n is 0, must be between 1 and 100");
    }
    let server = Server::start(&popularity()).await;
    let refusal = server.client().await.explain(about("item-05")).await;
    assert_refused(refusal, Code::FailedPrecondition, "there is nothing to explain: model popularity");
}

#[tokio::test]
async fn similar_users_are_found() {
    let like = |user: &str, n| pb::SimilarUsersRequest { user_id: Some(user.into()), n, ..Default::default() };
    let server = Server::start(&mult_vae()).await;
    let mut client = server.client().await;
    let answer = client.similar_users(like(&user_id(20), 5)).await.unwrap();
    assert_eq!(answer.users.len(), 5);
    assert!(answer.users.is_sorted_by(|a, b| a.similarity >= b.similarity));
    assert!(answer.users.iter().all(|user| user.user_id != user_id(20) && user.similarity <= 1.000_001));
    assert_refused(client.similar_users(like("nobody", 5)).await, Code::NotFound, "user_id \"nobody\" has no history");
    assert_refused(client.similar_users(like(&user_id(1), 0)).await, Code::InvalidArgument, "n is 0");
    let server = Server::start(&ease()).await;
    let refusal = server.client().await.similar_users(like(&user_id(1), 5)).await;
    assert_refused(refusal, Code::FailedPrecondition, "model ease has no user embeddings");
}

#[tokio::test]
async fn similar_items_within_a_condition() {
    let server = Server::start(&mult_vae()).await;
    let mut grpc = pb::recommendation_service_client::RecommendationServiceClient::new(server.channel().await);
    let request = |filter: &str| pb::SimilarItemsRequest {
        item_id: item_id(4),
        n: ITEMS as u32,
        filter: Some(filter.into()),
        ..Default::default()
    };
    let answer = grpc.similar_items(request("price < 6")).await.unwrap().into_inner();
    assert_eq!(answer.items.len(), 4, "items 0 to 3");
    assert_eq!(answer.items[0].tier(), Tier::Unspecified);
    let status = grpc.similar_items(request("price <")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}
