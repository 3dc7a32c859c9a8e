//! The `realmform` program; everything lives in the library.

use std::process::ExitCode;

/// Plans are made of very many small values: the system's allocator takes half as long again for a big one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    realmform::cli::main()
}
