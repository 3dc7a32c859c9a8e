//! What people and programs see.

mod markdown;

use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use super::{json as for_programs, text};
use crate::diff::testing::Scene;
use crate::plan::explain::Explanations;
use crate::plan::{Plan, Policy, Refusal, plan};

fn planned(scene: &Scene) -> Plan {
    plan(scene.diff(), &Policy { limit_deletes: false, ..Policy::default() }).unwrap()
}

fn shown(scene: &Scene) -> String {
    text::plan(&planned(scene), &Explanations::default(), text::Options::default())
}

fn refused(scene: &Scene) -> Refusal {
    plan(scene.diff(), &Policy::default()).unwrap_err()
}

/// A realm in which everything happens that can happen.
fn busy() -> Scene {
    let entra = json!({"config": {"clientSecret": {"env": "ENTRA_SECRET"}, "issuer": "https://login.example"}});
    let masked = json!({"config": {"clientSecret": "**********", "issuer": "https://login.example"}});
    Scene::new()
        .settled("", &json!({"displayName": "ACME", "accessTokenLifespan": 300}))
        .has("", &json!({"displayName": "Acme Inc.", "accessTokenLifespan": 600}))
        .wants("", &json!({"displayName": "ACME", "accessTokenLifespan": 900}))
        .wants(
            "clients/shop",
            &json!({
                "redirectUris": ["https://shop.example/*", "http://localhost:3000/*"],
                "secret": {"env": "SHOP_SECRET"},
                "standardFlowEnabled": true,
            }),
        )
        .wants("clients/shop/protocolMappers/tenant", &json!({"config": {"claim.name": "tenant"}}))
        .settled("clients/portal", &json!({"name": "Portal", "redirectUris": ["a", "b", "c"], "description": "x"}))
        .has(
            "clients/portal",
            &json!({"name": "Portal", "redirectUris": ["d", "c", "b"], "description": "x", "baseUrl": "/old"}),
        )
        .applied(
            "clients/portal",
            &json!({"name": "Portal", "redirectUris": ["d", "c", "b"], "description": "x", "baseUrl": "/"}),
        )
        .wants("roles/chief", &json!({"description": "Runs it"}))
        .renamed("roles/chief", "admin")
        .has("roles/admin", &json!({"description": "Runs it"}))
        .settled("identityProviders/entra", &entra)
        .has("identityProviders/entra", &masked)
        .fingerprint("identityProviders/entra", "config/clientSecret", "older")
        .applied("clients/legacy", &json!({}))
        .has("clients/legacy", &json!({}))
        .has("clients/legacy/roles/by-hand", &json!({}))
        .wants("groups/\"/staff\"", &json!({}))
        .has("groups/\"/staff\"", &json!({}))
        .applied("roles/gone", &json!({}))
}

#[test]
fn everything_at_once() {
    assert_snapshot!(shown(&busy()), @r#"
    ~ realm acme                                                                       acme/realm.toml:1
        ~ accessTokenLifespan: 600 → 900                                         acme/realm.toml:2  both
              applied last: 300
        ~ displayName: "Acme Inc." → "ACME"                                     acme/realm.toml:3  drift

    - client legacy  acme/clients/legacy                                                           prune

    - client role by-hand  acme/clients/legacy/roles/by-hand                                   unmanaged

    ~ client portal  acme/clients/portal                                             acme/clients.toml:1
        - baseUrl: "/old"                                                                          prune
        ~ redirectUris:                                                        acme/clients.toml:4  edit
            + "a"
            - "d"
              (2 unchanged)
          (2 unchanged)

    + client shop  acme/clients/shop                                                 acme/clients.toml:1
        + redirectUris:                                                              acme/clients.toml:2
            + "http://localhost:3000/*"
            + "https://shop.example/*"
        + secret: (secret, env SHOP_SECRET)                                          acme/clients.toml:3
        + standardFlowEnabled: true                                                  acme/clients.toml:4

    + protocol mapper tenant  acme/clients/shop/protocolMappers/tenant               acme/clients.toml:1
        + config."claim.name": "tenant"                                              acme/clients.toml:2

    ~ identity provider entra  acme/identityProviders/entra                acme/identityProviders.toml:1
        ~ config.clientSecret: secret changed (env ENTRA_SECRET)     acme/identityProviders.toml:2  edit
          (1 unchanged)

    ~ role chief, renamed from admin  acme/roles/chief                                 acme/roles.toml:1
          (1 unchanged)

    Plan: 2 to create, 3 to update, 1 to rename, 2 to delete. 1 to adopt, 1 to forget: the record only.
    "#);
}

#[test]
fn verbose_hides_nothing() {
    let options = text::Options { verbose: true, ..text::Options::default() };
    let scene = Scene::new()
        .wants("roles/r", &json!({"description": "long ".repeat(30)}))
        .has("roles/adopted", &json!({}))
        .wants("roles/adopted", &json!({}))
        .applied("roles/forgotten", &json!({}));
    assert_snapshot!(text::plan(&planned(&scene), &Explanations::default(), options), @r#"
    + role r  acme/roles/r                                                             acme/roles.toml:1
        + description: "long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long "  acme/roles.toml:2

      adopt acme
      adopt acme/roles/adopted

      forget acme/roles/forgotten

    Plan: 1 to create, 0 to update, 0 to rename, 0 to delete. 2 to adopt, 1 to forget: the record only.
    "#);
}

#[test]
fn long_and_wide_values() {
    let certificate = format!("MIIC{}", "QWxhZGRpbjpvcGVuIHNlc2FtZQ".repeat(30));
    let page = "<h1>\n  Welcome\n</h1>\n<p>one</p>\n<p>two</p>\n<p>three</p>\n";
    let scene = Scene::new()
        .wants(
            "",
            &json!({
                "displayNameHtml": page.replace("one", "uno"),
                "attributes": {"acr.loa.map": r#"{"silver":1,"gold":2}"#, "certificate": certificate},
                "webAuthnPolicySignatureAlgorithms": ["RS256", "ES256"],
            }),
        )
        .has(
            "",
            &json!({
                "displayNameHtml": page,
                "attributes": {"acr.loa.map": r#"{"silver":1}"#},
                "webAuthnPolicySignatureAlgorithms": ["ES256"],
            }),
        );
    assert_snapshot!(shown(&scene), @r#"
    ~ realm acme                                                                       acme/realm.toml:1
        ~ attributes."acr.loa.map":                                              acme/realm.toml:2  edit
              {
            +   "gold": 2,
                "silver": 1
              }
        + attributes.certificate: "MIICQWxhZGRpbjpvcGVuIHNlc2FtZQQWxhZGRpbjpvcGVuI…vcGVuIHNlc2FtZQ" (786 characters)  acme/realm.toml:3  edit
        ~ displayNameHtml:                                                       acme/realm.toml:4  edit
              (1 unchanged)
                Welcome
              </h1>
            - <p>one</p>
            + <p>uno</p>
              <p>two</p>
              <p>three</p>
        ~ webAuthnPolicySignatureAlgorithms:                                     acme/realm.toml:5  edit
            + "RS256"
              "ES256"

    Plan: 0 to create, 1 to update, 0 to rename, 0 to delete.
    "#);
}

#[test]
fn nothing_to_do() {
    assert_snapshot!(shown(&Scene::new().settle()), @"No changes. acme matches its files.");
    assert_snapshot!(shown(&Scene::new()), @"No changes. acme matches its files. 1 to adopt: the record only.");
    assert_snapshot!(shown(&Scene::empty()), @"No changes.");
    let dropped = Scene::new().applied("", &json!({"displayName": "x"}));
    assert_snapshot!(text::summary(&dropped.diff()), @"No changes. acme matches its files. Only the record is brought up to date.");
}

#[test]
fn nothing_drives_the_terminal() {
    let scene = Scene::new().wants("roles/\"a\\u001b[2Jb\"", &json!({"description": "\u{1b}]0;x\u{7}\u{202e}"}));
    assert_snapshot!(shown(&scene), @r#"
    + role a\u{1b}[2Jb  acme/roles/"a\u001b[2Jb"                                       acme/roles.toml:1
        + description: "\u{1b}]0;x\u{7}\u{202e}"                                       acme/roles.toml:2

    Plan: 1 to create, 0 to update, 0 to rename, 0 to delete. 1 to adopt: the record only.
    "#);
}

#[test]
fn colour_is_an_option() {
    let scene = Scene::new().wants("roles/r", &json!({"description": "x"}));
    let colour = text::Options { color: true, ..text::Options::default() };
    let shown = text::plan(&planned(&scene), &Explanations::default(), colour);
    assert_snapshot!(shown.replace('\u{1b}', "ESC"), @r#"
    ESC[1mESC[32m+ESC[0m ESC[1mESC[32mrole rESC[0m  ESC[2macme/roles/rESC[0m                                                             ESC[2macme/roles.toml:1ESC[0m
        ESC[32m+ESC[0m description: "x"                                                             ESC[2macme/roles.toml:2ESC[0m

    ESC[1mPlan: 1 to create, 0 to update, 0 to rename, 0 to delete. 1 to adopt: the record only.ESC[0m
    "#);
    assert!(!self::shown(&scene).contains('\u{1b}'));
}

#[test]
fn a_refusal_prints_the_plan() {
    let scene = Scene::new()
        .applied("identityProviders/entra", &json!({}))
        .has("identityProviders/entra", &json!({}))
        .wants("identityProviders/okta", &json!({"providerId": "saml"}))
        .has("identityProviders/okta", &json!({"providerId": "oidc"}));
    assert_snapshot!(text::refusal(&refused(&scene), &Explanations::default(), text::Options::default()), @r#"
    - identity provider entra  acme/identityProviders/entra                                        prune

    ~ identity provider okta  acme/identityProviders/okta                  acme/identityProviders.toml:1
        ~ providerId: "oidc" → "saml"                                acme/identityProviders.toml:2  edit

    Plan: 0 to create, 1 to update, 0 to rename, 1 to delete. 1 to adopt: the record only.

    ! Refused:
          deleting identity provider acme/identityProviders/entra deletes data that no file holds
              to allow it: --allow-destroy 'acme/identityProviders/entra'
          providerId of an existing identity provider cannot change        acme/identityProviders.toml:2
              to allow it: put the old value back, or delete acme/identityProviders/okta in one run and declare it anew in the next
    "#);
    let json = for_programs::refusal(&refused(&scene), &[], &Explanations::default());
    assert_snapshot!(format!("{:#}", json["refused"]), @r#"
    [
      {
        "address": "acme/identityProviders/entra",
        "guard": "dataBearing",
        "message": "deleting identity provider acme/identityProviders/entra deletes data that no file holds",
        "origin": null,
        "remedy": "--allow-destroy 'acme/identityProviders/entra'"
      },
      {
        "address": "acme/identityProviders/okta",
        "guard": "createOnly",
        "message": "providerId of an existing identity provider cannot change",
        "origin": {
          "column": 1,
          "file": "acme/identityProviders.toml",
          "line": 2
        },
        "remedy": "put the old value back, or delete acme/identityProviders/okta in one run and declare it anew in the next"
      }
    ]
    "#);
}

#[test]
fn programs_see_the_same() {
    let json = for_programs::plan(&planned(&busy()), &[], &Explanations::default());
    let of = |address: &str| -> Json {
        let changes = json["realms"]["acme"]["changes"].as_array().unwrap();
        changes.iter().find(|change| change["address"] == address).unwrap().clone()
    };
    assert_eq!(json["formatVersion"], 1);
    assert_snapshot!(json["summary"].to_string(), @r#"{"adopt":1,"create":2,"delete":2,"forget":1,"rename":1,"update":3}"#);
    assert_snapshot!(format!("{:#}", of("acme")), @r#"
    {
      "action": "update",
      "address": "acme",
      "fields": [
        {
          "after": {
            "value": 900
          },
          "base": {
            "value": 300
          },
          "before": {
            "value": 600
          },
          "cause": "both",
          "origin": {
            "column": 1,
            "file": "acme/realm.toml",
            "line": 2
          },
          "path": [
            "accessTokenLifespan"
          ]
        },
        {
          "after": {
            "value": "ACME"
          },
          "before": {
            "value": "Acme Inc."
          },
          "cause": "drift",
          "origin": {
            "column": 1,
            "file": "acme/realm.toml",
            "line": 3
          },
          "path": [
            "displayName"
          ]
        }
      ],
      "kind": "realm",
      "origin": {
        "column": 1,
        "file": "acme/realm.toml",
        "line": 1
      },
      "preventDestroy": false,
      "unchanged": 0
    }
    "#);
    assert_snapshot!(format!("{:#}", of("acme/identityProviders/entra")["fields"]), @r#"
    [
      {
        "after": {
          "secret": {
            "env": "ENTRA_SECRET"
          }
        },
        "before": {
          "secret": true
        },
        "cause": "edit",
        "origin": {
          "column": 1,
          "file": "acme/identityProviders.toml",
          "line": 2
        },
        "path": [
          "config",
          "clientSecret"
        ]
      }
    ]
    "#);
    let steps = json["realms"]["acme"]["steps"].as_array().unwrap();
    let told: Vec<String> =
        steps.iter().map(|step| format!("{} {} {}", step["action"], step["address"], step["needs"])).collect();
    assert_snapshot!(told.join("\n"), @r#"
    "update" "acme" []
    "update" "acme/clients/portal" []
    "create" "acme/clients/shop" []
    "update" "acme/identityProviders/entra" []
    "update" "acme/roles/chief" []
    "delete" "acme/clients/legacy" []
    "#);
    assert_snapshot!(steps[2].to_string(), @r#"{"action":"create","address":"acme/clients/shop","carries":["acme/clients/shop/protocolMappers/tenant"],"fields":[["redirectUris"],["secret"],["standardFlowEnabled"]],"needs":[]}"#);
}

#[test]
fn no_secret_is_shown() {
    let mut scene = busy().has("clients/shop", &json!({"secret": "hunter2"}));
    scene.env.insert("SHOP_SECRET", "swordfish");
    let options = text::Options { verbose: true, ..text::Options::default() };
    let all = text::plan(&planned(&scene), &Explanations::default(), options)
        + &for_programs::plan(&planned(&scene), &[], &Explanations::default()).to_string();
    assert!(all.contains("SHOP_SECRET") && !all.contains("hunter2") && !all.contains("swordfish"));
}
