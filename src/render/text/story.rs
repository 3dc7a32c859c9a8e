//! The story of one object, leaf by leaf.

use serde_json::Value as Json;

use super::drift::{applied, told};
use super::{Line, Options, Page, Paint, cause_word, reference_text, touched};
use crate::model::Value;
use crate::plan::explain::{LeafStory, Side, Story};
use crate::render::escape::safe;

/// Where an object and its leaves come from, and what became of them.
pub fn story(story: &Story, options: Options) -> String {
    let mut page = Page::new(options, true);
    page.heading(story);
    for leaf in &story.leaves {
        page.blank();
        page.leaf(leaf);
    }
    page.text
}

impl Page<'_> {
    fn heading(&mut self, story: &Story) {
        let Story { address, origin, exists, applied: record, is_recorded, .. } = story;
        let title = format!("{} {}", address.kind().name, safe(address.name())).trim_end().to_owned();
        // A realm's name is its address.
        let aside = address.parent().map(|_| address.to_string()).unwrap_or_default();
        let line = Line::new(0, '#', title).aside(safe(&aside)).side(origin.as_ref(), "");
        self.line(&line.painted(Paint::Title));
        let mut facts = vec![match (exists, origin) {
            (None, _) => "its realm is not on the server".to_owned(),
            (Some(true), Some(_)) => "declared, and on the server".to_owned(),
            (Some(true), None) => "on the server, and in no file".to_owned(),
            (Some(false), Some(_)) => "declared, and not on the server".to_owned(),
            (Some(false), None) => "neither declared nor on the server".to_owned(),
        }];
        facts.push(match is_recorded {
            true => applied(record.as_ref()),
            false => "not in this project's record".to_owned(),
        });
        if !story.other_projects.is_empty() {
            facts.push(format!("in the record of {}", safe(&story.other_projects.join(", "))));
        }
        match (&story.culprit, story.culprit_unknown) {
            (Some(culprit), _) => facts.push(format!("changed on the server since {}", told(culprit))),
            (None, Some(reason)) => facts.push(format!("who changed it on the server nobody can tell: {reason}")),
            (None, None) => {}
        }
        for fact in facts {
            self.line(&Line::new(1, ' ', fact).bare());
        }
    }

    fn leaf(&mut self, leaf: &LeafStory) {
        let LeafStory { path, declared, touch, is_recorded, applied, live, default, other_projects, cause } = leaf;
        let word = cause.map_or("", cause_word);
        self.line(&Line::new(0, ' ', safe(&path.to_string())).side(None, word).painted(Paint::Title));
        match declared {
            Some(declared) => {
                let text = format!("files    {}", value(&declared.value));
                self.line(&Line::new(1, ' ', text).side(Some(&declared.origin), "").bare());
            }
            None => self.line(&Line::new(1, ' ', "files    (silent)").bare()),
        }
        if let Some(touch) = touch {
            self.line(&Line::new(1, ' ', format!("         {}", touched(touch))).painted(Paint::Dim));
        }
        let was = match (applied, is_recorded) {
            (Some(applied), _) => value(applied),
            (None, true) => "(recorded; its value cannot be read from git)".to_owned(),
            (None, false) => "(never)".to_owned(),
        };
        self.line(&Line::new(1, ' ', format!("applied  {was}")).bare());
        let there = match live {
            Side::Absent => "(nothing)".to_owned(),
            Side::Value(value) => plain(value),
            Side::Secret => "(secret)".to_owned(),
        };
        self.line(&Line::new(1, ' ', format!("server   {there}")).bare());
        if let Some(default) = default {
            self.line(&Line::new(1, ' ', format!("default  {}", plain(default))).painted(Paint::Dim));
        }
        if !other_projects.is_empty() {
            let text = format!("also in the record of {}", safe(&other_projects.join(", ")));
            self.line(&Line::new(1, '!', text).painted(Paint::Bad));
        }
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Json(value) => plain(value),
        Value::Secret(reference) => format!("(secret, {})", reference_text(reference)),
    }
}

fn plain(value: &Json) -> String {
    safe(&value.to_string()).into_owned()
}
