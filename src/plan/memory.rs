//! How much memory is in use when?
//!
//! Every large allocation of a run is a [`Part`], alive in some [`Phase`]s; the peak is the largest sum over a phase.
//! Sizes in bytes; I items, U users, N interactions, E entries of the log, P parameters of the model.

use serde::Serialize;

use super::sizes::DataSizes;
use super::workload::{FLOAT, Validation, Widths, Workload, product, share, sum};
use crate::linalg::{GRAM_LANES, packed_at_once};
use crate::models::{EaseConfig, EdlaeConfig, InputWeights, ModelConfig, block_of};

/// A stretch of a run between which large things come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The log is read.
    Read,
    /// The weights of an earlier model are carried over.
    Start,
    /// A closed form adds up its Gram matrix.
    Gram,
    /// A closed form inverts it.
    Invert,
    /// A network takes its steps, or singular vectors are iterated.
    Fit,
    /// A network ranks for the validation users.
    Validate,
    /// The model directory is written.
    Publish,
}

impl Phase {
    /// As a heading of a column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Start => "start",
            Self::Gram => "Gram",
            Self::Invert => "invert",
            Self::Fit => "fit",
            Self::Validate => "validate",
            Self::Publish => "publish",
        }
    }
}

/// Something large.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
    /// When it is alive.
    pub phases: Vec<Phase>,
}

/// The memory of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The phases, in order.
    pub phases: Vec<Phase>,
    /// What is alive in them; nothing of size 0.
    pub parts: Vec<Part>,
}

impl Memory {
    /// Bytes in use in a phase.
    #[must_use]
    pub fn at(&self, phase: Phase) -> u64 {
        self.alive(phase).fold(0, add)
    }

    /// The parts of a phase.
    pub fn alive(&self, phase: Phase) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(move |part| part.phases.contains(&phase))
    }

    /// The largest phase, the first of several, and its bytes.
    #[must_use]
    pub fn peak(&self) -> (Phase, u64) {
        self.largest(|_| true, |_| true)
    }

    /// The largest phase of those that are left once the log has been read, and its bytes.
    #[must_use]
    pub fn after_reading(&self) -> (Phase, u64) {
        self.largest(|phase| phase != Phase::Read, |_| true)
    }

    /// The phase that adds the most to what is there once the log has been read, and the bytes that it adds.
    #[must_use]
    pub fn ahead(&self) -> (Phase, u64) {
        self.largest(|_| true, |part| !part.phases.contains(&Phase::Read))
    }

    /// The phase in which the parts that count are largest, the first of several, and their bytes.
    fn largest(&self, looked_at: impl Fn(Phase) -> bool, counts: impl Fn(&Part) -> bool) -> (Phase, u64) {
        let bytes = |phase| self.alive(phase).filter(|part| counts(part)).fold(0, add);
        let phases = self.phases.iter().filter(|&&phase| looked_at(phase)).map(|&phase| (phase, bytes(phase)));
        phases.reduce(|best, next| if next.1 > best.1 { next } else { best }).unwrap_or((Phase::Read, 0))
    }

    /// The largest parts of a phase, largest first, as many as make up two thirds of it.
    #[must_use]
    pub fn dominating(&self, phase: Phase) -> Vec<&Part> {
        let mut parts: Vec<&Part> = self.alive(phase).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
        let (all, mut named) = (self.at(phase), 0u64);
        parts.retain(|part| {
            let wanted = named < all / 3 * 2;
            named = named.saturating_add(part.bytes);
            wanted
        });
        parts
    }
}

fn add(total: u64, part: &Part) -> u64 {
    total.saturating_add(part.bytes)
}

/// The program itself: its code as far as it is used, stacks, and what libraries keep.
const PROGRAM: u64 = 14_000_000;

/// Pages of the log that are being decoded and the chunks they become, compressed and not.
const DECODING: u64 = 4_000_000;

/// What a thread packs of a product beside its smaller factor: a block of a strip of the other.
const PACKED_STRIP: u64 = 200_000;

/// Width of a block of the inverse.
const BLOCK: u64 = 512;

/// Users ranked together by a thread, and items scored for them at a time.
const RANKED: [u64; 2] = [256, 512];

/// Depth of the lists of a validation, and bytes of an item listed while lists are made and measured.
const LISTED: [u64; 2] = [100, 24];

/// Buffers of the writers of tables and tensors.
const WRITING: u64 = 4_000_000;

/// The memory of a run from its start to the published model. Titles and attributes of items are not counted.
///
/// - *interactions*: item and weight of each, 8·N, and where each user starts, 8·U; the rows of the log are turned into
///   them in place.
/// - *ids*: those of both axes; of the items twice, as the catalogue has its own.
/// - *times*: that of every interaction, 8·N, where the log has them, and once more while they are written: they are
///   published with the histories.
/// - *reading*: the user of every row, 4·E, rows that are merged, 8·(E − N) and their times, and the numbering: a hash table
///   with 17 bytes a bucket, between 8/7 and 16/7 buckets an id.
/// - *earlier model*: the one that is continued, from before the log is read; *carried weights*: a new model, 4·P, and
///   the copy that the earlier one's columns go into, 4·P.
/// - *training users*, *validation users*: the same per interaction for the two parts of the log, where users are held
///   out; given files are read beside the log.
/// - Networks: *weights* 4·P, *optimiser* (two moments) 8·P, *gradient* 4·P (twice with several shards, whose gradients
///   are added up), *best weights* 4·P (at the end those of the last epoch where nothing validates), *logits* 4·I and
///   *activations* of a shard, 4·(4h + 7k) a user for a Mult-VAE, beside its sparse input.
///   Other autoencoders have twice each layer, and 3h of the widest; *scores fed in again* take two more buffers like the
///   logits, and a gradient of their own. An ELSA
///   has no logits, but *directions*, 4·P, of the weights and of the best ones, 4·3d a user and a d × d matrix. A Compressed
///   ELSA trains a table of 4·d·I, of which it holds the directions and, of it and of the best one, the codes.
///   A RecVAE of n layers has 4·((2n + 4)·h + 9k) a user, its sparse input once more without dropout, and a *remembered
///   encoder*.
/// - EASE and EDLAE: the *matrix* 4·I²; for the Gram matrix, a *normalised copy* of the log where weights do not count or
///   rows are scaled, and the *transposed log*, 12 bytes an interaction; for the inverse, two *blocks* of 512 rows or
///   columns.
/// - Sparse EASE: the *weights* twice, as columns and as rows, 4·P each; the copy, the transposed log of 8 bytes an
///   interaction, and *neighbourhoods*: a block of the Gram matrix for every thread, and a few values an item and a user.
/// - Low-pass, GF-CF, BSPM: the normalised *graph* by user and by item, 16·N, and where each of them starts; of b vectors
///   that are iterated, three *blocks* of 4·b·I, and what 32 of them take on the users, 4·32·U, beside the *weights*.
/// - *packed operands*: of the smaller factor of a product (b × h, min(b, h) × I for b users in a shard, 512 × I for EASE)
///   as much as [`packed_at_once`] says, and what every thread packs of the other.
#[must_use]
pub fn memory(workload: &Workload) -> Memory {
    use Phase::{Fit, Gram, Invert, Publish, Read, Start, Validate};
    let Workload { data, model, training, validation, threads, parent, .. } = workload;
    let (items, users, interactions) = (data.items, data.users, data.interactions);
    let validates = *validation != Validation::Off && workload.widths().is_some();
    let mut phases = match model {
        ModelConfig::Popularity(_) => vec![Read, Fit, Publish],
        ModelConfig::Ease(_) | ModelConfig::Edlae(_) => vec![Read, Gram, Invert, Publish],
        _ if validates => vec![Read, Fit, Validate, Publish],
        _ => vec![Read, Fit, Publish],
    };
    if *parent > 0 {
        phases.insert(1, Start);
    }
    let [published, weights] =
        [workload.parameters(), workload.trained_parameters()].map(|numbers| product(&[FLOAT, numbers]));
    let rows = |interactions: u64, users: u64| sum(&[product(&[8, interactions]), product(&[8, users])]);

    let times = if data.times { product(&[8, interactions]) } else { 0 };
    let mut parts = vec![
        ("program", PROGRAM, phases.clone()),
        ("interactions", rows(interactions, users), phases.clone()),
        ("ids", data.id_bytes.saturating_add(share(data.id_bytes, items, users.saturating_add(items))), phases.clone()),
        ("times", times, phases.clone()),
        ("times being written", times, vec![Publish]),
        ("reading", reading(data), vec![Read]),
        ("earlier model", *parent, vec![Read, Start]),
        ("carried weights", sum(&[weights, published]), vec![Start]),
    ];
    if validates {
        let (trained, held) = (workload.training_users(), workload.validation_users());
        if let Validation::Given { interactions, .. } = validation {
            parts.push(("validation users", rows(*interactions, product(&[2, held])), vec![Fit, Validate]));
        } else {
            let part = |part| share(interactions, part, users);
            parts.push(("training users", rows(part(trained), trained), vec![Fit, Validate]));
            parts.push(("validation users", rows(part(held), product(&[2, held])), vec![Fit, Validate]));
        }
        let folding_in = workload
            .widths()
            .map_or(0, |widths| sum(&[product(&[2, widths.depth, widths.hidden]), product(&[3, widths.latent])]));
        let state = RANKED[1].saturating_add(folding_in);
        let ranking = sum(&[product(&[*threads, FLOAT, RANKED[0], state]), product(&[held, LISTED[0], LISTED[1]])]);
        parts.push(("ranking", ranking, vec![Validate]));
    }
    match (model, workload.widths()) {
        (_, Some(widths)) => {
            let both = vec![Fit, Validate];
            let gradients = if training.shards > 1 { 2 } else { 1 };
            let (users, Widths { hidden, depth, output, .. }) = (workload.shard_users(), widths);
            let directions = match model {
                ModelConfig::Elsa(_) => product(&[2, weights]),
                ModelConfig::CompressedElsa(_) => sum(&[weights, product(&[2, published])]),
                _ => 0,
            };
            // Of each product the smaller factor: its width, and the inner dimension.
            let (logits, products) = if directions > 0 {
                (0, vec![(hidden, items), (hidden.min(users), hidden), (hidden, hidden)])
            } else {
                let mut products =
                    vec![(users.min(items), output), (output.min(items), users), (users.min(output), items)];
                if depth > 1 {
                    products.extend([(hidden, users), (hidden.min(users), hidden)]);
                }
                (product(&[FLOAT, items, users]), products)
            };
            parts.extend([
                ("weights", weights, vec![Fit, Validate, Publish]),
                ("directions", directions, vec![Fit, Validate, Publish]),
                ("optimiser", product(&[2, weights]), both.clone()),
                ("gradient", product(&[gradients, weights]), both.clone()),
                ("best weights", weights, both.clone()),
                ("remembered encoder", product(&[FLOAT, workload.encoder_parameters()]), both.clone()),
                ("logits", logits, both.clone()),
                ("activations", activations(workload, widths), vec![Fit]),
                ("scores fed in again", refed(workload, weights), vec![Fit]),
                ("packed operands", packed(*threads, &products), both),
            ]);
        }
        (ModelConfig::SparseEase(sparse), None) => {
            let (near, copy) = (workload.neighbours(), normalised_copy(sparse.weights, sparse.user_power));
            let block = sum(&[product(&[FLOAT, near, near]), product(&[12, items]), product(&[4, users])]);
            parts.extend([
                ("weights", product(&[2, weights]), vec![Fit, Publish]),
                ("normalised copy", if copy { rows(interactions, users) } else { 0 }, vec![Fit]),
                ("transposed log", rows(interactions, items), vec![Fit]),
                ("neighbourhoods", product(&[*threads, block]), vec![Fit]),
            ]);
        }
        (
            ModelConfig::Ease(EaseConfig { weights: input, user_power, .. })
            | ModelConfig::Edlae(EdlaeConfig { weights: input, user_power, .. }),
            None,
        ) => {
            let copy = if normalised_copy(*input, *user_power) { rows(interactions, users) } else { 0 };
            parts.extend([
                ("matrix", weights, vec![Gram, Invert, Publish]),
                ("normalised copy", copy, vec![Gram]),
                ("transposed log", sum(&[product(&[12, interactions]), product(&[8, items])]), vec![Gram]),
                ("blocks", product(&[2, FLOAT, BLOCK, items]), vec![Invert]),
                ("packed operands", packed(*threads, &[(BLOCK, items)]), vec![Invert]),
            ]);
        }
        (_, None) if let Some(rank) = workload.rank() => {
            let block = block_of(rank) as u64;
            let starts = product(&[8, users.saturating_add(items)]);
            let lanes = (GRAM_LANES as u64).min(block);
            let graph = if matches!(model, ModelConfig::LowPass(_)) { vec![Fit] } else { vec![Fit, Publish] };
            let table = product(&[FLOAT, rank as u64, items]);
            parts.extend([
                ("graph", sum(&[product(&[16, interactions]), starts]), graph),
                ("blocks", product(&[3, FLOAT, block, items]), vec![Fit]),
                ("weights", table, vec![Fit, Publish]),
                ("signals", product(&[FLOAT, lanes, users]), vec![Fit]),
                ("packed operands", packed(*threads, &[(block, block), (block, items)]), vec![Fit]),
            ]);
        }
        (_, None) => parts.push(("weights", product(&[2, weights]), vec![Fit, Publish])),
    }
    parts.push(("writing", sum(&[WRITING, data.id_bytes, product(&[8, users])]), vec![Publish]));
    let alive = |(name, bytes, of): (&'static str, u64, Vec<Phase>)| {
        let phases: Vec<Phase> = of.into_iter().filter(|phase| phases.contains(phase)).collect();
        (bytes > 0 && !phases.is_empty()).then_some(Part { name, bytes, phases })
    };
    let parts = parts.into_iter().filter_map(alive).collect();
    Memory { phases, parts }
}

/// True where a linear model is fitted to a copy of the log: one without its weights, or with scaled rows.
fn normalised_copy(weights: InputWeights, user_power: f32) -> bool {
    weights == InputWeights::Binary || user_power != 0.0
}

/// The least that reading a log takes whose entries are all kept: their ids, of which only the log knows how many are
/// different, come on top.
#[must_use]
pub fn memory_of_reading(entries: u64, times: bool) -> u64 {
    let data = DataSizes { entries, interactions: entries, times, ..DataSizes::default() };
    sum(&[PROGRAM, product(&[if times { 16 } else { 8 }, entries]), reading(&data)])
}

/// What is gone once the log has been read.
fn reading(data: &DataSizes) -> u64 {
    let merged = data.entries.saturating_sub(data.interactions);
    let numbering =
        |ids: u64| product(&[17, ids.saturating_mul(8).div_ceil(7).checked_next_power_of_two().unwrap_or(u64::MAX)]);
    sum(&[
        product(&[4, data.entries]),
        product(&[if data.times { 16 } else { 8 }, merged]),
        numbering(data.users),
        numbering(data.items),
        DECODING,
    ])
}

/// The most that is packed for one of the products whose smaller factors have so many rows or columns, and so long an
/// inner dimension.
fn packed(threads: u64, smaller: &[(u64, u64)]) -> u64 {
    let extent = |extent: u64| usize::try_from(extent).unwrap_or(usize::MAX);
    let whole = smaller.iter().map(|&(width, inner)| packed_at_once(extent(width), extent(inner)) as u64).max();
    let whole = whole.unwrap_or(0);
    sum(&[product(&[FLOAT, whole]), product(&[threads, PACKED_STRIP])])
}

/// What scores that are fed in again take: as input and as the next ones, and a gradient of all `weights` beside that of the
/// input table.
fn refed(workload: &Workload, weights: u64) -> u64 {
    let network = workload.model.autoencoder().filter(|network| network.refeeding > 0);
    network.map_or(0, |network| {
        let items = workload.data.items;
        let table = product(&[FLOAT, network.encoder[0] as u64, items]);
        sum(&[product(&[2, FLOAT, items, workload.shard_users()]), weights, table])
    })
}

/// Activations, their gradients and the sparse input of a shard: its entries (8 bytes each, as drawn and by item) and
/// where each item starts (16 bytes).
fn activations(workload: &Workload, Widths { hidden, depth, latent, .. }: Widths) -> u64 {
    let (data, users) = (&workload.data, workload.shard_users());
    let (values, square) = match &workload.model {
        ModelConfig::Elsa(_) | ModelConfig::CompressedElsa(_) => {
            (product(&[3, hidden]), product(&[FLOAT, hidden, hidden]))
        }
        ModelConfig::RecVae(_) => {
            (sum(&[product(&[2, depth, hidden]), product(&[4, hidden]), product(&[9, latent])]), 0)
        }
        model if let Some(network) = model.autoencoder() => {
            let widths = network.encoder.iter().chain(&network.decoder).map(|&width| width as u64);
            (sum(&[product(&[2, widths.fold(0, u64::saturating_add)]), product(&[3, hidden])]), 0)
        }
        _ => (sum(&[product(&[4, hidden]), product(&[7, latent])]), 0),
    };
    let entries = share(data.interactions, users, data.users);
    let entry = if workload.encoder_parameters() > 0 { 24 } else { 16 };
    sum(&[product(&[FLOAT, users, values]), square, product(&[entry, entries]), product(&[16, data.items])])
}
