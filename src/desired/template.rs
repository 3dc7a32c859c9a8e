//! The engine of all templates: those of outputs, and the expressions of blueprints.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::{Environment, Error, UndefinedBehavior};

/// A misspelt name is an error: it would say nothing.
pub(crate) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
});

/// What is wrong with a template, in words.
pub(crate) fn reason(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// The names that a template uses and does not set itself.
///
/// # Errors
/// Why it is no template.
pub(super) fn names(text: &str) -> Result<BTreeSet<String>, String> {
    let template = ENVIRONMENT.template_from_str(text).map_err(|error| reason(&error))?;
    Ok(template.undeclared_variables(false).into_iter().collect())
}
