//! Two projects, a realm, a hand, and what they do to each other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use realmform::model::Record;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::files::{self, Files};
use super::model::{self, Applied, Fates, Wanted, fates};
use super::random::Random;
use super::server::{Hand, Snapshot, read};
use crate::support::admin::Admin;
use crate::support::project::{Output, Project};

const REALM: &str = "histories";

/// Whatever may be deleted, may be.
const CONSENT: &str = "--allow-many-deletes";

pub(super) struct World {
    seed: u64,
    steps: usize,
    random: Random,
    admin: Admin,
    sides: [Side; 2],
    secrets: BTreeMap<&'static str, String>,
    /// Every secret that ever was.
    hunted: Vec<String>,
    outside: TempDir,
    told: Vec<String>,
    serial: usize,
    counts: BTreeMap<&'static str, usize>,
}

/// One of the two projects.
struct Side {
    name: String,
    project: Project,
    files: Files,
    committed: Vec<Files>,
}

/// A saved plan, or the report of one.
struct Planned {
    /// The objects that it changes.
    named: BTreeSet<String>,
    /// Whether it looked at everything that somebody may have changed.
    is_whole: bool,
}

impl World {
    pub(super) fn new(seed: u64, steps: usize) -> Self {
        let events = seed.is_multiple_of(2);
        let admin = Admin::of(REALM);
        let sides = [0, 1].map(|who| Side::new(who, events));
        let mut world = Self {
            seed,
            steps,
            random: Random::new(seed),
            admin,
            sides,
            secrets: BTreeMap::new(),
            hunted: Vec::new(),
            outside: tempfile::tempdir().unwrap(),
            told: Vec::new(),
            serial: 0,
            counts: BTreeMap::new(),
        };
        world.rotate("SECRET_0");
        world.rotate("SECRET_1");
        world
    }

    /// Both projects apply something.
    pub(super) fn begin(&mut self) {
        for who in 0..2 {
            self.edit(who);
            self.edit(who);
            self.commit(who);
            if who == 0 {
                // There is no realm to be compared with yet.
                let output = self.run(who, &["apply", "--yes"]);
                assert_eq!(output.status, 0, "{output:?}");
                self.assert_settled(who);
            } else {
                self.apply(who);
            }
        }
    }

    pub(super) fn step(&mut self) {
        let who = self.random.below(2);
        match self.random.below(20) {
            0..4 => self.edit(who),
            4..7 => self.commit(who),
            7 => self.revert(who),
            8..13 => self.hand(),
            13 => {
                let name = *self.random.pick(&["SECRET_0", "SECRET_1"]);
                self.rotate(name);
            }
            14..18 => self.apply(who),
            _ => self.kill(who),
        }
    }

    /// Whatever happened, both projects get there.
    pub(super) fn end(&mut self) {
        for who in 0..2 {
            self.apply_files(who, true);
        }
    }

    pub(super) fn summary(&self) -> String {
        let counts = self.counts.iter().map(|(what, count)| format!("{count} {what}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    fn tell(&mut self, what: &'static str, who: Option<usize>, more: &str) {
        *self.counts.entry(what).or_default() += 1;
        let who = who.map_or("the hand", |who| ["a", "b"][who]);
        self.told.push(format!("{who}: {what} {more}"));
    }

    fn edit(&mut self, who: usize) {
        for _ in 0..=self.random.below(4) {
            let told = self.sides[who].files.edit(&mut self.random);
            self.tell("edit", Some(who), &told);
        }
        self.sides[who].write();
    }

    fn commit(&mut self, who: usize) {
        let side = &mut self.sides[who];
        if side.is_dirty() {
            side.project.commit("Edit");
            side.committed.push(side.files.clone());
            self.tell("commit", Some(who), "");
        }
    }

    fn revert(&mut self, who: usize) {
        self.commit(who);
        let side = &mut self.sides[who];
        if let [.., before, _] = &side.committed[..] {
            side.files = before.clone();
            side.committed.push(before.clone());
            side.project.git(&["revert", "--no-commit", "HEAD"]);
            side.project.commit("Revert");
            self.tell("revert", Some(who), "");
        }
    }

    /// A secret gets another value where the files name it.
    fn rotate(&mut self, name: &'static str) {
        self.serial += 1;
        let value = format!("hush-{}-{}-nobody-knows", self.seed, self.serial);
        for side in &mut self.sides {
            side.project.set(name, &value);
        }
        self.hunted.push(value.clone());
        self.secrets.insert(name, value);
        self.tell("new secret", None, name);
    }

    fn hand(&mut self) {
        let before = read(&self.admin);
        self.act(&before, &BTreeSet::new());
    }

    /// Does something by hand, to one of these objects if there are any; answers what was touched.
    fn act(&mut self, before: &Snapshot, to: &BTreeSet<String>) -> String {
        self.serial += 1;
        let mut hand = Hand { admin: &self.admin, before, random: &mut self.random, serial: self.serial };
        let deed = hand.act(to);
        self.hunted.extend(deed.secret);
        self.tell("deed", None, &deed.told);
        deed.address
    }

    /// Applies in one of the ways that there are.
    fn apply(&mut self, who: usize) {
        match self.random.below(6) {
            0 | 1 => self.apply_files(who, true),
            2 => self.apply_files(who, false),
            3 => self.apply_saved(who, false),
            4 => self.apply_moved(who),
            _ => self.apply_saved(who, true),
        }
    }

    /// `apply --yes`; without consent it may be refused.
    fn apply_files(&mut self, who: usize, consents: bool) {
        self.tell("apply", Some(who), if consents { "with consent" } else { "" });
        let (before, fates) = self.forecast(who);
        let report = self.outside.path().join("report.json");
        let report = format!("json={}", report.display());
        let mut arguments = vec!["apply", "--yes", "--report", &report];
        arguments.extend(consents.then_some(CONSENT));
        let output = self.run(who, &arguments);
        if output.status == 4 && !consents {
            self.tell("refusal", Some(who), "");
            model::assert_came_to(&before, &read(&self.admin), &Fates::new());
            return;
        }
        assert_eq!(output.status, 0, "{output:?}");
        let named = self.named(&std::fs::read_to_string(self.outside.path().join("report.json")).unwrap());
        self.arrived(who, &before, &fates, &named);
    }

    /// `plan --out`, `show`, `apply FILE`.
    fn apply_saved(&mut self, who: usize, is_quick: bool) {
        self.tell(if is_quick { "quick plan" } else { "saved plan" }, Some(who), "");
        let (before, mut fates) = self.forecast(who);
        let planned = self.plan(who, is_quick);
        if !planned.is_whole {
            // What it did not look at.
            fates.retain(|address, _| planned.named.iter().any(|named| model::is_within(address, named)));
        }
        let output = self.run(who, &["apply", &self.plan_file()]);
        assert_eq!(output.status, 0, "{output:?}");
        if planned.is_whole {
            self.arrived(who, &before, &fates, &planned.named);
        } else {
            self.came_to(who, &before, &fates, &planned.named);
        }
    }

    /// Something moves between the plan and its apply.
    fn apply_moved(&mut self, who: usize) {
        self.tell("moved plan", Some(who), "");
        let planned = self.plan(who, false);
        let then = read(&self.admin);
        let touched = match self.random.below(3) {
            0 => {
                self.edit(who);
                None
            }
            1 => Some(self.act(&then, &BTreeSet::new())),
            // What hangs below an object that is not there yet cannot be touched.
            _ => {
                let there = |it: &&String| files::owner(it).is_none_or(|owner| then.contains_key(owner));
                Some(self.act(&then, &planned.named.iter().filter(there).cloned().collect()))
            }
        };
        let (before, mut fates) = self.forecast(who);
        let output = self.run(who, &["apply", &self.plan_file()]);
        assert!(matches!(output.status, 0 | 5), "{output:?}");
        let is_hit = touched.is_some_and(|it| planned.named.contains(&it) && before.get(&it) != then.get(&it));
        assert!(output.status == 5 || !is_hit, "what it changes was touched: {output:?}");
        if output.status == 5 {
            self.tell("stale plan", Some(who), "");
            fates.clear();
        }
        // What was touched since is not planned.
        fates.retain(|address, _| planned.named.iter().any(|named| model::is_within(address, named)));
        model::assert_came_to(&before, &read(&self.admin), &fates);
    }

    /// Saves a plan, and looks whether it says what it is to say.
    fn plan(&mut self, who: usize, is_quick: bool) -> Planned {
        let file = self.plan_file();
        std::fs::remove_file(&file).ok();
        let quick: &[&str] = if is_quick { &["--changed"] } else { &[] };
        let output = self.run(who, &[&["plan", CONSENT, "--out", &file], quick].concat());
        assert_eq!(output.status, 0, "{output:?}");
        self.assert_no_secret(&std::fs::read_to_string(&file).unwrap());
        let shown = self.run(who, &["show", &file, "--format", "json"]).stdout;
        let named = self.named(&shown);
        let plan = realm_of(&shown);
        let mut is_whole = true;
        if is_quick && plan.get("scope").is_some() {
            self.tell("quick in part", Some(who), "");
        }
        if is_quick {
            let full = realm_of(&self.run(who, &["plan", CONSENT, "--format", "json"]).stdout);
            let has_events = plan["scope"].get("serverUnknown").is_none();
            is_whole = self.assert_agree(who, &plan, &full, has_events);
        }
        Planned { named, is_whole }
    }

    /// What a quick plan says is what the full one says of the same objects; what it left out changed on the server alone,
    /// which only events tell, or is a new value of a secret, of which neither git nor events know. Answers whether it
    /// left nothing out.
    fn assert_agree(&mut self, who: usize, quick: &Value, full: &Value, has_events: bool) -> bool {
        let of = |plan: &Value| plan["changes"].as_array().unwrap().clone();
        if of(quick) == of(full) {
            for part in ["adopted", "forgotten", "steps", "summary"] {
                assert_eq!(quick[part], full[part], "{part}: {quick:#} {full:#}");
            }
            return true;
        }
        self.tell("quick and incomplete", Some(who), "");
        for change in of(quick) {
            assert!(of(full).contains(&change), "{change:#} {full:#}");
        }
        for change in of(full).iter().filter(|it| !of(quick).contains(it)) {
            let is_excused = |field: &Value| {
                let is_drift = matches!(field["cause"].as_str(), Some("drift" | "creation"));
                field["path"] == json!(["secret"]) || is_drift && !has_events
            };
            let are_excused = change["fields"].as_array().unwrap().iter().all(is_excused);
            assert!(are_excused && change["action"] != "delete", "left out: {change:#} {quick:#}");
        }
        false
    }

    /// Starts a run and kills it.
    fn kill(&mut self, who: usize) {
        // With something to do.
        self.edit(who);
        let (before, forecast) = self.forecast(who);
        let parallelism = ["1", "8"][self.random.below(2)];
        let arguments = ["apply", "--yes", CONSENT, "--parallelism", parallelism];
        let mut command = self.sides[who].project.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let moment = Duration::from_millis(u64::try_from(self.random.below(90)).unwrap());
        self.tell("kill", Some(who), &format!("after {moment:?}"));
        if !self.random.one_in(5) {
            // Not before it begins to write.
            let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let _begun = lines.into_iter().any(|line| line.starts_with("Plan:"));
        }
        std::thread::sleep(moment);
        child.kill().ok();
        child.wait().unwrap();
        let after = self.settled();
        let made = model::assert_on_the_way(&before, &after, &forecast);
        let record = self.applied(who);
        if before != after && !fates(&after, &record, &self.wanted(who)).is_empty() {
            self.tell("kill half-way", Some(who), "");
        }
        // Nothing is there that nobody owns.
        let orphans: Vec<&String> = made.iter().filter(|it| !record.contains_key(*it)).collect();
        assert!(orphans.is_empty(), "{orphans:?} are not on record");
        if self.random.one_in(2) {
            self.apply_files(who, true);
        }
    }

    /// What the server was asked for it finishes, whoever is still there to hear of it.
    fn settled(&self) -> Snapshot {
        let mut last = read(&self.admin);
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(150));
            let now = read(&self.admin);
            if now == last {
                return now;
            }
            last = now;
        }
        panic!("the realm never came to rest")
    }

    /// The realm as it is, and what an apply is to change.
    fn forecast(&self, who: usize) -> (Snapshot, Fates) {
        let before = read(&self.admin);
        let fates = fates(&before, &self.applied(who), &self.wanted(who));
        (before, fates)
    }

    fn wanted(&self, who: usize) -> Wanted {
        let mut wanted = self.sides[who].files.said();
        for leaves in wanted.values_mut() {
            if let Some(secret) = leaves.get_mut("secret") {
                secret.raw = json!(self.secrets[secret.raw.as_str().unwrap()]);
            }
        }
        wanted
    }

    /// All of it happened, and nothing is left.
    fn arrived(&mut self, who: usize, before: &Snapshot, fates: &Fates, named: &BTreeSet<String>) {
        self.came_to(who, before, fates, named);
        self.assert_settled(who);
    }

    /// What was to happen did, was planned, and is on record.
    fn came_to(&self, who: usize, before: &Snapshot, fates: &Fates, named: &BTreeSet<String>) {
        let after = read(&self.admin);
        model::assert_came_to(before, &after, fates);
        let gone: Vec<&String> = before.keys().filter(|it| !after.contains_key(*it)).collect();
        let changed = model::changed(before, &after);
        assert_eq!(changed, model::without_below(named, &gone), "what changed, and what was planned");
        let (record, wanted) = (self.applied(who), self.wanted(who));
        assert_eq!(record.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "the record and the files");
        for (address, leaves) in &wanted {
            let unknown: Vec<_> = leaves.keys().filter(|path| !record[address].contains(*path)).collect();
            assert!(unknown.is_empty(), "{address}: {unknown:?} are not on record");
        }
    }

    fn assert_settled(&mut self, who: usize) {
        let output = self.run(who, &["plan", "--detailed-exitcode"]);
        assert_eq!(output.status, 0, "something is left to do: {output:?}");
    }

    /// What a project's record says.
    fn applied(&self, who: usize) -> Applied {
        let name = format!("realmform:{}", self.sides[who].name);
        let found = self.admin.get(&format!("clients?clientId={name}"));
        let Some(holder) = found.get(0) else { return Applied::new() };
        let text = holder["attributes"]["realmform.record"].as_str().unwrap();
        let record = Record::decode(REALM, text).unwrap();
        self.assert_no_secret(&format!("{holder} {record:?}"));
        let leaves = |it: &BTreeSet<realmform::model::FieldPath>| it.iter().map(ToString::to_string).collect();
        record.objects.iter().map(|(address, shape)| (address.within_realm(), leaves(shape))).collect()
    }

    /// The objects that a plan changes.
    fn named(&self, plan: &str) -> BTreeSet<String> {
        self.assert_no_secret(plan);
        let changes = realm_of(plan)["changes"].as_array().cloned().unwrap_or_default();
        let address =
            |change: &Value| change["address"].as_str().unwrap()[REALM.len()..].trim_start_matches('/').to_owned();
        changes.iter().map(address).collect()
    }

    fn plan_file(&self) -> String {
        let file: PathBuf = self.outside.path().join("a.plan");
        file.to_str().unwrap().to_owned()
    }

    fn run(&mut self, who: usize, arguments: &[&str]) -> Output {
        let output = self.sides[who].project.run(arguments);
        self.assert_no_secret(&output.stdout);
        self.assert_no_secret(&output.stderr);
        output
    }

    fn assert_no_secret(&self, text: &str) {
        for secret in &self.hunted {
            let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
            assert!(!text.contains(secret) && !text.contains(&encoded), "it holds {secret}: {text}");
        }
    }
}

/// Whoever looks at a failure wants to see it again.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, steps, told, .. } = self;
            println!(
                "REALMFORM_TEST_SEED={seed} REALMFORM_TEST_STEPS={steps}, and it failed at the last of\n{}",
                told.join("\n")
            );
        }
    }
}

impl Side {
    fn new(who: usize, events: bool) -> Self {
        let name = format!("{REALM}-{}", ["a", "b"][who]);
        let mut project = Project::in_git(&name);
        // Both are projects of one realm.
        std::fs::remove_dir_all(project.folder().join(&name)).unwrap();
        REALM.clone_into(&mut project.realm);
        project.admin().delete_if_there("");
        let files = Files::new(who, events);
        let mut side = Self { name, project, files: files.clone(), committed: vec![files] };
        side.write();
        side.project.commit("Begin");
        side
    }

    fn write(&mut self) {
        std::fs::remove_dir_all(self.project.folder().join(REALM)).ok();
        for (path, text) in self.files.texts() {
            self.project.write(&format!("{REALM}/{path}"), &text);
        }
    }

    fn is_dirty(&self) -> bool {
        self.committed.last() != Some(&self.files)
    }
}

/// The realm of a plan.
fn realm_of(plan: &str) -> Value {
    let plan: Value = serde_json::from_str(plan).unwrap_or_else(|_| panic!("{plan}"));
    plan["realms"][REALM].clone()
}
