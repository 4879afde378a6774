//! What several rows of one user and item are merged into: the one home of the rules about duplicates.

use super::rules::Duplicates;

/// A sum of numbers without rounding errors, so that it does not depend on their order, nor on how many of them
/// were added up before: an expansion of numbers that do not overlap (Shewchuk 1997, "Adaptive Precision
/// Floating-Point Arithmetic"), the smallest first. One part is enough unless magnitudes differ widely.
///
/// Exact for any `f32`: their sums neither overflow nor underflow an `f64`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExactSum {
    parts: Vec<f64>,
}

impl ExactSum {
    /// Adds a number.
    pub fn add(&mut self, number: f64) {
        let (mut rest, mut kept) = (number, 0);
        for at in 0..self.parts.len() {
            let (large, small) = match (rest, self.parts[at]) {
                (a, b) if a.abs() < b.abs() => (b, a),
                (a, b) => (a, b),
            };
            let sum = large + small;
            let error = small - (sum - large);
            if error != 0.0 {
                self.parts[kept] = error;
                kept += 1;
            }
            rest = sum;
        }
        self.parts.truncate(kept);
        self.parts.push(rest);
    }

    /// The numbers that together are the sum.
    #[must_use]
    pub fn parts(&self) -> &[f64] {
        &self.parts
    }

    /// The number next to the sum; of two equally near ones the even one.
    #[must_use]
    pub fn value(&self) -> f64 {
        let mut parts = self.parts.iter().rev();
        let Some(&(mut sum)) = parts.next() else { return 0.0 };
        let mut error = 0.0;
        for &part in parts.by_ref() {
            let larger = sum;
            sum = larger + part;
            error = part - (sum - larger);
            if error != 0.0 {
                break;
            }
        }
        // Halfway between two numbers, what is left decides.
        if let Some(&next) = parts.next()
            && error * next > 0.0
        {
            let doubled = error * 2.0;
            let other = sum + doubled;
            if other - sum == doubled {
                return other;
            }
        }
        sum
    }

    /// Forgets all numbers.
    fn clear(&mut self) {
        self.parts.clear();
    }
}

/// Rows of one user and item on their way to one weight, in any order. `T` is when a row happened.
#[derive(Clone, Debug)]
pub struct Merging<T> {
    rule: Duplicates,
    /// The latest row, the heaviest among equally late ones.
    latest: Option<(T, f32)>,
    largest: f32,
    sum: ExactSum,
}

impl<T: Copy + Ord> Merging<T> {
    /// No rows yet.
    #[must_use]
    pub fn new(rule: Duplicates) -> Self {
        Self { rule, latest: None, largest: 0.0, sum: ExactSum::default() }
    }

    /// Adds a row; its weight is finite and greater than 0.
    pub fn add(&mut self, time: T, weight: f32) {
        self.add_merged(time, weight, &[]);
    }

    /// Adds what rows were merged into before: the time of the latest, the weight, and where the rule adds up and the
    /// weight is not exactly the sum, the [parts](ExactSum::parts) of the sum.
    pub fn add_merged(&mut self, time: T, weight: f32, sum: &[f64]) {
        match self.rule {
            Duplicates::Max => self.largest = self.largest.max(weight),
            Duplicates::Last => {}
            Duplicates::Sum if sum.is_empty() => self.sum.add(weight.into()),
            Duplicates::Sum => sum.iter().for_each(|&part| self.sum.add(part)),
        }
        if self.latest.is_none_or(|(latest, heaviest)| time > latest || (time == latest && weight > heaviest)) {
            self.latest = Some((time, weight));
        }
    }

    /// The weight of all rows together.
    ///
    /// # Errors
    /// A sum that an `f32` cannot hold.
    pub fn weight(&self) -> Result<f32, f64> {
        match self.rule {
            Duplicates::Max => Ok(self.largest),
            Duplicates::Last => Ok(self.latest.map_or(0.0, |(_, weight)| weight)),
            Duplicates::Sum => {
                let sum = self.sum.value();
                if sum > f64::from(f32::MAX) { Err(sum) } else { Ok(sum as f32) }
            }
        }
    }

    /// The time of the latest row.
    #[must_use]
    pub fn latest(&self) -> Option<T> {
        self.latest.map(|(time, _)| time)
    }

    /// The parts of the sum, where the rule adds up and the weight alone would not tell it.
    #[must_use]
    pub fn inexact_sum(&self) -> Option<&[f64]> {
        let parts = self.sum.parts();
        let exact = parts.is_empty() || (parts.len() == 1 && f64::from(parts[0] as f32) == parts[0]);
        (!exact).then_some(parts)
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.latest = None;
        self.largest = 0.0;
        self.sum.clear();
    }
}

/// The exact sums of those interactions of a matrix whose weight is only the number next to it.
///
/// An entry an interaction and part of its sum, by ascending position in the order of the matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExactSums {
    at: Vec<u64>,
    parts: Vec<f64>,
}

impl ExactSums {
    /// Sums read from elsewhere; `None` unless positions ascend and parts are finite.
    #[must_use]
    pub fn checked(at: Vec<u64>, parts: Vec<f64>) -> Option<Self> {
        let usable = at.len() == parts.len() && at.is_sorted() && parts.iter().all(|part| part.is_finite());
        usable.then_some(Self { at, parts })
    }

    /// Appends the parts of the sum at a position, which is not before the last one.
    pub fn push(&mut self, at: u64, parts: &[f64]) {
        self.at.extend(std::iter::repeat_n(at, parts.len()));
        self.parts.extend_from_slice(parts);
    }

    /// The positions, one a part.
    #[must_use]
    pub fn positions(&self) -> &[u64] {
        &self.at
    }

    /// The parts of all sums.
    #[must_use]
    pub fn parts(&self) -> &[f64] {
        &self.parts
    }

    /// The parts of the sum at a position; none where the weight is the sum.
    #[must_use]
    pub fn of(&self, at: u64) -> &[f64] {
        let start = self.at.partition_point(|&position| position < at);
        let length = self.at[start..].iter().take_while(|&&position| position == at).count();
        &self.parts[start..start + length]
    }

    /// Number of parts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// True when every weight is its sum.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// Drops all parts from number `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        self.at.truncate(len);
        self.parts.truncate(len);
    }

    /// Moves part number `from` to number `to`, at another position.
    pub(super) fn relocate(&mut self, from: usize, to: usize, at: u64) {
        self.at[to] = at;
        self.parts[to] = self.parts[from];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Units of 2^-149 in an `f32` greater than 0, as a number of 320 bits, lowest word first: arithmetic that
    /// cannot round.
    fn add_units(total: &mut [u64; 6], weight: f32) {
        let bits = weight.to_bits();
        let exponent = (bits >> 23).max(1) - 1;
        let mantissa = u64::from(if bits >> 23 == 0 { bits } else { (bits & 0x7f_ffff) | 0x80_0000 });
        let wide = u128::from(mantissa) << (exponent % 64);
        let mut carry = 0;
        let parts = [wide as u64, (wide >> 64) as u64].into_iter().chain(std::iter::repeat(0));
        for (word, part) in total[(exponent / 64) as usize..].iter_mut().zip(parts) {
            let sum = u128::from(*word) + u128::from(part) + carry;
            *word = sum as u64;
            carry = sum >> 64;
        }
    }

    /// The number next to that many units, ties to even.
    fn nearest(total: &[u64; 6]) -> f64 {
        let Some(top) = (0..384usize).rev().find(|bit| total[bit / 64] >> (bit % 64) & 1 == 1) else { return 0.0 };
        let bit = |at: usize| total[at / 64] >> (at % 64) & 1;
        let low = top.saturating_sub(52);
        let mut mantissa: u64 = (low..=top).rev().fold(0, |mantissa, at| mantissa << 1 | bit(at));
        let half = low > 0 && bit(low - 1) == 1;
        let rest = (0..low.saturating_sub(1)).any(|at| bit(at) == 1);
        if half && (rest || mantissa & 1 == 1) {
            mantissa += 1;
        }
        mantissa as f64 * (low as f64 - 149.0).exp2()
    }

    proptest! {
        #[test]
        fn sums_are_those_of_arithmetic_that_cannot_round(
            mut bits in prop::collection::vec(1u32..0x7f00_0000, 1..40),
            cut in 0usize..40,
        ) {
            let mut units = [0; 6];
            let mut sum = ExactSum::default();
            for weight in bits.iter().map(|&bits| f32::from_bits(bits)) {
                add_units(&mut units, weight);
                sum.add(weight.into());
            }
            prop_assert_eq!(sum.value().to_bits(), nearest(&units).to_bits());
            // In another order, and with some of them added up before.
            bits.sort_unstable();
            let (first, second) = bits.split_at(cut.min(bits.len()));
            let (mut before, mut all) = (ExactSum::default(), ExactSum::default());
            first.iter().for_each(|&bits| before.add(f32::from_bits(bits).into()));
            second.iter().for_each(|&bits| all.add(f32::from_bits(bits).into()));
            before.parts().iter().for_each(|&part| all.add(part));
            prop_assert_eq!(all.value().to_bits(), sum.value().to_bits());
        }
    }

    #[test]
    fn rows_merge_by_the_rule_in_any_order() {
        let rows = [(3, 1.0f32), (5, 2.0), (5, 4.0), (4, 8.0)];
        for (rule, expected) in [(Duplicates::Max, 8.0), (Duplicates::Last, 4.0), (Duplicates::Sum, 15.0)] {
            for turn in 0..rows.len() {
                let mut merging = Merging::new(rule);
                rows.iter().cycle().skip(turn).take(rows.len()).for_each(|&(time, weight)| merging.add(time, weight));
                assert_eq!((merging.weight(), merging.latest()), (Ok(expected), Some(5)), "{rule:?} from {turn}");
            }
        }
    }

    #[test]
    fn a_sum_that_the_weight_does_not_tell_is_kept() {
        let mut merging = Merging::new(Duplicates::Sum);
        merging.add(0, 1.0);
        assert_eq!(merging.inexact_sum(), None);
        let tiny = 2f32.powi(-30);
        merging.add(1, tiny);
        assert_eq!((merging.weight(), merging.inexact_sum().map(<[f64]>::len)), (Ok(1.0), Some(1)));
        let mut sums = ExactSums::default();
        sums.push(7, merging.inexact_sum().unwrap());
        assert_eq!((sums.of(6), sums.of(7), sums.of(8)), (&[][..], &[1.0 + f64::from(tiny)][..], &[][..]));
        merging.add(2, f32::MAX);
        merging.add(2, f32::MAX);
        assert!(merging.weight().unwrap_err() > f64::from(f32::MAX));
    }
}
