//! What older versions of Keycloak wrote, as the current one would: the changes that Keycloak's own import makes
//! (`DefaultExportImportManager`, `MigrateTo*` of 26.7.4), or made when a database was upgraded (`JpaUpdate*`).
//!
//! Without them an import would say what the current version refuses, or shows differently ever after.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::complete::{RECORDED, Version, version};
use crate::keycloak::shape::Object;
use crate::model::kinds::component::USER_PROFILE_TYPE;
use crate::model::{Address, FieldPath, LiveValue, builtin_objects, defaults, kinds};

/// Changes a document.
type Step = fn(&mut Object);

/// What an import makes of a document that was written before a version, or that does not say by which.
const IMPORTS: &[(Version, Step)] = &[
    ((4, 0), client_templates),
    ((13, 0), default_roles),
    ((18, 0), realm_key),
    ((19, 0), post_logout_redirects),
    ((21, 0), terms_and_conditions),
    ((22, 0), http_challenge),
    ((23, 0), registration_profile),
    ((26, 0), hidden_providers),
    (RECORDED, resource_uris),
    (RECORDED, empty_uris),
    (RECORDED, switches),
    (RECORDED, shared_configurations),
];

/// What an upgrade makes of a document that says that it was written before a version.
const UPGRADES: &[(Version, Step)] = &[
    ((20, 0), view_groups),
    ((22, 0), retired_themes),
    ((24, 0), user_profile),
    ((24, 0), truststore_of_ldap),
    ((26, 0), console_clients),
    ((26, 2), xss_protection),
    ((26, 4), saml_encryption),
    ((26, 7), ldap_mappers),
    ((26, 7), required_actions),
    ((26, 7), parameterized_scopes),
    (RECORDED, newer_scopes),
    (RECORDED, newer_roles),
];

/// Client scopes that realms have had since a version, and which its upgrade gives to all clients.
const NEWER_SCOPES: &[(Version, &str)] = &[
    ((18, 0), "acr"),
    ((25, 0), "basic"),
    ((26, 0), "organization"),
    (RECORDED, "AuthnContextClassRef"),
    (RECORDED, "saml_organization"),
];

/// Brings a document up to date.
pub(super) fn normalise(document: &mut Object) {
    let written_by = version(document);
    let imports = IMPORTS.iter().filter(|(before, _)| written_by.is_none_or(|it| it < *before));
    let upgrades = UPGRADES.iter().filter(|(before, _)| written_by.is_some_and(|it| it < *before));
    for (_, step) in imports.chain(upgrades) {
        step(document);
    }
}

/// The objects of a list of the document.
fn each<'a>(document: &'a mut Object, list: &str) -> impl Iterator<Item = &'a mut Object> {
    let list = document.get_mut(list).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Every component of a provider type, with those below it.
fn each_component<'a>(document: &'a mut Object, provider_type: &str) -> impl Iterator<Item = &'a mut Object> {
    let components = document.get_mut("components").and_then(Value::as_object_mut);
    components.into_iter().flat_map(move |by_type| each(by_type, provider_type))
}

fn is(object: &Object, field: &str, value: &str) -> bool {
    object.get(field).is_some_and(|it| it == value)
}

fn table<'a>(object: &'a mut Object, field: &str) -> Option<&'a mut Object> {
    object.entry(field).or_insert_with(|| json!({})).as_object_mut()
}

/// Adds a text to a list, once.
fn add(object: &mut Object, list: &str, text: &str) {
    if let Some(items) = object.entry(list).or_insert_with(|| json!([])).as_array_mut()
        && !items.iter().any(|it| it == text)
    {
        items.push(text.into());
    }
}

fn names(document: &Object, list: &str, field: &str) -> BTreeSet<String> {
    let items = document.get(list).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| Some(item.get(field)?.as_str()?.to_owned())).collect()
}

/// They became client scopes, in whose names there is no space.
fn client_templates(document: &mut Object) {
    let Some(Value::Array(mut templates)) = document.remove("clientTemplates") else { return };
    for template in templates.iter_mut().filter_map(Value::as_object_mut) {
        if let Some(Value::String(name)) = template.get_mut("name") {
            *name = name.replace(' ', "_");
        }
    }
    if let Some(scopes) = document.entry("clientScopes").or_insert_with(|| json!([])).as_array_mut() {
        scopes.extend(templates);
    }
    for client in each(document, "clients") {
        if let Some(Value::String(template)) = client.remove("clientTemplate") {
            // Beside those that a client gets where none are said.
            let by_default = default_scopes(client);
            client.entry("defaultClientScopes").or_insert(by_default);
            add(client, "defaultClientScopes", &template.replace(' ', "_"));
        }
    }
}

/// The scopes that a client of its protocol gets by itself.
fn default_scopes(client: &Object) -> Value {
    let protocol = client.get("protocol").and_then(Value::as_str).unwrap_or("openid-connect");
    let scopes = defaults(&kinds::REALM, &FieldPath::new(["defaultDefaultClientScopes"]));
    let names = scopes.into_iter().flat_map(crate::model::texts);
    names.filter(|name| protocol_of(name).as_deref() == Some(protocol)).collect()
}

/// Lists of the realm and of clients became a role with composites.
fn default_roles(document: &mut Object) {
    let of_realm = document.remove("defaultRoles");
    if document.contains_key("defaultRole") {
        return;
    }
    let of_clients: Object = each(document, "clients")
        .filter_map(|client| Some((client.get("clientId")?.as_str()?.to_owned(), client.remove("defaultRoles")?)))
        .collect();
    if of_realm.is_none() && of_clients.is_empty() {
        return;
    }
    let (of_realm, of_clients) = with_those_of_every_realm(document, of_realm.as_ref(), of_clients);
    let realm = document.get("realm").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let composites = json!({ "realm": of_realm, "client": of_clients });
    let role = json!({ "name": format!("default-roles-{realm}"), "composite": true, "composites": composites,
        "description": "${role_default-roles}" });
    let roles = table(document, "roles").and_then(|it| it.entry("realm").or_insert_with(|| json!([])).as_array_mut());
    if let Some(roles) = roles {
        roles.push(role);
    }
}

/// What the server makes because the document does not have it, it makes a default role as well.
fn with_those_of_every_realm(
    document: &Object,
    of_realm: Option<&Value>,
    mut of_clients: Object,
) -> (Vec<Value>, Object) {
    let mut default = of_realm.and_then(Value::as_array).cloned().unwrap_or_default();
    let roles = document.get("roles").and_then(Value::as_object).map(|roles| names(roles, "realm", "name"));
    for role in ["offline_access", "uma_authorization"] {
        if !roles.as_ref().is_some_and(|roles| roles.contains(role)) && !default.contains(&role.into()) {
            default.push(role.into());
        }
    }
    if !names(document, "clients", "clientId").contains("account") {
        of_clients.insert("account".to_owned(), json!(["manage-account", "view-profile"]));
    }
    (default, of_clients)
}

/// A realm had one key, which became a component for signatures and one for encryption.
fn realm_key(document: &mut Object) {
    const TYPE: &str = "org.keycloak.keys.KeyProvider";
    let key = document.remove("privateKey");
    let (certificate, _) = (document.remove("certificate"), document.remove("publicKey"));
    let (Some(key), Some(components)) = (key, table(document, "components")) else { return };
    if components.contains_key(TYPE) {
        return;
    }
    let provider = |id: &str| {
        let mut config = json!({ "privateKey": [key.clone()], "priority": ["100"] });
        if let Some(certificate) = &certificate {
            config["certificate"] = json!([certificate]);
        }
        json!({ "name": id, "providerId": id, "config": config })
    };
    components.insert(TYPE.to_owned(), json!([provider("rsa"), provider("rsa-enc")]));
}

/// A client could once be signed out to wherever it could sign in.
fn post_logout_redirects(document: &mut Object) {
    let signs_in = |client: &&mut Object| {
        client.get("redirectUris").and_then(Value::as_array).is_some_and(|uris| !uris.is_empty())
    };
    for client in each(document, "clients").filter(signs_in) {
        if let Some(attributes) = table(client, "attributes") {
            attributes.entry("post.logout.redirect.uris").or_insert_with(|| "+".into());
        }
    }
}

/// The account console lists the groups of its user.
fn view_groups(document: &mut Object) {
    let Some(Value::Object(mappings)) = document.get_mut("clientScopeMappings") else { return };
    for mapping in each(mappings, "account").filter(|it| is(it, "client", "account-console")) {
        add(mapping, "roles", "view-groups");
    }
}

fn terms_and_conditions(document: &mut Object) {
    const OLD: &str = "terms_and_conditions";
    const NEW: &str = "TERMS_AND_CONDITIONS";
    for action in each(document, "requiredActions").filter(|action| is(action, "alias", OLD)) {
        for field in ["alias", "providerId"] {
            action.insert(field.to_owned(), NEW.into());
        }
    }
    for user in each(document, "users") {
        for action in user.get_mut("requiredActions").and_then(Value::as_array_mut).into_iter().flatten() {
            if action == OLD {
                *action = NEW.into();
            }
        }
    }
}

/// A built-in flow that is gone, with its sub-flows.
fn http_challenge(document: &mut Object) {
    const GONE: &[&str] = &["http challenge", "Authentication Options"];
    let Some(Value::Array(flows)) = document.get_mut("authenticationFlows") else { return };
    let is_built_in = |flow: &Value| flow.get("builtIn") == Some(&Value::Bool(true));
    flows.retain(|flow| !(is_built_in(flow) && GONE.iter().any(|gone| flow.get("alias").is_some_and(|it| it == gone))));
}

/// Themes that are gone: the admin console of before 19, those of Red Hat's product.
fn retired_themes(document: &mut Object) {
    for theme in ["adminTheme", "accountTheme"] {
        if ["keycloak", "rh-sso", "rh-sso.v2"].iter().any(|old| is(document, theme, old)) {
            document.insert(theme.to_owned(), "keycloak.v2".into());
        }
    }
    for theme in ["emailTheme", "loginTheme"] {
        if is(document, theme, "rh-sso") {
            document.remove(theme);
        }
    }
}

/// The user profile checks what this step of the registration checked.
fn registration_profile(document: &mut Object) {
    for flow in each(document, "authenticationFlows") {
        if let Some(Value::Array(executions)) = flow.get_mut("authenticationExecutions") {
            executions.retain(|it| it.get("authenticator").is_none_or(|it| it != "registration-profile-action"));
        }
    }
}

/// A profile was for realms that wanted one. In others users had any attributes; and a profile that was there and not
/// used is not theirs. Before 23 a long profile was cut into pieces.
fn user_profile(document: &mut Object) {
    let attributes = table(document, "attributes").map(|it| it.remove("userProfileEnabled"));
    let is_used = attributes.flatten().is_some_and(|it| it == "true");
    if is_used {
        each_component(document, USER_PROFILE_TYPE).for_each(join_pieces);
        return;
    }
    let Some(mut profile) = default_profile() else { return };
    profile["unmanagedAttributePolicy"] = "ENABLED".into();
    let component = json!({ "providerId": "declarative-user-profile", "config": {
        "kc.user.profile.config": [profile.to_string()] } });
    if let Some(components) = table(document, "components") {
        components.insert(USER_PROFILE_TYPE.to_owned(), json!([component]));
    }
}

fn join_pieces(component: &mut Object) {
    let Some(config) = table(component, "config") else { return };
    let first = |config: &Object, key: &str| config.get(key)?.get(0)?.as_str().map(str::to_owned);
    let Some(count) = first(config, "config-pieces-count").and_then(|count| count.parse::<usize>().ok()) else {
        return;
    };
    let pieces: String = (0..count).filter_map(|piece| first(config, &format!("config-piece-{piece}"))).collect();
    config.retain(|key, _| !key.starts_with("config-piece"));
    if !pieces.is_empty() {
        config.insert("kc.user.profile.config".to_owned(), json!([pieces]));
    }
}

/// The profile that a realm has by itself, as the document that the server keeps.
fn default_profile() -> Option<Value> {
    let objects = builtin_objects("any");
    let profile = Address::realm("any").child(&kinds::USER_PROFILE, "");
    let plain = |value: &LiveValue| match value {
        LiveValue::Json(value) => Some(value.clone()),
        LiveValue::Secret(_) | LiveValue::Masked => None,
    };
    let member = |address: &Address| {
        let fields = &objects.get(address)?.fields;
        let leaves = fields.iter().filter_map(|(path, value)| Some((path, plain(value)?)));
        let mut member = crate::model::unflatten(leaves);
        member.insert("name".to_owned(), address.name().into());
        Some(Value::Object(member))
    };
    let list = |kind, order: &str| {
        let names = plain(objects.get(&profile)?.fields.get(&FieldPath::new([order]))?)?;
        let names = names.as_array()?.iter().filter_map(Value::as_str);
        names.map(|name| member(&profile.child(kind, name))).collect::<Option<Vec<_>>>()
    };
    let attributes = list(&kinds::PROFILE_ATTRIBUTE, "attributeOrder")?;
    Some(json!({ "attributes": attributes, "groups": list(&kinds::PROFILE_GROUP, "groupOrder")? }))
}

fn truststore_of_ldap(document: &mut Object) {
    for provider in each_component(document, "org.keycloak.storage.UserStorageProvider") {
        let setting = table(provider, "config").and_then(|config| config.get_mut("useTruststoreSpi"));
        if let Some(setting) = setting.filter(|it| **it == json!(["ldapsOnly"])) {
            *setting = json!(["always"]);
        }
    }
}

/// The clients of the consoles get what they need by lightweight tokens.
fn console_clients(document: &mut Object) {
    let is_console =
        |client: &&mut Object| is(client, "clientId", "security-admin-console") || is(client, "clientId", "admin-cli");
    for client in each(document, "clients").filter(is_console) {
        client.insert("fullScopeAllowed".to_owned(), true.into());
        if let Some(attributes) = table(client, "attributes") {
            attributes.insert("client.use.lightweight.access.token.enabled".to_owned(), "true".into());
        }
    }
}

/// A setting of its own instead of an entry of the configuration.
fn hidden_providers(document: &mut Object) {
    for provider in each(document, "identityProviders") {
        let hidden = table(provider, "config").and_then(|config| config.remove("hideOnLoginPage"));
        if let Some(hidden) = hidden {
            provider.entry("hideOnLogin").or_insert_with(|| (hidden == "true").into());
        }
    }
}

/// A resource of a client could have one.
fn resource_uris(document: &mut Object) {
    for client in each(document, "clients") {
        let Some(services) = client.get_mut("authorizationSettings").and_then(Value::as_object_mut) else { continue };
        for resource in each(services, "resources") {
            if let Some(uri) = resource.remove("uri") {
                resource.entry("uris").or_insert_with(|| json!([uri]));
            }
        }
    }
}

/// The server drops them.
fn empty_uris(document: &mut Object) {
    for client in each(document, "clients") {
        for list in ["redirectUris", "webOrigins"] {
            if let Some(Value::Array(uris)) = client.get_mut(list) {
                uris.retain(|uri| uri != "");
            }
        }
    }
}

/// What was an attribute while it was being tried out, and is a setting.
fn switches(document: &mut Object) {
    for switch in ["adminPermissionsEnabled", "organizationsEnabled", "verifiableCredentialsEnabled"] {
        let attribute = table(document, "attributes").and_then(|attributes| attributes.remove(switch));
        if let Some(value) = attribute {
            document.entry(switch).or_insert_with(|| (value == "true").into());
        }
    }
}

/// Copies of flows had the configurations of the original, of which a realm has one of a name: each copy gets its own.
fn shared_configurations(document: &mut Object) {
    let of_built_in = |flow: &Object| flow.get("builtIn") == Some(&Value::Bool(true));
    let mut taken: BTreeSet<String> =
        each(document, "authenticationFlows").filter(|flow| of_built_in(flow)).flat_map(configurations).collect();
    let mut copies: Vec<(String, String)> = Vec::new();
    for flow in each(document, "authenticationFlows").filter(|flow| !of_built_in(flow)) {
        let name = flow.get("alias").and_then(Value::as_str).unwrap_or_default().to_owned();
        for execution in each(flow, "authenticationExecutions") {
            let Some(alias) = execution.get("authenticatorConfig").and_then(Value::as_str) else { continue };
            if taken.insert(alias.to_owned()) {
                continue;
            }
            let copy = format!("{name} {alias}");
            copies.push((alias.to_owned(), copy.clone()));
            execution.insert("authenticatorConfig".to_owned(), copy.into());
        }
    }
    let Some(Value::Array(configurations)) = document.get_mut("authenticatorConfig") else { return };
    for (alias, copy) in copies {
        if let Some(mut found) =
            configurations.iter().find(|it| it.get("alias").is_some_and(|it| *it == *alias)).cloned()
        {
            found["alias"] = copy.into();
            configurations.push(found);
        }
    }
}

/// The names of those that a flow of the document has.
fn configurations(flow: &mut Object) -> Vec<String> {
    let named = |execution: &mut Object| execution.get("authenticatorConfig")?.as_str().map(str::to_owned);
    each(flow, "authenticationExecutions").filter_map(named).collect()
}

fn xss_protection(document: &mut Object) {
    if let Some(Value::Object(headers)) = document.get_mut("browserSecurityHeaders") {
        headers.remove("xXSSProtection");
    }
}

/// Assertions stay encrypted the way that they were when nothing was said about it.
fn saml_encryption(document: &mut Object) {
    const WAS: &[(&str, &str)] = &[
        ("saml.encryption.algorithm", "http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
        ("saml.encryption.digestMethod", "http://www.w3.org/2000/09/xmldsig#sha1"),
        ("saml.encryption.keyAlgorithm", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"),
    ];
    for client in each(document, "clients").filter(|client| is(client, "protocol", "saml")) {
        let Some(attributes) = table(client, "attributes") else { continue };
        if is(attributes, "saml.encrypt", "true") {
            attributes.extend(WAS.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
        }
    }
}

/// Mappers read binary values as they did when there was no other way.
fn ldap_mappers(document: &mut Object) {
    let providers = each_component(document, "org.keycloak.storage.UserStorageProvider");
    for provider in providers.filter(|provider| is(provider, "providerId", "ldap")) {
        let Some(Value::Object(below)) = provider.get_mut("subComponents") else { continue };
        for mapper in each(below, "org.keycloak.storage.ldap.mappers.LDAPStorageMapper") {
            let (of_groups, of_attribute) =
                (is(mapper, "providerId", "group-ldap-mapper"), is(mapper, "providerId", "user-attribute-ldap-mapper"));
            let Some(config) = table(mapper, "config") else { continue };
            if of_groups {
                config.entry("decode.group.uuid.attribute").or_insert_with(|| json!(["false"]));
            }
            if of_attribute && config.get("is.binary.attribute") == Some(&json!(["true"])) {
                config.entry("binary.attribute.decoder").or_insert_with(|| json!(["base64"]));
            }
        }
    }
}

/// Passwords and one-time passwords are set up after the address is verified: in the new order where nobody changed the old
/// one, else in the next places that are free.
fn required_actions(document: &mut Object) {
    const VERIFIED: (&str, i64) = ("VERIFY_EMAIL", 50);
    const MOVED: &[(&str, i64, i64)] = &[("CONFIGURE_TOTP", 10, 54), ("UPDATE_PASSWORD", 30, 57)];
    for action in each(document, "requiredActions").filter(|it| is(it, "name", "Configure Totp")) {
        action.insert("name".to_owned(), "Configure OTP".into());
    }
    let priorities: Vec<(String, i64)> = each(document, "requiredActions")
        .filter_map(|it| Some((it.get("alias")?.as_str()?.to_owned(), it.get("priority")?.as_i64()?)))
        .collect();
    let of = |alias: &str| priorities.iter().find(|(it, _)| it == alias).map(|(_, priority)| *priority);
    let Some(verified) = of(VERIFIED.0) else { return };
    let untouched = verified == VERIFIED.1 && MOVED.iter().all(|(alias, old, _)| of(alias) == Some(*old));
    let mut free = (verified + 1..).filter(|priority| priorities.iter().all(|(_, taken)| taken != priority));
    for (alias, _, new) in MOVED {
        for action in each(document, "requiredActions").filter(|it| is(it, "alias", alias)) {
            let priority = if untouched { Some(*new) } else { free.next() };
            action.insert("priority".to_owned(), priority.into());
        }
    }
}

/// Dynamic scopes are called parameterized, and say what their parameter is: before, a pattern for the whole scope did.
fn parameterized_scopes(document: &mut Object) {
    const IS_ONE: &str = "is.parameterized.scope";
    const PATTERN: &str = "parameterized.scope.regexp";
    const TYPE: &str = "parameterized.scope.type";
    for scope in each(document, "clientScopes") {
        let prefix = format!("{}:", scope.get("name").and_then(Value::as_str).unwrap_or_default());
        let Some(Value::Object(attributes)) = scope.get_mut("attributes") else { continue };
        for (old, new) in [("is.dynamic.scope", IS_ONE), ("dynamic.scope.regexp", PATTERN)] {
            if let Some(value) = attributes.remove(old) {
                attributes.insert(new.to_owned(), value);
            }
        }
        if !is(attributes, IS_ONE, "true") || attributes.contains_key(TYPE) {
            continue;
        }
        let pattern = attributes.get(PATTERN).and_then(Value::as_str).map(str::to_owned);
        // Other patterns a person has to look at.
        match pattern.as_deref().map_or(Some("*"), |pattern| pattern.strip_prefix(&*prefix)) {
            Some("*") => {
                attributes.remove(PATTERN);
                attributes.insert(TYPE.to_owned(), "string".into());
            }
            Some(of_parameter) => {
                attributes.insert(PATTERN.to_owned(), of_parameter.into());
                attributes.insert(TYPE.to_owned(), "custom".into());
            }
            None => {}
        }
    }
}

/// Scopes that the realm could not know are given to it and to all clients of their protocol, as an upgrade does. Without
/// `basic` tokens would lose `sub`.
fn newer_scopes(document: &mut Object) {
    let written_by = version(document).unwrap_or_default();
    if !document.contains_key("clientScopes") {
        return;
    }
    let known = names(document, "clientScopes", "name");
    let newer = NEWER_SCOPES.iter().filter(|(since, name)| written_by < *since && !known.contains(*name));
    for (_, name) in newer {
        let Some(protocol) = protocol_of(name) else { continue };
        for (of_realm, of_client) in [
            ("defaultDefaultClientScopes", "defaultClientScopes"),
            ("defaultOptionalClientScopes", "optionalClientScopes"),
        ] {
            if !has_by_default(of_realm, name) {
                continue;
            }
            if document.contains_key(of_realm) {
                add(document, of_realm, name);
            }
            for client in each(document, "clients") {
                let speaks = client.get("protocol").and_then(Value::as_str).unwrap_or("openid-connect") == protocol;
                if speaks && client.contains_key(of_client) {
                    add(client, of_client, name);
                }
            }
        }
    }
}

fn has_by_default(list: &str, scope: &str) -> bool {
    let default = defaults(&kinds::REALM, &FieldPath::new([list]));
    default.and_then(Value::as_array).is_some_and(|scopes| scopes.iter().any(|it| it == scope))
}

fn protocol_of(scope: &str) -> Option<String> {
    let objects = builtin_objects("any");
    let scope = objects.get(&Address::realm("any").child(&kinds::CLIENT_SCOPE, scope))?;
    match scope.fields.get(&FieldPath::new(["protocol"]))? {
        LiveValue::Json(protocol) => protocol.as_str().map(str::to_owned),
        LiveValue::Secret(_) | LiveValue::Masked => None,
    }
}

/// Roles of the admin API that the realm could not know become a part of those that they are a part of today.
fn newer_roles(document: &mut Object) {
    let Some(Value::Object(roles)) = document.get_mut("roles") else { return };
    let Some(Value::Object(by_client)) = roles.get_mut("client") else { return };
    for (client, roles) in by_client {
        let Some(roles) = roles.as_array_mut() else { continue };
        let known: BTreeSet<String> =
            roles.iter().filter_map(|role| Some(role.get("name")?.as_str()?.to_owned())).collect();
        for role in roles.iter_mut().filter_map(Value::as_object_mut) {
            let name = role.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            for newer in composites_today(client, &name).into_iter().filter(|it| !known.contains(it)) {
                if let Some(of_clients) = table(role, "composites").and_then(|it| table(it, "client")) {
                    add(of_clients, client, &newer);
                }
            }
        }
    }
}

/// The roles of the same client that a role of it has by itself.
fn composites_today(client: &str, role: &str) -> Vec<String> {
    let address = Address::realm("any").child(&kinds::CLIENT, client).child(&kinds::CLIENT_ROLE, role);
    let Some(default) = crate::model::default_of(&address, &FieldPath::new(["composites"])) else { return Vec::new() };
    let prefix = format!("{client}:");
    crate::model::texts(&default).filter_map(|it| it.strip_prefix(&prefix)).map(str::to_owned).collect()
}
