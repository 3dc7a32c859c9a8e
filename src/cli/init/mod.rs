//! `realmform init`: a commented project with a first realm.
#![expect(clippy::disallowed_methods, reason = "the project is written where the user says, and is named after it")]

use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::{Context, Error, Exit};
use crate::desired::PROJECT_FILE;

/// Write a commented project with a first realm. What exists is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform init
  realmform init sso/realms --realm customer-acme")]
pub(super) struct Args {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = "realms")]
    folder: PathBuf,
    /// The first realm
    #[arg(long, value_name = "NAME", default_value = "example", value_parser = realm_name)]
    realm: String,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let folder = std::path::absolute(&args.folder).map_err(Error::runtime)?;
    let in_the_way = in_the_way(&folder)?;
    if !in_the_way.is_empty() {
        return Err(Error::InTheWay { folder: args.folder.clone(), found: in_the_way });
    }
    let made = missing_folders(&folder);
    write(&folder, &args.realm).inspect_err(|_| {
        // Only empty folders go, and only those that were made just now.
        for folder in &made {
            drop(std::fs::remove_dir(folder));
        }
    })?;
    context.output.result(&done(&args.folder, &args.realm))?;
    Ok(Exit::Fine)
}

/// The files of a realm's folder, with placeholders.
const REALM_FILES: &[(&str, &str)] = &[
    ("realm.toml", include_str!("realm.toml")),
    ("roles.toml", include_str!("roles.toml")),
    ("clients/web.toml", include_str!("web.toml")),
];

/// Everything is written aside and then moved, the project file last: it is what makes the folder a project, so a
/// failure leaves none behind.
fn write(folder: &Path, realm: &str) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| Error::File { path, source }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    // A hidden folder is no realm, even if this process is killed here.
    let aside = tempfile::Builder::new().prefix(".realmform-init-").tempdir_in(folder).map_err(failed(folder))?;
    let put = |name: &str, text: String| {
        let path = aside.path().join(name);
        let parent = path.parent().unwrap_or(aside.path());
        std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text)).map_err(failed(&path))
    };
    for (name, text) in REALM_FILES {
        put(&format!("{realm}/{name}"), text.replace("REALM", realm))?;
    }
    put(PROJECT_FILE, include_str!("realmform.toml").replace("PROJECT", &project_name(folder)))?;
    let (realm_folder, project_file) = (folder.join(realm), folder.join(PROJECT_FILE));
    std::fs::rename(aside.path().join(realm), &realm_folder).map_err(failed(&realm_folder))?;
    let written = TempPath::try_from_path(aside.path().join(PROJECT_FILE)).map_err(failed(&project_file))?;
    written.persist_noclobber(&project_file).map_err(|error| {
        drop(std::fs::remove_dir_all(&realm_folder));
        failed(&project_file)(error.error)
    })
}

/// What speaks against a project here: the files themselves, folders that would be taken for realms, and a project
/// around it, which would take this one for a realm.
fn in_the_way(folder: &Path) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for outer in folder.ancestors().skip(1) {
        if outer.join(PROJECT_FILE).exists() {
            found.push(format!("{} (a project around it)", outer.join(PROJECT_FILE).display()));
        }
    }
    if folder.symlink_metadata().is_err() {
        return Ok(found);
    }
    let unreadable = |source| Error::File { path: folder.to_owned(), source };
    for entry in folder.read_dir().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == PROJECT_FILE {
            found.push(name);
        } else if entry.path().is_dir() && !name.starts_with('.') {
            found.push(format!("{name}/ (would be a realm)"));
        }
    }
    found.sort();
    Ok(found)
}

/// The folders that do not exist yet, the innermost first.
fn missing_folders(folder: &Path) -> Vec<PathBuf> {
    folder.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect()
}

/// The project is named after the repository that it is in, or whatever holds its folder.
pub(super) fn project_name(folder: &Path) -> String {
    let outer = folder.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = outer.chars().map(allowed).take(100).collect();
    let name = name.trim_matches(['.', '-']);
    if name.is_empty() { "realms".to_owned() } else { name.to_owned() }
}

/// A realm's name that is also the name of its folder.
pub(super) fn realm_name(name: &str) -> Result<String, String> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name {
        "blueprints" | "environments" => Err("this folder has another meaning in a project".to_owned()),
        "master" => Err("this realm is Keycloak's own, and protected".to_owned()),
        _ if name.is_empty() || name.starts_with('.') || !name.chars().all(is_safe) => {
            Err("expected letters, digits, `.`, `_` and `-`; a file can give its realm another name".to_owned())
        }
        _ => Ok(name.to_owned()),
    }
}

fn done(folder: &Path, realm: &str) -> String {
    let shown = folder.display();
    let mut text = format!("Written:\n  {shown}/{PROJECT_FILE}\n");
    for (name, _) in REALM_FILES {
        text.push_str(&format!("  {shown}/{realm}/{name}\n"));
    }
    // Without it a project is found here and in `realms`.
    let option = if folder == Path::new("realms") || folder == Path::new(".") {
        String::new()
    } else {
        format!(" --project {shown}")
    };
    text.push_str(&format!(
        "
Next:
  realmform check{option}                  look the files over
  realmform sandbox apply --yes{option}    try them on a throwaway Keycloak
  realmform plan{option}                   show what would change on your server

A plan takes KEYCLOAK_URL, KEYCLOAK_CLIENT_ID and KEYCLOAK_CLIENT_SECRET from the environment,
and WEB_CLIENT_SECRET for the client `web`.
"
    ));
    text
}
