//! Which titles stand where, so that none covers another.

/// Size of the letters, in pixels.
pub const FONT: f64 = 12.0;

/// Room between a point and its title.
const GAP: f64 = 3.0;

/// Letters of a title at most.
const LONGEST: usize = 32;

/// A point that should be named.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// Centre of the point, in pixels.
    pub at: [f64; 2],
    /// Its radius.
    pub radius: f64,
    /// What it is called.
    pub title: &'a str,
}

/// A title that has found a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Which wish it fulfils.
    pub of: usize,
    /// Where its text is anchored, on the base line.
    pub at: [f64; 2],
    /// `start`, `middle` or `end`, as SVG says it.
    pub anchor: &'static str,
    /// The title, cut where it is too long.
    pub text: String,
    /// What it covers: left, top, right, bottom.
    pub bounds: [f64; 4],
}

/// Places titles beside, above or below their points, within `frame` and clear of each other, those of the first wishes
/// first, until there are `most`. What finds no place is left out.
pub fn place(wishes: &[Wish<'_>], frame: [f64; 4], most: usize) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    for (of, wish) in wishes.iter().enumerate() {
        if labels.len() == most {
            break;
        }
        let text = shortened(wish.title, LONGEST);
        let (width, [x, y], away) = (width(&text), wish.at, wish.radius + GAP);
        let beside = |anchor, left| ([left, y - FONT / 2.0], anchor);
        let around = [
            beside("start", x + away),
            beside("end", x - away - width),
            ([x - width / 2.0, y - away - FONT], "middle"),
            ([x - width / 2.0, y + away], "middle"),
        ];
        let fits = |&([left, top], _): &([f64; 2], &str)| {
            let bounds = [left, top, left + width, top + FONT];
            let inside =
                bounds[0] >= frame[0] && bounds[1] >= frame[1] && bounds[2] <= frame[2] && bounds[3] <= frame[3];
            inside && labels.iter().all(|label| apart(bounds, label.bounds))
        };
        if let Some(([left, top], anchor)) = around.into_iter().find(fits) {
            let share = match anchor {
                "start" => 0.0,
                "end" => 1.0,
                _ => 0.5,
            };
            // Letters stand on a line a fifth above the bottom of their box.
            let at = [left + share * width, top + 0.8 * FONT];
            labels.push(Label { of, at, anchor, text, bounds: [left, top, left + width, top + FONT] });
        }
    }
    labels
}

/// Two boxes with a little room between them.
fn apart(a: [f64; 4], b: [f64; 4]) -> bool {
    const ROOM: f64 = 2.0;
    a[2] + ROOM < b[0] || b[2] + ROOM < a[0] || a[3] + ROOM < b[1] || b[3] + ROOM < a[1]
}

/// A text of at most so many letters, on one line and without what no XML may hold.
pub fn shortened(text: &str, most: usize) -> String {
    let mut letters =
        text.chars().map(|c| if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) { ' ' } else { c });
    let mut out: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        out.pop();
        out.push('…');
    }
    out
}

/// About how wide a text is, without a font at hand: rather too wide than too narrow.
fn width(text: &str) -> f64 {
    let ems = text.chars().map(|c| match c {
        'i' | 'j' | 'l' | 'I' | 'f' | 't' | '.' | ',' | ':' | ';' | '\'' | '!' | '|' | '(' | ')' | ' ' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        c if c.is_ascii_uppercase() => 0.72,
        c if c < '\u{1100}' => 0.62,
        _ => 1.05,
    });
    FONT * ems.sum::<f64>()
}
