//! Colours of points, and the key that says what they mean.

use plotters::style::RGBColor;

use super::colouring::{Colouring, Values, number_text};
use crate::cli::console::count;
use crate::cli::report::plots::COLOURS;

/// Of values beyond the most frequent ones.
const OTHER: RGBColor = COLOURS[0];
/// Of points of which nothing is known.
const UNKNOWN: RGBColor = RGBColor(205, 209, 213);
/// Of all points where nothing tells them apart.
const PLAIN: RGBColor = COLOURS[2];
/// The frequent values, the most frequent one first: told apart in any kind of colour blindness (Okabe & Ito 2008).
const FREQUENT: [RGBColor; 7] =
    [COLOURS[2], COLOURS[1], COLOURS[4], COLOURS[3], COLOURS[5], COLOURS[6], RGBColor(31, 35, 40)];

/// A scale that becomes lighter evenly and is read in any kind of colour blindness (viridis, without its lightest end).
const SCALE: [RGBColor; 5] = [
    RGBColor(68, 1, 84),
    RGBColor(62, 74, 137),
    RGBColor(38, 130, 142),
    RGBColor(53, 183, 121),
    RGBColor(159, 218, 58),
];

/// Share of the numbers on either side that do not stretch the scale.
const BEYOND: f64 = 0.02;

/// What the colours mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The column.
    pub heading: String,
    /// Numbers along the scale, by their share of it.
    pub scale: Vec<(f64, String)>,
    /// Colours of their own.
    pub swatches: Vec<(String, String)>,
}

/// A colour as SVG writes it.
pub fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The colour at a share of the scale.
pub fn shade(share: f64) -> String {
    let at = share.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    let below = (at as usize).min(SCALE.len() - 2);
    let mix =
        |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * (at - below as f64)).round() as u8;
    let (from, to) = (SCALE[below], SCALE[below + 1]);
    hex(RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2)))
}

/// The colours of all points, and their key where they mean something.
pub fn paint(colouring: Option<&Colouring>, points: usize) -> (Vec<String>, Option<Key>) {
    let Some(Colouring { column, values }) = colouring else { return (vec![hex(PLAIN); points], None) };
    let (colours, scale, mut swatches) = match values {
        Values::Categories { names, codes } => {
            let (colours, swatches) = by_value(names, codes);
            (colours, Vec::new(), swatches)
        }
        Values::Numbers { numbers, dates } => {
            let (colours, scale) = by_number(numbers, *dates);
            (colours, scale, Vec::new())
        }
    };
    let unknown = colours.iter().filter(|colour| colour.is_none()).count();
    if unknown > 0 {
        swatches.push((hex(UNKNOWN), format!("unknown ({})", count(unknown))));
    }
    let colours = colours.into_iter().map(|colour| colour.unwrap_or_else(|| hex(UNKNOWN))).collect();
    (colours, Some(Key { heading: column.clone(), scale, swatches }))
}

/// A colour for each of the most frequent values, one for all others.
fn by_value(names: &[String], codes: &[Option<u32>]) -> (Vec<Option<String>>, Vec<(String, String)>) {
    let mut counts = vec![0; names.len()];
    codes.iter().flatten().for_each(|&code| counts[code as usize] += 1);
    let mut order: Vec<usize> = (0..names.len()).filter(|&code| counts[code] > 0).collect();
    order.sort_by_key(|&code| std::cmp::Reverse(counts[code]));
    // One value alone is not "other".
    let shown = if order.len() == FREQUENT.len() + 1 { FREQUENT.len() - 1 } else { FREQUENT.len() };
    let (frequent, other) = order.split_at(order.len().min(shown));
    let mut of_code = vec![hex(OTHER); names.len()];
    let mut swatches = Vec::new();
    for (&code, &colour) in frequent.iter().zip(&FREQUENT) {
        of_code[code] = hex(colour);
        swatches.push((hex(colour), format!("{} ({})", names[code], count(counts[code]))));
    }
    if !other.is_empty() {
        let rest: usize = other.iter().map(|&code| counts[code]).sum();
        swatches.push((hex(OTHER), format!("{} other values ({})", count(other.len()), count(rest))));
    }
    (codes.iter().map(|code| code.map(|code| of_code[code as usize].clone())).collect(), swatches)
}

/// A place on the scale for each number, and what stands along it.
fn by_number(numbers: &[Option<f64>], dates: Option<bool>) -> (Vec<Option<String>>, Vec<(f64, String)>) {
    let mut sorted: Vec<f64> = numbers.iter().flatten().copied().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else {
        return (vec![None; numbers.len()], Vec::new());
    };
    let skipped = (sorted.len() as f64 * BEYOND) as usize;
    let (low, high) = (sorted[skipped], sorted[sorted.len() - 1 - skipped]);
    // Halves, as the difference of two large numbers may be none.
    let share = |number: f64| if high > low { (number / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.5 };
    let colours = numbers.iter().map(|number| number.map(|number| shade(share(number)))).collect();
    if low >= high {
        return (colours, vec![(0.5, number_text(low, dates))]);
    }
    let tick = |quarter: u8| {
        let at = f64::from(quarter) / 4.0;
        let text = number_text(low * (1.0 - at) + high * at, dates);
        let beyond = match quarter {
            0 if first < low => "≤ ",
            4 if last > high => "≥ ",
            _ => "",
        };
        (at, format!("{beyond}{text}"))
    };
    (colours, (0..=4).map(tick).collect())
}
