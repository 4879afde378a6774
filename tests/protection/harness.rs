//! The binary as a server, and a bare client that can be as rude as it likes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use foldin::serve::pb;
use h2::client::{ResponseFuture, SendRequest};
use prost::Message;
use prost::bytes::Bytes;
use tempfile::TempDir;
use tonic::Code;
use tonic::codegen::http::{HeaderMap, Request};

use crate::fixture;

/// Long enough for anything that is going to happen on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// A model that all servers may share.
pub fn model() -> &'static Path {
    static MODEL: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &MODEL
        .get_or_init(|| {
            let root = tempfile::tempdir().unwrap();
            let model = root.path().join("model");
            fixture::publish_fixture(&model, &fixture::ease());
            (root, model)
        })
        .1
}

/// The binary in an environment without configuration.
pub fn foldin(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foldin"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FOLDIN_")) {
        command.env_remove(name);
    }
    command.args(["--threads", "2"]).args(arguments).stdin(Stdio::null());
    command
}

/// Runs the binary to its end: exit code, standard output, standard error.
pub fn finish(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Runs the binary, which must fail with `code` and name all of `parts`.
#[track_caller]
pub fn refused(arguments: &[&str], code: i32, parts: &[&str]) {
    let (found, _, errors) = finish(&mut foldin(arguments));
    assert_eq!(found, code, "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    for part in parts {
        assert!(errors.contains(part), "`{part}` is not in:\n{errors}");
    }
}

/// Waits until something is so.
#[track_caller]
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A server process; ended with the test, however that ends.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub ops: SocketAddr,
    log: PathBuf,
    _directory: TempDir,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        Self::logging("info", arguments)
    }

    /// The same with another `RUST_LOG`.
    pub fn logging(level: &str, arguments: &[&str]) -> Self {
        Self::of(&[arg(model())], level, arguments)
    }

    /// A server of something else.
    pub fn of(models: &[&str], level: &str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let fixed = ["--port", "0", "--log-format", "json", "--set", "serve.lame_duck_seconds=0"];
        let mut child = foldin(&[&["serve"], models, &fixed, arguments].concat())
            .env("RUST_LOG", level)
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let mut address = |scheme: &str| {
            let line = lines.next().unwrap_or_else(|| panic!("{}", std::fs::read_to_string(&log).unwrap())).unwrap();
            line.rsplit(' ').next().unwrap().trim_start_matches(scheme).parse::<SocketAddr>().unwrap()
        };
        let (address, ops) = (address(""), address("http://"));
        Self { child, address, ops, log, _directory: directory }
    }

    /// Its loopback address, also where it listens on all.
    pub fn loopback(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.address.port()))
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal, as a service manager or a terminal would.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits for the end; exit code and log.
    pub fn wait(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, self.log())
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends it; its log.
    pub fn terminate(self) -> String {
        self.signal("-TERM");
        let (code, log) = self.wait();
        assert_eq!(code, Some(0), "{log}");
        log
    }

    /// A question over HTTP to the port of health and metrics: status and text.
    pub fn get(&self, path: &str) -> (u16, String) {
        http(self.ops, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
    }

    /// The value of a metric, 0 where it has none yet.
    pub fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        line.unwrap_or(0.0)
    }

    /// It still answers an honest client.
    pub async fn answers(&self, token: Option<&str>) -> bool {
        let mut raw = Raw::connect(self.loopback()).await;
        raw.call("/foldin.v1.RecommendationService/Recommend", token, &wish().encode_to_vec()).await.code == Code::Ok
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `request` as it is; status and text of the answer.
pub fn http(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), body.to_owned())
}

/// A request that every model answers.
pub fn wish() -> pb::RecommendRequest {
    pb::RecommendRequest { history: pb::history([fixture::item_id(3)]), n: 5, ..Default::default() }
}

/// A message with what gRPC puts in front of it.
pub fn framed(message: &[u8]) -> Bytes {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat().into()
}

/// How a call ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Code,
    pub message: String,
    pub headers: HeaderMap,
}

/// A bare HTTP/2 client.
pub struct Raw {
    send: SendRequest<Bytes>,
    /// Ends with the connection.
    pub connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::with(address, &h2::client::Builder::new()).await.unwrap()
    }

    pub async fn with(address: SocketAddr, builder: &h2::client::Builder) -> Result<Self, h2::Error> {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let (send, connection) = builder.handshake(socket).await?;
        let connection = tokio::spawn(connection);
        Ok(Self { send: send.ready().await?, connection })
    }

    pub fn request(path: &str, token: Option<&str>) -> tonic::codegen::http::request::Builder {
        let request = Request::post(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// Begins a request, of which nothing but the headers has been sent.
    pub fn begin(&mut self, path: &str, token: Option<&str>) -> (ResponseFuture, h2::SendStream<Bytes>) {
        self.send.send_request(Self::request(path, token).body(()).unwrap(), false).unwrap()
    }

    /// Sends any request, which may not even be possible any more.
    pub fn send(
        &mut self,
        request: Request<()>,
        end: bool,
    ) -> Result<(ResponseFuture, h2::SendStream<Bytes>), h2::Error> {
        self.send.send_request(request, end)
    }

    /// A whole call with one message.
    pub async fn call(&mut self, path: &str, token: Option<&str>, message: &[u8]) -> Ended {
        self.send = self.send.clone().ready().await.unwrap();
        let (response, mut stream) = self.begin(path, token);
        // Who is refused by the headers alone may have the answer already; nothing can be sent then.
        let _ = stream.send_data(framed(message), true);
        ended(response).await
    }
}

/// Waits for the status of a call.
pub async fn ended(response: ResponseFuture) -> Ended {
    let response = tokio::time::timeout(SOON, response).await.expect("an answer comes").unwrap();
    let (parts, mut body) = response.into_parts();
    let mut headers = parts.headers;
    if !headers.contains_key("grpc-status") {
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        headers.extend(body.trailers().await.unwrap().unwrap_or_default());
    }
    let code = headers.get("grpc-status").map_or(Code::Unknown, |value| Code::from_bytes(value.as_bytes()));
    let message = headers.get("grpc-message").map_or(String::new(), |value| value.to_str().unwrap().to_owned());
    Ended { code, message: message.replace("%20", " ").replace("%60", "`"), headers }
}
