//! The README is a test: its files are loaded, its commands run, and what they print is compared.
//!
//! The first line of a block says what it is:
//! - `toml PATH` is a file of the tour's project; with a third word it is checked, and not part of the tour.
//! - `toml PATH elsewhere` is a project file whose blueprints are not in the project.
//! - `toml PATH blueprint` and `toml PATH environments` are each the files of one more project.
//! - `toml realm-file` is a whole-realm file of a project of its own.
//! - `console` is run in the tour's project, one `$ command` after the other; a line `…` stands for any lines.
//! - `sh` holds commands that must be understood; they are not run.
//! - `html` is how a comment begins.

use std::path::Path;
use std::process::Command;

use crate::support::program::{Program, stdout};

const README: &str = include_str!("../../README.md");

struct Block {
    kind: Vec<&'static str>,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    let fenced = README.split("\n```").skip(1).step_by(2);
    let blocks = fenced.map(|block| block.split_once('\n').unwrap());
    blocks.map(|(kind, text)| Block { kind: kind.split_whitespace().collect(), text }).collect()
}

#[test]
fn every_block_is_of_a_known_sort() {
    let blocks = blocks();
    assert!(blocks.len() > 15);
    for block in blocks {
        let known = matches!(block.kind[..], ["toml", _] | ["toml", _, _] | ["console" | "sh" | "html"]);
        assert!(known, "{:?}", block.kind);
    }
}

#[test]
fn its_files_are_in_order() {
    let (of_blueprint, of_environments) = (Program::new(), Program::new());
    of_blueprint.write("realmform.toml", "name = 'readme'");
    for block in blocks() {
        let program = Program::new();
        match block.kind[..] {
            ["toml", path, "blueprint"] => {
                of_blueprint.write(path, block.text);
                continue;
            }
            ["toml", path, "environments"] => {
                of_environments.write(path, block.text);
                continue;
            }
            ["toml", "realm-file"] => {
                program.write("realmform.toml", "name = 'readme'");
                program.write("acme/realm.toml", block.text);
            }
            ["toml", path, "elsewhere"] => {
                program.write(&format!("project/{path}"), block.text);
                program.write("patterns/shop/blueprint.toml", "");
                let outcome = program.at("project").run(&["check"]);
                // The repository of an example is nowhere, so that it is as far as it comes.
                let is_unlocked = outcome.contains("does not say which commit the blueprint `customer` is\n");
                assert!(is_unlocked && outcome.contains("error: 1 error "), "{outcome}");
                continue;
            }
            ["toml", path, _] => {
                program.write(path, block.text);
                // What the rules for files are about.
                for file in ["tenant-acme/realm.toml", "bookshop/realm.toml", "bookshop/team-shop.toml"] {
                    program.write(file, "");
                }
            }
            _ => continue,
        }
        let outcome = program.run(&["check", "--strict"]);
        assert!(outcome.starts_with("status: 0\n") && outcome.ends_with("--- stderr\n"), "{}\n{outcome}", block.text);
    }
    let outcome = of_blueprint.run(&["check", "--strict"]);
    assert!(outcome.contains("\nIn order: 3 objects in 1 realm.\n"), "{outcome}");
    let outcome = of_environments.run(&["check", "--strict"]);
    let checked = "\nIn order in production: 2 objects in 1 realm.\nIn order in staging: 2 objects in 1 realm.\n";
    assert!(outcome.contains(checked), "{outcome}");
}

#[test]
fn the_tour_is_as_it_says() {
    let program = Program::with_server().with("SHOP_SECRET", "the-secret-of-the-tour");
    let program = ["GIT_AUTHOR", "GIT_COMMITTER"].iter().fold(program, |program, who| {
        program.with(&format!("{who}_NAME"), "reader").with(&format!("{who}_EMAIL"), "reader@example")
    });
    program.git(&["init", "-q"]);
    for block in blocks() {
        match block.kind[..] {
            ["toml", path] if path != "realm-file" => {
                program.write(path, block.text);
                program.git(&["add", "-A"]);
                program.git(&["commit", "-q", "-m", path]);
            }
            ["console"] => run(&program, block.text),
            _ => {}
        }
    }
}

fn run(program: &Program, session: &str) {
    for step in session.trim_end().split("$ ").skip(1) {
        let (command, expected) = step.split_once('\n').unwrap_or((step, ""));
        let outcome = program.shell(command);
        assert!(outcome.starts_with("status: 0\n"), "{command}\n{outcome}");
        let printed = format!("{}{}", stdout(&outcome), outcome.split_once("--- stderr\n").unwrap().1);
        assert!(matches(&lines(expected), &lines(&printed)), "{command}\n{printed}");
    }
}

/// The width of the page is not that of a terminal, so only where words stand apart matters, not how far.
fn lines(text: &str) -> Vec<String> {
    let apart = |line: &str| {
        line.trim_end().split("  ").filter(|part| !part.is_empty()).map(str::trim).collect::<Vec<_>>().join("  ")
    };
    text.trim().lines().map(apart).collect()
}

fn matches(expected: &[String], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => (0..=printed.len()).any(|at| matches(rest, &printed[at..])),
        Some((first, rest)) => printed.first() == Some(first) && matches(rest, &printed[1..]),
    }
}

#[test]
fn its_commands_are_understood() {
    let mut understood = 0;
    for block in blocks().into_iter().filter(|block| matches!(block.kind[..], ["sh"])) {
        for line in block.text.lines() {
            let ours = ["realmform ", "cargo run --release -- ", "cargo run -- "];
            let Some(arguments) = ours.iter().find_map(|prefix| line.strip_prefix(prefix)) else { continue };
            let arguments = arguments.split(['>', '#']).next().unwrap();
            // `--help` at the end: nothing runs, and what is unknown before it is an error.
            let outcome = Program::new().run(&arguments.split_whitespace().chain(["--help"]).collect::<Vec<_>>());
            assert!(outcome.starts_with("status: 0\n"), "{line}\n{outcome}");
            understood += 1;
        }
    }
    assert!(understood > 8, "{understood}");
}

/// Command one, in the environment that it would be typed in, without what points at a server or holds a secret.
#[test]
fn command_one_works_in_a_fresh_clone() {
    assert!(README.contains("\ncargo run --release -- sandbox apply --yes\n"));
    let mut command = Command::new(crate::support::realmform());
    command.args(["sandbox", "apply", "--yes"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    for name in ["URL", "REALM", "CLIENT_ID", "CLIENT_SECRET", "USER", "PASSWORD", "ACCESS_TOKEN"] {
        command.env_remove(format!("KEYCLOAK_{name}")).env_remove(format!("KEYCLOAK_{name}_FILE"));
    }
    let output = command.env_remove("VPC_ACCESS_ACME_SECRET").env_remove("GOOGLE_CLIENT_SECRET").output().unwrap();
    let (results, messages) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{messages}");
    assert!(results.ends_with(" to create, 0 to update, 0 to rename, 0 to delete.\n"), "{results}");
    assert!(messages.contains("note: { env = \"VPC_ACCESS_ACME_SECRET\" } is not set; a random"), "{messages}");
    assert!(messages.ends_with("customer-acme: read again, nothing is left to do.\n"), "{messages}");
}

#[test]
fn its_links_lead_somewhere() {
    let targets = README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    for target in targets.filter(|target| !target.starts_with("http")) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(target).exists(), "{target}");
    }
}

/// What people type first should be short to find.
#[test]
fn the_top_level_shows_only_what_a_newcomer_needs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = Command::new("git").args(["ls-files", "--cached"]).current_dir(root).output().unwrap();
    let files = String::from_utf8(files.stdout).unwrap();
    let top: std::collections::BTreeSet<&str> = files.lines().map(|path| path.split('/').next().unwrap()).collect();
    let shown: Vec<&str> = top.into_iter().filter(|name| !name.starts_with('.')).collect();
    let expected =
        ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "examples", "realms", "schemas", "src", "tests"];
    assert_eq!(shown, expected);
}
