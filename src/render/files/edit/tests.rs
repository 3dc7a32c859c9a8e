//! Files before and after, byte for byte; each is read again, and has to say what it was to say and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::{Edited, take_over};
use crate::desired::{Loaded, Options, Problems, load};
use crate::diff::{Misread, Takeover, What, misread};
use crate::model::{Address, FieldPath, Value};

/// The files of the realm `acme`.
struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl Files {
    fn of(files: &[(&str, &str)]) -> Self {
        let project = ("realmform.toml".into(), b"name = \"test\"\n".to_vec());
        let files = files.iter().map(|(path, text)| (PathBuf::from(format!("acme/{path}")), text.as_bytes().to_vec()));
        Self(files.chain([project]).collect())
    }

    fn load(&self) -> Loaded {
        load(&self.0, &Options::default()).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn with(&self, edited: &Edited) -> Result<Loaded, Problems> {
        let mut files = self.0.clone();
        for (path, text) in &edited.files {
            match text {
                Some(text) => drop(files.insert(path.clone(), text.clone().into_bytes())),
                None => drop(files.remove(path)),
            }
        }
        load(&files, &Options::default())
    }

    /// Takes over: of an object the value of a leaf, `null` for none that is there; of a path `""` that the object is gone.
    #[track_caller]
    fn edited(&self, changes: &[(&str, &str, Json)]) -> Edited {
        self.edited_with(changes, &BTreeMap::new())
    }

    #[track_caller]
    fn edited_with(&self, changes: &[(&str, &str, Json)], configs: &BTreeMap<FieldPath, Option<Json>>) -> Edited {
        let loaded = self.load();
        let takeovers: Vec<Takeover> = changes
            .iter()
            .map(|(address, path, now)| {
                let address = Address::parse("acme", address).unwrap();
                let object = &loaded.desired.realms["acme"].objects[&address];
                if path.is_empty() {
                    return Takeover { address, origin: object.origin.clone(), what: What::Object };
                }
                let path = FieldPath::new(path.split('/'));
                let declared = &object.fields[&path];
                let what = match (&declared.value, now) {
                    (_, Json::Null) => What::Gone { path },
                    (Value::Json(was), now) => {
                        What::Value { path, was: was.clone(), now: now.clone(), configs: configs.clone() }
                    }
                    (Value::Secret(_), _) => panic!("a secret"),
                };
                Takeover { address, origin: declared.origin.clone(), what }
            })
            .collect();
        let edited = take_over(&self.0, &loaded.subjects, &takeovers);
        if edited.refused.is_empty() {
            let new = self.with(&edited);
            let new = new.unwrap_or_else(|problems| panic!("{problems:?}\n{edited:?}"));
            assert_eq!(misread(&takeovers, &loaded.desired, &new.desired), Misread::default(), "{edited:?}");
        }
        edited
    }
}

/// One file after some changes.
#[track_caller]
fn after(text: &str, changes: &[(&str, &str, Json)]) -> String {
    let edited = Files::of(&[("realm.toml", text)]).edited(changes);
    assert!(edited.refused.is_empty(), "{edited:?}");
    match edited.files.get(&PathBuf::from("acme/realm.toml")) {
        Some(text) => text.clone().unwrap(),
        None => text.to_owned(),
    }
}

#[test]
fn a_value_changes_where_it_is_written() {
    let text = "# Ours\ndisplayName   = 'Acme' # the name\n\naccessTokenLifespan = \"5m\"\nloginTheme = \"a\"\n\
                attributes.\"a.b\"=\"1\"\nattributes.on = true\nattributes.count = 5\n\
                [clients.shop]\nname = \"\"\"\nShop\"\"\"\n\tdescription = \"x\"\n";
    let new = after(
        text,
        &[
            ("", "displayName", json!("New")),
            ("", "accessTokenLifespan", json!(7200)),
            ("", "attributes/a.b", json!("2")),
            ("", "attributes/on", json!("false")),
            ("", "attributes/count", json!("6")),
            ("clients/shop", "name", json!("Shops")),
            ("clients/shop", "description", json!("it's \"y\"")),
        ],
    );
    insta::assert_snapshot!(new, @r#"
    # Ours
    displayName   = 'New' # the name

    accessTokenLifespan = "2h"
    loginTheme = "a"
    attributes."a.b"="2"
    attributes.on = false
    attributes.count = 6
    [clients.shop]
    name = "Shops"
    	description = """it's "y""""
    "#);
    assert_eq!(
        after("accessTokenLifespan = 300\n", &[("", "accessTokenLifespan", json!(60))]),
        "accessTokenLifespan = 60\n"
    );
    assert_eq!(after("displayName = 'a'", &[("", "displayName", json!("it's"))]), "displayName = \"it's\"");
}

#[test]
fn line_ends_stay() {
    let text = "\u{feff}# Ours\r\ndisplayName = \"a\" # name\r\neventsListeners = [\r\n  \"a\", # one\r\n  \"b\",\r\n]\r\n[roles.a]\r\n[roles.b]\r\n";
    let new = after(
        text,
        &[("", "displayName", json!("b")), ("", "eventsListeners", json!(["b", "c"])), ("roles/b", "", Json::Null)],
    );
    assert_eq!(
        new,
        "\u{feff}# Ours\r\ndisplayName = \"b\" # name\r\neventsListeners = [\r\n  \"b\",\r\n  \"c\",\r\n]\r\n[roles.a]\r\n"
    );
}

#[test]
fn lists_keep_their_comments() {
    let uris = |text: &str, now: Json| {
        let text = format!("[clients.shop]\nredirectUris = {text}\nname = \"x\"\n");
        let new = after(&text, &[("clients/shop", "redirectUris", now)]);
        let value = new.strip_prefix("[clients.shop]\nredirectUris = ").unwrap();
        value.strip_suffix("\nname = \"x\"\n").unwrap().to_owned()
    };
    assert_eq!(uris("[\"b\", \"a\"]", json!(["a", "b", "c"])), "[\"b\", \"a\", \"c\"]");
    assert_eq!(uris("[ \"b\", \"a\" ]", json!(["a", "c"])), "[ \"a\", \"c\" ]");
    assert_eq!(uris("[\"a\"]", json!([])), "[]");
    assert_eq!(uris("[]", json!(["a"])), "[\"a\"]");
    let spread = "[\n  # the first\n  \"a\", # one\n  \"b\", # two\n  # the last\n  \"c\" # three\n]";
    assert_eq!(
        uris(spread, json!(["a", "c", "d"])),
        "[\n  # the first\n  \"a\", # one\n  # the last\n  \"c\", # three\n  \"d\"\n]"
    );
    assert_eq!(uris(spread, json!(["b"])), "[\n  \"b\" # two\n]");
    let with_comma = "[\n    \"a\", # one\n    \"b\", # two\n]";
    assert_eq!(uris(with_comma, json!(["a", "b", "c"])), "[\n    \"a\", # one\n    \"b\", # two\n    \"c\",\n]");
}

#[test]
fn values_are_written_as_an_import_writes_them() {
    let new = after(
        "[clients.shop.attributes]\n\"post.logout.redirect.uris\" = [\"a\", \"b\"]\n\"acr.loa.map\" = { gold = 2, silver = 1 } # levels\n\
         \"request.uris\" = \"x##y\"\n[clientScopes.s.protocolMappers.m]\nprotocolMapper = \"oidc-x\"\nconfig = { \"a\" = true, 'b' = 'c' }\n",
        &[
            ("clients/shop", "attributes/post.logout.redirect.uris", json!("b##c")),
            ("clients/shop", "attributes/acr.loa.map", json!("{\"gold\":3,\"bronze\":0}")),
            ("clients/shop", "attributes/request.uris", json!("y##z")),
            ("clientScopes/s/protocolMappers/m", "config/a", json!("false")),
            ("clientScopes/s/protocolMappers/m", "config/b", json!("d")),
        ],
    );
    insta::assert_snapshot!(new, @r#"
    [clients.shop.attributes]
    "post.logout.redirect.uris" = ["b", "c"]
    "acr.loa.map" = { gold = 3, bronze = 0 } # levels
    "request.uris" = ["y", "z"]
    [clientScopes.s.protocolMappers.m]
    protocolMapper = "oidc-x"
    config = { "a" = false, 'b' = 'd' }
    "#);
    let ldap = "[userFederation.ldap]\nproviderId = \"ldap\"\nconfig = { enabled = false, hosts = [\"a\"], one = \"a\", fullSyncPeriod = \"1d\" }\n";
    let new = after(
        ldap,
        &[
            ("userFederation/ldap", "config/enabled", json!("true")),
            ("userFederation/ldap", "config/hosts", json!("b")),
            ("userFederation/ldap", "config/one", json!(["a", "b"])),
            ("userFederation/ldap", "config/fullSyncPeriod", json!("-1")),
        ],
    );
    insta::assert_snapshot!(new, @r#"
    [userFederation.ldap]
    providerId = "ldap"
    config = { enabled = true, hosts = ["b"], one = ["a", "b"], fullSyncPeriod = -1 }
    "#);
}

#[test]
fn a_field_that_is_gone_leaves_no_trace() {
    // With a comment that is about nothing else, and without the table that only grouped it.
    let text = "# The realm of Acme\n\n# Its name\ndisplayName = \"a\"\n\n# Tokens\naccessTokenLifespan = 300\nssoSessionIdleTimeout = 600\n\
                smtpServer = { host = \"h\", from = \"f\" }\nattributes = { a = \"1\" }\nbrowserSecurityHeaders.x = \"1\"\n\n\
                [clients.shop] # ours\n[clients.shop.attributes]\na = \"1\"\n\n[roles.a]\n";
    let new = after(
        text,
        &[
            ("", "displayName", Json::Null),
            ("", "accessTokenLifespan", Json::Null),
            ("", "smtpServer/from", Json::Null),
            ("", "attributes/a", Json::Null),
            ("", "browserSecurityHeaders/x", Json::Null),
            ("clients/shop", "attributes/a", Json::Null),
        ],
    );
    insta::assert_snapshot!(new, @r#"
    # The realm of Acme

    # Tokens
    ssoSessionIdleTimeout = 600
    smtpServer = { host = "h" }

    [clients.shop] # ours

    [roles.a]
    "#);
}

#[test]
fn an_object_goes_with_what_hangs_below_it() {
    let text = "# All of it\n[roles.a]\n\n# Nobody needs this one\n[roles.gone] # really\ndescription = \"x\"\n# description = \"y\"\n\n# About b\n[roles.b]\n\n\
                [clients.gone]\nname = \"x\"\n[clients.gone.protocolMappers.m]\nprotocolMapper = \"p\"\n[clients.shop]\nroles.x = {}\nroles.y = {}\n\n\
                [clients.gone.roles.z]\n";
    let new = after(
        text,
        &[
            ("roles/gone", "", Json::Null),
            ("clients/gone", "", Json::Null),
            ("clients/gone/protocolMappers/m", "", Json::Null),
            ("clients/gone/roles/z", "", Json::Null),
            ("clients/shop/roles/x", "", Json::Null),
        ],
    );
    insta::assert_snapshot!(new, @r#"
    # All of it
    [roles.a]

    # About b
    [roles.b]

    [clients.shop]
    roles.y = {}
    "#);
    // In whatever way it is written.
    assert_eq!(after("roles = { a = {}, gone = {} }\n", &[("roles/gone", "", Json::Null)]), "roles = { a = {} }\n");
    assert_eq!(after("roles = { gone = {} }\n", &[("roles/gone", "", Json::Null)]), "");
    assert_eq!(
        after("clients = { shop = { roles = { gone = {} } } }\n", &[("clients/shop/roles/gone", "", Json::Null)]),
        "clients = { shop = {} }\n"
    );
    assert_eq!(
        after("[roles]\ngone.description = \"x\"\na = {}\n", &[("roles/gone", "", Json::Null)]),
        "[roles]\na = {}\n"
    );
    // What only its header named, is named still.
    assert_eq!(
        after("[clients.\"s.x\".roles.gone]\n[roles.a]\n", &[("clients/s.x/roles/gone", "", Json::Null)]),
        "[clients.\"s.x\"]\n\n[roles.a]\n"
    );
    assert_eq!(
        after("[userProfile.attributes.gone]\n", &[("userProfile/attributes/gone", "", Json::Null)]),
        "[userProfile]\n"
    );
}

#[test]
fn a_file_of_an_object_goes_with_it() {
    let files = Files::of(&[
        ("realm.toml", "[clients.gone]\nname = \"x\"\n[roles.a]\n"),
        ("clients/gone.toml", "# All\nbaseUrl = \"/\"\n"),
        ("clients/gone/roles/a.toml", ""),
        ("clients/shop.toml", "[roles.gone]\n"),
        ("roles/gone.toml", ""),
    ]);
    let gone = |address| (address, "", Json::Null);
    let edited = files.edited(&[
        gone("clients/gone"),
        gone("clients/gone/roles/a"),
        gone("clients/shop/roles/gone"),
        gone("roles/gone"),
    ]);
    let files: Vec<(String, Option<String>)> =
        edited.files.into_iter().map(|(path, text)| (path.display().to_string(), text)).collect();
    let file = |path: &str, text: Option<&str>| (format!("acme/{path}"), text.map(str::to_owned));
    assert_eq!(
        files,
        [
            file("clients/gone/roles/a.toml", None),
            file("clients/gone.toml", None),
            file("clients/shop.toml", Some("")),
            file("realm.toml", Some("[roles.a]\n")),
            file("roles/gone.toml", None),
        ]
    );
}

const FLOW: &str = r#"[authenticationFlows.desk]
description = "Desk"
executions = [
  # Who is known
  { authenticator = "auth-cookie", requirement = "ALTERNATIVE" }, # single sign-on
  { authenticator = "identity-provider-redirector", requirement = "ALTERNATIVE", config = { "defaultProvider" = "entra", key = { env = "K" } } },
  { flow = "desk forms", requirement = "ALTERNATIVE", executions = [ # by hand
    { authenticator = "auth-username-password-form", requirement = "REQUIRED" },
    { authenticator = "auth-otp-form", requirement = "REQUIRED" }, # twice
  ] },
]
"#;

#[test]
fn executions_keep_what_is_written_of_them() {
    let alias = "desk identity-provider-redirector";
    let otp = json!({"authenticator": "auth-otp-form", "requirement": "ALTERNATIVE"});
    let new_one =
        json!({"authenticator": "deny-access-authenticator", "requirement": "DISABLED", "authenticatorConfig": "mine"});
    let form = json!({"authenticator": "auth-username-password-form", "requirement": "REQUIRED"});
    let now = json!([
        {"flow": "desk forms", "requirement": "ALTERNATIVE", "description": "New", "executions": [otp, new_one, form]},
        {"authenticator": "auth-cookie", "requirement": "DISABLED"},
        {"authenticator": "identity-provider-redirector", "requirement": "ALTERNATIVE", "authenticatorConfig": alias},
        {"flow": "more", "requirement": "REQUIRED", "executions": [{"authenticator": "x", "requirement": "REQUIRED"}]},
    ]);
    let path = |alias: &str, key: &str| FieldPath::new(["executions", alias, key]);
    let configs = BTreeMap::from([
        (path(alias, "defaultProvider"), Some(json!("google"))),
        (path("mine", "text"), Some(json!("true"))),
        (path("mine", "secret"), None),
    ]);
    let config = format!("executions/{alias}/defaultProvider");
    let flow = "authenticationFlows/desk";
    let edited = Files::of(&[("realm.toml", FLOW)])
        .edited_with(&[(flow, "executions", now), (flow, &config, json!("google"))], &configs);
    let new = edited.files.values().next().unwrap().clone().unwrap();
    insta::assert_snapshot!(new, @r#"
    [authenticationFlows.desk]
    description = "Desk"
    executions = [
      { flow = "desk forms", requirement = "ALTERNATIVE", description = "New", executions = [ # by hand
        { authenticator = "auth-otp-form", requirement = "ALTERNATIVE" }, # twice
        { authenticator = "deny-access-authenticator", requirement = "DISABLED", authenticatorConfig = "mine", config = { secret = { keep = true }, text = true } },
        { authenticator = "auth-username-password-form", requirement = "REQUIRED" },
      ] },
      # Who is known
      { authenticator = "auth-cookie", requirement = "DISABLED" }, # single sign-on
      { authenticator = "identity-provider-redirector", requirement = "ALTERNATIVE", config = { "defaultProvider" = "google", key = { env = "K" } } },
      { flow = "more", requirement = "REQUIRED", executions = [
        { authenticator = "x", requirement = "REQUIRED" },
      ] },
    ]
    "#);
    // One requirement is one word.
    let mut tree = json!([
        {"authenticator": "auth-cookie", "requirement": "DISABLED"},
        {"authenticator": "identity-provider-redirector", "requirement": "ALTERNATIVE", "authenticatorConfig": alias},
    ]);
    let forms = json!({"flow": "desk forms", "requirement": "ALTERNATIVE", "executions": [form, {"authenticator": "auth-otp-form", "requirement": "REQUIRED"}]});
    tree.as_array_mut().unwrap().push(forms);
    let one = after(FLOW, &[(flow, "executions", tree)]);
    assert_eq!(one, FLOW.replacen("ALTERNATIVE\" }, # single", "DISABLED\" }, # single", 1));
    let gone = after(FLOW, &[(flow, &config, Json::Null)]);
    assert_eq!(gone, FLOW.replace("\"defaultProvider\" = \"entra\", key", "key"));
}

#[test]
fn an_execution_is_configured_anew() {
    let (flow, old) = ("authenticationFlows/desk", "desk identity-provider-redirector");
    let tree = |config: Json| {
        let mut redirector = json!({"authenticator": "identity-provider-redirector", "requirement": "ALTERNATIVE"});
        if !config.is_null() {
            redirector["authenticatorConfig"] = config;
        }
        json!([redirector])
    };
    let path = |key: &str| FieldPath::new(["executions", "by hand", key]);
    let configs = BTreeMap::from([(path("defaultProvider"), Some(json!("google"))), (path("key"), None)]);
    let gone = |key: &str| format!("executions/{old}/{key}");
    let (provider, key) = (gone("defaultProvider"), gone("key"));
    let edit = |config: Json| {
        let changes = [(flow, "executions", tree(config)), (flow, &provider, Json::Null), (flow, &key, Json::Null)];
        let edited = Files::of(&[("realm.toml", FLOW)]).edited_with(&changes, &configs);
        let text = edited.files.into_values().next().unwrap().unwrap();
        text.lines().filter(|line| line.contains("redirector")).collect::<String>()
    };
    assert_eq!(
        edit(json!("by hand")),
        "  { authenticator = \"identity-provider-redirector\", requirement = \"ALTERNATIVE\", config = { defaultProvider = \"google\", \
         key = { keep = true } }, authenticatorConfig = \"by hand\" },"
    );
    assert_eq!(
        edit(Json::Null),
        "  { authenticator = \"identity-provider-redirector\", requirement = \"ALTERNATIVE\" },"
    );
}

#[test]
fn lists_of_providers_keep_their_order() {
    let new = after(
        "[clientProfiles.strict]\nexecutors = [\n  # one\n  { executor = \"pkce-enforcer\", configuration = { auto-configure = true } },\n  { executor = \"full-scope-disabled\" }, # two\n]\n",
        &[(
            "clientProfiles/strict",
            "executors",
            json!([{"executor": "consent-required"}, {"executor": "pkce-enforcer", "configuration": {"auto-configure": false}}]),
        )],
    );
    insta::assert_snapshot!(new, @r#"
    [clientProfiles.strict]
    executors = [
      { executor = "consent-required" },
      # one
      { executor = "pkce-enforcer", configuration = { auto-configure = false } },
    ]
    "#);
}

#[test]
fn steps_keep_their_notation() {
    let steps = |after: &str| {
        format!(
            "[workflows.leave]\nsteps = [\n  {{ uses = \"notify-user\", after = {after}, with = {{ yes = true, list = [\"b\", \"a\"], n = 1 }} }}, # once\n\
             \x20 {{ uses = \"disable-user\" }},\n]\n"
        )
    };
    let with = json!({"list": ["a", "b"], "n": "1", "yes": "true"});
    let now = json!([{"uses": "notify-user", "after": "31d", "with": with}, {"uses": "disable-user"}]);
    assert_eq!(after(&steps("30"), &[("workflows/leave", "steps", now)]), steps("\"31d\""));
}

#[test]
fn tables_that_are_one_value_are_edited_entry_by_entry() {
    let text = "[userProfile.attributes.department.validations.length] # how long\nmax = 40 # at most\nmin = 1\n\n[userProfile.attributes.department.required]\nroles = [\"user\"]\n";
    let address = "userProfile/attributes/department";
    let new = after(
        text,
        &[
            (address, "validations/length", json!({"max": 50, "trim-disabled": true})),
            (address, "required", json!({"roles": ["user"], "scopes": ["email"]})),
        ],
    );
    insta::assert_snapshot!(new, @r#"
    [userProfile.attributes.department.validations.length] # how long
    max = 50 # at most
    trim-disabled = true

    [userProfile.attributes.department.required]
    roles = ["user"]
    scopes = ["email"]
    "#);
}

#[test]
fn what_has_no_place_is_refused() {
    let text = "[[clientProfiles.strict.executors]]\nexecutor = \"pkce-enforcer\"\n";
    let files = Files::of(&[("realm.toml", text)]);
    let edited = files.edited(&[("clientProfiles/strict", "executors", json!([{"executor": "consent-required"}]))]);
    assert!(edited.files.is_empty());
    assert_eq!(
        edited.refused[&0],
        "the file says it as [[clientProfiles.strict.executors]] tables, which are left as they are"
    );
}

/// The projects of the repository.
fn projects() -> Vec<Files> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = root.join("examples").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let folders = examples.filter(|path| path.join("realmform.toml").is_file()).chain([root.join("realms")]);
    // What a blueprint says as well is not the file's to take over.
    let folders = folders.filter(|path| !path.join("blueprints").exists());
    folders.map(|folder| Files(crate::git::work_tree(&folder).unwrap().files)).collect()
}

/// Another value of the same sort.
fn another(value: &Json) -> Json {
    match value {
        Json::Bool(it) => (!it).into(),
        Json::Number(number) => (number.as_i64().unwrap_or_default() + 60).into(),
        Json::String(text) => match (text.parse::<bool>(), text.parse::<i64>(), serde_json::from_str::<Json>(text)) {
            (Ok(it), ..) => (!it).to_string().into(),
            (_, Ok(number), _) => (number + 60).to_string().into(),
            (.., Ok(inner)) => another(&inner).to_string().into(),
            _ => format!("{text}x").into(),
        },
        Json::Array(items) => match items.as_slice() {
            [] => json!(["a"]),
            [Json::String(_), ..] => items.iter().skip(1).cloned().chain([json!("zz")]).collect(),
            // Executions, domains: two of them change places.
            [first, rest @ ..] => rest.iter().cloned().chain([first.clone()]).collect(),
        },
        Json::Object(table) => table.iter().map(|(key, value)| (key.clone(), another(value))).collect(),
        Json::Null => json!("x"),
    }
}

/// Whatever changes of a project, alone or with everything else, its files take it over and say nothing else otherwise.
#[test]
fn any_value_is_taken_over() {
    let mut done = 0;
    for files in projects() {
        let loaded = files.load();
        let mut all = Vec::new();
        let objects = loaded.desired.realms.values().flat_map(|realm| &realm.objects);
        for (address, path, declared) in
            objects.flat_map(|(address, object)| object.fields.iter().map(move |(path, it)| (address, path, it)))
        {
            let of = |what| Takeover { address: address.clone(), origin: declared.origin.clone(), what };
            let gone = of(What::Gone { path: path.clone() });
            let Value::Json(was) = &declared.value else {
                check(&files, &loaded, &[gone], &mut done);
                continue;
            };
            let (path, was, now) = (path.clone(), was.clone(), another(was));
            let value = of(What::Value { path, was, now, configs: BTreeMap::new() });
            check(&files, &loaded, &[gone], &mut done);
            check(&files, &loaded, std::slice::from_ref(&value), &mut done);
            all.push(value);
        }
        // A flow whose executions change places, and what configures them as well.
        check(&files, &loaded, &all, &mut done);
    }
    assert!(done > 400, "{done}");
}

#[test]
fn any_object_goes() {
    let mut done = 0;
    for files in projects() {
        let loaded = files.load();
        for (address, object) in loaded.desired.realms.values().flat_map(|realm| &realm.objects) {
            let origin = object.origin.clone();
            if address.parent().is_some() {
                let gone = Takeover { address: address.clone(), origin, what: What::Object };
                check(&files, &loaded, &[gone], &mut done);
            }
        }
    }
    assert!(done > 60, "{done}");
}

#[track_caller]
fn check(files: &Files, loaded: &Loaded, takeovers: &[Takeover], done: &mut usize) {
    let edited = take_over(&files.0, &loaded.subjects, takeovers);
    assert!(edited.refused.is_empty(), "{takeovers:?}: {edited:?}");
    // Some changes make no sense, which is somebody else's to say.
    let Ok(new) = files.with(&edited) else { return };
    let Misread { takeovers: misread, other } = misread(takeovers, &loaded.desired, &new.desired);
    let is_implied = |why: &String| why.starts_with("without it the files would no longer declare");
    if !misread.values().any(is_implied) {
        assert_eq!((misread, other), (BTreeMap::new(), None), "{takeovers:?}: {edited:?}");
        *done += 1;
    }
}
