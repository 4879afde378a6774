use super::*;

fn made() -> NewToken {
    NewToken::make("shop", &[Scope::Read, Scope::Events], Some(50.0), Some(100), Some("2031-01-01")).unwrap()
}

#[test]
fn what_is_printed_is_what_the_server_reads() {
    let (new, other) = (made(), made());
    let known = parse(&format!("# two of them\n{}\n{}", new.entry(), other.entry())).unwrap();
    assert_eq!((known[0].name.as_str(), known[0].rate), ("shop", Some((50.0, 100))));
    assert_eq!(known[0].scopes, [Scope::Read, Scope::Events]);
    assert_eq!(known[0].expires.unwrap().to_rfc3339(), "2031-01-01T00:00:00+00:00");
    for (new, known) in [&new, &other].into_iter().zip(&known) {
        assert_eq!(identify(new.secret()), Some((known.id.clone(), known.hash)));
    }
    assert_ne!(new.secret(), other.secret());
    assert_ne!(known[0].hash, known[1].hash);
}

#[test]
fn the_line_for_the_file_does_not_hold_the_secret() {
    let new = made();
    let secret = new.secret().rsplit('_').next().unwrap();
    assert_eq!(secret.len(), 64, "256 bits");
    assert!(!new.entry().contains(secret));
}

#[test]
fn files_that_cannot_be_meant_are_refused_with_the_token_and_the_field() {
    let good = made().entry();
    assert!(parse(&good).is_ok());
    let with = |from: &str, to: &str| {
        let changed = good.replace(from, to);
        assert_ne!(changed, good, "{from}");
        parse(&changed).unwrap_err().to_string()
    };
    assert!(with("\"events\"", "\"everything\"").contains("line"));
    assert!(with("[\"read\", \"events\"]", "[]").contains("token `shop`: scopes"));
    assert!(with("rate = 50.0", "rate = -1.0").contains("token `shop`: rate"));
    assert!(with("rate = 50.0\n", "").contains("burst needs a rate"));
    assert!(with("burst = 100", "burst = 0").contains("burst must be at least 1"));
    assert!(with("blake3:", "md5:").contains("token `shop`: hash"));
    assert!(with("name = \"shop\"", "name = \"\"").contains("name must have"));
    assert!(with("expires = 2031-01-01", "expires = 2031-01-01T00:00:00").contains("expires must be a date"));
    assert!(with("name", "nmae").starts_with("line 2"));
    assert!(parse(&good.repeat(2)).unwrap_err().to_string().contains("twice"));
    assert!(matches!(parse("# none\n"), Err(TokenError::Empty)));
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let new = made();
    let secret = new.secret();
    for text in [
        new.entry().replace("blake3:", secret),
        new.entry().replace("[[token]]", &format!("[[token]]\n{secret} = 1")),
        format!("{}\n{secret}", new.entry()),
        format!("secret = \"{secret}\"\n{}", new.entry()),
        new.entry().replace("\"read\"", &format!("\"{secret}\"")),
    ] {
        let message = parse(&text).unwrap_err().to_string();
        assert!(!message.contains(secret.rsplit('_').next().unwrap()), "{message}");
    }
}

#[test]
fn values_out_of_range_make_no_token() {
    let read = [Scope::Read];
    assert!(NewToken::make("x", &[], None, None, None).is_err());
    assert!(NewToken::make("x", &read, Some(f64::NAN), None, None).is_err());
    assert!(NewToken::make("x", &read, None, Some(3), None).is_err());
    assert!(NewToken::make("x", &read, None, None, Some("tomorrow")).is_err());
    assert!(NewToken::make("", &read, None, None, None).is_err());
    assert!(NewToken::make("x", &read, None, None, None).is_ok());
}

#[test]
fn only_whole_tokens_are_looked_up() {
    let new = made();
    assert!(identify(new.secret()).is_some());
    for text in ["", "foldin", "foldin__", "other_0011223344556677_", &new.secret()[..80], &new.secret()[1..]] {
        assert_eq!(identify(text), None, "{text}");
    }
}
