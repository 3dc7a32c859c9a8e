//! The truth table: one leaf of one object that exists.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::{After, Before, Cause, Secrets, meaning};
use crate::model::{FieldPath, Kind, LiveValue, SecretRef, Type, Value, sorted};

/// One leaf, as everyone sees it.
pub(super) struct Leaf<'a> {
    pub(super) kind: &'static Kind,
    pub(super) path: &'a FieldPath,
    pub(super) applied: Applied<'a>,
    pub(super) live: Option<&'a LiveValue>,
    /// The record's fingerprint of the secret that was applied.
    pub(super) fingerprint: Option<&'a str>,
}

/// What was applied last.
#[derive(Clone, Copy)]
pub(super) enum Applied<'a> {
    /// Nothing: the record does not name the leaf.
    Not,
    /// Something that cannot be read any more.
    Unknown,
    /// This.
    As(&'a Value),
}

/// How a leaf differs.
#[derive(Debug, PartialEq)]
pub(super) struct Delta {
    pub(super) before: Before,
    pub(super) after: After,
    pub(super) cause: Cause,
    pub(super) base: Option<Json>,
}

impl Leaf<'_> {
    /// What a declared leaf needs; `None` when the server has what the files want.
    pub(super) fn declared(&self, wanted: &Value, secrets: &dyn Secrets) -> Option<Delta> {
        match wanted {
            Value::Json(wanted) => self.plain(wanted),
            Value::Secret(reference) => self.secret(reference, secrets),
        }
    }

    /// Whether something else was applied than what the files say, so that the record points to another value.
    pub(super) fn is_outdated(&self, wanted: &Value) -> bool {
        match (self.applied, wanted) {
            (Applied::As(applied), wanted) if applied == wanted => false,
            (Applied::As(Value::Json(applied)), Value::Json(wanted)) => {
                !meaning::same(self.kind, self.path, Some(wanted), Some(applied))
            }
            (Applied::As(_), _) => true,
            (Applied::Not | Applied::Unknown, _) => false,
        }
    }

    /// What a leaf needs that the files no longer declare; `None` when it is as if they never had.
    pub(super) fn undeclared(&self, default: Option<&Json>) -> Option<Delta> {
        let default = default.filter(|default| !self.kind.leaf_type(self.path).is_empty(default));
        let clean = match self.live {
            None => true,
            Some(LiveValue::Json(live)) => meaning::same(self.kind, self.path, default, Some(live)),
            Some(LiveValue::Secret(_) | LiveValue::Masked) => false,
        };
        let after = default.map_or(After::Absent, |default| After::Default(default.clone()));
        (!clean).then(|| Delta { before: self.before(), after, cause: Cause::Prune, base: None })
    }

    /// Whether the leaf holds a secret, by anybody's account; a value of such a leaf is never shown.
    fn is_secret(&self) -> bool {
        self.kind.leaf_type(self.path) == Type::Secret
            || self.fingerprint.is_some()
            || matches!(self.applied, Applied::As(Value::Secret(_)))
    }

    fn before(&self) -> Before {
        match self.live {
            None => Before::Absent,
            Some(LiveValue::Json(live)) if !self.is_secret() => Before::Json(live.clone()),
            Some(_) => Before::Secret,
        }
    }

    fn plain(&self, wanted: &Json) -> Option<Delta> {
        let live = self.live_json();
        let wanted = &*self.with_server_added(wanted);
        let hidden = matches!(self.live, Some(LiveValue::Secret(_) | LiveValue::Masked));
        if !hidden && meaning::same(self.kind, self.path, Some(wanted), live) {
            return None;
        }
        let cause = self.cause(wanted, live);
        let base = match (cause, self.applied) {
            (Cause::Both, Applied::As(Value::Json(applied))) if !self.is_secret() => Some(applied.clone()),
            _ => None,
        };
        Some(Delta { before: self.before(), after: After::Json(wanted.clone()), cause, base })
    }

    /// A set with the element that the server adds by itself and has added, so that it is neither seen nor removed.
    fn with_server_added<'b>(&self, wanted: &'b Json) -> Cow<'b, Json> {
        let has = |set: Option<&Json>, element| {
            set.and_then(Json::as_array).is_some_and(|set| set.iter().any(|it| it == element))
        };
        match (self.kind.server_adds(self.path), wanted.as_array()) {
            (Some(added), Some(set)) if has(self.live_json(), added) && !has(Some(wanted), added) => {
                Cow::Owned(sorted(set.iter().cloned().chain([added.into()]).collect()))
            }
            _ => Cow::Borrowed(wanted),
        }
    }

    fn live_json(&self) -> Option<&Json> {
        match self.live {
            Some(LiveValue::Json(live)) => Some(live),
            _ => None,
        }
    }

    /// Which side moved, of a plain leaf whose sides differ.
    fn cause(&self, wanted: &Json, live: Option<&Json>) -> Cause {
        let same = |a: &Json, b: Option<&Json>| meaning::same(self.kind, self.path, Some(a), b);
        match self.applied {
            Applied::Unknown => Cause::Unexplained,
            Applied::As(Value::Json(applied)) => {
                // As `wanted` is compared; see there.
                let applied = self.with_server_added(applied);
                if same(wanted, Some(&applied)) {
                    Cause::Drift
                } else if same(&applied, live) {
                    Cause::Edit
                } else {
                    Cause::Both
                }
            }
            // It is new to us, or the files replaced a reference to a secret by a plain value.
            Applied::Not | Applied::As(Value::Secret(_)) => Cause::Edit,
        }
    }

    fn secret(&self, reference: &SecretRef, secrets: &dyn Secrets) -> Option<Delta> {
        let same = match self.live {
            // Left alone, whatever it is; that it is missing is told apart from the changes.
            _ if *reference == SecretRef::Keep => true,
            None => false,
            Some(_) if secrets.is_kept(reference) => true,
            Some(LiveValue::Secret(live)) => secrets.same(reference, live),
            // A leaf that we do not know as a secret but that the files do.
            Some(LiveValue::Json(live)) => live.as_str().is_some_and(|text| secrets.same(reference, &text.into())),
            Some(LiveValue::Masked) => self.fingerprint.is_some_and(|print| secrets.matches(reference, print)),
        };
        let before = if self.live.is_some() { Before::Secret } else { Before::Absent };
        let after = || After::Secret(reference.clone());
        (!same).then(|| Delta { before, after: after(), cause: self.secret_cause(reference, secrets), base: None })
    }

    /// Which side moved, of a secret: the fingerprint knows whether the wanted value was the one applied.
    fn secret_cause(&self, reference: &SecretRef, secrets: &dyn Secrets) -> Cause {
        match (self.applied, self.fingerprint) {
            (Applied::Not, _) => Cause::Edit,
            (_, Some(print)) if secrets.matches(reference, print) => Cause::Drift,
            (_, Some(_)) => Cause::Edit,
            (Applied::As(Value::Secret(applied)), None) if applied == reference && self.live.is_none() => Cause::Drift,
            (Applied::As(applied), None) if *applied != Value::Secret(reference.clone()) => Cause::Edit,
            // The same reference may name another value today, so an edit and a drift look alike.
            (Applied::As(_) | Applied::Unknown, None) => Cause::Unexplained,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::kinds;

    fn reset(live: Option<&LiveValue>, default: Option<&Json>) -> Option<(Before, After)> {
        let path = FieldPath::new(["rememberMe"]);
        let leaf = Leaf { kind: &kinds::REALM, path: &path, applied: Applied::Unknown, live, fingerprint: None };
        leaf.undeclared(default).map(|delta| (delta.before, delta.after))
    }

    #[test]
    fn what_leaves_the_files_returns_to_the_default() {
        let json = |value: bool| LiveValue::Json(json!(value));
        let before = |value: bool| Before::Json(json!(value));
        let (on, off, none) = (json(true), json(false), json!(""));
        assert_eq!(reset(Some(&off), Some(&json!(true))), Some((before(false), After::Default(json!(true)))));
        assert_eq!(reset(Some(&on), Some(&json!("true"))), None);
        assert_eq!(reset(Some(&on), None), Some((before(true), After::Absent)));
        assert_eq!(reset(Some(&on), Some(&none)), Some((before(true), After::Absent)));
        assert_eq!(reset(Some(&off), None), None);
        assert_eq!(reset(None, Some(&json!(true))), None);
        assert_eq!(reset(Some(&LiveValue::Masked), None), Some((Before::Secret, After::Absent)));
    }
}
