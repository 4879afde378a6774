//! Encrypted connections, and certificates on both sides.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::Path;

use crate::certificates::{Authority, Pair};
use crate::harness::{SOON, Server, arg, finish, foldin, model, refused, until};

/// A question over TLS: exit code and standard error.
fn ask(server: &Server, authority: &Authority, client: Option<&Pair>) -> (i32, String) {
    let (address, ca) = (server.loopback().to_string(), authority.file());
    let mut arguments = vec!["query", "--server", &address, "--history", "item-03", "--tls-ca", arg(&ca)];
    if let Some(Pair { cert, key }) = client {
        arguments.extend(["--tls-cert", arg(cert), "--tls-key", arg(key)]);
    }
    let (code, _, errors) = finish(&mut foldin(&arguments));
    (code, errors)
}

/// A token file with one token, and its secret.
fn tokens(directory: &Path) -> (std::path::PathBuf, String) {
    let path = directory.join("tokens.toml");
    let make = ["token", "new", "--name", "t", "--scope", "read", "--append", arg(&path)];
    let (code, out, errors) = finish(&mut foldin(&make));
    assert_eq!(code, 0, "{errors}");
    (path, out.trim().to_owned())
}

#[test]
fn encrypted_for_those_who_know_the_authority() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let Pair { cert, key } = authority.server();
    let server = Server::start(&["--tls-cert", arg(&cert), "--tls-key", arg(&key)]);
    assert_eq!(ask(&server, &authority, None), (0, String::new()));
    let (code, errors) = ask(&server, &other, None);
    assert_eq!(code, 1);
    assert!(errors.contains("certificate") && errors.contains("cannot connect"), "{errors}");
    // Without TLS nothing is said at all.
    let plain = server.address.to_string();
    refused(&["query", "--server", &plain, "--history", "item-03"], 1, &[]);
    assert_eq!(ask(&server, &authority, None).0, 0);
}

#[test]
fn clients_show_a_certificate_that_is_valid_and_ours() {
    let (ours, clients, strangers) = (Authority::new("ours"), Authority::new("clients"), Authority::new("strangers"));
    let Pair { cert, key } = ours.server();
    let ca = clients.file();
    let server =
        Server::logging("debug", &["--tls-cert", arg(&cert), "--tls-key", arg(&key), "--tls-client-ca", arg(&ca)]);
    let good = clients.client();
    assert_eq!(ask(&server, &ours, Some(&good)), (0, String::new()));
    for (client, reason) in [
        (None, "CertificateRequired"),
        (Some(clients.expired_client()), "expired"),
        (Some(strangers.client()), "UnknownIssuer"),
        // A certificate of ours that was made for a server.
        (Some(clients.server()), "InvalidPurpose"),
    ] {
        let (code, errors) = ask(&server, &ours, client.as_ref());
        assert_eq!(code, 1, "{reason}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        assert_eq!(ask(&server, &ours, Some(&good)).0, 0, "others are not disturbed");
    }
    // A client may try more than once.
    assert!(server.metric("foldin_connections_refused_total{reason=\"handshake\"}") >= 4.0);
    let log = server.terminate();
    assert!(log.matches("TLS handshake failed").count() >= 4, "{log}");
    assert!(log.to_lowercase().contains("expired"), "the operator is told why: {log}");
}

#[test]
fn a_new_certificate_takes_over_and_a_bad_one_does_not() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let directory = tempfile::tempdir().unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let install = |pair: &Pair| {
        fs::copy(&pair.key, &key).unwrap();
        fs::copy(&pair.cert, &cert).unwrap();
    };
    install(&before.server());
    let server = Server::start(&["--tls-cert", arg(&cert), "--tls-key", arg(&key)]);
    assert_eq!(ask(&server, &before, None).0, 0);

    // A key that belongs to another certificate, as in the middle of a change.
    fs::copy(&after.server().key, &key).unwrap();
    until("the bad pair is noticed", || server.metric("foldin_reloads_failed_total") >= 1.0);
    assert_eq!(ask(&server, &before, None).0, 0, "the old one stays in force");

    install(&after.server());
    until("the new pair is read", || server.log().contains("read again"));
    assert_eq!(ask(&server, &after, None).0, 0);
    assert_eq!(ask(&server, &before, None).0, 1);
    let log = server.terminate();
    assert!(log.contains("cannot be used") && log.contains("cert.pem"), "{log}");
}

#[test]
fn beyond_loopback_only_with_tls_and_tokens() {
    let authority = Authority::new("ours");
    let Pair { cert, key } = authority.server();
    let directory = tempfile::tempdir().unwrap();
    let (tokens, secret) = tokens(directory.path());
    let open = ["serve", arg(model()), "--port", "0", "--address", "0.0.0.0"];
    let (tls, access) = (["--tls-cert", arg(&cert), "--tls-key", arg(&key)], ["--tokens", arg(&tokens)]);
    refused(&open, 2, &["0.0.0.0", "--tls-cert", "--tokens"]);
    refused(&[&open[..], &tls].concat(), 2, &["0.0.0.0", "--tokens"]);
    refused(&[&open[..], &access].concat(), 2, &["0.0.0.0", "--tls-cert"]);

    let server = Server::start(&[&["--address", "0.0.0.0"][..], &tls, &access].concat());
    let (address, ca) = (server.loopback().to_string(), authority.file());
    let query = ["query", "--server", &address, "--history", "item-03", "--tls-ca", arg(&ca)];
    let (code, _, errors) = finish(foldin(&query).env("FOLDIN_TOKEN", secret));
    assert_eq!(code, 0, "{errors}");
    assert_eq!(finish(&mut foldin(&query)).0, 1);
}

#[test]
fn files_that_cannot_be_used_for_tls() {
    let authority = Authority::new("ours");
    let (Pair { cert, key }, other) = (authority.server(), authority.client());
    let empty = authority.file().with_file_name("empty.pem");
    fs::write(&empty, "").unwrap();
    let missing = authority.file().with_file_name("missing.pem");
    let serve = ["serve", arg(model()), "--port", "0"];
    let with = |arguments: &[&str], parts: &[&str]| refused(&[&serve[..], arguments].concat(), 2, parts);
    with(&["--tls-cert", arg(&cert)], &["--tls-cert and --tls-key"]);
    with(&["--tls-client-ca", arg(&cert)], &["--tls-cert and --tls-key"]);
    with(&["--tls-cert", arg(&missing), "--tls-key", arg(&key)], &["cannot read", "missing.pem"]);
    with(&["--tls-cert", arg(&empty), "--tls-key", arg(&key)], &["empty.pem", "no certificate"]);
    with(&["--tls-cert", arg(&cert), "--tls-key", arg(&empty)], &["empty.pem", "private key"]);
    with(&["--tls-cert", arg(&cert), "--tls-key", arg(&cert)], &["server-cert.pem", "private key"]);
    with(&["--tls-cert", arg(&cert), "--tls-key", arg(&other.key)], &["server-cert.pem", "client-key.pem"]);
    let pair = ["--tls-cert", arg(&cert), "--tls-key", arg(&key)];
    with(&[&pair[..], &["--tls-client-ca", arg(&empty)]].concat(), &["empty.pem", "no certificate"]);
}

#[test]
fn a_handshake_that_is_never_finished_is_cut_off() {
    let authority = Authority::new("ours");
    let Pair { cert, key } = authority.server();
    let server = Server::start(&["--tls-cert", arg(&cert), "--tls-key", arg(&key), "--handshake-timeout", "0.2"]);
    let mut silent = TcpStream::connect(server.address).unwrap();
    silent.set_read_timeout(Some(SOON)).unwrap();
    assert_eq!(silent.read(&mut [0; 64]).unwrap(), 0, "the server closes the connection");
    until("it is counted", || server.metric("foldin_connections_refused_total{reason=\"handshake\"}") >= 1.0);
    assert_eq!(ask(&server, &authority, None).0, 0);
}
