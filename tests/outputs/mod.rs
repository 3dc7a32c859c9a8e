//! What is handed over of what an apply made.

use serde_json::Value;

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
fn project() -> Project {
    let project = Project::new("outputs");
    project.write("p/realmform.toml", OUTPUTS);
    project.write("p/outputs/realm.toml", REALM);
    project
}

fn run(project: &Project, arguments: &[&str]) -> Output {
    project.run_in(&project.folder().join("p"), arguments)
}

#[test]
fn what_was_made_is_handed_over() {
    let project = project();
    let handed = |name: &str| std::fs::read_to_string(project.folder().join("handed").join(name)).unwrap();
    let ran = run(&project, &["apply", "--yes"]);
    assert_eq!(ran.status, 0, "{ran:?}");
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
            "app  outputs/clients/web  ../handed/app.json  not up to date",
            "cli  outputs/clients/cli  only printed",
            "cluster  outputs/clients/web  only printed",
            "realm  outputs  only printed",
            "web  outputs/clients/web  ../handed/web.env  up to date",
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
    let project = project();
    assert_eq!(run(&project, &["apply", "--yes"]).status, 0);
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
    project.write(
        "realmform.toml",
        "name = \"outputs-wrong\"\n[outputs.bad]\nof = \"outputs-wrong/clients/web\"\nenv = { A = \"{{ client.sceret }}\" }\nfile = \"../bad.env\"\n\
         [outputs.gone]\nof = \"outputs-wrong/clients/gone\"\nenv = {}\nfile = \"../gone.env\"\n",
    );
    let ran = project.run(&["apply", "--yes"]);
    assert_eq!(ran.status, 6, "{ran:?}");
    assert!(ran.stderr.contains("error: output bad: realmform.toml:2: output bad: A: undefined value"), "{ran:?}");
    assert!(ran.stderr.contains("error: output gone: "), "{ran:?}");
    assert!(ran.stderr.contains("error: 2 outputs could not be handed over: bad, gone"), "{ran:?}");
    assert!(!project.folder().join("../bad.env").exists());
    let unknown = project.run(&["output", "nobody"]);
    assert_eq!(unknown.status, 64, "{unknown:?}");
    assert!(unknown.stderr.contains("there is no output nobody: the project has only bad, gone"), "{unknown:?}");
}
