//! Why a saved plan does not hold any more.

use serde_json::Value as Json;

use super::super::escape::safe;
use super::{Line, Options, Page, Paint, reference_of, reference_text};
use crate::plan::saved::{Differences, Moved, MovedLeaf, Stale};

/// What moved since a plan was made.
pub fn stale(stale: &[Stale], options: Options) -> String {
    let mut page = Page::new(options, false);
    page.line(&Line::new(0, '!', "Stale, since the plan was made:").painted(Paint::Bad));
    for it in stale {
        page.line(&Line::new(1, ' ', sentence(it)).bare());
        if let Stale::Moved { how: Moved::Leaves(leaves), .. } = it {
            for leaf in leaves {
                page.moved(leaf);
            }
        }
    }
    page.text
}

/// What a plan does otherwise than the one that was reviewed.
pub fn unexpected(differences: &Differences<'_>, options: Options) -> String {
    let mut page = Page::new(options, false);
    let Differences { then, now, record, then_outputs, now_outputs } = differences;
    for (title, changes, outputs) in
        [("Expected, and not planned like this:", then, then_outputs), ("Planned, and not expected:", now, now_outputs)]
    {
        if !changes.is_empty() || !outputs.is_empty() {
            page.line(&Line::new(0, '!', title).painted(Paint::Bad));
            page.blank();
            for change in changes {
                page.change(change);
            }
            page.outputs(outputs.iter().copied());
        }
    }
    page.names("of the record only:", record.iter().copied());
    page.text
}

fn sentence(stale: &Stale) -> String {
    let short = reference_of;
    match stale {
        Stale::Expired(at) => format!("its time was over at {at}"),
        Stale::Project { then, now } => format!("it is a plan of project {}, and this is {}", safe(then), safe(now)),
        Stale::Commit { then, now } => format!("it was made from {}, and this is {}", short(then), short(now)),
        Stale::Files => "the files changed".to_owned(),
        Stale::Environment { then, now } => {
            format!("it was made for the environment {}, and this is {}", safe(then), safe(now))
        }
        Stale::Server { then, now } => format!("it was made for {}, and this is {}", safe(then), safe(now)),
        Stale::Version { then, now } => format!("the server was updated from {} to {}", safe(then), safe(now)),
        Stale::Secret(reference) => format!("the secret {} has another value", reference_text(reference)),
        Stale::RealmGone(realm) => format!("realm {} was deleted", safe(realm)),
        Stale::RealmMade(realm) => format!("realm {} was made", safe(realm)),
        Stale::Applied { realm, project, commit } => {
            let who = project.as_ref().map_or_else(|| "another run".to_owned(), |it| format!("project {}", safe(it)));
            let what = commit.as_deref().map_or_else(|| "something".to_owned(), short);
            format!("{who} applied {what} to realm {}", safe(realm))
        }
        Stale::Moved { address, how } => {
            let how = match how {
                Moved::Made => "was made",
                Moved::Gone => "was deleted",
                Moved::Replaced => "was deleted and made again",
                Moved::Leaves(_) => "was changed",
            };
            format!("{} {how}", safe(&address.to_string()))
        }
    }
}

impl Page<'_> {
    fn moved(&mut self, leaf: &MovedLeaf) {
        let path = safe(&leaf.path.to_string()).into_owned();
        let value =
            |value: &Option<Json>| value.as_ref().map_or("(nothing)".into(), |it| safe(&it.to_string()).into_owned());
        let text = match &leaf.values {
            Some((then, now)) => format!("{path}: {} → {}", value(then), value(now)),
            None => format!("{path}: (not shown)"),
        };
        self.line(&Line::new(2, '~', text));
    }
}
