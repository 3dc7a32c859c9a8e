//! Where realms go.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::desired::project;

const PROJECT: &str = "\
name = \"x\"
fleet = \"all\"
[servers.b]
url = \"https://b.example\"
maxRealms = 4
weight = 2
labels = { region = \"eu\" }
[servers.a]
url = \"https://a.example\"
maxRealms = 3
labels = { region = \"eu\", tier = \"gold\" }
[servers.c]
url = \"https://c.example\"
maxRealms = 2
labels = { region = \"us\" }
";

fn placement(server: Option<&str>, labels: &[(&str, &str)]) -> Placement {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Placement { server: server.map(str::to_owned), labels }
}

fn names(names: &[&str]) -> BTreeSet<RealmName> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What becomes of realms on servers that have these already; `None` is a server that is down.
fn placed(seen: [Option<&[&str]>; 3], wanted: &[(&str, Placement)]) -> Result<Vec<String>, String> {
    let project = project(PROJECT.as_bytes(), None).unwrap();
    assert_eq!(project.fleet.as_deref().unwrap(), ["b", "a", "c"]);
    let seen: BTreeMap<&str, Option<BTreeSet<RealmName>>> =
        ["a", "b", "c"].into_iter().zip(seen.map(|realms| realms.map(names))).collect();
    let members: Vec<Member<'_>> = project
        .fleet
        .iter()
        .flatten()
        .map(|name| Member { name, server: &project.servers[name], realms: seen[name.as_str()].as_ref() })
        .collect();
    let wanted: Vec<(RealmName, &Placement)> =
        wanted.iter().map(|(name, placement)| ((*name).to_owned(), placement)).collect();
    let duplicates = duplicates(&members, |_, _| false);
    let asked = wanted.iter().map(|(name, placement)| (name, Wanted { placement, renamed_from: None }));
    let places = places(&members, &duplicates, |realm, _| !realm.starts_with("not-ours"), asked);
    if let Some(full) = places.full {
        return Err(full.to_string());
    }
    let told = places.of.iter().map(|(name, Place { server, chosen, misplaced })| {
        let chosen = chosen.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
        let misplaced = misplaced.as_ref().map(|it| format!(", not {it}")).unwrap_or_default();
        format!("{name} on {server}{chosen}{misplaced}")
    });
    Ok(told.chain(places.unknown.iter().map(|name| format!("{name} unknown"))).collect())
}

#[test]
fn a_new_realm_goes_where_there_are_the_fewest_for_the_weight() {
    let any = Placement::default;
    // Empty: the one of weight 2 takes two before the others have one each, ties by name.
    let wanted = ["r1", "r2", "r3", "r4", "r5"].map(|name| (name, any()));
    let told = placed([Some(&[]), Some(&[]), Some(&[])], &wanted).unwrap();
    assert_eq!(
        told,
        [
            "r1 on b: the fewest realms for its weight among 3; 0 of 4 realms",
            "r2 on a: the fewest realms for its weight among 3; 0 of 3 realms",
            "r3 on b: the fewest realms for its weight among 3; 1 of 4 realms",
            "r4 on c: the fewest realms for its weight among 3; 0 of 2 realms",
            "r5 on b: the fewest realms for its weight among 3; 2 of 4 realms",
        ]
    );
    // Realms that nobody declares take room as well, and one that is there stays.
    let told = placed([Some(&["r1"]), Some(&["x", "y", "z", "w"]), Some(&["u", "v"])], &wanted[..2]).unwrap();
    assert_eq!(told, ["r1 on a", "r2 on a: the only one that fits and has room; 1 of 3 realms"]);
}

#[test]
fn a_realm_gets_what_it_asks_for() {
    let wanted = [
        ("gold", placement(None, &[("region", "eu"), ("tier", "gold")])),
        ("here", placement(Some("c"), &[])),
        ("us", placement(None, &[("region", "us")])),
    ];
    let told = placed([Some(&[]), Some(&["us"]), Some(&[])], &wanted).unwrap();
    assert_eq!(
        told,
        [
            "gold on a: the only one that fits and has room; 0 of 3 realms",
            "here on c: placement.server names it; 0 of 2 realms",
            // It is not moved by itself.
            "us on b, not with region = us",
        ]
    );
}

#[test]
fn where_there_is_no_room_it_says_how_much_is_missing() {
    let us = || placement(None, &[("region", "us")]);
    let wanted = [("a", us()), ("b", us()), ("c", us()), ("d", placement(None, &[("region", "asia")]))];
    let full = placed([Some(&[]), Some(&[]), Some(&["x"])], &wanted).unwrap_err();
    assert_eq!(
        full,
        "there is no room for 2 realms (b, c): c has 2 of 2; raise maxRealms by 2 in all, or add a server with region = us\n\
         there is no room for 1 realm (d): no server of the fleet is one with region = asia; add one"
    );
    let wanted = [("r", Placement::default())];
    let full = placed([Some(&["1", "2", "3"]), Some(&["4", "5", "6", "7"]), Some(&["8", "9"])], &wanted).unwrap_err();
    assert_eq!(
        full,
        "there is no room for 1 realm (r): b has 4 of 4, a has 3 of 3, c has 2 of 2; raise maxRealms by 1 in all, or add a server"
    );
}

#[test]
fn what_may_be_on_a_server_that_is_down_is_unknown() {
    let any = Placement::default;
    let wanted = [("gone", any()), ("here", any()), ("named", placement(Some("a"), &[])), ("not-ours", any())];
    let told = placed([Some(&["here", "not-ours"]), None, Some(&[])], &wanted).unwrap();
    assert_eq!(told, ["here on a", "gone unknown", "named unknown", "not-ours unknown"]);
    let told = placed([Some(&["not-ours"]), Some(&[]), Some(&[])], &wanted[3..]).unwrap();
    assert_eq!(told, ["not-ours on a"]);
}

#[test]
fn of_two_realms_of_one_name_one_counts() {
    let told = placed([Some(&["r"]), Some(&["r"]), Some(&["r"])], &[("r", Placement::default())]).unwrap();
    assert_eq!(told, ["r on b"]);
    let project = project(PROJECT.as_bytes(), None).unwrap();
    let both = names(&["r"]);
    let members = ["b", "a"].map(|name| Member { name, server: &project.servers[name], realms: Some(&both) });
    let duplicate = |active: &str, ignored: &str| Duplicate {
        realm: "r".to_owned(),
        active: active.to_owned(),
        ignored: vec![ignored.to_owned()],
    };
    assert_eq!(duplicates(&members, |_, _| false), [duplicate("b", "a")]);
    // The one that holds the record.
    assert_eq!(duplicates(&members, |_, server| server == "a"), [duplicate("a", "b")]);
    assert_eq!(duplicates(&members, |_, _| true), [duplicate("b", "a")]);
}

#[test]
fn shards_divide_the_realms_and_stay_what_they_are() {
    let realms: Vec<RealmName> = (0..1000).map(|number| format!("tenant-{number}")).collect();
    let shard = |number: usize, of: usize| format!("{number}/{of}").parse::<Shard>().unwrap();
    let of = |realm: &RealmName, of: usize| (1..=of).filter(|number| shard(*number, of).has(realm)).collect::<Vec<_>>();
    let of_four: Vec<usize> = realms.iter().map(|realm| of(realm, 4)[0]).collect();
    assert!(realms.iter().all(|realm| of(realm, 4).len() == 1));
    for number in 1..=4 {
        let size = of_four.iter().filter(|it| **it == number).count();
        assert!((200..300).contains(&size), "{number}: {size}");
    }
    // With a fifth, whoever moves goes there.
    let moved = realms.iter().zip(&of_four).filter(|(realm, before)| of(realm, 5)[0] != **before);
    let moved: Vec<usize> = moved.map(|(realm, _)| of(realm, 5)[0]).collect();
    assert!(moved.iter().all(|number| *number == 5) && (150..250).contains(&moved.len()), "{}", moved.len());
    // A later version must not divide them otherwise: two runs may be of two versions.
    let sample = ["acme", "beta", "gamma", "delta"].map(|name| of(&name.to_owned(), 3)[0]);
    assert_eq!(sample, [1, 3, 1, 3]);
    for wrong in ["", "1", "0/4", "5/4", "1/0", "a/b", "1/1001", "-1/2"] {
        assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
    }
}
