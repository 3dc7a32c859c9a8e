//! Registration access tokens of clients and generated passwords of users. The server has one at a time, shows a token once and a
//! password never, so what was handed over is the only place that holds it: it is looked for there, and issued by an apply alone,
//! where it is nowhere any more.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use super::hand_over::{render, text};
use super::sinks::Sinks;
use crate::apply::Outputs;
use crate::cli::Error;
use crate::desired::{Output, PASSWORD};
use crate::keycloak::{Facts, Http, Ledger, issue_password, issue_registration_token};
use crate::model::{Address, Desired, FieldPath, GENERATED_LENGTH, Handed, RealmName, SecretRef, Value, kinds};
use crate::secrets::{generated, handed_print, is_handed};

/// The registration access token of a client, or the password of a user.
pub(super) struct Issued {
    pub(super) value: SecretString,
    /// What the record holds of it; of none that only stands for one.
    pub(super) print: Option<String>,
}

/// What an output says where there is none. None is issued to be looked at, since that would make another one void.
const NOT_ISSUED: &str = "(not issued)";

/// Of the form of both, which no filter that keeps them as they are changes.
const STAND_IN: &str = "e30.e30.c3RhbmQtaW4";

impl Issued {
    fn new(uuid: &str, value: SecretString) -> Self {
        let print = handed_print(&bound(uuid, value.expose_secret()));
        Self { value, print: Some(print) }
    }

    fn standing_in(value: &str) -> Self {
        Self { value: value.into(), print: None }
    }

    /// Whether a text holds it so that it is found again.
    pub(super) fn is_in(&self, text: &str) -> bool {
        words(text).any(|word| word == self.value.expose_secret())
    }
}

/// How messages call what is issued.
pub(super) fn said(of: &Address) -> String {
    let what = if *of.kind() == kinds::USER { "password" } else { "registration access token" };
    format!("the {what} of {of}")
}

/// Where those of a realm's clients and users come from.
pub(super) struct Source<'a> {
    pub(super) http: &'a Http,
    pub(super) sinks: &'a Sinks<'a>,
    pub(super) facts: &'a Facts,
    /// What was handed over before, by the record.
    pub(super) previous: &'a Outputs,
    /// What the files want.
    pub(super) desired: &'a Desired,
}

impl Source<'_> {
    /// That of a client or user where it was handed over to; `None` where it is nowhere any more.
    ///
    /// # Errors
    /// Places that cannot be read: it may be there.
    pub(super) async fn kept(&self, of: &Address) -> Result<Option<Issued>, Error> {
        let uuid = self.facts.uuid(of)?;
        let mut unread = None;
        for (to, Handed { what, print: _, token }) in self.previous {
            let Some(print) = token.as_ref().filter(|_| what.of == *of) else { continue };
            match self.sinks.read_recorded(to).await {
                Ok(there) => {
                    let found = there.as_ref().and_then(|there| held(there.expose_secret(), uuid, print));
                    if let Some(value) = found {
                        return Ok(Some(Issued { value: value.into(), print: Some(print.clone()) }));
                    }
                }
                Err(error) => unread = Some(error),
            }
        }
        unread.map_or(Ok(None), Err)
    }

    /// What an output shows, where it has one: that of its client or user, as long as that is where it was handed over to.
    ///
    /// # Errors
    /// Places that cannot be read.
    pub(super) async fn shown(&self, output: &Output) -> Result<Option<Issued>, Error> {
        if !output.has_issued {
            return Ok(None);
        }
        let kept = self.kept(&output.of).await?;
        Ok(Some(kept.unwrap_or_else(|| Issued::standing_in(NOT_ISSUED))))
    }

    /// Issues one, which makes the one before void. It is for `outputs`, of which one at least has to keep it.
    ///
    /// # Errors
    /// Outputs of which none would hold it, and the server's refusals.
    pub(super) async fn issue(&self, of: &Address, outputs: &[&Output]) -> Result<Issued, Error> {
        self.check_keeps(of, outputs)?;
        let uuid = self.facts.uuid(of)?;
        let value = if *of.kind() == kinds::USER {
            let password = generated(self.length(of));
            issue_password(self.http, of.realm_name(), uuid, &password).await?;
            password
        } else {
            issue_registration_token(self.http, of.realm_name(), uuid).await?
        };
        Ok(Issued::new(uuid, value))
    }

    /// How long the files want a password to be.
    fn length(&self, user: &Address) -> u16 {
        let realm = self.desired.realms.get(user.realm_name());
        let user = realm.and_then(|realm| realm.objects.get(user));
        match user.and_then(|user| user.fields.get(&FieldPath::new([PASSWORD]))).map(|declared| &declared.value) {
            Some(Value::Secret(SecretRef::Generate { length, of: _ })) => *length,
            _ => GENERATED_LENGTH,
        }
    }

    fn check_keeps(&self, of: &Address, outputs: &[&Output]) -> Result<(), Error> {
        let stand_in = Issued::standing_in(STAND_IN);
        let mut failed = None;
        for output in outputs {
            match render(output, self.facts, Some(&stand_in)) {
                Ok((rendered, _)) => {
                    let mut parts = output.destinations.values().filter_map(|part| text(&rendered, part));
                    if parts.any(|part| stand_in.is_in(part)) {
                        return Ok(());
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| {
            let template =
                if *of.kind() == kinds::USER { "user.password" } else { "client.registrationAccessToken" };
            Error::Other(format!(
                "{} is handed over in another form, and could not be kept: its template has to say {{{{ {template} }}}} as it is",
                said(of)
            ))
        }))
    }
}

/// Where another one was handed over than the one that is good now, there is none.
pub(super) fn forget_void(handed: &mut Outputs, issued: &BTreeMap<&Address, Issued>) {
    for Handed { what, print: _, token } in handed.values_mut() {
        if issued.get(&what.of).is_some_and(|good| good.print != *token) {
            *token = None;
        }
    }
}

/// What was handed over of a realm before, where outputs hold what only that has.
pub(super) async fn recorded(
    http: &Http,
    project: &str,
    realm: &RealmName,
    outputs: &[&Output],
) -> Result<Outputs, Error> {
    if !outputs.iter().any(|output| output.has_issued) {
        return Ok(Outputs::new());
    }
    let Some(ledger) = Ledger::find(http, realm, project).await? else { return Ok(Outputs::new()) };
    Ok(ledger.record(realm).await?.map(|record| record.outputs).unwrap_or_default())
}

/// What was issued, in a text, by its print.
fn held<'t>(text: &'t str, uuid: &str, print: &str) -> Option<&'t str> {
    words(text).find(|word| is_handed(&bound(uuid, word), print))
}

/// What of a text may be a JSON web token or a generated password: none of the characters around it, in whatever format, is one of
/// its own.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_in_one = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.split(move |c| !is_in_one(c)).filter(|word| !word.is_empty())
}

/// That of another client or user of the same name, as when somebody deleted this one, is void.
fn bound(uuid: &str, token: &str) -> String {
    format!("{uuid} {token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(token: &Issued) -> &str {
        token.print.as_deref().unwrap()
    }

    #[test]
    fn a_token_is_found_whatever_is_around_it() {
        let token = Issued::new("0815", "eyJ.e30.a-b_c".into());
        for text in
            ["eyJ.e30.a-b_c", "A=1\nT=eyJ.e30.a-b_c\n", "{\"t\": \"eyJ.e30.a-b_c\"}", "  T: \"eyJ.e30.a-b_c\"\n"]
        {
            assert_eq!(held(text, "0815", print(&token)), Some("eyJ.e30.a-b_c"), "{text}");
            assert!(token.is_in(text), "{text}");
        }
    }

    #[test]
    fn no_other_token_is_taken_for_it() {
        let token = Issued::new("0815", "eyJ.e30.a-b_c".into());
        for text in ["", "eyJ.e30.a-b_d", "eyJ.e30", "xeyJ.e30.a-b_c", "eyj.e30.a-b_c", "ZXlKLmUzMC5hLWJfYw=="] {
            assert_eq!(held(text, "0815", print(&token)), None, "{text}");
            assert!(!token.is_in(text), "{text}");
        }
        assert_eq!(held("eyJ.e30.a-b_c", "0816", print(&token)), None, "it is another client's");
    }
}
