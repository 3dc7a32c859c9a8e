//! Registration access tokens. The server has one at a time of each client and shows it once, so what was handed over is the only
//! place that holds it: it is looked for there, and issued by an apply alone, where it is nowhere any more.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use super::hand_over::{render, text};
use super::sinks::Sinks;
use crate::apply::Outputs;
use crate::cli::Error;
use crate::desired::Output;
use crate::keycloak::{Facts, Http, Ledger, issue_registration_token};
use crate::model::{Address, Handed, RealmName};
use crate::secrets::{handed_print, is_handed};

/// The registration access token of a client.
pub(super) struct Token {
    pub(super) value: SecretString,
    /// What the record holds of it; of none that only stands for one.
    pub(super) print: Option<String>,
}

/// What an output says where there is no token. None is issued to be looked at, since that would make another one void.
const NOT_ISSUED: &str = "(not issued)";

/// Of the form of a token, which no filter that keeps a token as it is changes.
const STAND_IN: &str = "e30.e30.c3RhbmQtaW4";

impl Token {
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

/// Where tokens of a realm's clients come from.
pub(super) struct Tokens<'a> {
    pub(super) http: &'a Http,
    pub(super) sinks: &'a Sinks<'a>,
    pub(super) facts: &'a Facts,
    /// What was handed over before, by the record.
    pub(super) previous: &'a Outputs,
}

impl Tokens<'_> {
    /// The token of a client where it was handed over to; `None` where it is nowhere any more.
    ///
    /// # Errors
    /// Places that cannot be read: it may be there.
    pub(super) async fn kept(&self, client: &Address) -> Result<Option<Token>, Error> {
        let uuid = self.facts.uuid(client)?;
        let mut unread = None;
        for (to, Handed { what, print: _, token }) in self.previous {
            let Some(print) = token.as_ref().filter(|_| what.of == *client) else { continue };
            match self.sinks.read_recorded(to).await {
                Ok(there) => {
                    let found = there.as_ref().and_then(|there| held(there.expose_secret(), uuid, print));
                    if let Some(value) = found {
                        return Ok(Some(Token { value: value.into(), print: Some(print.clone()) }));
                    }
                }
                Err(error) => unread = Some(error),
            }
        }
        unread.map_or(Ok(None), Err)
    }

    /// What an output shows of a token, where it has one: that of its client, as long as that is where it was handed over to.
    ///
    /// # Errors
    /// Places that cannot be read.
    pub(super) async fn shown(&self, output: &Output) -> Result<Option<Token>, Error> {
        if !output.has_registration_token {
            return Ok(None);
        }
        let kept = self.kept(&output.of).await?;
        Ok(Some(kept.unwrap_or_else(|| Token::standing_in(NOT_ISSUED))))
    }

    /// Issues one, which makes the one before void. It is for `outputs`, of which one at least has to keep it.
    ///
    /// # Errors
    /// Outputs of which none would hold it, and the server's refusals.
    pub(super) async fn issue(&self, client: &Address, outputs: &[&Output]) -> Result<Token, Error> {
        self.check_keeps(client, outputs)?;
        let uuid = self.facts.uuid(client)?;
        let value = issue_registration_token(self.http, client.realm_name(), uuid).await?;
        Ok(Token::new(uuid, value))
    }

    fn check_keeps(&self, client: &Address, outputs: &[&Output]) -> Result<(), Error> {
        let stand_in = Token::standing_in(STAND_IN);
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
            Error::Other(format!(
                "the registration access token of {client} is handed over in another form, and could not be kept: its template \
                 has to say {{{{ client.registrationAccessToken }}}} as it is"
            ))
        }))
    }
}

/// Where another token was handed over than the one that is good now, there is none.
pub(super) fn forget_void(handed: &mut Outputs, tokens: &BTreeMap<&Address, Token>) {
    for Handed { what, print: _, token } in handed.values_mut() {
        if tokens.get(&what.of).is_some_and(|good| good.print != *token) {
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
    if !outputs.iter().any(|output| output.has_registration_token) {
        return Ok(Outputs::new());
    }
    let Some(ledger) = Ledger::find(http, realm, project).await? else { return Ok(Outputs::new()) };
    Ok(ledger.record(realm).await?.map(|record| record.outputs).unwrap_or_default())
}

/// The token in a text, by its print.
fn held<'t>(text: &'t str, uuid: &str, print: &str) -> Option<&'t str> {
    words(text).find(|word| is_handed(&bound(uuid, word), print))
}

/// What of a text may be a JSON web token: none of the characters around it, in whatever format, is one of its own.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_in_one = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.split(move |c| !is_in_one(c)).filter(|word| word.contains('.'))
}

/// Of another client of the same clientId, as when somebody deleted this one, the token is void.
fn bound(uuid: &str, token: &str) -> String {
    format!("{uuid} {token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(token: &Token) -> &str {
        token.print.as_deref().unwrap()
    }

    #[test]
    fn a_token_is_found_whatever_is_around_it() {
        let token = Token::new("0815", "eyJ.e30.a-b_c".into());
        for text in
            ["eyJ.e30.a-b_c", "A=1\nT=eyJ.e30.a-b_c\n", "{\"t\": \"eyJ.e30.a-b_c\"}", "  T: \"eyJ.e30.a-b_c\"\n"]
        {
            assert_eq!(held(text, "0815", print(&token)), Some("eyJ.e30.a-b_c"), "{text}");
            assert!(token.is_in(text), "{text}");
        }
    }

    #[test]
    fn no_other_token_is_taken_for_it() {
        let token = Token::new("0815", "eyJ.e30.a-b_c".into());
        for text in ["", "eyJ.e30.a-b_d", "eyJ.e30", "xeyJ.e30.a-b_c", "eyj.e30.a-b_c", "ZXlKLmUzMC5hLWJfYw=="] {
            assert_eq!(held(text, "0815", print(&token)), None, "{text}");
            assert!(!token.is_in(text), "{text}");
        }
        assert_eq!(held("eyJ.e30.a-b_c", "0816", print(&token)), None, "it is another client's");
    }
}
