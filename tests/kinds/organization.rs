//! Organizations: their members stay, and what only one may have changes hands.

use realmform::model::kinds::ORGANIZATION;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::browser::Browser;
use crate::support::project::Project;
use crate::support::{access, is_26_0};

const PROVIDER: &str = "providerId = \"oidc\"\nconfig = { clientId = \"x\", authorizationUrl = \"https://u.example/a\", tokenUrl = \"https://u.example/t\" }\n";

const STORY: Story = Story {
    realm: "kinds-organization",
    kind: &ORGANIZATION,
    table: "organizations.acme",
    fixed: "",
    samples: &[
        ("name", "\"ACME\"", "\"ACME Inc.\""),
        ("enabled", "true", "false"),
        ("description", "\"Anvils\"", "\"Rockets\""),
        ("redirectUrl", "\"https://acme.example\"", "\"https://acme.example/in\""),
        (
            "domains",
            "[\"ACME.example\"]",
            "[\"*.acme.org\", { name = \"acme.example\", verified = true }, { name = \"acme.com\" }]",
        ),
        ("attributes.a", "[\"2\", \"1\"]", "\"3\""),
        ("attributes.\"b.c\"", "\"x\"", "[\"x\", \"y\"]"),
        ("identityProviders", "[\"upstream\"]", "[\"uphill\"]"),
    ],
    at_once: 1,
    others: "[identityProviders.upstream]\nproviderId = \"oidc\"\nconfig = { clientId = \"x\", authorizationUrl = \"https://u.example/a\", tokenUrl = \"https://u.example/t\" }\n[identityProviders.uphill]\nproviderId = \"oidc\"\nconfig = { clientId = \"x\", authorizationUrl = \"https://u.example/a\", tokenUrl = \"https://u.example/t\" }\n",
    by_hand: |admin| {
        if !aliases(admin).contains(&"acme".to_owned()) {
            return;
        }
        let path = format!("organizations/{}", id(admin, "acme"));
        let mut organization = admin.get(&path);
        organization["attributes"]["byHand"] = json!(["x"]);
        admin.put(&path, &organization);
        if admin.get(&format!("{path}/members")) == json!([]) {
            admin.post("users", &json!({"username": "ann", "enabled": true}));
            admin.post(&format!("{path}/members"), &json!(admin.id("users", "username", "ann")));
            if !is_26_0("organizations have no groups") {
                admin.post(&format!("{path}/groups"), &json!({"name": "by hand"}));
            }
        }
    },
    raw: |admin| raw(admin, "acme"),
    follows: &[],
};

#[test]
fn life_of_an_organization() {
    covers(&ORGANIZATION, &[&STORY]);
    let of_old = Story { fixed: "domains = [\"acme.example\"]\n", ..STORY };
    let told = if is_26_0("an organization has a domain") { of_old.tell() } else { STORY.tell() };
    // Its memberships go with it, so it takes consent.
    told.project.write_realm(STORY.others);
    let refused = told.project.run(&["plan"]);
    assert_eq!(refused.status, 4, "{}", refused.stdout);
    told.delete(&["--allow-destroy", "kinds-organization/organizations/acme"], |admin| aliases(admin) == ["hand"]);
}

/// The realm's switch, its providers and its organizations, all new; then what only one may have changes hands, also
/// with an organization that goes; then the files fall silent.
#[test]
fn what_only_one_may_have_changes_hands() {
    let project = Project::new("kinds-organizations");
    let admin = project.admin();
    project.apply();
    let file = |organizations: &str| {
        let providers = ["a", "b", "c"].map(|alias| format!("[identityProviders.{alias}]\n{PROVIDER}")).concat();
        project.write_realm(&format!("organizationsEnabled = true\n{organizations}\n{providers}"));
    };
    file(
        "[organizations.one]\nname = \"First\"\ndomains = [\"one.example\", \"shared.example\"]\nidentityProviders = [\"a\", \"b\"]\n\
         [organizations.two]\ndomains = [\"two.example\"]\nidentityProviders = [\"c\"]\n",
    );
    project.apply();
    file(
        "[organizations.one]\ndomains = [\"one.example\"]\nidentityProviders = [\"a\"]\n\
         [organizations.two]\nname = \"First\"\ndomains = [\"two.example\", \"shared.example\"]\nidentityProviders = [\"b\", \"c\"]\n",
    );
    project.apply();
    assert_eq!(raw(&admin, "two")["domains"].as_array().unwrap().len(), 2);
    // An alias never changes: another one is another organization, with what the first one had.
    file(
        "[organizations.one]\ndomains = [\"one.example\"]\nidentityProviders = [\"a\"]\n\
         [organizations.new]\nname = \"First\"\ndomains = [\"two.example\", \"shared.example\"]\nidentityProviders = [\"b\", \"c\"]\n",
    );
    project.apply_with(&["--allow-destroy", "kinds-organizations/organizations/two"]);
    assert_eq!(aliases(&admin), ["new", "one"]);
    assert_eq!(raw(&admin, "new")["identityProviders"], json!(["b", "c"]));
    // A linked provider can go.
    project.write_realm(&format!(
        "organizationsEnabled = true\n[organizations.one]\ndomains = [\"one.example\"]\nidentityProviders = []\n[identityProviders.b]\n{PROVIDER}"
    ));
    let gone = ["organizations/new", "identityProviders/a", "identityProviders/c"];
    let consent = gone.map(|address| format!("kinds-organizations/{address}"));
    let consent: Vec<&str> = consent.iter().flat_map(|address| ["--allow-destroy", address]).collect();
    project.apply_with(&consent);
    assert_eq!(aliases(&admin), ["one"]);
    // The switch goes last: a realm that hides its organizations would say that there is nothing to delete.
    project.write_realm("");
    let gone = ["organizations/one", "identityProviders/b"];
    let consent = gone.map(|address| format!("kinds-organizations/{address}"));
    project.apply_with(&["--allow-destroy", &consent[0], "--allow-destroy", &consent[1]]);
    admin.put("", &json!({"organizationsEnabled": true}));
    assert_eq!(admin.get("organizations"), json!([]));
}

/// A managed member came with a log-in through one of the organization's providers; the other one was added.
#[test]
fn members_stay() {
    let (mut project, upstream) = (Project::new("kinds-organization-members"), "kinds-organization-upstream");
    project.set("SECRET", "upstream");
    let admin = project.admin();
    let url = &access().http_url;
    let oidc = format!("{url}/realms/{upstream}/protocol/openid-connect");
    let provider = format!(
        "[identityProviders.up]\nproviderId = \"oidc\"\ntrustEmail = true\nconfig = {{ clientId = \"broker\", clientSecret = {{ env = \"SECRET\" }}, \
         authorizationUrl = \"{oidc}/auth\", tokenUrl = \"{oidc}/token\", defaultScope = \"openid email profile\", syncMode = \"IMPORT\" }}\n\
         [clients.shop]\nredirectUris = [\"https://shop.example/*\"]\nsecret = {{ env = \"SECRET\" }}\n"
    );
    let file = |fields: &str, domains: &str| {
        project.write_realm(&format!(
            "organizationsEnabled = true\n[organizations.acme]\nidentityProviders = [\"up\"]\ndomains = [{domains}]\n{fields}{provider}"
        ));
    };
    file("", "\"acme.example\"");
    project.apply();
    let path = format!("organizations/{}", id(&admin, "acme"));
    admin.post("users", &json!({"username": "ann", "enabled": true}));
    admin.post(&format!("{path}/members"), &json!(admin.id("users", "username", "ann")));
    Admin::of(upstream).delete_if_there("");
    let user = json!({"username": "bob", "enabled": true, "email": "bob@acme.example", "firstName": "B", "lastName": "B",
                      "emailVerified": true, "credentials": [{"type": "password", "value": "pass word"}]});
    admin.post_realm(&json!({"realm": upstream, "enabled": true, "users": [user],
                             "clients": [{"clientId": "broker", "secret": "upstream", "redirectUris": [format!("{url}/*")]}]}));
    sign_in_through("up", &format!("{url}/realms/{}", project.realm));
    let members = admin.text(&format!("{path}/members"));
    assert!(members.contains("\"MANAGED\"") && members.contains("\"UNMANAGED\""), "{members}");
    let no_domain = if is_26_0("an organization has a domain") { "\"acme.org\"" } else { "" };
    for (fields, domains) in [
        ("name = \"ACME\"\nattributes.a = \"b\"\n", "\"acme.example\", \"acme.org\""),
        ("redirectUrl = \"https://acme.example\"\n", no_domain),
        ("", "\"acme.org\""),
    ] {
        file(fields, domains);
        project.apply();
        assert_eq!(admin.text(&format!("{path}/members")), members, "{fields}");
    }
    Admin::of(upstream).delete("");
}

/// A first log-in of `bob` at another realm. A browser for each, since both call their cookies the same.
fn sign_in_through(provider: &str, realm: &str) {
    let (here, there) = (Browser::new(), Browser::new());
    let mut next = format!(
        "{realm}/protocol/openid-connect/auth?client_id=shop&response_type=code&scope=openid\
         &redirect_uri=https%3A%2F%2Fshop.example%2Fback&kc_idp_hint={provider}"
    );
    while !next.contains("client_id=broker") {
        next = here.get(&next).next;
    }
    next = there.post(&there.get(&next).form(), &[("username", "bob"), ("password", "pass word")]).next;
    while !next.starts_with("https://shop.example/back") {
        assert!(!next.is_empty(), "the log-in stays where it is");
        next = here.get(&next).next;
    }
    assert!(next.contains("code="), "{next}");
}

/// The server keeps what it hides: what is declared again is there already, with its members.
#[test]
fn what_was_hidden_is_found_again() {
    let project = Project::new("kinds-organization-hidden");
    let admin = project.admin();
    let file = |more: &str, of_provider: &str| {
        let provider = format!("[identityProviders.up]\n{of_provider}{PROVIDER}");
        project.write_realm(&format!(
            "organizationsEnabled = true\n[organizations.acme]\ndomains = [\"acme.example\"]\n{more}{provider}"
        ));
    };
    file("identityProviders = [\"up\"]\n", "");
    project.apply();
    let before = id(&admin, "acme");
    admin.put("", &json!({"organizationsEnabled": false}));
    // A provider shows itself disabled meanwhile, and would stay so if it were sent back.
    assert_eq!(admin.get("identity-provider/instances/up")["enabled"], false, "what the server shows has changed");
    file("description = \"Anvils\"\nidentityProviders = [\"up\"]\n", "displayName = \"Up\"\n");
    assert_eq!(
        project.changes(),
        [
            "update : organizationsEnabled (unexplained)",
            "update identityProviders/up: displayName (edit)",
            "create organizations/acme: description (edit), domains (drift), identityProviders (drift)"
        ]
    );
    project.apply();
    assert_eq!((id(&admin, "acme"), &raw(&admin, "acme")["description"]), (before, &json!("Anvils")));
    let up = admin.get("identity-provider/instances/up");
    assert_eq!((&up["displayName"], &up["enabled"]), (&json!("Up"), &json!(true)));
}

/// The server shows a provider disabled while its organization is, and would keep it so if it were sent back.
#[test]
fn providers_of_a_disabled_organization_stay_as_they_are() {
    let project = Project::new("kinds-organization-disabled");
    let admin = project.admin();
    let file = |enabled: bool, more: &str| {
        project.write_realm(&format!(
            "organizationsEnabled = true\n[organizations.acme]\ndomains = [\"acme.example\"]\nenabled = {enabled}\nidentityProviders = [\"a\", \"b\", \"c\"]\n\
             [identityProviders.a]\n{more}{PROVIDER}[identityProviders.b]\nenabled = true\n{more}{PROVIDER}\
             [identityProviders.c]\nenabled = false\n{more}{PROVIDER}"
        ));
    };
    let enabled =
        || ["a", "b", "c"].map(|alias| admin.get(&format!("identity-provider/instances/{alias}"))["enabled"] == true);
    file(true, "");
    project.apply();
    file(false, "");
    project.apply();
    assert_eq!(enabled(), [false, false, false], "what the server shows has changed");
    file(false, "displayName = \"X\"\n");
    project.apply();
    file(true, "displayName = \"X\"\n");
    project.apply();
    assert_eq!(enabled(), [true, true, false]);
}

/// The server answers ten at a time unless it is asked for more.
#[test]
fn many_are_found() {
    let project = Project::new("kinds-organization-many");
    let organizations = (0..45).map(|i| format!("[organizations.o{i}]\ndomains = [\"o{i}.example\"]\n"));
    let organizations: String = organizations.collect();
    project.write_realm(&format!("organizationsEnabled = true\n{organizations}"));
    project.apply();
    let admin = project.admin();
    assert_eq!(admin.get("organizations?max=100").as_array().unwrap().len(), 45);
    admin.post("organizations", &json!({"name": "by hand", "alias": "hand", "domains": [{"name": "hand.example"}]}));
    project.assert_empty_plan();
    project
        .write_realm(&format!("organizationsEnabled = true\nprune = {{ organizations = \"all\" }}\n{organizations}"));
    assert_eq!(project.changes(), ["delete organizations/hand"]);
}

#[test]
fn what_cannot_be_is_said() {
    let project = Project::new("kinds-organization-errors");
    let refused = |file: &str, words: &str| {
        project.write_realm(file);
        let refused = project.run(&["plan"]);
        assert_eq!(refused.status, 1, "{}\n{}", refused.stdout, refused.stderr);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert!(refused.stderr.contains("kinds-organization-errors/realm.toml:"), "{}", refused.stderr);
    };
    refused("[organizations.\"Big Co\"]\n", "`Big Co` can be no alias of an organization");
    refused(
        "organizationsEnabled = false\n[organizations.a]\n",
        "the realm switches organizations off, and the files declare some",
    );
    refused("[organizations.a]\nname = \"b\"\n[organizations.b]\n", "two organizations have the name `b`");
    refused(
        "[organizations.a]\ndomains = [\"X.example\"]\n[organizations.b]\ndomains = [{ name = \"x.example\" }]\n",
        "two organizations have the domain `x.example`",
    );
    refused("[organizations.a]\ndomains = [{ verified = true }]\n", "expected a domain, or { name = …, verified = … }");
    refused(
        "organizationsEnabled = true\n[organizations.a]\nidentityProviders = [\"okto\"]\n[identityProviders.okta]\nproviderId = \"saml\"\n",
        "did you mean `okta`?",
    );
    refused(
        "organizationsEnabled = true\n[organizations.b]\nlifecycle.renamedFrom = \"a\"\n",
        "the server cannot rename an organization",
    );
    // Nothing declares the switch, and it is off.
    refused("[organizations.a]\n", "organizations are switched off in the realm kinds-organization-errors");
    project.write_realm("");
    project.apply();
    refused("[organizations.a]\n", "organizations are switched off in the realm kinds-organization-errors");
    // Somebody else may have switched them on.
    project.admin().put("", &json!({"organizationsEnabled": true}));
    project.write_realm("[organizations.a]\ndomains = [\"a.example\"]\n");
    project.apply();
}

fn aliases(admin: &Admin) -> Vec<String> {
    let all = admin.get("organizations?max=100");
    let mut aliases: Vec<String> =
        all.as_array().unwrap().iter().map(|it| it["alias"].as_str().unwrap().to_owned()).collect();
    aliases.sort();
    aliases
}

fn id(admin: &Admin, alias: &str) -> String {
    admin.id(&format!("organizations?q=alias:{alias}"), "alias", alias)
}

fn raw(admin: &Admin, alias: &str) -> Value {
    let path = format!("organizations/{}", id(admin, alias));
    let mut organization = admin.get(&path);
    let lists = if is_26_0("organizations have no groups") { &["members"][..] } else { &["members", "groups"] };
    for list in lists {
        organization[list] = admin.get(&format!("{path}/{list}"));
    }
    let linked = admin.get(&format!("{path}/identity-providers"));
    let mut linked: Vec<&str> = linked.as_array().unwrap().iter().map(|it| it["alias"].as_str().unwrap()).collect();
    linked.sort_unstable();
    organization["identityProviders"] = json!(linked);
    organization
}
