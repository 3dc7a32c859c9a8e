//! Which file says what, beside those that are there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{LayoutArg, There};
use crate::cli::Error;
use crate::model::{Address, RealmName, kinds};
use crate::render::files::{self, Content, Layout, References};

/// From so many clients on, each has a file.
const MANY_CLIENTS: usize = 6;

/// The folder of one realm.
pub(super) struct Folder<'a> {
    there: &'a There,
    realm: &'a RealmName,
    /// Below the project's.
    path: PathBuf,
    is_there: bool,
    /// Whether all is written anew.
    anew: bool,
}

impl<'a> Folder<'a> {
    pub(super) fn of(there: &'a There, realm: &'a RealmName, anew: bool) -> Self {
        let path = there.folder_of(realm);
        Self { there, realm, is_there: path.is_some(), path: path.unwrap_or_else(|| realm.into()), anew }
    }

    /// Whether the realm has files that stay.
    pub(super) fn is_there(&self) -> bool {
        self.is_there && !self.anew
    }

    /// Whether a file that stays declares the object.
    pub(super) fn declares(&self, address: &Address) -> bool {
        self.is_there() && self.there.declares(address)
    }

    /// Where the objects of a realm that has all of `content` are written.
    pub(super) fn layout(&self, layout: LayoutArg, content: &Content) -> Layout {
        let is_client = |address: &&Address| address.is_child_of(&Address::realm(self.realm), &kinds::CLIENT);
        let has_files = || self.there.files.keys().any(|path| path.starts_with(self.path.join("clients")));
        match layout {
            LayoutArg::Split => Layout::Split,
            LayoutArg::Natural if content.keys().filter(is_client).count() >= MANY_CLIENTS || has_files() => {
                Layout::Clients
            }
            LayoutArg::Single | LayoutArg::Natural => Layout::Single,
        }
    }

    /// The files, by their paths below the project's folder; and of each whether it is one that is there with something at
    /// its end.
    pub(super) fn place(
        &self,
        content: &Content,
        layout: Layout,
        references: &References,
    ) -> Result<Vec<(PathBuf, String, bool)>, Error> {
        if !self.is_there() {
            let files = files::realm(self.realm, content, layout, references);
            return Ok(files.into_iter().map(|(path, text)| (self.path.join(path), text, false)).collect());
        }
        let mut placed: BTreeMap<PathBuf, (String, bool)> = BTreeMap::new();
        for (top, part) in parts(content) {
            let (path, text) = self.place_part(&top, &part, layout, references, &placed)?;
            let is_appended = placed.contains_key(&path) || self.there.files.contains_key(&path);
            placed.insert(path, (text, is_appended));
        }
        Ok(placed.into_iter().map(|(path, (text, is_appended))| (path, text, is_appended)).collect())
    }

    /// Where a new object goes: to the end of the file of what it hangs below, or of the realm's, or into a file of its
    /// own, by the layout and by what there is.
    fn place_part(
        &self,
        top: &Address,
        part: &Content,
        layout: Layout,
        references: &References,
        placed: &BTreeMap<PathBuf, (String, bool)>,
    ) -> Result<(PathBuf, String), Error> {
        let realm = Address::realm(self.realm);
        let parent = top.parent().unwrap_or_else(|| realm.clone());
        let own = self.path.join(files::path_of(top));
        let is_apart = parent == realm && layout.is_apart(top);
        let holders = [(self.path.join(files::path_of(&parent)), &parent), (self.path.join("realm.toml"), &realm)];
        for (path, holder) in holders.iter().filter(|_| !is_apart) {
            let Some(before) = self.text(path, placed)? else { continue };
            let addition = files::object(holder, part, references);
            if let Some(text) = appended(&before, &addition) {
                return Ok((path.clone(), text));
            }
        }
        if self.text(&own, placed)?.is_some() {
            return Err(Error::Usage(format!("nothing is overwritten: {} is there already", own.display())));
        }
        Ok((own, files::object(top, part, references)))
    }

    /// The text of a file, with what was added to it just now.
    fn text(&self, path: &PathBuf, placed: &BTreeMap<PathBuf, (String, bool)>) -> Result<Option<String>, Error> {
        if let Some((text, _)) = placed.get(path) {
            return Ok(Some(text.clone()));
        }
        let Some(bytes) = self.there.files.get(path) else { return Ok(None) };
        let text = String::from_utf8(bytes.clone());
        text.map(Some).map_err(|_| Error::Other(format!("{} is no text", path.display())))
    }
}

/// The new objects that hang below nothing new, each with what is new below it.
fn parts(content: &Content) -> BTreeMap<Address, Content> {
    let mut parts: BTreeMap<Address, Content> = BTreeMap::new();
    for (address, leaves) in content {
        let above = std::iter::successors(Some(address.clone()), Address::parent);
        let top = above.take_while(|it| content.contains_key(it)).last().unwrap_or_else(|| address.clone());
        parts.entry(top).or_default().insert(address.clone(), leaves.clone());
    }
    parts
}

/// A file with something at its end, every byte of it kept; `None` where TOML does not allow it, since the file says such
/// things in another form.
fn appended(before: &str, addition: &str) -> Option<String> {
    let line_end = if before.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = match before.trim_end_matches(['\r', '\n']) {
        "" => "",
        _ if before.ends_with('\n') => line_end,
        _ => &format!("{line_end}{line_end}"),
    };
    let text = format!("{before}{gap}{}", addition.replace('\n', line_end));
    text.parse::<toml_edit::DocumentMut>().is_ok().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_as_it_is() {
        let added = |before: &str| appended(before, "[roles.b]\nx = 1\n");
        assert_eq!(added("").unwrap(), "[roles.b]\nx = 1\n");
        assert_eq!(added("# Ours\n[roles.a]\n").unwrap(), "# Ours\n[roles.a]\n\n[roles.b]\nx = 1\n");
        assert_eq!(added("a = 1").unwrap(), "a = 1\n\n[roles.b]\nx = 1\n");
        assert_eq!(added("a = 1\r\n").unwrap(), "a = 1\r\n\r\n[roles.b]\r\nx = 1\r\n");
        assert_eq!(added("roles = { a = {} }\n"), None);
        assert_eq!(added("[roles.b]\n"), None);
    }
}
