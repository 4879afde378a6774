//! Tokens: who may ask what, and how often.

use std::fs;

use foldin::serve::pb;
use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::Value;
use tonic::Code;

use crate::harness::{Raw, Server, arg, finish, foldin, model, refused, until, wish};

/// A token: its secret and its entry for the file.
struct Token {
    secret: String,
    entry: String,
}

fn token(name: &str, arguments: &[&str]) -> Token {
    let fixed = ["token", "new", "--json", "--name", name];
    let (code, out, errors) = finish(&mut foldin(&[&fixed, arguments].concat()));
    assert_eq!(code, 0, "{errors}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let text = |field: &str| json[field].as_str().unwrap().to_owned();
    Token { secret: text("secret"), entry: text("entry") }
}

/// A token file.
struct File(tempfile::TempDir);

impl File {
    fn of(tokens: &[&Token]) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        file.write(&tokens.iter().map(|token| token.entry.as_str()).collect::<Vec<_>>().join("\n"));
        file
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("tokens.toml")
    }
}

/// Path and scope of every method, as the descriptors have them.
fn methods() -> Vec<(String, &'static str)> {
    let mut out = Vec::new();
    for set in [pb::DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET] {
        for file in FileDescriptorSet::decode(set).unwrap().file {
            for service in &file.service {
                for method in &service.method {
                    let scope = match (service.name(), method.name()) {
                        ("EventService", _) => "events",
                        (_, "PromoteModel" | "RollbackModel") => "admin",
                        _ => "read",
                    };
                    out.push((format!("/{}.{}/{}", file.package(), service.name(), method.name()), scope));
                }
            }
        }
    }
    assert!(out.len() > 15, "{out:?}");
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_asks_for_a_token_of_its_scope_and_no_secret_is_logged() {
    let scopes = ["read", "events", "admin"];
    let tokens = scopes.map(|scope| token(&format!("the-{scope}-token"), &["--scope", scope]));
    let stranger = token("stranger", &["--scope", "read,events,admin"]);
    let file = File::of(&tokens.each_ref());
    // Everything that any part of the server could say.
    let events = tempfile::tempdir().unwrap();
    let server = Server::logging("trace", &["--tokens", arg(&file.path()), "--events", arg(events.path())]);
    let mut raw = Raw::connect(server.address).await;
    for (path, needed) in methods() {
        assert_eq!(raw.call(&path, None, &[]).await.code, Code::Unauthenticated, "{path}");
        for wrong in ["", "nonsense", &stranger.secret, &tokens[0].secret[..80]] {
            assert_eq!(raw.call(&path, Some(wrong), &[]).await.code, Code::Unauthenticated, "{path} {wrong}");
        }
        for (scope, token) in scopes.iter().zip(&tokens) {
            if *scope == needed && path.ends_with("/Watch") {
                continue; // It would go on for ever.
            }
            let ended = raw.call(&path, Some(&token.secret), &[]).await;
            if *scope == needed {
                let let_in = !matches!(ended.code, Code::Unauthenticated | Code::PermissionDenied);
                assert!(let_in, "{path} with {scope}: {ended:?}");
            } else {
                assert_eq!(ended.code, Code::PermissionDenied, "{path} with {scope}");
                assert!(ended.message.contains(&format!("`{needed}`")), "{path}: {ended:?}");
                assert!(ended.message.contains(&format!("the-{scope}-token")), "{path}: {ended:?}");
            }
        }
    }
    // Who did what is nobody's business either.
    let (user_id, item_id, idempotency_key) = ("a-private-person".into(), "an-embarrassing-item".into(), "1".into());
    let event = pb::Event { user_id, item_id, idempotency_key, ..Default::default() };
    let message = pb::RecordEventsRequest { events: vec![event] }.encode_to_vec();
    for _ in 0..2 {
        let ended = raw.call("/foldin.v1.EventService/RecordEvents", Some(&tokens[1].secret), &message).await;
        assert_eq!(ended.code, Code::Ok, "{ended:?}");
    }
    let history = pb::GetHistoryRequest { user_id: "a-private-person".into(), model: None }.encode_to_vec();
    let ended = raw.call("/foldin.v1.EventService/GetHistory", Some(&tokens[1].secret), &history).await;
    assert_eq!(ended.code, Code::Ok, "{ended:?}");
    // A path that is no method tells nothing to strangers.
    assert_eq!(raw.call("/foldin.v1.ModelService/Nothing", None, &[]).await.code, Code::Unauthenticated);
    let known = raw.call("/foldin.v1.ModelService/Nothing", Some(&tokens[0].secret), &[]).await;
    assert_eq!(known.code, Code::Unimplemented);

    let log = server.terminate();
    assert!(log.contains("the-read-token"), "the log tells who asked");
    assert!(!log.contains("a-private-person") && !log.contains("an-embarrassing-item"), "the log names somebody");
    for Token { secret, .. } in tokens.iter().chain([&stranger]) {
        let hidden = secret.rsplit('_').next().unwrap();
        assert!(!log.contains(&hidden[..16]), "the log holds a secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_over_its_rate_is_told_when_to_come_back() {
    let slow = token("slow", &["--scope", "read", "--rate", "0.01", "--burst", "3"]);
    let (batcher, free) =
        (token("batcher", &["--scope", "read", "--rate", "0.01", "--burst", "3"]), token("free", &["--scope", "read"]));
    let file = File::of(&[&slow, &batcher, &free]);
    let server = Server::start(&["--tokens", arg(&file.path())]);
    let mut raw = Raw::connect(server.address).await;
    let path = "/foldin.v1.ModelService/GetModel";
    for _ in 0..3 {
        assert_eq!(raw.call(path, Some(&slow.secret), &[]).await.code, Code::Ok);
    }
    let ended = raw.call(path, Some(&slow.secret), &[]).await;
    assert_eq!(ended.code, Code::ResourceExhausted, "{ended:?}");
    assert!(ended.message.contains("`slow`"), "{ended:?}");
    let pushback: u32 = ended.headers["grpc-retry-pushback-ms"].to_str().unwrap().parse().unwrap();
    assert!((1..=100_000).contains(&pushback), "{pushback}");
    assert!(ended.headers.contains_key("grpc-status-details-bin"), "{ended:?}");
    // It is this token's affair alone.
    assert_eq!(raw.call(path, Some(&free.secret), &[]).await.code, Code::Ok);

    let batch = pb::BatchRecommendRequest { requests: vec![wish(); 50] }.encode_to_vec();
    let batches = "/foldin.v1.RecommendationService/BatchRecommend";
    assert_eq!(raw.call(batches, Some(&batcher.secret), &batch).await.code, Code::Ok);
    let ended = raw.call(path, Some(&batcher.secret), &[]).await;
    assert_eq!(ended.code, Code::ResourceExhausted, "a batch counts as its requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_file_is_read_again_and_a_bad_one_is_not() {
    let (old, new) = (token("old", &["--scope", "read"]), token("new", &["--scope", "read"]));
    let file = File::of(&[&old]);
    let server = Server::start(&["--tokens", arg(&file.path())]);
    assert!(server.answers(Some(&old.secret)).await && !server.answers(Some(&new.secret)).await);

    // Somebody has put the secret where the hash belongs.
    file.write(&format!("{}\nhash = \"{}\"", old.entry, new.secret));
    until("the bad file is noticed", || server.metric("foldin_reloads_failed_total") >= 1.0);
    assert!(server.answers(Some(&old.secret)).await, "what was read before stays in force");

    file.write(&new.entry);
    until("the good file is read", || server.log().contains("read again"));
    assert!(server.answers(Some(&new.secret)).await && !server.answers(Some(&old.secret)).await);
    let log = server.terminate();
    assert!(log.contains("cannot be used") && log.contains("tokens.toml"), "{log}");
    assert!(!log.contains(&new.secret[30..]) && !log.contains(&old.secret[30..]), "{log}");
}

#[test]
fn token_files_that_cannot_be_used() {
    let good = token("good", &["--scope", "read"]);
    let file = File::of(&[]);
    let arguments = ["serve", arg(model()), "--port", "0", "--tokens", arg(&file.path())].map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    refused(&arguments, 2, &["tokens.toml", "foldin token new"]);
    file.write(&good.entry.replace("\"read\"", "\"write\""));
    refused(&arguments, 2, &["tokens.toml", "line 5"]);
    file.write(&good.entry.replace("blake3:", ""));
    refused(&arguments, 2, &["tokens.toml", "`good`", "hash"]);
    fs::remove_file(file.path()).unwrap();
    refused(&arguments, 2, &["cannot read", "tokens.toml"]);
}

#[test]
fn tokens_are_made_for_people_and_for_files() {
    let (code, out, notes) = finish(&mut foldin(&["token", "new", "--name", "shop", "--scope", "read,events"]));
    assert_eq!(code, 0, "{notes}");
    let secret = out.lines().next().unwrap();
    assert!(secret.starts_with("foldin_") && secret.len() == 88, "{out}");
    assert!(out.contains("[[token]]\nname = \"shop\"\n") && out.contains("scopes = [\"read\", \"events\"]"), "{out}");
    assert_eq!(out.matches(&secret[30..]).count(), 1, "the entry does not hold the secret");
    assert!(notes.contains("shown only now") && notes.contains("--tokens"), "{notes}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.toml");
    for name in ["one", "two"] {
        let make = ["token", "new", "--name", name, "--scope", "admin", "--append", arg(&path)];
        assert_eq!(finish(&mut foldin(&make)).0, 0);
    }
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("[[token]]").count(), 2, "{text}");

    refused(&["token", "new", "--name", "x", "--scope", "write"], 2, &["write", "read, events and admin"]);
    refused(&["token", "new", "--name", "x", "--scope", "read", "--burst", "3"], 2, &["--rate"]);
    refused(&["token", "new", "--name", "x", "--scope", "read", "--rate", "-1"], 2, &["-1"]);
    refused(&["token", "new", "--name", "x", "--scope", "read", "--expires", "soon"], 2, &["expires"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_brings_its_token_along() {
    let reader = token("reader", &["--scope", "read"]);
    let expired = token("expired", &["--scope", "read", "--expires", "2021-05-01T12:00:00+02:00"]);
    let file = File::of(&[&reader, &expired]);
    let server = Server::start(&["--tokens", arg(&file.path())]);
    let address = server.address.to_string();
    let query = ["query", "--server", &address, "--history", "item-03", "-n", "3"];

    let (code, out, errors) = finish(foldin(&query).env("FOLDIN_TOKEN", &reader.secret));
    assert_eq!((code, out.contains("item-")), (0, true), "{errors}");
    assert!(!errors.contains("FOLDIN_TOKEN"), "{errors}");
    let own = file.0.path().join("own");
    fs::write(&own, format!("{}\n", reader.secret)).unwrap();
    assert_eq!(finish(&mut foldin(&[&query[..], &["--token-file", arg(&own)]].concat())).0, 0);

    let (code, _, errors) = finish(foldin(&query).env("FOLDIN_TOKEN", &expired.secret));
    assert_eq!(code, 1);
    assert!(errors.contains("expired at 2021-05-01T10:00:00"), "{errors}");
    refused(&query, 1, &["authorization: Bearer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_changed_by_those_who_may() {
    let [reader, admin] = ["read", "admin"].map(|scope| token(scope, &["--scope", scope]));
    let file = File::of(&[&reader, &admin]);
    let root = tempfile::tempdir().unwrap();
    let registry = root.path().join("registry");
    let publish = ["publish", arg(model()), "--registry", arg(&registry), "--name", "films", "--table", "exact"];
    let (code, out, errors) = finish(&mut foldin(&[&publish[..], &["--promote", "--json"]].concat()));
    assert_eq!(code, 0, "{errors}");
    let version = serde_json::from_str::<Value>(&out).unwrap()["version"].as_str().unwrap().to_owned();
    let server = Server::of(&["--registry", arg(&registry)], "info", &["--tokens", arg(&file.path())]);
    let address = server.address.to_string();
    let promote = ["promote", "films", &version, "--server", &address];

    refused(&promote, 1, &["authorization: Bearer"]);
    let (code, _, errors) = finish(foldin(&promote).env("FOLDIN_TOKEN", &reader.secret));
    assert_eq!((code, errors.contains("`admin`")), (1, true), "{errors}");
    let (code, out, errors) = finish(foldin(&promote).env("FOLDIN_TOKEN", &admin.secret));
    assert_eq!((code, out.contains("answers now")), (0, true), "{errors}");
    let models = ["models", "--server", &address];
    let (code, out, errors) = finish(foldin(&models).env("FOLDIN_TOKEN", &reader.secret));
    assert_eq!((code, out.contains(&version)), (0, true), "{errors}");
    let (code, _, errors) = finish(foldin(&models).env("FOLDIN_TOKEN", &admin.secret));
    assert_eq!((code, errors.contains("`read`")), (1, true), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_events_counts_as_its_events() {
    let slow = token("slow", &["--scope", "events", "--rate", "0.01", "--burst", "3"]);
    let file = File::of(&[&slow]);
    let events = tempfile::tempdir().unwrap();
    let server = Server::start(&["--tokens", arg(&file.path()), "--events", arg(events.path())]);
    let mut raw = Raw::connect(server.address).await;
    let event = |number: usize| pb::Event {
        user_id: "somebody".into(),
        item_id: "item-03".into(),
        idempotency_key: number.to_string(),
        ..Default::default()
    };
    let message = pb::RecordEventsRequest { events: (0..50).map(event).collect() }.encode_to_vec();
    let path = "/foldin.v1.EventService/RecordEvents";
    assert_eq!(raw.call(path, Some(&slow.secret), &message).await.code, Code::Ok);
    assert_eq!(raw.call(path, Some(&slow.secret), &message).await.code, Code::ResourceExhausted);
}
