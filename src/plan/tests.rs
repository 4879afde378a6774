//! The formulas against hand-computed cases and against the models themselves.

use super::memory::{Memory, Part, Phase, memory};
use super::remedies::remedies;
use super::time::time;
use super::*;
use crate::interactions::{IdMap, Interactions, LogRules};
use crate::io::{AxisExtents, LogExtents};
use crate::models::{
    AutoRecConfig, Autoencoder, CdaeConfig, Elsa, ElsaConfig, Model, ModelConfig, MultDaeConfig, MultVae,
    MultVaeConfig, RecVae, RecVaeConfig, StackedConfig,
};
use crate::training::TrainingConfig;

fn vae(hidden: usize, latent: usize) -> ModelConfig {
    ModelConfig::MultVae(MultVaeConfig { hidden, latent, ..MultVaeConfig::default() })
}

pub(super) fn run(model: ModelConfig, data: DataSizes) -> Workload {
    let training = TrainingConfig { batch_size: 20, epochs: 3, ..TrainingConfig::default() };
    Workload { data, model, training, validation: Validation::Off, checkpoints: false, threads: 2, parent: 0 }
}

/// The bytes of a part, 0 where there is none.
pub(super) fn part(memory: &Memory, name: &str) -> u64 {
    memory.parts.iter().find(|part| part.name == name).map_or(0, |part| part.bytes)
}

#[test]
fn parameters_are_those_of_the_models() {
    let data = DataSizes::stated(10, 7, 20);
    let count =
        |tensors: Vec<crate::models::Tensor<'_>>| tensors.iter().map(|tensor| tensor.data.len() as u64).sum::<u64>();
    let config = MultVaeConfig { hidden: 5, latent: 3, ..MultVaeConfig::default() };
    let ours = run(ModelConfig::MultVae(config.clone()), data.clone()).parameters();
    // Tables 2·5·7 and biases 5 + 7; encoder 5·6 + 6, decoder 3·5 + 5.
    assert_eq!((ours, ours), (82 + 36 + 20, count(MultVae::new(&config, 7, 1).tensors())));
    let stacked = |tied| StackedConfig { encoder: vec![5, 4, 3], tied, ..StackedConfig::default() };
    let free = StackedConfig { decoder: Some(vec![6]), ..stacked(false) };
    for (config, by_hand) in [
        (ModelConfig::MultDae(MultDaeConfig { hidden: 5, ..MultDaeConfig::default() }), 82),
        // Tables 2·5·7 and biases 5 + 7; encoder 5·4 + 4 and 4·3 + 3, decoder 3·4 + 4 and 4·5 + 5.
        (ModelConfig::Stacked(stacked(false)), 82 + 39 + 41),
        // One table; of the decoder the biases 4 + 5.
        (ModelConfig::Stacked(stacked(true)), 47 + 39 + 9),
        // Tables 5·7 and 6·7; decoder 3·6 + 6.
        (ModelConfig::Stacked(free), 35 + 42 + 12 + 39 + 24),
        // Biases of ratings.
        (ModelConfig::AutoRec(AutoRecConfig { hidden: 5, residual: true, ..AutoRecConfig::default() }), 82 + 7),
    ] {
        let ours = run(config.clone(), data.clone()).parameters();
        assert_eq!((ours, ours), (by_hand, count(Autoencoder::new(config.autoencoder().unwrap(), 7, 1).tensors())));
    }
    // A node for each of ten users.
    let cdae = CdaeConfig { hidden: 5, user_nodes: true, ..CdaeConfig::default() };
    assert_eq!(run(ModelConfig::Cdae(cdae), data.clone()).parameters(), 82 + 50);
    let config = ElsaConfig { dimensions: 5, ..ElsaConfig::default() };
    let ours = run(ModelConfig::Elsa(config.clone()), data.clone()).parameters();
    assert_eq!((ours, ours), (35, count(Elsa::new(&config, 7, 1).tensors())));
    for layers in [1, 3] {
        let config = RecVaeConfig { hidden: 5, layers, latent: 3, ..RecVaeConfig::default() };
        let ours = run(ModelConfig::RecVae(config.clone()), data.clone()).parameters();
        // Input 5·7 + 5; 5·5 + 5 between layers and 2·5 a layer; code 5·6 + 6; output 3·7 + 7.
        let by_hand = 40 + 30 * (layers as u64 - 1) + 10 * layers as u64 + 36 + 28;
        assert_eq!((ours, ours), (by_hand, count(RecVae::new(&config, 7, 1).tensors())));
    }
    for dense in ["ease", "edlae"] {
        assert_eq!(run(ModelConfig::preset(dense).unwrap(), data.clone()).parameters(), 49);
    }
    // A number and a weight for all six others; a row each.
    assert_eq!(run(ModelConfig::preset("sparse-ease").unwrap(), data.clone()).parameters(), 2 * 7 * 6 + 7);
    assert_eq!(run(ModelConfig::preset("popularity").unwrap(), data).parameters(), 7);
}

#[test]
fn the_memory_of_a_small_network_adds_up_by_hand() {
    let mut workload = run(vae(10, 4), DataSizes::stated(100, 1_000, 2_000));
    workload.validation = Validation::HeldOut { users: 10 };
    let needed = memory(&workload);
    assert_eq!(needed.phases, [Phase::Read, Phase::Fit, Phase::Validate, Phase::Publish]);
    // 2·10·1000 + 10 + 1000 + 3·10·4 + 2·4 + 10.
    let parameters = 21_148;
    for (name, bytes) in [
        ("interactions", 8 * 2_000 + 8 * 100),
        // Eight bytes each; those of the items twice.
        ("ids", 8 * 1_100 + 8 * 1_000),
        // The users of the rows; 128 and 2,048 buckets; what is being decoded.
        ("reading", 4 * 2_000 + 17 * (128 + 2_048) + 4_000_000),
        ("training users", 8 * 1_800 + 8 * 90),
        ("validation users", 8 * 200 + 8 * 20),
        ("weights", 4 * parameters),
        ("optimiser", 8 * parameters),
        ("gradient", 4 * parameters),
        ("best weights", 4 * parameters),
        ("logits", 4 * 20 * 1_000),
        // The 10 × 20 state, the 1,000 × 10 table; two threads.
        ("packed operands", 4 * 1_000 * 10 + 2 * 200_000),
        // (4·10 + 7·4) values a user, 400 interactions of a batch, 1,000 items.
        ("activations", 4 * 20 * 68 + 16 * 400 + 16 * 1_000),
    ] {
        assert_eq!(part(&needed, name), bytes, "{name}");
    }
    let sum = |phase| needed.alive(phase).map(|part| part.bytes).sum::<u64>();
    assert_eq!(needed.at(Phase::Fit), sum(Phase::Fit));
    assert!(needed.alive(Phase::Publish).all(|part| part.name != "optimiser" && part.name != "training users"));

    // Two halves of a batch: two gradients, half of the logits.
    workload.training.shards = 2;
    let halves = memory(&workload);
    assert_eq!((part(&halves, "gradient"), part(&halves, "logits")), (8 * parameters, 4 * 10 * 1_000));
    // A batch is no larger than what there is to train on.
    workload.training = TrainingConfig { batch_size: 5_000, ..TrainingConfig::default() };
    assert_eq!(part(&memory(&workload), "logits"), 4 * 90 * 1_000);
    // Half of a wide layer is packed at once for the logits of a large one.
    let wide = Workload {
        training: TrainingConfig { batch_size: 20_000, ..TrainingConfig::default() },
        ..run(vae(600, 200), DataSizes::stated(30_000, 40_981, 1_027_464))
    };
    assert_eq!(part(&memory(&wide), "packed operands"), 4 * 20_000 * 300 + 2 * 200_000);
    // Without validation there is no second copy of the log.
    workload.validation = Validation::Off;
    let alone = memory(&workload);
    assert_eq!((part(&alone, "training users"), part(&alone, "ranking")), (0, 0));
    assert_eq!(alone.phases, [Phase::Read, Phase::Fit, Phase::Publish]);
    workload.validation = Validation::Given { users: 5, interactions: 70 };
    assert_eq!(part(&memory(&workload), "validation users"), 8 * 70 + 8 * 10);
}

#[test]
fn a_rec_vae_remembers_its_encoder() {
    let config = RecVaeConfig { hidden: 10, layers: 3, latent: 4, ..RecVaeConfig::default() };
    let workload =
        Workload { checkpoints: true, ..run(ModelConfig::RecVae(config), DataSizes::stated(100, 1_000, 2_000)) };
    let needed = memory(&workload);
    // 10·1000 + 10, two times 10·10 + 10, 2·3·10, 10·8 + 8.
    let encoder = 10_378;
    let parameters = encoder + 4 * 1_000 + 1_000;
    for (name, bytes) in [
        ("weights", 4 * parameters),
        ("optimiser", 8 * parameters),
        ("remembered encoder", 4 * encoder),
        ("logits", 4 * 20 * 1_000),
        // (10·10 + 9·4) values a user, 400 interactions of a batch, 1,000 items.
        ("activations", 4 * 20 * 136 + 24 * 400 + 16 * 1_000),
        // The 4 × 20 state is smaller than the 1,000 × 4 table.
        ("packed operands", 4 * 1_000 * 4 + 2 * 200_000),
    ] {
        assert_eq!(part(&needed, name), bytes, "{name}");
    }
    assert_eq!(super::disk::disk(&workload).checkpoint, 16 * parameters + 4 * encoder);
    let stages = time(&workload, &Speeds { flops: 1e9, bytes: 1e9, rows: 1e6, disk: 1e9 }).stages;
    // Three of four epochs train the encoder: 2 + 6·3/4 passes over 2·10² + 2·10·4 values a user, at half the speed.
    let products = (2.0 * 2.0 * 20.0 * 4.0 * 1_000.0 + 2.0 * 20.0 * 6.5 * 280.0) / 1e9;
    let moved = 0.75 * 10_378.0 + 0.25 * 5_000.0;
    let copied = 4.0 * (3.0 * 20.0 * 1_000.0 + 7.0 * moved + 4.0 * 400.0 * 10.0) / 1e9;
    assert!((stages[1].each - products - copied).abs() < 1e-9, "{stages:?}");
}

#[test]
fn an_earlier_model_lives_until_its_weights_are_carried_over() {
    let (users, items) = (IdMap::Int((0..10).collect()), IdMap::Int((0..7).collect()));
    // Ids, users of an item, where a history begins, and a hash.
    assert_eq!(loaded_model(100, [&users, &items]), 400 + 8 * 17 + 4 * 7 + 16 * 10);

    let alone = run(vae(10, 4), DataSizes::stated(100, 1_000, 2_000));
    let continued = Workload { parent: 700_000, ..alone.clone() };
    let [before, needed] = [&alone, &continued].map(memory);
    assert_eq!(needed.phases, [Phase::Read, Phase::Start, Phase::Fit, Phase::Publish]);
    assert_eq!(needed.at(Phase::Read), before.at(Phase::Read) + 700_000);
    // Beside what is there throughout: the earlier model, a new one, and what both are merged into.
    let throughout = part(&needed, "program") + part(&needed, "interactions") + part(&needed, "ids");
    assert_eq!(needed.at(Phase::Start), throughout + 700_000 + 2 * 4 * 21_148);
    assert_eq!(needed.at(Phase::Fit), before.at(Phase::Fit));
    // Another shape could not continue it.
    let wide = Workload { parent: 700_000, ..run(vae(600, 200), DataSizes::stated(3_000, 10_000, 90_000)) };
    let limit = memory(&wide).peak().1 - 1_000;
    let settings: Vec<&str> =
        remedies(&wide, limit, |memory| memory.peak().1).iter().map(|remedy| remedy.setting).collect();
    assert!(!settings.contains(&"model.hidden") && !settings.contains(&"model.kind"), "{settings:?}");
}

#[test]
fn the_peak_is_the_largest_phase_and_what_is_ahead_begins_after_reading() {
    let part = |name, bytes, phases: &[Phase]| Part { name, bytes, phases: phases.to_vec() };
    let phases = vec![Phase::Read, Phase::Fit, Phase::Publish];
    let parts = vec![
        part("log", 10, &phases),
        part("reading", 90, &[Phase::Read]),
        part("weights", 60, &[Phase::Fit, Phase::Publish]),
        part("gradient", 25, &[Phase::Fit]),
    ];
    let needed = Memory { phases, parts };
    assert_eq!([Phase::Read, Phase::Fit, Phase::Publish].map(|phase| needed.at(phase)), [100, 95, 70]);
    assert_eq!((needed.peak(), needed.ahead()), ((Phase::Read, 100), (Phase::Fit, 85)));
    let names = |phase| needed.dominating(phase).iter().map(|part| part.name).collect::<Vec<_>>();
    assert_eq!(names(Phase::Read), ["reading"]);
    assert_eq!(names(Phase::Fit), ["weights", "gradient"]);
}

#[test]
fn absurd_sizes_saturate() {
    let largest = DataSizes::stated(u64::MAX, u64::MAX, u64::MAX);
    for model in
        [vae(usize::MAX, usize::MAX), ModelConfig::preset("ease").unwrap(), ModelConfig::preset("popularity").unwrap()]
    {
        let mut workload = run(model, largest.clone());
        workload.validation = Validation::HeldOut { users: 1_000 };
        workload.training.batch_size = usize::MAX;
        let plan = Plan::new(workload, Some(Room::given(1 << 30)), disk_room(0));
        assert_eq!(plan.memory.peak().1, u64::MAX);
        assert!(!plan.fits_memory() && !plan.fits_disk());
        assert!(plan.check().unwrap_err().to_string().contains("18446744073.7 GB"));
    }
}

#[test]
fn a_remedy_makes_the_run_fit_and_one_step_further_would_not() {
    let log = extents(&[3; 3_000], &[&[30; 200][..], &[1; 3_000][..]].concat());
    let mut workload = run(vae(600, 200), DataSizes::bounded(&log, &LogRules::default()));
    workload.training.batch_size = 2_000;
    let peak = |workload: &Workload| memory(workload).peak().1;
    let found = |limit| remedies(&workload, limit, |memory| memory.peak().1);
    assert_eq!(found(peak(&workload)), []);
    let limit = peak(&workload) - 20_000_000;
    let remedies = found(limit);
    let settings: Vec<&str> = remedies.iter().map(|remedy| remedy.setting).collect();
    let expected = ["model.hidden", "training.batch_size", "log.min_item_users", "model.kind"];
    assert!(expected.iter().all(|setting| settings.contains(setting)), "{settings:?}");
    for remedy in &remedies {
        assert!(remedy.bytes <= limit, "{remedy:?}");
        let mut changed = workload.clone();
        match remedy.setting {
            "model.hidden" => changed.model = vae(remedy.value.parse().unwrap(), 200),
            "training.batch_size" => changed.training.batch_size = remedy.value.parse().unwrap(),
            "training.shards" => changed.training.shards = remedy.value.parse().unwrap(),
            "model.kind" => changed.model = ModelConfig::preset(&remedy.value).unwrap(),
            _ => {
                assert_eq!((remedy.value.as_str(), remedy.effect.as_str()), ("2", "keeps at most 200 of 3200 items"));
                changed.data = changed.data.with_min_item_users(2);
            }
        }
        assert_eq!(peak(&changed), remedy.bytes, "{remedy:?}");
    }
    let hidden: usize = remedies[0].value.parse().unwrap();
    workload.model = vae(hidden + hidden / 10 + 10, 200);
    assert!(peak(&workload) > limit, "{hidden} is far from the largest that fits");
    assert_eq!(super::remedies::remedies(&workload, 1_000, |memory| memory.peak().1), []);
}

#[test]
fn a_deep_network_is_offered_narrower_layers() {
    let stacked = |encoder: &[usize], decoder: Option<&[usize]>| {
        let decoder = decoder.map(<[usize]>::to_vec);
        ModelConfig::Stacked(StackedConfig { encoder: encoder.to_vec(), decoder, ..StackedConfig::default() })
    };
    let log = extents(&[3; 3_000], &[&[30; 200][..], &[1; 3_000][..]].concat());
    let with = |model: ModelConfig| run(model, DataSizes::bounded(&log, &LogRules::default()));
    let peak = |model: ModelConfig| memory(&with(model)).peak().1;
    let limit = peak(stacked(&[400, 50], Some(&[200])));
    let wide = with(stacked(&[900, 50], Some(&[700])));
    let found = remedies(&wide, limit, |memory| memory.peak().1);
    assert_eq!(found[0].setting, "model.encoder");
    let width: usize = found[0].value.trim_start_matches('[').split(',').next().unwrap().parse().unwrap();
    assert!((200..900).contains(&width), "{found:?}");
    assert_eq!(found[0].value, format!("[{width}, 50]"));
    assert_eq!(found[0].effect, format!("and model.decoder = [{}]", width.min(700)));
    assert_eq!(peak(stacked(&[width, 50], Some(&[width.min(700)]))), found[0].bytes);
    assert!(found[0].bytes <= limit);
}

#[test]
fn a_refusal_has_the_numbers_the_parts_and_the_remedies() {
    let ease = run(ModelConfig::preset("ease").unwrap(), DataSizes::stated(30_000, 40_981, 1_027_464));
    let plan = |bytes| Plan::new(ease.clone(), Some(Room::given(bytes)), disk_room(9_000_000_000));
    // The matrix alone takes 6.7 GB.
    assert_eq!(plan(16 << 30).check(), Ok(()));
    assert_eq!(plan(16 << 30).check_ahead(), Ok(()));
    let whole = (plan(4 << 30).check().unwrap_err(), "6.9");
    // Without the program and the log.
    let ahead = (plan(4 << 30).check_ahead().unwrap_err(), "6.9");
    for (refusal, needed) in [whole, ahead] {
        let message = refusal.to_string();
        let numbers = format!("ease on 40981 items takes {needed} GB of memory, 4.3 GB are available");
        for part in [&numbers, "matrix 6.7 GB", "model.kind = mult-vae would take 1.0 GB"] {
            assert!(message.contains(part), "`{part}` is not in {message}");
        }
        assert!(refusal.summary().len() < message.len() && !refusal.summary().contains("mult-vae"));
    }
    let message = Plan::new(ease.clone(), None, disk_room(5_000_000_000)).check().unwrap_err().to_string();
    assert!(message.contains("6.7 GB of disk, 5.0 GB are free"), "{message}");
    assert_eq!(Plan::new(ease, None, DiskRoom::default()).check(), Ok(()));
}

#[test]
fn a_checkpoint_lies_beside_its_successor_or_the_model_directory() {
    let mut workload = run(vae(10, 4), DataSizes::stated(100, 1_000, 2_000));
    let directory = 4 * 21_148 + 8 * 2_000 + 8 * 100 + 8 * 1_100 + 4 * 1_000;
    assert_eq!((disk(&workload).model_directory, disk(&workload).total()), (directory, directory));
    workload.checkpoints = true;
    assert_eq!((disk(&workload).checkpoint, disk(&workload).total()), (16 * 21_148, 32 * 21_148));
    // A closed form has no steps.
    workload.model = ModelConfig::preset("ease").unwrap();
    assert_eq!(disk(&workload).checkpoint, 0);
    let both = Disk { model_directory: 70, checkpoint: 40 };
    assert_eq!(both.total(), 110);
}

/// Disks of which one has so much free.
pub(super) fn disk_room(free: u64) -> DiskRoom {
    DiskRoom { model_directory: Some(free), ..DiskRoom::default() }
}

#[test]
fn a_checkpoint_that_is_there_is_no_longer_needed_twice() {
    let disk = Disk { model_directory: 70, checkpoint: 40 };
    let needs = |disk: &Disk, room: &DiskRoom| -> Vec<(&str, u64, bool)> {
        disk.needs(room).map(|need| (need.what, need.bytes, need.is_met())).collect()
    };
    assert_eq!(needs(&disk, &disk_room(109)), [("the run", 110, false)]);
    // The best weights were not in it yet.
    let found = DiskRoom { found: 30, ..disk_room(80) };
    assert_eq!(needs(&disk, &found), [("the run", 80, true)]);
    assert_eq!(needs(&Disk { checkpoint: 0, ..disk }, &found), [("the run", 70, true)], "it stays until the end");
    assert_eq!(needs(&disk, &DiskRoom::default()), [("the run", 110, true)], "nobody knows");
}

#[test]
fn every_disk_has_to_take_what_is_written_to_it() {
    let disk = Disk { model_directory: 70, checkpoint: 40 };
    let room = |model, checkpoints, found| DiskRoom { checkpoints: Some(checkpoints), found, ..disk_room(model) };
    let lacking = |room| disk.needs(&room).filter(|need| !need.is_met()).map(|need| need.what).collect::<Vec<_>>();
    assert_eq!(lacking(room(70, 80, 0)), [""; 0]);
    assert_eq!(lacking(room(69, 80, 0)), ["the model directory"]);
    assert_eq!(lacking(room(1_000, 79, 0)), ["the checkpoints"]);
    assert_eq!(lacking(room(70, 50, 30)), [""; 0]);
    let mut run = run(vae(100, 4), DataSizes::stated(100, 100_000, 200_000));
    run.checkpoints = true;
    let refusal = Plan::new(run, None, room(1 << 40, 1_000_000, 0)).check().unwrap_err().to_string();
    assert!(refusal.starts_with("the checkpoints take 643 MB of disk, 1 MB are free there"), "{refusal}");
}

#[test]
fn reading_is_refused_by_its_own_numbers() {
    assert_eq!(check_reading(1 << 30, false, 0, Some(Room::given(16 << 30))), Ok(()));
    assert_eq!(check_reading(u64::MAX, true, 0, None), Ok(()));
    // Twelve bytes an entry, twenty with times; a tenth is kept free.
    for (times, enough) in [(false, 14_000_000_000), (true, 23_000_000_000)] {
        assert_eq!(check_reading(1_000_000_000, times, 0, Some(Room::given(enough))), Ok(()));
        let refusal = check_reading(1_000_000_000, times, 0, Some(Room::given(enough - 1_000_000_000))).unwrap_err();
        let needed = if times { "20.0 GB" } else { "12.0 GB" };
        for part in ["reading the log, 1000000000 entries, takes ", needed, "log.since", "fewer of its files"] {
            assert!(refusal.to_string().contains(part), "`{part}` is not in {refusal}");
        }
        assert!(!refusal.summary().contains("log.since"), "{refusal}");
    }
    assert!(check_reading(u64::MAX, true, 0, Some(Room::given(u64::MAX))).is_err());
}

#[test]
fn what_reading_took_does_not_count_once_it_is_over() {
    // A hundred entries of every pair that is left.
    let data = DataSizes { entries: 100_000_000, ..DataSizes::stated(1_000, 2_000, 1_000_000) };
    let plan = Plan::new(run(vae(200, 4), data), Some(Room::given(200_000_000)), DiskRoom::default());
    assert_eq!((plan.memory.peak().0, plan.memory.after_reading().0), (Phase::Read, Phase::Fit));
    assert!(plan.check().is_err());
    assert_eq!(plan.check_after_reading(), Ok(()));
    let tight = Plan { room: Some(Room::given(20_000_000)), ..plan };
    let refusal = tight.check_after_reading().unwrap_err().to_string();
    assert!(refusal.contains("(fit: "), "{refusal}");
}

/// Extents of integer ids with so many entries each.
fn extents(users: &[u32], items: &[u32]) -> LogExtents {
    let axis = |entries: &[u32]| AxisExtents {
        ids: IdMap::Int((0..entries.len() as i64).collect()),
        entries: entries.to_vec(),
    };
    let entries = users.iter().map(|&entries| u64::from(entries)).sum();
    LogExtents { files: 1, entries, users: axis(users), items: axis(items) }
}

#[test]
fn minimums_bound_what_reading_leaves() {
    let log = extents(&[5, 1, 4, 2], &[6, 3, 3]);
    let all = DataSizes::bounded(&log, &LogRules::default());
    assert_eq!((all.entries, all.users, all.items, all.interactions), (12, 4, 3, 12));
    assert_eq!((all.squared_lengths, all.id_bytes, all.upper_bound), (25 + 1 + 16 + 4, 56, true));
    let few = DataSizes::bounded(&log, &LogRules { min_user_items: 4, ..LogRules::default() });
    assert_eq!((few.entries, few.users, few.items, few.interactions), (12, 2, 3, 9));
    let few = DataSizes::bounded(&log, &LogRules { min_item_users: 4, ..LogRules::default() });
    assert_eq!((few.users, few.items, few.interactions), (4, 1, 6));
    assert_eq!((all.with_min_item_users(4).items, all.with_min_item_users(4).interactions), (1, 6));
}

#[test]
fn a_log_in_memory_has_exact_extents() {
    let log = Interactions::from_csr((2, 3), vec![0, 2, 3], vec![0, 2, 2], vec![1.0; 3]).unwrap();
    let (users, items) = (IdMap::Int(vec![1, 2].into()), IdMap::Text(["a", "bb", "c"].into_iter().collect()));
    let sizes = DataSizes::of(9, true, &log, [&users, &items]);
    let expected = DataSizes {
        entries: 9,
        users: 2,
        items: 3,
        interactions: 3,
        upper_bound: false,
        times: true,
        // 8 bytes an integer; 8 a text, beside its letters.
        id_bytes: 16 + 28,
        squared_lengths: 4 + 1,
        item_users: vec![2, 1, 0],
    };
    assert_eq!(sizes, expected);
}

#[test]
fn time_is_work_over_speed() {
    let speeds = Speeds { flops: 1e6, bytes: 4e6, rows: 1_000.0, disk: 1e6 };
    let seconds = |workload: &Workload| time(workload, &speeds).stages;
    let ease = seconds(&run(ModelConfig::preset("ease").unwrap(), DataSizes::stated(100, 200, 2_000)));
    let named: Vec<(&str, f64)> = ease.iter().map(|stage| (stage.name, stage.seconds())).collect();
    assert_eq!(named[0], ("reading the log", 2.0));
    // 100 histories of 20 items; 200³ operations.
    assert_eq!(named[1..3], [("Gram matrix", 8.0 * 100.0 * 400.0 / 4e6), ("inverse", 8.0)]);

    let mut workload = run(
        ModelConfig::MultDae(MultDaeConfig { hidden: 10, ..MultDaeConfig::default() }),
        DataSizes::stated(100, 200, 2_000),
    );
    workload.validation = Validation::HeldOut { users: 10 };
    let stages = seconds(&workload);
    // Three epochs of 90 users by 20; 6·20·10·200 operations; 3 touches of 20·200 logits, 7 of the parameters, 20·20
    // columns there and back.
    let values = 3.0 * 4_000.0 + 7.0 * (4_000.0 + 210.0) + 4.0 * 400.0 * 10.0;
    assert_eq!((stages[1].name, stages[1].times), ("steps", 15));
    assert!((stages[1].each - (0.24 + values / 1e6)).abs() < 1e-9, "{}", stages[1].each);
    assert_eq!((stages[2].times, stages[2].each), (3, 2.0 * 10.0 * 10.0 * 200.0 / 0.5e6));
    let whole = time(&workload, &speeds);
    assert!(
        (whole.seconds() - whole.stages.iter().map(|stage| stage.times as f64 * stage.each).sum::<f64>()).abs() < 1e-9
    );
}

#[test]
fn speeds_are_measured() {
    let speeds = Speeds::measure();
    for speed in [speeds.flops, speeds.bytes, speeds.rows, speeds.disk] {
        assert!(speed.is_finite() && speed > 0.0, "{speeds:?}");
    }
    // So that every plan has a time.
    let vast = time(&run(vae(600, 200), DataSizes::stated(1 << 31, 1 << 31, 1 << 40)), &speeds).seconds();
    assert!(vast.is_finite() && vast > 0.0, "{vast}");
}
