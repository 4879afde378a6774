//! Files, columns and sizes.

use crate::audit::report::{Line, Status, fraction, share};
use crate::interactions::LogRules;
use crate::io::{ScannedFile, counted};

/// `schema.files`: the columns, and whether all files have the same.
pub(in crate::audit) fn files(files: &[ScannedFile], rules: &LogRules) -> Line {
    let first = files.first().map_or(&[][..], |file| &file.columns);
    let names = &rules.columns;
    let used = [&names.user, &names.item, &names.weight, &names.time, &names.event];
    let listed = |read: bool| -> Vec<String> {
        let columns = first.iter().filter(|(name, _)| used.contains(&name) == read);
        columns.map(|(name, of)| format!("{name} ({of})")).collect()
    };
    let mut found = format!("{} with {}", counted(files.len() as u64, "file"), listed(true).join(", "));
    let others = listed(false);
    if !others.is_empty() {
        found += &format!("; not read: {}", others.join(", "));
    }
    let different: Vec<&ScannedFile> = files.iter().filter(|file| file.columns != first).collect();
    if !different.is_empty() {
        found += &format!("; other columns or types in {}", counted(different.len() as u64, "file"));
    }
    let columns = |file: &ScannedFile| {
        let differing = file.columns.iter().filter(|column| !first.contains(column)).map(|(n, t)| format!("{n} ({t})"));
        let missing = first.iter().filter(|(name, _)| file.columns.iter().all(|(other, _)| other != name));
        let parts: Vec<String> = differing.chain(missing.map(|(name, _)| format!("no {name}"))).collect();
        let parts = if parts.is_empty() { "another order of columns".into() } else { parts.join(", ") };
        format!("{}: {parts}", file.path.display())
    };
    let reordered = |file: &ScannedFile| {
        let sorted = |columns: &[(String, String)]| {
            let mut columns = columns.to_vec();
            columns.sort();
            columns
        };
        sorted(&file.columns) == sorted(first)
    };
    let schemas = different.iter().filter(|file| !reordered(file)).count();
    Line::new("schema.files", found)
        .value("files", files.len())
        .value("columns", first.iter().map(|(name, of)| format!("{name}: {of}")).collect::<Vec<_>>())
        .value("files_with_other_columns", schemas)
        .examples(different.iter().map(|file| columns(file)))
        .warn_if(schemas > 0, "write all files with the same columns and types: their meaning may differ as well")
}

/// Sizes of a log.
#[derive(Clone, Copy, Debug)]
pub(in crate::audit) struct Sizes {
    pub rows: u64,
    pub empty_lists: u64,
    pub users: u64,
    pub items: u64,
    pub pairs: u64,
}

/// `rows.count`: how much there is.
pub(in crate::audit) fn rows(sizes: Sizes) -> Line {
    let Sizes { rows, empty_lists, users, items, pairs } = sizes;
    let density = share(pairs, users.saturating_mul(items));
    let (count, people, things) = (counted(rows, "row"), counted(users, "user"), counted(items, "item"));
    let mut found = format!("{count} of {people} and {things}; {pairs} different pairs, {density} of all possible");
    if empty_lists > 0 {
        found += &format!("; {} with an empty list of items", counted(empty_lists, "row"));
    }
    let line = Line::new("rows.count", found)
        .value("rows", rows)
        .value("empty_lists", empty_lists)
        .value("users", users)
        .value("items", items)
        .value("pairs", pairs)
        .value("density", fraction(pairs, users.saturating_mul(items)));
    if users < 2 || items < 2 {
        let remedy = "there is nothing to learn from fewer than 2 users or items; check the path and the columns \
                      (--user-column, --item-column)";
        return line.raise(Status::Fail, remedy);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, columns: &[(&str, &str)]) -> ScannedFile {
        let columns = columns.iter().map(|(name, of)| (name.to_string(), of.to_string())).collect();
        ScannedFile { path: path.into(), rows: 1, columns }
    }

    #[test]
    fn files_with_other_columns_are_named() {
        let a = file("a", &[("user_id", "Utf8"), ("item_id", "Int64"), ("when", "Date32")]);
        let reordered = file("b", &[("item_id", "Int64"), ("user_id", "Utf8"), ("when", "Date32")]);
        let line = files(&[a.clone(), a.clone(), reordered], &LogRules::default());
        assert_eq!(line.status, Status::Pass, "{line:?}");
        assert!(line.found.contains("user_id (Utf8), item_id (Int64); not read: when (Date32)"), "{line:?}");

        let other = file("c", &[("user_id", "Utf8"), ("item_id", "Int32")]);
        let line = files(&[a, other], &LogRules::default());
        assert_eq!((line.status, line.examples), (Status::Warn, vec!["c: item_id (Int32), no when".into()]));
    }

    #[test]
    fn two_users_and_items_are_the_least() {
        let sizes = Sizes { rows: 4, empty_lists: 1, users: 2, items: 2, pairs: 4 };
        let line = rows(sizes);
        assert_eq!(line.status, Status::Pass);
        assert!(line.found.contains("4 rows of 2 users and 2 items; 4 different pairs, all of all"), "{}", line.found);
        assert_eq!(rows(Sizes { items: 1, ..sizes }).status, Status::Fail);
        assert_eq!(rows(Sizes { rows: 0, empty_lists: 0, users: 0, items: 0, pairs: 0 }).status, Status::Fail);
    }
}
