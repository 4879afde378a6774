use proptest::prelude::*;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::random::{Purpose, stream};

/// Statistics at 61 lengths, in several groups.
fn users() -> Vec<(u32, f64)> {
    let of = |i: u32| {
        let length = 1 + (i * i * 7 + 3 * i) % 61;
        (length, 0.02 + f64::from((i * 37) % 101) / 250.0 + f64::from(length) / 1000.0)
    };
    (0..900).map(of).collect()
}

/// The numbers come from a program of its own, written after the formulas with NumPy: `interp` and `std` for the curve,
/// a sort by ratio of lengths for those alike.
#[test]
fn golden_values() {
    let calibration = Calibration::from_statistics(users()).unwrap();
    assert_eq!(calibration.knots.len(), 7);
    for (length, statistic, p_value, surprise, outside) in [
        (1, 0.05, 0.9301745635910225, -1.7580340264560907, false),
        (7, 0.3, 0.33915211970074816, 0.6395466277125672, false),
        (30, 0.2, 0.6059850374064838, -0.09281047152042951, false),
        (61, 0.49, 0.0024330900243309003, 1.3847238591056972, false),
        (200, 0.3, 0.43795620437956206, 0.4141298479090905, true),
        (30, 0.9, 0.0024937655860349127, 2.4653276135852984, false),
    ] {
        let found = calibration.assess(length, statistic);
        assert!((found.p_value - p_value).abs() < 1e-15, "{length}, {statistic}: {found:?}");
        assert!((found.surprise - surprise).abs() < 1e-12, "{length}, {statistic}: {found:?}");
        assert_eq!(found.outside, outside, "{length}, {statistic}");
    }
}

#[test]
fn the_order_of_the_users_does_not_matter() {
    let mut reversed = users();
    reversed.reverse();
    assert_eq!(Calibration::from_statistics(reversed), Calibration::from_statistics(users()));
}

#[test]
fn what_cannot_calibrate_is_refused() {
    let found = FEWEST_USERS - 1;
    let few = users()[..found].to_vec();
    assert_eq!(Calibration::from_statistics(few), Err(CalibrationError::TooFew { found }));
    for (length, statistic) in [(0, 0.5), (3, 0.0), (3, 1.5), (3, -0.1), (3, f64::NAN), (3, f64::INFINITY)] {
        let mut users = users();
        users[7] = (length, statistic);
        let error = Calibration::from_statistics(users).unwrap_err();
        assert!(matches!(error, CalibrationError::Value { position: 7, .. }), "{length}, {statistic}: {error}");
    }
}

#[test]
fn users_that_are_all_the_same_have_p_values_too() {
    let calibration = Calibration::from_statistics(vec![(1, 0.5); 150]).unwrap();
    for (length, outside) in [(1, false), (2, true)] {
        let p_value = |statistic| calibration.assess(length, statistic).p_value;
        assert_eq!([0.4, 0.5, 0.6].map(p_value), [1.0, 1.0, 1.0 / 151.0]);
        assert_eq!(calibration.assess(length, 0.5).outside, outside);
    }
    assert!(calibration.assess(1, 0.6).surprise.is_finite());
}

#[test]
fn those_alike_are_the_nearest_by_ratio() {
    let lengths = [2, 4, 8, 16, 32].into_iter().flat_map(|length| [(length, 0.3); 300]);
    let calibration = Calibration::from_statistics(lengths.collect()).unwrap();
    // 8 is a factor of 2 away from 4 and 16: of equals the longer.
    assert_eq!(calibration.alike(8), 600..1200);
    assert_eq!(calibration.alike(7), 300..900);
    assert_eq!(calibration.alike(1), 0..600);
    assert_eq!(calibration.alike(1000), 900..1500);
}

/// Normal users: location and spread of the statistic change with the length.
fn normal(users: usize, seed: u64) -> Vec<(u32, f64)> {
    let mut rng = stream(seed, Purpose::HoldOutUsers, [0, 0]);
    let mut user = || {
        let length: u32 = 1 + (6.0 * rng.random::<f64>()).exp() as u32;
        let (bent, noise): (f64, f64) = (f64::from(length).ln(), StandardNormal.sample(&mut rng));
        (length, (-2.5 + 0.1 * (bent - 2.0).powi(2) + (0.2 + 0.8 / (1.0 + bent)) * noise).exp().min(1.0))
    };
    (0..users).map(|_| user()).collect()
}

/// Kolmogorov's distance to the uniform distribution.
fn distance(mut p_values: Vec<f64>) -> f64 {
    p_values.sort_by(f64::total_cmp);
    let count = p_values.len() as f64;
    let gap = |(at, p): (usize, &f64)| (p - at as f64 / count).abs().max((p - (at + 1) as f64 / count).abs());
    p_values.iter().enumerate().map(gap).fold(0.0, f64::max)
}

#[test]
fn p_values_of_normal_users_are_uniform_at_every_length() {
    let calibration = Calibration::from_statistics(normal(4_000, 1)).unwrap();
    let mut tested = normal(8_000, 2);
    tested.sort_by_key(|user| user.0);
    let p_values: Vec<f64> = tested.iter().map(|&(l, s)| calibration.assess(l as usize, s).p_value).collect();
    assert!(distance(p_values.clone()) < 0.03);
    for (quarter, p_values) in p_values.chunks(2_000).enumerate() {
        let found = distance(p_values.to_vec());
        assert!(found < 0.05, "quarter {quarter}: {found}");
    }
}

proptest! {
    /// What conformal prediction promises, exactly: of users of one length, one is as likely to be asked about as another,
    /// and then its p-value is at most 1/k with probability at most 1/k.
    #[test]
    fn a_p_value_is_no_smaller_than_its_probability(
        statistics in prop::collection::vec(1u32..200, 101..160), k in 2usize..12,
    ) {
        let all: Vec<(u32, f64)> = statistics.iter().map(|&s| (9, f64::from(s) / 200.0)).collect();
        let small = (0..all.len()).filter(|&asked| {
            let others = all.iter().enumerate().filter(|(at, _)| *at != asked).map(|(_, user)| *user).collect();
            let calibration = Calibration::from_statistics(others).unwrap();
            calibration.assess(9, all[asked].1).p_value <= 1.0 / k as f64
        });
        prop_assert!(small.count() * k <= all.len());
    }

    #[test]
    fn a_larger_statistic_is_never_less_unusual(
        seed in 0u64..1000, length in 1usize..2000, statistics in (0.001f64..1.0, 0.001f64..1.0),
    ) {
        let calibration = Calibration::from_statistics(normal(300, seed)).unwrap();
        let (low, high) = (statistics.0.min(statistics.1), statistics.0.max(statistics.1));
        let [low, high] = [low, high].map(|statistic| calibration.assess(length, statistic));
        prop_assert!(low.p_value >= high.p_value && low.surprise <= high.surprise);
        prop_assert!(high.p_value > 0.0 && low.p_value <= 1.0);
    }
}
