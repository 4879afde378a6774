//! Users like users, and items like items within a condition.

use std::sync::atomic::{AtomicUsize, Ordering};

use foldin::engine::{Engine, LiveHistory, RequestError, ShortList, SimilarUser, SimilarUsersRequest};

use crate::fixture::{USERS, ease, item_id, mult_dae, mult_vae, user_id};
use crate::harness::{items, number, open, stored};

fn like(user: usize, n: usize) -> SimilarUsersRequest {
    SimilarUsersRequest { user_id: Some(user_id(user)), n, ..SimilarUsersRequest::default() }
}

fn similar(engine: &Engine, request: &SimilarUsersRequest) -> Vec<SimilarUser> {
    engine.similar_users(request, &|| false).unwrap().unwrap()
}

#[test]
fn similar_users_have_the_largest_cosines() {
    for config in [mult_vae(), mult_dae()] {
        let engine = open(&config);
        let ids: Vec<String> = (0..USERS).map(user_id).collect();
        let vectors: Vec<Vec<f32>> = engine
            .user_embeddings(&ids, &vec![LiveHistory::default(); ids.len()])
            .unwrap()
            .entries
            .into_iter()
            .flatten()
            .collect();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        for user in [3, 43] {
            let cosine = |other: usize| {
                let (a, b) = (&vectors[user], &vectors[other]);
                dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
            };
            let found = similar(&engine, &like(user, 10));
            assert_eq!(found.len(), 10);
            assert!(found.is_sorted_by(|a, b| a.similarity >= b.similarity));
            let mut cosines: Vec<f64> = (0..USERS).filter(|&other| other != user).map(cosine).collect();
            cosines.sort_by(|a, b| b.total_cmp(a));
            for (found, expected) in found.iter().zip(&cosines) {
                assert!((f64::from(found.similarity) - expected).abs() < 1e-5, "{found:?} {expected}");
                let other = ids.iter().position(|id| *id == found.user_id).unwrap();
                assert!((cosine(other) - expected).abs() < 1e-5);
                assert_ne!(other, user, "oneself is not among them");
            }
            assert_eq!(similar(&engine, &like(user, 10)), found, "also from what was kept");
            assert_eq!(similar(&engine, &like(user, 1000)).len(), USERS - 1);
        }
        // The same history without a name finds its owner first.
        let nameless = SimilarUsersRequest { history: stored(43), n: 1, ..SimilarUsersRequest::default() };
        assert!(similar(&engine, &nameless)[0].similarity > 0.999_99);
        let best = similar(&engine, &like(43, 2));
        let hidden = SimilarUsersRequest { hidden: vec![best[0].user_id.clone(), "nobody".into()], ..like(43, 1) };
        assert_eq!(similar(&engine, &hidden), best[1..]);
    }
}

#[test]
fn similar_users_stop_when_told_to() {
    let engine = open(&mult_vae());
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::SeqCst) == 0;
    assert_eq!(engine.similar_users(&like(3, 5), &stop).unwrap(), None);
}

#[test]
fn similar_users_without_an_answer() {
    let refused =
        |engine: &Engine, request: &SimilarUsersRequest| engine.similar_users(request, &|| false).unwrap_err();
    let engine = open(&mult_vae());
    let stranger = SimilarUsersRequest { user_id: Some("nobody".into()), ..like(3, 5) };
    assert!(matches!(refused(&engine, &stranger), RequestError::UnknownUser { .. }));
    assert!(matches!(refused(&engine, &SimilarUsersRequest { user_id: None, ..like(3, 5) }), RequestError::NoSubject));
    assert_eq!(refused(&engine, &like(3, 0)).to_string(), "n is 0, must be between 1 and 1000");
    let unknown = SimilarUsersRequest { history: items([99]), user_id: None, ..like(3, 5) };
    assert!(matches!(refused(&engine, &unknown), RequestError::Unexplained { .. }));
    let error = refused(&open(&ease()), &like(3, 5));
    assert_eq!(error.to_string(), "model ease has no user embeddings");
}

#[test]
fn similar_items_within_a_condition() {
    for config in [ease(), mult_vae()] {
        let engine = open(&config);
        let all = engine.similar_items(&item_id(4), 100, None).unwrap();
        let some = engine.similar_items(&item_id(4), 100, Some("tags has 'third'")).unwrap();
        let expected: Vec<_> = all.items.iter().filter(|item| number(&item.item_id).is_multiple_of(3)).collect();
        assert_eq!(some.items.len(), expected.len());
        for (found, expected) in some.items.iter().zip(expected) {
            assert_eq!((&found.item_id, found.score.to_bits()), (&expected.item_id, expected.score.to_bits()));
        }
        assert_eq!(
            engine.similar_items(&item_id(4), 20, Some("tags has 'third'")).unwrap().short,
            Some(ShortList::Filtered)
        );
        let none = engine.similar_items(&item_id(4), 5, Some("tags has 'x'")).unwrap();
        assert_eq!((none.items.len(), none.short), (0, Some(ShortList::NothingMatches)));
        let error = engine.similar_items(&item_id(4), 5, Some("tag has 'x'")).unwrap_err();
        assert_eq!(error.field(), Some("filter"));
        assert!(error.to_string().contains("did you mean `tags`?"), "{error}");
    }
}
