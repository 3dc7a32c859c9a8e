//! What of a difference a reviewer has to look at first: changes that may let more people, applications or time in.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Action, After, Before, Change, FieldChange, RealmDiff};
use crate::model::{Address, FieldPath, Origin, texts};

/// A change that concerns security.
#[derive(Clone, Debug, PartialEq)]
pub struct Concern {
    /// The object.
    pub address: Address,
    /// The leaf; `None` where it is all of the object.
    pub path: Option<FieldPath>,
    /// What happens: `gains the role auditor`.
    pub message: String,
    /// Where it is written.
    pub origin: Option<Origin>,
}

/// What of the differences of realms concerns security, in the order of the changes.
pub fn concerns<'a>(realms: impl IntoIterator<Item = &'a RealmDiff>) -> Vec<Concern> {
    realms.into_iter().flat_map(|realm| &realm.changes).flat_map(of_change).collect()
}

fn of_change(change: &Change) -> Vec<Concern> {
    let concern = |path: Option<&FieldPath>, origin: &Option<Origin>, message: String| Concern {
        address: change.address.clone(),
        path: path.cloned(),
        message,
        origin: origin.clone(),
    };
    let whole = of_object(change).map(|message| concern(None, &change.origin, message.to_owned()));
    let fields = change.fields.iter().flat_map(|field| {
        let messages = of_field(change, field);
        messages.into_iter().map(|message| concern(Some(&field.path), &field.origin, message))
    });
    whole.into_iter().chain(fields).collect()
}

/// Objects that guard others, or that let people in from elsewhere.
fn of_object(change: &Change) -> Option<&'static str> {
    match (&change.action, change.kind.name) {
        (Action::Create, "identity provider") => Some("lets the users of another server sign in"),
        (Action::Create, "user federation provider") => Some("lets the users of a directory sign in"),
        (Action::Create, "user") => Some("is a new user"),
        (Action::Delete { .. }, "client policy" | "client profile" | "client registration policy") => {
            Some("guards clients no longer")
        }
        (Action::Delete { .. }, "authorization policy" | "authorization permission") => Some("decides no longer"),
        (Action::Create | Action::Update, "permission" | "permission policy") => {
            Some("says what administrators may do")
        }
        _ => None,
    }
}

/// Switches that let more in when they are on.
const OPENING: &[(&str, &str)] = &[
    ("publicClient", "becomes public: it has no secret"),
    ("directAccessGrantsEnabled", "may exchange passwords for tokens itself"),
    ("implicitFlowEnabled", "gets tokens in the browser's address"),
    ("fullScopeAllowed", "gets all roles of its users into its tokens"),
    ("trustEmail", "is believed the e-mail addresses of its users"),
    ("registrationAllowed", "lets everybody register"),
    ("duplicateEmailsAllowed", "lets several users have one e-mail address"),
    ("serviceAccountsEnabled", "may act for itself"),
];

/// Switches that let more in when they are off.
const CLOSING: &[(&str, &str)] = &[
    ("bruteForceProtected", "no longer slows down who tries passwords"),
    ("verifyEmail", "no longer verifies e-mail addresses"),
    ("consentRequired", "no longer asks users for their consent"),
    ("adminEventsEnabled", "no longer keeps what administrators do"),
    ("eventsEnabled", "no longer keeps who signed in"),
    ("revokeRefreshToken", "lets refresh tokens be used again"),
];

/// Settings whose every change matters.
const WATCHED: &[(&str, &str)] = &[
    ("passwordPolicy", "asks for other passwords"),
    ("browserSecurityHeaders", "has another security header"),
    ("browserFlow", "has another flow for signing in"),
    ("directGrantFlow", "has another flow for passwords"),
    ("resetCredentialsFlow", "has another flow for forgotten passwords"),
    ("firstBrokerLoginFlow", "has another flow for users of other servers"),
    ("authenticationFlowBindingOverrides", "has another flow for signing in"),
];

/// What an identity provider is known by.
const TRUST: &[&str] = &[
    "signingCertificate",
    "idpEntityId",
    "singleSignOnServiceUrl",
    "issuer",
    "jwksUrl",
    "publicKeySignatureVerifier",
    "tokenUrl",
    "userInfoUrl",
];

fn of_field(change: &Change, field: &FieldChange) -> Vec<String> {
    let (top, is_new) = (field.path.top(), change.action == Action::Create);
    let (before, after) = (before(field), after(field));
    let one =
        |table: &[(&str, &str)]| table.iter().find(|(name, _)| *name == top).map(|(_, text)| vec![(*text).to_owned()]);
    let becomes = |on: bool| after == Some(&Json::Bool(on)) && before != after;
    if becomes(true)
        && let Some(found) = one(OPENING)
    {
        return found;
    }
    if becomes(false)
        && !is_new
        && let Some(found) = one(CLOSING)
    {
        return found;
    }
    if !is_new && let Some(found) = one(WATCHED) {
        return found;
    }
    let gained = || gained(before, after);
    match top {
        "redirectUris" => {
            let wild = gained().into_iter().filter(|uri| uri.contains('*'));
            wild.map(|uri| format!("may send users to {uri}")).collect()
        }
        "webOrigins" if gained().contains(&"*") => vec!["may be called by pages of every origin".to_owned()],
        "serviceAccount" | "realmRoles" | "clientRoles" | "composites" | "defaultRoles" | "scopeMappings" => {
            roles(change, field, &gained())
        }
        "executions" if field.path.rest().next().is_none() => second_factor(before, after, is_new),
        "sslRequired" if after.is_some_and(|it| it == "none") => vec!["takes requests without TLS".to_owned()],
        "attributes" => attribute(field, before, after),
        "config" if last(&field.path) == "validateSignature" && after.is_some_and(|it| it == "false") => {
            vec!["no longer verifies signatures".to_owned()]
        }
        "config" if !is_new && change.kind.name == "identity provider" && TRUST.contains(&last(&field.path)) => {
            vec![format!("believes who signs in by another {}", last(&field.path))]
        }
        _ if !is_new && is_lifetime(&field.path) && grows(before, after) => vec![longer(&field.path)],
        _ => Vec::new(),
    }
}

fn attribute(field: &FieldChange, before: Option<&Json>, after: Option<&Json>) -> Vec<String> {
    match last(&field.path) {
        "pkce.code.challenge.method" if before.is_some() && after.is_none() => {
            vec!["no longer asks for PKCE".to_owned()]
        }
        "post.logout.redirect.uris" => {
            let wild = gained(before, after).into_iter().filter(|uri| uri.contains('*'));
            wild.map(|uri| format!("may send users to {uri} when they sign out")).collect()
        }
        _ if is_lifetime(&field.path) && before.is_some() && grows(before, after) => vec![longer(&field.path)],
        _ => Vec::new(),
    }
}

fn roles(change: &Change, field: &FieldChange, gained: &[&str]) -> Vec<String> {
    // Groups of a service account are no roles.
    if field.path.parts().any(|part| part == "groups") {
        return gained.iter().map(|group| format!("becomes a member of {group}")).collect();
    }
    let client = field.path.parts().skip_while(|part| *part != "clientRoles").nth(1);
    let role = |role: &str| client.map_or_else(|| role.to_owned(), |client| format!("{client}:{role}"));
    let verb = match (change.kind.name, field.path.top()) {
        (_, "defaultRoles") => "gives every user the role",
        (_, "scopeMappings") => "may put into tokens the role",
        _ => "gains the role",
    };
    gained.iter().map(|name| format!("{verb} {}", role(name))).collect()
}

/// Authenticators that take more than a password.
const SECOND_FACTORS: &[&str] = &["otp", "webauthn", "recovery"];

fn second_factor(before: Option<&Json>, after: Option<&Json>, is_new: bool) -> Vec<String> {
    let has = |flow: Option<&Json>, wanted: &dyn Fn(&str) -> bool| {
        flow.is_some_and(|flow| authenticators(flow).iter().any(|it| wanted(it)))
    };
    let second = |name: &str| SECOND_FACTORS.iter().any(|it| name.contains(it));
    let password = |name: &str| name.contains("password");
    if has(before, &second) && !has(after, &second) {
        return vec!["loses its second factor".to_owned()];
    }
    if is_new && has(after, &password) && !has(after, &second) {
        return vec!["asks for a password and no second factor".to_owned()];
    }
    Vec::new()
}

/// The authenticators that a flow may use, by their ids.
fn authenticators(executions: &Json) -> Vec<&str> {
    let mut found = Vec::new();
    for execution in executions.as_array().into_iter().flatten() {
        if execution.get("requirement").is_some_and(|it| it == "DISABLED") {
            continue;
        }
        found.extend(execution.get("authenticator").and_then(Json::as_str));
        found.extend(execution.get("executions").map(authenticators).unwrap_or_default());
    }
    found
}

fn is_lifetime(path: &FieldPath) -> bool {
    let name = last(path).to_ascii_lowercase();
    ["lifespan", "idletimeout", "idle.timeout"].iter().any(|part| name.contains(part))
}

fn longer(path: &FieldPath) -> String {
    format!("lets sessions or tokens live longer ({})", last(path))
}

/// Whether a number of seconds gets bigger.
fn grows(before: Option<&Json>, after: Option<&Json>) -> bool {
    let number = |value: Option<&Json>| value.and_then(|it| it.as_i64().or_else(|| it.as_str()?.parse().ok()));
    match (number(before), number(after)) {
        (Some(before), Some(after)) => after > before,
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

fn gained<'a>(before: Option<&'a Json>, after: Option<&'a Json>) -> Vec<&'a str> {
    let had: BTreeSet<&str> = before.into_iter().flat_map(texts).collect();
    after.into_iter().flat_map(texts).filter(|it| !had.contains(it)).collect()
}

fn last(path: &FieldPath) -> &str {
    path.parts().last().unwrap_or_default()
}

fn before(field: &FieldChange) -> Option<&Json> {
    match &field.before {
        Before::Json(value) => Some(value),
        Before::Absent | Before::Secret => None,
    }
}

fn after(field: &FieldChange) -> Option<&Json> {
    match &field.after {
        After::Json(value) | After::Default(value) => Some(value),
        After::Secret(_) | After::Absent => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::desired::{Options, load};
    use crate::diff::between;
    use crate::model::Desired;

    fn files(realm: &str) -> Desired {
        let files = [("realmform.toml", "name = \"test\"\n"), ("acme/realm.toml", realm)];
        let files: BTreeMap<PathBuf, Vec<u8>> =
            files.into_iter().map(|(path, text)| (path.into(), text.as_bytes().to_vec())).collect();
        load(&files, &Options::default()).unwrap_or_else(|problems| panic!("{realm}: {problems}")).desired
    }

    /// The messages of what changes from `old` to `new`; the way back has none.
    fn said(old: &str, new: &str) -> Vec<String> {
        let (old, new) = (files(old), files(new));
        let back = concerns(between(&new, &old).realms.values());
        assert!(back.is_empty(), "{back:?}");
        concerns(between(&old, &new).realms.values()).into_iter().map(|concern| concern.message).collect()
    }

    #[test]
    fn nothing_differs_from_itself() {
        let text =
            "displayName = \"Acme\"\n[roles.a]\n[clients.shop]\nsecret = { env = \"S\" }\nredirectUris = [\"/*\"]\n";
        let diff = between(&files(text), &files(text));
        let realm = &diff.realms["acme"];
        assert!(realm.changes.is_empty() && realm.adopted.is_empty() && realm.forgotten.is_empty(), "{realm:?}");
    }

    #[test]
    fn who_lets_more_in_is_told() {
        let shop = |line: &str| format!("[roles.clerk]\n[clients.shop]\n{line}\n");
        for (old, new, expected) in [
            (
                "redirectUris = [\"https://a.example/x\"]",
                "redirectUris = [\"https://a.example/*\"]",
                "may send users to https://a.example/*",
            ),
            ("", "webOrigins = [\"*\"]", "may be called by pages of every origin"),
            ("", "publicClient = true", "becomes public: it has no secret"),
            ("", "implicitFlowEnabled = true", "gets tokens in the browser's address"),
            ("consentRequired = true", "", "no longer asks users for their consent"),
            ("attributes.\"pkce.code.challenge.method\" = \"S256\"", "", "no longer asks for PKCE"),
            (
                "attributes.\"access.token.lifespan\" = 60",
                "attributes.\"access.token.lifespan\" = 90",
                "lets sessions or tokens live longer (access.token.lifespan)",
            ),
            (
                "serviceAccountsEnabled = true",
                "serviceAccountsEnabled = true\nserviceAccount.realmRoles = [\"clerk\"]",
                "gains the role clerk",
            ),
            (
                "serviceAccountsEnabled = true",
                "serviceAccountsEnabled = true\nserviceAccount.clientRoles.account = [\"view-profile\"]",
                "gains the role account:view-profile",
            ),
            (
                "fullScopeAllowed = false",
                "fullScopeAllowed = false\nscopeMappings = [\"clerk\"]",
                "may put into tokens the role clerk",
            ),
        ] {
            assert_eq!(said(&shop(old), &shop(new)), [expected], "{old} → {new}");
        }
        for (old, new, expected) in [
            (
                "accessTokenLifespan = 60",
                "accessTokenLifespan = 120",
                "lets sessions or tokens live longer (accessTokenLifespan)",
            ),
            ("bruteForceProtected = true", "", "no longer slows down who tries passwords"),
            ("", "registrationAllowed = true", "lets everybody register"),
            ("", "sslRequired = \"none\"", "takes requests without TLS"),
            ("defaultRoles = []\n[roles.a]", "defaultRoles = [\"a\"]\n[roles.a]", "gives every user the role a"),
            ("[roles.a]\n[groups.\"/g\"]", "[roles.a]\n[groups.\"/g\"]\nrealmRoles = [\"a\"]", "gains the role a"),
            ("", "[users.alice]", "is a new user"),
        ] {
            assert_eq!(said(old, new), [expected], "{old} → {new}");
        }
    }

    #[test]
    fn a_provider_of_other_keys_is_told_either_way() {
        let of = |certificate: &str| {
            files(&format!(
                "[identityProviders.idp]\nproviderId = \"saml\"\nconfig.signingCertificate = \"{certificate}\"\n"
            ))
        };
        for (old, new) in [("A", "B"), ("B", "A")] {
            let said = concerns(between(&of(old), &of(new)).realms.values());
            assert_eq!(said[0].message, "believes who signs in by another signingCertificate");
        }
    }

    #[test]
    fn a_flow_without_a_second_factor_is_told() {
        let flow = |otp: &str| {
            format!(
                "[authenticationFlows.mine]\nexecutions = [\n\
                 {{ authenticator = \"auth-username-password-form\", requirement = \"REQUIRED\" }},\n\
                 {{ authenticator = \"auth-otp-form\", requirement = \"{otp}\" }},\n]\n"
            )
        };
        assert_eq!(said(&flow("REQUIRED"), &flow("DISABLED")), ["loses its second factor"]);
        let new = concerns(between(&files(""), &files(&flow("DISABLED"))).realms.values());
        assert_eq!(new[0].message, "asks for a password and no second factor");
        assert!(concerns(between(&files(""), &files(&flow("REQUIRED"))).realms.values()).is_empty());
    }
}
