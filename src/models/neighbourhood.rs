//! The Gram matrix around one item at a time, of a log whose whole Gram matrix does not fit.

use std::borrow::Cow;

use sprs::CsMatI;

/// A log from which parts of G = XᵀX are computed.
pub(super) struct Gram<'a> {
    by_user: Cow<'a, CsMatI<f32, u32, usize>>,
    /// The same entries by item.
    by_item: CsMatI<f32, u32, usize>,
    /// Gᵢᵢ.
    diagonal: Vec<f32>,
}

impl<'a> Gram<'a> {
    /// Of the rows X, users × items.
    pub fn new(rows: Cow<'a, CsMatI<f32, u32, usize>>) -> Self {
        let by_item = rows.to_csc();
        let diagonal = by_item.outer_iterator().map(|column| column.data().iter().map(|x| x * x).sum()).collect();
        Self { by_user: rows, by_item, diagonal }
    }

    /// Users and weights of an item, users ascending.
    fn users(&self, item: u32) -> impl Iterator<Item = (usize, f32)> {
        let range = self.by_item.indptr().outer_inds_sz(item as usize);
        let users = &self.by_item.indices()[range.clone()];
        users.iter().map(|user| *user as usize).zip(self.by_item.data()[range].iter().copied())
    }

    /// Items and weights of a user, items ascending.
    fn items(&self, user: usize) -> impl Iterator<Item = (u32, f32)> {
        let range = self.by_user.indptr().outer_inds_sz(user);
        self.by_user.indices()[range.clone()].iter().copied().zip(self.by_user.data()[range].iter().copied())
    }
}

/// The items nearest to one, and the parts of the Gram matrix that concern them.
pub(super) struct Neighbourhood {
    /// The items N, ascending.
    pub items: Vec<u32>,
    /// G_NN, of which only the lower triangle is filled; column-major.
    pub block: Vec<f32>,
    /// Gᵢⱼ of the chosen item j for every i of N.
    pub column: Vec<f32>,
}

/// Memory that is used for one neighbourhood after the other, and is all zero in between.
pub(super) struct Scratch {
    /// A column of the Gram matrix.
    column: Vec<f32>,
    /// By user: how many of the neighbours they have, then where the next of these goes.
    places: Vec<u32>,
}

impl Scratch {
    /// For parts of `gram`.
    pub fn new(gram: &Gram<'_>) -> Self {
        let (users, items) = gram.by_user.shape();
        Self { column: vec![0.0; items], places: vec![0; users] }
    }
}

impl Gram<'_> {
    /// The `count` items with the largest correlations Gᵢⱼ / √(Gᵢᵢ Gⱼⱼ) with item j, of equal ones the lower; fewer where
    /// fewer have users in common with it.
    pub fn around(&self, item: u32, count: usize, scratch: &mut Scratch) -> Neighbourhood {
        let mut found = Vec::new();
        for (user, weight) in self.users(item) {
            for (other, other_weight) in self.items(user) {
                let sum = &mut scratch.column[other as usize];
                if *sum == 0.0 && other != item {
                    found.push(other);
                }
                *sum += weight * other_weight;
            }
        }
        // As Gⱼⱼ is common to all, this is in the order of the correlations.
        let nearness = |other: &u32| scratch.column[*other as usize].powi(2) / self.diagonal[*other as usize];
        let order = |a: &u32, b: &u32| nearness(b).total_cmp(&nearness(a)).then(a.cmp(b));
        let mut items = found.clone();
        if count < items.len() {
            items.select_nth_unstable_by(count, order);
            items.truncate(count);
        }
        items.sort_unstable();
        let column = items.iter().map(|near| scratch.column[*near as usize]).collect();
        found.into_iter().chain([item]).for_each(|other| scratch.column[other as usize] = 0.0);
        let block = self.block(&items, &mut scratch.places);
        Neighbourhood { items, block, column }
    }

    /// The lower triangle of G_NN: the outer products of the users' rows, of which only the items N are looked at.
    fn block(&self, items: &[u32], places: &mut [u32]) -> Vec<f32> {
        let mut users = Vec::new();
        for (user, _) in items.iter().flat_map(|item| self.users(*item)) {
            if places[user] == 0 {
                users.push(user);
            }
            places[user] += 1;
        }
        let (mut rows, mut end) = (Vec::with_capacity(users.len()), 0);
        for &user in &users {
            let start = end;
            end += places[user] as usize;
            places[user] = start as u32;
            rows.push(start..end);
        }
        let mut entries = vec![(0, 0.0); end];
        for (place, item) in items.iter().enumerate() {
            for (user, weight) in self.users(*item) {
                entries[places[user] as usize] = (place, weight);
                places[user] += 1;
            }
        }
        users.into_iter().for_each(|user| places[user] = 0);
        let mut block = vec![0.0; items.len() * items.len()];
        for row in rows {
            let row = &entries[row];
            for (at, (place, weight)) in row.iter().enumerate() {
                let column = &mut block[place * items.len()..][..items.len()];
                row[at..].iter().for_each(|(other, other_weight)| column[*other] += weight * other_weight);
            }
        }
        block
    }
}
