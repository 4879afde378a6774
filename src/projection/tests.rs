//! Maps of vectors that are known to be near or far.

use super::affinities::{Affinities, nearest};
use super::*;
use crate::linalg::Columns;
use crate::random::{Purpose, fill_normal};

/// `clusters` clouds of `each` vectors, as far from each other as twenty of their standard deviations.
fn clusters(clusters: usize, each: usize, dim: usize) -> Vec<f32> {
    let mut values = vec![0.0; clusters * each * dim];
    fill_normal(&mut values, 1.0, 5, Purpose::Init, 0);
    for (point, vector) in values.chunks_exact_mut(dim).enumerate() {
        // Neighbours in the table are of different clusters.
        vector[point % clusters] += 20.0;
    }
    values
}

fn mapped(values: &[f32], dim: usize, perplexity: f64) -> Result<Vec<[f32; 2]>, ProjectionError> {
    t_sne(Columns::new(values, (dim, values.len() / dim)), &TSneConfig { perplexity, seed: 1 })
}

/// The share of the `count` nearest neighbours in the plane that are of a point's own kind.
fn purity(places: &[[f32; 2]], kinds: usize, count: usize) -> f64 {
    let flat: Vec<f32> = places.iter().flatten().copied().collect();
    let near = nearest(Columns::new(&flat, (2, places.len())), count);
    let same = |(point, near): (usize, &Vec<(f32, u32)>)| {
        near.iter().filter(|(_, other)| *other as usize % kinds == point % kinds).count()
    };
    near.iter().enumerate().map(same).sum::<usize>() as f64 / (places.len() * count) as f64
}

#[test]
fn principal_components_are_those_of_a_singular_value_decomposition() {
    let (points, dim) = (12, 5);
    let value = |at: usize| {
        let (i, j) = ((at / dim) as f64, (at % dim) as f64);
        ((1.3 * i * (j + 1.0)).sin() + 0.2 * j * i) as f32
    };
    let values: Vec<f32> = (0..points * dim).map(value).collect();
    let found = pca(Columns::new(&values, (dim, points)), 1).unwrap();
    // By numpy.linalg.svd in double precision.
    let explained = [0.907_565_04, 0.031_305_25];
    let places: [[f64; 2]; 12] = [
        [-6.51207, 0.01473],
        [-5.92189, 0.63118],
        [-4.30442, -1.47772],
        [-2.81822, 1.28314],
        [-1.14225, -0.46516],
        [0.31381, -0.01863],
        [0.31067, 0.61313],
        [1.4981, -1.21764],
        [2.6463, 0.68888],
        [3.86093, -0.31901],
        [6.0502, -0.04894],
        [6.01885, 0.31604],
    ];
    for (found, expected) in found.explained.iter().zip(explained) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    for (found, expected) in found.places.iter().flatten().zip(places.iter().flatten()) {
        assert!((f64::from(*found) - expected).abs() < 2e-4, "{found} {expected}");
    }
}

#[test]
fn vectors_on_a_line_have_one_component() {
    let values: Vec<f32> = (0..5).flat_map(|at| [1.0, 2.0, 3.0].map(|step| 7.0 + step * at as f32)).collect();
    let found = pca(Columns::new(&values, (3, 5)), 1).unwrap();
    assert!((found.explained[0] - 1.0).abs() < 1e-6 && found.explained[1] == 0.0, "{:?}", found.explained);
    assert!(found.places.iter().all(|place| place[1] == 0.0));
    assert!((found.places[4][0] - found.places[0][0] - 4.0 * 14f32.sqrt()).abs() < 1e-4);
    let single = pca(Columns::new(&[1.0, 2.0, 4.0], (1, 3)), 1).unwrap();
    assert!((single.places[2][0] - single.places[0][0] - 3.0).abs() < 1e-5);
}

#[test]
fn clusters_stay_together_in_the_plane() {
    let values = clusters(12, 30, 20);
    let places = mapped(&values, 20, 10.0).unwrap();
    assert_eq!(purity(&places, 12, 10), 1.0);
    // Twelve directions do not fit into two: principal components mix them.
    let components = pca(Columns::new(&values, (20, 360)), 1).unwrap();
    assert!(purity(&components.places, 12, 10) < 0.9);
}

#[test]
fn the_gradient_is_that_of_the_divergence() {
    let (dim, points) = (3, 40);
    let mut values = vec![0.0; dim * points];
    fill_normal(&mut values, 1.0, 3, Purpose::Init, 0);
    let affinities = Affinities::new(Columns::new(&values, (dim, points)), 8.0);
    let places: Vec<[f32; 2]> = values.chunks_exact(dim).map(|vector| [vector[0], 1.5 * vector[2]]).collect();
    let divergence = |places: &[[f64; 2]]| -> f64 {
        let weight = |i: usize, j: usize| {
            1.0 / (1.0 + (places[i][0] - places[j][0]).powi(2) + (places[i][1] - places[j][1]).powi(2))
        };
        let pairs = || (0..points).flat_map(|i| (0..points).map(move |j| (i, j))).filter(|(i, j)| i != j);
        let total: f64 = pairs().map(|(i, j)| weight(i, j)).sum();
        let of_point = |i| affinities.of(i).map(move |(j, p)| (i, j as usize, f64::from(p)));
        (0..points)
            .flat_map(of_point)
            .map(|(i, j, p)| if p > 0.0 { p * (p * total / weight(i, j)).ln() } else { 0.0 })
            .sum()
    };
    let gradients =
        t_sne::gradients(&[0, 1].map(|at| places.iter().map(|place| place[at]).collect()), &affinities, 1.0);
    let exact: Vec<[f64; 2]> = places.iter().map(|place| place.map(f64::from)).collect();
    for point in (0..points).step_by(7) {
        for at in 0..2 {
            let moved = |by: f64| {
                let mut moved = exact.clone();
                moved[point][at] += by;
                divergence(&moved)
            };
            let expected = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            let found = 4.0 * f64::from(gradients[point][at]);
            assert!((found - expected).abs() < 1e-3 * (expected.abs() + 1e-2), "{found} {expected}");
        }
    }
}

#[test]
fn threads_do_not_matter() {
    let values = clusters(5, 41, 8);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let columns = Columns::new(&values, (8, 205));
        let bits = |places: Vec<[f32; 2]>| -> Vec<u32> { places.into_iter().flatten().map(f32::to_bits).collect() };
        pool.install(|| (bits(pca(columns, 1).unwrap().places), bits(mapped(&values, 8, 20.0).unwrap())))
    };
    assert_eq!(on(1), on(3));
    assert_eq!(on(2), on(3));
}

#[test]
fn few_equal_and_extreme_vectors_have_finite_places() {
    for points in 4..12 {
        for scale in [1e-35, 1.0, 1e35] {
            // Half of them coincide.
            let values: Vec<f32> = (0..points * 3).map(|at| scale * ((at / 6) as f32).sin()).collect();
            let columns = Columns::new(&values, (3, points));
            for perplexity in [1.0, most_perplexity(points)] {
                let places = mapped(&values, 3, perplexity).unwrap();
                let largest = places.iter().flatten().fold(0.0f32, |most, value| most.max(value.abs()));
                assert!(largest < 1e4, "{points} {scale} {perplexity}: {places:?}");
            }
            assert!(pca(columns, 1).unwrap().places.iter().flatten().all(|value| value.is_finite()));
        }
    }
}

#[test]
fn what_makes_no_map_is_refused() {
    let values = clusters(2, 5, 4);
    let of = |points: usize| mapped(&values[..points * 4], 4, 1.0);
    assert_eq!(of(3), Err(ProjectionError::TooFew { points: 3, least: 4, method: "t-SNE" }));
    let two = pca(Columns::new(&values[..8], (4, 2)), 1);
    assert_eq!(two, Err(ProjectionError::TooFew { points: 2, least: 3, method: "PCA" }));
    for perplexity in [0.9, 3.1, f64::NAN, f64::INFINITY] {
        let error = mapped(&values, 4, perplexity).unwrap_err();
        assert!(matches!(error, ProjectionError::Perplexity { most: 3.0, points: 10, .. }), "{error}");
    }
    assert_eq!(mapped(&[0.1; 40], 4, 1.0), Err(ProjectionError::Constant { points: 10 }));
    let mut broken = values.clone();
    broken[9] = f32::NEG_INFINITY;
    assert!(matches!(mapped(&broken, 4, 1.0), Err(ProjectionError::NotFinite { point: 2, .. })));
    let many: Vec<f32> = (0..=MOST_POINTS).map(|at| at as f32).collect();
    let error = mapped(&many, 1, 30.0).unwrap_err();
    assert_eq!(error, ProjectionError::TooMany { points: MOST_POINTS + 1, most: MOST_POINTS });
}

#[test]
fn points_are_drawn_by_seed() {
    assert_eq!(draw(5, 9, 1), [0, 1, 2, 3, 4]);
    let drawn = draw(1000, 300, 1);
    assert_eq!(drawn.len(), 300);
    assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]) && *drawn.last().unwrap() < 1000);
    assert_eq!(drawn, draw(1000, 300, 1));
    assert_ne!(drawn, draw(1000, 300, 2));
}

#[test]
fn unit_length() {
    let mut vectors = [3.0, 4.0, 0.0, 0.0, 1e30, 0.0];
    normalise(&mut vectors, 2);
    assert_eq!(vectors, [0.6, 0.8, 0.0, 0.0, 1.0, 0.0]);
}
