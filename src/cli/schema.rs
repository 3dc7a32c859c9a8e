//! `realmform init`: stub
use super::{Context, Error, Exit};
#[derive(Debug, clap::Args)]
pub(super) struct Args {}
pub(super) fn run(_: &Context, _: &Args) -> Result<Exit, Error> {
    Ok(Exit::Fine)
}
