//! A server that runs without what files may need: whoever needs it is told so, with the place; nobody else is.

use realmform::sandbox::Options;
use secrecy::ExposeSecret as _;

use crate::support::run::Project;
use crate::support::{is_26_0, realmform};

/// What each file needs, and on which line.
const FILES: &[(&str, &str, usize)] = &[
    ("organizationsEnabled = true\n[organizations.acme]\n", "organization", 1),
    ("\n[organizations.acme]\n", "organization", 2),
    ("[workflows.leavers]\nsteps = [{ uses = \"disable-user\" }]\n", "workflows", 1),
    ("displayName = \"A\"\n[clientProfiles.strict]\n", "client-policies", 2),
    ("[clientPolicies.strict]\nprofiles = [\"fapi-1-baseline\"]\n", "client-policies", 1),
    ("adminPermissionsEnabled = true\n", "admin-fine-grained-authz:v2", 1),
    ("\nwebAuthnPolicyPasswordlessPasskeysEnabled = true\n", "passkeys", 2),
    ("userManagedAccessAllowed = true\n", "authorization", 1),
    ("[clients.shop]\nserviceAccountsEnabled = true\nauthorization = {}\n", "authorization", 3),
    ("scimApiEnabled = true\n", "scim-api", 1),
    ("verifiableCredentialsEnabled = true\n", "oid4vc-vci", 1),
];

/// One server for all, since it is a build of its own.
#[test]
fn a_feature_that_is_off_is_named_where_it_is_needed() {
    let mut options = Options::new(realmform());
    let off = ["admin-fine-grained-authz", "authorization", "client-policies", "organization", "passkeys", "workflows"];
    options.disabled_features = off.map(str::to_owned).to_vec();
    let server = crate::support::start(options);
    let project = Project::elsewhere("features", server.http_url())
        .env("KEYCLOAK_USER", server.admin_user())
        .env("KEYCLOAK_PASSWORD", server.admin_password().expose_secret());
    // Of a realm that is new, and of one that is there.
    refuse_all(&project);
    project.write_realm(
        "organizationsEnabled = false\nadminPermissionsEnabled = false\nscimApiEnabled = false\n[roles.clerk]\n",
    );
    project.apply();
    project.assert_settled();
    refuse_all(&project);
    // Nobody asks for what no file needs, and an import takes what is there.
    project.write_realm("[roles.clerk]\n");
    let plan = project.run(&["plan", "--requests", "--realm", "features"]);
    assert!(!plan.stderr.contains("serverinfo") && plan.code == Some(0), "{plan:?}");
    let imported = project.run(&["import", "features", "--project", "imported"]);
    assert!(imported.stdout.contains("features: imported, and its plan is empty"), "{imported:?}");
}

fn refuse_all(project: &Project) {
    for (file, feature, line) in FILES {
        project.write_realm(file);
        let refused = project.run(&["plan"]);
        assert_eq!(refused.code, Some(1), "{file}: {refused:?}");
        let place = format!("features/realm.toml:{line}: ");
        let name = format!("needs Keycloak's feature `{feature}`, which this server runs without");
        let option = format!("start it with --features={feature}");
        for words in [place, name, option] {
            assert!(refused.stderr.contains(&words), "{words}\n{file}\n{refused:?}");
        }
        assert_eq!(refused.stderr.matches("needs Keycloak's feature").count(), 1, "{refused:?}");
    }
}

/// Nothing is begun of what an older version would refuse half-way.
#[test]
fn what_is_newer_than_the_server_is_said_first() {
    const NEWER: &[(&str, &str)] = &[
        ("[roles.first]\n[groups.\"/staff\"]\ndescription = \"Everybody\"\n", "realm.toml:3: description of "),
        ("[roles.first]\n[clientPolicies.p]\nmode = \"ENFORCING\"\n", "realm.toml:3: mode of "),
        ("[roles.first]\n[userProfile.attributes.floor]\ndefaultValue = \"1\"\n", "realm.toml:3: defaultValue of "),
        ("maxSecondaryAuthFailures = 3\n[roles.first]\n", "realm.toml:1: maxSecondaryAuthFailures of "),
    ];
    let project = Project::new("features-newer");
    for (file, words) in NEWER {
        project.write_realm(file);
        let ran = project.run(&["plan"]);
        if is_26_0("it is too old") {
            assert!(ran.code == Some(1) && ran.stderr.contains(words), "{ran:?}");
            assert!(ran.stderr.contains("needs a newer Keycloak than 26.0, which this server is"), "{ran:?}");
        } else {
            assert_eq!(ran.code, Some(0), "{file}: {ran:?}");
        }
    }
}
