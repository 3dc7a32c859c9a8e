//! The project file, which is no kind: an unknown setting of it is an error, because a misspelt guard guards nothing.

use serde_json::{Value as Json, json};

use super::types;
use crate::model::{Kind, SECRET_SOURCES, kinds};

/// Names that are those of folders, too.
const FOLDER_NAME: &str = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$";

pub(super) fn schema() -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": { "secret": types::secret() },
        "title": "realmform project",
        "description": "The folder that holds this file is the project, and each folder beside it a realm.",
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {
                "description": "Marks on the server what this project manages, so it is chosen once.",
                "type": "string",
                "pattern": "^[A-Za-z0-9._-]{1,100}$",
            },
            "strict": { "description": "Unknown fields and values are errors.", "type": "boolean", "default": false },
            "defaultServer": { "description": "The server that is meant without --server.", "type": "string" },
            "servers": {
                "description": "Servers by name. Options and the environment go before what is written here.",
                "type": "object",
                "additionalProperties": server(),
            },
            "fleet": fleet("The realms are spread over these servers"),
            "environments": {
                "description": "Environments by name: the same realms on other servers. Files in environments/NAME say what \
                                is otherwise in one.",
                "type": "object",
                "propertyNames": { "pattern": FOLDER_NAME },
                "additionalProperties": environment(),
            },
            "blueprints": {
                "description": "Blueprints that are not in the project, by name. `realmform update` locks the commits of those from \
                                git.",
                "type": "object",
                "propertyNames": { "pattern": FOLDER_NAME },
                "additionalProperties": blueprint(),
            },
            "secrets": secrets(),
            "outputs": outputs(),
            "policy": policy(),
        },
        "additionalProperties": false,
    })
}

fn server() -> Json {
    let text = |description: &str| json!({ "description": description, "type": "string" });
    let secret = |description: &str| json!({ "description": description, "$ref": "#/$defs/secret" });
    json!({
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": text("The base URL, such as https://sso.example."),
            "realm": text("The realm that the credential belongs to."),
            "clientId": text("The client that signs in."),
            "clientSecret": secret("Its secret."),
            "username": text("The user that signs in, instead of a service account."),
            "password": secret("The user's password."),
            "accessToken": secret("A token from elsewhere, instead of signing in."),
            "caFile": text("Certificates (PEM) to trust besides the system's; relative to the project."),
            "identity": secret("A certificate with its private key (PEM) for mutual TLS."),
            "timeout": {
                "description": "The longest that one request may take: seconds, or a duration such as \"30s\".",
                "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": types::DURATION }],
            },
            "parallelism": {
                "description": "How many requests may be under way at once.",
                "type": "integer",
                "minimum": 1,
                "maximum": 64,
            },
            "maxRealms": {
                "description": "How many realms a fleet puts there at most, master not counted.",
                "type": "integer",
                "minimum": 0,
                "default": 50,
            },
            "weight": {
                "description": "How many realms it gets for each that one of weight 1 gets.",
                "type": "integer",
                "minimum": 1,
                "maximum": 1000,
                "default": 1,
            },
            "labels": {
                "description": "What realms may ask for.",
                "type": "object",
                "additionalProperties": { "type": "string" },
            },
        },
        "additionalProperties": false,
    })
}

fn fleet(description: &str) -> Json {
    json!({
        "description": format!("{description}: \"all\", or a list of them in the order that counts."),
        "anyOf": [{ "const": "all" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
    })
}

fn blueprint() -> Json {
    let text = |description: &str| json!({ "description": description, "type": "string", "minLength": 1 });
    json!({
        "type": "object",
        "anyOf": [{ "required": ["path"], "not": { "required": ["ref"] } }, { "required": ["git"] }],
        "properties": {
            "path": text("A folder relative to the project; with git, a folder of the repository."),
            "git": text("A repository: https://…, ssh://…, git@HOST:PATH, file://… or a path; no credentials."),
            "ref": text("A branch, a tag or the full id of a commit; what the repository is at by itself if left out."),
        },
        "additionalProperties": false,
    })
}

fn environment() -> Json {
    json!({
        "type": "object",
        "properties": {
            "server": { "description": "The server that is meant in it.", "type": "string" },
            "fleet": fleet("The servers that realms are spread over in it"),
            "variables": {
                "description": "What the expressions of blueprints and outputs may use as env.NAME; env.name is the \
                                environment's own.",
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": { "const": "name" } },
            },
        },
        "additionalProperties": false,
    })
}

fn secrets() -> Json {
    json!({
        "description": "Where secrets are looked up that are neither variables nor files.",
        "type": "object",
        "properties": {
            "vault": vault(),
            "provider": {
                "description": "Programs that print secrets, by the name that references call them.",
                "type": "object",
                "propertyNames": { "pattern": "^[a-z][A-Za-z0-9_-]*$", "not": { "enum": SECRET_SOURCES } },
                "additionalProperties": provider(),
            },
        },
        "additionalProperties": false,
    })
}

fn vault() -> Json {
    let text = |description: &str| json!({ "description": description, "type": "string" });
    let plain = |description: &str| json!({ "description": description, "$ref": "#/$defs/secret" });
    let method = |required: &[&str], mut properties: Json| {
        properties["mount"] = text("Where the method is mounted; its own name unless said otherwise.");
        json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
    };
    json!({
        "description": "A HashiCorp Vault or an OpenBao. What is left out comes from VAULT_ADDR, VAULT_NAMESPACE, \
                        VAULT_CACERT and VAULT_TOKEN.",
        "type": "object",
        "properties": {
            "address": text("The base URL, such as https://vault.example:8200."),
            "namespace": text("The namespace, where the server has them."),
            "caFile": text("Certificates (PEM) to trust besides the system's; relative to the project."),
            "auth": {
                "description": "How to sign in: by one method.",
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": {
                    "token": plain("The token itself."),
                    "approle": method(&["roleId"], json!({
                        "roleId": plain("The role's id."),
                        "secretId": plain("The secret id, unless the role asks for none."),
                    })),
                    "kubernetes": method(&["role"], json!({
                        "role": text("The role to sign in to."),
                        "jwt": plain("The service account's token; that of the pod unless said otherwise."),
                    })),
                    "jwt": method(&["role", "jwt"], json!({
                        "role": text("The role to sign in to."),
                        "jwt": plain("The token, such as that of a CI job."),
                    })),
                },
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    })
}

fn provider() -> Json {
    json!({
        "type": "object",
        "required": ["command"],
        "properties": {
            "command": {
                "description": "The program and its arguments; `{}` stands for what a reference says.",
                "type": "array",
                "items": { "type": "string" },
                "minItems": 2,
            },
            "timeout": {
                "description": "How long it may take: seconds, or a duration such as \"30s\".",
                "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": types::DURATION }],
                "default": 30,
            },
        },
        "additionalProperties": false,
    })
}

pub(super) fn outputs() -> Json {
    let templates = |description: &str| json!({ "description": description, "type": "object", "additionalProperties": { "type": "string" } });
    json!({
        "description": "What is handed over of what an apply made, by name. Templates are those of minijinja.",
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "required": ["of"],
            "properties": {
                "of": {
                    "description": "A client, such as acme/clients/shop, a user or a realm; of clients and realms with * the declared ones that match, such as acme/clients/*.",
                    "type": "string",
                },
                "env": templates("Variables, by name; an empty table is those that OpenID Connect takes."),
                "json": templates("An object of texts; an empty table is what OpenID Connect takes."),
                "template": { "description": "One template for all of it.", "type": "string" },
                "secret": manifest("A Secret of Kubernetes."),
                "configMap": manifest("A ConfigMap of Kubernetes."),
                "kubeconfig": kubeconfig(),
                "file": place("The file that it is written into, relative to the project."),
                "directory": place("The folder in which each of its values is a file, relative to the project."),
                "vault": {
                    "description": "The secret of the vault that it is written into: mount/path, each value under its name, or mount/path#key. {{ realm }} and {{ client.id }} may be in it.",
                    "type": "string",
                    "pattern": "^[^/#]+(/[^/#]+)+(#.+)?$",
                },
            },
            "additionalProperties": false,
        },
    })
}

fn place(description: &str) -> Json {
    let description = format!("{description} {{{{ realm }}}} and {{{{ client.id }}}} may be in it.");
    json!({ "description": description, "type": "string", "minLength": 1 })
}

fn manifest(description: &str) -> Json {
    let text = |description: &str| json!({ "description": description, "type": "string" });
    json!({
        "description": description,
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": text("metadata.name"),
            "namespace": text("metadata.namespace"),
            "values": {
                "description": "What it holds; what OpenID Connect takes unless said otherwise.",
                "type": "object",
                "additionalProperties": { "type": "string" },
            },
        },
        "additionalProperties": false,
    })
}

fn kubeconfig() -> Json {
    let text = |description: &str| json!({ "description": description, "type": "string" });
    json!({
        "description": "A configuration of kubectl that signs in with the client, by kubelogin (kubectl oidc-login).",
        "type": "object",
        "required": ["name", "server"],
        "properties": {
            "name": text("What the cluster, the user and the context are called."),
            "server": text("The URL of the cluster's API."),
            "certificateAuthority": text("A file with the certificate of who signed the API's."),
            "scopes": {
                "description": "Client scopes to ask for beside openid.",
                "type": "array",
                "items": { "type": "string" },
            },
        },
        "additionalProperties": false,
    })
}

fn policy() -> Json {
    json!({
        "description": "What a plan may do.",
        "type": "object",
        "properties": {
            "protectedRealms": {
                "description": "Realms that are never changed.",
                "type": "array",
                "items": { "type": "string" },
                "default": ["master"],
            },
            "preventDestroy": {
                "description": "Addresses that are never deleted without --allow-destroy; `*` stands for any text.",
                "type": "array",
                "items": { "type": "string" },
                "examples": [["acme/clients/*", "*/users/root"]],
            },
            "breakGlass": {
                "description": "Users, by address, that are never deleted and never lose a role or a group.",
                "type": "array",
                "items": { "type": "string", "pattern": "^.+/users/.+$" },
                "examples": [["master/users/rescue"]],
            },
            "deleteLimit": {
                "description": "How much of a realm one plan may delete: percent of the managed objects, or a table.",
                "anyOf": [percent(), delete_limit()],
                "default": 30,
            },
            "paths": {
                "description": "Which files may declare what. Of the rules that match a file the last counts; a file that no rule matches may declare anything.",
                "type": "array",
                "items": path_rule(),
            },
            "requireClean": {
                "description": "Apply refuses when the work tree differs from its commit.",
                "type": "boolean",
                "default": false,
            },
        },
        "additionalProperties": false,
    })
}

fn path_rule() -> Json {
    let names = kinds::REALM.children.iter().map(|kind| kind.collection).chain(["settings"]);
    let names: Vec<&str> = names.collect();
    json!({
        "type": "object",
        "required": ["files", "allow"],
        "properties": {
            "files": {
                "description": "Files or folders relative to the project's, as in CODEOWNERS.",
                "type": "string",
                "pattern": "^[^!]",
                "examples": ["tenant-*/**"],
            },
            "allow": {
                "description": "Collections, and `settings` for everything of a realm that is in none.",
                "type": "array",
                "items": { "enum": names },
            },
        },
        "additionalProperties": false,
    })
}

fn percent() -> Json {
    json!({ "type": "integer", "minimum": 0, "maximum": 100 })
}

fn delete_limit() -> Json {
    let count = |description: &str| json!({ "description": description, "type": "integer", "minimum": 0 });
    let of = |kind: &&Kind| (kind.collection.to_owned(), count("How many of these may be deleted."));
    let kinds: serde_json::Map<String, Json> = kinds::REALM.children.iter().map(of).collect();
    json!({
        "type": "object",
        "properties": {
            "percent": { "description": "The largest part of the managed objects, in percent.", "default": 30,
                "type": "integer", "minimum": 0, "maximum": 100 },
            "objects": count("The largest number of objects."),
            "kinds": {
                "description": "The largest number of objects of a collection; what hangs below them is not counted.",
                "type": "object",
                "properties": kinds,
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::desired::{self, PROJECT_FILE};

    /// The settings that the reader names when it meets one that it does not know.
    fn known(text: &str) -> Vec<String> {
        let files = BTreeMap::from([(PathBuf::from(PROJECT_FILE), text.as_bytes().to_vec())]);
        let problems = desired::load(&files, &desired::Options::default()).unwrap_err();
        let report = desired::render(&problems.0, false, 1000);
        let help = report.lines().find(|line| line.contains("help: expected")).unwrap();
        let mut names: Vec<String> = help.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        names.sort();
        names
    }

    fn names(schema: &Json) -> Vec<String> {
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn it_has_exactly_the_settings_that_are_read() {
        assert_eq!(names(&schema()), known("name = 'a'\nzzzzzzzzzz = 1"));
        assert_eq!(names(&server()), known("name = 'a'\n[servers.x]\nurl = 'u'\nzzzzzzzzzz = 1"));
        assert_eq!(names(&environment()), known("name = 'a'\n[environments.x]\nzzzzzzzzzz = 1"));
        assert_eq!(names(&secrets()), known("name = 'a'\n[secrets]\nzzzzzzzzzz = 1"));
        assert_eq!(names(&vault()), known("name = 'a'\n[secrets.vault]\nzzzzzzzzzz = 1"));
        let auth = &vault()["properties"]["auth"];
        assert_eq!(names(auth), known("name = 'a'\n[secrets.vault.auth]\nzzzzzzzzzz = 1"));
        for method in ["approle", "kubernetes", "jwt"] {
            let text = format!("name = 'a'\n[secrets.vault.auth.{method}]\nzzzzzzzzzz = 1");
            assert_eq!(names(&auth["properties"][method]), known(&text), "{method}");
        }
        assert_eq!(
            names(&provider()),
            known("name = 'a'\n[secrets.provider.x]\ncommand = ['a', '{}']\nzzzzzzzzzz = 1")
        );
        let output = &outputs()["additionalProperties"];
        assert_eq!(names(output), known("name = 'a'\n[outputs.x]\nof = 'a'\nenv = {}\nzzzzzzzzzz = 1"));
        let text = "name = 'a'\n[outputs.x]\nof = 'a'\nsecret.name = 'x'\nsecret.zzzzzzzzzz = 1";
        assert_eq!(names(&output["properties"]["secret"]), known(text));
        let text =
            "name = 'a'\n[outputs.x]\nof = 'a/clients/b'\nkubeconfig = { name = 'x', server = 'y', zzzzzzzzzz = 1 }";
        assert_eq!(names(&kubeconfig()), known(text));
        assert_eq!(names(&policy()), known("name = 'a'\n[policy]\nzzzzzzzzzz = 1"));
        assert_eq!(names(&delete_limit()), known("name = 'a'\n[policy.deleteLimit]\nzzzzzzzzzz = 1"));
        assert_eq!(names(&path_rule()), known("name = 'a'\n[[policy.paths]]\nfiles = '*'\nallow = []\nzzzzzzzzzz = 1"));
    }
}
