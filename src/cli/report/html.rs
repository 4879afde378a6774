//! A report as one HTML page: no script, and nothing that is not in the file.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::document::{Block, Document};

/// Plots are drawn dark on white; in a dark page they are inverted, which keeps their hues apart.
const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --faint: #59636e; --line: #d1d9e0; --shade: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #101418; --faint: #9198a1; --line: #3d444d; --shade: #181d23; }
  figure svg { filter: invert(1) hue-rotate(180deg); }
}
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: normal; }
thead th { background: var(--shade); } .n { text-align: right; white-space: nowrap; }
tbody th { font-weight: 500; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; } dt { color: var(--faint); } dd { margin: 0; }
figure { display: inline-block; margin: .5rem 1rem .5rem 0; max-width: 100%; }
figure svg { max-width: 100%; height: auto; border-radius: 6px; }
pre { background: var(--shade); padding: .8rem; overflow-x: auto; border-radius: 6px; font-size: 13px; }
";

/// The page.
pub fn render(document: &Document) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (document.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (document.title) }
                @for block in &document.blocks { (part(block)) }
            }
        }
    };
    page.into_string()
}

fn part(block: &Block) -> Markup {
    html! {
        @match block {
            Block::Heading(text) => h2 { (text) },
            Block::Text(text) => p { (text) },
            Block::Facts(facts) => dl {
                @for (name, value) in facts { dt { (name) } dd { (value) } }
            },
            Block::Table { labels, head, rows } => div.wide { table {
                thead { tr { @for (at, cell) in head.iter().enumerate() { th.n[at >= *labels] scope="col" { (cell) } } } }
                tbody {
                    @for row in rows {
                        tr { @for (at, cell) in row.iter().enumerate() {
                            @if at == 0 { th scope="row" { (cell) } } @else { td.n[at >= *labels] { (cell) } }
                        } }
                    }
                }
            } },
            Block::Plots(plots) => {
                @for plot in plots {
                    // Drawn by this program from numbers and escaped names: markup, not text.
                    figure role="img" aria-label=(plot.title) { (PreEscaped(&plot.svg)) }
                }
            },
            Block::Code(text) => pre { code { (text) } },
        }
    }
}
