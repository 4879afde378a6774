//! A report as Markdown.

use std::fmt::Write;

use super::document::{Block, Document};

/// The document; with `plots`, the directory that holds them, relative to the document.
pub fn render(document: &Document, plots: Option<&str>) -> String {
    let mut out = format!("# {}\n", text(&document.title));
    for block in &document.blocks {
        out.push('\n');
        // Writing to a string cannot fail.
        let _ = part(&mut out, block, plots);
    }
    out
}

fn part(out: &mut String, block: &Block, plots: Option<&str>) -> std::fmt::Result {
    match block {
        Block::Heading(heading) => writeln!(out, "## {heading}"),
        Block::Text(paragraph) => writeln!(out, "{}", text(paragraph)),
        Block::Facts(facts) => {
            facts.iter().try_for_each(|(name, value)| writeln!(out, "- {}: {}", text(name), text(value)))
        }
        Block::Table { labels, head, rows } => {
            line(out, head.iter())?;
            let rules: Vec<&str> = (0..head.len()).map(|at| if at < *labels { "---" } else { "---:" }).collect();
            writeln!(out, "|{}|", rules.join("|"))?;
            rows.iter().try_for_each(|row| line(out, row.iter()))
        }
        Block::Plots(pictures) => {
            let Some(directory) = plots else { return Ok(()) };
            pictures
                .iter()
                .try_for_each(|plot| writeln!(out, "![{}]({directory}/{}.svg)", text(&plot.title), plot.name))
        }
        Block::Code(code) => {
            // A fence longer than any run of backticks inside it.
            let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
            let fence = "`".repeat(longest.max(2) + 1);
            writeln!(out, "{fence}toml\n{}\n{fence}", code.trim_end())
        }
    }
}

fn line<'a>(out: &mut String, cells: impl Iterator<Item = &'a String>) -> std::fmt::Result {
    let cells: Vec<String> = cells.map(|cell| text(cell)).collect();
    writeln!(out, "| {} |", cells.join(" | "))
}

/// Text that stands for itself: what Markdown or HTML would read as markup is escaped.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => out.extend(['\\', c]),
            '\n' | '\r' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(text("<script>a|b*c_d`e\nf"), "&lt;script&gt;a\\|b\\*c\\_d\\`e f");
        let table = Block::Table { labels: 1, head: vec!["a|b".into()], rows: vec![vec!["x\ny".into()]] };
        let document = Document { title: "# <b>".into(), blocks: vec![table, Block::Code("a = '```'".into())] };
        let out = render(&document, None);
        assert_eq!(out, "# \\# &lt;b&gt;\n\n| a\\|b |\n|---|\n| x y |\n\n````toml\na = '```'\n````\n");
    }
}
