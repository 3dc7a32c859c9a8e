//! GitLab CI, as far as the recipe uses it.

use std::collections::BTreeMap;
use std::path::Path;

use yaml_rust2::{Yaml, YamlLoader};

use super::world::{Event, Job, World};
use super::{Forge, story};

#[test]
fn a_change_is_reviewed_and_applied() {
    if let Some(world) = World::new("recipes-gitlab") {
        story(&GitLab, world);
    }
}

struct GitLab;

type Variables = BTreeMap<String, String>;

fn load() -> Yaml {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci/gitlab/.gitlab-ci.yml");
    YamlLoader::load_from_str(&std::fs::read_to_string(file).unwrap()).unwrap().remove(0)
}

impl Forge for GitLab {
    fn run(&self, world: &World, event: &Event) -> Vec<Job> {
        let recipe = load();
        let variables = variables(world, event);
        assert!(rule(&recipe["workflow"], &variables).is_some(), "no pipeline: {event:?}");
        let mut ran: Vec<Job> = Vec::new();
        for stage in texts(&recipe["stages"]) {
            let jobs = recipe.as_hash().unwrap().iter().filter(|(_, job)| job["stage"].as_str() == Some(stage));
            for (name, job) in jobs {
                // Somebody who started a pipeline by hand also presses its button, once there is a plan.
                let starts =
                    rule(job, &variables).is_some() && ran.iter().all(|job| job.status == 0 || stage == "review");
                if starts {
                    ran.push(run(world, event, &recipe, name.as_str().unwrap(), job));
                }
            }
        }
        ran
    }
}

/// What GitLab and the project's settings give every job.
fn variables(world: &World, event: &Event) -> Variables {
    let source = match event.sort {
        "review" => "merge_request_event",
        "push" => "push",
        "night" => "schedule",
        "by hand" => "web",
        other => panic!("{other}"),
    };
    let is_review = event.sort == "review";
    let mut variables = Variables::new();
    let mut set = |name: &str, value: &str| drop(variables.insert(name.to_owned(), value.to_owned()));
    set("CI_PIPELINE_SOURCE", source);
    set("CI_COMMIT_SHA", &event.commit);
    set("CI_DEFAULT_BRANCH", "main");
    set("CI_API_V4_URL", "https://gitlab.example/api/v4");
    // A fork's pipeline runs in the fork.
    set("CI_PROJECT_ID", if event.fork { "2" } else { "1" });
    if is_review {
        set("CI_MERGE_REQUEST_IID", &event.number.to_string());
        set("CI_MERGE_REQUEST_PROJECT_ID", "1");
        set("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", if event.fork { "2" } else { "1" });
        set("CI_MERGE_REQUEST_DIFF_BASE_SHA", world.git(&["merge-base", "main", &event.commit]).trim());
    } else {
        set("CI_COMMIT_BRANCH", "main");
    }
    // The secret that can write is a protected variable.
    for name in ["KEYCLOAK_VIEWER_SECRET", "KEYCLOAK_SECRET", "REALMFORM_PLAN_KEY", "SHOP_SECRET"] {
        set(name, &world.secret(event, name, !is_review));
    }
    if event.secrets == "all" {
        set("REALMFORM_GITLAB_TOKEN", "the-token-of-the-job");
    }
    variables
}

fn run(world: &World, event: &Event, recipe: &Yaml, name: &str, job: &Yaml) -> Job {
    let folder = world.clone_of(&event.commit);
    let mut variables = variables(world, event);
    variables.insert("CI_PROJECT_DIR".to_owned(), folder.path().to_str().unwrap().to_owned());
    for (name, value) in
        [&recipe["variables"], &job["variables"]].iter().flat_map(|it| it.as_hash().into_iter().flatten())
    {
        let value = value.as_str().or_else(|| value["value"].as_str()).unwrap();
        let value = expanded(value, &variables);
        variables.insert(name.as_str().unwrap().to_owned(), value);
    }
    assert_eq!(variables["GIT_DEPTH"], "0");
    // What a person types is stronger than the file.
    variables.insert("REALMFORM_OPTIONS".to_owned(), event.options.clone());
    for needed in texts(&job["needs"]) {
        world.fetch(folder.path(), needed);
    }
    let script: Vec<&str> = [&recipe["default"]["before_script"], &job["script"]].into_iter().flat_map(texts).collect();
    let (status, output) = world.bash(folder.path(), &script.join("\n"), &variables);
    let artifacts: Vec<&str> = texts(&job["artifacts"]["paths"]).collect();
    if status == 0 && !artifacts.is_empty() {
        world.keep(folder.path(), &artifacts, name);
    }
    Job { name: name.to_owned(), status, output }
}

/// The first rule that holds.
fn rule<'a>(of: &'a Yaml, variables: &Variables) -> Option<&'a Yaml> {
    of["rules"].as_vec().unwrap().iter().find(|rule| {
        let terms = rule["if"].as_str().unwrap().split("&&");
        terms.map(|term| term.split_once("==").unwrap()).all(|(left, right)| {
            let value = |text: &str| expanded(text.trim().trim_matches('"'), variables);
            value(left) == value(right)
        })
    })
}

/// A text, or what a variable says.
fn expanded(text: &str, variables: &Variables) -> String {
    let name = text.strip_prefix('$');
    name.map_or_else(|| text.to_owned(), |name| variables.get(name).cloned().unwrap_or_default())
}

fn texts(list: &Yaml) -> impl Iterator<Item = &str> {
    list.as_vec().into_iter().flatten().map(|item| item.as_str().unwrap())
}
