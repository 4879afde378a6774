use super::*;
use crate::codes::InvertedIndex;

const DIMENSIONS: usize = 6;
const VECTORS: usize = 40;

/// Vectors near three directions, of lengths that differ.
fn vectors() -> Vec<f32> {
    let mut noise = zeros(DIMENSIONS * VECTORS);
    fill_normal(&mut noise, 0.1, 5, Purpose::Init, 9);
    for (at, vector) in noise.chunks_exact_mut(DIMENSIONS).enumerate() {
        vector[2 * (at % 3)] += 1.0;
        vector.iter_mut().for_each(|value| *value *= 1.0 + at as f32);
    }
    noise
}

fn config() -> CoderConfig {
    CoderConfig { width: 16, kept: 3, epochs: 60, batch_size: 16, learning_rate: 0.02, seed: 3 }
}

fn fit(vectors: &[f32], config: &CoderConfig) -> Result<SparseCoder, CoderError> {
    SparseCoder::fit(Columns::new(vectors, (DIMENSIONS, vectors.len() / DIMENSIONS)), config, &mut |_, _| {})
}

/// The loss of the paper in f64, for the choice of latents that the coder makes.
fn loss_by_definition(coder: &SparseCoder, x: Columns<'_>) -> f64 {
    let loss = |x: &[f32], kept: usize| {
        let inner = |column: &[f32]| column.iter().zip(x).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let mut values: Vec<(usize, f64)> = (0..coder.width())
            .map(|latent| (latent, inner(coder.encoder.columns().col(latent)) + f64::from(coder.encoder.bias[latent])))
            .collect();
        values.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let mut decoded = [0.0; DIMENSIONS];
        for &(latent, value) in &values[..kept] {
            decoded.iter_mut().zip(coder.decoder().col(latent)).for_each(|(d, w)| *d += value * f64::from(*w));
        }
        let length = decoded.iter().map(|value| value * value).sum::<f64>().sqrt();
        1.0 - decoded.iter().zip(x).map(|(d, x)| d * f64::from(*x)).sum::<f64>() / length
    };
    let losses = (0..x.cols()).map(|at| loss(x.col(at), coder.kept) + loss(x.col(at), 4 * coder.kept) / 8.0);
    losses.sum()
}

#[test]
fn loss_and_gradients_are_those_of_the_definition() {
    const H: f32 = 1e-3;
    let x = directions(Columns::new(&vectors(), (DIMENSIONS, VECTORS))).unwrap();
    let x = Columns::new(&x[..5 * DIMENSIONS], (DIMENSIONS, 5));
    let mut coder = SparseCoder::new(&config(), DIMENSIONS);
    fill_normal(&mut coder.encoder.bias, 0.1, 2, Purpose::Init, 4);
    let mut gradient = Gradient { encoder: coder.encoder.clone(), decoder: coder.decoder.clone() };
    let found = coder.gradient(x, &mut gradient);
    let expected = loss_by_definition(&coder, x);
    assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
    let analytic = [gradient.encoder.weights, gradient.encoder.bias, gradient.decoder];
    for (tensor, analytic) in analytic.iter().enumerate() {
        let mut large = 0;
        for (at, &expected) in analytic.iter().enumerate() {
            let mut loss_at = |shift: f32| {
                let original = coder.tensors_mut()[tensor][at];
                coder.tensors_mut()[tensor][at] += shift;
                // Only the direction of a column counts.
                let mut moved = coder.clone();
                normalise(&mut moved.decoder, DIMENSIONS);
                coder.tensors_mut()[tensor][at] = original;
                loss_by_definition(&moved, x) / 5.0
            };
            let numeric = (loss_at(H) - loss_at(-H)) / (2.0 * f64::from(H));
            let expected = f64::from(expected);
            let near = (numeric - expected).abs() < 2e-4 + 1e-2 * expected.abs();
            assert!(near, "tensor {tensor}, parameter {at}: {expected}, numerically {numeric}");
            large += usize::from(expected.abs() > 1e-3);
        }
        assert!(8 * large >= analytic.len(), "tensor {tensor}: only {large} of {} tell anything", analytic.len());
    }
}

#[test]
fn codes_point_where_the_vectors_do() {
    let vectors = vectors();
    let mut losses = Vec::new();
    let all = Columns::new(&vectors, (DIMENSIONS, VECTORS));
    let coder = SparseCoder::fit(all, &config(), &mut |_, loss| losses.push(loss)).unwrap();
    assert!(losses[59] < 0.5 * losses[0], "{losses:?}");
    let codes = coder.encode(all).unwrap();
    let decoded = coder.decode(&codes);
    for (at, decoded) in decoded.column_iter().enumerate() {
        let vector = DVectorView::from_slice(all.col(at), DIMENSIONS);
        assert!((decoded.norm() - 1.0).abs() < 1e-4);
        assert!(decoded.dot(&vector) / vector.norm() > 0.95, "vector {at}");
    }
    // What the index finds for a vector are the inner products with what the codes stand for.
    let (index, queries) = (InvertedIndex::of(&codes), coder.queries(all));
    let mut products = vec![0.0; VECTORS];
    index.inner_products(queries.column(7).as_slice(), &mut products);
    for (product, decoded) in products.iter().zip(decoded.column_iter()) {
        let expected = decoded.dot(&DVectorView::from_slice(all.col(7), DIMENSIONS));
        assert!((product - expected).abs() < 1e-3 * expected.abs().max(1.0), "{product} instead of {expected}");
    }
    // Alone, in any company and at any length, a vector has one code.
    let alone = coder.encode(all.range(9..10)).unwrap();
    assert!(alone.code(0).eq(codes.code(9)));
    let longer: Vec<f32> = all.col(9).iter().map(|value| 4.0 * value).collect();
    assert!(coder.encode(Columns::new(&longer, (DIMENSIONS, 1))).unwrap().code(0).eq(codes.code(9)));
}

#[test]
fn the_coder_does_not_depend_on_threads() {
    let fitted = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit(&vectors(), &config()).unwrap())
    });
    assert!(fitted[0] == fitted[1]);
    assert!(fitted[0] != fit(&vectors(), &CoderConfig { seed: 4, ..config() }).unwrap());
}

#[test]
fn what_cannot_be_coded_is_refused_with_the_reason() {
    let refused = |vectors: &[f32], config: &CoderConfig| fit(vectors, config).unwrap_err().to_string();
    let all = vectors();
    for (found, expected) in [
        (CoderConfig { kept: 17, ..config() }, "kept is 17, must be a whole number from 1 to 16"),
        (CoderConfig { kept: 0, ..config() }, "kept is 0, must be a whole number from 1 to 16"),
        (CoderConfig { width: 70_000, ..config() }, "width is 70000, must be a whole number from 1 to 65536"),
        (CoderConfig { epochs: 0, ..config() }, "epochs is 0, must be a whole number from 1 to 1000000"),
        (
            CoderConfig { learning_rate: f32::NAN, ..config() },
            "learning_rate is NaN, must be greater than 0 and at most 1",
        ),
    ] {
        assert_eq!(refused(&all, &found), expected);
    }
    let mut broken = all.clone();
    broken[2 * DIMENSIONS + 4] = f32::INFINITY;
    assert_eq!(refused(&broken, &config()), "vector 2 holds inf at position 4: it cannot be coded");
    let found = refused(&[&[0.0; 12][..], &all[..6]].concat(), &config());
    assert_eq!(found, "only 1 of 3 vectors have a length above 0: there is nothing to learn");
}

#[test]
fn vectors_that_are_alike_or_without_length_do_no_harm() {
    let alike = all_alike(8);
    let coder = fit(&alike, &config()).unwrap();
    let codes = coder.encode(Columns::new(&alike, (DIMENSIONS, 8))).unwrap();
    assert!((1..8).all(|at| codes.code(at).eq(codes.code(0))));
    let with_zero = [&alike[..], &[0.0; DIMENSIONS]].concat();
    let coder = fit(&with_zero, &config()).unwrap();
    let codes = coder.encode(Columns::new(&with_zero, (DIMENSIONS, 9))).unwrap();
    assert!(codes.code(8).all(|(_, value)| value == 0.0));
    assert!(coder.encode(Columns::new(&[], (DIMENSIONS, 0))).unwrap().is_empty());
}

fn all_alike(count: usize) -> Vec<f32> {
    [0.5, -1.0, 2.0, 0.0, 0.25, 1.0].repeat(count)
}
