//! Which name was meant?

/// The name most similar to `wanted` by edit distance, ignoring case and punctuation; none when even
/// that one differs in half of its letters or more.
#[must_use]
pub fn nearest_name<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let letters = |name: &str| -> Vec<char> {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = letters(wanted);
    names
        .map(|name| (edit_distance(&wanted, &letters(name)), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| 2 * distance < wanted.len().max(letters(name).len()))
        .map(|(_, name)| name.to_owned())
}

/// Levenshtein distance.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_only_when_it_is_near() {
        let names = ["userId", "movieId", "rating", "timestamp"];
        let nearest = |wanted| nearest_name(wanted, names.into_iter());
        assert_eq!(nearest("user_id").as_deref(), Some("userId"));
        assert_eq!(nearest("ratings").as_deref(), Some("rating"));
        assert_eq!(nearest("event_type"), None);
    }
}
