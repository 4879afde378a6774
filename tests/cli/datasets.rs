//! `foldin datasets`: listed, downloaded from a server that can do everything wrong, converted, trained on.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::file_server::{FileServer, part, send, stall, whole};
use super::harness::{Run, arg, command, finish, json, names, succeed};

/// Ratings of 40 users, in the format of MovieLens 1M: rated by taste, so that there is something to learn.
fn ratings() -> String {
    let mut text = String::new();
    for user in 1..=40 {
        for item in (1..=30).filter(|item| (item * 7 + user * 3) % 5 != 0) {
            let rating = if item % 2 == user % 2 { 5 } else { 2 };
            text.push_str(&format!("{user}::{item}::{rating}::{}\n", 978_300_760 + user * 100 + item));
        }
    }
    text
}

fn movies() -> Vec<u8> {
    let mut text = Vec::new();
    for item in 1..=30u32 {
        text.extend_from_slice(format!("{item}::Caf").as_bytes());
        text.push(0xE9);
        text.extend_from_slice(format!(" {item} (1999)::Drama|Comedy\n").as_bytes());
    }
    text
}

/// An archive like ml-1m.zip.
fn archive() -> Vec<u8> {
    archive_of(ratings().as_bytes())
}

fn archive_of(ratings: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [("ml-1m/ratings.dat", ratings), ("ml-1m/movies.dat", &movies())] {
        writer.start_file(name, stored).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A directory, and the command that gets ml-1m from a server into it.
struct Getting {
    root: TempDir,
    out: PathBuf,
    url: String,
}

impl Getting {
    fn from(server: &FileServer) -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { out: root.path().join("out"), root, url: server.url("ml-1m.zip") }
    }

    fn command(&self, more: &[&str]) -> Command {
        let get = ["datasets", "get", "ml-1m", "--out", arg(&self.out), "--url", &self.url, "--accept-licence"];
        let mut command = command(&[&get[..], more].concat());
        for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, more: &[&str]) -> Run {
        finish(&mut self.command(more))
    }

    /// Gets the dataset, which must succeed and leave nothing else.
    #[track_caller]
    fn succeed(&self, more: &[&str]) -> String {
        let run = self.run(more);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(names(self.root.path()), ["out"]);
        assert_eq!(names(&self.out), ["README.md", "dataset.json", "interactions.parquet", "items.parquet"]);
        run.stdout
    }

    fn unfinished(&self) -> PathBuf {
        self.root.path().join(".ml-1m.download")
    }
}

#[test]
fn a_download_becomes_a_dataset_that_a_model_trains_on() {
    let server = FileServer::of(&archive());
    let getting = Getting::from(&server);
    let text = getting.succeed(&[]);
    let rows = ratings().lines().count();
    for part in [&format!("interactions.parquet: {rows} rows"), "items.parquet: 30 rows", "BLAKE3", "foldin evaluate"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    assert_eq!(server.requests().len(), 1);
    assert_eq!(server.requests()[0].header("accept-encoding"), Some("identity"));

    // The command it suggests, as far as so small a log allows.
    let suggested = text.lines().find_map(|line| line.trim().strip_prefix("foldin ")).unwrap();
    assert!(suggested.contains(arg(&getting.out)), "{suggested}");
    let suggested = suggested.replace("--held-out-users 500", "--held-out-users 5");
    let flags: Vec<&str> = suggested.split(' ').chain(["--model", "ease", "--json"]).collect();
    assert_eq!(json(&flags)["models"][0]["model"], "popularity");

    let (log, items) = (getting.out.join("interactions.parquet"), getting.out.join("items.parquet"));
    let model = getting.root.path().join("model");
    let train = ["train", arg(&log), "--items", arg(&items), "--out", arg(&model), "--model", "ease"];
    succeed(&[&train[..], &["--weight-column", "rating", "--min-weight", "4"]].concat());
    let list = json(&["recommend", arg(&model), "--user-id", "1", "-n", "1", "--json"]);
    assert!(list.to_string().contains("Café"), "{list}");
}

#[test]
fn json_says_where_everything_is_from() {
    let bytes = archive();
    let server = FileServer::of(&bytes);
    let getting = Getting::from(&server);
    let got: serde_json::Value = serde_json::from_str(&getting.succeed(&["--json"])).unwrap();
    assert_eq!(got["directory"], arg(&getting.out));
    let file = &got["dataset"]["files"][0];
    assert_eq!((&file["url"], &file["bytes"]), (&getting.url.clone().into(), &bytes.len().into()));
    assert_eq!(file["blake3"], blake3::hash(&bytes).to_hex().as_str());
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(getting.out.join("dataset.json")).unwrap()).unwrap();
    assert_eq!(record, got["dataset"]);
}

#[test]
fn several_files_come_from_the_directory_of_a_mirror() {
    let server = FileServer::start(|request, _, stream| match request.path() {
        "/m/train.txt" => whole(request, stream, b"0 1 2\n1 3\n", "\"a\""),
        "/m/test.txt" => whole(request, stream, b"0 3\n", "\"b\""),
        _ => send(stream, "404 Not Found", &["Content-Length: 0"], b""),
    });
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("gowalla");
    let get = |url: &str| {
        finish(command(&["datasets", "get", "gowalla", "-y", "--out", arg(&out), "--url", url]).env("NO_PROXY", "*"))
    };
    get(&server.url("m")).refused(2, &["several files", "train.txt, test.txt", "ending with `/`"]);
    assert!(server.requests().is_empty());
    let run = get(&server.url("m/"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("4 interactions are not the 1,027,370 that were published"), "{}", run.stderr);
    assert_eq!(names(&out), ["README.md", "dataset.json", "test.parquet", "train.parquet"]);
}

#[test]
fn a_download_that_was_cut_off_goes_on_in_the_next_run() {
    let bytes = archive();
    let (served, half) = (bytes.clone(), bytes.len() / 2);
    let server = FileServer::start(move |request, number, stream| {
        let sent = if number == 0 { half } else { usize::MAX };
        part(request, stream, &served, "\"v1\"", sent);
    });
    let getting = Getting::from(&server);
    getting
        .run(&["--retries", "0"])
        .refused(1, &[&getting.url, &format!("after {half} of"), "run the same command again"]);
    assert!(!getting.out.exists(), "nothing looks complete");
    assert_eq!(names(&getting.unfinished()), ["ml-1m.zip.json", "ml-1m.zip.part"]);

    getting.succeed(&[]);
    let second = &server.requests()[1];
    assert_eq!(second.header("range"), Some(format!("bytes={half}-").as_str()));
    assert_eq!(second.header("if-range"), Some("\"v1\""));
    let record = fs::read_to_string(getting.out.join("dataset.json")).unwrap();
    assert!(record.contains(blake3::hash(&bytes).to_hex().as_str()), "the halves fit:\n{record}");
}

#[test]
fn a_killed_download_goes_on_in_the_next_run() {
    let bytes = archive();
    let (served, half) = (bytes.clone(), bytes.len() / 2);
    let server = FileServer::start(move |request, number, stream| {
        if number > 0 {
            return whole(request, stream, &served, "\"v1\"");
        }
        part(request, stream, &served, "\"v1\"", half);
        stall();
    });
    let getting = Getting::from(&server);
    let mut child = getting.command(&[]).stderr(Stdio::null()).spawn().unwrap();
    let (unfinished, started) = (getting.unfinished().join("ml-1m.zip.part"), Instant::now());
    while fs::metadata(&unfinished).map_or(0, |file| file.len()) < half as u64 {
        assert!(started.elapsed() < Duration::from_secs(30), "half of the file arrives");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Meanwhile the file is in use.
    getting.run(&[]).refused(1, &["ml-1m.zip.part", "another process"]);
    child.kill().unwrap();
    child.wait().unwrap();
    getting.succeed(&[]);
    assert_eq!(server.requests()[1].header("range"), Some(format!("bytes={half}-").as_str()));
}

#[test]
fn broken_connections_and_busy_servers_are_tried_again() {
    let bytes = archive();
    let (served, third) = (bytes.clone(), bytes.len() / 3);
    let server = FileServer::start(move |request, number, stream| match number {
        0 => send(stream, "503 Service Unavailable", &["Content-Length: 0"], b""),
        1 => part(request, stream, &served, "\"v1\"", third),
        _ => whole(request, stream, &served, "\"v1\""),
    });
    let getting = Getting::from(&server);
    let run = getting.run(&["--retries", "2"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in ["503 Service Unavailable", "trying again in 1 s", "trying again in 2 s"] {
        assert!(run.stderr.contains(part), "`{part}` is not in:\n{}", run.stderr);
    }
    assert_eq!(server.requests()[2].header("range"), Some(format!("bytes={third}-").as_str()));
}

#[test]
fn a_file_that_changed_meanwhile_starts_over() {
    let (old, new) = (archive_of(b"1::1::5::978300760\n"), archive());
    let server = {
        let new = new.clone();
        FileServer::start(move |request, number, stream| match number {
            0 => part(request, stream, &old, "\"old\"", old.len() / 2),
            _ => whole(request, stream, &new, "\"new\""),
        })
    };
    let getting = Getting::from(&server);
    assert_eq!(getting.run(&["--retries", "0"]).code, Some(1));
    getting.succeed(&[]);
    assert_eq!(server.requests()[1].header("if-range"), Some("\"old\""));
    let record = fs::read_to_string(getting.out.join("dataset.json")).unwrap();
    assert!(record.contains(blake3::hash(&new).to_hex().as_str()), "{record}");
}

#[test]
fn a_version_without_a_name_is_never_spliced() {
    // No ETag, a weak one: neither promises that the rest belongs to what is there.
    for headers in [&[][..], &["ETag: W/\"v1\""]] {
        let bytes = archive();
        let server = FileServer::start(move |_, number, stream| {
            let length = format!("Content-Length: {}", bytes.len());
            let sent = if number == 0 { bytes.len() / 2 } else { bytes.len() };
            send(stream, "200 OK", &[&[length.as_str()], headers].concat(), &bytes[..sent]);
        });
        let getting = Getting::from(&server);
        assert_eq!(getting.run(&["--retries", "0"]).code, Some(1));
        getting.succeed(&[]);
        assert_eq!(server.requests()[1].header("range"), None);
    }
}

#[test]
fn another_part_than_was_asked_for_starts_over() {
    let bytes = archive();
    let server = FileServer::start(move |request, number, stream| match number {
        0 => part(request, stream, &bytes, "\"v1\"", bytes.len() / 2),
        1 => {
            let (length, total) = (format!("Content-Length: {}", bytes.len()), bytes.len());
            let range = format!("Content-Range: bytes 0-{}/{total}", total - 1);
            send(stream, "206 Partial Content", &[&length, &range, "ETag: \"v1\""], &bytes);
        }
        _ => whole(request, stream, &bytes, "\"v1\""),
    });
    let getting = Getting::from(&server);
    getting.succeed(&["--retries", "2"]);
    assert_eq!(server.requests()[2].header("range"), None, "nothing of the first attempts is left");
}

#[test]
fn an_answer_that_says_no_ends_the_matter() {
    for (status, part) in [("404 Not Found", "answers 404 Not Found"), ("403 Forbidden", "answers 403 Forbidden")] {
        let server = FileServer::start(move |_, _, stream| send(stream, status, &["Content-Length: 0"], b""));
        let getting = Getting::from(&server);
        getting.run(&[]).refused(1, &[&getting.url, part, "--url", "--from"]);
        assert_eq!(server.requests().len(), 1, "it is not asked again");
        assert!(!getting.out.exists());
    }
    // Nobody listens: the port was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = FileServer::of(b"");
    let getting = Getting { url: format!("http://{free}/ml-1m.zip"), ..Getting::from(&server) };
    getting.run(&["--retries", "0"]).refused(1, &[&getting.url, "check the network"]);
}

#[test]
fn a_silent_server_is_given_up() {
    let bytes = archive();
    let server = FileServer::start(move |request, number, stream| {
        if number == 1 {
            part(request, stream, &bytes, "\"v1\"", 100);
        }
        stall();
    });
    let getting = Getting::from(&server);
    let patience = ["--retries", "0", "--timeout", "1"];
    getting.run(&patience).refused(1, &["no answer in time"]);
    getting.run(&patience).refused(1, &["after 100 of"]);
}

#[test]
fn redirects_lead_to_http_and_nowhere_else() {
    let bytes = archive();
    let target = FileServer::of(&bytes);
    let to = format!("Location: {}", target.url("elsewhere.zip"));
    let server = FileServer::start(move |_, _, stream| send(stream, "302 Found", &[&to, "Content-Length: 0"], b""));
    Getting::from(&server).succeed(&[]);
    assert_eq!(target.requests()[0].path(), "/elsewhere.zip");

    for location in ["file:///etc/passwd", "ftp://127.0.0.1/x", "/again"] {
        let to = format!("Location: {location}");
        let server = FileServer::start(move |_, _, stream| send(stream, "302 Found", &[&to, "Content-Length: 0"], b""));
        let getting = Getting::from(&server);
        getting.run(&[]).refused(1, &[&getting.url, "--from"]);
        assert!(server.requests().len() <= 11, "{location}: a loop ends");
        assert!(!getting.out.exists());
    }
}

#[test]
fn a_file_far_larger_than_published_is_refused() {
    let claimed = FileServer::start(|_, _, stream| send(stream, "200 OK", &["Content-Length: 9999999999"], b"PK"));
    let getting = Getting::from(&claimed);
    getting.run(&[]).refused(1, &[&getting.url, "far more than was published"]);

    // Without a length in advance, the bytes are counted.
    let endless = FileServer::start(|_, _, stream| {
        send(stream, "200 OK", &["Transfer-Encoding: chunked"], b"");
        let chunk = [b"10000\r\n", &[7; 0x10000][..], b"\r\n"].concat();
        while stream.write_all(&chunk).is_ok() {}
    });
    let getting = Getting::from(&endless);
    getting.run(&[]).refused(1, &[&getting.url, "far more than was published"]);
    let kept = fs::metadata(getting.unfinished().join("ml-1m.zip.part")).map_or(0, |file| file.len());
    assert_eq!(kept, 0, "it does not keep the disk full");
}

#[test]
fn an_end_that_cannot_be_told_is_refused_and_chunks_can_tell() {
    let bytes = archive();
    let unsized_answer = {
        let bytes = bytes.clone();
        FileServer::start(move |_, _, stream| send(stream, "200 OK", &[], &bytes))
    };
    Getting::from(&unsized_answer).run(&[]).refused(1, &["does not say where the file ends"]);

    let chunked = {
        let bytes = bytes.clone();
        FileServer::start(move |_, number, stream| {
            send(stream, "200 OK", &["Transfer-Encoding: chunked"], b"");
            let mut body = format!("{:x}\r\n", bytes.len()).into_bytes();
            body.extend_from_slice(&bytes);
            // The first time, the last chunk is missing.
            body.extend_from_slice(if number == 0 { b"\r\n" } else { b"\r\n0\r\n\r\n" });
            let _ = stream.write_all(&body);
        })
    };
    let getting = Getting::from(&chunked);
    getting.run(&["--retries", "0"]).refused(1, &["broke off"]);
    getting.succeed(&[]);
}

#[test]
fn what_is_not_the_file_is_refused_and_not_kept() {
    let whole = archive();
    let damaged = whole[..whole.len() - 30].to_vec();
    for (bytes, parts) in [
        (b"<!DOCTYPE html><title>Sign in</title>".to_vec(), &["not a zip archive", "a web page"][..]),
        (damaged, &["truncated or damaged"]),
        (b"".to_vec(), &["it is empty"]),
    ] {
        let getting = Getting::from(&FileServer::of(&bytes));
        getting.run(&[]).refused(3, parts);
        assert!(names(getting.root.path()).is_empty(), "{:?}", names(getting.root.path()));
    }
}

#[test]
fn a_bad_row_is_named_and_the_download_not_taken_again() {
    let bytes = archive();
    let server = FileServer::start(move |request, number, stream| match number {
        0 => whole(request, stream, &archive_of(b"1::2::5::978300760\n1::x::5::978300760\n"), "\"v1\""),
        _ => whole(request, stream, &bytes, "\"v1\""),
    });
    let getting = Getting::from(&server);
    getting.run(&[]).refused(3, &["ml-1m.zip: ml-1m/ratings.dat, line 2", "field 2 is `x`"]);
    assert!(names(getting.root.path()).is_empty());
    getting.succeed(&[]);
}

#[test]
fn a_complete_download_is_used_by_the_next_run_and_only_for_its_address() {
    let server = FileServer::of(&archive());
    let getting = Getting::from(&server);
    let downloads = getting.unfinished();
    // As a run leaves it that is killed while it converts.
    let leave = |url: &str| {
        fs::create_dir_all(&downloads).unwrap();
        fs::write(downloads.join("ml-1m.zip"), archive()).unwrap();
        let record = serde_json::json!({ "url": url, "validator": null });
        fs::write(downloads.join("ml-1m.zip.json"), record.to_string()).unwrap();
    };
    leave(&getting.url);
    getting.succeed(&[]);
    assert!(server.requests().is_empty());
    leave("http://127.0.0.1/other.zip");
    getting.succeed(&["--force"]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn nothing_is_downloaded_without_consent() {
    let server = FileServer::of(&archive());
    let getting = Getting::from(&server);
    let run = finish(&mut command(&["datasets", "get", "ml-1m", "--out", arg(&getting.out), "--url", &getting.url]));
    run.refused(2, &["Do not redistribute", "ml-1m-README.txt", "Cite:", "--accept-licence"]);
    assert!(server.requests().is_empty() && names(getting.root.path()).is_empty());
    // The other spellings of the flag.
    for (number, flag) in ["--accept-license", "--yes", "-y"].into_iter().enumerate() {
        let out = getting.root.path().join(number.to_string());
        let get = ["datasets", "get", "ml-1m", "--out", arg(&out), "--url", &getting.url, flag];
        let run = finish(command(&get).env("NO_PROXY", "*"));
        assert_eq!(run.code, Some(0), "{flag}: {}", run.stderr);
    }
}

#[test]
fn a_person_at_a_terminal_is_asked() {
    // `script` gives the command a terminal; what it is fed is what a person types.
    let on_terminal = |line: &str, typed: &str| {
        let mut script = Command::new("script");
        script.args(["-qec", line, "/dev/null"]).env("NO_PROXY", "*").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.spawn().ok()?;
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Some((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
    };
    let server = FileServer::of(&archive());
    let getting = Getting::from(&server);
    let program = env!("CARGO_BIN_EXE_foldin");
    let line = format!("'{program}' datasets get ml-1m --out '{}' --url {}", arg(&getting.out), getting.url);
    let Some((code, screen)) = on_terminal(&line, "n\n") else {
        eprintln!("skipped: there is no `script` to make a terminal");
        return;
    };
    assert_eq!(code, Some(2), "{screen}");
    for part in ["Do not redistribute", "Accept these terms and download about 5.9 MB? [y/N]", "nothing was downloaded"]
    {
        assert!(screen.contains(part), "`{part}` is not in:\n{screen}");
    }
    assert!(server.requests().is_empty() && !getting.out.exists());
    let (code, screen) = on_terminal(&line, "y\n").unwrap();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("ml-1m.zip [") && getting.out.join("interactions.parquet").is_file(), "{screen}");
}

#[test]
fn an_output_is_refused_before_consent_and_only_a_dataset_is_replaced() {
    let server = FileServer::of(&archive());
    let getting = Getting::from(&server);
    fs::create_dir(&getting.out).unwrap();
    fs::write(getting.out.join("thesis.tex"), "mine").unwrap();
    let run = getting.run(&[]);
    run.refused(2, &[arg(&getting.out), "exists", "--force"]);
    assert!(!run.stderr.contains("Licence"), "{}", run.stderr);
    getting.run(&["--force"]).refused(2, &["something else than a dataset"]);
    assert_eq!(names(&getting.out), ["thesis.tex"]);
    assert!(server.requests().is_empty());

    fs::remove_dir_all(&getting.out).unwrap();
    getting.succeed(&[]);
    getting.succeed(&["--force"]);
}

#[test]
fn a_local_copy_is_converted_without_a_network() {
    let root = tempfile::tempdir().unwrap();
    let (copy, out) = (root.path().join("copy.zip"), root.path().join("out"));
    fs::write(&copy, archive()).unwrap();
    let get = |name: &str, from: &Path| {
        finish(&mut command(&["datasets", "get", name, "--out", arg(&out), "--from", arg(from)]))
    };
    get("ml-1m", &root.path().join("absent.zip")).refused(3, &["absent.zip", "check that the file exists"]);
    get("goodbooks-10k", &copy).refused(2, &["single file", "ratings.csv, books.csv"]);
    get("goodbooks-10k", root.path()).refused(3, &["ratings.csv", "check that the file exists"]);
    let run = get("ml-1m", &copy);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("Do not redistribute"), "the licence is shown:\n{}", run.stderr);
    assert_eq!(names(root.path()), ["copy.zip", "out"]);
}

#[test]
fn names_and_addresses_are_checked() {
    let run = |arguments: &[&str]| finish(&mut command(arguments));
    run(&["datasets", "get", "ml-1n"]).refused(2, &["unknown dataset `ml-1n`", "did you mean `ml-1m`", "gowalla"]);
    run(&["datasets", "get", "netflix", "-y"]).refused(2, &["cannot be downloaded", "--from DIR"]);
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    for (url, part) in [
        ("ftp://127.0.0.1/ml-1m.zip", "neither http:// nor https://"),
        ("ml-1m.zip", "neither http:// nor https://"),
        ("http://user:secret@127.0.0.1/ml-1m.zip", "it holds a password"),
        ("http://exa mple/ml-1m.zip", "malformed"),
    ] {
        run(&["datasets", "get", "ml-1m", "-y", "--out", arg(&out), "--url", url]).refused(2, &[part]);
    }
    assert!(names(root.path()).iter().all(|name| name != "out"));
}

#[test]
fn a_proxy_of_the_environment_is_used() {
    let proxy = FileServer::start(|_, _, stream| send(stream, "502 Bad Gateway", &["Content-Length: 0"], b""));
    let server = FileServer::of(&archive());
    let getting = Getting { url: "http://mirror.invalid/ml-1m.zip".into(), ..Getting::from(&server) };
    let address = format!("http://{}", proxy.address);
    let run = finish(getting.command(&["--retries", "0"]).env("HTTP_PROXY", address));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let asked = &proxy.requests()[0].line;
    assert!(asked.contains("mirror.invalid"), "{asked}");
}

#[test]
fn the_list_names_size_licence_and_protocol() {
    let text = succeed(&["datasets", "list"]);
    for part in ["ml-32m", "32,000,204", "~239.0 MB", "CC BY-SA 4.0", "weak generalisation (LightGCN)", "by hand"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    let list = json(&["datasets", "list", "--json"]);
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 14);
    assert!(list[0]["files"][0]["blake3"].is_null(), "no hash that was not computed on the real file");
}
