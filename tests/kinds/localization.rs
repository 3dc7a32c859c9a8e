//! Texts of the realm's own.

use realmform::model::kinds::LOCALIZATION;
use serde_json::json;

use super::story::{Story, covers};
use crate::support::project::Project;

const STORY: Story = Story {
    realm: "kinds-localization",
    kind: &LOCALIZATION,
    table: "localization.de",
    fixed: "",
    samples: &[
        ("loginTitle", "\"Willkommen\"", "\"Willkommen bei {0}\""),
        ("\"error.missing/field\"", "\"fehlt\"", "\"\"\"fehlt\nganz\"\"\""),
        ("id", "\"Kennung\"", "\"Ausweis\""),
    ],
    at_once: 1,
    others: "",
    by_hand: |admin| admin.post("localization/de", &json!({"byHand": "x"})),
    raw: |admin| admin.get("localization/de"),
    follows: &[],
};

#[test]
fn life_of_a_localization() {
    covers(&LOCALIZATION, &[&STORY]);
    let told = STORY.tell();
    // Somebody else's texts are in it.
    told.delete(&[], |admin| admin.get("localization/de") == json!({"byHand": "x"}));
}

/// A locale is deleted when nobody else has texts in it, and is there when the files say so, even without any.
#[test]
fn a_locale_ends_with_its_last_text() {
    let project = Project::new("kinds-locale");
    project.write_realm(
        "[localization.de]\na = \"1\"\n\"b.c\" = \"2\"\n[localization.fr]\n[localization.it]\na = \"x\"\n",
    );
    project.apply();
    let admin = project.admin();
    assert_eq!(admin.get("localization"), json!(["de", "fr", "it"]));
    admin.post("localization/it", &json!({"b": "theirs"}));
    project.write_realm("displayName = \"A\"\n");
    assert_eq!(
        project.changes(),
        [
            "update : displayName (edit)",
            "delete localization/de",
            "delete localization/fr",
            "update localization/it: a (prune)",
        ]
    );
    project.apply();
    assert_eq!((admin.get("localization"), admin.get("localization/it")), (json!(["it"]), json!({"b": "theirs"})));
}

/// A PUT of the realm leaves the texts alone.
#[test]
fn a_changed_realm_keeps_its_texts() {
    let project = Project::new("kinds-locale-realm");
    project.write_realm("[localization.de]\na = \"1\"\n");
    project.apply();
    project.write_realm("displayName = \"A\"\nattributes.x = \"y\"\n[localization.de]\na = \"1\"\n");
    project.apply();
    assert_eq!(project.admin().get("localization/de"), json!({"a": "1"}));
}
