//! GitHub Actions, as far as the recipe uses them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

use super::world::{Event, Job, World};
use super::{Forge, story};

#[test]
fn a_change_is_reviewed_and_applied() {
    if let Some(world) = World::new("recipes-github") {
        story(&GitHub, world);
    }
}

/// Whatever a job does not need is not granted.
#[test]
fn permissions_are_few() {
    let workflow = load("workflows/realmform.yml");
    let granted = |of: &Yaml| -> Vec<String> {
        let entries = of.as_hash().into_iter().flatten();
        entries.map(|(name, level)| format!("{} {}", text(name), text(level))).collect()
    };
    assert_eq!(granted(&workflow["permissions"]), ["contents read"]);
    let jobs = workflow["jobs"].as_hash().unwrap().iter();
    let writes: Vec<String> = jobs
        .flat_map(|(name, job)| granted(&job["permissions"]).into_iter().map(|it| format!("{}: {it}", text(name))))
        .filter(|it| it.ends_with(" write"))
        .collect();
    assert_eq!(writes, ["plan: pull-requests write", "drift: issues write"]);
}

struct GitHub;

/// What `${{ … }}` stands for, by its text.
type Context = BTreeMap<String, String>;

fn load(path: &str) -> Yaml {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci/github");
    let text = std::fs::read_to_string(folder.join(path)).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

impl Forge for GitHub {
    fn run(&self, world: &World, event: &Event) -> Vec<Job> {
        let workflow = load("workflows/realmform.yml");
        let context = context(event);
        assert!(workflow["on"].as_hash().unwrap().contains_key(&Yaml::String(context["github.event_name"].clone())));
        let mut ran: Vec<Job> = Vec::new();
        for (name, job) in workflow["jobs"].as_hash().unwrap() {
            let succeeded = |needed: &str| ran.iter().any(|job| job.name == needed && job.status == 0);
            if job["needs"].as_str().is_none_or(succeeded) && holds(&job["if"], &context) {
                ran.push(Running::new(world, event, [&workflow, job], context.clone()).run(text(name)));
            }
        }
        ran
    }
}

fn context(event: &Event) -> Context {
    let (name, reference) = match event.sort {
        "review" => ("pull_request", format!("refs/pull/{}/merge", event.number)),
        "push" => ("push", "refs/heads/main".to_owned()),
        "night" => ("schedule", "refs/heads/main".to_owned()),
        "by hand" => ("workflow_dispatch", "refs/heads/main".to_owned()),
        other => panic!("{other}"),
    };
    let number = event.number.to_string();
    let context = [
        ("github.event_name", name),
        ("github.ref", &reference),
        ("github.repository", "acme/sso"),
        ("github.actor", "ana"),
        ("github.token", "the-token-of-the-job"),
        ("github.event.pull_request.head.repo.full_name", if event.fork { "eve/sso" } else { "acme/sso" }),
        ("github.event.pull_request.number", &number),
        ("inputs.options", &event.options),
    ];
    context.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A job that is running.
struct Running<'a> {
    world: &'a World,
    /// Whatever may have an `env`: the workflow and the job.
    around: [&'a Yaml; 2],
    context: Context,
    /// What is checked out.
    folder: TempDir,
    /// For what is kept between steps.
    temporary: TempDir,
    status: i32,
    printed: String,
}

impl<'a> Running<'a> {
    fn new(world: &'a World, event: &Event, around: [&'a Yaml; 2], mut context: Context) -> Self {
        let [_, job] = around;
        // The environment's secrets are for main alone, which its protection says.
        let environment = job["environment"].as_str();
        let may_write = matches!(environment, Some("keycloak" | "keycloak-by-hand")) && event.sort != "review";
        for name in ["KEYCLOAK_VIEWER_SECRET", "KEYCLOAK_SECRET", "REALMFORM_PLAN_KEY", "SHOP_SECRET"] {
            context.insert(format!("secrets.{name}"), world.secret(event, name, may_write));
        }
        let temporary = tempfile::tempdir().unwrap();
        context.insert("runner.temp".to_owned(), temporary.path().to_str().unwrap().to_owned());
        let is_review = event.sort == "review";
        let folder = if is_review { world.clone_of_merge(event) } else { world.clone_of(&event.commit) };
        Self { world, around, context, folder, temporary, status: 0, printed: String::new() }
    }

    fn run(mut self, name: &str) -> Job {
        let [_, job] = self.around;
        self.steps(&job["steps"]);
        Job { name: name.to_owned(), status: self.status, output: self.printed }
    }

    /// The steps up to the first that fails.
    fn steps(&mut self, steps: &Yaml) {
        for step in steps.as_vec().unwrap() {
            if self.status == 0 && holds(&step["if"], &self.context) {
                match step["uses"].as_str() {
                    Some(action) => self.uses(action, &step["with"]),
                    None => self.command(step),
                }
            }
        }
    }

    fn uses(&mut self, action: &str, with: &Yaml) {
        let given = |name: &str| substituted(text(&with[name]), &self.context);
        match action {
            "actions/checkout@v4" => {
                assert_eq!((given("fetch-depth"), given("persist-credentials")), ("0".to_owned(), "false".to_owned()));
            }
            "actions/cache@v4" => {}
            "./.github/actions/install-realmform" => {
                self.steps(&load("actions/install-realmform/action.yml")["runs"]["steps"]);
            }
            "actions/upload-artifact@v4" => {
                let (paths, name) = (given("path"), given("name"));
                self.world.keep(self.folder.path(), &paths.lines().collect::<Vec<_>>(), &name);
            }
            "actions/download-artifact@v4" => self.world.fetch(&PathBuf::from(given("path")), &given("name")),
            other => panic!("what is {other}?"),
        }
    }

    fn command(&mut self, step: &Yaml) {
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        for around in self.around.into_iter().chain([step]) {
            for (name, value) in around["env"].as_hash().into_iter().flatten() {
                environment.insert(text(name).to_owned(), substituted(text(value), &self.context));
            }
        }
        let head = self.world.git(&["-C", self.folder.path().to_str().unwrap(), "rev-parse", "HEAD"]);
        let file = |name: &str| self.temporary.path().join(name).to_str().unwrap().to_owned();
        let given = [
            ("GITHUB_REPOSITORY", "acme/sso".to_owned()),
            ("GITHUB_SHA", head.trim().to_owned()),
            ("GITHUB_WORKFLOW", "realmform".to_owned()),
            ("GITHUB_OUTPUT", file("output")),
            ("GITHUB_PATH", file("path")),
            ("GITHUB_STEP_SUMMARY", file("summary")),
            ("RUNNER_TEMP", self.context["runner.temp"].clone()),
        ];
        environment.extend(given.map(|(name, value)| (name.to_owned(), value)));
        let (status, printed) = self.world.bash(self.folder.path(), text(&step["run"]), &environment);
        self.status = status;
        self.printed += &printed;
        let outputs = std::fs::read_to_string(file("output")).unwrap_or_default();
        for (name, value) in outputs.lines().map(|line| line.split_once('=').unwrap()) {
            let id = step["id"].as_str().unwrap_or_else(|| panic!("who asks for {name}?"));
            self.context.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
        drop(std::fs::remove_file(file("output")));
    }
}

/// Whether a condition holds; none always does.
fn holds(condition: &Yaml, context: &Context) -> bool {
    let Some(condition) = condition.as_str() else { return true };
    condition.split("||").any(|all| {
        all.split("&&").all(|term| {
            let (left, right, is_equal) = match (term.split_once("=="), term.split_once("!=")) {
                (Some((left, right)), None) => (left, right, true),
                (None, Some((left, right))) => (left, right, false),
                _ => panic!("what is {term}?"),
            };
            (value(left, context) == value(right, context)) == is_equal
        })
    })
}

fn substituted(text: &str, context: &Context) -> String {
    let mut parts = text.split("${{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        let (expression, rest) = part.split_once("}}").unwrap();
        done + &value(expression, context) + rest
    })
}

/// A text in quotes, or what a name stands for. A step that did not run has no outputs.
fn value(expression: &str, context: &Context) -> String {
    let expression = expression.trim();
    match expression.strip_prefix('\'') {
        Some(quoted) => quoted.trim_end_matches('\'').to_owned(),
        None if expression.starts_with("steps.") => context.get(expression).cloned().unwrap_or_default(),
        None => context.get(expression).unwrap_or_else(|| panic!("what is {expression}?")).clone(),
    }
}

fn text(yaml: &Yaml) -> &str {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => text,
        Yaml::Integer(0) => "0",
        Yaml::Boolean(false) => "false",
        other => panic!("no text: {other:?}"),
    }
}
