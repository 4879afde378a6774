//! A running server, and a model whose answers can be held back.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use foldin::artifact::Artifact;
use foldin::engine::Engine;
use foldin::interactions::HistoryRef;
use foldin::linalg::ColumnsMut;
use foldin::models::{Draws, Model, ModelConfig, Query, Space, Tensor};
use foldin::serve::{Client, ClientError, Models, ServeError, ServeOptions, bind, run};
use foldin::types::ItemIdx;
use nalgebra::DMatrix;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::fixture;

pub struct Server {
    pub address: SocketAddr,
    pub engine: Arc<Engine>,
    pub shutdown: Option<oneshot::Sender<()>>,
    pub task: JoinHandle<Result<(), ServeError>>,
    _dir: TempDir,
}

/// Two threads, and nobody who has to notice the end.
pub fn options() -> ServeOptions {
    ServeOptions { threads: 2, lame_duck: Duration::ZERO, ..ServeOptions::default() }
}

/// Publishes a model of the fixture and opens it.
pub fn artifact(config: &ModelConfig) -> (TempDir, Artifact) {
    let root = tempfile::tempdir().unwrap();
    fixture::publish_fixture(&root.path().join("model"), config);
    let artifact = Artifact::open(&root.path().join("model")).unwrap();
    (root, artifact)
}

impl Server {
    pub async fn start(config: &ModelConfig) -> Self {
        Self::with(artifact(config), options()).await
    }

    pub async fn with((dir, artifact): (TempDir, Artifact), options: ServeOptions) -> Self {
        let engine = Arc::new(Engine::new(artifact));
        let listener = bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, told) = oneshot::channel();
        let task = tokio::spawn(run(listener, Models::one(Arc::clone(&engine)), None, async {
            let _ = told.await;
        }));
        Self { address, engine, shutdown: Some(shutdown), task, _dir: dir }
    }

    pub async fn client(&self) -> Client {
        Client::connect(&format!("http://{}", self.address)).await.unwrap()
    }

    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub fn stop(&mut self) {
        self.shutdown.take().unwrap().send(()).unwrap();
    }
}

/// The status of a call that must fail.
pub fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Status {
    match result {
        Err(ClientError::Call(status)) => status,
        other => panic!("the server must refuse, got {other:?}"),
    }
}

/// Checks that a call was refused with a code, and that the message starts with the field to blame.
pub fn assert_refused<T: std::fmt::Debug>(result: Result<T, ClientError>, code: Code, field: &str) {
    let status = refused(result);
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().starts_with(field), "{status}");
}

/// Holds computations back, and counts them.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
    entered: AtomicUsize,
    crash: AtomicBool,
}

impl Gate {
    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    /// Holds back what is begun from now on.
    pub fn close(&self) {
        *self.open.lock().unwrap() = false;
    }

    /// Lets the next computation panic.
    pub fn crash_next(&self) {
        self.crash.store(true, Ordering::SeqCst);
    }

    fn pass(&self) {
        assert!(!self.crash.swap(false, Ordering::SeqCst), "a crash, as ordered");
        self.entered.fetch_add(1, Ordering::SeqCst);
        let open = self.changed.wait_while(self.open.lock().unwrap(), |open| !*open);
        drop(open.unwrap());
    }

    /// Computations begun so far.
    pub fn entered(&self) -> usize {
        self.entered.load(Ordering::SeqCst)
    }

    /// Waits until that many computations have begun.
    pub async fn until_entered(&self, count: usize) {
        while self.entered() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A model that answers when its gate is open.
pub struct Gated {
    pub inner: Box<dyn Model>,
    pub gate: Arc<Gate>,
}

/// The fixture's EASE behind a gate.
pub fn gated() -> ((TempDir, Artifact), Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let (dir, mut artifact) = artifact(&fixture::ease());
    artifact.model = Box::new(Gated { inner: artifact.model, gate: Arc::clone(&gate) });
    ((dir, artifact), gate)
}

impl Model for Gated {
    fn config(&self) -> ModelConfig {
        self.inner.config()
    }

    fn items(&self) -> usize {
        self.inner.items()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        self.gate.pass();
        self.inner.encode(histories)
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        self.inner.score_block(query, items, out);
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        self.inner.score_items(query, user, items, out);
    }

    fn user_space(&self) -> Option<Space> {
        self.inner.user_space()
    }

    fn item_space(&self) -> Option<Space> {
        self.inner.item_space()
    }

    fn embed_users(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        self.inner.embed_users(histories)
    }

    fn embed_items(&self, items: Range<u32>) -> Option<DMatrix<f32>> {
        self.inner.embed_items(items)
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        self.inner.tensors()
    }

    fn terms(&self, history: HistoryRef<'_>, item: ItemIdx) -> Option<Vec<f32>> {
        self.inner.terms(history, item)
    }

    fn draw(&self, history: HistoryRef<'_>, draws: &Draws) -> Option<Query> {
        self.inner.draw(history, draws)
    }
}
