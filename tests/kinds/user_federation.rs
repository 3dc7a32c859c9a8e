//! User federation: LDAP with its mappers, Kerberos.

use realmform::model::kinds::{USER_FEDERATION, USER_FEDERATION_MAPPER};
use serde_json::{Value, json};

use super::component::component;
use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::project::Project;

const LDAP: Story = Story {
    realm: "kinds-ldap",
    kind: &USER_FEDERATION,
    table: "userFederation.directory",
    fixed: "providerId = \"ldap\"\nconfig.editMode = \"WRITABLE\"\nconfig.usernameLDAPAttribute = \"uid\"\nconfig.rdnLDAPAttribute = \"uid\"\nconfig.enabled = false\n",
    samples: &[
        ("config.connectionUrl", "\"ldap://a.example\"", "\"ldaps://b.example\""),
        ("config.bindDn", "\"cn=a\"", "\"cn=b\""),
        ("config.bindCredential", "{ env = \"FIRST_SECRET\" }", "{ env = \"SECOND_SECRET\" }"),
        ("config.usersDn", "\"ou=a\"", "\"ou=b\""),
        ("config.userObjectClasses", "\"inetOrgPerson, person\"", "\"inetOrgPerson\""),
        ("config.uuidLDAPAttribute", "\"entryUUID\"", "\"objectGUID\""),
        ("config.vendor", "\"other\"", "\"rhds\""),
        ("config.priority", "0", "10"),
        ("config.searchScope", "1", "2"),
        ("config.pagination", "true", "false"),
        ("config.importEnabled", "true", "false"),
        ("config.fullSyncPeriod", "\"1d\"", "-1"),
        ("config.changedSyncPeriod", "\"30m\"", "3600"),
        ("config.cachePolicy", "\"MAX_LIFESPAN\"", "\"NO_CACHE\""),
        ("config.maxLifespan", "60000", "90000"),
        ("config.connectionTimeout", "1000", "2000"),
        ("config.trustEmail", "true", "false"),
        ("config.syncRegistrations", "true", "false"),
    ],
    by_hand: |admin| touch_mapper(admin, "directory", "email"),
    raw: |admin| with_mappers(admin, "directory"),
    at_once: 1,
    others: "",
    follows: &[],
};

const KERBEROS: Story = Story {
    realm: "kinds-kerberos",
    table: "userFederation.krb",
    fixed: "providerId = \"kerberos\"\nconfig.enabled = false\n",
    samples: &[
        ("config.kerberosRealm", "\"A.EXAMPLE\"", "\"B.EXAMPLE\""),
        ("config.serverPrincipal", "\"HTTP/a@A.EXAMPLE\"", "\"HTTP/b@A.EXAMPLE\""),
        ("config.keyTab", "\"/etc/a\"", "\"/etc/b\""),
        ("config.allowPasswordAuthentication", "true", "false"),
        ("config.updateProfileFirstLogin", "true", "false"),
    ],
    by_hand: |_| {},
    raw: |admin| with_mappers(admin, "krb"),
    ..LDAP
};

const MAPPER: Story = Story {
    realm: "kinds-ldap-mapper",
    kind: &USER_FEDERATION_MAPPER,
    table: "userFederation.directory.mappers.groups",
    fixed: "providerId = \"group-ldap-mapper\"\nconfig.\"groups.dn\" = \"ou=g\"\nconfig.\"group.name.ldap.attribute\" = \"cn\"\n\
            config.\"group.object.classes\" = \"groupOfNames\"\nconfig.\"membership.ldap.attribute\" = \"member\"\n\
            config.\"membership.attribute.type\" = \"DN\"\nconfig.\"membership.user.ldap.attribute\" = \"uid\"\n\
            config.mode = \"READ_ONLY\"\nconfig.\"user.roles.retrieve.strategy\" = \"LOAD_GROUPS_BY_MEMBER_ATTRIBUTE\"\n",
    samples: &[
        ("config.\"drop.non.existing.groups.during.sync\"", "true", "false"),
        ("config.\"groups.ldap.filter\"", "\"(cn=a)\"", "\"(cn=b)\""),
        ("config.\"ignore.missing.groups\"", "true", "false"),
        ("config.\"mapped.group.attributes\"", "\"a,b\"", "\"c\""),
    ],
    others: "[userFederation.directory]\nproviderId = \"ldap\"\nconfig = { editMode = \"WRITABLE\", enabled = false, \
             usernameLDAPAttribute = \"uid\", rdnLDAPAttribute = \"uid\" }\n",
    by_hand: |admin| touch_mapper(admin, "directory", "email"),
    raw: |admin| component(admin, "groups"),
    ..LDAP
};

/// A provider that asks nobody.
pub(super) const LDAP_FILE: &str = "[userFederation.directory]\nproviderId = \"ldap\"\nconfig = { editMode = \"READ_ONLY\", \
    enabled = false, usernameLDAPAttribute = \"uid\", rdnLDAPAttribute = \"uid\", bindCredential = { env = \"BIND\" } }\n";

#[test]
fn life_of_a_user_federation_provider() {
    covers(&USER_FEDERATION, &[&LDAP, &KERBEROS]);
    for story in [LDAP, KERBEROS] {
        let told = story.tell();
        told.rename("userFederation.new", story.table.split('.').nth(1).unwrap(), |admin| with_mappers(admin, "new"));
        // Users go with it, so it takes consent.
        told.project.write_realm("");
        assert_eq!(told.project.run(&["plan"]).status, 4);
        let address = format!("{}/userFederation/new", story.realm);
        told.delete(&["--allow-destroy", &address], |admin| admin.get("components?name=new") == json!([]));
    }
}

#[test]
fn life_of_a_user_federation_mapper() {
    covers(&USER_FEDERATION_MAPPER, &[&MAPPER]);
    let told = MAPPER.tell();
    told.rename("userFederation.directory.mappers.teams", "groups", |admin| component(admin, "teams"));
    told.delete(&[], |admin| admin.get("components?name=teams") == json!([]));
}

#[test]
fn mappers_that_the_server_makes_are_adopted_where_they_are_declared() {
    let mut project = Project::new("kinds-ldap-mappers");
    project.set("BIND", "the-credential");
    let mapper = "[userFederation.directory.mappers.email]\nconfig.\"ldap.attribute\" = \"workMail\"\n";
    project.write_realm(&format!("{LDAP_FILE}{mapper}"));
    project.apply();
    let admin = project.admin();
    let made = [
        "Kerberos principal attribute mapper",
        "creation date",
        "email",
        "first name",
        "last name",
        "modify date",
        "username",
    ];
    // One of each, although a plan that knew of none made one.
    assert_eq!(mappers(&admin), made);
    let email = component(&admin, "email");
    assert_eq!(email["config"]["ldap.attribute"], json!(["workMail"]));
    assert_eq!(email["config"]["user.model.attribute"], json!(["email"]));

    let other = "[userFederation.directory.mappers.\"last name\"]\nconfig.\"ldap.attribute\" = \"sn\"\n";
    project.write_realm(&format!("{LDAP_FILE}{mapper}{other}"));
    assert_eq!(project.changes(), [""; 0]);
    project.apply();

    // What was declared and is no longer goes; what never was stays.
    project.write_realm(LDAP_FILE);
    let gone = ["userFederation/directory/mappers/email", "userFederation/directory/mappers/\"last name\""];
    assert_eq!(project.changes(), gone.map(|address| format!("delete {address}")));
    project.apply();
    assert_eq!(
        mappers(&admin),
        ["Kerberos principal attribute mapper", "creation date", "first name", "modify date", "username"]
    );

    project.write_realm(&format!(
        "prune.userFederation = \"all\"\n{LDAP_FILE}[userFederation.directory.mappers.username]\n"
    ));
    project.apply_with(&["--allow-many-deletes"]);
    assert_eq!(mappers(&admin), ["username"]);
}

/// A plan that sweeps says what becomes of the mappers that no plan can see yet.
#[test]
fn a_swept_provider_has_only_the_declared_mappers_from_the_start() {
    let mut project = Project::new("kinds-ldap-swept");
    project.set("BIND", "the-credential");
    let mapper = "[userFederation.directory.mappers.email]\nconfig.\"ldap.attribute\" = \"workMail\"\n";
    project.write_realm(&format!("prune = \"all\"\n{LDAP_FILE}{mapper}"));
    let planned = project.run(&["plan"]).stdout;
    assert!(planned.contains("+ mappers:"), "{planned}");
    project.apply();
    assert_eq!(mappers(&project.admin()), ["email"]);
}

/// With a provider that speaks Kerberos the server switches it on in flows, and with its end off again.
#[test]
fn flows_require_of_kerberos_what_the_files_say() {
    let project = Project::new("kinds-kerberos-flow");
    let kerberos = |name: &str, requirement: &str| {
        format!(
            "[authenticationFlows.{name}]\nexecutions = [\
             {{ flow = \"{name} forms\", requirement = \"ALTERNATIVE\", executions = [\
               {{ authenticator = \"auth-spnego\", requirement = \"{requirement}\" }}] }}]\n"
        )
    };
    let flows = format!("{}{}", kerberos("off", "DISABLED"), kerberos("on", "ALTERNATIVE"));
    let provider = "[userFederation.krb]\nproviderId = \"kerberos\"\nconfig = { kerberosRealm = \"A.EXAMPLE\", \
                    serverPrincipal = \"HTTP/a@A.EXAMPLE\", keyTab = \"/etc/a\" }\n";
    project.write_realm(&flows);
    project.apply();
    let admin = project.admin();
    admin.post("authentication/flows/off/copy", &json!({"newName": "by hand"}));
    let of = |flow: &str| {
        let executions = admin.get(&format!("authentication/flows/{flow}/executions"));
        executions[1]["requirement"].as_str().unwrap().to_owned()
    };
    project.write_realm(&format!("{flows}{provider}"));
    project.apply();
    assert_eq!([of("off"), of("on"), of("by%20hand")], ["DISABLED", "ALTERNATIVE", "ALTERNATIVE"]);
    project.write_realm(&flows);
    project.apply_with(&["--allow-destroy", "kinds-kerberos-flow/userFederation/krb"]);
    assert_eq!([of("off"), of("on"), of("by%20hand")], ["DISABLED", "ALTERNATIVE", "DISABLED"]);
}

/// In a new realm, too, and in a flow that the realm has by itself.
#[test]
fn the_browser_flow_of_a_new_realm_is_as_the_files_say() {
    let first = Project::new("kinds-kerberos-first");
    first.apply();
    let admin = first.admin();
    let mut kerberos = admin.find("authentication/flows/browser/executions", "providerId", "auth-spnego");
    kerberos["requirement"] = "ALTERNATIVE".into();
    admin.put("authentication/flows/browser/executions", &kerberos);
    let folder = tempfile::tempdir().unwrap();
    let imported = first.run(&["import", &first.realm, "--project", folder.path().to_str().unwrap()]);
    assert_eq!(imported.status, 0, "{}", imported.stderr);
    let flow = std::fs::read_to_string(folder.path().join("kinds-kerberos-first/realm.toml")).unwrap();
    let off =
        |line: &str| if line.contains("auth-spnego") { line.replace("ALTERNATIVE", "DISABLED") } else { line.into() };
    let flow: Vec<String> = flow.lines().map(off).collect();
    let second = Project::new("kinds-kerberos-second");
    second.write_realm(&format!(
        "{}\n[userFederation.krb]\nproviderId = \"kerberos\"\nconfig = {{ kerberosRealm = \"A.EXAMPLE\", \
         serverPrincipal = \"HTTP/a@A.EXAMPLE\", keyTab = \"/etc/a\" }}\n",
        flow.join("\n")
    ));
    second.apply();
    let kerberos = second.admin().find("authentication/flows/browser/executions", "providerId", "auth-spnego");
    assert_eq!(kerberos["requirement"], "DISABLED");
}

/// A provider with its mappers by name.
fn with_mappers(admin: &Admin, name: &str) -> Value {
    let mut provider = component(admin, name);
    let mappers = admin.get(&format!("components?parent={}", provider["id"].as_str().unwrap()));
    let by_name = mappers.as_array().unwrap().iter().map(|it| (it["name"].as_str().unwrap().to_owned(), it.clone()));
    provider["mappers"] = by_name.collect();
    provider
}

fn mappers(admin: &Admin) -> Vec<String> {
    let provider = component(admin, "directory");
    let mappers = admin.get(&format!("components?parent={}", provider["id"].as_str().unwrap()));
    let mut names: Vec<_> =
        mappers.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Somebody changes a mapper that the server made.
fn touch_mapper(admin: &Admin, provider: &str, name: &str) {
    let components = admin.get("components");
    let components = components.as_array().unwrap();
    let Some(provider) = components.iter().find(|it| it["name"] == provider) else { return };
    let mut mapper =
        components.iter().find(|it| it["parentId"] == provider["id"] && it["name"] == name).unwrap().clone();
    mapper["config"]["ldap.attribute"] = json!(["byHand"]);
    admin.put(&format!("components/{}", mapper["id"].as_str().unwrap()), &mapper);
}
