//! Walks the tables of a realm file along the kinds.

use std::sync::Arc;

use super::blueprints::{DECLARATION, TENANT, USE};
use super::builder::Builder;
use super::convert::Converter;
use super::layout::RealmFile;
use super::parse::{Entry, Node, entries};
use super::problem::Problem;
use super::source::{Place, Source};
use super::suggest::did_you_mean;
use super::{components, elsewhere, organizations, settings, users};
use crate::model::{Address, FieldPath, Kind, Type, Write, kinds};

/// Puts a file's content in.
pub(super) fn read_file(builder: &mut Builder, file: &RealmFile) {
    let source = &file.parsed.source;
    builder.add_source(source);
    let start = Place::start(source);
    let mut parent = file.address.parent();
    while let Some(address) = parent {
        builder.imply(&address, &start);
        parent = address.parent();
    }
    if *file.address.kind() == kinds::REALM {
        builder.imply(&file.address, &start);
    } else {
        builder.declare(&file.address, &start);
    }
    if *file.address.kind() == kinds::GROUP {
        check_group_path(builder, file.address.name(), start.clone());
    }
    components::check_name(builder, file.address.kind(), file.address.name(), &start);
    organizations::check_name(builder, file.address.kind(), file.address.name(), &start);
    users::check_name(builder, file.address.kind(), file.address.name(), &start);
    let mut reader = Reader { builder, source, whole_file: true };
    for entry in entries(file.parsed.root()) {
        reader.entry(&file.address, &entry);
    }
}

struct Reader<'a> {
    builder: &'a mut Builder,
    source: &'a Arc<Source>,
    /// Whether the object is a whole file, in which its natural key is written if the path doesn't say it.
    whole_file: bool,
}

impl Reader<'_> {
    /// One entry of an object's table.
    fn entry(&mut self, address: &Address, entry: &Entry<'_>) {
        let kind = address.kind();
        if let Some(child) = kind.child(entry.name) {
            self.collection(address, child, entry);
        } else if let Some(field) = kind.field(entry.name).filter(|field| field.write != Write::Server) {
            self.refuse_mirrors(kind, entry);
            self.leaf(address, field.ty, entry);
        } else if entry.name == "lifecycle" {
            settings::lifecycle(self.builder, self.source, address, entry);
        } else if entry.name == "prune" && *kind == kinds::REALM {
            settings::prune(self.builder, self.source, address, entry);
        } else if entry.name == "placement" && *kind == kinds::REALM {
            settings::placement(self.builder, self.source, address, entry);
        } else if entry.name == USE && *kind == kinds::REALM && self.whole_file {
            self.uses(entry);
        } else if entry.name == TENANT && *kind == kinds::REALM && self.whole_file {
            self.tenant(address, entry);
        } else if entry.name == kind.key {
            self.natural_key(address, entry);
        } else if kind.field(entry.name).is_some() || entry.name == "id" {
            self.servers_own(kind, entry);
        } else {
            self.unknown_field(kind, entry);
            self.leaf(address, Type::Json, entry);
        }
    }

    fn collection(&mut self, parent: &Address, kind: &'static Kind, entry: &Entry<'_>) {
        let Some(table) = entry.node.as_table() else {
            let problem = Problem::error(format!("`{}` is a table of objects by name", entry.name))
                .at(self.place(entry), format!("expected a table, found {}", entry.node.found()))
                .help(format!("write each {} as [{}.\"<{}>\"]", kind.name, entry.name, kind.key));
            return self.builder.report(problem);
        };
        if kind.is_singleton() {
            return self.object(&parent.child(kind, ""), entry);
        }
        for entry in entries(table) {
            self.object(&parent.child(kind, entry.name), &entry);
        }
    }

    fn object(&mut self, address: &Address, entry: &Entry<'_>) {
        let place = self.place(entry);
        if *address.kind() == kinds::GROUP && !check_group_path(self.builder, entry.name, place.clone()) {
            return;
        }
        let Some(table) = entry.node.as_table() else {
            let problem = Problem::error(format!("the {} `{}` is a table", address.kind().name, entry.name))
                .at(place, format!("expected a table, found {}", entry.node.found()))
                .help("a table without entries, {}, is an object with the server's defaults");
            return self.builder.report(problem);
        };
        if !components::check_name(self.builder, address.kind(), entry.name, &place)
            || !organizations::check_name(self.builder, address.kind(), entry.name, &place)
            || !users::check_name(self.builder, address.kind(), entry.name, &place)
        {
            return;
        }
        self.builder.declare(address, &place);
        let outer = std::mem::replace(&mut self.whole_file, false);
        for entry in entries(table) {
            self.entry(address, &entry);
        }
        self.whole_file = outer;
    }

    /// The file's path or the table's key is the name already; only a file may say it again, and differently.
    fn natural_key(&mut self, address: &Address, entry: &Entry<'_>) {
        let place = self.place(entry);
        let problem = match entry.node.as_text() {
            Some(name) if name == address.name() => {
                self.builder.claim(address, FieldPath::new([entry.name]), &place);
                return;
            }
            Some("") | None => Problem::error(format!("`{}` is the name of the {}", entry.name, address.kind().name))
                .at(place, format!("expected text, found {}", found(&entry.node))),
            Some(_) if self.whole_file => {
                Problem::error(format!("{address} has two names")).at(place, "another file gives it another name")
            }
            Some(_) => Problem::error(format!("`{}` is not the name that its table has", entry.name))
                .at(place, format!("expected \"{}\"", address.name()))
                .help("leave it out: the key of the table is the name"),
        };
        self.builder.report(problem);
    }

    /// What a realm uses is read when its own files are; what a blueprint does is in another file.
    fn uses(&mut self, entry: &Entry<'_>) {
        if self.source.via().is_some() {
            let problem = Problem::error(format!("`{USE}` is in the wrong file"))
                .at(self.place(entry), format!("expected in {DECLARATION}"))
                .help(format!("what a blueprint uses itself is written in its {DECLARATION}"));
            self.builder.report(problem);
        }
    }

    /// What a tenant is called is known before its files are read, as those inside of it are called after it.
    fn tenant(&mut self, address: &Address, entry: &Entry<'_>) {
        let place = self.place(entry);
        let problem = if self.source.via().is_some() {
            Problem::error(format!("`{TENANT}` is in the wrong file"))
                .at(place, "expected in a file of the tenant's folder")
                .help("a blueprint knows the name as {{ tenant }}")
        } else if entry.node.as_text().is_none_or(|name| name.is_empty() || name.contains('/')) {
            Problem::error(format!("`{TENANT}` is what the names of a tenant's objects begin with"))
                .at(place, "expected text without `/`")
        } else {
            self.builder.claim(address, FieldPath::new([TENANT]), &place);
            return;
        };
        self.builder.report(problem);
    }

    fn servers_own(&mut self, kind: &'static Kind, entry: &Entry<'_>) {
        let help = elsewhere::instead(kind, entry.name).unwrap_or("leave it out");
        let problem = Problem::error(format!("`{}` is the server's own", entry.name))
            .at(self.place(entry), format!("no file sets this of a {}", kind.name))
            .help(help);
        self.builder.report(problem);
    }

    fn unknown_field(&mut self, kind: &'static Kind, entry: &Entry<'_>) {
        let fields = kind.fields.iter().filter(|field| field.write != Write::Server).map(|field| field.name);
        let others = kind.children.iter().map(|child| child.collection).chain(["lifecycle"]);
        let suggestion = did_you_mean(entry.name, fields.chain(others));
        let problem =
            Problem::unless(self.builder.strict, format!("`{}` is no known field of a {}", entry.name, kind.name))
                .at(self.place(entry), "unknown field")
                .help("if Keycloak is newer than realmform this is fine: it is sent as it is")
                .maybe_help(suggestion);
        self.builder.report(problem);
    }

    fn refuse_mirrors(&mut self, kind: &'static Kind, entry: &Entry<'_>) {
        let (true, Some(table)) = (*kind == kinds::REALM && entry.name == "attributes", entry.node.as_table()) else {
            return;
        };
        for attribute in entries(table) {
            let Some(field) = kinds::mirrored(attribute.name) else { continue };
            let problem =
                Problem::error(format!("the attribute `{}` is where Keycloak keeps a setting", attribute.name))
                    .at(self.place(&attribute), "set in the wrong place")
                    .help(format!("write the field `{field}` of the realm"));
            self.builder.report(problem);
        }
    }

    fn leaf(&mut self, address: &Address, ty: Type, entry: &Entry<'_>) {
        Converter::new(self.builder, self.source, address).field(FieldPath::new([entry.name]), ty, entry);
    }

    fn place(&self, entry: &Entry<'_>) -> Place {
        Place::new(self.source, entry.key.clone())
    }
}

fn found(node: &Node<'_>) -> &'static str {
    if node.as_text().is_some() { "nothing" } else { node.found() }
}

/// Whether a group's name is a path.
pub(super) fn check_group_path(builder: &mut Builder, path: &str, place: Place) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.trim().is_empty()).collect();
    let right = format!("/{}", parts.join("/"));
    if right == path && !parts.is_empty() {
        return true;
    }
    let problem = Problem::error(format!("`{path}` is no path of a group"))
        .at(place, "expected a path that starts with /, such as \"/staff/ops\"");
    builder.report(if parts.is_empty() { problem } else { problem.help(format!("did you mean \"{right}\"?")) });
    false
}
