//! The life of one object: made, each field changed, each field taken out of the file, renamed, deleted; and after each
//! step the plan is empty and what nobody declared is as it was, byte by byte.

use std::collections::BTreeSet;

use realmform::model::{ANY, Address, FieldPath, Kind, Write, default_of};
use serde_json::{Value, json};

use crate::support::admin::Admin;
use crate::support::project::Project;
use crate::support::{is_26_0, version};

/// A leaf with two valid values, as in a file: (key, before, after).
pub type Sample = (&'static str, &'static str, &'static str);

/// What is told about one object.
pub struct Story {
    /// The realm, which is the test's own.
    pub realm: &'static str,
    pub kind: &'static Kind,
    /// The header of the object's table; empty for the realm.
    pub table: &'static str,
    /// Lines of the table that never change.
    pub fixed: &'static str,
    pub samples: &'static [Sample],
    /// How many samples change in one run: one, unless there are so many that it would take minutes.
    pub at_once: usize,
    /// Other tables of the file; settings of the realm before them.
    pub others: &'static str,
    /// What is on the object that no file says, and what the references of the samples name.
    pub by_hand: fn(&Admin),
    /// Everything that the server says about the object.
    pub raw: fn(&Admin) -> Value,
    /// Leaves of that which may change with any field.
    pub follows: &'static [&'static str],
}

/// Samples that Keycloak 26.0 has no room for: (kind, key, why).
const NEWER: &[(&str, &str, &str)] = &[
    ("client", "bearerOnly", "it keeps no secret of a bearer-only client"),
    ("client policy", "mode", "policies have none"),
    ("group", "description", "groups have none"),
    ("identity provider", "config.syncMode", "it shows LEGACY where nothing is set"),
    ("key provider", "config.keySize", "3072 bits are none of its sizes"),
    ("user profile attribute", "defaultValue", "attributes have none"),
    ("organization", "domains", "there has to be one"),
    ("realm", "adminPermissionsEnabled", "permissions are those of version 1"),
    ("realm", "maxSecondaryAuthFailures", "there is no such limit"),
    ("realm", "webAuthnPolicyPasswordlessMediation", "there are no passkeys"),
    ("realm", "webAuthnPolicyPasswordlessPasskeysEnabled", "there are no passkeys"),
    ("realm", "webAuthnPolicyPasswordlessResidentKey", "webAuthnPolicyPasswordlessRequireResidentKey says it"),
    ("realm", "webAuthnPolicyResidentKey", "webAuthnPolicyRequireResidentKey says it"),
];

/// Leaves that follow others on Keycloak 26.0 only: a client's logout channel follows its protocol.
const FOLLOWS_26_0: &[(&str, &str)] = &[("client", "frontchannelLogout")];

impl Story {
    /// What this server has room for.
    pub fn samples(&self) -> Vec<&'static Sample> {
        let is_newer = |sample: &&Sample| {
            let newer = NEWER.iter().find(|(kind, key, _)| *kind == self.kind.name && *key == sample.0);
            newer.is_some_and(|(kind, key, why)| is_26_0(&format!("{key} of a {kind} is left out, {why}")))
        };
        self.samples.iter().filter(|sample| !is_newer(sample)).collect()
    }

    /// Tells it up to the point where all samples have left the file.
    pub fn tell(&self) -> Told<'_> {
        let told = self.tell_changes();
        told.remove();
        told
    }

    /// Tells it up to the point where all samples have changed.
    pub fn tell_changes(&self) -> Told<'_> {
        println!("on Keycloak {}", version());
        let mut project = Project::new(self.realm);
        project.set("FIRST_SECRET", "the-first-secret");
        project.set("SECOND_SECRET", "the-second-secret");
        project.apply();
        let told = Told { admin: project.admin(), project, story: self };
        neighbours(&told.admin);
        (self.by_hand)(&told.admin);
        told.create();
        told.change();
        told
    }

    fn toml(&self, values: &dyn Fn(usize, &Sample) -> Option<&'static str>) -> String {
        let header = if self.table.is_empty() { String::new() } else { format!("[{}]\n", self.table) };
        let samples = self.samples().into_iter().enumerate();
        let lines = samples.filter_map(|(i, sample)| Some(format!("{} = {}\n", sample.0, values(i, sample)?)));
        self.with_others(&format!("{header}{}\n{}", self.fixed, lines.collect::<String>()))
    }

    /// Settings of the realm come before every table.
    fn with_others(&self, text: &str) -> String {
        if self.table.is_empty() { format!("{text}{}", self.others) } else { format!("{}\n{text}", self.others) }
    }
}

/// A story under way.
pub struct Told<'a> {
    pub story: &'a Story,
    pub project: Project,
    pub admin: Admin,
}

impl Told<'_> {
    /// The object's address, as far as defaults depend on it.
    fn address(&self) -> Address {
        let (realm, table) = (Address::realm(self.story.realm), self.story.table);
        match toml_edit::Key::parse(table).ok().as_deref() {
            Some([.., name]) => realm.child(self.story.kind, name.get()),
            _ => realm,
        }
    }

    fn raw(&self) -> Value {
        (self.story.raw)(&self.admin)
    }

    /// The neighbours; a document that holds the object is none of its own.
    fn around(&self) -> Vec<(String, String)> {
        let own: &[&str] = match self.story.kind.name {
            "realm" => &["", "default-groups", ORGANIZATION],
            "user profile attribute" | "user profile group" => &["users/profile"],
            "client profile" => &["client-policies/profiles"],
            "client policy" => &["client-policies/policies"],
            _ => &[],
        };
        // An attribute's default value shows with every user.
        let shows_with_users = self.story.kind.name == "user profile attribute";
        let is_own = |path: &str| own.contains(&path) || (shows_with_users && path.starts_with("users/"));
        watch(&self.admin).into_iter().filter(|(path, _)| !is_own(path)).collect()
    }

    fn create(&self) {
        self.project.write_realm(&self.story.toml(&|_, sample| Some(sample.1)));
        let before = self.around();
        self.project.apply();
        assert_eq!(self.around(), before, "creating touched a neighbour");
        (self.story.by_hand)(&self.admin);
        self.project.assert_empty_plan();
    }

    fn change(&self) {
        let around = self.around();
        for first in (0..self.story.samples().len()).step_by(self.story.at_once) {
            let end = first + self.story.at_once;
            let now = self.story.toml(&|i, sample| Some(if i < end { sample.2 } else { sample.1 }));
            assert_eq!(self.step(&now, first, end, &around), end.min(self.story.samples().len()) - first, "{now}");
        }
    }

    fn remove(&self) {
        let around = self.around();
        // A field that is reset is written like one that changes, so that several may go at once.
        let at_once = self.story.at_once.max(10);
        for first in (0..self.story.samples().len()).step_by(at_once) {
            let end = first + at_once;
            self.step(&self.story.toml(&|i, sample| (i >= end).then_some(sample.2)), first, end, &around);
            let raw = self.raw();
            let gone = self.story.samples().into_iter().take(end).skip(first);
            gone.for_each(|sample| self.is_reset(&raw, sample.0));
        }
    }

    /// Applies a file in which the samples of a range differ, and answers how many leaves were planned. What is around stays
    /// as it is.
    fn step(&self, toml: &str, first: usize, end: usize, around: &[(String, String)]) -> usize {
        self.project.write_realm(toml);
        let keys: BTreeSet<&str> =
            self.story.samples().into_iter().take(end).skip(first).map(|sample| sample.0).collect();
        let planned = self.planned();
        assert!(planned.iter().all(|leaf| keys.contains(&**leaf)), "{planned:?}, not {keys:?}\n{toml}");
        let before = self.raw();
        self.project.apply();
        let changed = difference(&before, &self.raw());
        let stray: Vec<&String> = changed.iter().filter(|leaf| !self.may_change(leaf, &keys)).collect();
        assert!(stray.is_empty(), "changing {keys:?} changed {stray:?}");
        assert_eq!(self.around(), around, "changing {keys:?} touched a neighbour");
        planned.len()
    }

    /// The leaves that the plan changes; anything else in the plan fails.
    fn planned(&self) -> BTreeSet<String> {
        let plan = self.project.plan();
        let changes = plan["realms"][self.story.realm]["changes"].as_array().unwrap();
        assert!(changes.len() <= 1, "one object changes: {changes:#?}");
        let fields = changes.iter().flat_map(|change| change["fields"].as_array().unwrap());
        fields.map(|field| serde_json::from_value::<FieldPath>(field["path"].clone()).unwrap().to_string()).collect()
    }

    fn may_change(&self, leaf: &str, keys: &BTreeSet<&str>) -> bool {
        let is_within = |key: &str| leaf.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let of_kind = |(kind, leaf): &(&str, &'static str)| (*kind == self.story.kind.name).then_some(*leaf);
        let older = FOLLOWS_26_0.iter().filter_map(of_kind);
        let follows = keys.iter().copied().chain(self.story.follows.iter().copied()).any(is_within);
        follows || older.into_iter().any(is_within) && is_26_0("a leaf follows another")
    }

    /// A leaf that left the file has its default, or says as little as none, unless there is no object without it.
    fn is_reset(&self, raw: &Value, key: &str) {
        let keys = toml_edit::Key::parse(key).unwrap();
        let path = FieldPath::new(keys.iter().map(toml_edit::Key::get));
        if self.story.kind.needs(&path) {
            return;
        }
        let live = path.parts().fold(raw, |value, key| &value[key]);
        let default = default_of(&self.address(), &path).filter(|it| !says_nothing(it));
        let is_default = default.as_ref().is_some_and(|it| normal(it) == normal(live));
        assert!(is_default || (default.is_none() && says_nothing(live)), "{key} is {live}, its default is {default:?}");
    }

    /// Renames the object: it is the same one afterwards, with all that it had. `table` is its new header.
    pub fn rename(&self, table: &str, from: &str, raw: impl Fn(&Admin) -> Value) {
        let lifecycle = format!("lifecycle.renamedFrom = {}\n", json!(from));
        let fixed = self.story.fixed;
        let before = self.raw();
        self.project.write_realm(&self.story.with_others(&format!("[{table}]\n{lifecycle}{fixed}")));
        let around = watch(&self.admin);
        let planned = self.project.changes();
        assert!(planned.len() == 1 && planned[0].starts_with("rename "), "{planned:?}");
        self.project.apply();
        assert_eq!(watch(&self.admin), around, "renaming touched a neighbour");
        let changed = difference(&before, &raw(&self.admin));
        let names = BTreeSet::from(["name", "clientId", "path", "alias", "username"]);
        let stray: Vec<&String> = changed.iter().filter(|leaf| !self.may_change(leaf, &names)).collect();
        assert!(stray.is_empty(), "renaming changed {stray:?}");
    }

    /// Takes the object out of the file; `gone` asks for it by hand.
    pub fn delete(&self, consent: &[&str], gone: impl Fn(&Admin) -> bool) {
        self.project.write_realm(self.story.others);
        let around = self.around();
        self.project.apply_with(consent);
        assert!(gone(&self.admin));
        assert_eq!(self.around(), around, "deleting touched a neighbour");
    }
}

/// A field of the kind without a sample is a field that nobody tried.
pub fn covers(kind: &Kind, stories: &[&Story]) {
    let fixed = |field: &str| {
        stories.iter().any(|story| story.fixed.lines().any(|line| line.split([' ', '.']).next() == Some(field)))
    };
    for field in kind.fields {
        let sampled = stories.iter().flat_map(|story| story.samples).any(|sample| top(sample.0) == field.name);
        let tried = match field.write {
            _ if field.name == ANY => true,
            Write::Server => true,
            Write::CreateOnly => fixed(field.name),
            Write::Body | Write::CreateThenLink | Write::Link => sampled,
        };
        assert!(tried, "{} of a {} has no sample", field.name, kind.name);
    }
    for sample in stories.iter().flat_map(|story| story.samples) {
        assert!(kind.field(top(sample.0)).is_some(), "{} is no field", sample.0);
        assert_ne!(sample.1, sample.2, "{}", sample.0);
    }
}

fn top(key: &str) -> &str {
    key.split('.').next().unwrap()
}

/// One object of every kind that no file knows.
fn neighbours(admin: &Admin) {
    let mapper = |name: &str| {
        json!({"name": name, "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper",
               "config": {"claim.name": name, "claim.value": "x", "access.token.claim": "true"}})
    };
    admin.post("roles", &json!({"name": "hand", "description": "by hand", "attributes": {"a": ["1", "2"]}}));
    admin.post(
        "client-scopes",
        &json!({"name": "hand", "protocol": "openid-connect", "attributes": {"x": "y"}, "protocolMappers": [mapper("hand")]}),
    );
    admin.post("groups", &json!({"name": "hand", "attributes": {"a": ["1"]}}));
    let group = admin.id("groups", "name", "hand");
    admin.post(&format!("groups/{group}/children"), &json!({"name": "below"}));
    let role = admin.get("roles/hand");
    admin.post(&format!("groups/{group}/role-mappings/realm"), &json!([role]));
    admin.post(
        "clients",
        &json!({"clientId": "hand", "secret": "by-hand", "serviceAccountsEnabled": true, "redirectUris": ["https://hand/*"],
                "attributes": {"x": "y"}, "protocolMappers": [mapper("hand")]}),
    );
    admin.post(&format!("clients/{}/roles", admin.client("hand")), &json!({"name": "hand"}));
    admin.post("clients", &protected());
    admin.post(
        "identity-provider/instances",
        &json!({"alias": "hand", "providerId": "oidc", "config": {"clientId": "x", "clientSecret": "y",
                "authorizationUrl": "https://hand.example/a", "tokenUrl": "https://hand.example/t"}}),
    );
    admin.post(
        "identity-provider/instances/hand/mappers",
        &json!({"name": "hand", "identityProviderAlias": "hand", "identityProviderMapper": "hardcoded-attribute-idp-mapper",
                "config": {"attribute": "a", "attribute.value": "b", "syncMode": "INHERIT"}}),
    );
    let component = |provider_type: &str, provider: &str, config: Value| json!({"name": "hand", "providerType": provider_type, "providerId": provider, "config": config, "subType": "anonymous"});
    for component in [
        component("org.keycloak.keys.KeyProvider", "aes-generated", json!({"priority": ["1"]})),
        component(
            "org.keycloak.storage.UserStorageProvider",
            "ldap",
            json!({"enabled": ["false"], "editMode": ["READ_ONLY"], "connectionUrl": ["ldap://hand.example"], "vendor": ["other"],
                   "usernameLDAPAttribute": ["uid"], "rdnLDAPAttribute": ["uid"], "uuidLDAPAttribute": ["entryUUID"]}),
        ),
        component(
            "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy",
            "max-clients",
            json!({"max-clients": ["7"]}),
        ),
    ] {
        admin.post("components", &component);
    }
    // Without an address, by which the server would call the user once a realm says that these are usernames.
    admin.post(
        "users",
        &json!({"username": "hand", "enabled": true, "lastName": "Hand", "groups": ["/hand"], "requiredActions": ["VERIFY_EMAIL"],
                "credentials": [{"type": "password", "value": "by-hand"}]}),
    );
    let user = admin.id("users", "username", "hand");
    admin.post(&format!("users/{user}/role-mappings/realm"), &json!([role]));
    admin.post("localization/hand", &json!({"hand": "by hand"}));
    let mut profile = admin.get("users/profile");
    profile["attributes"].as_array_mut().unwrap().push(json!({"name": "hand", "annotations": {"a": {"b": 1}}}));
    profile["groups"].as_array_mut().unwrap().push(json!({"name": "hand", "displayHeader": "By hand"}));
    admin.put("users/profile", &profile);
    let executor = json!({"executor": "secure-session", "configuration": {}});
    admin.put("client-policies/profiles", &json!({"profiles": [{"name": "hand", "executors": [executor]}]}));
    let policy = json!({"name": "hand", "conditions": [{"condition": "any-client"}], "profiles": ["hand"]});
    admin.put("client-policies/policies", &json!({"policies": [policy]}));
    if admin.status(WORKFLOW) == 200 {
        let steps = json!([{"uses": "disable-user", "after": "9d"}]);
        admin.post("workflows", &json!({"name": "hand", "on": "user-created", "steps": steps}));
    }
    admin.put("", &json!({"organizationsEnabled": true}));
    admin.post(
        "organizations",
        &json!({"name": "Hand", "alias": "hand", "domains": [{"name": "hand.example"}], "attributes": {"a": ["1"]}}),
    );
}

/// The organization and the workflow among them.
const ORGANIZATION: &str = "organizations?q=alias:hand&briefRepresentation=false";
const WORKFLOW: &str = "workflows?search=hand&exact=true";

/// A client with authorization services.
fn protected() -> Value {
    json!({
        "clientId": "protected-by-hand", "serviceAccountsEnabled": true, "authorizationServicesEnabled": true,
        "authorizationSettings": {
            "decisionStrategy": "AFFIRMATIVE", "scopes": [{"name": "hand"}],
            "resources": [{"name": "hand", "uris": ["/hand"], "scopes": [{"name": "hand"}]}],
            "policies": [
                {"name": "hand", "type": "role", "config": {"roles": "[{\"id\":\"hand\"}]"}},
                {"name": "hands", "type": "scope", "config": {"scopes": "[\"hand\"]", "applyPolicies": "[\"hand\"]"}},
            ],
        },
    })
}

/// What the server says of them, as it comes; the realm itself is one of the neighbours.
pub fn watch(admin: &Admin) -> Vec<(String, String)> {
    let (client, group) = (admin.client("hand"), admin.id("groups?search=hand&exact=true", "name", "hand"));
    let scope = admin.id("client-scopes", "name", "hand");
    let user = admin.id("users?username=hand&exact=true", "username", "hand");
    let component = |provider: &str| {
        let id = admin.id("components?name=hand", "providerId", provider);
        format!("components/{id}")
    };
    let protected = admin.client("protected-by-hand");
    let paths = [
        format!("clients/{protected}"),
        format!("clients/{protected}/authz/resource-server/settings"),
        String::new(),
        "roles/hand".into(),
        "roles/hand/composites".into(),
        format!("groups/{group}"),
        format!("groups/{group}/children"),
        format!("groups/{group}/role-mappings"),
        format!("client-scopes/{scope}"),
        format!("clients/{client}"),
        format!("clients/{client}/roles"),
        format!("clients/{client}/scope-mappings"),
        "identity-provider/instances/hand".into(),
        "identity-provider/instances/hand/mappers".into(),
        component("aes-generated"),
        component("ldap"),
        component("max-clients"),
        "default-groups".into(),
        "authentication/required-actions/VERIFY_EMAIL".into(),
        "localization/hand".into(),
        format!("users/{user}"),
        format!("users/{user}/credentials"),
        format!("users/{user}/role-mappings"),
        format!("users/{user}/groups"),
        "users/profile".into(),
        "client-policies/profiles".into(),
        "client-policies/policies".into(),
        ORGANIZATION.into(),
        WORKFLOW.into(),
    ];
    let text = |path: &str| {
        // The realm's own story switches organizations off, and an older server has no workflows.
        if [ORGANIZATION, WORKFLOW].contains(&path) && admin.status(path) == 404 {
            return String::new();
        }
        if path.starts_with("clients/") {
            // The lists of scopes, and those of authorization settings, have no order.
            return normal(&admin.get(path)).to_string();
        }
        if !path.is_empty() {
            return admin.text(path);
        }
        // These are shown with the realm, too.
        let mut realm = admin.get(path);
        for list in ["clientProfiles", "clientPolicies"] {
            realm[list] = Value::Null;
        }
        realm.to_string()
    };
    paths.into_iter().map(|path| (path.clone(), text(&path))).collect()
}

/// The leaves that two answers differ in, as dotted paths. Lists are sets here.
fn difference(before: &Value, after: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    compare(&FieldPath::new([]), before, after, &mut found);
    found
}

fn compare(path: &FieldPath, before: &Value, after: &Value, found: &mut BTreeSet<String>) {
    if normal(before) == normal(after) {
        return;
    }
    let (Value::Object(a), Value::Object(b)) = (before, after) else {
        found.insert(path.to_string());
        return;
    };
    for key in a.keys().chain(b.keys()) {
        let path = path.child(key);
        compare(&path, &before[key], &after[key], found);
    }
}

fn normal(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(normal).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(table) => {
            let entries = table.iter().filter(|(_, value)| !is_empty(value));
            entries.map(|(key, value)| (key.clone(), normal(value))).collect()
        }
        _ if is_empty(value) => Value::Null,
        _ => value.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(table) => table.values().all(is_empty),
        _ => false,
    }
}

fn says_nothing(value: &Value) -> bool {
    is_empty(value) || *value == json!(false) || *value == json!(0)
}
