/*!
Plans, refusals, differences and how servers are, for people and for programs: one file per format.

Nothing here decides anything, does I/O or knows a terminal: a format is a function from a value to text, and whether
there is colour is an option of it. Values of secrets are not in the input, so they cannot be in the output; all
other text is escaped on its way out, since names and values come from servers and may try to drive a terminal.
*/

mod escape;
pub mod files;
pub mod html;
pub mod json;
pub mod markdown;
pub mod schema;
#[cfg(test)]
mod tests;
pub mod text;
mod value;
