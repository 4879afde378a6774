//! The layers of the library, as a test: who may import whom, where `unsafe` and the Parquet crates
//! may stand, and how long a file may grow. ARCHITECTURE.md explains the reasons.

use std::fs;
use std::path::{Path, PathBuf};

/// `(layer, layers it may import)`; anything not listed is a crossing. Tests inside the sources are
/// exempt: they may use whatever makes a good fixture.
const LAYERS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("random", &[]),
    ("storage", &[]),
    ("linalg", &[]),
    ("interactions", &["types", "random"]),
    ("io", &["types", "random", "interactions"]),
    ("filter", &["types", "interactions"]),
    ("nn", &["types", "random", "linalg"]),
    ("codes", &["types", "random", "linalg", "nn"]),
    ("tuning", &["random"]),
    ("projection", &["random", "linalg"]),
    ("training", &["types", "random", "storage", "interactions", "nn"]),
    ("models", &["types", "random", "interactions", "linalg", "nn", "codes", "training"]),
    ("plan", &["interactions", "io", "linalg", "training", "models"]),
    ("ranking", &["types", "random", "interactions", "linalg", "models"]),
    ("evaluation", &["types", "random", "interactions", "io", "models", "ranking"]),
    ("anomaly", &["types", "interactions", "linalg", "models", "ranking"]),
    ("artifact", &["types", "random", "storage", "interactions", "io", "training", "models", "anomaly"]),
    ("events", &["types", "storage", "interactions"]),
    ("engine", &["types", "random", "interactions", "filter", "codes", "models", "ranking", "anomaly", "artifact"]),
    ("registry", &["storage", "artifact", "engine"]),
    ("serve", &["types", "random", "storage", "interactions", "engine", "events", "registry"]),
    ("load_test", &["types", "random", "interactions", "engine", "serve"]),
    ("generate", &["types", "random", "interactions", "io"]),
    ("audit", &["types", "interactions", "io"]),
    ("export", &["types", "storage", "interactions", "io", "codes", "models", "ranking", "artifact"]),
    ("sample", &["types", "random", "interactions", "io", "linalg", "nn", "models", "evaluation", "artifact"]),
    ("datasets", &["types", "storage", "interactions", "io"]),
];

/// The composition root: may import everything.
const ROOTS: &[&str] = &["cli", "lib", "main"];

/// Lines of code in a file, its tests not counted.
const MAX_LINES: usize = 450;

/// Lines of a test module inside a source file; longer ones belong in a file of their own.
const MAX_TEST_LINES: usize = 150;

/// A source file: its path below `src/` and its text.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Path components without the extension, `mod.rs` standing for its directory: `a/b.rs` and
    /// `a/b/mod.rs` are both `[a, b]`.
    fn module(&self) -> Vec<String> {
        let mut parts: Vec<String> =
            self.path.with_extension("").components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
        if parts.len() > 1 && parts.last().is_some_and(|last| last == "mod") {
            parts.pop();
        }
        parts
    }

    fn layer(&self) -> String {
        self.module().swap_remove(0)
    }

    /// True for a file that holds nothing but tests.
    fn is_test(&self) -> bool {
        self.module().last().is_some_and(|name| name == "tests" || name.ends_with("_tests"))
    }

    /// Number of lines before and from the test module at the end.
    fn lines(&self) -> (usize, usize) {
        let code = self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        (code, self.text.lines().count() - code)
    }

    /// The code without comments, literals and the test module at the end.
    fn code(&self) -> String {
        let end = self.text.find("\n#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        blank_comments_and_literals(&self.text[..end])
    }
}

/// Replaces comments, strings and characters by spaces, keeping line breaks.
fn blank_comments_and_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match chars[i] {
            '/' if at(i + 1) == '/' => (i..chars.len()).find(|&j| chars[j] == '\n').unwrap_or(chars.len()),
            '/' if at(i + 1) == '*' => {
                (i + 2..chars.len()).find(|&j| at(j) == '*' && at(j + 1) == '/').map_or(chars.len(), |j| j + 2)
            }
            '"' => {
                let hashes = chars[..i].iter().rev().take_while(|&&c| c == '#').count();
                let raw = i > hashes && chars[i - hashes - 1] == 'r';
                let mut j = i + 1;
                while j < chars.len() {
                    if !raw && chars[j] == '\\' {
                        j += 1;
                    } else if chars[j] == '"' && (!raw || (1..=hashes).all(|h| at(j + h) == '#')) {
                        break;
                    }
                    j += 1;
                }
                (j + 1).min(chars.len())
            }
            '\'' if at(i + 1) == '\\' => {
                (i + 3..chars.len()).find(|&j| chars[j] == '\'').map_or(chars.len(), |j| j + 1)
            }
            '\'' if at(i + 2) == '\'' => i + 3,
            _ => {
                out.push(chars[i]);
                i += 1;
                continue;
            }
        };
        out.extend(chars[i..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
        i = end;
    }
    out
}

/// Identifiers and punctuation, one by one; `::` is one token.
fn tokens(code: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = false;
    for c in code.chars() {
        let continues = c.is_alphanumeric() || c == '_';
        match out.last_mut() {
            Some(last) if continues && word => last.push(c),
            Some(last) if c == ':' && last == ":" => last.push(c),
            _ if c.is_whitespace() => {}
            _ => out.push(c.into()),
        }
        word = continues;
    }
    out
}

/// The top-level modules that a file names through `crate::` or enough `super::`.
fn imports(source: &Source) -> Vec<String> {
    let tokens = tokens(&source.code());
    let depth = source.module().len();
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let supers = (0..).take_while(|s| tokens.get(i + 2 * s).is_some_and(|t| t == "super")).count();
        let after = match tokens[i].as_str() {
            "crate" if tokens.get(i + 1).is_some_and(|t| t == "::") => i + 2,
            "super" if supers >= depth => i + 2 * supers,
            _ => {
                i += 1;
                continue;
            }
        };
        if tokens.get(after).is_some_and(|t| t == "{") {
            // `use crate::{a::x, b::{y, z}}`: the first identifier of every entry of the outer braces.
            let (mut level, mut entry) = (0, true);
            for token in &tokens[after..] {
                match token.as_str() {
                    "{" => level += 1,
                    "}" => level -= 1,
                    "," if level == 1 => entry = true,
                    name if level == 1 && entry => {
                        found.push(name.to_string());
                        entry = false;
                    }
                    _ => {}
                }
                if level == 0 {
                    break;
                }
            }
        } else if let Some(name) = tokens.get(after) {
            found.push(name.clone());
        }
        i = after;
    }
    found
}

/// Everything wrong with the layering of these sources, one line each.
fn violations(sources: &[Source]) -> Vec<String> {
    let mut out = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let (layer, path) = (source.layer(), source.path.display());
        if !ROOTS.contains(&layer.as_str()) {
            match LAYERS.iter().find(|(name, _)| *name == layer) {
                None => out.push(format!("src/{path}: layer `{layer}` is not in the table of tests/architecture.rs")),
                Some((_, allowed)) => {
                    for import in imports(source) {
                        if import != layer && !allowed.contains(&import.as_str()) {
                            out.push(format!("src/{path}: `{layer}` must not import `{import}`"));
                        }
                    }
                }
            }
        }
        let tokens = tokens(&source.code());
        if tokens.iter().any(|t| t == "unsafe") && !source.path.starts_with("linalg/kernels") {
            out.push(format!("src/{path}: `unsafe` stands outside src/linalg/kernels"));
        }
        if layer != "io" && tokens.iter().any(|t| t == "parquet" || t.starts_with("arrow_")) {
            out.push(format!("src/{path}: the Arrow and Parquet crates are used outside src/io"));
        }
        let (code, tests) = source.lines();
        if code > MAX_LINES {
            out.push(format!("src/{path}: {code} lines of code, at most {MAX_LINES}: is it one thing?"));
        }
        if tests > MAX_TEST_LINES {
            out.push(format!("src/{path}: {tests} lines of tests, at most {MAX_TEST_LINES}: move them to a file"));
        }
    }
    out
}

fn read_sources(root: &Path, directory: &Path, out: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read_sources(root, &path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            out.push(Source { path: path.strip_prefix(root).unwrap().into(), text });
        }
    }
}

fn source(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.into() }
}

#[test]
fn the_sources_keep_to_the_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    read_sources(&root, &root, &mut sources);
    assert!(sources.len() > 20, "only {} sources found below {}", sources.len(), root.display());
    let found = violations(&sources);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_table_has_no_cycle() {
    // Every layer may import only layers listed above it, so no cycle can exist.
    for (position, (layer, allowed)) in LAYERS.iter().enumerate() {
        for import in *allowed {
            let above = LAYERS[..position].iter().any(|(name, _)| name == import);
            assert!(above, "`{layer}` lists `{import}`, which does not stand above it");
        }
    }
}

#[test]
fn a_crossed_edge_is_found_however_it_is_written() {
    for text in [
        "use crate::serve::Server;",
        "use crate::{types::UserIdx, serve::{Server, Client}};",
        "use super::super::serve;",
        "fn f() { let _ = crate::serve::start(); }",
        "type S = crate :: serve :: Server;",
        "pub(crate) use crate::{\n    ranking::rank,\n    serve,\n};",
    ] {
        let found = violations(&[source("evaluation/report.rs", text)]);
        assert_eq!(found, ["src/evaluation/report.rs: `evaluation` must not import `serve`"], "{text}");
    }
    let found = violations(&[source("evaluation/mod.rs", "use super::serve;")]);
    assert_eq!(found, ["src/evaluation/mod.rs: `evaluation` must not import `serve`"]);
}

#[test]
fn what_is_no_import_is_let_through() {
    for text in [
        "/// See [`serve`](crate::serve).\nfn f() {}",
        "/* crate::serve */ const S: &str = \"crate::serve\"; const R: &str = r#\"a \"crate::serve\" b\"#;",
        "const Q: char = '\"'; // crate::serve \"\nuse crate::ranking::rank; const E: char = '\\'';",
        "use super::metrics; use crate::evaluation::x; use crate::types::{ItemIdx, UserIdx};",
        "fn f<'a>(x: &'a str) -> &'a str { x }\n\n#[cfg(test)]\nmod tests {\n    use crate::serve::Server;\n}",
    ] {
        assert_eq!(violations(&[source("evaluation/report.rs", text)]), [""; 0], "{text}");
    }
    assert_eq!(violations(&[source("evaluation/evaluate_tests.rs", "use crate::serve::Server;")]), [""; 0]);
    assert_eq!(violations(&[source("cli/serve.rs", "use crate::serve::Server;")]), [""; 0]);
}

#[test]
fn strays_are_found() {
    let stray = |path: &str, text: &str| violations(&[source(path, text)]).join("\n");
    assert!(stray("engine/x.rs", "unsafe fn f() {}").contains("`unsafe` stands outside"));
    assert_eq!(stray("linalg/kernels/dot.rs", "unsafe fn f() {}"), "");
    assert!(stray("artifact/x.rs", "use parquet::file;").contains("outside src/io"));
    assert!(stray("artifact/x.rs", "use arrow_array::Array;").contains("outside src/io"));
    assert_eq!(stray("io/x.rs", "use arrow_array::Array;"), "");
    assert!(stray("engine/x.rs", &"fn f() {}\n".repeat(MAX_LINES + 1)).contains("451 lines of code"));
    let tests = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    fn f() {}\n".repeat(MAX_TEST_LINES));
    assert!(stray("engine/x.rs", &tests).contains("lines of tests"));
    assert!(stray("utils/x.rs", "").contains("layer `utils` is not in the table"));
}
