//! Many histories at once: which of them are flagged?

use super::{Assessment, Calibration, adjusted_p_values};

/// False discovery rate unless stated otherwise: of the histories flagged, at most a tenth is expected to be normal.
pub const DEFAULT_RATE: f64 = 0.1;

/// What is known of one history of several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// Its mean place; see [`Reconstruction::statistic`](super::Reconstruction::statistic).
    pub statistic: f64,
    /// How unusual that is among normal histories as long.
    pub assessment: Assessment,
    /// The smallest false discovery rate at which it is flagged; see [`adjusted_p_values`]. 1 for lengths outside the
    /// calibration.
    pub adjusted_p_value: f64,
    /// Flagged at the rate asked for.
    pub flagged: bool,
}

/// Assesses histories of given (length, statistic) together and flags those that are found at the false discovery rate
/// `rate`. Empty histories, which have no statistic, have no finding and do not count among the others. Nor do those longer or
/// shorter than all of the calibration, which are never flagged: their p-values are guesses, and the rate would not hold.
#[must_use]
pub fn findings(calibration: &Calibration, histories: &[Option<(usize, f64)>], rate: f64) -> Vec<Option<Finding>> {
    let assess = |(length, statistic): (usize, f64)| (statistic, calibration.assess(length, statistic));
    let assessed: Vec<Option<(f64, Assessment)>> = histories.iter().map(|history| history.map(assess)).collect();
    let within = assessed.iter().flatten().filter(|(_, assessment)| !assessment.outside);
    let p_values: Vec<f64> = within.map(|(_, assessment)| assessment.p_value).collect();
    let mut adjusted = adjusted_p_values(&p_values).into_iter();
    let finding = |assessed: Option<(f64, Assessment)>| {
        let (statistic, assessment) = assessed?;
        let adjusted = if assessment.outside { None } else { Some(adjusted.next()?) };
        let flagged = adjusted.is_some_and(|adjusted| adjusted <= rate);
        Some(Finding { statistic, assessment, adjusted_p_value: adjusted.unwrap_or(1.0), flagged })
    };
    assessed.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_histories_do_not_count() {
        let users = (0..150).map(|user| (3, 0.1 + f64::from(user) / 1000.0)).collect();
        let calibration = Calibration::from_statistics(users).unwrap();
        let odd = Some((3, 0.8));
        let found = findings(&calibration, &[None, odd, None, Some((3, 0.15)), None], 0.1);
        assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false, true, false]);
        let found: Vec<Finding> = found.into_iter().flatten().collect();
        assert_eq!(found[0].adjusted_p_value, 2.0 / 151.0, "of two, not of five");
        assert_eq!(found.iter().map(|f| f.flagged).collect::<Vec<_>>(), [true, false]);
        assert!(!findings(&calibration, &[odd], 1.0 / 152.0)[0].unwrap().flagged);
        assert!(findings(&calibration, &[odd], 1.0 / 151.0)[0].unwrap().flagged);
        assert!(findings(&calibration, &[], 0.1).is_empty());
    }

    #[test]
    fn lengths_without_a_comparison_are_not_flagged_and_do_not_count() {
        let users = (0..150).map(|user| (3, 0.1 + f64::from(user) / 1000.0)).collect();
        let calibration = Calibration::from_statistics(users).unwrap();
        let found = findings(&calibration, &[Some((1, 0.9)), Some((3, 0.8)), Some((9, 0.9))], 0.1);
        let found: Vec<(f64, bool)> = found.into_iter().flatten().map(|f| (f.adjusted_p_value, f.flagged)).collect();
        assert_eq!(found, [(1.0, false), (1.0 / 151.0, true), (1.0, false)]);
        assert!(!findings(&calibration, &[Some((1, 0.9))], 1.0)[0].unwrap().flagged);
    }
}
