//! The attributes of items as `inspect` shows them: what one has to know to write a filter.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use super::console::count;
use crate::interactions::{Metadata, MetadataColumn, MetadataValues, TextIds, UNKNOWN_TEXT, UNKNOWN_TIME, time_text};

/// Values shown of a column.
const SHOWN: usize = 3;

/// Characters shown of a value.
const LONGEST: usize = 40;

/// A column and what is in it.
#[derive(Debug, Serialize)]
pub struct Attribute {
    name: String,
    /// As the items file has it.
    #[serde(rename = "type")]
    data_type: String,
    /// What a filter may compare; absent for a column that filters cannot use.
    holds: Option<&'static str>,
    /// Values that differ.
    distinct: Option<usize>,
    /// Share of the items of which nothing is known.
    unknown: Option<f64>,
    /// The most frequent texts, or the smallest and the largest value.
    examples: Vec<String>,
    /// Why filters cannot use it.
    left_out: Option<String>,
}

/// All attributes of a model's items, those that filters can use first.
pub fn attributes(metadata: &Metadata) -> Vec<Attribute> {
    let left_out = metadata.left_out().iter().map(|column| Attribute {
        name: column.name.clone(),
        data_type: column.data_type.clone(),
        holds: None,
        distinct: None,
        unknown: None,
        examples: Vec::new(),
        left_out: Some(column.reason.clone()),
    });
    metadata.columns().iter().map(attribute).chain(left_out).collect()
}

fn attribute(column: &MetadataColumn) -> Attribute {
    let values = &column.values;
    let unknown = (0..values.len()).filter(|&item| !values.is_known(item)).count();
    let (distinct, examples) = match values {
        MetadataValues::Text(texts) => frequent(&texts.dictionary, &texts.codes),
        MetadataValues::Texts(texts) => frequent(&texts.dictionary, &texts.codes),
        MetadataValues::Number(numbers) => {
            let known = || numbers.iter().copied().filter(|number| !number.is_nan());
            let distinct: HashSet<u64> = known().map(f64::to_bits).collect();
            let ends = [known().min_by(f64::total_cmp), known().max_by(f64::total_cmp)];
            (distinct.len(), ends.into_iter().flatten().map(|number| number.to_string()).collect())
        }
        MetadataValues::Flag { yes, known } => {
            let (yes, no) = (yes.count_ones(..), known.difference_count(yes));
            let examples = [("true", yes), ("false", no)].into_iter().filter(|(_, items)| *items > 0);
            let examples: Vec<String> = examples.map(|(flag, items)| format!("{flag} ({})", count(items))).collect();
            (examples.len(), examples)
        }
        MetadataValues::Time { times, dates } => {
            let known = || times.iter().copied().filter(|time| *time != UNKNOWN_TIME);
            let distinct: HashSet<i64> = known().map(|time| time.0).collect();
            let ends = [known().min(), known().max()];
            (distinct.len(), ends.into_iter().flatten().map(|time| time_text(time, *dates)).collect())
        }
    };
    Attribute {
        name: column.name.clone(),
        data_type: column.data_type.clone(),
        holds: Some(values.kind()),
        distinct: Some(distinct),
        unknown: Some(unknown as f64 / values.len().max(1) as f64),
        examples,
        left_out: None,
    }
}

/// The number of texts, and the most frequent ones.
fn frequent(dictionary: &TextIds, codes: &[u32]) -> (usize, Vec<String>) {
    let mut counts = vec![0u32; dictionary.len()];
    codes.iter().filter(|&&code| code != UNKNOWN_TEXT).for_each(|&code| counts[code as usize] += 1);
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&code| std::cmp::Reverse(counts[code]));
    (counts.len(), order.into_iter().take(SHOWN).map(|code| dictionary.get(code).to_owned()).collect())
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, data_type, holds, distinct, unknown, examples, left_out } = self;
        write!(f, "{name} {data_type}")?;
        if let (Some(holds), Some(distinct), Some(unknown)) = (holds, distinct, unknown) {
            write!(f, ": {holds}, {} distinct, {:.1} % null", count(*distinct), 100.0 * unknown)?;
            let short = |text: &String| {
                let cut: String = text.chars().take(LONGEST).collect();
                if cut.len() < text.len() { format!("{cut}…") } else { cut }
            };
            let (quote, separator) = match *holds {
                "texts" | "lists of texts" => ("\"", ", "),
                "flags" => ("", ", "),
                _ => ("", " to "),
            };
            let examples: Vec<String> = examples.iter().map(|text| format!("{quote}{}{quote}", short(text))).collect();
            let more = if quote.len() == 1 && *distinct > examples.len() { ", …" } else { "" };
            if !examples.is_empty() {
                write!(f, "; {}{more}", examples.join(separator))?;
            }
        }
        match left_out {
            Some(reason) => write!(f, ": not for filters: {reason}"),
            None => Ok(()),
        }
    }
}
