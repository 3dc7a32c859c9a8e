//! What kubectl and Kubernetes itself say of what is handed over to them.

use std::process::Command;

use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

use crate::schemas::Validator;
use crate::support::project::Project;
use crate::support::tools::kubernetes_schemas;

const OUTPUTS: &str = r#"name = "NAME"
[outputs.secret]
of = "NAME/clients/web"
secret = { name = "web-oidc", namespace = "shop" }
[outputs.config]
of = "NAME"
configMap = { name = "oidc", values = { "jwks.url" = "{{ endpoints.jwks }}", odd = "{{ 'a: \"b\" # c\\n\\té yes' }}", n = "1" } }
[outputs.cluster]
of = "NAME/clients/web"
kubeconfig = { name = "shop: eu", server = "https://k8s.example:6443", certificateAuthority = "ca.pem", scopes = ["groups"] }
file = ".handed/config"
"#;

fn project(name: &str) -> Project {
    let project = Project::new(name);
    project.write("p/realmform.toml", &OUTPUTS.replace("NAME", name));
    project.write(&format!("p/{name}/realm.toml"), "[clients.web]\nsecret = { generate = {} }\n");
    let ran = project.run_in(&project.folder().join("p"), &["apply", "--yes"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    project
}

fn printed(project: &Project, output: &str) -> Value {
    let ran = project.run_in(&project.folder().join("p"), &["output", output, "--show-secrets"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    json(&YamlLoader::load_from_str(&ran.stdout).unwrap()[0])
}

fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Hash(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), json(value)));
            entries.collect::<Map<_, _>>().into()
        }
        Yaml::Array(items) => items.iter().map(json).collect(),
        Yaml::String(text) => text.as_str().into(),
        Yaml::Integer(number) => (*number).into(),
        Yaml::Boolean(it) => (*it).into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn manifests_are_valid_by_the_schemas_of_kubernetes() {
    let Some(schemas) = kubernetes_schemas() else { return };
    let project = project("outputs-manifests");
    for (output, schema) in [("secret", "secret-v1.json"), ("config", "configmap-v1.json")] {
        let manifest = printed(&project, output);
        let definitions = schemas.join("_definitions.json");
        let definitions = ("https://kubernetes.io/api/_definitions.json", definitions.as_path());
        let validator = Validator::naming(&schemas.join(schema), &[definitions]);
        assert_eq!(validator.errors_in(&manifest), "", "{manifest:#}");
        // The schema is strict: what it does not know is no manifest.
        let mut wrong = manifest.clone();
        wrong["stringdata"] = json!({});
        assert!(!validator.errors_in(&wrong).is_empty());
    }
    let config = printed(&project, "config");
    assert_eq!(config["data"]["odd"], "a: \"b\" # c\n\té yes");
    assert_eq!(config["data"]["n"], "1");
}

/// Where there is a kubectl; a parser of YAML reads it in any case.
#[test]
fn kubectl_reads_a_kubeconfig() {
    let project = project("outputs-kubeconfig");
    let file = project.folder().join("p/.handed/config");
    let folder = file.parent().unwrap();
    let secret = {
        let admin = project.admin();
        admin.get(&format!("clients/{}/client-secret", admin.client("web")))["value"].as_str().unwrap().to_owned()
    };
    let issuer = format!("{}/realms/outputs-kubeconfig", crate::support::access().http_url);
    let arguments = [
        "oidc-login".to_owned(),
        "get-token".to_owned(),
        format!("--oidc-issuer-url={issuer}"),
        "--oidc-client-id=web".to_owned(),
        format!("--oidc-client-secret={secret}"),
        "--oidc-extra-scope=groups".to_owned(),
    ];
    let text = std::fs::read_to_string(&file).unwrap();
    let parsed = json(&YamlLoader::load_from_str(&text).unwrap()[0]);
    assert_eq!(parsed["users"][0]["user"]["exec"]["args"], json!(arguments));

    let view = ["config", "view", "--raw", "--output=json", "--kubeconfig"];
    let Ok(output) = Command::new("kubectl").args(view).arg(&file).current_dir(folder).output() else {
        println!("skipped: there is no kubectl");
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["current-context"], "shop: eu");
    assert_eq!(seen["clusters"][0]["cluster"]["server"], "https://k8s.example:6443");
    assert_eq!(seen["contexts"][0]["context"], json!({ "cluster": "shop: eu", "user": "shop: eu" }));
    let exec = &seen["users"][0]["user"]["exec"];
    assert_eq!(exec["args"], json!(arguments));
    assert_eq!(exec["apiVersion"], "client.authentication.k8s.io/v1");
    assert_eq!(exec["interactiveMode"], "IfAvailable");
}
