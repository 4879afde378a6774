//! Which data a model was made of, in one hash.

use crate::interactions::{IdMap, Interactions};

/// BLAKE3 over the ids of users and items and the content of the matrix, as 64 hexadecimal digits.
///
/// Equal fingerprints mean equal training data; the order of rows in the log does not matter, as
/// the matrix has none.
#[must_use]
pub fn fingerprint(users: &IdMap, items: &IdMap, interactions: &Interactions) -> String {
    let mut hasher = blake3::Hasher::new();
    for ids in [users, items] {
        hash_ids(&mut hasher, ids);
    }
    for history in interactions.histories() {
        hasher.update(&(history.len() as u64).to_le_bytes());
        hasher.update(bytemuck::cast_slice(history.items()));
        hasher.update(bytemuck::cast_slice(history.weights()));
    }
    hasher.finalize().to_hex().to_string()
}

/// The type of the ids counts: the integer 7 and the text "7" join with different things.
fn hash_ids(hasher: &mut blake3::Hasher, ids: &IdMap) {
    let kind: &[u8] = match ids {
        IdMap::Int(_) => b"int",
        IdMap::Uint(_) => b"uint",
        IdMap::Uuid(_) => b"uuid",
        IdMap::Text(_) => b"text",
    };
    hasher.update(kind);
    hasher.update(&(ids.len() as u64).to_le_bytes());
    match ids {
        IdMap::Int(ids) => drop(hasher.update(bytemuck::cast_slice::<i64, u8>(ids))),
        IdMap::Uint(ids) => drop(hasher.update(bytemuck::cast_slice(ids))),
        IdMap::Uuid(ids) => ids.iter().for_each(|id| _ = hasher.update(id.as_bytes())),
        IdMap::Text(ids) => (0..ids.len()).map(|i| ids.get(i)).for_each(|id| {
            hasher.update(&(id.len() as u64).to_le_bytes());
            hasher.update(id.as_bytes());
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_data_counts() {
        let matrix = |items: Vec<u32>, weights: Vec<f32>, offsets: Vec<usize>| {
            Interactions::from_csr((2, 3), offsets, items, weights).unwrap()
        };
        let (users, items) = (IdMap::Int(vec![1, 2].into()), IdMap::Int(vec![7, 8, 9].into()));
        let base = matrix(vec![0, 2, 1], vec![1.0, 1.0, 1.0], vec![0, 2, 3]);
        let reference = fingerprint(&users, &items, &base);
        assert_eq!(reference, fingerprint(&users, &items, &base.clone()));
        for other in [
            fingerprint(&IdMap::Int(vec![1, 3].into()), &items, &base),
            fingerprint(&IdMap::Uint(vec![1, 2]), &items, &base),
            fingerprint(&users, &IdMap::Text(["7", "8", "9"].into_iter().collect()), &base),
            fingerprint(&users, &items, &matrix(vec![0, 2, 2], vec![1.0, 1.0, 1.0], vec![0, 2, 3])),
            fingerprint(&users, &items, &matrix(vec![0, 2, 1], vec![1.0, 2.0, 1.0], vec![0, 2, 3])),
            fingerprint(&users, &items, &matrix(vec![0, 1, 2], vec![1.0, 1.0, 1.0], vec![0, 1, 3])),
        ] {
            assert_ne!(reference, other);
        }
    }
}
