//! Normalisation of the interactions that a linear model is fitted to, by powers of their counts.
//!
//! Park et al. 2025, "Why is Normalization Necessary for Linear Recommenders?": the model is fitted to
//! X̃ = D_U^−α · X · D_I^−β, where D_U and D_I hold the number of interactions of each user and each item. The
//! user power α takes weight from long histories, the item power β from popular items.
//!
//! - *The Gram matrix* becomes G̃ = D_I^−β · G · D_I^−β with Gᵢⱼ = Σᵤ nᵤ^−2α xᵤᵢ xᵤⱼ, beside the model's penalty Λ̃.
//! - *Scores are mapped back.* With weights B̃ for normalised rows, a user of n interactions goes in as n^−α · x · D_I^−β
//!   and comes out as n^α · (x̃·B̃) · D_I^β: scores are x·B with B = D_I^−β · B̃ · D_I^β.
//! - *An unseen user* is scaled by their own count on the way in and on the way out, so the two cancel: a history is all that
//!   is needed, and what an item adds to a score does not depend on how long the history is.
//! - *The item power is a penalty.* With P̃ = (G̃ + Λ̃)⁻¹ and B̃ = I − P̃·diag(κ̃), mapping back gives B = I − P·diag(κ) with
//!   P = (G + D_I^2β·Λ̃)⁻¹ and κ = D_I^2β·κ̃: the Gram matrix stays as it is, and the penalty of item i is multiplied by nᵢ^2β.

use std::borrow::Cow;

use sprs::CsMatI;

use super::InputWeights;
use crate::interactions::Interactions;

/// The powers of the counts; 0 for both leaves everything as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Normalisation {
    /// α.
    pub user_power: f32,
    /// β.
    pub item_power: f32,
}

impl Normalisation {
    /// D_U^−α · X: the rows that the Gram matrix is made of.
    pub(super) fn rows<'a>(self, weights: InputWeights, train: &'a Interactions) -> Cow<'a, CsMatI<f32, u32, usize>> {
        let mut rows = Cow::Borrowed(train.csr());
        if weights == InputWeights::Binary {
            rows.to_mut().data_mut().fill(1.0);
        }
        if self.user_power != 0.0 {
            for mut row in rows.to_mut().outer_iterator_mut() {
                let factor = (row.nnz() as f64).powf(-f64::from(self.user_power)) as f32;
                row.iter_mut().for_each(|(_, weight)| *weight *= factor);
            }
        }
        rows
    }

    /// nᵢ^2β of every item; an item that nobody has counts as if one had it.
    pub(super) fn penalty_factors(self, train: &Interactions) -> Vec<f32> {
        let power = 2.0 * f64::from(self.item_power);
        train.item_counts().into_iter().map(|users| f64::from(users.max(1)).powf(power) as f32).collect()
    }
}
