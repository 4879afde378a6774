//! What the command line says about itself: completions and manual pages.

use std::fs;
use std::process::{Command, Stdio};

use foldin::models::ModelConfig;

use super::harness::{arg, foldin, names, succeed};

const COMMANDS: [&str; 10] =
    ["train", "evaluate", "compare", "tune", "recommend", "serve", "query", "datasets", "completions", "inspect"];

#[test]
fn every_shell_has_completions_that_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = succeed(&["completions", shell]);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command} is missing");
        }
        assert!(script.contains("accept-licence"), "{shell}: flags of commands below commands");
    }
    foldin(&["completions", "dos"]).refused(2, &["dos", "bash"]);
}

#[test]
fn every_model_is_named_where_one_is_chosen() {
    for command in ["train", "evaluate", "tune", "plan"] {
        let help = succeed(&[command, "--help"]);
        for model in ModelConfig::PRESETS {
            assert!(help.contains(model), "{command}: {model} is missing");
        }
    }
}

#[test]
fn bash_accepts_its_completions_and_completes() {
    let bash = |script: &str| Command::new("bash").args(["-c", script]).stdin(Stdio::null()).output();
    if bash("true").is_err() {
        eprintln!("skipped: there is no bash");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("foldin.bash");
    fs::write(&path, succeed(&["completions", "bash"])).unwrap();
    let source = format!("source {}", arg(&path));
    let ask = format!(
        "{source}; COMP_WORDS=(foldin data); COMP_CWORD=1; _foldin foldin data foldin; echo \"${{COMPREPLY[@]}}\""
    );
    let output = bash(&ask).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "datasets");
}

#[test]
fn every_command_has_a_manual_page_with_its_examples() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("man1");
    let text = succeed(&["man", "--out", arg(&out)]);
    let pages = names(&out);
    assert!(text.contains(&format!("{} pages", pages.len())), "{text}");
    for command in COMMANDS {
        assert!(pages.contains(&format!("foldin-{command}.1")), "{command}: {pages:?}");
    }
    assert!(pages.contains(&"foldin.1".into()) && pages.contains(&"foldin-datasets-get.1".into()), "{pages:?}");
    let page = fs::read_to_string(out.join("foldin-datasets-get.1")).unwrap();
    for part in [".TH", "accept\\-licence", "foldin datasets get ml\\-1m", "HTTPS_PROXY"] {
        assert!(page.contains(part), "`{part}` is not in:\n{page}");
    }
    foldin(&["man", "--out", arg(&out)]).refused(2, &["exists", "--force"]);
    succeed(&["man", "--out", arg(&out), "--force"]);
    assert_eq!(names(&out), pages);
}
