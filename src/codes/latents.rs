//! What a latent stands for: the entities that have most of it.

use super::InvertedIndex;

/// A latent with its strongest entities.
#[derive(Clone, Debug, PartialEq)]
pub struct Latent {
    /// Its place in the codes.
    pub place: usize,
    /// Entities with a value there other than 0.
    pub entities: usize,
    /// Those with the largest values above 0, largest first, equals in their order.
    pub strongest: Vec<(u32, f32)>,
    /// Those with the smallest below 0, smallest first: what it stands against.
    pub opposite: Vec<(u32, f32)>,
}

/// The `latents` that the most entities have a value for, the most first and equals in their order, each with up to
/// `named` entities at both of its ends.
#[must_use]
pub fn latents(index: &InvertedIndex, latents: usize, named: usize) -> Vec<Latent> {
    let present = |place: usize| index.list(place).filter(|(_, value)| *value != 0.0);
    let mut busiest: Vec<(usize, usize)> = (0..index.width()).map(|place| (place, present(place).count())).collect();
    busiest.sort_by_key(|&(place, entities)| (std::cmp::Reverse(entities), place));
    busiest.truncate(latents);
    let latent = |(place, entities)| {
        let mut values: Vec<(u32, f32)> = present(place).collect();
        values.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let strongest = values.iter().copied().take_while(|(_, value)| *value > 0.0).take(named).collect();
        values.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let opposite = values.into_iter().take_while(|(_, value)| *value < 0.0).take(named).collect();
        Latent { place, entities, strongest, opposite }
    };
    busiest.into_iter().filter(|(_, entities)| *entities > 0).map(latent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::SparseCodes;
    use crate::linalg::Columns;

    #[test]
    fn the_busiest_latents_are_named_by_both_ends() {
        let vectors = [3.0, -1.0, 0.0, 2.0, 0.0, 1.0, 5.0, -4.0, 0.0, 1.0, -2.0, 0.0];
        let codes = SparseCodes::of(Columns::new(&vectors, (3, 4)), 2);
        let found = latents(&InvertedIndex::of(&codes), 2, 2);
        let entities = |pairs: &[(u32, f32)]| pairs.iter().map(|pair| pair.0).collect::<Vec<_>>();
        assert_eq!((found[0].place, found[0].entities, found.len()), (0, 4, 2));
        assert_eq!((entities(&found[0].strongest), entities(&found[0].opposite)), (vec![2, 0], vec![]));
        assert_eq!((found[1].place, found[1].entities), (1, 3));
        assert_eq!((entities(&found[1].strongest), entities(&found[1].opposite)), (vec![], vec![2, 3]));
    }
}
