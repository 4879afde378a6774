//! `ScoreHistories`: how unusual histories are, by a model that knows what is normal.

use foldin::anomaly::reconstruct;
use foldin::artifact::Artifact;
use foldin::interactions::{History, HistoryRef};
use foldin::serve::pb::{self, HistorySubject, ScoreHistoriesRequest};
use foldin::types::{ItemIdx, UserIdx};
use tonic::Code;

use crate::fixture::{
    calibration, ease, histories, item_id, mult_vae, popularity, publish_calibrated_fixture, train, user_id,
};
use crate::harness::{Server, assert_refused, options, refused};

async fn calibrated(config: &foldin::models::ModelConfig) -> Server {
    let root = tempfile::tempdir().unwrap();
    publish_calibrated_fixture(&root.path().join("model"), config);
    let artifact = Artifact::open(&root.path().join("model")).unwrap();
    Server::with((root, artifact), options()).await
}

fn user(id: impl Into<String>) -> HistorySubject {
    HistorySubject { user_id: Some(id.into()), history: vec![] }
}

fn sent<I: Into<String>>(items: impl IntoIterator<Item = I>) -> HistorySubject {
    HistorySubject { user_id: None, history: pb::history(items) }
}

fn ask(subjects: Vec<HistorySubject>) -> ScoreHistoriesRequest {
    ScoreHistoriesRequest { subjects, ..Default::default() }
}

#[tokio::test]
async fn histories_are_scored_as_the_library_scores_them() {
    for config in [popularity(), ease(), mult_vae()] {
        let server = calibrated(&config).await;
        let mut client = server.client().await;
        let all = histories();
        let own: Vec<String> = all.history(UserIdx(10)).items().iter().map(|&item| item_id(item)).collect();
        let asked = vec![user(user_id(10)), sent([item_id(3)]), user("nobody"), sent(["?", "!"]), sent(own)];
        let answer = client.score_histories(ask(asked)).await.unwrap();
        assert_eq!(answer.model_version, server.engine.info().manifest.model_version);
        assert_eq!(answer.calibration_users, 120);
        let known: Vec<_> = answer.results.iter().map(|result| result.user_known).collect();
        assert_eq!(known, [Some(true), None, Some(false), None, None]);
        let lengths: Vec<u32> = answer.results.iter().map(|result| result.history_items).collect();
        assert_eq!(lengths, [all.history(UserIdx(10)).len() as u32, 1, 0, 0, lengths[0]]);
        assert_eq!(answer.results[3].unknown_history_items, 2);
        assert!(answer.results[2].anomaly.is_none() && answer.results[3].anomaly.is_none(), "nothing is known of them");

        let model = train(&config, 1).model;
        let one = History::from_pairs([(ItemIdx(3), 1.0)]).unwrap();
        let rows: [HistoryRef<'_>; 2] = [all.history(UserIdx(10)), one.as_ref()];
        let calibration = calibration(&*model);
        for (position, (found, history)) in reconstruct(&*model, &rows).iter().zip(rows).enumerate() {
            let anomaly = answer.results[position].anomaly.as_ref().unwrap();
            let statistic = found.statistic().unwrap();
            let expected = calibration.assess(history.len(), statistic);
            assert_eq!((anomaly.statistic, anomaly.p_value), (statistic, expected.p_value), "{config:?}");
            assert_eq!((anomaly.surprise, anomaly.outside_calibration), (expected.surprise, expected.outside));
            assert!(anomaly.adjusted_p_value >= anomaly.p_value);
            assert_eq!(anomaly.flagged, anomaly.adjusted_p_value <= 0.1);
            let named: Vec<(String, f64)> =
                anomaly.least_likely.iter().map(|item| (item.item_id.clone(), item.place)).collect();
            let odd = found.least_likely(5).into_iter().map(|at| (item_id(history.items()[at]), found.places[at]));
            assert_eq!(named, odd.collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn rate_and_number_of_items_are_the_requests() {
    let server = calibrated(&ease()).await;
    let mut client = server.client().await;
    let odd = || sent((0..30).map(|item| item_id(item * 7 % 37)));
    let request = |fdr, least_likely| ScoreHistoriesRequest { fdr, least_likely, ..ask(vec![odd(), user(user_id(7))]) };
    let of = |answer: pb::ScoreHistoriesResponse| [0, 1].map(|at| answer.results[at].anomaly.clone().unwrap());
    let [none, strict] = of(client.score_histories(request(Some(0.0), Some(0))).await.unwrap());
    let [all, lenient] = of(client.score_histories(request(Some(1.0), Some(100))).await.unwrap());
    assert!(!strict.flagged && lenient.flagged && !lenient.outside_calibration);
    assert!(!none.flagged && !all.flagged && all.outside_calibration, "nothing to compare it with");
    assert_eq!((none.least_likely.len(), all.least_likely.len()), (0, 30), "no more than there are");
    assert_eq!(none.p_value, all.p_value);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_the_field() {
    let server = calibrated(&ease()).await;
    let mut client = server.client().await;
    let mut invalid = async |request: ScoreHistoriesRequest, field: &str| {
        assert_refused(client.score_histories(request).await, Code::InvalidArgument, field);
    };
    invalid(ask(vec![]), "subjects is empty").await;
    invalid(ask(vec![user("x"); 257]), "subjects has 257 entries, at most 256").await;
    invalid(ask(vec![user("x"), HistorySubject::default()]), "subjects[1].history is empty").await;
    invalid(ask(vec![sent(vec!["x"; 10_001])]), "subjects[0].history has 10001 entries").await;
    invalid(ask(vec![sent([""])]), "subjects[0].history[0].item_id").await;
    let heavy = pb::HistoryItem { item_id: item_id(1), weight: Some(-1.0) };
    let subject = HistorySubject { user_id: None, history: vec![heavy] };
    invalid(ask(vec![subject]), "subjects[0].history[0].weight is -1").await;
    for fdr in [-0.1, 1.1, f64::NAN] {
        invalid(ScoreHistoriesRequest { fdr: Some(fdr), ..ask(vec![user("x")]) }, "fdr is").await;
    }
    invalid(ScoreHistoriesRequest { least_likely: Some(101), ..ask(vec![user("x")]) }, "least_likely is 101").await;
    let elsewhere = ScoreHistoriesRequest { model: Some("other".into()), ..ask(vec![user("x")]) };
    assert_refused(client.score_histories(elsewhere).await, Code::NotFound, "model");
}

#[tokio::test]
async fn a_model_that_is_not_calibrated_says_how_it_would_be() {
    let server = Server::start(&ease()).await;
    let mut client = server.client().await;
    let status = refused(client.score_histories(ask(vec![user(user_id(7))])).await);
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("foldin calibrate"), "{status}");
}
