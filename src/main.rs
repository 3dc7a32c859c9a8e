//! The `realmform` program; everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    realmform::cli::main()
}
