//! `realmform drift --adopt`: what the server has, written into the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use secrecy::ExposeSecret as _;

use super::Args;
use crate::apply::Secrets;
use crate::cli::output::count;
use crate::cli::prepare::is_known;
use crate::cli::staged::{NewFiles, write_over};
use crate::cli::workspace::Workspace;
use crate::cli::{Context, Error, Exit};
use crate::desired::{self, Loaded, Options};
use crate::diff::{Adoption, Misread, Reason, Report, Takeover, What, adoption, misread};
use crate::git;
use crate::model::{DesiredRealm, ENVIRONMENTS, Live, RealmName, lies_over, matches};
use crate::render::files::take_over;

/// What it takes to write what drifted into the files.
pub(super) struct Adopt<'a> {
    pub(super) context: &'a Context,
    pub(super) args: &'a Args,
    pub(super) workspace: &'a Workspace,
    pub(super) secrets: &'a Secrets,
    pub(super) live: &'a Live,
    pub(super) bases: &'a BTreeMap<RealmName, &'a DesiredRealm>,
}

impl Adopt<'_> {
    /// Writes all of it at once, or says why nothing was written.
    pub(super) fn run(&self, report: &Report) -> Result<Exit, Error> {
        let drifts = report.realms.iter().map(|(name, realm)| (name, &realm.drift));
        let mut adoption = adoption(drifts, &self.workspace.loaded.desired, self.live, self.bases);
        adoption.leave_out(|takeover| self.cannot_be_written(takeover));
        let files = self.edit(&mut adoption)?;
        self.check_committed(&files)?;
        self.write(&files)?;
        adoption.left_out.sort_by(|a, b| (&a.address, &a.path).cmp(&(&b.address, &b.path)));
        self.tell(&adoption, &files);
        if report.buckets().unmanaged > 0 {
            self.context.output.message("hint: what no project has is added by `realmform import REALM --unmanaged`");
        }
        if !adoption.left_out.is_empty() {
            return Ok(Exit::Changes);
        }
        if !report.unread.is_empty() {
            return Err(Error::Other("not every realm could be read".to_owned()));
        }
        Ok(Exit::Fine)
    }

    /// Why a takeover is not for its file, whatever that says.
    fn cannot_be_written(&self, takeover: &Takeover) -> Option<Reason> {
        let file = self.workspace.folder.join(&*takeover.origin.file);
        if file.is_symlink() {
            let why = format!("{} is a link, and what it leads to may be others' as well", takeover.origin.file);
            return Some(Reason::Unwritable(why));
        }
        if let Some(environment) = self.workspace.environment().filter(|_| lies_over(&takeover.origin.file).is_none()) {
            let file = &takeover.origin.file;
            let why = format!("{file} is of all environments; write it into {ENVIRONMENTS}/{environment}/{file}");
            return Some(Reason::Unwritable(why));
        }
        let guards = &self.workspace.loaded.project.policy.prevent_destroy;
        if takeover.what == What::Object && guards.iter().any(|it| matches(it, &takeover.address.to_string())) {
            return Some(Reason::Guarded);
        }
        let What::Value { now, configs, .. } = &takeover.what else { return None };
        // The server repeats a secret where nobody else would look for one.
        let texts = std::iter::once(now).chain(configs.values().flatten()).map(ToString::to_string);
        let texts: Vec<String> = texts.collect();
        let holds = |secret: &str| {
            let quoted = serde_json::Value::from(secret).to_string();
            !secret.is_empty() && texts.iter().any(|text| text.contains(&quoted[1..quoted.len() - 1]))
        };
        self.secrets.values().any(|secret| holds(secret.expose_secret())).then_some(Reason::HoldsSecret)
    }

    /// The files that say all of it, read again. What they cannot say is left out.
    fn edit(&self, adoption: &mut Adoption) -> Result<NewFiles, Error> {
        let loaded = &self.workspace.loaded;
        while !adoption.takeovers.is_empty() {
            let edited = take_over(&self.workspace.tree.files, &loaded.subjects, &adoption.takeovers);
            if !edited.refused.is_empty() {
                leave_out(adoption, &edited.refused);
                continue;
            }
            let new = self.load(&edited.files)?;
            let Misread { takeovers, other } = misread(&adoption.takeovers, &loaded.desired, &new.desired);
            if !takeovers.is_empty() {
                leave_out(adoption, &takeovers);
                continue;
            }
            if let Some(what) = other {
                return Err(Error::NotAdopted(what));
            }
            self.check_references(&new)?;
            return Ok(edited.files);
        }
        Ok(NewFiles::new())
    }

    /// What the new files say. A folder that has lost its last file is seen when its realm is missed.
    fn load(&self, files: &NewFiles) -> Result<Loaded, Error> {
        let mut all = self.workspace.tree.files.clone();
        for (path, text) in files {
            match text {
                Some(text) => drop(all.insert(path.clone(), text.clone().into_bytes())),
                None => drop(all.remove(path)),
            }
        }
        let environment = self.workspace.environment();
        let options = Options { strict: self.args.files.strict, environment, ..Options::default() };
        let mut new = desired::load(&all, &options).map_err(|problems| {
            let output = &self.context.output;
            output.message(&desired::render(&problems.0, output.message_color(), 100));
            Error::NotAdopted(format!("as they would be, shown above, there would be {problems}"))
        })?;
        let realms = &self.workspace.loaded.desired.realms;
        new.desired.realms.retain(|name, _| realms.contains_key(name));
        Ok(new)
    }

    /// What is no longer declared must not be named by what stays.
    fn check_references(&self, new: &Loaded) -> Result<(), Error> {
        let is_old = |it: &desired::Ref| {
            let mut old = self.workspace.loaded.references.iter();
            old.any(|old| (&old.realm, old.kind, &old.name) == (&it.realm, it.kind, &it.name))
        };
        let is_lost = |it: &&desired::Ref| {
            let realm = self.live.realms.get(&it.realm);
            realm.is_some() && !is_old(it) && !is_known(it, realm)
        };
        let lost = new.references.iter().filter(is_lost).flat_map(|it| it.uses.iter().map(move |user| (it, user)));
        let told = lost.map(|(it, user)| {
            // As the file is, not as it would be.
            let object =
                self.workspace.loaded.desired.realms.get(&it.realm).and_then(|realm| realm.objects.get(&user.address));
            let declared = object.and_then(|object| object.fields.get(&user.path)).map(|declared| &declared.origin);
            let origin = declared.map_or_else(|| user.place.origin(), Clone::clone);
            format!(
                "\n  {origin}: {} of {} names `{}`, which was deleted on the server",
                user.path, user.address, it.name
            )
        });
        let told: String = told.collect();
        if told.is_empty() { Ok(()) } else { Err(Error::NotAdopted(format!("what stays names what goes{told}"))) }
    }

    /// Whoever reviews this wants to see it alone.
    fn check_committed(&self, files: &NewFiles) -> Result<(), Error> {
        if self.args.force {
            return Ok(());
        }
        let tree = &self.workspace.tree.files;
        let found = git::uncommitted(&self.workspace.folder, files.keys().filter_map(|path| tree.get_key_value(path)))?;
        if found.is_empty() { Ok(()) } else { Err(Error::Uncommitted(found.into_iter().collect())) }
    }

    fn write(&self, files: &NewFiles) -> Result<(), Error> {
        let folder = &self.workspace.folder;
        write_over(folder, &self.workspace.tree.files, files)?;
        let emptied: BTreeSet<&Path> =
            files.iter().filter(|(_, text)| text.is_none()).filter_map(|(path, _)| path.parent()).collect();
        for below in emptied.into_iter().rev() {
            // The realm's own folder stays; of the others only those that are empty can be removed.
            let above = below.ancestors().filter(|it| it.components().count() > 1);
            above.for_each(|it| drop(std::fs::remove_dir(folder.join(it))));
        }
        Ok(())
    }

    /// Which files have how much of it, and what has to be decided by somebody.
    fn tell(&self, adoption: &Adoption, files: &NewFiles) {
        let Adoption { takeovers, left_out } = adoption;
        let mut text = String::new();
        for (path, new) in files {
            let told = match new {
                None => "removed".to_owned(),
                Some(_) => changes(takeovers.iter().filter(|it| Path::new(&*it.origin.file) == path)),
            };
            text.push_str(&format!("{}: {told}\n", path.display()));
        }
        match (files.len(), left_out.len()) {
            (0, 0) => text.push_str("Nothing to adopt: the files have what the server has.\n"),
            (0, _) => text.push_str("Nothing was adopted.\n"),
            (files, _) => {
                text.push_str(&format!("Adopted into {}; review it with `git diff`.\n", count(files, "file")));
            }
        }
        if !left_out.is_empty() {
            text.push_str("Left out:\n");
        }
        for it in left_out {
            text.push_str(&format!("  {it}\n"));
        }
        self.context.output.message(&text);
    }
}

/// Leaves out those of these indices, for these reasons.
fn leave_out(adoption: &mut Adoption, which: &BTreeMap<usize, String>) {
    let mut index = 0..;
    adoption.leave_out(|_| which.get(&index.next()?).cloned().map(Reason::Unwritable));
}

/// `2 values, 1 field removed, 1 object removed`
fn changes<'a>(takeovers: impl Iterator<Item = &'a Takeover>) -> String {
    let (mut values, mut fields, mut objects) = (0, 0, 0);
    for takeover in takeovers {
        *match takeover.what {
            What::Value { .. } => &mut values,
            What::Gone { .. } => &mut fields,
            What::Object => &mut objects,
        } += 1;
    }
    let parts = [(values, "value", ""), (fields, "field", " removed"), (objects, "object", " removed")];
    let parts = parts.iter().filter(|(number, ..)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, noun, how)| format!("{}{how}", count(*number, noun))).collect();
    if parts.is_empty() { "objects removed".to_owned() } else { parts.join(", ") }
}
