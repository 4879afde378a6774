//! All methods, and what each of them asks for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Ask for lists, vectors and what is served.
    Read,
    /// Record events, see and forget what is known of a user.
    Events,
    /// Change which version of a model answers.
    Admin,
}

impl Scope {
    /// All of them, the least powerful first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Events, Self::Admin];
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Events => "events",
            Self::Admin => "admin",
        })
    }
}

/// There is no such scope.
#[derive(Debug, thiserror::Error)]
#[error("unknown scope `{0}`; there are read, events and admin")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.to_string() == text).ok_or_else(|| UnknownScope(text.into()))
    }
}

/// How a request gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Intake {
    /// It takes a place in the queue of the scoring threads as soon as its message has arrived, and is decoded
    /// after that.
    Queued,
    /// It waits for no scoring thread.
    Direct,
    /// The client sends any number of messages; each is received when the server asks for it.
    Streamed,
}

/// A method and what it asks for.
#[derive(Debug)]
pub(in crate::serve) struct Method {
    /// As in the path of a request.
    pub path: &'static str,
    pub scope: Scope,
    pub intake: Intake,
    /// Most fields of a message, those inside of them not counted. An empty nested message takes two bytes on the wire and
    /// some hundred decoded, so the number of bytes alone does not bound the memory of a decoded message.
    pub most_fields: usize,
    /// Most fields inside of those that `nested` names, all levels together.
    pub most_nested: usize,
    /// Numbers of the fields whose own fields count, a list a level.
    pub nested: &'static [&'static [u32]],
}

/// Enough for any list that a message may hold.
const MANY: usize = 1 << 17;

const fn method(path: &'static str, scope: Scope, intake: Intake) -> Method {
    Method { path, scope, intake, most_fields: MANY, most_nested: 2 * MANY, nested: &[] }
}

/// The fields of a `RecommendRequest` that hold lists in turn: `exclude` and `allow`, each of which may be as long as a
/// list, and `detail`.
const LISTS: &[u32] = &[4, 5, 16];

use Intake::{Direct, Queued, Streamed};
use Scope::{Admin, Events, Read};

const METHODS: &[Method] = &[
    Method { nested: &[LISTS], ..method("/foldin.v1.RecommendationService/Recommend", Read, Queued) },
    Method {
        // Four times what is allowed, so that a little too many gets the better message.
        most_fields: 1024,
        // As many as a message of the usual size has room for by ids of some characters.
        most_nested: 4 * MANY,
        nested: &[&[1], LISTS],
        ..method("/foldin.v1.RecommendationService/BatchRecommend", Read, Queued)
    },
    method("/foldin.v1.RecommendationService/SimilarItems", Read, Queued),
    Method { nested: &[&[1], LISTS], ..method("/foldin.v1.RecommendationService/StreamRecommend", Read, Streamed) },
    method("/foldin.v1.RecommendationService/ScoreItems", Read, Queued),
    method("/foldin.v1.RecommendationService/Explain", Read, Queued),
    method("/foldin.v1.RecommendationService/SimilarUsers", Read, Queued),
    Method {
        most_fields: 1024,
        most_nested: 4 * MANY,
        nested: &[&[1]],
        ..method("/foldin.v1.RecommendationService/ScoreHistories", Read, Queued)
    },
    method("/foldin.v1.EmbeddingService/BatchGetUserEmbeddings", Read, Queued),
    method("/foldin.v1.EmbeddingService/BatchGetItemEmbeddings", Read, Queued),
    Method {
        most_fields: 4096,
        most_nested: 4 * MANY,
        nested: &[&[1]],
        ..method("/foldin.v1.EmbeddingService/EmbedHistories", Read, Queued)
    },
    Method { most_fields: 4096, ..method("/foldin.v1.EventService/RecordEvents", Events, Direct) },
    method("/foldin.v1.EventService/GetHistory", Events, Queued),
    method("/foldin.v1.EventService/ForgetUser", Events, Direct),
    method("/foldin.v1.ModelService/GetModel", Read, Direct),
    method("/foldin.v1.ModelService/ListModels", Read, Direct),
    method("/foldin.v1.ModelService/PromoteModel", Admin, Direct),
    method("/foldin.v1.ModelService/RollbackModel", Admin, Direct),
    method("/grpc.health.v1.Health/Check", Read, Direct),
    method("/grpc.health.v1.Health/Watch", Read, Direct),
    method("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Read, Streamed),
];

impl Method {
    /// The method of a path, if there is one.
    pub(in crate::serve) fn at(path: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.path == path)
    }

    /// True when the answer may consist of more than one message.
    pub(in crate::serve) fn streams(&self) -> bool {
        self.intake == Streamed || self.path.ends_with("/Watch")
    }

    /// Service and method without the package: short, and one of a fixed set.
    pub(in crate::serve) fn label(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    /// `(path, whether the client streams, whether the server does)` of every method in a set of descriptors.
    fn described(set: &[u8]) -> BTreeSet<(String, bool, bool)> {
        let mut out = BTreeSet::new();
        for file in FileDescriptorSet::decode(set).unwrap().file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    out.insert((path, method.client_streaming(), method.server_streaming()));
                }
            }
        }
        out
    }

    #[test]
    fn every_method_has_a_scope() {
        let mut all = described(crate::serve::pb::DESCRIPTORS);
        assert!(all.len() >= 17, "{all:?}");
        all.extend(described(tonic_health::pb::FILE_DESCRIPTOR_SET));
        all.extend(described(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET));
        let known: BTreeSet<_> = METHODS
            .iter()
            .map(|method| (method.path.to_owned(), method.intake == Streamed, method.streams()))
            .collect();
        assert_eq!(known, all);
        assert_eq!(known.len(), METHODS.len(), "each method stands in the table once");
    }

    #[test]
    fn what_changes_a_model_or_a_user_is_not_for_readers() {
        for method in METHODS {
            let expected = match method.path {
                path if path.contains("EventService") => Events,
                path if path.contains("PromoteModel") || path.contains("RollbackModel") => Admin,
                _ => Read,
            };
            assert_eq!(method.scope, expected, "{}", method.path);
        }
    }

    #[test]
    fn labels_and_names() {
        assert_eq!(Method::at("/foldin.v1.ModelService/GetModel").unwrap().label(), "ModelService/GetModel");
        assert!(Method::at("/foldin.v1.ModelService/getmodel").is_none());
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
        }
        assert!("write".parse::<Scope>().unwrap_err().to_string().contains("read, events and admin"));
    }
}
