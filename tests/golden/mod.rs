/*!
What each format looks like, byte by byte: a plan, a refusal, a difference, drift and a saved plan as text, JSON and Markdown,
in files beside this one. `case/` is what they are made from: the files as they were applied and as they are now, and what the
server has. No server is asked.

After a change of a format write them again, and look at what git says about them:

```sh
UPDATE_EXPECT=1 cargo test --test main golden
```
*/

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use realmform::desired::{self, Loaded};
use realmform::diff::{self, Diff, RealmReport, Report, Secrets};
use realmform::keycloak::{Culprit, Culprits, Export, Interest, NewLedger};
use realmform::model::{Address, FieldPath, Kind, Live, Prune, PruneRules, Record, SecretRef, kinds};
use realmform::plan::saved::{Files, Saved};
use realmform::plan::{Plan, Policy, plan};
use realmform::render::markdown::About;
use realmform::render::{json, markdown, text};
use secrecy::SecretString;
use serde_json::Value as Json;

use crate::schemas::Validator;
use crate::support::program::{Program, stdout};

const REALM: &str = "bookshop";
const BEFORE: &str = include_str!("case/before.toml");
const AFTER: &str = include_str!("case/after.toml");
const SERVER: &str = include_str!("case/server.json");

/// A commit that no repository has.
const COMMIT: &str = "3f2a9c1d3f2a9c1d3f2a9c1d3f2a9c1d3f2a9c1d";

#[test]
fn a_plan() {
    assert_golden("plan", "output-plan", &planned(AFTER), 0);
}

#[test]
fn a_refusal() {
    let (realm, _) = AFTER.split_once("[identityProviders.google]").unwrap();
    assert_golden("refusal", "output-plan", &planned(realm), 4);
}

#[test]
fn a_difference() {
    let program = committed();
    program.write("bookshop/realm.toml", AFTER);
    assert_golden("diff", "output-diff", &reported(&program, &["diff"]), 0);
}

#[test]
fn a_saved_plan() {
    let program = Program::new();
    program.write("review.plan", json::saved(&saved(), &[], None));
    let reported = reported(&program, &["show", "review.plan"]);
    assert_golden("show", "output-plan", &reported, 0);
}

#[test]
fn drift() {
    let report = drifted();
    let about =
        About { project: "bookshop".to_owned(), environment: None, server: Some("https://sso.example".to_owned()) };
    let [text, json, markdown] = [
        text::drift(&report, text::Options { width: 120, ..text::Options::default() }),
        format!("{:#}\n", json::drift(&report)),
        markdown::drift(&report, &about),
    ];
    assert_golden("drift", "output-drift", &Reported { status: 0, text, json, markdown }, 0);
}

/// One result in each format.
struct Reported {
    status: i32,
    text: String,
    json: String,
    markdown: String,
}

/// Compares a result with its files, and its JSON with its schema.
#[track_caller]
fn assert_golden(name: &str, schema: &str, reported: &Reported, status: i32) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let Reported { status: ended, text, json, markdown } = reported;
    assert_eq!(*ended, status, "{text}");
    let document: Json = serde_json::from_str(json).unwrap();
    assert_eq!(Validator::of(schema).errors_in(&document), "");
    for (extension, content) in [("txt", text), ("json", json), ("md", markdown)] {
        expect_file![folder.join(name).with_extension(extension)].assert_eq(content);
    }
}

/// Runs a command once for all formats; what it prints is one of them.
#[track_caller]
fn reported(program: &Program, command: &[&str]) -> Reported {
    let reports = ["--report", "text=.out.txt", "--report", "json=.out.json", "--report", "markdown=.out.md"];
    let outcome = program.run(&[command, &reports].concat());
    let read =
        |path: &str| std::fs::read_to_string(program.folder().join(path)).unwrap_or_else(|_| panic!("{outcome}"));
    let [text, json, markdown] = [read(".out.txt"), read(".out.json"), read(".out.md")];
    assert_eq!(stdout(&outcome), text);
    let (status, _) = outcome.strip_prefix("status: ").unwrap().split_once('\n').unwrap();
    Reported { status: status.parse().unwrap(), text, json, markdown }
}

/// A repository with the files as they were applied.
fn committed() -> Program {
    let program = Program::new();
    program.write("realmform.toml", "name = \"bookshop\"\n");
    program.write("bookshop/realm.toml", BEFORE);
    program.git(&["init", "-q"]);
    program.git(&["add", "-A"]);
    program.git(&["commit", "-q", "-m", "Applied"]);
    program
}

/// The plan of such a realm file, with the server as an export of it.
fn planned(realm: &str) -> Reported {
    let program = committed();
    let commit = program.shell("git rev-parse HEAD");
    let record = Record { commit: Some(stdout(&commit).trim().to_owned()), ..record() };
    program.write("server.json", export(&record));
    program.write("bookshop/realm.toml", realm);
    reported(&program, &["plan", "--live", "server.json"])
}

fn loaded(realm: &str) -> Loaded {
    let files = [("realmform.toml", "name = \"bookshop\"\n"), ("bookshop/realm.toml", realm)];
    let files: BTreeMap<PathBuf, Vec<u8>> =
        files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
    desired::load(&files, &desired::Options::default()).unwrap()
}

/// What says that the files were applied as they were.
fn record() -> Record {
    let applied = loaded(BEFORE);
    let managed =
        diff::diff(&applied.desired, &Live::default(), &BTreeMap::new(), &Known).realms[REALM].managed.clone();
    Record {
        commit: Some(COMMIT.to_owned()),
        time: "2026-11-20T08:00:00Z".to_owned(),
        actor: "Ana".to_owned(),
        objects: managed,
        fingerprints: [
            fingerprint(&kinds::CLIENT, "shop", &["secret"]),
            fingerprint(&kinds::IDENTITY_PROVIDER, "google", &["config", "clientSecret"]),
        ]
        .into(),
        ..Record::default()
    }
}

fn fingerprint(kind: &'static Kind, name: &str, path: &[&str]) -> (Address, BTreeMap<FieldPath, String>) {
    (Address::realm(REALM).child(kind, name), [(FieldPath::new(path.iter().copied()), "a1:".to_owned())].into())
}

/// What the server has, and a record.
fn export(record: &Record) -> String {
    let mut export: Json = serde_json::from_str(SERVER).unwrap();
    let holder = NewLedger::new("bookshop", record).representation().clone();
    export["clients"].as_array_mut().unwrap().push(holder);
    export.to_string()
}

/// The server, with all that it has.
fn live(loaded: &Loaded) -> Live {
    let exports = Export::join(Export::parse(export(&record()).as_bytes()).unwrap()).unwrap();
    let mut all = loaded.desired.realms[REALM].clone();
    all.prune = PruneRules { default: Prune::All, by_collection: BTreeMap::new() };
    let (realm, _) = exports[REALM].live(&REALM.to_owned(), "bookshop", Interest::of(&all)).unwrap();
    Live { realms: [(REALM.to_owned(), realm)].into() }
}

fn drifted() -> Report {
    let (now, then) = (loaded(AFTER), loaded(BEFORE));
    let bases = [(REALM.to_owned(), &then.desired.realms[REALM])].into();
    let mut drift = diff::drift(&now.desired, &live(&now), &bases, &Known);
    let culprit = Culprit {
        user: "eve".to_owned(),
        client: "security-admin-console".to_owned(),
        address: "192.0.2.1".to_owned(),
        time: "2026-11-21T09:30:00Z".parse().unwrap(),
    };
    let realm = RealmReport {
        drift: drift.remove(REALM).unwrap(),
        applied: Some(record().heading()),
        culprits: Culprits { by_address: [(Address::realm(REALM), culprit)].into(), unknown: None },
        left_out: vec!["workflows, which takes the role realm-admin".to_owned()],
        unreadable: None,
    };
    Report {
        realms: [(REALM.to_owned(), realm)].into(),
        unread: [("elsewhere".to_owned(), "403 Forbidden".to_owned())].into(),
        not_compared: 2,
    }
}

fn saved() -> Saved {
    let (now, then) = (loaded(AFTER), loaded(BEFORE));
    let bases = [(REALM.to_owned(), &then.desired.realms[REALM])].into();
    let mut live = live(&now);
    live.realms.values_mut().for_each(|realm| realm.unmanaged.clear());
    let diff: Diff = diff::diff(&now.desired, &live, &bases, &Known);
    let plan: Plan = plan(diff, &Policy { limit_deletes: false, ..Policy::default() }).unwrap();
    Saved {
        project: "bookshop".to_owned(),
        environment: None,
        files: Files { commit: Some(COMMIT.to_owned()), dirty: false, digest: String::new() },
        server: "https://sso.example".to_owned(),
        version: Some("26.7.4".to_owned()),
        created: "2026-11-22T12:00:00Z".parse().unwrap(),
        expires: "2026-11-29T12:00:00Z".parse().unwrap(),
        seen: BTreeMap::new(),
        secrets: BTreeMap::new(),
        kept: BTreeMap::new(),
        plan,
    }
}

/// Secrets that are as they were applied, but for the new one.
struct Known;

impl Secrets for Known {
    fn is_kept(&self, reference: &SecretRef) -> bool {
        matches!(reference, SecretRef::Generate { .. })
    }

    fn same(&self, reference: &SecretRef, _: &SecretString) -> bool {
        *reference != SecretRef::Env("NEW_GOOGLE_SECRET".to_owned())
    }

    fn matches(&self, reference: &SecretRef, _: &str) -> bool {
        *reference != SecretRef::Env("NEW_GOOGLE_SECRET".to_owned())
    }
}
