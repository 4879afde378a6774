//! From a history to a list, in process, on one thread.

use std::collections::HashSet;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use foldin::interactions::{HistoryRef, Interactions};
use foldin::models::{Model, ModelConfig, MultVaeConfig, Observer, Start, fit};
use foldin::ranking::{Candidates, NarrowTable, Ranking, Wanted, Width, rank, rank_narrow};
use foldin::training::{TrainingConfig, TrainingSummary};
use foldin::types::UserIdx;
use serde_json::{Value, json};

use crate::times;

const WARM_UP: usize = 5;

/// Users whose narrow lists are compared with the exact ones.
const COMPARED: usize = 500;

/// How the item table is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// As trained
    Exact,
    /// Eight-bit integers, the best rescored exactly
    Int8,
    /// Half-precision floats, the best rescored exactly
    F16,
}

/// A model with its table.
pub struct Ranker {
    model: Box<dyn Model>,
    table: Option<NarrowTable>,
}

impl Ranker {
    pub fn new(model: Box<dyn Model>, table: Table) -> anyhow::Result<Self> {
        let width = match table {
            Table::Exact => return Ok(Self { model, table: None }),
            Table::Int8 => Width::Int8,
            Table::F16 => Width::F16,
        };
        let parts = model.inner_products().context("the model has no item table")?;
        let table = NarrowTable::new(width, parts.vectors, parts.bias);
        Ok(Self { model, table: Some(table) })
    }

    /// Bytes of the narrow table, if there is one.
    pub fn table_bytes(&self) -> Option<usize> {
        self.table.as_ref().map(NarrowTable::bytes)
    }

    /// From histories to lists, as the server does it.
    pub fn lists(&self, histories: &[HistoryRef<'_>], candidates: &[Candidates<'_>], n: usize) -> Vec<Ranking> {
        let query = self.model.encode(histories);
        match &self.table {
            None => rank(&*self.model, &query, candidates, n),
            Some(table) => {
                let lists = candidates.iter().enumerate().map(|(user, of)| Wanted::best(user, *of, n));
                let lists: Vec<_> = lists.collect();
                rank_narrow(&*self.model, table, &query, &lists, &|| true).unwrap_or_default()
            }
        }
    }

    /// Share of the exact lists that the lists by the table have, on average.
    pub fn overlap(&self, histories: &[HistoryRef<'_>], candidates: &[Candidates<'_>], n: usize) -> f64 {
        let shares = histories.iter().zip(candidates).map(|(&history, candidates)| {
            let exact = rank(&*self.model, &self.model.encode(&[history]), std::slice::from_ref(candidates), n);
            let listed = self.lists(&[history], std::slice::from_ref(candidates), n);
            let items: HashSet<u32> = listed[0].items.iter().map(|scored| scored.item.0).collect();
            let common = exact[0].items.iter().filter(|scored| items.contains(&scored.item.0)).count();
            common as f64 / exact[0].items.len().max(1) as f64
        });
        shares.sum::<f64>() / histories.len() as f64
    }
}

/// Times `users` users in batches of each of `sizes`; the seen items are left out of the lists.
pub fn measure(data: &Interactions, n: usize, sizes: &[usize], users: usize, table: Table) -> anyhow::Result<Value> {
    let (model, _) = shaped_model(data)?;
    let ranker = Ranker::new(model, table)?;
    let histories: Vec<HistoryRef<'_>> = data.histories().collect();
    let candidates = unseen(&histories);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let mut answer = json!({ "model": "mult-vae", "items": data.items(), "n": n, "threads": 1 });
    for &size in sizes {
        ensure!((1..=histories.len()).contains(&size), "--batch {size} is not within 1..={}", histories.len());
        let mut seconds = Vec::new();
        pool.install(|| {
            for round in 0..WARM_UP + (users / size).max(20) {
                let first = (round * size) % (histories.len() - size + 1);
                let batch = first..first + size;
                let start = Instant::now();
                black_box(ranker.lists(&histories[batch.clone()], &candidates[batch], n));
                seconds.push(start.elapsed());
            }
        });
        answer[format!("batch_{size}")] = times::in_micros(seconds.split_off(WARM_UP));
    }
    let compared = COMPARED.min(users).min(histories.len());
    answer["table_bytes"] = json!(ranker.table_bytes());
    answer["overlap"] = json!(pool.install(|| ranker.overlap(&histories[..compared], &candidates[..compared], n)));
    Ok(answer)
}

/// All items but those of the history.
pub fn unseen<'a>(histories: &[HistoryRef<'a>]) -> Vec<Candidates<'a>> {
    histories.iter().map(|history| Candidates { seen: history.items(), ..Candidates::default() }).collect()
}

/// Mult-VAE 600-200-600 over the items of `data` after one step of training: the time of an answer
/// depends on the shape of the weights, not on their values.
pub fn shaped_model(data: &Interactions) -> anyhow::Result<(Box<dyn Model>, TrainingSummary)> {
    shaped(data, &ModelConfig::MultVae(MultVaeConfig::default()))
}

/// The same with another shape.
pub fn shaped(data: &Interactions, config: &ModelConfig) -> anyhow::Result<(Box<dyn Model>, TrainingSummary)> {
    let few = data.select_users(&(0..data.users().min(100) as u32).map(UserIdx).collect::<Vec<_>>());
    let training = TrainingConfig { epochs: 1, ..TrainingConfig::default() };
    let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
    let fitted = fit(config, &training, &few, Start::Random, observer)?;
    Ok((fitted.model, fitted.summary))
}
