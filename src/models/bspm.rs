//! BSPM: the history is blurred on the user–item graph, then sharpened again.
//!
//! Choi et al. 2023, "Blurring-Sharpening Process Models for Collaborative Filtering". In the notation of
//! [the normalised graph](super::graph), with P = R̃ᵀR̃: the blurred signals are r · P (one Euler step of the heat equation)
//! and r · D_I^{-1/2} V Vᵀ D_I^{1/2}; sharpening follows dx/dt = −x · P (eq. 9) for a time T_s in K_s steps. A step of h by an
//! explicit Runge–Kutta method of order p is the Taylor polynomial Σ_{n ≤ p} (−hP)ⁿ / n!.

use serde::{Deserialize, Serialize};

use super::low_pass::LowPassConfig;
use super::two_hops::{Filter, TwoHops};
use super::{InputWeights, ModelConfig};
use crate::linalg::{Columns, ColumnsMut, GramOperator, axpy};

/// Parameters of BSPM. The defaults are those of the authors' code for Yelp2018; it has rank 448, beta 0.2, a sharpening
/// time of 2.5, order 4 and no average for Gowalla.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BspmConfig {
    /// Singular vectors of the low-pass, which is the dimension of embeddings.
    pub rank: usize,
    /// Weight β of the low-pass beside the two hops.
    pub beta: f32,
    /// Time T_s of the sharpening; 0 leaves it out.
    pub sharpening_time: f32,
    /// Steps K_s of the sharpening.
    pub sharpening_steps: usize,
    /// Order of its solver: 1 for Euler's method, 4 for the classical one of Runge and Kutta.
    pub order: usize,
    /// True when the low-pass is sharpened as well, false when it is added afterwards.
    pub sharpens_low_pass: bool,
    /// True when the score is the mean of the blurred signal and those after every step, false when it is the last.
    pub averages: bool,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for BspmConfig {
    fn default() -> Self {
        Self {
            rank: 384,
            beta: 0.3,
            sharpening_time: 1.2,
            sharpening_steps: 1,
            order: 1,
            sharpens_low_pass: true,
            averages: true,
            weights: InputWeights::Binary,
        }
    }
}

/// A BSPM model.
pub type Bspm = TwoHops<BspmConfig>;

impl Filter for BspmConfig {
    fn model(self) -> ModelConfig {
        ModelConfig::Bspm(self)
    }

    fn low_pass(&self) -> LowPassConfig {
        LowPassConfig { rank: self.rank, weights: self.weights }
    }

    fn filter(&self, operator: &GramOperator, signals: &mut Vec<f32>, low: &[f32]) {
        let Self { beta, sharpening_time, sharpening_steps, order, sharpens_low_pass, averages, .. } = *self;
        let mut now = signals.clone();
        if sharpens_low_pass {
            axpy(&mut now, beta, low);
        }
        let step = -sharpening_time / sharpening_steps as f32;
        let items = operator.columns();
        let shape = (now.len() / items, items);
        let mut next = vec![0.0; now.len()];
        for _ in 0..sharpening_steps {
            let mut term = now.clone();
            for n in 1..=order {
                operator.apply(Columns::new(&term, shape), ColumnsMut::new(&mut next, shape));
                next.iter_mut().for_each(|value| *value *= step / n as f32);
                now.iter_mut().zip(&next).for_each(|(now, next)| *now += next);
                std::mem::swap(&mut term, &mut next);
            }
            if averages {
                axpy(signals, 1.0, &now);
            }
        }
        if averages {
            let share = 1.0 / (1 + sharpening_steps) as f32;
            signals.iter_mut().for_each(|value| *value *= share);
        } else {
            *signals = now;
        }
        if !sharpens_low_pass {
            axpy(signals, beta, low);
        }
    }
}
