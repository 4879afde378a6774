use fixedbitset::FixedBitSet;
use proptest::prelude::*;

use super::parse::{Literal, Test, TestKind, Tree, parse};
use super::token::Comparison;
use super::*;
use crate::interactions::{
    LeftOutColumn, Metadata, MetadataColumn, MetadataValue, MetadataValues, TextColumn, TextsColumn, Timestamp,
    UNKNOWN_TEXT, UNKNOWN_TIME,
};

fn bits(flags: impl IntoIterator<Item = bool>) -> FixedBitSet {
    let flags: Vec<bool> = flags.into_iter().collect();
    let mut bits = FixedBitSet::with_capacity(flags.len());
    flags.into_iter().enumerate().for_each(|(item, flag)| bits.set(item, flag));
    bits
}

/// Columns of every type over any number of items; every fifth value or so is unknown.
fn metadata(items: usize) -> Metadata {
    let known = |item: usize, salt: usize| !(item + salt).is_multiple_of(5);
    let codes = |item: usize| if known(item, 0) { (item * 7 % 3) as u32 } else { UNKNOWN_TEXT };
    let category = TextColumn {
        dictionary: ["Hiking", "Running", "Yoga"].into_iter().collect(),
        codes: (0..items).map(codes).collect(),
    };
    let number = |item: usize| if known(item, 1) { ((item * 3) % 11) as f64 - 2.5 } else { f64::NAN };
    let lists: Vec<Vec<u32>> =
        (0..items).map(|item| (0..item % 4).map(|k| ((item + k) % 3) as u32).collect()).collect();
    let tags = TextsColumn {
        dictionary: ["new", "odd", "sale"].into_iter().collect(),
        ends: lists
            .iter()
            .scan(0, |end, list| {
                Some({
                    *end += list.len();
                    *end
                })
            })
            .collect(),
        codes: lists.concat(),
        known: bits((0..items).map(|item| item % 4 > 0 || known(item, 2))),
    };
    let time = |item: usize| if known(item, 3) { Timestamp((item as i64 % 7) * Timestamp::DAY) } else { UNKNOWN_TIME };
    let columns = [
        ("category", MetadataValues::Text(category)),
        ("price", MetadataValues::Number((0..items).map(number).collect())),
        (
            "adult",
            MetadataValues::Flag {
                yes: bits((0..items).map(|item| known(item, 4) && item % 3 == 0)),
                known: bits((0..items).map(|item| known(item, 4))),
            },
        ),
        ("tags", MetadataValues::Texts(tags)),
        ("odd `name`", MetadataValues::Time { times: (0..items).map(time).collect(), dates: true }),
    ];
    let columns = columns.into_iter().map(|(name, values)| MetadataColumn {
        name: name.into(),
        data_type: String::new(),
        values,
    });
    let reason = "it is of type Struct".into();
    let left_out = LeftOutColumn { name: "origin".into(), data_type: "Struct".into(), reason };
    Metadata::new(columns.collect(), vec![left_out])
}

fn matching(text: &str, metadata: &Metadata) -> Vec<usize> {
    let filter = Filter::compile(text, metadata).unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.matching().ones().collect()
}

#[track_caller]
fn refused(text: &str, byte: usize, parts: &[&str]) {
    let error = Filter::compile(text, &metadata(5)).unwrap_err();
    assert_eq!(error.byte, byte, "{text}: {error}");
    for part in parts {
        assert!(error.to_string().contains(part), "`{part}` is not in:\n{error}");
    }
}

/// Whether an item meets a condition, item by item: `None` where that is not known.
fn naive(tree: &Tree, metadata: &Metadata, item: usize) -> Option<bool> {
    match tree {
        Tree::Not(inner) => naive(inner, metadata, item).map(|met| !met),
        Tree::All(all) => {
            let parts: Vec<_> = all.iter().map(|part| naive(part, metadata, item)).collect();
            if parts.contains(&Some(false)) {
                Some(false)
            } else {
                parts.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
            }
        }
        Tree::Any(any) => {
            let parts: Vec<_> = any.iter().map(|part| naive(part, metadata, item)).collect();
            if parts.contains(&Some(true)) {
                Some(true)
            } else {
                parts.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
            }
        }
        Tree::Test(Test { column, kind, .. }) => {
            let value = metadata.column(column).unwrap().values.get(item);
            if *kind == TestKind::IsNull {
                return Some(value.is_none());
            }
            let value = value?;
            let order = |literal: &Literal| match (&value, literal) {
                (MetadataValue::Number(a), Literal::Number(b)) => a.partial_cmp(b).unwrap(),
                // Days are written so that they sort like text.
                (MetadataValue::Text(a), Literal::Text(b)) => a.as_str().cmp(b),
                (MetadataValue::Flag(a), Literal::Flag(b)) => a.cmp(b),
                other => panic!("{other:?}"),
            };
            Some(match kind {
                TestKind::Flag => value == MetadataValue::Flag(true),
                TestKind::Compare(comparison, with) => match comparison {
                    Comparison::Equal => order(&with.literal).is_eq(),
                    Comparison::Unequal => order(&with.literal).is_ne(),
                    Comparison::Less => order(&with.literal).is_lt(),
                    Comparison::LessOrEqual => order(&with.literal).is_le(),
                    Comparison::Greater => order(&with.literal).is_gt(),
                    Comparison::GreaterOrEqual => order(&with.literal).is_ge(),
                },
                TestKind::In(values) => values.iter().any(|with| order(&with.literal).is_eq()),
                TestKind::Has(with) => match (&value, &with.literal) {
                    (MetadataValue::Texts(list), Literal::Text(text)) => list.contains(text),
                    other => panic!("{other:?}"),
                },
                TestKind::IsNull => unreachable!(),
            })
        }
    }
}

/// Any test that fits its column.
fn test() -> impl Strategy<Value = String> {
    let comparison = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let among = |value: BoxedStrategy<String>| {
        let list = prop::collection::vec(value, 1..4).prop_map(|values| values.join(", "));
        (any::<bool>(), list).prop_map(|(not, list)| format!("{}in ({list})", if not { "not " } else { "" }))
    };
    let ordered = move |column: &'static str, values: Vec<&'static str>| {
        let value = prop::sample::select(values).prop_map(str::to_owned).boxed();
        let compared =
            (comparison.clone(), value.clone()).prop_map(|(comparison, value)| format!("{comparison}{value}"));
        prop_oneof![compared, among(value)].prop_map(move |condition| format!("{column} {condition}"))
    };
    let columns = prop::sample::select(vec!["category", "price", "adult", "tags", "`odd ``name```"]);
    prop_oneof![
        ordered("category", vec!["'Hiking'", "\"Yoga\"", "'none'", "''", "'Z'"]),
        ordered("price", vec!["0.5", "-2.5", "3", "1e9", "-7"]),
        ordered("`odd ``name```", vec!["'1970-01-03'", "'1970-01-01'", "'2000-01-01'"]),
        prop::sample::select(vec![
            "adult",
            "adult = true",
            "adult != true",
            "adult in (false)",
            "adult not in (true, false)"
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec!["tags has 'new'", "tags not has \"odd\"", "tags has 'none'"]).prop_map(str::to_owned),
        (columns, any::<bool>()).prop_map(|(column, not)| format!("{column} is {}null", if not { "not " } else { "" })),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    test().prop_recursive(5, 40, 4, |inner| {
        let several = |word: &'static str, inner: BoxedStrategy<String>| {
            prop::collection::vec(inner, 1..4).prop_map(move |parts| parts.join(word))
        };
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            inner.clone().prop_map(|inner| format!("not not not {inner}")),
            several(" and ", inner.clone().boxed()),
            several(" OR ", inner.boxed()).prop_map(|any| format!("({any})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_bitmap_is_what_each_item_says(text in filter(), items in prop::sample::select(vec![1usize, 63, 64, 130])) {
        let metadata = metadata(items);
        let tree = parse(&text).unwrap();
        let expected: Vec<usize> = (0..items).filter(|&item| naive(&tree, &metadata, item) == Some(true)).collect();
        prop_assert_eq!(matching(&text, &metadata), expected, "{}", text);
    }

    #[test]
    fn no_text_does_harm(text in "(\\PC|[()'\"`\\\\ ]|and|or|not|in|has|is null|price|category|tags|<|=|1|,){0,40}") {
        let metadata = metadata(3);
        if let Err(error) = Filter::compile(&text, &metadata) {
            prop_assert!(error.byte <= text.len() && text.is_char_boundary(error.byte));
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn every_condition_does_what_it_says() {
    let metadata = metadata(12);
    let category: Vec<Option<MetadataValue>> = (0..12).map(|item| metadata.columns()[0].values.get(item)).collect();
    assert_eq!(category[0], None);
    assert_eq!(matching("category = 'Running'", &metadata), [1, 4, 7]);
    assert_eq!(matching("category in (\"Running\", 'Hiking')", &metadata), [1, 3, 4, 6, 7, 9]);
    assert_eq!(matching("category not in ('Running', 'Hiking')", &metadata), [2, 8, 11]);
    assert_eq!(matching("category is null", &metadata), [0, 5, 10]);
    assert_eq!(matching("category > 'Run' and category <= 'Running'", &metadata), [1, 4, 7]);
    assert_eq!(matching("price >= 0.5 AND price < 3.5", &metadata), [1, 5]);
    assert_eq!(matching("adult or price = -2.5", &metadata), [0, 3, 9, 11]);
    assert_eq!(matching("tags has \"sale\" and not tags has 'odd'", &metadata), [2, 5]);
    assert_eq!(matching("`odd ``name``` < \"1970-01-02\"", &metadata), [0]);
    assert_eq!(matching("`odd ``name``` = '1970-01-02T00:00:00Z'", &metadata), [1, 8]);
}

#[test]
fn what_is_unknown_is_on_neither_side() {
    let metadata = metadata(50);
    for condition in ["category = 'Yoga'", "price < 2", "adult", "tags has 'new'", "`odd ``name``` > '1970-01-03'"] {
        let name = if condition.starts_with('`') { "`odd ``name```" } else { condition.split(' ').next().unwrap() };
        let [with, without, unknown] = [condition.to_owned(), format!("not ({condition})"), format!("{name} is null")]
            .map(|text| matching(&text, &metadata));
        assert!(!unknown.is_empty() && !with.is_empty() && !without.is_empty(), "{condition}");
        let mut all = [with, without, unknown].concat();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>(), "{condition}: each item is on one of three sides");
    }
}

#[test]
fn precedence_and_parentheses() {
    let metadata = metadata(40);
    let same = |a: &str, b: &str| assert_eq!(matching(a, &metadata), matching(b, &metadata), "{a}");
    same("adult or price < 2 and category = 'Yoga'", "adult or (price < 2 and category = 'Yoga')");
    same("not adult and price < 2", "(not adult) and price < 2");
    same("NOT NOT adult", "adult");
    same("not adult = false", "not (adult = false)");
    same("((((adult))))", "adult");
    assert_ne!(
        matching("(adult or price < 2) and category = 'Yoga'", &metadata),
        matching("adult or price < 2 and category = 'Yoga'", &metadata)
    );
}

#[test]
fn syntax_errors_name_place_and_expectation() {
    refused("", 0, &["expected a column", "found the end"]);
    refused("  ", 2, &["expected a column"]);
    refused("price <", 7, &["expected a value", "found the end"]);
    refused("price < and adult", 8, &["expected a value", "found `and`", "\n  price < and adult\n          ^"]);
    refused("price 20", 6, &["expected `=`", "found `20`"]);
    refused("price < 20 adult", 11, &["expected `and`, `or` or the end", "found `adult`"]);
    refused("(price < 20", 11, &["expected `and`, `or` or `)`", "found the end"]);
    refused("price < 20)", 10, &["expected `and`, `or` or the end", "found `)`"]);
    refused("category in 'a'", 12, &["`(` and the values"]);
    refused("category in ()", 13, &["expected a value"]);
    refused("category in ('a' 'b')", 17, &["expected `,` or `)`"]);
    refused("category not 'a'", 13, &["expected `in` or `has`"]);
    refused("price is 3", 9, &["`null` or `not null`"]);
    refused("20 > price", 0, &["expected a column, `not` or `(`", "found `20`"]);
    refused("adult and", 9, &["expected a column"]);
    refused("price == 3", 6, &["`==` is not part of the language, write `=`"]);
    refused("adult && adult", 6, &["write `and`"]);
    refused("!adult", 0, &["write `not`"]);
    refused("price <> 3", 6, &["write `!=`"]);
    refused("category = 'a", 11, &["the text that begins here is not closed by '"]);
    refused("`odd", 0, &["the name that begins here is not closed by `"]);
    refused(r#"category = "\x""#, 13, &["unknown escape"]);
    refused("price < 1e999", 8, &["`1e999` is not a number"]);
    refused("price < 1.2.3", 8, &["`1.2.3` is not a number"]);
    refused("price < 20€", 10, &["'€' means nothing here"]);
}

#[test]
fn long_filters_are_shown_around_the_place() {
    let text = format!("{}price <\nand adult {}", "adult or ".repeat(30), "or adult".repeat(30));
    let error = Filter::compile(&text, &metadata(5)).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 3, "{error}");
    assert!(
        lines[1].starts_with("  …") && lines[1].ends_with('…') && lines[1].contains("price < and adult"),
        "{error}"
    );
    let caret = lines[2].find('^').unwrap();
    assert_eq!(lines[1].chars().skip(caret).take(3).collect::<String>(), "and", "{error}");
}

#[test]
fn columns_and_types_are_checked() {
    refused("categry = 'a'", 0, &["no column `categry`; did you mean `category`?", "`category`, `price`, `adult`"]);
    refused("adult and brand = 'a'", 10, &["no column `brand`.", "The columns are"]);
    refused("origin = 'a'", 0, &["column `origin` cannot be used in a filter: it is of type Struct"]);
    refused("price = '20'", 8, &["column `price` holds numbers", "a number like 20, without quotes"]);
    refused("price in (1, true)", 13, &["column `price` holds numbers"]);
    refused("price", 0, &["column `price` holds numbers: it is no condition by itself"]);
    refused("category < 20", 11, &["column `category` holds texts", "a text in quotes"]);
    refused("adult = 'yes'", 8, &["column `adult` holds flags", "true or false"]);
    refused("adult > false", 0, &["no order between yes and no"]);
    refused("tags = 'new'", 0, &["column `tags` holds lists of texts", "has \"text\""]);
    refused("tags has 3", 9, &["it can only have a text"]);
    refused("category has 'a'", 0, &["`has` is for lists"]);
    refused("`odd ``name``` > 3", 17, &["holds dates", "2026-01-31"]);
    refused("`odd ``name``` > 'yesterday'", 17, &["holds dates", "2026-01-31"]);
    let error = Filter::compile("price < 3", &Metadata::default()).unwrap_err().to_string();
    assert!(error.contains("nothing is known of the items but ids and titles"), "{error}");
}

#[test]
fn size_and_depth_are_bounded() {
    let nested = |depth: usize| format!("{}adult{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::compile(&nested(MAX_DEPTH), &metadata(5)).is_ok());
    refused(&nested(MAX_DEPTH + 1), MAX_DEPTH, &["more than 64 parentheses"]);
    let list = |length: usize| format!("price in ({})", vec!["1"; length].join(","));
    assert!(Filter::compile(&list(MAX_TERMS - 1), &metadata(5)).is_ok());
    refused(&list(MAX_TERMS), 10 + 2 * (MAX_TERMS - 1), &["has 1025 columns and values, at most 1024"]);
    let long = format!("category = '{}'", "x".repeat(MAX_BYTES));
    refused(&long, MAX_BYTES, &["has 4109 bytes, at most 4096"]);
    let nots = format!("{}adult", "not ".repeat(1000));
    assert_eq!(matching(&nots, &metadata(5)), matching("adult", &metadata(5)));
}

#[test]
fn names_and_words() {
    let of = |name: &str, values| MetadataColumn { name: name.into(), data_type: String::new(), values };
    let column = |name| of(name, MetadataValues::Number(vec![1.0, 2.0]));
    let metadata = Metadata::new(["in", "größe_1", "list price", "Price"].map(column).into(), Vec::new());
    for name in ["`in`", "größe_1", "`größe_1`", "`list price`", "Price"] {
        assert_eq!(matching(&format!("{name}=2"), &metadata), [1], "{name}");
        assert_eq!(matching(&format!("{name}   In(2)and {name} IS NOT NULL"), &metadata), [1], "{name}");
    }
    assert!(Filter::compile("price = 2", &metadata).unwrap_err().to_string().contains("did you mean `Price`?"));
    let text = TextColumn { dictionary: ["a\"'\\\n", "b"].into_iter().collect(), codes: vec![0, 1] };
    let metadata = Metadata::new(vec![of("t", MetadataValues::Text(text))], Vec::new());
    for text in [r#"t = "a\"'\\\n""#, r#"t = 'a"\'\\\n'"#] {
        assert_eq!(matching(text, &metadata), [0], "{text}");
    }
}
