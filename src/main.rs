//! The `realmform` program; everything lives in the library.

fn main() {}
