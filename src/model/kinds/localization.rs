//! Texts of the realm's own, by locale.

use super::{ANY, Type, body};
use crate::model::Kind;

/// The texts of one locale that replace those of the themes: every field is the key of a text.
pub static LOCALIZATION: Kind = Kind {
    name: "localization",
    collection: "localization",
    // No theme has a text of this key.
    key: "locale",
    fields: &[body(ANY, Type::Text)],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: false,
    carried_at_creation: false,
};
