//! What linear models take, against hand-computed cases.

use super::memory::{Phase, memory};
use super::remedies::remedies;
use super::tests::{disk_room, part, run};
use super::time::time;
use super::*;
use crate::models::{BlendConfig, BlendPart, CompressedElsaConfig, EaseConfig, ElsaConfig, InputWeights, ModelConfig};

#[test]
fn a_closed_form_is_its_matrix() {
    let mut config = EaseConfig::default();
    let binary = memory(&run(ModelConfig::Ease(config.clone()), DataSizes::stated(30_000, 40_981, 1_027_464)));
    assert_eq!(part(&binary, "matrix"), 4 * 40_981 * 40_981);
    assert_eq!(
        (part(&binary, "normalised copy"), part(&binary, "transposed log")),
        (8 * 1_057_464, 12 * 1_027_464 + 8 * 40_981)
    );
    assert_eq!(part(&binary, "blocks"), 2 * 4 * 512 * 40_981);
    // Two of the 129 blocks of 318 at a time, strips of the other factor by two threads.
    assert_eq!(part(&binary, "packed operands"), 4 * 512 * 2 * 318 + 2 * 200_000);
    assert_eq!(binary.peak().0, Phase::Invert);
    config.weights = InputWeights::Use;
    let weighted = memory(&run(ModelConfig::Ease(config), DataSizes::stated(30_000, 40_981, 1_027_464)));
    assert_eq!(part(&weighted, "normalised copy"), 0);
}

#[test]
fn linear_models_for_large_catalogues_hold_nothing_of_items_squared() {
    let data = DataSizes::stated(40_163, 139_738, 499_845);
    let sparse = memory(&run(ModelConfig::preset("sparse-ease").unwrap(), data.clone()));
    // A number and a weight for 100 neighbours, and the length of a row, twice.
    assert_eq!(part(&sparse, "weights"), 2 * 4 * (2 * 100 + 1) * 139_738);
    assert_eq!(part(&sparse, "neighbourhoods"), 2 * (4 * 100 * 100 + 12 * 139_738 + 4 * 40_163));
    assert_eq!(part(&sparse, "transposed log"), 8 * (499_845 + 139_738));

    let config = ElsaConfig { dimensions: 64, ..ElsaConfig::default() };
    let elsa = memory(&run(ModelConfig::Elsa(config), data.clone()));
    let table = 4 * 64 * 139_738;
    assert_eq!((part(&elsa, "weights"), part(&elsa, "directions"), part(&elsa, "logits")), (table, 2 * table, 0));
    // Three values a dimension of 20 users, a square, 20 · 12 entries, and the items.
    assert_eq!(part(&elsa, "activations"), 4 * 20 * 3 * 64 + 4 * 64 * 64 + 16 * 248 + 16 * 139_738);

    // Codes of 8 values of 64: the table and its directions are dense, what is published is not.
    let config = CompressedElsaConfig { dimensions: 64, kept: 8, ..CompressedElsaConfig::default() };
    let coded = run(ModelConfig::CompressedElsa(config), data.clone());
    // Eight values of three bytes are six words, beside the scale.
    let codes = 4 * (6 + 1) * 139_738;
    assert_eq!(4 * coded.parameters(), codes);
    let needed = memory(&coded);
    assert_eq!((part(&needed, "weights"), part(&needed, "directions")), (table, table + 2 * codes));
    assert_eq!(part(&needed, "optimiser"), 2 * table);

    // What is refused names the one that fits.
    let dense = run(ModelConfig::preset("edlae").unwrap(), data);
    let refusal = Plan::new(dense, Some(Room::given(8 << 30)), disk_room(1 << 40)).check().unwrap_err().to_string();
    for part in ["edlae on 139738 items takes 78.", "model.kind = sparse-ease would take 259 MB", "model.kind = mult-"]
    {
        assert!(refusal.contains(part), "`{part}` is not in {refusal}");
    }
}

#[test]
fn singular_vectors_and_the_graph_add_up_by_hand() {
    let data = DataSizes::stated(100, 1_000, 2_000);
    let [low_pass, gf_cf, bspm] =
        ["low-pass", "gf-cf", "bspm"].map(|name| run(ModelConfig::preset(name).unwrap(), data.clone()));
    assert_eq!([&low_pass, &gf_cf].map(Workload::parameters), [257_000, 257_000 + 1_000 + 4_000]);
    assert_eq!(bspm.parameters(), 385_000 + 1_000 + 4_000);
    let blend = |workload: &Workload| BlendPart { weight: 0.5, model: workload.model.clone() };
    let parts = vec![blend(&low_pass), blend(&gf_cf)];
    assert_eq!(run(ModelConfig::Blend(BlendConfig { parts }), data).parameters(), 519_000);
    let needed = memory(&gf_cf);
    assert_eq!(needed.phases, [Phase::Read, Phase::Fit, Phase::Publish]);
    for (name, bytes) in [
        ("graph", 16 * 2_000 + 8 * 1_100),
        // 256 vectors and an eighth more.
        ("blocks", 3 * 4 * 288 * 1_000),
        ("weights", 4 * 256 * 1_000),
        ("signals", 4 * 32 * 100),
    ] {
        assert_eq!(part(&needed, name), bytes, "{name}");
    }
    assert!(needed.alive(Phase::Publish).any(|part| part.name == "graph"));
    assert!(memory(&low_pass).alive(Phase::Publish).all(|part| part.name != "graph"));
    let found = remedies(&gf_cf, 4 * 1000 * 1000 + part(&needed, "program") + 600_000, |memory| memory.at(Phase::Fit));
    assert_eq!(found[0].setting, "model.rank", "{found:?}");
    assert!((16..256).contains(&found[0].value.parse::<usize>().unwrap()));
    let stages = time(&gf_cf, &Speeds { flops: 1e9, bytes: 1e9, rows: 1e6, disk: 1e9 }).stages;
    // Forty times 8 bytes an interaction and vector, and 4·288² operations an item.
    let expected = 40.0 * (8.0 * 2_000.0 * 288.0 + 4.0 * 288.0 * 288.0 * 1_000.0) / 1e9;
    assert!(stages[1].name == "singular vectors" && (stages[1].each - expected).abs() < 1e-9, "{stages:?}");
}
