//! What of a drift the files can take over: which value, field and object of them, and what has to be left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value as Json;

use super::{Action, Before, Change, FieldChange, RealmDrift, meaning};
use crate::model::{
    Address, Desired, DesiredObject, DesiredRealm, FieldPath, Kind, Live, LiveRealm, LiveValue, Origin, RealmName,
    Type, Value, default_of, kinds, sorted,
};

/// A drift, seen from the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adoption {
    /// What the files take over, by address and path.
    pub takeovers: Vec<Takeover>,
    /// What they cannot, and why.
    pub left_out: Vec<LeftOut>,
}

/// One thing that the files say otherwise from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct Takeover {
    /// The object.
    pub address: Address,
    /// Where it is declared now.
    pub origin: Origin,
    /// What becomes of it.
    pub what: What,
}

impl Adoption {
    /// Leaves out what there is a reason for, and with a deleted object what went with it.
    pub fn leave_out(&mut self, mut why: impl FnMut(&Takeover) -> Option<Reason>) {
        let Self { takeovers, left_out } = self;
        takeovers.retain(|takeover| {
            let Some(reason) = why(takeover) else { return true };
            let (address, path) = (takeover.address.clone(), takeover.path().cloned());
            left_out.push(LeftOut { address, path, origin: Some(takeover.origin.clone()), reason });
            false
        });
        let stays = |address: &Address| left_out.iter().any(|it| it.path.is_none() && goes_with(address, &it.address));
        takeovers.retain(|takeover| takeover.what != What::Object || !stays(&takeover.address));
    }
}

impl Takeover {
    /// The leaf; `None` where it is all of the object.
    pub fn path(&self) -> Option<&FieldPath> {
        match &self.what {
            What::Value { path, .. } | What::Gone { path } => Some(path),
            What::Object => None,
        }
    }
}

/// What becomes of something that is declared.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A leaf gets another value.
    Value {
        /// Which leaf.
        path: FieldPath,
        /// What the files say.
        was: Json,
        /// What the server has.
        now: Json,
        /// For the executions of a flow: all configurations on the server, by the paths of their leaves; `None` is a secret.
        configs: BTreeMap<FieldPath, Option<Json>>,
    },
    /// A leaf is no longer there.
    Gone {
        /// Which leaf.
        path: FieldPath,
    },
    /// The object is no longer there, nor what hangs below it.
    Object,
}

/// Something that drifted and that the files do not take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The object.
    pub address: Address,
    /// Its leaf; `None` where it is all of the object.
    pub path: Option<FieldPath>,
    /// Where it is declared; `None` where it no longer is.
    pub origin: Option<Origin>,
    /// Why.
    pub reason: Reason,
}

/// Why the files do not take something over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The files say otherwise than was applied, too.
    FilesMoved,
    /// It is a secret.
    Secret,
    /// Its value has a secret of the files in it.
    HoldsSecret,
    /// `preventDestroy`, of its lifecycle or of the policy, is to keep the object.
    Guarded,
    /// What was applied last cannot be read.
    Unexplained,
    /// The realm is to be renamed.
    Renamed,
    /// A blueprint says it, of other realms as well.
    OfBlueprint,
    /// It cannot be written into the file as that is.
    Unwritable(String),
}

impl fmt::Display for LeftOut {
    /// `acme/roles/clerk.description: the files moved as well; decide by hand: acme/realm.toml:3`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, path, origin, reason } = self;
        write!(f, "{address}")?;
        if let Some(path) = path {
            write!(f, ".{path}")?;
        }
        let place = |f: &mut fmt::Formatter<'_>| origin.iter().try_for_each(|origin| write!(f, ": {origin}"));
        f.write_str(": ")?;
        match reason {
            Reason::FilesMoved if origin.is_none() => {
                f.write_str("the files moved as well, and no longer declare it; `realmform apply` carries that out")
            }
            Reason::FilesMoved => {
                f.write_str("the files moved as well; decide by hand")?;
                place(f)
            }
            Reason::Secret => {
                f.write_str(
                    "a secret is never written; `realmform drift --revert` sets it back, or give the variable or file \
                     that it names the server's value",
                )?;
                place(f)
            }
            Reason::OfBlueprint => {
                f.write_str("a blueprint says it; say otherwise in the realm's own files, or change the blueprint")?;
                place(f)
            }
            Reason::HoldsSecret => {
                f.write_str("what the server has there holds a secret of the files, and a secret is never written")?;
                place(f)
            }
            Reason::Guarded => {
                f.write_str(
                    "it was deleted, and preventDestroy is to keep it; `realmform drift --revert` makes it again, or \
                     remove it by hand",
                )?;
                place(f)
            }
            Reason::Unexplained => f.write_str(
                "what was applied last cannot be read from git, so that an edit and drift look alike; fetch that \
                 commit, or decide by hand",
            ),
            Reason::Renamed => f.write_str("the realm is to be renamed; apply that first, or take it back"),
            Reason::Unwritable(why) => {
                write!(f, "{why}; write it by hand")?;
                place(f)
            }
        }
    }
}

/// What the files can take over of what moved on the server. `base` is what the files said when it was applied.
pub fn adoption<'a>(
    drifts: impl IntoIterator<Item = (&'a RealmName, &'a RealmDrift)>,
    desired: &Desired,
    live: &Live,
    base: &BTreeMap<RealmName, &DesiredRealm>,
) -> Adoption {
    let mut adoption = Adoption::default();
    for (name, drift) in drifts.into_iter().filter(|(_, drift)| !drift.moved.changes.is_empty()) {
        let Some(live) = live.realms.get(name) else { continue };
        let whole = |reason| LeftOut { address: Address::realm(name), path: None, origin: None, reason };
        match base.get(name) {
            _ if live.renamed_from.is_some() => adoption.left_out.push(whole(Reason::Renamed)),
            Some(base) if drift.is_explained => {
                let nothing = DesiredRealm::default();
                let desired = desired.realms.get(name).unwrap_or(&nothing);
                let mut realm = Realm { desired, live, base, adoption: &mut adoption, kept: Vec::new() };
                drift.moved.changes.iter().for_each(|change| realm.change(change));
            }
            _ => adoption.left_out.push(whole(Reason::Unexplained)),
        }
    }
    adoption
}

/// One realm, object by object.
struct Realm<'a> {
    desired: &'a DesiredRealm,
    live: &'a LiveRealm,
    base: &'a DesiredRealm,
    adoption: &'a mut Adoption,
    /// Objects that were deleted and stay in the files, with what goes with them.
    kept: Vec<Address>,
}

impl Realm<'_> {
    fn change(&mut self, change: &Change) {
        let address = &change.address;
        let Some(object) = self.desired.objects.get(address) else {
            return self.leave_out(address, None, None, Reason::FilesMoved);
        };
        if change.action == Action::Create {
            return self.deleted(address, object);
        }
        for field in &change.fields {
            self.field(address, object, field);
        }
    }

    /// An object that somebody deleted on the server.
    fn deleted(&mut self, address: &Address, object: &DesiredObject) {
        if self.kept.iter().any(|kept| goes_with(address, kept)) {
            return;
        }
        let below = self.desired.objects.iter().filter(|(at, _)| goes_with(at, address));
        let mut reason = None;
        for (at, object) in below {
            let is_as_applied = self.base.objects.get(at).is_some_and(|base| says_the_same(base, object));
            if !is_as_applied {
                reason = Some((Reason::FilesMoved, object.origin.clone()));
                break;
            }
            if object.lifecycle.prevent_destroy {
                reason = Some((Reason::Guarded, object.origin.clone()));
            }
        }
        match reason {
            Some((reason, origin)) => {
                self.kept.push(address.clone());
                self.leave_out(address, None, Some(&origin), reason);
            }
            None => self.take_over(address, &object.origin, What::Object),
        }
    }

    fn field(&mut self, address: &Address, object: &DesiredObject, field: &FieldChange) {
        let path = &field.path;
        let Some(declared) = object.fields.get(path) else {
            return self.leave_out(address, Some(path), None, Reason::FilesMoved);
        };
        let origin = &declared.origin;
        let applied = self.base.objects.get(address).and_then(|base| base.fields.get(path)).map(|it| &it.value);
        match (&declared.value, applied, &field.before) {
            (_, _, Before::Secret) => self.leave_out(address, Some(path), Some(origin), Reason::Secret),
            (Value::Secret(wanted), Some(Value::Secret(applied)), Before::Absent) if wanted == applied => {
                self.take_over(address, origin, What::Gone { path: path.clone() });
            }
            (Value::Json(wanted), Some(Value::Json(applied)), before)
                if meaning::same(object.kind, path, Some(wanted), Some(applied)) =>
            {
                let live = match before {
                    Before::Json(live) => Some(live),
                    Before::Absent | Before::Secret => None,
                };
                let what = self.value(address, object.kind, path, wanted, live);
                self.take_over(address, origin, what);
            }
            _ => self.leave_out(address, Some(path), Some(origin), Reason::FilesMoved),
        }
    }

    /// What a leaf becomes of which the server has `live`.
    fn value(&self, address: &Address, kind: &Kind, path: &FieldPath, was: &Json, live: Option<&Json>) -> What {
        let Some(live) = live.cloned().or_else(|| emptied(address, path)) else {
            return What::Gone { path: path.clone() };
        };
        let now = without_added(kind, path, was, live);
        let is_flow = kind.leaf_type(path) == Type::Executions;
        let configs = if is_flow { self.configs(address) } else { BTreeMap::new() };
        What::Value { path: path.clone(), was: was.clone(), now, configs }
    }

    /// The configurations of a flow's executions on the server. What a file has as a secret is one by any name.
    fn configs(&self, address: &Address) -> BTreeMap<FieldPath, Option<Json>> {
        let key = |path: &FieldPath| path.rest().nth(1).map(str::to_owned);
        let declared = self.desired.objects.get(address).into_iter().flat_map(|object| &*object.fields);
        let secret: BTreeSet<String> = declared
            .filter(|(_, declared)| matches!(declared.value, Value::Secret(_)))
            .filter_map(|(path, _)| key(path))
            .collect();
        let fields = self.live.objects.get(address).into_iter().flat_map(|object| &object.fields);
        let configs = fields.filter_map(|(path, value)| {
            let key = key(path)?;
            let value = match value {
                LiveValue::Json(value) if !secret.contains(&key) => Some(value.clone()),
                LiveValue::Json(_) | LiveValue::Secret(_) | LiveValue::Masked => None,
            };
            Some((path.clone(), value))
        });
        configs.collect()
    }

    fn take_over(&mut self, address: &Address, origin: &Origin, what: What) {
        if origin.via.is_some() {
            let path = match &what {
                What::Object => None,
                What::Value { path, .. } | What::Gone { path } => Some(path),
            };
            return self.leave_out(address, path, Some(origin), Reason::OfBlueprint);
        }
        let (address, origin) = (address.clone(), origin.clone());
        self.adoption.takeovers.push(Takeover { address, origin, what });
    }

    fn leave_out(&mut self, address: &Address, path: Option<&FieldPath>, origin: Option<&Origin>, reason: Reason) {
        let (address, path, origin) = (address.clone(), path.cloned(), origin.cloned());
        self.adoption.left_out.push(LeftOut { address, path, origin, reason });
    }
}

/// Whether an object is another one, hangs below it or is a group inside of it.
fn goes_with(address: &Address, other: &Address) -> bool {
    if address.is_within(other) {
        return true;
    }
    let is_group = |it: &Address| it.kind() == &kinds::GROUP;
    is_group(address)
        && is_group(other)
        && std::iter::successors(Some(address.clone()), Address::container).any(|it| it == *other)
}

fn says_the_same(a: &DesiredObject, b: &DesiredObject) -> bool {
    let values = |object: &DesiredObject| -> Vec<(FieldPath, Value)> {
        object.fields.iter().map(|(path, declared)| (path.clone(), declared.value.clone())).collect()
    };
    values(a) == values(b)
}

/// What to say of a leaf that was emptied, where silence would mean something else.
fn emptied(address: &Address, path: &FieldPath) -> Option<Json> {
    match &*default_of(address, path)? {
        Json::Array(items) if !items.is_empty() => Some(Json::Array(Vec::new())),
        Json::String(text) if !text.is_empty() => Some(Json::from("")),
        _ => None,
    }
}

/// A set without what the server itself adds to it, unless the files name that.
fn without_added(kind: &Kind, path: &FieldPath, was: &Json, live: Json) -> Json {
    let (Some(added), Json::Array(items)) = (kind.server_adds(path), &live) else { return live };
    if was.as_array().is_some_and(|was| was.iter().any(|it| it == added)) {
        return live;
    }
    sorted(items.iter().filter(|it| *it != added).cloned().collect())
}

/// What became of takeovers when the files were read again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Misread {
    /// Those that do not read back as they should, by index, and why.
    pub takeovers: BTreeMap<usize, String>,
    /// Something else that reads otherwise than before.
    pub other: Option<String>,
}

/// Compares what the files say with what they said before some takeovers: these, and nothing else, have to be new.
pub fn misread(takeovers: &[Takeover], before: &Desired, after: &Desired) -> Misread {
    let mut misread = Misread::default();
    let object = |desired: &'_ Desired, address: &Address| {
        desired.realms.get(address.realm_name()).and_then(|realm| realm.objects.get(address)).cloned()
    };
    for (index, takeover) in takeovers.iter().enumerate() {
        if !is_read(takeover, object(after, &takeover.address).as_ref()) {
            misread.takeovers.insert(index, "the file cannot say that".to_owned());
        }
    }
    for (address, was) in before.realms.values().flat_map(|realm| &realm.objects) {
        let goes = |it: &Takeover| it.what == What::Object && goes_with(address, &it.address);
        if takeovers.iter().any(goes) {
            continue;
        }
        if let Some(is) = object(after, address) {
            let what = moved(address, was, &is, takeovers);
            misread.other = misread.other.or(what.map(|what| format!("{what} would read otherwise")));
            continue;
        }
        // Only what hung below it was said of it.
        let below = |it: &Takeover| it.what == What::Object && goes_with(&it.address, address);
        let below = takeovers.iter().enumerate().filter(|(_, it)| below(it));
        let why = format!("without it the files would no longer declare {address}");
        let below: BTreeMap<usize, String> = below.map(|(index, _)| (index, why.clone())).collect();
        if below.is_empty() {
            misread.other = Some(format!("{address} would no longer be declared"));
        }
        misread.takeovers.extend(below);
    }
    let is_new =
        |address: &&Address| object(before, address).is_none() && before.realms.contains_key(address.realm_name());
    if let Some(new) = after.realms.values().flat_map(|realm| realm.objects.keys()).find(is_new) {
        misread.other = Some(format!("{new} would be declared"));
    }
    misread
}

/// What reads otherwise of an object that no takeover is about.
fn moved(address: &Address, was: &DesiredObject, is: &DesiredObject, takeovers: &[Takeover]) -> Option<String> {
    // What configures executions comes and goes with these.
    let is_tree = |path: &FieldPath| path.top() == "executions" && path.rest().next().is_none();
    let taken: BTreeSet<&FieldPath> =
        takeovers.iter().filter(|it| it.address == *address).filter_map(Takeover::path).collect();
    let is_flow = taken.iter().any(|path| is_tree(path));
    let is_taken = |path: &FieldPath| taken.contains(path) || (is_flow && path.top() == "executions");
    let differs = |path: &FieldPath| match (was.fields.get(path), is.fields.get(path)) {
        (Some(was), Some(is)) => match (&was.value, &is.value) {
            (Value::Secret(_), Value::Secret(_)) => false,
            (was, is) => was != is,
        },
        _ => true,
    };
    let mut paths = was.fields.keys().chain(is.fields.keys());
    match paths.find(|path| !is_taken(path) && differs(path)) {
        Some(path) => Some(format!("{address}.{path}")),
        None => (was.lifecycle != is.lifecycle).then(|| format!("lifecycle of {address}")),
    }
}

fn is_read(takeover: &Takeover, object: Option<&DesiredObject>) -> bool {
    match (&takeover.what, object) {
        (What::Object, object) => object.is_none(),
        (_, None) => false,
        (What::Gone { path }, Some(object)) => !object.fields.contains_key(path),
        (What::Value { path, now, .. }, Some(object)) => {
            match object.fields.get(path).map(|declared| &declared.value) {
                Some(Value::Json(said)) => meaning::same(object.kind, path, Some(said), Some(now)),
                Some(Value::Secret(_)) | None => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::drift;
    use crate::diff::testing::{Scene, at};
    use crate::model::Lifecycle;

    /// What is taken over and what is left out, a line each.
    fn told(scene: &Scene) -> Vec<String> {
        let bases = scene.base.iter().map(|(name, realm)| (name.clone(), realm)).collect();
        let drifts = drift(&scene.desired, &scene.live, &bases, scene);
        let Adoption { takeovers, left_out } = adoption(&drifts, &scene.desired, &scene.live, &bases);
        let taken = takeovers.iter().map(|it| {
            let address = &it.address;
            match &it.what {
                What::Value { path, now, .. } => format!("{address}.{path} = {now}"),
                What::Gone { path } => format!("{address}.{path} goes"),
                What::Object => format!("{address} goes"),
            }
        });
        taken.chain(left_out.iter().map(ToString::to_string)).collect()
    }

    /// A field of the realm as it was applied, as the files have it, and as the server has it.
    fn field(applied: &Json, wanted: &Json, live: &Json) -> Vec<String> {
        told(&Scene::empty().applied("", applied).wants("", wanted).has("", live))
    }

    #[test]
    fn a_field_by_who_moved_it() {
        let (a, b, c) = (json!({"displayName": "a"}), json!({"displayName": "b"}), json!({"displayName": "c"}));
        let none = json!({});
        assert_eq!(field(&a, &a, &b), ["acme.displayName = \"b\""]);
        assert_eq!(field(&a, &a, &none), ["acme.displayName goes"]);
        // Both moved: to the same end, and apart.
        assert_eq!(field(&a, &b, &b), [""; 0]);
        assert_eq!(field(&a, &none, &none), [""; 0]);
        assert_eq!(field(&a, &b, &c), ["acme.displayName: the files moved as well; decide by hand: acme/realm.toml:2"]);
        assert_eq!(
            field(&a, &none, &b),
            ["acme.displayName: the files moved as well, and no longer declare it; `realmform apply` carries that out"]
        );
        // Only the files moved, or nobody.
        assert_eq!(field(&a, &b, &a), [""; 0]);
        assert_eq!(field(&a, &a, &a), [""; 0]);
    }

    #[test]
    fn silence_must_not_mean_another_value() {
        let on = json!({"eventsListeners": ["x"]});
        assert_eq!(field(&on, &on, &json!({})), ["acme.eventsListeners = []"]);
        // A value that the server shows is said, also where it is Keycloak's own: it goes on being managed.
        let lifespan = |seconds: i64| json!({"accessTokenLifespan": seconds});
        assert_eq!(field(&lifespan(600), &lifespan(600), &lifespan(300)), ["acme.accessTokenLifespan = 300"]);
        // What the server adds by itself is not said.
        let client = |scopes: &[&str]| json!({"defaultClientScopes": scopes});
        let scene = Scene::new().applied("clients/shop", &client(&["a"])).wants("clients/shop", &client(&["a"]));
        let scene = scene.has("clients/shop", &client(&["a", "b", "service_account"]));
        assert_eq!(told(&scene), ["acme/clients/shop.defaultClientScopes = [\"a\",\"b\"]"]);
    }

    #[test]
    fn a_secret_is_left_out() {
        let secret = json!({"secret": {"env": "S"}});
        let mut scene = Scene::new().settled("clients/shop", &secret).has("clients/shop", &json!({"secret": "other"}));
        scene.env.insert("S", "mine");
        let told = told(&scene);
        assert!(told[0].starts_with("acme/clients/shop.secret: a secret is never written; "), "{told:?}");
        assert!(told[0].ends_with(": acme/clients.toml:2") && told.len() == 1, "{told:?}");
    }

    #[test]
    fn an_object_goes_with_all_that_files_say_of_it() {
        let applied = || {
            let scene = Scene::new().applied("clients/shop", &json!({"name": "a"}));
            scene.applied("clients/shop/roles/x", &json!({})).wants("clients/shop/roles/x", &json!({}))
        };
        let gone = applied().wants("clients/shop", &json!({"name": "a"}));
        assert_eq!(told(&gone), ["acme/clients/shop goes", "acme/clients/shop/roles/x goes"]);
        let edited = applied().wants("clients/shop", &json!({"name": "b"}));
        assert_eq!(told(&edited), ["acme/clients/shop: the files moved as well; decide by hand: acme/clients.toml:1"]);
        let extended = applied().wants("clients/shop", &json!({"name": "a"})).wants("clients/shop/roles/y", &json!({}));
        assert_eq!(
            told(&extended),
            ["acme/clients/shop: the files moved as well; decide by hand: acme/clients.toml:1"]
        );
        let guard = Lifecycle { prevent_destroy: true, ..Lifecycle::default() };
        let guarded = told(&applied().wants("clients/shop", &json!({"name": "a"})).lifecycle("clients/shop", guard));
        assert!(guarded[0].contains("and preventDestroy is to keep it") && guarded.len() == 1, "{guarded:?}");
        // Groups inside of a group are not below it.
        let group = |scene: Scene, path: &str| scene.applied(path, &json!({})).wants(path, &json!({}));
        let staff = group(group(Scene::new(), "groups/\"/staff\""), "groups/\"/staff/ops\"");
        assert_eq!(told(&staff), ["acme/groups/\"/staff\" goes", "acme/groups/\"/staff/ops\" goes"]);
        let more = staff.wants("groups/\"/staff/new\"", &json!({}));
        assert_eq!(
            told(&more),
            ["acme/groups/\"/staff\": the files moved as well; decide by hand: acme/groups.toml:1"]
        );
    }

    #[test]
    fn what_went_with_an_object_stays_with_it() {
        let object = |address: &str| Takeover {
            address: at(address),
            origin: Scene::new().wants(address, &json!({})).desired.realms["acme"].objects[&at(address)].origin.clone(),
            what: What::Object,
        };
        let addresses = ["clients/shop", "clients/shop/roles/x", "clients/shop-2"];
        let mut adoption = Adoption { takeovers: addresses.map(object).to_vec(), left_out: Vec::new() };
        adoption.leave_out(|it| (it.address == at("clients/shop")).then_some(Reason::Guarded));
        let left: Vec<&Address> = adoption.takeovers.iter().map(|it| &it.address).collect();
        assert_eq!((left, adoption.left_out.len()), (vec![&at("clients/shop-2")], 1));
    }

    #[test]
    fn nothing_is_taken_over_without_knowing_what_was_applied() {
        let scene = Scene::empty().applied("", &json!({"displayName": "a"})).wants("", &json!({"displayName": "a"}));
        let told = told(&scene.has("", &json!({"displayName": "b"})).without_base());
        assert!(
            told[0].starts_with("acme: what was applied last cannot be read from git") && told.len() == 1,
            "{told:?}"
        );
    }

    #[test]
    fn what_reads_otherwise_is_noticed() {
        let before = Scene::new().wants("roles/a", &json!({"description": "x"})).wants("roles/b", &json!({})).desired;
        let after = Scene::new().wants("roles/a", &json!({"description": "y"})).desired;
        let origin = before.realms["acme"].objects[&at("roles/b")].origin.clone();
        let gone = Takeover { address: at("roles/b"), origin: origin.clone(), what: What::Object };
        let path = FieldPath::new(["description"]);
        let (was, now) = (json!("x"), json!("y"));
        let value = What::Value { path, was, now, configs: BTreeMap::new() };
        let changed = Takeover { address: at("roles/a"), origin, what: value };
        assert_eq!(misread(&[gone.clone(), changed.clone()], &before, &after), Misread::default());
        let other = misread(std::slice::from_ref(&changed), &before, &after).other.unwrap();
        assert_eq!(other, "acme/roles/b would no longer be declared");
        let other = misread(std::slice::from_ref(&gone), &before, &after).other.unwrap();
        assert_eq!(other, "acme/roles/a.description would read otherwise");
        let unread = misread(&[gone, changed], &before, &before).takeovers;
        assert_eq!(unread.into_keys().collect::<Vec<_>>(), [0, 1]);
    }
}
