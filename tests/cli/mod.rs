//! The command line end to end: standard output, standard error and status as one value.

mod check;
mod diff;
mod help;
mod init;
mod new;
mod plan;
mod report;
mod usage;

use crate::support::program::Program;

/// A project of these files, beside a project file that only names it.
fn project(files: &[(&str, &str)]) -> Program {
    let program = Program::new();
    program.write("realmform.toml", "name = \"test\"\n");
    for (path, text) in files {
        program.write(path, text);
    }
    program
}
