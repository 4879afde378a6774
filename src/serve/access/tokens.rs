//! The tokens that a server accepts, and what it says to a request without a good one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use tonic::Status;
use tonic::codegen::http::HeaderMap;
use tonic::codegen::http::header::AUTHORIZATION;

use super::file::{self, Known, TokenError};
use super::rate::Bucket;
use super::{Method, Scope};
use crate::serve::status;

/// All tokens, by the part of them that is no secret.
#[derive(Debug)]
pub(in crate::serve) struct Tokens {
    by_id: HashMap<String, Arc<Token>>,
}

/// A token and how much its bearer has asked lately.
#[derive(Debug)]
pub(in crate::serve) struct Token {
    known: Known,
    bucket: Option<Arc<Bucket>>,
}

impl Token {
    /// What the operator calls it.
    pub(in crate::serve) fn name(&self) -> &str {
        &self.known.name
    }

    /// Counts requests beyond the first of a call.
    pub(in crate::serve) fn charge(&self, requests: usize) {
        if let Some(bucket) = &self.bucket {
            bucket.take_more(requests, Instant::now());
        }
    }
}

impl Tokens {
    /// Reads a token file; tokens that stay keep their place in their rate.
    pub(in crate::serve) fn read(text: &str, before: Option<&Self>) -> Result<Self, TokenError> {
        let now = Instant::now();
        let token = |known: Known| {
            let fresh = known.rate.map(|(rate, burst)| Arc::new(Bucket::new(rate, burst, now)));
            let earlier = before.and_then(|before| before.by_id.get(&known.id)).and_then(|token| token.bucket.clone());
            let bucket = match (fresh, earlier) {
                (Some(fresh), Some(earlier)) if earlier.alike(&fresh) => Some(earlier),
                (fresh, _) => fresh,
            };
            (known.id.clone(), Arc::new(Token { known, bucket }))
        };
        Ok(Self { by_id: file::parse(text)?.into_iter().map(token).collect() })
    }

    /// Number of tokens.
    pub(in crate::serve) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The token of a request, if it allows the method and is not used too often. A path without a method
    /// needs a token all the same.
    pub(in crate::serve) fn admit(&self, headers: &HeaderMap, method: Option<&Method>) -> Result<Arc<Token>, Status> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (given.next(), given.next()) else { return Err(status::no_token()) };
        let token = bearer(value.as_bytes())
            .and_then(file::identify)
            .and_then(|(id, hash)| self.by_id.get(&id).filter(|token| token.known.hash == hash))
            .ok_or_else(status::wrong_token)?;
        let known = &token.known;
        if let Some(expires) = known.expires.filter(|expires| *expires <= Utc::now()) {
            return Err(status::expired_token(&known.name, &expires.to_rfc3339()));
        }
        if let Some(method) = method.filter(|method| !known.scopes.contains(&method.scope)) {
            let scopes: Vec<String> = known.scopes.iter().map(Scope::to_string).collect();
            return Err(status::small_scope(&known.name, method.scope, &scopes.join(", ")));
        }
        if let Some(bucket) = &token.bucket {
            bucket.take(Instant::now()).map_err(|wait| status::too_fast(&known.name, wait))?;
        }
        Ok(Arc::clone(token))
    }
}

/// What follows `Bearer`, in any case.
fn bearer(value: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::serve::NewToken;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        headers
    }

    fn reader(rate: Option<f64>) -> NewToken {
        NewToken::make("reader", &[Scope::Read], rate, rate.map(|_| 2), None).unwrap()
    }

    fn code(tokens: &Tokens, value: &str, path: &str) -> Code {
        tokens.admit(&headers(value), Method::at(path)).map_or_else(|status| status.code(), |_| Code::Ok)
    }

    const READ: &str = "/foldin.v1.ModelService/GetModel";
    const ADMIN: &str = "/foldin.v1.ModelService/PromoteModel";

    #[test]
    fn only_the_exact_token_is_let_in() {
        let new = reader(None);
        let tokens = Tokens::read(&new.entry(), None).unwrap();
        let secret = new.secret();
        assert_eq!(code(&tokens, &format!("Bearer {secret}"), READ), Code::Ok);
        assert_eq!(code(&tokens, &format!("bearer {secret}"), READ), Code::Ok);
        let other_end = format!("{}{}", &secret[..87], if secret.ends_with('0') { '1' } else { '0' });
        for wrong in [other_end.as_str(), reader(None).secret(), &secret[1..], ""] {
            assert_eq!(code(&tokens, &format!("Bearer {wrong}"), READ), Code::Unauthenticated);
        }
        assert_eq!(code(&tokens, secret, READ), Code::Unauthenticated);
        assert_eq!(code(&tokens, &format!("Basic {secret}"), READ), Code::Unauthenticated);
        assert_eq!(tokens.admit(&HeaderMap::new(), None).unwrap_err().code(), Code::Unauthenticated);
        let mut twice = headers(&format!("Bearer {secret}"));
        twice.append(AUTHORIZATION, "Bearer other".parse().unwrap());
        assert_eq!(tokens.admit(&twice, None).unwrap_err().code(), Code::Unauthenticated);
    }

    #[test]
    fn a_small_scope_is_named() {
        let new = reader(None);
        let tokens = Tokens::read(&new.entry(), None).unwrap();
        let status = tokens.admit(&headers(&format!("Bearer {}", new.secret())), Method::at(ADMIN)).unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        for part in ["`admin`", "`reader`", "read"] {
            assert!(status.message().contains(part), "{status}");
        }
    }

    #[test]
    fn expired_tokens_are_refused() {
        let new = NewToken::make("old", &[Scope::Read], None, None, Some("2020-02-29")).unwrap();
        let tokens = Tokens::read(&new.entry(), None).unwrap();
        let status = tokens.admit(&headers(&format!("Bearer {}", new.secret())), Method::at(READ)).unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
        assert!(status.message().contains("2020-02-29"), "{status}");
    }

    #[test]
    fn reading_the_file_again_does_not_forget_who_asked_too_much() {
        let new = reader(Some(0.001));
        let bearer = format!("Bearer {}", new.secret());
        let tokens = Tokens::read(&new.entry(), None).unwrap();
        assert_eq!(code(&tokens, &bearer, READ), Code::Ok);
        assert_eq!(code(&tokens, &bearer, READ), Code::Ok);
        assert_eq!(code(&tokens, &bearer, READ), Code::ResourceExhausted);
        let again = Tokens::read(&format!("{}\n{}", new.entry(), reader(None).entry()), Some(&tokens)).unwrap();
        assert_eq!(code(&again, &bearer, READ), Code::ResourceExhausted);
        // Another rate begins anew.
        let generous = Tokens::read(&new.entry().replace("rate = 0.001", "rate = 0.002"), Some(&again)).unwrap();
        assert_eq!(code(&generous, &bearer, READ), Code::Ok);
    }
}
