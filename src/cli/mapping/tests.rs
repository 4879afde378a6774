//! Pictures that a person and a browser can read, whatever the titles are.

use std::borrow::Cow;

use fixedbitset::FixedBitSet;

use super::colouring::{Values, number_text};
use super::labels::{Wish, place};
use super::*;
use crate::interactions::{History, Metadata, MetadataColumn, MetadataValues, TextColumn, TextsColumn, Timestamp};
use crate::types::ItemIdx;

/// Tags that nest, attributes in quotes, and nothing raw in texts.
fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let (text, tag) = rest.split_at(start);
        assert!(!text.contains('>') && !text.chars().any(|c| c.is_control()), "{text:?}");
        for after in text.split('&').skip(1) {
            assert!(["lt;", "gt;", "amp;", "quot;"].iter().any(|entity| after.starts_with(entity)), "{text:?}");
        }
        let (inside, after) = tag[1..].split_once('>').expect("a tag ends");
        rest = after;
        match inside.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None => {
                assert!(inside.matches('"').count().is_multiple_of(2) && !inside.contains('<'), "{inside}");
                open.push(inside.split_whitespace().next().unwrap());
            }
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest:?}");
}

fn text(names: &[&str], codes: &[u32]) -> MetadataValues {
    MetadataValues::Text(TextColumn { dictionary: names.iter().collect(), codes: codes.to_vec() })
}

fn metadata(values: MetadataValues) -> Metadata {
    Metadata::new(vec![MetadataColumn { name: "kind".into(), data_type: "any".into(), values }], Vec::new())
}

/// Names of what items have, in their order.
fn of_items(values: MetadataValues, before: Option<&str>) -> Vec<Option<String>> {
    let colouring = Colouring::of_column(&metadata(values), "kind", before).unwrap();
    match colouring.values {
        Values::Categories { names, codes } => {
            codes.iter().map(|code| code.map(|code| names[code as usize].clone())).collect()
        }
        Values::Numbers { numbers, dates } => numbers.iter().map(|n| n.map(|n| number_text(n, dates))).collect(),
    }
}

#[test]
fn titles_of_any_kind_make_a_picture() {
    let titles = [
        "<script>&\"'",
        "Ordinary",
        "非常に長い日本語の題名がここにあります、そしてまだ続きます",
        "العربية",
        "\u{0}\u{7}\n\u{fffe}]]>",
        "",
    ];
    let long = "long ".repeat(200);
    let dot = |at: usize, title: &'static str| Dot {
        place: [at as f32, (at * at % 7) as f32],
        colour: "#000000".into(),
        interactions: at as u32,
        title: Cow::Borrowed(title),
    };
    let mut dots: Vec<Dot<'_>> = titles.into_iter().enumerate().map(|(at, title)| dot(at, title)).collect();
    dots.push(Dot { title: Cow::Borrowed(&long), ..dot(9, "") });
    let names: Vec<String> = ["<a>", "b & c"].map(String::from).into();
    let colouring =
        Colouring { column: "a < b".into(), values: Values::Categories { names, codes: vec![Some(0), Some(1), None] } };
    let picture = Picture {
        title: "7 items of <model>".into(),
        captions: vec!["a & b".into()],
        axes: Some(["x < 1".into(), "y".into()]),
        dots,
        key: paint(Some(&colouring), 3).1,
        titles: 10,
    };
    let svg = picture.svg();
    assert_well_formed(&svg);
    for part in
        ["&lt;script&gt;&amp;&quot;'", ">Ordinary<", "非常に長い", "العربية", "&lt;a&gt; (1)", "unknown (1)", "…"]
    {
        assert!(svg.contains(part), "{part} is not in\n{svg}");
    }
    // All at one place, and none at all.
    let one = Picture { dots: vec![dot(1, "A"), dot(1, "B")], ..picture.clone() };
    assert!(!one.svg().contains("NaN") && !one.svg().contains("inf\""));
    assert_well_formed(&Picture { dots: Vec::new(), ..picture }.svg());
}

#[test]
fn no_title_covers_another() {
    let titles: Vec<String> = (0..200).map(|at| "Title ".repeat(1 + at % 4)).collect();
    let wish = |at: usize| Wish {
        at: [(20 + at * 37 % 360) as f64, (20 + at * 53 % 260) as f64],
        radius: 3.0,
        title: &titles[at],
    };
    let wishes: Vec<Wish<'_>> = (0..200).map(wish).collect();
    let frame = [0.0, 0.0, 400.0, 300.0];
    let labels = place(&wishes, frame, 40);
    assert!(labels.len() > 15, "{}", labels.len());
    for (at, a) in labels.iter().enumerate() {
        assert!(a.bounds[0] >= 0.0 && a.bounds[1] >= 0.0 && a.bounds[2] <= 400.0 && a.bounds[3] <= 300.0, "{a:?}");
        for b in &labels[at + 1..] {
            let apart = a.bounds[2] < b.bounds[0]
                || b.bounds[2] < a.bounds[0]
                || a.bounds[3] < b.bounds[1]
                || b.bounds[3] < a.bounds[1];
            assert!(apart, "{a:?} {b:?}");
        }
    }
    assert_eq!(labels[0].of, 0, "the first wish has the first choice");
    assert_eq!(place(&wishes, frame, 3).len(), 3);
}

#[test]
fn columns_of_every_kind_colour_items() {
    let some = |names: [&str; 3]| names.map(|name| Some(name.to_owned())).to_vec();
    assert_eq!(of_items(text(&["a|b", "a|c", "d"], &[2, 0, 1]), Some("|")), some(["d", "a", "a"]));
    assert_eq!(of_items(text(&["a|b", "d"], &[1, u32::MAX, 0]), None), [Some("d".into()), None, Some("a|b".into())]);
    let known = FixedBitSet::with_capacity_and_blocks(3, [0b011]);
    let lists = TextsColumn {
        dictionary: ["x", "y"].iter().collect(),
        ends: vec![2, 2, 2],
        codes: vec![1, 0],
        known: known.clone(),
    };
    assert_eq!(of_items(MetadataValues::Texts(lists), None), [Some("y".into()), None, None]);
    let flags = MetadataValues::Flag { yes: FixedBitSet::with_capacity_and_blocks(3, [0b010]), known };
    assert_eq!(of_items(flags, None), [Some("no".into()), Some("yes".into()), None]);
    let numbers = MetadataValues::Number(vec![1994.0, f64::INFINITY, 0.25]);
    assert_eq!(of_items(numbers, None), [Some("1994".into()), None, Some("0.25".into())]);
    let times = MetadataValues::Time { times: vec![Timestamp(0)], dates: true };
    assert_eq!(of_items(times, None), [Some("1970-01-01".into())]);
}

#[test]
fn users_have_what_is_most_frequent_in_their_histories() {
    let history = |items: &[u32]| History::from_pairs(items.iter().map(|&item| (ItemIdx(item), 1.0))).unwrap();
    let histories = [history(&[0, 1, 2]), history(&[2, 3]), history(&[3])];
    let histories: Vec<_> = histories.iter().map(History::as_ref).collect();
    let column = |values| Colouring::of_column(&metadata(values), "kind", None).unwrap();
    let liked = column(text(&["drama", "horror"], &[0, 1, 1, u32::MAX])).of_histories(&histories);
    assert_eq!(
        liked.values,
        Values::Categories { names: vec!["drama".into(), "horror".into()], codes: vec![Some(1), Some(1), None] }
    );
    let mean = column(MetadataValues::Number(vec![1.0, 2.0, 6.0, f64::NAN])).of_histories(&histories);
    assert_eq!(mean.values, Values::Numbers { numbers: vec![Some(3.0), Some(6.0), None], dates: None });
}

#[test]
fn the_key_names_the_frequent_values_and_counts_the_rest() {
    let names: Vec<String> = (0..10).map(|at| format!("value {at}")).collect();
    let codes = (0..10u32).flat_map(|code| vec![Some(code); code as usize]).chain([None]).collect();
    let (colours, key) =
        paint(Some(&Colouring { column: "kind".into(), values: Values::Categories { names, codes } }), 46);
    let texts: Vec<String> = key.unwrap().swatches.into_iter().map(|swatch| swatch.1).collect();
    assert_eq!(texts[0], "value 9 (9)");
    assert_eq!(texts[7..], ["2 other values (3)", "unknown (1)"]);
    assert_eq!(colours.len(), 46);
    assert!(colours[0] == colours[1] && colours[3] != colours[0], "{colours:?}");

    let numbers = (0..200).map(|at| Some(f64::from(at))).chain([Some(1e9)]).collect();
    let (colours, key) =
        paint(Some(&Colouring { column: "price".into(), values: Values::Numbers { numbers, dates: None } }), 201);
    let key = key.unwrap();
    assert_eq!([&key.scale[0].1, &key.scale[4].1], ["≤ 4", "≥ 196"], "one outlier does not make all others look alike");
    assert_eq!(colours[199], colours[200]);
    let (colours, key) = paint(None, 2);
    assert!(colours[0] == colours[1] && key.is_none());
}
