//! The naive twin of every kernel: what it computes, in the plainest code.

use super::AdamStep;
use crate::linalg::columns::{Columns, ColumnsMut};

pub fn gather(out: &mut [f32], table: Columns<'_>, offset: usize, items: &[u32], weights: &[f32]) {
    for (&item, &weight) in items.iter().zip(weights) {
        axpy(out, weight, &table.col(item as usize)[offset..][..out.len()]);
    }
}

pub fn axpy(y: &mut [f32], a: f32, x: &[f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// Number of interleaved partial sums of an inner product (the lanes of an AVX register).
const LANES: usize = 8;

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a_whole, a_rest) = a.split_at(a.len() / LANES * LANES);
    let (b_whole, b_rest) = b.split_at(a_whole.len());
    for (a, b) in a_whole.chunks_exact(LANES).zip(b_whole.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    let whole = ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7));
    a_rest.iter().zip(b_rest).fold(whole, |sum, (a, b)| sum + a * b)
}

pub fn dots(mut out: ColumnsMut<'_>, a: Columns<'_>, b: Columns<'_>) {
    for j in 0..b.cols() {
        for (i, value) in out.col(j).iter_mut().enumerate() {
            *value = dot(a.col(i), b.col(j));
        }
    }
}

pub fn dots_each(out: &mut [f32], a: &[&[f32]], b: &[f32]) {
    out.iter_mut().zip(a).for_each(|(value, column)| *value = dot(column, b));
}

pub fn softmax_loss(logits: &mut [f32], items: &[u32], weights: &[f32], scale: f32) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (total, score) = positives(logits, items, weights);
    let mut sum = 0.0f64;
    for logit in logits.iter_mut() {
        *logit = (*logit - max).exp();
        sum += f64::from(*logit);
    }
    let factor = (f64::from(scale) * total / sum) as f32;
    logits.iter_mut().for_each(|e| *e *= factor);
    subtract_targets(logits, items, weights, scale);
    total * (f64::from(max) + sum.ln()) - score
}

/// Σ x and Σ x · logit over a history, in f64.
pub(super) fn positives(logits: &[f32], items: &[u32], weights: &[f32]) -> (f64, f64) {
    items.iter().zip(weights).fold((0.0, 0.0), |(total, score), (&item, &weight)| {
        let weight = f64::from(weight);
        (total + weight, score + weight * f64::from(logits[item as usize]))
    })
}

/// The −x part of the multinomial gradient.
pub(super) fn subtract_targets(gradient: &mut [f32], items: &[u32], weights: &[f32], scale: f32) {
    for (&item, &weight) in items.iter().zip(weights) {
        gradient[item as usize] -= scale * weight;
    }
}

pub fn tanh_bias(x: &mut [f32], bias: &[f32]) {
    for (x, bias) in x.iter_mut().zip(bias) {
        *x = (*x + bias).tanh();
    }
}

pub fn adam(step: &AdamStep, value: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
    for (((value, first), second), &gradient) in value.iter_mut().zip(first).zip(second).zip(gradient) {
        let gradient = gradient + step.weight_decay * *value;
        *first += (1.0 - step.beta1) * (gradient - *first);
        *second = step.beta2 * *second + (1.0 - step.beta2) * gradient * gradient;
        let direction = step.rate * *first + step.gradient_rate * gradient;
        *value -= direction / (second.sqrt() * step.second_scale + step.epsilon);
    }
}
