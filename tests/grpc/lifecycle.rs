//! Where a server listens, how it reports its health, and how it ends.

use std::time::Duration;

use foldin::serve::{Client, ClientError, Models, ServeError, ServeOptions, bind, run};
use tokio_stream::StreamExt;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::fixture::{ease, popularity, user_id};
use crate::harness::{Server, artifact, gated, options, refused};

const SERVICES: [&str; 4] =
    ["", "foldin.v1.RecommendationService", "foldin.v1.EmbeddingService", "foldin.v1.ModelService"];

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn only_loopback_addresses_are_served() {
    for public in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = bind(public.parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, ServeError::NotLoopback { .. }), "{error}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }
    // A socket bound by other means is looked at as well.
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let server = Server::start(&popularity()).await;
    let error = run(listener, Models::one(server.engine.clone()), options(), async {}).await.unwrap_err();
    assert!(matches!(error, ServeError::NotLoopback { .. }), "{error}");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let server = Server::start(&popularity()).await;
    let error = bind(server.address).await.unwrap_err();
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");
}

#[tokio::test]
async fn options_out_of_range_are_named() {
    let server = Server::start(&popularity()).await;
    for (options, name) in [
        (ServeOptions { threads: 0, ..options() }, "threads"),
        (ServeOptions { queue: 0, ..options() }, "queue"),
        (ServeOptions { max_message_bytes: 0, ..options() }, "max_message_bytes"),
    ] {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = run(listener, Models::one(server.engine.clone()), options, async {}).await.unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_client_without_a_server_is_told() {
    let free = bind("127.0.0.1:0".parse().unwrap()).await.unwrap().local_addr().unwrap();
    for address in [format!("http://{free}"), "not an address".to_owned()] {
        let error = Client::connect(&address).await.unwrap_err();
        assert!(matches!(error, ClientError::Connect { .. }));
        assert!(error.to_string().contains(&address), "{error}");
    }
}

#[tokio::test]
async fn health_is_reported_for_every_service() {
    let server = Server::start(&popularity()).await;
    let mut health = HealthClient::new(server.channel().await);
    for service in SERVICES {
        let answer = health.check(about(service)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
    assert_eq!(health.check(about("foldin.v1.Palmistry")).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn watchers_learn_of_the_end_and_do_not_delay_it() {
    let mut server = Server::start(&popularity()).await;
    let mut health = HealthClient::new(server.channel().await);
    let mut watched = Vec::new();
    for service in SERVICES {
        let mut stream = health.watch(about(service)).await.unwrap().into_inner();
        assert_eq!(stream.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
        watched.push(stream);
    }
    server.stop();
    for mut stream in watched {
        assert_eq!(stream.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert!(stream.next().await.is_none(), "the stream ends");
    }
    // Well before the time that requests in flight would be given.
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn reflection_is_there_only_when_asked_for() {
    let list = || {
        tokio_stream::once(ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        })
    };
    let server = Server::start(&popularity()).await;
    let refused = ServerReflectionClient::new(server.channel().await).server_reflection_info(list()).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);

    let reflection = ServeOptions { reflection: true, ..options() };
    let server = Server::with(artifact(&popularity()), reflection).await;
    let mut client = ServerReflectionClient::new(server.channel().await);
    let mut answers = client.server_reflection_info(list()).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
    for service in SERVICES.iter().filter(|service| !service.is_empty()).chain(&["grpc.health.v1.Health"]) {
        assert!(names.contains(service), "{service} in {names:?}");
    }
    let file = tokio_stream::once(ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol("foldin.v1.RecommendRequest".into())),
    });
    let mut answers = client.server_reflection_info(file).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{answer:?}");
}

#[tokio::test]
async fn requests_in_flight_finish_before_the_server_ends() {
    let (model, gate) = gated();
    let mut server = Server::with(model, options()).await;
    let mut client = server.client().await;
    let pending = tokio::spawn(async move { client.recommend_user(&user_id(20), 5).await });
    gate.until_entered(1).await;
    server.stop();
    // The listener is closed first: nobody new gets in.
    while Client::connect(&format!("http://{}", server.address)).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!server.task.is_finished(), "the server waits");
    gate.open();
    assert_eq!(pending.await.unwrap().unwrap().items.len(), 5);
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn requests_that_take_too_long_are_told_to_go_elsewhere() {
    let (model, gate) = gated();
    let impatient = ServeOptions { drain: Duration::from_millis(50), ..options() };
    let mut server = Server::with(model, impatient).await;
    let mut client = server.client().await;
    let pending = tokio::spawn(async move { client.recommend_user(&user_id(20), 5).await });
    gate.until_entered(1).await;
    server.stop();
    assert_eq!(refused(pending.await.unwrap()).code(), Code::Unavailable);
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap().unwrap();
    gate.open();
}

#[tokio::test]
async fn an_idle_server_ends_at_once() {
    let mut server = Server::start(&ease()).await;
    let mut client = server.client().await;
    client.recommend_user(&user_id(20), 5).await.unwrap();
    server.stop();
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_request_id_travels_both_ways() {
    use foldin::serve::pb::GetModelRequest;
    use foldin::serve::pb::model_service_client::ModelServiceClient;
    let server = Server::start(&popularity()).await;
    let mut client = ModelServiceClient::new(server.channel().await);
    let mut request = Request::new(GetModelRequest { name: None });
    request.metadata_mut().insert("x-request-id", "checkout-7".parse().unwrap());
    let answer = client.get_model(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "checkout-7");

    let mut made = Vec::new();
    for _ in 0..2 {
        let answer = client.get_model(GetModelRequest { name: None }).await.unwrap();
        made.push(answer.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned());
    }
    assert_ne!(made[0], made[1]);
}
