//! What to change when a run does not fit, each change alone and with what it would take then.

use serde::Serialize;

use super::memory::{Memory, memory};
use super::workload::Workload;
use crate::models::{ModelConfig, StackedConfig};

/// A change of one setting that makes a run fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// The setting, by its key.
    pub setting: &'static str,
    /// Its value.
    pub value: String,
    /// Bytes of memory that the run takes then.
    pub bytes: u64,
    /// What else the change does, in words; may be empty.
    pub effect: String,
}

/// Layers narrower than this are no remedy.
const NARROWEST: usize = 16;

/// Batches smaller than this are no remedy.
const SMALLEST_BATCH: usize = 10;

/// Shards of a step beyond this are no remedy.
const MOST_SHARDS: usize = 64;

/// Single changes of `workload` that bring what `measure` finds in its memory to `limit` bytes or less; none when it is
/// there already, or nothing helps.
#[must_use]
pub fn remedies(workload: &Workload, limit: u64, measure: impl Fn(&Memory) -> u64) -> Vec<Remedy> {
    let taken = |workload: &Workload| measure(&memory(workload));
    if taken(workload) <= limit {
        return Vec::new();
    }
    // A continued model has the layers of the earlier one.
    let reshapes = workload.parent == 0;
    let mut found = Vec::new();
    let mut offer = |setting, value: String, changed: &Workload, effect: String| {
        found.push(Remedy { setting, value, bytes: taken(changed), effect });
    };
    if let Some(widths) = workload.widths() {
        let with = |hidden: usize| with_hidden(workload, hidden);
        let hidden = widths.hidden as usize;
        if let Some(width) = largest(NARROWEST, hidden, |width| taken(&with(width)) <= limit).filter(|_| reshapes) {
            let setting = workload.model.widths().first().map_or("model.hidden", |(setting, _)| *setting);
            let (value, effect) = match &with(width).model {
                ModelConfig::Stacked(stacked) => (format!("{:?}", stacked.encoder), narrower_decoder(stacked)),
                _ => (width.to_string(), String::new()),
            };
            offer(setting, value, &with(width), effect);
        }
        let with = |batch_size| changed(workload, |run| run.training.batch_size = batch_size);
        let batch = workload.batch_users() as usize;
        if let Some(batch) = largest(SMALLEST_BATCH, batch, |batch| taken(&with(batch)) <= limit) {
            offer("training.batch_size", batch.to_string(), &with(batch), String::new());
        }
        let with = |shards| changed(workload, |run| run.training.shards = shards);
        let more = (workload.training.shards + 1)..=MOST_SHARDS;
        if let Some(shards) = more.into_iter().find(|&shards| taken(&with(shards)) <= limit) {
            offer("training.shards", shards.to_string(), &with(shards), "the same batch in parts".into());
        }
    }
    if let Some(rank) = workload.rank() {
        let with = |rank| with_rank(workload, rank);
        if let Some(rank) = largest(NARROWEST, rank, |rank| taken(&with(rank)) <= limit) {
            offer("model.rank", rank.to_string(), &with(rank), String::new());
        }
    }
    if let Some((minimum, with)) = fewer_items(workload, |workload| taken(workload) <= limit) {
        let about = if with.data.upper_bound { "at most " } else { "" };
        let effect = format!("keeps {about}{} of {} items", with.data.items, workload.data.items);
        offer("log.min_item_users", minimum.to_string(), &with, effect);
    }
    let mut switch = |names: &[&'static str]| {
        for &name in names {
            let Ok(model) = ModelConfig::preset(name) else { continue };
            let with = changed(workload, |run| run.model = model);
            if reshapes && name != workload.model.name() && taken(&with) < taken(workload) && taken(&with) <= limit {
                offer("model.kind", name.into(), &with, String::new());
                break;
            }
        }
    };
    // The same model with fewer weights, where there is one.
    if let ModelConfig::Ease(_) | ModelConfig::Edlae(_) = workload.model {
        switch(&["sparse-ease"]);
    }
    switch(&["mult-vae", "mult-dae", "popularity"]);
    found
}

fn changed(workload: &Workload, change: impl FnOnce(&mut Workload)) -> Workload {
    let mut workload = workload.clone();
    change(&mut workload);
    workload
}

fn with_hidden(workload: &Workload, width: usize) -> Workload {
    changed(workload, |run| match &mut run.model {
        ModelConfig::MultVae(vae) => vae.hidden = width,
        ModelConfig::MultDae(dae) => dae.hidden = width,
        ModelConfig::Elsa(elsa) => elsa.dimensions = width,
        ModelConfig::CompressedElsa(elsa) => (elsa.dimensions, elsa.kept) = (width, elsa.kept.min(width)),
        ModelConfig::RecVae(vae) => vae.hidden = width,
        ModelConfig::AutoRec(rec) => rec.hidden = width,
        ModelConfig::Cdae(cdae) => cdae.hidden = width,
        ModelConfig::SparseAe(sparse) => sparse.hidden = width,
        ModelConfig::Stacked(stacked) => {
            let layers = stacked.encoder.iter_mut().chain(stacked.decoder.iter_mut().flatten());
            layers.for_each(|layer| *layer = width.min(*layer));
        }
        _ => {}
    })
}

/// What becomes of a decoder that is given.
fn narrower_decoder(stacked: &StackedConfig) -> String {
    stacked.decoder.as_ref().map_or_else(String::new, |decoder| format!("and model.decoder = {decoder:?}"))
}

fn with_rank(workload: &Workload, rank: usize) -> Workload {
    changed(workload, |run| match &mut run.model {
        ModelConfig::LowPass(low_pass) => low_pass.rank = rank,
        ModelConfig::GfCf(gf_cf) => gf_cf.rank = rank,
        ModelConfig::Bspm(bspm) => bspm.rank = rank,
        _ => {}
    })
}

/// The largest value from `least` up to below `now` that fits, rounded down to two digits; `None` when not even `least`
/// does. What fits must go on fitting below.
fn largest(least: usize, now: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    if now <= least || !fits(least) {
        return None;
    }
    let (mut low, mut high) = (least, now);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { low = middle } else { high = middle }
    }
    let unit = 10usize.pow(low.ilog10().saturating_sub(1));
    Some((low / unit * unit).max(least))
}

/// The smallest minimum of users an item that fits, and the run with it; `None` where the users of the items are not
/// known, or too few items would be left.
fn fewer_items(workload: &Workload, fits: impl Fn(&Workload) -> bool) -> Option<(u32, Workload)> {
    let with = |minimum| changed(workload, |run| run.data = workload.data.with_min_item_users(minimum));
    let (mut low, mut high) = (0, *workload.data.item_users.first()?);
    if !fits(&with(high)) {
        return None;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(&with(middle)) { high = middle } else { low = middle }
    }
    let with = with(high);
    (with.data.items >= 2).then_some((high, with))
}
