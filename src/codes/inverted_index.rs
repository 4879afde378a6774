//! Search over sparse codes: for every latent, the entities that have a value there.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::SparseCodes;
use crate::linalg::zeros;

/// The values of [`SparseCodes`] by their place. A query looks only at the latents that it has a value for, and at every
/// entity with a value there: its inner products are those of brute force, to the last bit.
#[derive(Clone, Debug)]
pub struct InvertedIndex {
    /// Where the list of each place begins, and where the last one ends.
    starts: Vec<usize>,
    /// The entities of each list, ascending, and their values.
    entities: Vec<u32>,
    values: Vec<i8>,
    scales: Vec<f32>,
}

/// Values of codes that [`InvertedIndex::exactness`] looks at, at most, if it asks about more than one entity.
const MOST_VALUES: usize = 500_000_000;

/// What an index finds beside brute force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exactness {
    /// Entities asked about.
    pub asked: usize,
    /// Inner products of theirs with all entities.
    pub products: usize,
    /// Those whose bits are not those of brute force.
    pub differing: usize,
}

impl InvertedIndex {
    /// The index of codes. 5 bytes a value, 4 an entity and 8 a place.
    #[must_use]
    pub fn of(codes: &SparseCodes) -> Self {
        let all = |entity| codes.integers(entity).map(move |(place, value)| (place as usize, entity as u32, value));
        let mut starts = vec![0; codes.width() + 1];
        (0..codes.len()).flat_map(all).for_each(|(place, ..)| starts[place + 1] += 1);
        for place in 0..codes.width() {
            starts[place + 1] += starts[place];
        }
        let mut next = starts.clone();
        let (mut entities, mut values) = (vec![0; starts[codes.width()]], vec![0; starts[codes.width()]]);
        for (place, entity, value) in (0..codes.len()).flat_map(all) {
            (entities[next[place]], values[next[place]]) = (entity, value);
            next[place] += 1;
        }
        Self { starts, entities, values, scales: codes.scales().to_vec() }
    }

    /// Number of entities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// Number of places.
    #[must_use]
    pub fn width(&self) -> usize {
        self.starts.len() - 1
    }

    /// The entities with a value at a place, and the values.
    pub fn list(&self, place: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let range = self.starts[place]..self.starts[place + 1];
        let values = self.entities[range.clone()].iter().zip(&self.values[range]);
        values.map(|(&entity, &value)| (entity, self.scales[entity as usize] * f32::from(value)))
    }

    /// The inner products of a query, written out over the places, with every entity: the bits of [`SparseCodes::dot`].
    ///
    /// # Panics
    /// When the query has not one value a place, or `out` not one an entity.
    pub fn inner_products(&self, query: &[f32], out: &mut [f32]) {
        assert_eq!((query.len() + 1, out.len()), (self.starts.len(), self.len()), "a value a place and an entity");
        out.fill(0.0);
        for (place, &factor) in query.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
            let range = self.starts[place]..self.starts[place + 1];
            for (&entity, &value) in self.entities[range.clone()].iter().zip(&self.values[range]) {
                out[entity as usize] += f32::from(value) * factor;
            }
        }
        out.iter_mut().zip(&self.scales).for_each(|(product, scale)| *product *= scale);
    }

    /// Asks about up to `asked` entities, spread over all of them, and computes the inner products of each with everyone by the
    /// index and by brute force over `codes`, those that it is the index of.
    ///
    /// # Panics
    /// When these are other codes.
    #[must_use]
    pub fn exactness(&self, codes: &SparseCodes, asked: usize) -> Exactness {
        assert_eq!((self.len(), self.width()), (codes.len(), codes.width()), "an index of these codes");
        let asked = asked.min((MOST_VALUES / (self.len() * codes.kept()).max(1)).max(1));
        let step = self.len().div_ceil(asked.max(1)).max(1);
        let chosen: Vec<usize> = (0..self.len()).step_by(step).collect();
        let differing = chosen.par_iter().map(|&entity| {
            let query = codes.dense(entity..entity + 1);
            let mut found = zeros(self.len());
            self.inner_products(query.as_slice(), &mut found);
            let exact =
                |(other, product): &(usize, &f32)| product.to_bits() == codes.dot(*other, query.as_slice()).to_bits();
            found.iter().enumerate().filter(|pair| !exact(pair)).count()
        });
        Exactness { asked: chosen.len(), products: chosen.len() * self.len(), differing: differing.sum() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linalg::Columns;

    proptest! {
        #[test]
        fn it_finds_what_brute_force_finds(
            (width, kept, vectors) in (1usize..20).prop_flat_map(|width| {
                let vector = prop::collection::vec(-1.0f32..1.0, width);
                (Just(width), 1..=width, prop::collection::vec(vector, 1..30))
            }),
            query in prop::collection::vec(prop_oneof![Just(0.0f32), -1.0f32..1.0], 20),
        ) {
            let codes = SparseCodes::of(Columns::new(&vectors.concat(), (width, vectors.len())), kept);
            let index = InvertedIndex::of(&codes);
            let mut found = vec![f32::NAN; codes.len()];
            index.inner_products(&query[..width], &mut found);
            for (entity, product) in found.iter().enumerate() {
                prop_assert_eq!(product.to_bits(), codes.dot(entity, &query[..width]).to_bits());
            }
            let listed: usize = (0..width).map(|place| index.list(place).count()).sum();
            prop_assert_eq!(listed, kept * codes.len());
            let asked = index.exactness(&codes, 5);
            prop_assert!(asked.asked <= 5 && asked.products == asked.asked * codes.len() && asked.differing == 0);
        }
    }

    #[test]
    fn what_differs_from_brute_force_is_counted() {
        let codes = SparseCodes::of(Columns::new(&[3.0, 0.0, 1.0, 2.0, 0.0, 1.0], (2, 3)), 1);
        let index = InvertedIndex::of(&SparseCodes::of(Columns::new(&[3.0, 0.0, 2.0, 1.0, 0.0, 1.0], (2, 3)), 1));
        // The second stands in the list of the other place: every product with it is another one.
        assert_eq!(index.exactness(&codes, 9), Exactness { asked: 3, products: 9, differing: 3 });
    }
}
