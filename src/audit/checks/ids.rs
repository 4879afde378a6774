//! Ids that are missing, and ids that stand for a missing one.

use crate::audit::collect::Collected;
use crate::audit::report::{Line, Status, share};
use crate::interactions::IdMap;
use crate::io::{Scanned, counted};

/// What systems write where they know no id; compared in lower case.
const PLACEHOLDERS: [&str; 16] = [
    "",
    "null",
    "(null)",
    "<null>",
    "\\n",
    "none",
    "nil",
    "nan",
    "<na>",
    "na",
    "n/a",
    "-",
    "-1",
    "undefined",
    "unknown",
    "anonymous",
];

/// `ids.null` and `ids.form`. `refused`: training does not accept the log.
pub(in crate::audit) fn ids(all: &Collected, scanned: &Scanned, refused: bool) -> [Line; 2] {
    let axes = [("user", &all.null_user), ("item", &all.null_item)];
    let missing = all.null_user.count + all.null_item.count;
    let found = if missing == 0 {
        "every row has a user and an item".into()
    } else {
        let of = |(axis, seen): (&str, &crate::audit::collect::Sighting)| {
            format!("{} without {axis} ({})", counted(seen.count, "row"), share(seen.count, all.total))
        };
        axes.into_iter().filter(|(_, seen)| seen.count > 0).map(of).collect::<Vec<_>>().join(", ")
    };
    let worst = if refused { Status::Fail } else { Status::Warn };
    let mut nulls = Line::new("ids.null", found)
        .value("null_users", all.null_user.count)
        .value("null_items", all.null_item.count)
        .examples(axes.iter().filter_map(|(axis, seen)| Some(format!("first without {axis}: {}", seen.place()?))));
    if missing > 0 {
        nulls = nulls.raise(worst, "leave these rows out when the log is written, or repair the join that lost the id");
    }

    let suspects: Vec<String> = [("user", scanned.users.sorted()), ("item", scanned.items.sorted())]
        .into_iter()
        .flat_map(|(axis, ids)| suspicious(ids).into_iter().map(move |id| format!("{axis} {id:?}")))
        .collect();
    let found = match suspects.len() as u64 {
        0 => "no id looks like a placeholder or has spaces around".into(),
        count => format!("{} that look like placeholders or have spaces around", counted(count, "id")),
    };
    let form = Line::new("ids.form", found).value("suspicious", suspects.len());
    let remedy = "one id of many users or items makes nonsense of their histories: leave out rows of unknown users \
                  and items, and trim ids, when the log is written";
    let any = !suspects.is_empty();
    [nulls, form.examples(suspects).warn_if(any, remedy)]
}

fn suspicious(ids: &IdMap) -> Vec<String> {
    match ids {
        IdMap::Text(texts) => (0..texts.len())
            .map(|at| texts.get(at))
            .filter(|id| id.trim() != *id || PLACEHOLDERS.contains(&id.to_lowercase().as_str()))
            .map(str::to_owned)
            .collect(),
        // The only negative one among others.
        IdMap::Int(numbers) if numbers.first() == Some(&-1) => vec!["-1".into()],
        IdMap::Int(_) | IdMap::Uint(_) => Vec::new(),
        IdMap::Uuid(uuids) => {
            uuids.iter().filter(|id| id.is_nil() || id.is_max()).map(|id| id.as_hyphenated().to_string()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn placeholders_are_recognised_in_every_type() {
        let texts = ["", " u1", "N/A", "None", "anonymous", "nancy", "u1", "u2\t"];
        assert_eq!(suspicious(&IdMap::Text(texts.into_iter().collect())).len(), 6);
        assert_eq!(suspicious(&IdMap::Int(vec![-1, 0, 7].into())), ["-1"]);
        assert!(suspicious(&IdMap::Int(vec![-2, -1, 0].into())).is_empty(), "negative ids are in use");
        assert!(suspicious(&IdMap::Uint(vec![0, u64::MAX])).is_empty());
        assert_eq!(suspicious(&IdMap::Uuid(vec![Uuid::nil(), Uuid::from_u128(7)])).len(), 1);
    }
}
