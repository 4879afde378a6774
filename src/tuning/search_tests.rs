use super::*;

fn search(ranges: &[(&str, &str)], method: Method, seed: u64) -> Search {
    let ranges = ranges.iter().map(|(key, text)| Range::parse(key, text).unwrap()).collect();
    Search { ranges, method, seed }
}

/// Runs `trials` trials of a function and returns them.
fn run(search: &Search, trials: u64, value: impl Fn(&Point) -> Option<f64>) -> Vec<Observed> {
    let mut observed = Vec::new();
    for number in 0..trials {
        let Some(point) = search.next(number, &observed) else { break };
        let value = value(&point);
        observed.push(Observed { point, value });
    }
    observed
}

fn best(observed: &[Observed]) -> f64 {
    observed.iter().filter_map(|trial| trial.value).fold(f64::NEG_INFINITY, f64::max)
}

/// Highest, 0, at x = 100, y = 0.25 and the choice b.
fn hill(point: &Point) -> Option<f64> {
    let (x, y): (f64, f64) = (point[0].parse().unwrap(), point[1].parse().unwrap());
    let miss = if point[2] == "b" { 0.0 } else { 1.0 };
    Some(-((x / 100.0).ln().powi(2) + 16.0 * (y - 0.25).powi(2) + miss))
}

const HILL: [(&str, &str); 3] = [("x", "log:1..10000"), ("y", "0..1"), ("z", "a|b|c")];

#[test]
fn the_same_seed_gives_the_same_trials_and_another_one_others() {
    for method in [Method::Random, Method::Tpe] {
        let trials = |seed| run(&search(&HILL, method, seed), 25, hill);
        assert_eq!(trials(1), trials(1));
        assert_ne!(trials(1), trials(2));
    }
    // Until enough is known, both are random.
    let [random, tpe] = [Method::Random, Method::Tpe].map(|method| run(&search(&HILL, method, 5), 10, hill));
    assert_eq!(random, tpe);
}

#[test]
fn what_was_found_leads_to_better_points() {
    // The middle of many searches: a single one may have luck.
    let median = |method| {
        let mut found: Vec<f64> = (0..31).map(|seed| best(&run(&search(&HILL, method, seed), 50, hill))).collect();
        found.sort_unstable_by(f64::total_cmp);
        found[15]
    };
    let (random, tpe) = (median(Method::Random), median(Method::Tpe));
    assert!(tpe > random / 2.0, "median of the best: {tpe} guided, {random} at random");
}

#[test]
fn failures_are_left_behind() {
    // Everything above 0.5 fails, and 0.2 is best.
    let value = |point: &Point| {
        let x: f64 = point[0].parse().unwrap();
        (x <= 0.5).then(|| -(x - 0.2).abs())
    };
    let observed = run(&search(&[("x", "0..1")], Method::Tpe, 3), 60, value);
    let late = observed[30..].iter().filter(|trial| trial.value.is_none()).count();
    assert!(late < 12, "{late} of 30 fail");
}

#[test]
fn a_small_space_is_tried_once_each_and_then_over() {
    for method in [Method::Random, Method::Tpe] {
        let observed = run(&search(&[("a", "1|2|3|4"), ("b", "x|y|z")], method, 9), 100, |point| {
            Some(point[0].parse::<f64>().unwrap())
        });
        let points: BTreeSet<&Point> = observed.iter().map(|trial| &trial.point).collect();
        assert_eq!((observed.len(), points.len()), (12, 12), "{method:?}");
    }
}

#[test]
fn points_stay_within_their_ranges() {
    let whole = Range { key: "n".into(), domain: Range::parse("n", "1..9").unwrap().domain.of_whole_numbers() };
    let mut search = search(&[("x", "log:0.001..0.1")], Method::Tpe, 2);
    search.ranges.push(whole);
    for trial in run(&search, 40, |point| Some(-point[0].parse::<f64>().unwrap())) {
        let (x, n): (f64, u32) = (trial.point[0].parse().unwrap(), trial.point[1].parse().unwrap());
        assert!((0.001..=0.1).contains(&x) && (1..=9).contains(&n), "{trial:?}");
    }
}
