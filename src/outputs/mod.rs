//! The outputs room: what is handed over of what an apply made, from its templates and the facts of a realm. Its texts hold
//! secrets, which is what they are for.

use std::collections::BTreeMap;

use minijinja::Value as Fact;
use minijinja::value::Serde;
use secrecy::zeroize::Zeroizing;
use serde_json::{Map, Value as Json};

use crate::desired::template::{ENVIRONMENT, reason};
use crate::desired::{Kubeconfig, Manifest, OutputContent, Templates};

/// A template that the facts of this realm do not fill.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default(), words)]
pub struct OutputError {
    /// The name of the value, where there are several.
    name: Option<String>,
    words: String,
}

/// An output with what it says; it may hold secrets.
#[derive(Debug)]
pub struct Rendered {
    /// All of it.
    pub text: Zeroizing<String>,
    /// Its values by their names, where it has any.
    pub values: BTreeMap<String, Zeroizing<String>>,
}

/// Fills an output with the facts.
///
/// # Errors
/// A template that uses what this realm or client does not have.
pub fn render(content: &OutputContent, facts: &Json) -> Result<Rendered, OutputError> {
    let renderer = Renderer(Fact::from(Serde(facts)));
    let values = content.values().map(|templates| renderer.all(templates)).transpose()?.unwrap_or_default();
    let text = match content {
        OutputContent::Env(_) => env(&values),
        OutputContent::Json(_) => {
            let object: Map<String, Json> =
                values.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
            Zeroizing::new(format!("{:#}\n", Json::Object(object)))
        }
        OutputContent::Text(template) => {
            let mut text = renderer.one(template).map_err(|words| OutputError { name: None, words })?;
            // Templates drop the line end at their end, which a file has.
            if template.ends_with('\n') && !text.ends_with('\n') {
                text.push('\n');
            }
            text
        }
        OutputContent::Manifest(of) => manifest(of, &values),
        OutputContent::Kubeconfig(of) => kubeconfig(of, facts),
    };
    Ok(Rendered { text, values: values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() })
}

/// Values by name, in the order of their names.
type Values<'a> = Vec<(&'a str, Zeroizing<String>)>;

/// Fills templates with these facts.
struct Renderer(Fact);

impl Renderer {
    fn one(&self, template: &str) -> Result<Zeroizing<String>, String> {
        ENVIRONMENT.render_str(template, &self.0).map(Zeroizing::new).map_err(|error| reason(&error))
    }

    fn all<'a>(&self, templates: &'a Templates) -> Result<Values<'a>, OutputError> {
        let rendered = templates.iter().map(|(name, template)| {
            let value = self.one(template).map_err(|words| OutputError { name: Some(name.clone()), words })?;
            Ok((name.as_str(), value))
        });
        rendered.collect()
    }
}

/// `NAME=value`, in quotes only where a shell needs them: `docker --env-file` would take them for part of the value.
fn env(values: &Values<'_>) -> Zeroizing<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    let mut text = Zeroizing::new(String::new());
    for (name, value) in values {
        text.push_str(name);
        text.push('=');
        if value.chars().all(is_plain) {
            text.push_str(value);
        } else {
            text.push_str(&shell_quoted(value));
        }
        text.push('\n');
    }
    text
}

/// As a shell wants it, whatever is in it.
pub fn shell_quoted(value: &str) -> Zeroizing<String> {
    let inside = Zeroizing::new(value.replace('\'', "'\\''"));
    Zeroizing::new(format!("'{}'", *inside))
}

/// A text of YAML, whose texts in quotes are those of JSON.
fn yaml_quoted(text: &str) -> Zeroizing<String> {
    Zeroizing::new(Json::from(text).to_string())
}

fn manifest(of: &Manifest, values: &Values<'_>) -> Zeroizing<String> {
    let Manifest { is_secret, name, namespace, values: _ } = of;
    let kind = if *is_secret { "Secret" } else { "ConfigMap" };
    let mut text = Zeroizing::new(format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {}\n", *yaml_quoted(name)));
    if let Some(namespace) = namespace {
        text.push_str(&format!("  namespace: {}\n", *yaml_quoted(namespace)));
    }
    text.push_str(if *is_secret { "type: Opaque\nstringData:\n" } else { "data:\n" });
    for (name, value) in values {
        text.extend(["  ", yaml_quoted(name).as_str(), ": ", yaml_quoted(value).as_str(), "\n"]);
    }
    text
}

/// As `kubectl oidc-login setup` proposes it.
fn kubeconfig(of: &Kubeconfig, facts: &Json) -> Zeroizing<String> {
    let Kubeconfig { name, server, certificate_authority, scopes } = of;
    let text = |fact: &Json| Zeroizing::new(fact.as_str().unwrap_or_default().to_owned());
    let mut arguments: Vec<Zeroizing<String>> =
        ["oidc-login", "get-token"].map(|it| Zeroizing::new(it.to_owned())).into();
    let (issuer, client, secret) = (&facts["issuer"], &facts["client"]["id"], &facts["client"]["secret"]);
    for (option, fact) in [("issuer-url", issuer), ("client-id", client), ("client-secret", secret)] {
        let value = text(fact);
        if !value.is_empty() {
            arguments.push(Zeroizing::new(format!("--oidc-{option}={}", *value)));
        }
    }
    arguments.extend(scopes.iter().map(|scope| Zeroizing::new(format!("--oidc-extra-scope={scope}"))));
    let name = yaml_quoted(name);
    let mut text = Zeroizing::new(format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {0}\nclusters:\n- name: {0}\n  cluster:\n    server: {1}\n",
        *name,
        *yaml_quoted(server)
    ));
    if let Some(file) = certificate_authority {
        text.push_str(&format!("    certificate-authority: {}\n", *yaml_quoted(file)));
    }
    text.push_str(&format!(
        "contexts:\n- name: {0}\n  context:\n    cluster: {0}\n    user: {0}\nusers:\n- name: {0}\n  user:\n    exec:\n      \
         apiVersion: client.authentication.k8s.io/v1\n      command: kubectl\n      interactiveMode: IfAvailable\n      args:\n",
        *name
    ));
    for argument in &arguments {
        text.extend(["      - ", yaml_quoted(argument).as_str(), "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts() -> Json {
        json!({
            "issuer": "https://sso.example/realms/acme",
            "client": { "id": "shop", "secret": "it's a \"s3cr3t\"\n", "redirectUris": ["https://a/*", "https://b/*"] },
            "groups": ["/staff"],
        })
    }

    fn values(values: &[(&str, &str)]) -> Templates {
        values.iter().map(|(name, template)| ((*name).to_owned(), (*template).to_owned())).collect()
    }

    #[test]
    fn each_sort_quotes_as_its_readers_do() {
        let templates = values(&[
            ("ISSUER", "{{ issuer }}"),
            ("SECRET", "{{ client.secret }}"),
            ("URIS", "{{ client.redirectUris|join(',') }}"),
        ]);
        let rendered = |content: OutputContent| render(&content, &facts()).unwrap().text.to_string();
        assert_eq!(
            rendered(OutputContent::Env(templates.clone())),
            "ISSUER=https://sso.example/realms/acme\nSECRET='it'\\''s a \"s3cr3t\"\n'\nURIS='https://a/*,https://b/*'\n"
        );
        let parsed: Json = serde_json::from_str(&rendered(OutputContent::Json(templates.clone()))).unwrap();
        assert_eq!(parsed["SECRET"], "it's a \"s3cr3t\"\n");
        let secret =
            Manifest { is_secret: true, name: "shop".into(), namespace: Some("web".into()), values: templates };
        assert_eq!(
            rendered(OutputContent::Manifest(secret)),
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"shop\"\n  namespace: \"web\"\ntype: Opaque\nstringData:\n  \
             \"ISSUER\": \"https://sso.example/realms/acme\"\n  \"SECRET\": \"it's a \\\"s3cr3t\\\"\\n\"\n  \
             \"URIS\": \"https://a/*,https://b/*\"\n"
        );
        let text = OutputContent::Text("{% for group in groups %}{{ group }}\n{% endfor %}".into());
        assert_eq!(rendered(text), "/staff\n");
    }

    #[test]
    fn a_kubeconfig_signs_in_with_the_client() {
        let content = OutputContent::Kubeconfig(Kubeconfig {
            name: "prod: eu".into(),
            server: "https://k8s.example:6443".into(),
            certificate_authority: Some("ca.pem".into()),
            scopes: vec!["groups".into()],
        });
        let text = render(&content, &facts()).unwrap().text;
        let documents = yaml_rust2::YamlLoader::load_from_str(&text).unwrap();
        let config = &documents[0];
        assert_eq!(config["current-context"].as_str(), Some("prod: eu"));
        assert_eq!(config["clusters"][0]["cluster"]["certificate-authority"].as_str(), Some("ca.pem"));
        assert_eq!(config["contexts"][0]["context"]["user"].as_str(), Some("prod: eu"));
        let exec = &config["users"][0]["user"]["exec"];
        assert_eq!(exec["command"].as_str(), Some("kubectl"));
        let arguments: Vec<&str> = exec["args"].as_vec().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let expected = [
            "oidc-login",
            "get-token",
            "--oidc-issuer-url=https://sso.example/realms/acme",
            "--oidc-client-id=shop",
            "--oidc-client-secret=it's a \"s3cr3t\"\n",
            "--oidc-extra-scope=groups",
        ];
        assert_eq!(arguments, expected);
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let content = OutputContent::Env(values(&[("A", "{{ issuer }}"), ("B", "{{ client.sceret }}")]));
        let error = render(&content, &facts()).unwrap_err().to_string();
        assert!(error.starts_with("B: undefined value"), "{error}");
    }
}
