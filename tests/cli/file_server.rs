//! A file server on the loopback interface that can do everything wrong.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a client asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The first line.
    pub line: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The path asked for.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// First byte of the range asked for.
    fn first(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// A running server; it ends with the test process.
pub struct FileServer {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl FileServer {
    /// Answers every request with `answer`, which is told how many came before.
    pub fn start(answer: impl Fn(&Request, usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &seen, answer.as_ref()));
            }
        });
        Self { address, requests }
    }

    /// Serves `bytes` under every path.
    pub fn of(bytes: &[u8]) -> Self {
        let bytes = bytes.to_vec();
        Self::start(move |request, _, stream| whole(request, stream, &bytes, "\"v1\""))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &(dyn Fn(&Request, usize, &mut TcpStream) + Send + Sync),
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(line) = lines.next() else { return };
    let headers = lines.take_while(|line| !line.is_empty());
    let headers = headers.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    });
    let request = Request { line, headers: headers.collect() };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    answer(&request, number, &mut stream);
}

/// Sends a head and a body. A client that has gone away is the client's business.
pub fn send(stream: &mut TcpStream, status: &str, headers: &[&str], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
    head.push_str("\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush());
}

/// Serves a file as a good server does, ranges included.
pub fn whole(request: &Request, stream: &mut TcpStream, bytes: &[u8], tag: &str) {
    part(request, stream, bytes, tag, usize::MAX);
}

/// The same, but the connection breaks after `sent` bytes of the body.
pub fn part(request: &Request, stream: &mut TcpStream, bytes: &[u8], tag: &str, sent: usize) {
    let same = request.header("if-range").is_none_or(|wanted| wanted == tag);
    let tag = format!("ETag: {tag}");
    let total = bytes.len();
    let (status, range, body) = match request.first().filter(|_| same) {
        Some(first) if first >= total => {
            let range = format!("Content-Range: bytes */{total}");
            return send(stream, "416 Range Not Satisfiable", &[&range, "Content-Length: 0"], b"");
        }
        Some(first) => {
            let range = format!("Content-Range: bytes {first}-{}/{total}", total - 1);
            ("206 Partial Content", range, &bytes[first..])
        }
        None => ("200 OK", "Accept-Ranges: bytes".into(), bytes),
    };
    let length = format!("Content-Length: {}", body.len());
    send(stream, status, &[&length, &range, &tag], &body[..body.len().min(sent)]);
}

/// Keeps a connection open without a word for longer than any test waits.
pub fn stall() {
    thread::sleep(Duration::from_secs(60));
}
