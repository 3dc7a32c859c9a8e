//! What is handed over of what an apply made.

mod kubernetes;
mod passwords;
mod tokens;
mod vault;

use serde_json::Value;

use crate::schemas::Validator;
use crate::support::admin::Admin;
use crate::support::project::{Output, Project};

const REALM: &str = r#"
[clients.web]
secret = { generate = {} }
redirectUris = ["https://web.example/*"]
[clients.cli]
publicClient = true
[groups."/staff"]
[groups."/staff/admins"]
"#;

const OUTPUTS: &str = r#"name = "outputs"
[outputs.web]
of = "outputs/clients/web"
env = {}
file = "../handed/web.env"
[outputs.app]
of = "outputs/clients/web"
json = { issuer = "{{ issuer }}", token = "{{ endpoints.token }}", uris = "{{ client.redirectUris|join(' ') }}" }
file = "../handed/app.json"
[outputs.cluster]
of = "outputs/clients/web"
secret = { name = "web-oidc", namespace = "shop" }
[outputs.cli]
of = "outputs/clients/cli"
env = {}
[outputs.realm]
of = "outputs"
template = """
{{ issuer }}
{% for group in groups %}{{ group }}
{% endfor %}{{ certificates|length }} certificate{{ certificates[0].pem[:27] }}
"""
"#;

/// The project in a folder of its own, so that what is handed over is beside it.
fn project(name: &str) -> Project {
    let project = Project::new(name);
    project.write(
        "p/realmform.toml",
        &OUTPUTS.replace("outputs/", &format!("{name}/")).replace("\"outputs\"", &format!("\"{name}\"")),
    );
    project.write(&format!("p/{name}/realm.toml"), REALM);
    project
}

fn run(project: &Project, arguments: &[&str]) -> Output {
    project.run_in(&project.folder().join("p"), arguments)
}

/// Applies, and expects it to succeed and to leave nothing to do.
#[track_caller]
fn apply(project: &Project, arguments: &[&str]) -> Output {
    let ran = run(project, &[&["apply", "--yes"], arguments].concat());
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    let left = run(project, &["plan", "--detailed-exitcode"]);
    assert_eq!(left.status, 0, "{}\n{}", left.stdout, left.stderr);
    ran
}

/// What is handed over into a file.
#[track_caller]
fn handed(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.folder().join("handed").join(name)).unwrap()
}

fn is_handed(project: &Project, name: &str) -> bool {
    project.folder().join("handed").join(name).exists()
}

/// The last line of a plan.
fn summary(project: &Project) -> String {
    run(project, &["plan"]).stdout.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn what_was_made_is_handed_over() {
    let project = project("outputs");
    let handed = |name: &str| handed(&project, name);
    let ran = apply(&project, &[]);
    assert!(
        ran.stdout.contains("output app: ../handed/app.json written\noutput web: ../handed/web.env written\n"),
        "{ran:?}"
    );
    let admin = project.admin();
    let secret = admin.get(&format!("clients/{}/client-secret", admin.client("web")))["value"].clone();
    let secret = secret.as_str().unwrap();
    let issuer = format!("{}/realms/outputs", crate::support::access().http_url);
    assert_eq!(handed("web.env"), format!("OIDC_CLIENT_ID=web\nOIDC_CLIENT_SECRET={secret}\nOIDC_ISSUER={issuer}\n"));
    let app: Value = serde_json::from_str(&handed("app.json")).unwrap();
    assert_eq!(app["token"], format!("{issuer}/protocol/openid-connect/token"));
    assert_eq!(app["uris"], "https://web.example/*");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = project.folder().join("handed/web.env").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    // An unchanged one is left as it is; one that somebody lost or changed is written again.
    let modified = |name: &str| project.folder().join("handed").join(name).metadata().unwrap().modified().unwrap();
    let before = modified("web.env");
    let ran = run(&project, &["apply", "--yes"]);
    assert!(ran.status == 0 && !ran.stdout.contains("written"), "{ran:?}");
    assert_eq!(modified("web.env"), before);
    std::fs::write(project.folder().join("handed/app.json"), "{}").unwrap();
    let listed = run(&project, &["output"]);
    let lines: Vec<&str> = listed.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "app      outputs/clients/web  ../handed/app.json  not up to date",
            "cli      outputs/clients/cli  only printed",
            "cluster  outputs/clients/web  only printed",
            "realm    outputs              only printed",
            "web      outputs/clients/web  ../handed/web.env   up to date",
        ]
    );
    let written = run(&project, &["output", "--write"]);
    assert_eq!(written.stdout, "output app: ../handed/app.json written\n");

    // By a saved plan, too, where the project is.
    std::fs::remove_file(project.folder().join("handed/web.env")).unwrap();
    project.write("p/outputs/realm.toml", &REALM.replace("[clients.cli]", "name = \"Web\"\n[clients.cli]"));
    assert_eq!(run(&project, &["plan", "--out", "../web.plan"]).status, 0);
    let ran = run(&project, &["apply", "../web.plan"]);
    assert!(ran.stdout.contains("output web: ../handed/web.env written"), "{ran:?}");

    // A new secret is handed over by the apply that makes it.
    let ran = run(&project, &["apply", "--yes", "--rotate", "outputs/clients/web"]);
    assert!(ran.stdout.contains("output web: ../handed/web.env written"), "{ran:?}");
    assert!(!handed("web.env").contains(secret));
}

#[test]
fn secrets_are_printed_only_where_that_is_asked_for() {
    let project = project("outputs-printed");
    apply(&project, &[]);
    let admin = project.admin();
    let secret = admin.get(&format!("clients/{}/client-secret", admin.client("web")))["value"].clone();
    let secret = secret.as_str().unwrap();
    let hidden = run(&project, &["output", "cluster"]);
    let shown = run(&project, &["output", "cluster", "--show-secrets"]);
    assert_eq!(hidden.stdout, shown.stdout.replace(secret, "(secret)"));
    assert!(!hidden.stdout.contains(secret) && shown.stdout.contains(secret), "{shown:?}");
    let lines: Vec<&str> = shown.stdout.lines().take(8).collect();
    assert_eq!(
        lines[..6],
        [
            "apiVersion: v1",
            "kind: Secret",
            "metadata:",
            "  name: \"web-oidc\"",
            "  namespace: \"shop\"",
            "type: Opaque"
        ]
    );
    let public = run(&project, &["output", "cli"]);
    assert!(public.stdout.starts_with("OIDC_CLIENT_ID=cli\nOIDC_CLIENT_SECRET=\nOIDC_ISSUER=http"), "{public:?}");
    let realm = run(&project, &["output", "realm"]);
    assert!(realm.stdout.contains("/staff\n/staff/admins\n"), "{realm:?}");
    assert!(realm.stdout.contains("certificate-----BEGIN CERTIFICATE-----"), "{realm:?}");
}

#[test]
fn what_cannot_be_handed_over_is_said() {
    let project = Project::new("outputs-wrong");
    project.write_realm("[clients.web]\nsecret = { generate = {} }\n");
    let bad = "name = \"outputs-wrong\"\n[outputs.bad]\nof = \"outputs-wrong/clients/web\"\nenv = { A = \"{{ client.sceret }}\" }\nfile = \".handed/bad.env\"\n";
    let gone = "[outputs.gone]\nof = \"outputs-wrong/clients/gone\"\nenv = {}\nfile = \".handed/gone.env\"\n";
    project.write("realmform.toml", &format!("{bad}{gone}"));
    // Only the server knows whether there is such a client.
    assert_eq!(project.run(&["check"]).status, 0);
    let ran = project.run(&["plan"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains("there is no client `gone` in the realm outputs-wrong"), "{ran:?}");
    project.write("realmform.toml", &format!("{bad}{}", gone.replace("gone", "account")));
    let ran = project.run(&["apply", "--yes"]);
    assert_eq!(ran.status, 6, "{ran:?}");
    let words = "error: output bad: realmform.toml:2: output bad of outputs-wrong/clients/web: A: undefined value";
    assert!(ran.stderr.contains(words), "{ran:?}");
    assert!(ran.stderr.contains("error: 1 output could not be handed over: bad"), "{ran:?}");
    // What failed is tried again, and the plan says so.
    let plan = project.run(&["plan"]);
    assert!(plan.stdout.ends_with("No changes. outputs-wrong matches its files. Outputs: 1 to write.\n"), "{plan:?}");
    project.write("realmform.toml", &format!("{bad}{}", gone.replace("gone", "account")).replace("sceret", "secret"));
    project.apply();
    let unknown = project.run(&["output", "nobody"]);
    assert_eq!(unknown.status, 64, "{unknown:?}");
    assert!(unknown.stderr.contains("there is no output nobody: the project has only account, bad"), "{unknown:?}");
    let unknown = project.run(&["output", "bad", "--of", "outputs-wrong/clients/app"]);
    assert!(unknown.status == 64 && unknown.stderr.contains("--of outputs-wrong/clients/app"), "{unknown:?}");
}

#[test]
fn a_plan_says_what_is_handed_over_and_taken_back() {
    let project = project("outputs-planned");
    let plan = run(&project, &["plan"]);
    assert!(plan.stdout.contains("\n+ output app → ../handed/app.json  outputs-planned/clients/web\n"), "{plan:?}");
    assert!(plan.stdout.ends_with(" Outputs: 2 to write.\n"), "{plan:?}");
    apply(&project, &[]);
    assert_eq!(summary(&project), "No changes. outputs-planned matches its files.");
    // What changes its client may change what it says.
    let realm = REALM.replace("[clients.cli]", "name = \"Web\"\n[clients.cli]");
    project.write("p/outputs-planned/realm.toml", &realm);
    let plan = run(&project, &["plan"]);
    assert!(plan.stdout.contains("\n~ output web → ../handed/web.env  outputs-planned/clients/web"), "{plan:?}");
    assert!(plan.stdout.ends_with(" Outputs: 2 to write again.\n"), "{plan:?}");
    let ran = apply(&project, &[]);
    assert!(!ran.stdout.contains(" written\n"), "{ran:?}");

    // Another name, another place, and one that is no more.
    let all = project.folder().join("p/realmform.toml");
    let project_file = std::fs::read_to_string(&all).unwrap();
    let moved = project_file.replace("[outputs.web]", "[outputs.shop]").replace("handed/app.json", "handed/b/app.json");
    project.write("p/realmform.toml", &moved);
    let plan: Value = serde_json::from_str(&run(&project, &["plan", "--format", "json"]).stdout).unwrap();
    assert_eq!(Validator::of("output-plan").errors_in(&plan), "");
    let outputs = &plan["realms"]["outputs-planned"]["outputs"];
    let told: Vec<String> = outputs
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {} {}", it["action"], it["output"], it["to"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        ["remove app ../handed/app.json", "write app ../handed/b/app.json", "write shop ../handed/web.env"]
    );
    let ran = apply(&project, &[]);
    assert!(
        ran.stdout.contains("output app: ../handed/app.json removed\noutput app: ../handed/b/app.json written\n"),
        "{ran:?}"
    );
    assert!(!is_handed(&project, "app.json") && is_handed(&project, "web.env"));
    let markdown = {
        project.write("p/realmform.toml", moved.split("[outputs.app]").next().unwrap());
        run(&project, &["plan", "--format", "markdown"]).stdout
    };
    let line = "- `-` `app` → `../handed/b/app.json` (client `web`, taken back)\n";
    assert!(markdown.contains("### Outputs\n\n") && markdown.contains(line), "{markdown}");

    // What somebody changed since is theirs.
    std::fs::write(project.folder().join("handed/b/app.json"), "{}").unwrap();
    let ran = apply(&project, &[]);
    assert!(ran.stderr.contains("warning: output app: ../handed/b/app.json is left where it is"), "{ran:?}");
    assert_eq!(handed(&project, "b/app.json"), "{}");
}

#[test]
fn what_is_handed_over_goes_with_its_client() {
    let project = project("outputs-gone");
    apply(&project, &[]);
    let without = "[clients.cli]\npublicClient = true\n";
    project.write("p/outputs-gone/realm.toml", without);
    let refused = run(&project, &["plan"]);
    let words = "realmform.toml:2: the output app is of outputs-gone/clients/web, which is deleted";
    assert!(refused.status == 1 && refused.stderr.contains(&words.replace(":2:", ":6:")), "{refused:?}");
    project.write("p/realmform.toml", "name = \"outputs-gone\"\n");
    let plan = run(&project, &["plan"]);
    assert!(plan.stdout.contains("\n- output web → ../handed/web.env  outputs-gone/clients/web"), "{plan:?}");
    let ran = apply(&project, &[]);
    assert!(ran.stdout.contains("output web: ../handed/web.env removed\n"), "{ran:?}");
    assert!(!is_handed(&project, "web.env") && !is_handed(&project, "app.json"));
}

const SEVERAL: &str = r#"name = "NAME"
[outputs.apps]
of = "NAME/clients/*"
env = {}
file = "../handed/{{ client.id }}.env"
[outputs.parts]
of = "NAME/clients/app-1"
json = { id = "{{ client.id }}", token = "{{ endpoints.token }}" }
directory = "../handed/{{ realm }}"
[outputs.manifests]
of = "*/clients/app-*"
secret = { name = "{{ client.id }}-oidc" }
"#;

#[test]
fn an_output_of_several_follows_what_there_is() {
    let project = Project::in_git("outputs-several");
    let clients = |count: usize| -> String { (0..count).map(|i| format!("[clients.app-{i}]\n")).collect() };
    project.write("p/realmform.toml", &SEVERAL.replace("NAME", "outputs-several"));
    project.write("p/outputs-several/realm.toml", &clients(20));
    project.commit("Twenty");
    apply(&project, &[]);
    assert_eq!(handed(&project, "outputs-several/id"), "app-1");
    assert!(handed(&project, "app-19.env").contains("OIDC_CLIENT_ID=app-19\nOIDC_CLIENT_SECRET="));
    let printed = run(&project, &["output", "manifests", "--show-secrets"]).stdout;
    assert_eq!(printed.matches("\n---\napiVersion: v1\n").count(), 19, "{printed}");
    let one = run(&project, &["output", "manifests", "--of", "outputs-several/clients/app-7"]).stdout;
    assert!(one.contains("name: \"app-7-oidc\"") && !one.contains("---"), "{one}");
    let listed: Value = serde_json::from_str(&run(&project, &["output", "--format", "json"]).stdout).unwrap();
    assert_eq!(Validator::of("output-output").errors_in(&listed), "");
    assert_eq!(listed["outputs"].as_array().unwrap().len(), 41);
    assert_eq!(listed["outputs"][0]["destinations"][0]["state"], "up to date");

    // Many clients are listed and not asked for one by one.
    std::fs::remove_file(project.folder().join("handed/app-3.env")).unwrap();
    let ran = run(&project, &["apply", "--yes", "--requests"]);
    assert_eq!(ran.stdout.lines().last(), Some("output apps: ../handed/app-3.env written"), "{ran:?}");

    // One more and one less, by the plan of what changed, too.
    project.write("p/outputs-several/clients/app-x.toml", "");
    project.commit("One more");
    let (quick, full) = (run(&project, &["plan", "--changed"]), run(&project, &["plan"]));
    for plan in [&quick, &full] {
        assert!(
            plan.stdout.contains("+ output apps → ../handed/app-x.env  outputs-several/clients/app-x\n"),
            "{plan:?}"
        );
        assert!(plan.stdout.contains(" Outputs: 1 to write."), "{plan:?}");
    }
    assert!(quick.stdout.contains("looked at 1 of 22"), "{quick:?}");
    project.write("p/outputs-several/realm.toml", &clients(19));
    project.commit("One less");
    let ran = apply(&project, &[]);
    assert!(ran.stdout.contains("output apps: ../handed/app-19.env removed\n"), "{ran:?}");
    assert!(ran.stdout.contains("output apps: ../handed/app-x.env written\n"), "{ran:?}");
}

#[test]
fn a_saved_plan_hands_over_what_it_says() {
    let project = project("outputs-saved");
    assert_eq!(run(&project, &["plan", "--out", "../one.plan"]).status, 0);
    let shown = run(&project, &["show", "../one.plan"]);
    assert!(shown.stdout.contains("+ output web → ../handed/web.env"), "{shown:?}");
    let ran = run(&project, &["apply", "../one.plan"]);
    assert!(ran.status == 0 && ran.stdout.contains("output web: ../handed/web.env written"), "{ran:?}");
    assert_eq!(summary(&project), "No changes. outputs-saved matches its files.");

    // Where the project is not, nothing can be handed over or taken back: the next plan says so.
    project.write("p/realmform.toml", "name = \"outputs-saved\"\n");
    assert_eq!(run(&project, &["plan", "--out", "../two.plan"]).status, 0);
    let expected = run(&project, &["apply", "--expect", "../one.plan"]);
    assert!(expected.stdout.contains("- output web → ../handed/web.env"), "{expected:?}");
    assert_eq!(expected.status, 5);
    let elsewhere = tempfile::tempdir().unwrap();
    let plan = project.folder().join("two.plan");
    let ran = project.run_in(elsewhere.path(), &["apply", plan.to_str().unwrap()]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stderr.contains("note: nothing is handed over or taken back here"), "{ran:?}");
    assert_eq!(summary(&project), "No changes. outputs-saved matches its files. Outputs: 2 to remove.");
    apply(&project, &[]);
    assert!(!is_handed(&project, "web.env"));
}

/// Of two machines the one that has the files takes them back; the other one has nothing to take.
#[test]
fn another_machine_finds_nothing_to_do() {
    let project = project("outputs-machines");
    apply(&project, &[]);
    let other = Project::beside("outputs-machines");
    std::fs::remove_file(other.folder().join("realmform.toml")).unwrap();
    for file in ["realmform.toml", "outputs-machines/realm.toml"] {
        let text = std::fs::read_to_string(project.folder().join("p").join(file)).unwrap();
        other.write(&format!("p/{file}"), &text);
    }
    assert_eq!(summary(&other), "No changes. outputs-machines matches its files.");
    let ran = apply(&other, &[]);
    assert!(ran.stdout.contains("output web: ../handed/web.env written"), "{ran:?}");
    assert_eq!(handed(&project, "web.env"), handed(&other, "web.env"));
}

#[test]
fn a_realm_goes_after_what_was_handed_over_of_it() {
    let project = project("outputs-realm");
    apply(&project, &[]);
    // A folder cannot be removed like a file: what was handed over is not taken back, and the realm remembers it.
    let file = project.folder().join("handed/web.env");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    project.write("p/realmform.toml", "name = \"outputs-realm\"\n");
    std::fs::remove_dir_all(project.folder().join("p/outputs-realm")).unwrap();
    project.write("p/outputs-other/realm.toml", "");
    project.admin();
    Admin::of("outputs-other").delete_if_there("");
    let allowed = ["--yes", "--allow-destroy", "outputs-realm"];
    let plan = run(&project, &["plan", "--allow-destroy", "outputs-realm", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let steps: Vec<&str> = plan["realms"]["outputs-realm"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["address"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["outputs-realm/clients/web", "outputs-realm"]);
    // Elsewhere it cannot be taken back, and nothing would remember it.
    let saving = run(&project, &["plan", "--allow-destroy", "outputs-realm", "--out", "../gone.plan"]);
    assert_eq!(saving.status, 0, "{saving:?}");
    let plan = project.folder().join("gone.plan");
    let elsewhere = tempfile::tempdir().unwrap();
    let ran = project.run_in(elsewhere.path(), &["apply", plan.to_str().unwrap()]);
    assert!(ran.status == 1 && ran.stderr.contains("only be taken back where the project is"), "{ran:?}");
    let ran = run(&project, &[&["apply"], &allowed[..]].concat());
    assert_eq!(ran.status, 6, "{ran:?}");
    assert!(ran.stderr.contains("what was handed over could not be taken back: ../handed/web.env: "), "{ran:?}");
    // The client is gone first, and the realm is there yet.
    assert_eq!(project.admin().get("clients?clientId=web").as_array().unwrap().len(), 0);
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, text).unwrap();
    let ran = run(&project, &[&["apply"], &allowed[..]].concat());
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("output web: ../handed/web.env removed\n"), "{ran:?}");
    assert!(!is_handed(&project, "web.env"));
    assert_eq!(project.admin().status(""), 404);
}
