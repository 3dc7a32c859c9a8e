//! The table of rooms in the crate's documentation holds: a room imports only from rooms to its left.

use std::collections::BTreeSet;
use std::path::Path;

use walkdir::WalkDir;

/// From left to right. `sandbox` stands alone: it imports no other room, and only `cli` imports it.
const ROOMS: &[&str] = &[
    "model",
    "program",
    "transport",
    "metadata",
    "git",
    "desired",
    "secrets",
    "keycloak",
    "fleet",
    "diff",
    "plan",
    "apply",
    "render",
    "outputs",
    "lint",
    "cli",
];

/// Tests may look at rooms to their right: at what the values that they make come to.
fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs" || part == "testing.rs")
}

/// The rooms that the sources of a room name after `crate::`, outside of its tests.
fn imports(room: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    let mut found = BTreeSet::new();
    // A room of the table may be yet to come.
    for file in WalkDir::new(&folder).into_iter().filter_map(Result::ok) {
        let path = file.path().strip_prefix(&folder).unwrap();
        if file.file_type().is_file() && path.extension().is_some_and(|it| it == "rs") && !is_test(path) {
            let text = std::fs::read_to_string(file.path()).unwrap();
            found.extend(named(&code(&text), depth(path)));
        }
    }
    found.remove(room);
    found
}

/// Without comments, and without the test module, which ends a file.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let text = strip_blocks(text);
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn strip_blocks(text: &str) -> String {
    let mut parts = text.split("/*!");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once("*/").map_or("", |(_, rest)| rest))
}

/// How many `super` lead from a file of a room to the crate.
fn depth(path: &Path) -> usize {
    let folders = path.components().count();
    if path.ends_with("mod.rs") { folders } else { folders + 1 }
}

fn named(code: &str, depth: usize) -> BTreeSet<String> {
    let up = "super::".repeat(depth);
    let mut found = BTreeSet::new();
    for prefix in ["crate::", &up] {
        for (at, _) in code.match_indices(prefix) {
            // One `super` more than that leaves the crate, and a longer chain was counted from its start.
            if prefix == up && code[..at].ends_with("super::") {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            let names = match rest.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap_or_default().split(',').collect(),
                None => vec![rest],
            };
            let word =
                |text: &str| text.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned);
            found.extend(names.into_iter().filter_map(word).filter(|name| !name.is_empty()));
        }
    }
    found
}

#[test]
fn a_room_imports_only_from_rooms_to_its_left() {
    for (place, room) in ROOMS.iter().enumerate() {
        let mut left: BTreeSet<String> = ROOMS[..place].iter().map(|&room| room.to_owned()).collect();
        if *room == "cli" {
            left.insert("sandbox".to_owned());
        }
        let wrong: Vec<_> = imports(room).difference(&left).cloned().collect();
        assert!(wrong.is_empty(), "{room} imports {wrong:?}, which stand not to its left in {ROOMS:?}");
    }
    assert!(imports("sandbox").is_empty());
}

/// A room that is not in the table would be held to nothing.
#[test]
fn every_room_is_in_the_table() {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap().map(Result::unwrap);
    let mut there: BTreeSet<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    for other in ["lib.rs", "main.rs", "sandbox"] {
        assert!(there.remove(other), "{other}");
    }
    let table: BTreeSet<String> = ROOMS.iter().map(|&room| room.to_owned()).collect();
    assert!(there.is_subset(&table), "{there:?}");
    let documentation = include_str!("../../src/lib.rs");
    for room in there {
        assert!(documentation.contains(&format!("[`{room}`]")), "the crate's documentation says nothing of {room}");
    }
}

#[test]
fn imports_are_found_however_they_are_written() {
    let text = "use crate::{model, plan::Plan};\nuse super::super::diff::Diff;\nuse super::other;\nlet x = crate::git::Tree; // crate::cli\n";
    let found: Vec<String> = named(&code(text), 2).into_iter().collect();
    assert_eq!(found, ["diff", "git", "model", "plan"]);
}
