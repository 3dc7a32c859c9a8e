//! Components: their names and their configuration.

use super::*;
use crate::model::kinds;

#[test]
fn configuration_is_texts_and_sets_of_texts() {
    let loaded = loaded(&[(
        "acme/realm.toml",
        r#"
        [userFederation.ldap]
        providerId = "ldap"
        [userFederation.ldap.config]
        priority = 0
        pagination = true
        fullSyncPeriod = "1d"
        changedSyncPeriod = -1
        bindCredential = { env = "BIND" }
        "dotted.key" = { file = "x" }
        one = ["a"]
        many = ["b", "a", 1]
        none = []
        "#,
    )]);
    insta::assert_snapshot!(leaves(&loaded, "acme", "userFederation/ldap"), @r#"
config.bindCredential = Env("BIND")
config.changedSyncPeriod = "-1"
config."dotted.key" = File("x")
config.fullSyncPeriod = "86400"
config.many = ["1","a","b"]
config.none = []
config.one = "a"
config.pagination = "true"
config.priority = "0"
providerId = "ldap"
"#);
}

/// What a file says and what the server answers to it are the same leaves.
#[test]
fn configuration_has_the_form_of_live() {
    let loaded = loaded(&[(
        "acme/keys/a.toml",
        "config = { priority = 100, one = [\"x\"], two = [\"b\", \"a\"], certificate = \"c\" }\n",
    )]);
    let wire = serde_json::json!({
        "config": { "priority": ["100"], "one": ["x"], "two": ["a", "b"], "certificate": ["c"], "empty": [] },
    });
    assert_form_of_live(&loaded, "keys/a", &wire);
}

#[test]
fn masks_and_secrets_are_never_plain() {
    let wire = serde_json::json!({ "config": { "privateKey": ["${vault.key}"], "other": ["**********"] } });
    let live = flatten(&kinds::KEY_PROVIDER, wire.as_object().unwrap().clone());
    // The server looks it up.
    assert_eq!(live[&FieldPath::new(["config", "privateKey"])], LiveValue::Json("${vault.key}".into()));
    assert_eq!(live[&FieldPath::new(["config", "other"])], LiveValue::Masked);
}

#[test]
fn what_cannot_be_said_of_a_component() {
    insta::assert_snapshot!(report(&[(
        "acme/realm.toml",
        r#"
[keys.a]
providerType = "x"
config = { privateKey = "hunter2", keyPassword = ["hunter2"], rsa.size = 1 }
[clientRegistrationPolicies."anonymous/b"]
subType = "anonymous"
"#,
    )]), @r#"
     × `providerType` is the server's own
      ╭─[acme/realm.toml:3:1]
    2 │ [keys.a]
    3 │ providerType = "x"
      · ──────┬─────
      ·       ╰── no file sets this of a key provider
    4 │ config = { privateKey = "***    ", keyPassword = ***        , rsa.size = 1 }
      ╰────
     help: a component's type is said by its collection, or begins its name

     × `config.privateKey` is a secret: it is written as a reference, never as text
      ╭─[acme/realm.toml:4:12]
    3 │ providerType = "x"
    4 │ config = { privateKey = "***    ", keyPassword = ***        , rsa.size = 1 }
      ·            ─────┬────
      ·                 ╰── has the secret itself
    5 │ [clientRegistrationPolicies."anonymous/b"]
      ╰────
     help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
           { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
           kept) or { keep = true } (whatever the server holds); if this was ever committed, replace
           the secret, since git keeps it

     × `config.keyPassword` is a secret: it is written as a reference
      ╭─[acme/realm.toml:4:36]
    3 │ providerType = "x"
    4 │ config = { privateKey = "***    ", keyPassword = ***        , rsa.size = 1 }
      ·                                    ─────┬─────
      ·                                         ╰── expected a reference, found a list
    5 │ [clientRegistrationPolicies."anonymous/b"]
      ╰────
     help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
           { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
           kept) or { keep = true } (whatever the server holds)

     × `config.rsa` has the wrong type
      ╭─[acme/realm.toml:4:63]
    3 │ providerType = "x"
    4 │ config = { privateKey = "***    ", keyPassword = ***        , rsa.size = 1 }
      ·                                                               ─┬─
      ·                                                                ╰── expected text, found a table
    5 │ [clientRegistrationPolicies."anonymous/b"]
      ╰────
     help: a name that holds dots is quoted: "rsa.size"

     × `subType` is the server's own
      ╭─[acme/realm.toml:6:1]
    5 │ [clientRegistrationPolicies."anonymous/b"]
    6 │ subType = "anonymous"
      · ───┬───
      ·    ╰── no file sets this of a client registration policy
      ╰────
     help: whom a policy is for begins its name
    "#);
}

#[test]
fn names_that_no_component_has() {
    insta::assert_snapshot!(report(&[
        (
            "acme/realm.toml",
            r#"
[clientRegistrationPolicies."Trusted Hosts"]
[components.x]
[components."org.keycloak.userprofile.UserProfileProvider/x"]
[components."org.keycloak.keys.KeyProvider/x"]
[components."org.keycloak.storage.ldap.mappers.LDAPStorageMapper/x"]
[components."org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy/x"]
[components."com.acme.Audit/x"]
"#,
        ),
        ("acme/clientRegistrationPolicies/x.toml", "providerId = \"scope\"\n"),
    ]), @r#"
 × `x` does not say whom the policy is for
  ╭─[acme/clientRegistrationPolicies/x.toml:1:1]
1 │ providerId = "scope"
  · ▲
  · ╰── expected "anonymous/<name>" or "authenticated/<name>"
  ╰────

 × `Trusted Hosts` does not say whom the policy is for
  ╭─[acme/realm.toml:2:29]
1 │
2 │ [clientRegistrationPolicies."Trusted Hosts"]
  ·                             ───────┬───────
  ·                                    ╰── expected "anonymous/<name>" or "authenticated/<name>"
3 │ [components.x]
  ╰────

 × `x` does not say what the component is
  ╭─[acme/realm.toml:3:13]
2 │ [clientRegistrationPolicies."Trusted Hosts"]
3 │ [components.x]
  ·             ┬
  ·             ╰── expected "<providerType>/<name>"
4 │ [components."org.keycloak.userprofile.UserProfileProvider/x"]
  ╰────

 × a component of the type org.keycloak.userprofile.UserProfileProvider is written elsewhere
  ╭─[acme/realm.toml:4:13]
3 │ [components.x]
4 │ [components."org.keycloak.userprofile.UserProfileProvider/x"]
  ·             ────────────────────────┬───────────────────────
  ·                                     ╰── in the wrong place
5 │ [components."org.keycloak.keys.KeyProvider/x"]
  ╰────
 help: the user profile is the table [userProfile] of the realm

 × a component of the type org.keycloak.keys.KeyProvider is written elsewhere
  ╭─[acme/realm.toml:5:13]
4 │ [components."org.keycloak.userprofile.UserProfileProvider/x"]
5 │ [components."org.keycloak.keys.KeyProvider/x"]
  ·             ────────────────┬────────────────
  ·                             ╰── in the wrong place
6 │ [components."org.keycloak.storage.ldap.mappers.LDAPStorageMapper/x"]
  ╰────
 help: write [keys."x"]

 × a component of the type org.keycloak.storage.ldap.mappers.LDAPStorageMapper is written
 │ elsewhere
  ╭─[acme/realm.toml:6:13]
5 │ [components."org.keycloak.keys.KeyProvider/x"]
6 │ [components."org.keycloak.storage.ldap.mappers.LDAPStorageMapper/x"]
  ·             ───────────────────────────┬───────────────────────────
  ·                                        ╰── in the wrong place
7 │ [components."org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy/x"]
  ╰────
 help: write [userFederation.<name>.mappers."x"]

 × a component of the type
 │ org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy is written elsewhere
  ╭─[acme/realm.toml:7:13]
6 │ [components."org.keycloak.storage.ldap.mappers.LDAPStorageMapper/x"]
7 │ [components."org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy/x"]
  ·             ──────────────────────────────────────┬─────────────────────────────────────
  ·                                                   ╰── in the wrong place
8 │ [components."com.acme.Audit/x"]
  ╰────
 help: write [clientRegistrationPolicies."<subType>/x"]
"#);
}
