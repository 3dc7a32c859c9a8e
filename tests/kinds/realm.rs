//! The realm: its settings, its mail server, what it refers to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use realmform::model::kinds::REALM;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::is_26_0;
use crate::support::project::Project;

const SETTINGS: Story = Story {
    realm: "kinds-realm",
    kind: &REALM,
    table: "",
    fixed: "",
    samples: &[
        ("displayName", "\"ACME\"", "\"Acme\""),
        ("displayNameHtml", "\"<b>ACME</b>\"", "\"<i>Acme</i>\""),
        ("enabled", "true", "false"),
        ("sslRequired", "\"external\"", "\"none\""),
        ("notBefore", "0", "1700000000"),
        ("defaultSignatureAlgorithm", "\"RS256\"", "\"ES256\""),
        ("revokeRefreshToken", "false", "true"),
        ("refreshTokenMaxReuse", "0", "1"),
        ("accessTokenLifespan", "\"4m\"", "180"),
        ("accessTokenLifespanForImplicitFlow", "600", "500"),
        ("ssoSessionIdleTimeout", "1700", "1600"),
        ("ssoSessionMaxLifespan", "\"9h\"", "\"8h\""),
        ("ssoSessionIdleTimeoutRememberMe", "1700", "1600"),
        ("ssoSessionMaxLifespanRememberMe", "\"9h\"", "\"8h\""),
        ("offlineSessionIdleTimeout", "\"20d\"", "\"10d\""),
        ("offlineSessionMaxLifespanEnabled", "false", "true"),
        ("offlineSessionMaxLifespan", "\"50d\"", "\"40d\""),
        ("clientSessionIdleTimeout", "1000", "900"),
        ("clientSessionMaxLifespan", "2000", "1900"),
        ("clientOfflineSessionIdleTimeout", "1000", "900"),
        ("clientOfflineSessionMaxLifespan", "2000", "1900"),
        ("accessCodeLifespan", "50", "40"),
        ("accessCodeLifespanUserAction", "200", "100"),
        ("accessCodeLifespanLogin", "1700", "1600"),
        ("actionTokenGeneratedByAdminLifespan", "1000", "900"),
        ("actionTokenGeneratedByUserLifespan", "200", "100"),
        ("oauth2DeviceCodeLifespan", "500", "400"),
        ("oauth2DevicePollingInterval", "6", "7"),
        ("registrationAllowed", "false", "true"),
        ("registrationEmailAsUsername", "true", "false"),
        ("loginWithEmailAllowed", "true", "false"),
        ("duplicateEmailsAllowed", "false", "true"),
        ("rememberMe", "false", "true"),
        ("verifyEmail", "false", "true"),
        ("resetPasswordAllowed", "false", "true"),
        ("editUsernameAllowed", "false", "true"),
        ("bruteForceProtected", "false", "true"),
        ("permanentLockout", "false", "true"),
        ("maxTemporaryLockouts", "1", "2"),
        ("bruteForceStrategy", "\"MULTIPLE\"", "\"LINEAR\""),
        ("maxFailureWaitSeconds", "800", "700"),
        ("minimumQuickLoginWaitSeconds", "50", "40"),
        ("waitIncrementSeconds", "50", "40"),
        ("quickLoginCheckMilliSeconds", "900", "800"),
        ("maxDeltaTimeSeconds", "\"11h\"", "\"10h\""),
        ("failureFactor", "20", "10"),
        ("maxSecondaryAuthFailures", "1", "2"),
        ("passwordPolicy", "\"length(8)\"", "\"length(9) and digits(1)\""),
        ("otpPolicyType", "\"totp\"", "\"hotp\""),
        ("otpPolicyAlgorithm", "\"HmacSHA256\"", "\"HmacSHA512\""),
        ("otpPolicyInitialCounter", "1", "2"),
        ("otpPolicyDigits", "6", "8"),
        ("otpPolicyLookAheadWindow", "2", "3"),
        ("otpPolicyPeriod", "40", "50"),
        ("otpPolicyCodeReusable", "false", "true"),
        ("webAuthnPolicyRpEntityName", "\"acme\"", "\"beta\""),
        ("webAuthnPolicySignatureAlgorithms", "[\"RS256\", \"ES256\"]", "[\"ES384\", \"ES256\"]"),
        ("webAuthnPolicyRpId", "\"acme.example\"", "\"beta.example\""),
        ("webAuthnPolicyAttestationConveyancePreference", "\"none\"", "\"direct\""),
        ("webAuthnPolicyAuthenticatorAttachment", "\"platform\"", "\"cross-platform\""),
        ("webAuthnPolicyRequireResidentKey", "\"No\"", "\"Yes\""),
        ("webAuthnPolicyResidentKey", "\"preferred\"", "\"required\""),
        ("webAuthnPolicyUserVerificationRequirement", "\"preferred\"", "\"required\""),
        ("webAuthnPolicyCreateTimeout", "10", "20"),
        ("webAuthnPolicyAvoidSameAuthenticatorRegister", "false", "true"),
        ("webAuthnPolicyAcceptableAaguids", "[\"a\", \"b\"]", "[\"b\"]"),
        ("webAuthnPolicyExtraOrigins", "[\"https://a.example\"]", "[\"https://b.example\"]"),
        ("webAuthnPolicyPasswordlessRpEntityName", "\"acme\"", "\"beta\""),
        ("webAuthnPolicyPasswordlessSignatureAlgorithms", "[\"RS256\", \"ES256\"]", "[\"ES384\", \"ES256\"]"),
        ("webAuthnPolicyPasswordlessRpId", "\"acme.example\"", "\"beta.example\""),
        ("webAuthnPolicyPasswordlessAttestationConveyancePreference", "\"none\"", "\"direct\""),
        ("webAuthnPolicyPasswordlessAuthenticatorAttachment", "\"platform\"", "\"cross-platform\""),
        ("webAuthnPolicyPasswordlessRequireResidentKey", "\"No\"", "\"Yes\""),
        ("webAuthnPolicyPasswordlessResidentKey", "\"preferred\"", "\"discouraged\""),
        ("webAuthnPolicyPasswordlessUserVerificationRequirement", "\"preferred\"", "\"discouraged\""),
        ("webAuthnPolicyPasswordlessCreateTimeout", "10", "20"),
        ("webAuthnPolicyPasswordlessAvoidSameAuthenticatorRegister", "false", "true"),
        ("webAuthnPolicyPasswordlessAcceptableAaguids", "[\"a\", \"b\"]", "[\"b\"]"),
        ("webAuthnPolicyPasswordlessExtraOrigins", "[\"https://a.example\"]", "[\"https://b.example\"]"),
        ("webAuthnPolicyPasswordlessPasskeysEnabled", "false", "true"),
        ("webAuthnPolicyPasswordlessMediation", "\"conditional\"", "\"optional\""),
        ("internationalizationEnabled", "false", "true"),
        ("supportedLocales", "[\"de\", \"en\"]", "[\"en\", \"fr\"]"),
        ("defaultLocale", "\"de\"", "\"fr\""),
        ("loginTheme", "\"keycloak\"", "\"keycloak.v2\""),
        ("accountTheme", "\"keycloak.v3\"", "\"base\""),
        ("adminTheme", "\"keycloak.v2\"", "\"base\""),
        ("emailTheme", "\"keycloak\"", "\"base\""),
        ("eventsEnabled", "false", "true"),
        ("eventsExpiration", "100", "200"),
        ("eventsListeners", "[\"jboss-logging\", \"email\"]", "[\"email\"]"),
        ("enabledEventTypes", "[\"LOGIN\", \"LOGOUT\"]", "[\"LOGIN\"]"),
        ("adminEventsEnabled", "false", "true"),
        ("adminEventsDetailsEnabled", "false", "true"),
        ("userManagedAccessAllowed", "false", "true"),
        ("organizationsEnabled", "false", "true"),
        ("adminPermissionsEnabled", "false", "true"),
        ("attributes.customerDomain", "\"acme.example\"", "\"beta.example\""),
        ("attributes.\"acr.loa.map\"", "{ silver = 1 }", "{ silver = 1, gold = 2 }"),
        ("attributes.cibaExpiresIn", "\"1m\"", "100"),
        ("attributes.parRequestUriLifespan", "50", "40"),
        ("browserSecurityHeaders.xFrameOptions", "\"DENY\"", "\"SAMEORIGIN\""),
        ("browserSecurityHeaders.referrerPolicy", "\"origin\"", "\"same-origin\""),
    ],
    at_once: 25,
    others: "",
    by_hand: |admin| {
        let mut realm = admin.get("");
        realm["attributes"]["byHand"] = "x".into();
        // A PUT without them resets them.
        let (lifespan, interval) =
            (realm["oauth2DeviceCodeLifespan"].clone(), realm["oauth2DevicePollingInterval"].clone());
        realm["browserSecurityHeaders"]["xByHand"] = "y".into();
        realm["smtpServer"] = json!({"host": "smtp.hand.example", "from": "hand@acme.example"});
        admin.put(
            "",
            &json!({"attributes": realm["attributes"], "smtpServer": realm["smtpServer"],
                              "oauth2DeviceCodeLifespan": lifespan, "oauth2DevicePollingInterval": interval,
                              "browserSecurityHeaders": realm["browserSecurityHeaders"]}),
        );
    },
    raw: |admin| admin.get(""),
    // Switching permissions on makes the client that holds them.
    // And these keep a setting in an attribute as well.
    follows: &[
        "adminPermissionsClient",
        "otpSupportedApplications",
        "attributes.clientOfflineSessionIdleTimeout",
        "attributes.clientOfflineSessionMaxLifespan",
        "attributes.clientSessionIdleTimeout",
        "attributes.clientSessionMaxLifespan",
        "attributes.oauth2DeviceCodeLifespan",
        "attributes.oauth2DevicePollingInterval",
        "attributes.realmReusableOtpCode",
        "attributes.scimApiEnabled",
        "attributes.webAuthnPolicyExtraOrigins",
        "attributes.webAuthnPolicyExtraOriginsPasswordless",
    ],
};

const MAIL: Story = Story {
    realm: "kinds-mail",
    // There is no mail without the one, no credentials without the other.
    fixed: "smtpServer.from = \"sso@acme.example\"\nsmtpServer.auth = true\n",
    samples: &[
        ("smtpServer.host", "\"smtp.acme.example\"", "\"mail.acme.example\""),
        ("smtpServer.user", "\"sso\"", "\"id\""),
        ("smtpServer.password", "{ env = \"FIRST_SECRET\" }", "{ env = \"SECOND_SECRET\" }"),
        ("smtpServer.port", "587", "465"),
    ],
    at_once: 100,
    by_hand: |_| {},
    follows: &[],
    ..SETTINGS
};

/// The server hides the password, so a mail is the only proof that it is still the one that was applied.
#[test]
fn a_mail_goes_out_with_the_password_of_before() {
    let (port, mails) = mail_server();
    let mut project = Project::new("kinds-mail-sent");
    project.set("MAIL_PASSWORD", "pass word of the mail server");
    let write = |name: &str| {
        project.write_realm(&format!(
            "[smtpServer]\nhost = \"127.0.0.1\"\nport = {port}\nauth = true\nuser = \"sso\"\nfrom = \"sso@acme.example\"\n\
             fromDisplayName = \"{name}\"\npassword = {{ env = \"MAIL_PASSWORD\" }}\n"
        ));
        project.apply();
    };
    write("Acme");
    write("Acme, renamed");
    let admin = project.admin();
    admin.post("users", &json!({ "username": "alice", "email": "alice@acme.example", "enabled": true }));
    let alice = admin.id("users?username=alice", "username", "alice");
    admin.put(&format!("users/{alice}/execute-actions-email"), &json!(["UPDATE_PASSWORD"]));
    let mail = mails.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(mail.credentials, "sso\0sso\0pass word of the mail server");
    assert!(mail.text.contains("Acme, renamed") && mail.text.contains("alice@acme.example"), "{}", mail.text);
}

/// A mail, and who sent it: what SMTP's `AUTH PLAIN` says.
struct Mail {
    credentials: String,
    text: String,
}

/// A mail server that takes one mail from anybody, and its port.
fn mail_server() -> (u16, Receiver<Mail>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (taken, mails) = channel();
    std::thread::spawn(move || {
        let (mut out, _) = listener.accept().unwrap();
        let mut mail = Mail { credentials: String::new(), text: String::new() };
        let mut is_data = false;
        out.write_all(b"220 mail\r\n").unwrap();
        for line in BufReader::new(out.try_clone().unwrap()).lines() {
            let line = line.unwrap();
            let answer: &[u8] = match line.split(' ').next().unwrap() {
                "." if is_data => {
                    is_data = false;
                    b"250 taken\r\n"
                }
                _ if is_data => {
                    mail.text.push_str(&line);
                    b""
                }
                "EHLO" => b"250-mail\r\n250 AUTH PLAIN\r\n",
                "AUTH" => {
                    let encoded = line.rsplit(' ').next().unwrap();
                    let credentials = STANDARD.decode(encoded).unwrap();
                    mail.credentials = String::from_utf8(credentials).unwrap();
                    b"235 welcome\r\n"
                }
                "DATA" => {
                    is_data = true;
                    b"354 go on\r\n"
                }
                "QUIT" => break,
                _ => b"250 fine\r\n",
            };
            out.write_all(answer).unwrap();
        }
        taken.send(mail)
    });
    (port, mails)
}

const LINKS: Story = Story {
    realm: "kinds-links",
    samples: &[
        ("browserFlow", "\"browser\"", "\"my browser\""),
        ("registrationFlow", "\"registration\"", "\"my registration\""),
        ("directGrantFlow", "\"direct grant\"", "\"my direct grant\""),
        ("resetCredentialsFlow", "\"reset credentials\"", "\"my reset credentials\""),
        ("clientAuthenticationFlow", "\"clients\"", "\"my clients\""),
        ("dockerAuthenticationFlow", "\"docker auth\"", "\"my docker auth\""),
        ("firstBrokerLoginFlow", "\"first broker login\"", "\"my first broker login\""),
        ("defaultRoles", "[\"hand\", \"offline_access\"]", "[\"hand\", \"hand:hand\"]"),
        ("defaultGroups", "[\"/hand\"]", "[\"/hand/below\"]"),
        ("defaultDefaultClientScopes", "[\"basic\", \"hand\"]", "[\"basic\", \"email\"]"),
        ("defaultOptionalClientScopes", "[\"phone\"]", "[\"hand\", \"address\"]"),
    ],
    at_once: 4,
    by_hand: |admin| {
        let flows = admin.get("authentication/flows");
        for (_, _, copy) in &LINKS.samples[..7] {
            let copy = copy.trim_matches('"');
            if !flows.as_array().unwrap().iter().any(|flow| flow["alias"] == copy) {
                let original = copy.trim_start_matches("my ").replace(' ', "%20");
                admin.post(&format!("authentication/flows/{original}/copy"), &json!({"newName": copy}));
            }
        }
    },
    raw: |admin| {
        let mut realm = admin.get("");
        let names = |list: Value, field: &str| -> Value {
            list.as_array().unwrap().iter().map(|it| it[field].clone()).collect()
        };
        realm["defaultGroups"] = names(admin.get("default-groups"), "path");
        realm["defaultDefaultClientScopes"] = names(admin.get("default-default-client-scopes"), "name");
        realm["defaultOptionalClientScopes"] = names(admin.get("default-optional-client-scopes"), "name");
        let clients = admin.get("clients");
        let client =
            |id: &Value| clients.as_array().unwrap().iter().find(|it| it["id"] == *id).unwrap()["clientId"].clone();
        let roles = admin.get(&format!("roles-by-id/{}/composites", realm["defaultRole"]["id"].as_str().unwrap()));
        let roles = roles.as_array().unwrap().iter().map(|role| {
            let name = role["name"].as_str().unwrap();
            if role["clientRole"].as_bool().unwrap() {
                format!("{}:{name}", client(&role["containerId"]).as_str().unwrap())
            } else {
                name.to_owned()
            }
        });
        realm["defaultRoles"] = roles.collect();
        realm
    },
    follows: &[],
    ..SETTINGS
};

/// Settings of features that are off by default: the server takes them and does nothing.
const OFF: Story = Story {
    samples: &[("verifiableCredentialsEnabled", "false", "true"), ("scimApiEnabled", "false", "true")],
    ..SETTINGS
};

#[test]
fn a_setting_whose_feature_is_off_is_not_passed_over() {
    if is_26_0("it has no such settings") {
        return;
    }
    let project = Project::new("kinds-feature");
    project.write_realm("verifiableCredentialsEnabled = false\nscimApiEnabled = false\n");
    project.apply();
    project.write_realm("verifiableCredentialsEnabled = true\nscimApiEnabled = true\n");
    let output = project.run(&["apply", "--yes"]);
    assert_eq!(output.status, 1, "{output:?}");
    for (line, feature) in [(1, "oid4vc-vci"), (2, "scim-api")] {
        let named = format!("kinds-feature/realm.toml:{line}: ");
        assert!(output.stderr.contains(&named), "{}", output.stderr);
        let named = format!("needs Keycloak's feature `{feature}`, which this server runs without");
        assert!(output.stderr.contains(&named), "{}", output.stderr);
    }
}

#[test]
fn life_of_a_realms_settings() {
    covers(&REALM, &[&SETTINGS, &MAIL, &LINKS, &OFF]);
    SETTINGS.tell();
    // All of them at once on a new realm.
    let project = Project::new("kinds-realm-new");
    let lines = SETTINGS.samples().into_iter().map(|sample| format!("{} = {}\n", sample.0, sample.2));
    project.write_realm(&lines.collect::<String>());
    project.apply();
}

#[test]
fn life_of_a_realms_links() {
    LINKS.tell();
    MAIL.tell();
}

#[test]
fn a_setting_brings_no_other_with_it() {
    // These go to the server as one policy each, which it would fill with defaults.
    let project = Project::new("kinds-policies");
    project.write_realm(
        "otpPolicyDigits = 8\nwebAuthnPolicyRpId = \"a.example\"\nwebAuthnPolicyPasswordlessRpId = \"b.example\"\n",
    );
    project.apply();
    let admin = project.admin();
    admin.put("", &json!({
        "otpPolicyType": "totp", "otpPolicyDigits": 8, "otpPolicyPeriod": 45, "otpPolicyCodeReusable": true, "otpPolicyAlgorithm": "HmacSHA512",
        "webAuthnPolicyRpEntityName": "hand", "webAuthnPolicyRpId": "a.example", "webAuthnPolicyCreateTimeout": 9,
    }));
    let mut attributes = admin.get("")["attributes"].clone();
    attributes["cibaExpiresIn"] = "77".into();
    attributes["parRequestUriLifespan"] = "78".into();
    admin.put("", &json!({"attributes": attributes, "oauth2DeviceCodeLifespan": 79, "oauth2DevicePollingInterval": 8}));
    let before = admin.get("");
    project.write_realm("otpPolicyDigits = 6\nwebAuthnPolicyRpId = \"c.example\"\nwebAuthnPolicyPasswordlessRpId = \"d.example\"\nbrowserFlow = \"direct grant\"\n");
    project.apply();
    let after = admin.get("");
    assert_eq!((&after["attributes"]["cibaExpiresIn"], &after["oauth2DeviceCodeLifespan"]), (&json!("77"), &json!(79)));
    assert_eq!(after["attributes"]["parRequestUriLifespan"], "78");
    assert_eq!(after["oauth2DevicePollingInterval"], 8);
    for field in [
        "otpPolicyPeriod",
        "otpPolicyAlgorithm",
        "otpPolicyCodeReusable",
        "webAuthnPolicyRpEntityName",
        "webAuthnPolicyCreateTimeout",
        "webAuthnPolicyPasswordlessResidentKey",
    ] {
        assert_eq!(before[field], after[field], "{field}");
    }
}
