//! Versions of a model that change over while requests come in.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use foldin::interactions::LogRules;
use foldin::models::ModelConfig;
use foldin::registry::{ModelName, Registry, RegistryError, TableChoice};
use foldin::serve::{Client, Models, Room, ServeError, bind, pb, run};
use tempfile::TempDir;
use tonic::Code;

use crate::fixture::{ease, item_id, mult_vae, publish_model, train, user_id};
use crate::harness::{assert_refused, options, refused};

struct Versions {
    root: TempDir,
    registry: Registry,
    name: ModelName,
    /// In the order of publication.
    versions: Vec<String>,
}

/// Three versions of Mult-VAE by different seeds, the first of them promoted.
fn published(config: &ModelConfig) -> Versions {
    let root = tempfile::tempdir().unwrap();
    let registry = Registry::at(&root.path().join("registry"));
    let name = ModelName::new("films").unwrap();
    let mut versions = Vec::new();
    for seed in 1..=3 {
        let dir = root.path().join(format!("model-{seed}"));
        publish_model(&dir, &*train(config, seed).model, &LogRules::default());
        let version = registry.publish(&name, &dir, &TableChoice::exact()).unwrap();
        assert!(!version.promoted);
        versions.push(version.manifest.model_version);
    }
    registry.promote(&name, &versions[0]).unwrap();
    Versions { root, registry, name, versions }
}

impl Versions {
    async fn serve(&self) -> Client {
        self.serve_with(|| None).await
    }

    /// The same where `room` says how much memory is left.
    async fn serve_with(&self, room: Room) -> Client {
        let models =
            Models::of_registry(self.registry.clone(), std::slice::from_ref(&self.name), &self.name, room).unwrap();
        serve(models).await
    }

    fn directory(&self, version: &str) -> std::path::PathBuf {
        self.root.path().join("registry").join(self.name.as_str()).join(version)
    }
}

async fn serve(models: Models) -> Client {
    let listener = bind("127.0.0.1:0".parse().unwrap(), options()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(run(listener, models, None, std::future::pending()));
    Client::connect(&format!("http://{address}")).await.unwrap()
}

fn damage(dir: &Path) {
    let path = dir.join("weights.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_change_over_under_load_without_a_failed_or_mixed_answer() {
    let published = published(&mult_vae());
    let mut client = published.serve().await;

    // What each version answers, asked while nothing changes.
    let mut expected = Vec::new();
    for version in &published.versions {
        client.promote_model("films", version).await.unwrap();
        let answer = client.recommend_user(&user_id(4), 10).await.unwrap();
        assert_eq!(&answer.model_version, version);
        expected.push(answer);
    }

    client.promote_model("films", &published.versions[0]).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (mut client, done) = (client.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    answers.push(client.recommend_user(&user_id(4), 10).await.unwrap());
                }
                answers
            })
        })
        .collect();
    damage(&published.directory(&published.versions[2]));
    for round in 0..20 {
        let status = refused(client.promote_model("films", &published.versions[2]).await);
        assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
        assert!(status.message().contains("weights.safetensors"), "{status}");
        client.promote_model("films", &published.versions[(round + 1) % 2]).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let mut seen = BTreeSet::new();
    for caller in callers {
        for answer in caller.await.unwrap() {
            let version = published.versions.iter().position(|version| *version == answer.model_version).unwrap();
            assert_eq!(answer, expected[version], "the version that is named answers");
            seen.insert(version);
        }
    }
    assert!(seen.is_subset(&BTreeSet::from([0, 1, 2])) && seen.contains(&0) && seen.contains(&1), "{seen:?}");
}

#[tokio::test]
async fn a_bad_version_never_displaces_a_good_one_not_even_by_a_restart() {
    let published = published(&mult_vae());
    damage(&published.directory(&published.versions[1]));
    let mut client = published.serve().await;
    let status = refused(client.promote_model("films", &published.versions[1]).await);
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(client.model().await.unwrap().version, published.versions[0]);
    assert_eq!(published.registry.promoted(&published.name).unwrap().manifest.model_version, published.versions[0]);

    // A directory that is gone altogether is unknown.
    std::fs::remove_dir_all(published.directory(&published.versions[2])).unwrap();
    assert_refused(client.promote_model("films", &published.versions[2]).await, Code::NotFound, "model `films`");
    assert_refused(client.promote_model("films", "").await, Code::InvalidArgument, "version is empty");
    assert_refused(client.promote_model("books", &published.versions[1]).await, Code::NotFound, "model: there is no");

    // A server does not start with a damaged promoted version, and says which one it is.
    published.registry.promote(&published.name, &published.versions[1]).unwrap();
    let started =
        Models::of_registry(published.registry.clone(), std::slice::from_ref(&published.name), &published.name, || {
            None
        })
        .map(drop);
    let message = started.unwrap_err().to_string();
    assert!(message.contains(&published.versions[1]) && message.contains("weights.safetensors"), "{message}");
}

#[tokio::test]
async fn a_version_that_cannot_be_read_is_in_nobodys_way() {
    let published = published(&mult_vae());
    std::fs::write(published.directory(&published.versions[2]).join("manifest.json"), "{").unwrap();
    let mut client = published.serve().await;
    client.promote_model("films", &published.versions[1]).await.unwrap();
    let status = refused(client.promote_model("films", &published.versions[2]).await);
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    assert!(status.message().contains("manifest.json"), "{status}");
    // Paths are no versions.
    let elsewhere = format!("../films/{}", published.versions[0]);
    assert_refused(client.promote_model("films", &elsewhere).await, Code::NotFound, "model `films`");
    assert_eq!(client.model().await.unwrap().version, published.versions[1]);
}

#[tokio::test]
async fn a_rollback_goes_back_step_by_step() {
    let published = published(&mult_vae());
    let mut client = published.serve().await;
    assert_refused(client.roll_back_model("films").await, Code::FailedPrecondition, "model `films` has no earlier");
    for version in &published.versions[1..] {
        client.promote_model("films", version).await.unwrap();
    }
    for step in [2usize, 1] {
        let (now, before) = client.roll_back_model("films").await.unwrap();
        assert_eq!((now, before), (published.versions[step - 1].clone(), published.versions[step].clone()));
        assert_eq!(client.recommend_user(&user_id(0), 1).await.unwrap().model_version, published.versions[step - 1]);
    }
    // A new server answers with what the last one did.
    assert_eq!(published.serve().await.model().await.unwrap().version, published.versions[0]);
}

#[tokio::test]
async fn several_models_answer_by_name() {
    let published = published(&mult_vae());
    let books = ModelName::new("books").unwrap();
    let dir = published.root.path().join("ease");
    publish_model(&dir, &*train(&ease(), 1).model, &LogRules::default());
    let version = published.registry.publish(&books, &dir, &TableChoice::exact()).unwrap().manifest.model_version;
    assert!(matches!(published.registry.promoted(&books), Err(RegistryError::NothingPromoted { .. })));
    published.registry.promote(&books, &version).unwrap();
    let names = [published.name.clone(), books.clone()];
    let models = Models::of_registry(published.registry.clone(), &names, &books, || None).unwrap();
    let mut client = serve(models).await;

    let ask = |model: Option<&str>| pb::RecommendRequest {
        user_id: Some(user_id(1)),
        n: 3,
        model: model.map(str::to_owned),
        ..pb::RecommendRequest::default()
    };
    assert_eq!(client.recommend(ask(None)).await.unwrap().model_version, version);
    assert_eq!(client.recommend(ask(Some("films"))).await.unwrap().model_version, published.versions[0]);
    assert_refused(client.recommend(ask(Some("music"))).await, Code::NotFound, "model: there is no `music`");
    let mixed = vec![ask(None), ask(Some("films"))];
    assert_refused(client.batch_recommend(mixed).await, Code::InvalidArgument, "requests[1].model");

    let listed = client.list_models().await.unwrap();
    assert_eq!(listed.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(), ["books", "films"]);
    assert_eq!(listed.iter().map(|model| model.versions.len()).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(listed.iter().map(|model| model.is_default).collect::<Vec<_>>(), [true, false]);
    let serving: Vec<_> = listed[1].versions.iter().filter(|version| version.serving).collect();
    assert_eq!(serving[0].version, published.versions[0]);

    let other = ModelName::new("music").unwrap();
    let wrong = Models::of_registry(published.registry.clone(), &names, &other, || None).map(drop);
    assert!(matches!(wrong, Err(ServeError::Default { .. })));
}

#[tokio::test]
async fn every_question_reaches_the_model_it_names() {
    let published = published(&mult_vae());
    let books = ModelName::new("books").unwrap();
    let dir = published.root.path().join("second");
    publish_model(&dir, &*train(&mult_vae(), 9).model, &LogRules::default());
    let version = published.registry.publish(&books, &dir, &TableChoice::exact()).unwrap().manifest.model_version;
    published.registry.promote(&books, &version).unwrap();
    let names = [published.name.clone(), books.clone()];
    let models = Models::of_registry(published.registry.clone(), &names, &books, || None).unwrap();
    let mut client = serve(models).await;

    for (model, expected) in [(None, &version), (Some("films"), &published.versions[0])] {
        let model = || model.map(str::to_owned);
        let user = || Some(user_id(4));
        let scores =
            pb::ScoreItemsRequest { user_id: user(), item_ids: vec![item_id(1)], model: model(), ..Default::default() };
        assert_eq!(&client.score_items(scores).await.unwrap().model_version, expected);
        let explained =
            pb::ExplainRequest { user_id: user(), item_id: item_id(1), model: model(), ..Default::default() };
        assert_eq!(&client.explain(explained).await.unwrap().model_version, expected);
        let users = pb::SimilarUsersRequest { user_id: user(), n: 2, model: model(), ..Default::default() };
        assert_eq!(&client.similar_users(users).await.unwrap().model_version, expected);
    }
    let unknown = pb::ExplainRequest { item_id: item_id(1), model: Some("music".into()), ..Default::default() };
    assert_refused(client.explain(unknown).await, Code::NotFound, "model: there is no `music`");

    // Requests of a stream may name different ones, and are answered by the version that answers when they come.
    let ask = |tag: u64, model: Option<&str>| {
        let request = pb::RecommendRequest {
            user_id: Some(user_id(4)),
            n: 3,
            model: model.map(str::to_owned),
            ..Default::default()
        };
        pb::StreamRecommendRequest { tag, request: Some(request) }
    };
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut answers = client.stream_recommend(requests).await.unwrap();
    let steps = [(None, &version), (Some("films"), &published.versions[0]), (Some("films"), &published.versions[1])];
    for (tag, (model, expected)) in (0..).zip(steps) {
        if tag == 2 {
            client.promote_model("films", &published.versions[1]).await.unwrap();
        }
        sender.send(ask(tag, model)).await.unwrap();
        match answers.message().await.unwrap().unwrap().result.unwrap().result.unwrap() {
            pb::recommend_result::Result::Response(answer) => assert_eq!(&answer.model_version, expected),
            pb::recommend_result::Result::Error(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_promotion_without_room_leaves_the_good_version_answering() {
    static LEFT: AtomicU64 = AtomicU64::new(1 << 40);
    fn left() -> Option<u64> {
        Some(LEFT.load(Ordering::Relaxed))
    }
    let published = published(&mult_vae());
    let mut client = published.serve_with(left).await;
    let before = client.recommend_user(&user_id(4), 10).await.unwrap();
    LEFT.store(1000, Ordering::Relaxed);
    let status = refused(client.promote_model("films", &published.versions[1]).await);
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    for part in ["was not promoted", &published.versions[1], "1000 are left", "stop a model, or give"] {
        assert!(status.message().contains(part), "`{part}` is not in {status}");
    }
    assert_eq!(before.model_version, published.versions[0]);
    assert_eq!(client.recommend_user(&user_id(4), 10).await.unwrap(), before);
    assert_eq!(client.model().await.unwrap().version, published.versions[0]);
    assert_eq!(published.registry.promoted(&published.name).unwrap().manifest.model_version, published.versions[0]);

    // Nothing stays behind that would be in the way once there is room.
    LEFT.store(1 << 40, Ordering::Relaxed);
    client.promote_model("films", &published.versions[1]).await.unwrap();
    assert_eq!(client.recommend_user(&user_id(4), 10).await.unwrap().model_version, published.versions[1]);
}

#[tokio::test]
async fn a_version_without_room_is_refused_with_the_numbers() {
    let published = published(&mult_vae());
    let names = [published.name.clone()];
    let started = Models::of_registry(published.registry.clone(), &names, &published.name, || Some(1000)).map(drop);
    let message = started.unwrap_err().to_string();
    assert!(message.contains("1000 are left"), "{message}");

    // There is room for the model, and none for the vectors of users that come later: 60 of 6 dimensions.
    fn shrinking() -> Option<u64> {
        static LOOKS: AtomicUsize = AtomicUsize::new(0);
        Some(if LOOKS.fetch_add(1, Ordering::Relaxed) == 0 { 1 << 40 } else { 1000 })
    }
    let started = Models::of_registry(published.registry.clone(), &names, &published.name, shrinking).map(drop);
    let message = started.unwrap_err().to_string();
    assert!(message.contains("takes about 1440 bytes") && message.contains("1000 are left"), "{message}");
}
