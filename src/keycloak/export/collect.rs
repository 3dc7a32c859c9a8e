//! From the one document of an export to objects by address, in the shapes that reading the realm gives.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::keycloak::ServerError;
use crate::keycloak::intake::{Intake, Taken};
use crate::keycloak::interest::Interest;
use crate::keycloak::kinds::{
    authorization, client_policy, component, flow, group, mapper, organization, user_profile, workflow,
};
use crate::keycloak::shape::{Object, object, objects, optional, text};
use crate::model::kinds::component::{USER_PROFILE_TYPE, of_provider_type};
use crate::model::{ADMIN_PERMISSIONS_CLIENT, Address, FieldPath, LiveObject, LiveValue, flatten, kinds};

/// What of the document is no setting of the realm.
const SECTIONS: &[&str] = &[
    "authenticationFlows",
    "authenticatorConfig",
    "clientPolicies",
    "clientProfiles",
    "clientScopeMappings",
    "clientScopes",
    "clients",
    "components",
    "federatedUsers",
    "groups",
    "identityProviderMappers",
    "identityProviders",
    "localizationTexts",
    "organizations",
    "requiredActions",
    "roles",
    "scopeMappings",
    "users",
    "workflows",
];

/// What a provider that makes its keys itself keeps in its configuration.
const OWN_KEYS: &[&str] = &["certificate", "keyUse", "kid", "privateKey", "secret"];

/// Takes in what the export has, each object if it matters.
pub(super) struct Collector<'a> {
    realm: Address,
    interest: &'a Interest<'a>,
    taken: Taken,
    seen: RefCell<BTreeSet<Address>>,
    default_role: RefCell<Option<String>>,
    /// The paths of the groups that are left out.
    left_out: RefCell<BTreeSet<String>>,
}

impl Intake for Collector<'_> {
    fn realm(&self) -> &Address {
        &self.realm
    }

    fn interest(&self) -> &Interest<'_> {
        self.interest
    }

    fn add(&self, address: &Address, id: &str, object: Object) -> bool {
        self.seen.borrow_mut().insert(address.clone());
        let is_default_role =
            || address.kind() == &kinds::ROLE && self.default_role.borrow().as_deref() == Some(address.name());
        self.taken.add(self.interest, address, id, object, is_default_role)
    }

    fn extend(&self, address: &Address, fields: BTreeMap<FieldPath, LiveValue>) {
        self.taken.extend(address, fields);
    }
}

impl<'a> Collector<'a> {
    pub(super) fn new(realm: Address, interest: &'a Interest<'a>) -> Self {
        let (seen, default_role, left_out) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { realm, interest, taken: Taken::default(), seen, default_role, left_out }
    }

    /// Whether the export has the object, taken in or not.
    pub(super) fn has_seen(&self, address: &Address) -> bool {
        self.seen.borrow().contains(address)
    }

    /// The objects, and those of them that are neither declared nor recorded. Files hold what a server masks; which keys of
    /// providers that Keycloak does not bring are secret, no file tells.
    pub(super) fn into_parts(self) -> (BTreeMap<Address, LiveObject>, BTreeSet<Address>) {
        self.taken.hide(&self.taken.configured(), None);
        self.taken.into_parts()
    }

    /// Adds those leaves that an object that was taken in does not have.
    pub(super) fn fill(&self, address: &Address, fields: BTreeMap<FieldPath, LiveValue>) {
        self.taken.fill(address, fields);
    }

    /// Changes an object, if it was taken in.
    pub(super) fn change(&self, address: &Address, change: impl FnOnce(&mut LiveObject)) {
        self.taken.change(address, change);
    }

    fn add_field(&self, address: &Address, name: &str, value: Value) {
        self.extend(address, flatten(address.kind(), Object::from_iter([(name.to_owned(), value)])));
    }

    /// Takes in the whole document; a kind is a line here.
    pub(super) fn collect(&self, document: &Object) -> Result<(), ServerError> {
        self.groups(document)?;
        self.realm_settings(document);
        self.roles(document)?;
        self.client_scopes(document)?;
        self.clients(document)?;
        self.identity_providers(document)?;
        flow::take_in(self, &list(document, "authenticationFlows")?, &list(document, "authenticatorConfig")?)?;
        self.components(document)?;
        self.required_actions(document)?;
        self.localization(document)?;
        self.organizations(document)?;
        self.workflows(document)?;
        self.users(document)?;
        client_policy::take_in(self, &kinds::CLIENT_PROFILE, table(document, "clientProfiles")?)?;
        client_policy::take_in(self, &kinds::CLIENT_POLICY, table(document, "clientPolicies")?)
    }

    fn realm_settings(&self, document: &Object) {
        let id = optional(document, "id").unwrap_or_default();
        *self.default_role.borrow_mut() = Some(default_role(document, &self.realm));
        let settings = document.iter().filter(|(name, _)| !SECTIONS.contains(&name.as_str()));
        let mut settings: Object = settings.map(|(name, value)| (name.clone(), value.clone())).collect();
        self.without_left_out(&mut settings, "defaultGroups");
        self.add(&self.realm, id, settings);
    }

    fn roles(&self, document: &Object) -> Result<(), ServerError> {
        let roles = table(document, "roles")?;
        let default_role = self.default_role.borrow().clone();
        for role in list(&roles, "realm")? {
            let address = self.realm.child(&kinds::ROLE, text(&role, "name")?);
            if Some(address.name()) == default_role.as_deref() {
                self.add_field(&self.realm, "defaultRoles", composites(&role)?);
            }
            self.role(&address, role)?;
        }
        for (client, roles) in table(&roles, "client")?.iter().filter(|(client, _)| *client != ADMIN_PERMISSIONS_CLIENT)
        {
            let client = self.realm.child(&kinds::CLIENT, client);
            for role in objects(roles.clone(), "the roles of a client")? {
                self.role(&client.child(&kinds::CLIENT_ROLE, text(&role, "name")?), role)?;
            }
        }
        Ok(())
    }

    fn role(&self, address: &Address, mut role: Object) -> Result<(), ServerError> {
        let composites = composites(&role)?;
        role.insert("composites".to_owned(), composites);
        self.add(address, &id_of(address, &role), role);
        Ok(())
    }

    /// A tree, in which files name each group by its path. What has a slash in its name has none, nor has what is inside of
    /// it.
    fn groups(&self, document: &Object) -> Result<(), ServerError> {
        let mut open: Vec<(String, bool, Object)> =
            list(document, "groups")?.into_iter().map(|group| (String::new(), true, group)).collect();
        while let Some((above, above_has_path, mut group)) = open.pop() {
            let path = format!("{above}/{}", text(&group, "name")?);
            let has_path = above_has_path && group::has_path(&group);
            let below = list(&group, "subGroups")?;
            open.extend(below.into_iter().map(|inner| (path.clone(), has_path, inner)));
            if !has_path {
                let written = optional(&group, "path").unwrap_or(&path).to_owned();
                self.left_out.borrow_mut().insert(written);
                continue;
            }
            group.insert("path".to_owned(), path.as_str().into());
            let address = self.realm.child(&kinds::GROUP, &path);
            self.add(&address, &id_of(&address, &group), group);
        }
        Ok(())
    }

    /// Takes groups that are left out from a list of paths.
    fn without_left_out(&self, holder: &mut Object, list: &str) {
        let left_out = self.left_out.borrow();
        if let Some(Value::Array(paths)) = holder.get_mut(list) {
            paths.retain(|path| !path.as_str().is_some_and(|path| left_out.contains(path)));
        }
    }

    /// What somebody should know of what was left out.
    pub(super) fn note(&self) -> Option<String> {
        let left_out = self.left_out.borrow();
        let paths: Vec<&str> = left_out.iter().map(String::as_str).collect();
        let note = || {
            format!("groups with a slash in the name are left out with what is inside of them: {}", paths.join(", "))
        };
        (!paths.is_empty()).then(note)
    }

    fn client_scopes(&self, document: &Object) -> Result<(), ServerError> {
        let mappings_of = ScopeMappings::new(document)?;
        for mut scope in list(document, "clientScopes")? {
            let address = self.realm.child(&kinds::CLIENT_SCOPE, text(&scope, "name")?);
            let mappers = with_ids(&address, list(&scope, "protocolMappers")?);
            scope.remove("protocolMappers");
            scope.insert("scopeMappings".to_owned(), mappings_of.of("clientScope", address.name()));
            self.add(&address, &id_of(&address, &scope), scope);
            mapper::take_in(self, &address, Some(mappers))?;
        }
        Ok(())
    }

    fn clients(&self, document: &Object) -> Result<(), ServerError> {
        let flows = list(document, "authenticationFlows")?;
        let accounts = list(document, "users")?;
        let accounts: BTreeMap<&str, &Object> =
            accounts.iter().filter_map(|user| Some((optional(user, "serviceAccountClientId")?, user))).collect();
        let mappings_of = ScopeMappings::new(document)?;
        for mut client in list(document, "clients")? {
            let address = self.realm.child(&kinds::CLIENT, text(&client, "clientId")?);
            // The server's own for admin permissions, whose objects have only ids here.
            if address.name() == ADMIN_PERMISSIONS_CLIENT {
                continue;
            }
            let mappers = with_ids(&address, list(&client, "protocolMappers")?);
            client.remove("protocolMappers");
            let services = client.remove("authorizationSettings");
            client.insert("scopeMappings".to_owned(), mappings_of.of("client", address.name()));
            if client.get("authorizationServicesEnabled") == Some(&Value::Bool(true)) {
                of_authorization(&mut client);
            }
            if let Some(Value::Object(bound)) = client.get_mut("authenticationFlowBindingOverrides") {
                bind_by_alias(bound, &flows);
            }
            if let Some(account) = accounts.get(address.name()) {
                client.insert("serviceAccount".to_owned(), self.service_account(account)?);
            }
            self.add(&address, &id_of(&address, &client), client);
            mapper::take_in(self, &address, Some(mappers))?;
            if let Some(Value::Object(services)) = services {
                authorization::take_in(self, &address, services, &|role| self.has_seen(role))?;
            }
        }
        Ok(())
    }

    /// Every user is given the default roles, a service account as well; no file says so.
    fn service_account(&self, user: &Object) -> Result<Value, ServerError> {
        let mut user = user.clone();
        self.without_left_out(&mut user, "groups");
        let groups = user.remove("groups").unwrap_or_default();
        Ok(
            json!({ "realmRoles": self.own_roles(&user), "clientRoles": table(&user, "clientRoles")?, "groups": groups }),
        )
    }

    fn own_roles(&self, user: &Object) -> Vec<String> {
        let default_role = self.default_role.borrow();
        texts(user.get("realmRoles")).into_iter().filter(|role| Some(role) != default_role.as_ref()).collect()
    }

    fn identity_providers(&self, document: &Object) -> Result<(), ServerError> {
        let mappers = list(document, "identityProviderMappers")?;
        for provider in list(document, "identityProviders")? {
            let address = self.realm.child(&kinds::IDENTITY_PROVIDER, text(&provider, "alias")?);
            let own = mappers.iter().filter(|it| optional(it, "identityProviderAlias") == Some(address.name()));
            let own = with_ids(&address, own.cloned().collect());
            self.add(&address, address.name(), provider);
            mapper::take_in(self, &address, Some(own))?;
        }
        Ok(())
    }

    fn components(&self, document: &Object) -> Result<(), ServerError> {
        let mut flat = Vec::new();
        let realm_id = optional(document, "id").unwrap_or_default();
        flatten_components(&table(document, "components")?, realm_id, &mut flat)?;
        for component in &flat {
            if optional(component, "providerType") == Some(USER_PROFILE_TYPE) {
                self.user_profile(component)?;
            }
        }
        component::take_in(self, flat)
    }

    /// The profile is JSON in the configuration of a component.
    fn user_profile(&self, component: &Object) -> Result<(), ServerError> {
        let config = component.get("config").and_then(|it| it.get("kc.user.profile.config")?.get(0)?.as_str());
        let Some(config) = config else { return Ok(()) };
        let profile = serde_json::from_str(config).map_err(|_| ServerError::shape("kc.user.profile.config", "JSON"))?;
        user_profile::take_in(self, object(profile, "the user profile")?)
    }

    fn required_actions(&self, document: &Object) -> Result<(), ServerError> {
        for action in list(document, "requiredActions")? {
            let address = self.realm.child(&kinds::REQUIRED_ACTION, text(&action, "alias")?);
            self.add(&address, address.name(), action);
        }
        Ok(())
    }

    fn organizations(&self, document: &Object) -> Result<(), ServerError> {
        for organization in list(document, "organizations")? {
            let id = optional(&organization, "id").unwrap_or_default().to_owned();
            organization::take_in(self, &id, organization)?;
        }
        Ok(())
    }

    fn workflows(&self, document: &Object) -> Result<(), ServerError> {
        for workflow in list(document, "workflows")? {
            let id = optional(&workflow, "id").unwrap_or_default().to_owned();
            workflow::take_in(self, &id, workflow)?;
        }
        Ok(())
    }

    /// Users of the realm's own: those of a directory are its business, and the accounts of services are their clients'.
    fn users(&self, document: &Object) -> Result<(), ServerError> {
        let is_own = |user: &Object| {
            !["serviceAccountClientId", "federationLink"].iter().any(|field| optional(user, field).is_some())
        };
        for mut user in list(document, "users")?.into_iter().filter(is_own) {
            let address = self.realm.child(&kinds::USER, text(&user, "username")?);
            user.insert("realmRoles".to_owned(), self.own_roles(&user).into());
            self.without_left_out(&mut user, "groups");
            let has_password = list(&user, "credentials")?.iter().any(|it| optional(it, "type") == Some("password"));
            if self.add(&address, &id_of(&address, &user), user) && has_password {
                self.extend(&address, [(FieldPath::new(["password"]), LiveValue::Masked)].into());
            }
        }
        Ok(())
    }

    fn localization(&self, document: &Object) -> Result<(), ServerError> {
        for (locale, texts) in table(document, "localizationTexts")? {
            let address = self.realm.child(&kinds::LOCALIZATION, locale);
            self.add(&address, address.name(), object(texts, "the texts of a locale")?);
        }
        Ok(())
    }
}

/// The name of the role that holds the default roles.
fn default_role(document: &Object, realm: &Address) -> String {
    let name = document.get("defaultRole").and_then(|role| role.get("name")?.as_str());
    name.map_or_else(|| format!("default-roles-{}", realm.name().to_lowercase()), str::to_owned)
}

/// The composites of a role as a set: `auditor`, `shop:refund`.
fn composites(role: &Object) -> Result<Value, ServerError> {
    let composites = table(role, "composites")?;
    let mut names = texts(composites.get("realm"));
    for (client, roles) in &table(&composites, "client")? {
        names.extend(texts(Some(roles)).into_iter().map(|role| format!("{client}:{role}")));
    }
    names.sort();
    Ok(names.into())
}

/// What the server makes of a client with authorization services, whatever a file written by hand says of it
/// (`RepresentationToModel.importAuthorizationSettings` of 26.7.4).
fn of_authorization(client: &mut Object) {
    for (field, value) in [("serviceAccountsEnabled", true), ("publicClient", false), ("bearerOnly", false)] {
        client.insert(field.to_owned(), value.into());
    }
}

/// The roles that each client or client scope may put into tokens, as sorted names. Those of the realm and those of clients
/// are two lists of the export.
struct ScopeMappings(BTreeMap<(&'static str, String), Vec<String>>);

impl ScopeMappings {
    fn new(document: &Object) -> Result<Self, ServerError> {
        let mut found = Self(BTreeMap::new());
        found.add(&list(document, "scopeMappings")?, |role| role);
        for (client, mappings) in table(document, "clientScopeMappings")? {
            found.add(&objects(mappings, "the scope mappings")?, |role| format!("{client}:{role}"));
        }
        found.0.values_mut().for_each(|roles| roles.sort());
        Ok(found)
    }

    fn add(&mut self, mappings: &[Object], name: impl Fn(String) -> String) {
        for mapping in mappings {
            for holder in ["client", "clientScope"] {
                if let Some(holder_name) = optional(mapping, holder) {
                    let roles = self.0.entry((holder, holder_name.to_owned())).or_default();
                    roles.extend(texts(mapping.get("roles")).into_iter().map(&name));
                }
            }
        }
    }

    fn of(&self, holder: &'static str, name: &str) -> Value {
        self.0.get(&(holder, name.to_owned())).cloned().unwrap_or_default().into()
    }
}

/// The server names flows by id. One that is no top-level flow cannot be said in a file.
fn bind_by_alias(bound: &mut Object, flows: &[Object]) {
    let is_top = |flow: &&Object| flow.get("topLevel") != Some(&Value::Bool(false));
    let alias = |id: &str| {
        let mut top = flows.iter().filter(is_top);
        let flow = top.find(|flow| optional(flow, "id") == Some(id) || optional(flow, "alias") == Some(id))?;
        optional(flow, "alias").map(Value::from)
    };
    *bound = bound.iter().filter_map(|(name, id)| Some((name.clone(), alias(id.as_str()?)?))).collect();
}

/// Components by provider type, each with those below it, as the list that the server answers.
fn flatten_components(by_type: &Object, parent: &str, flat: &mut Vec<Object>) -> Result<(), ServerError> {
    for (provider_type, components) in by_type {
        for (index, mut component) in objects(components.clone(), "the components")?.into_iter().enumerate() {
            let below = table(&component, "subComponents")?;
            component.remove("subComponents");
            let id =
                optional(&component, "id").map_or_else(|| format!("{parent}/{provider_type}/{index}"), str::to_owned);
            without_own_keys(provider_type, &mut component);
            component.insert("id".to_owned(), id.as_str().into());
            component.insert("parentId".to_owned(), parent.into());
            component.insert("providerType".to_owned(), provider_type.as_str().into());
            flat.push(component);
            flatten_components(&below, &id, flat)?;
        }
    }
    Ok(())
}

/// `kc.sh export` writes the keys that a provider made itself, which the server shows nobody.
fn without_own_keys(provider_type: &str, component: &mut Object) {
    let makes_its_own = optional(component, "providerId").is_some_and(|id| id.ends_with("-generated"));
    if of_provider_type(provider_type) != Some(&kinds::KEY_PROVIDER) || !makes_its_own {
        return;
    }
    if let Some(Value::Object(config)) = component.get_mut("config") {
        config.retain(|key, _| !OWN_KEYS.contains(&key.as_str()));
    }
}

/// Whoever writes a file by hand gives no ids, and nobody needs them: an export is never written to.
fn with_ids(parent: &Address, mappers: Vec<Object>) -> Value {
    let with_id = |mut mapper: Object| {
        mapper.entry("id").or_insert_with(|| parent.to_string().into());
        Value::Object(mapper)
    };
    mappers.into_iter().map(with_id).collect()
}

fn id_of(address: &Address, object: &Object) -> String {
    optional(object, "id").map_or_else(|| address.to_string(), str::to_owned)
}

/// A list of objects of the document; none where there is no such list.
pub(super) fn list(object: &Object, name: &str) -> Result<Vec<Object>, ServerError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(items) => objects(items.clone(), name),
    }
}

/// A table of the document; an empty one where there is none.
pub(super) fn table(parent: &Object, name: &str) -> Result<Object, ServerError> {
    match parent.get(name) {
        None | Some(Value::Null) => Ok(Object::new()),
        Some(table) => object(table.clone(), name),
    }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}
