//! What holds for every input.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// One leaf of a realm in a table of its own: any split of these into files says the same.
fn parts() -> Vec<(String, String)> {
    let mut parts = Vec::new();
    for client in ["a", "b"] {
        for field in
            ["name = \"x\"", "redirectUris = [\"z\", \"y\"]", "enabled = true", "attributes.x = 1", "roles.r = {}"]
        {
            parts.push((format!("clients.{client}"), field.to_owned()));
        }
        parts.push((format!("clients.{client}.attributes"), "\"access.token.lifespan\" = \"5m\"".to_owned()));
    }
    for field in ["description = \"x\"", "composites = [\"a:r\", \"offline_access\"]"] {
        parts.push(("roles.r".to_owned(), field.to_owned()));
    }
    parts.push(("attributes".to_owned(), "domain = \"x\"".to_owned()));
    parts
}

fn split(choice: &[usize], order: &[usize]) -> BTreeMap<PathBuf, Vec<u8>> {
    let parts = parts();
    let mut texts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for &i in order {
        let (table, field) = &parts[i];
        // A dotted key and a table of the same name exclude each other in one file.
        let file = if table.ends_with(".attributes") { choice[i] + 10 } else { choice[i] };
        let tables = texts.entry(format!("acme/{file}.toml")).or_default();
        let _ = writeln!(tables.entry(table.clone()).or_default(), "{field}");
    }
    let mut all = files(&[]);
    for (path, tables) in texts {
        let text: Vec<String> = tables.iter().map(|(table, fields)| format!("[{table}]\n{fields}")).collect();
        all.insert(path.into(), text.concat().into_bytes());
    }
    all
}

/// Desired without its places, and the names that are left open.
fn meaning(files: &BTreeMap<PathBuf, Vec<u8>>) -> String {
    let loaded =
        load(files, &Options::default()).unwrap_or_else(|problems| panic!("{}", render(&problems.0, false, 100)));
    let mut text = String::new();
    for (address, object) in loaded.desired.realms.values().flat_map(|realm| &realm.objects) {
        let values: Vec<_> = object.fields.iter().map(|(path, declared)| (path, &declared.value)).collect();
        let _ = writeln!(text, "{address} {values:?} {:?}", object.lifecycle);
    }
    for reference in &loaded.references {
        let _ = writeln!(text, "{:?} {} {}", reference.kind, reference.name, reference.uses.len());
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_content_is_split_says_nothing(
        choice in proptest::collection::vec(0..4_usize, parts().len()),
        order in Just((0..parts().len()).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let one_file = split(&vec![0; parts().len()], &(0..parts().len()).collect::<Vec<_>>());
        prop_assert_eq!(meaning(&split(&choice, &order)), meaning(&one_file));
    }

    #[test]
    fn no_bytes_make_it_panic(text in "(\\PC|[\\[\\]={}\"'\n. a-z]){0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut all = files(&[("acme/realm.toml", &text), ("acme/clients/shop.toml", &format!("secret = {text}"))]);
        all.insert("acme/bytes.toml".into(), bytes);
        let _ = report_of(&all, &Options::default());
    }
}

/// Reading is linear: a realm of a thousand clients is nothing, in one file or in a thousand.
#[test]
fn a_thousand_clients_load_at_once() {
    let client = |prefix: &str| {
        let mut text =
            "redirectUris = [\"https://a.example/*\"]\npublicClient = true\ndefaultClientScopes = [\"basic\"]\n"
                .to_owned();
        for mapper in ["a", "b", "c"] {
            let _ = write!(
                text,
                "[{prefix}protocolMappers.{mapper}]\nprotocolMapper = \"oidc-audience-mapper\"\nconfig = {{ \"included.client.audience\" = \"x\", \"access.token.claim\" = true }}\n"
            );
        }
        let _ = write!(text, "[{prefix}roles.reader]\ndescription = \"x\"\n[{prefix}roles.writer]\n");
        text
    };
    let (mut many, mut one) = (files(&[]), String::new());
    for i in 0..1000 {
        many.insert(format!("acme/clients/client-{i}.toml").into(), client("").into_bytes());
        let _ = write!(one, "[clients.client-{i}]\n{}", client(&format!("clients.client-{i}.")));
    }
    let one = files(&[("acme/realm.toml", &one)]);
    for all in [many, one] {
        let start = std::time::Instant::now();
        let loaded = load(&all, &Options::default()).unwrap();
        println!("{} files: {:?}", all.len(), start.elapsed());
        assert_eq!(loaded.desired.realms["acme"].objects.len(), 6001);
        assert!(start.elapsed().as_secs() < 5, "quadratic somewhere: {:?}", start.elapsed());
    }
}

#[test]
fn many_problems_in_a_big_file_are_shown_at_once() {
    let text: String = (0..2000).fold(String::new(), |mut text, i| {
        let _ = write!(text, "[clients.client-{i}]\nenabled = 1\n");
        text
    });
    let start = std::time::Instant::now();
    assert_eq!(report(&[("acme/realm.toml", &text)]).matches("has the wrong type").count(), 2000);
    assert!(start.elapsed().as_secs() < 10, "quadratic somewhere: {:?}", start.elapsed());
}
