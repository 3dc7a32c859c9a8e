//! Somebody who signs in to an application in a browser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac};
use serde_json::Value;

use crate::support::access;
use crate::support::admin::{Admin, claims};
use crate::support::chromium::Chromium;

/// What the application keeps of a log-in that it started, to prove that it is the one.
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more-0";

/// An application, as the blueprint makes it for a tenant.
pub(super) struct Application<'a> {
    pub(super) realm: &'a Admin,
    pub(super) client: &'static str,
    /// Below `.example`.
    pub(super) host: String,
}

impl Application<'_> {
    fn address(&self) -> String {
        format!("https://{}.example/", self.host)
    }

    /// Sends the browser to the log-in.
    pub(super) fn open(&self, browser: &mut Chromium, more: &str) {
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, VERIFIER.as_bytes()));
        let (base, realm, client, address) = (&access().http_url, &self.realm.realm, self.client, self.address());
        browser.open(&format!(
            "{base}/realms/{realm}/protocol/openid-connect/auth?client_id={client}&redirect_uri={address}&response_type=code\
             &scope=openid&state=a-state&code_challenge={challenge}&code_challenge_method=S256{more}"
        ));
    }

    /// The claims of the access token for the code that the browser came back with.
    #[track_caller]
    pub(super) fn token(&self, browser: &mut Chromium) -> Value {
        let address = self.address();
        let url = browser.arrived(&address);
        let (_, code) = url.split_once("code=").unwrap_or_else(|| panic!("{url}"));
        let answer = self.realm.token(
            &access().http_url,
            &self.realm.realm,
            &[
                ("grant_type", "authorization_code"),
                ("client_id", self.client),
                ("redirect_uri", &address),
                ("code", code.split('&').next().unwrap()),
                ("code_verifier", VERIFIER),
            ],
        );
        claims(answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")))
    }
}

/// Fills in the page that asks for a password.
#[track_caller]
pub(super) fn sign_in(browser: &mut Chromium, name: &str, password: &str) {
    browser.fill("#username", name);
    browser.fill("#password", password);
    browser.click("#kc-login");
}

/// Sets a one-time password up, as somebody who has none is asked to.
#[track_caller]
pub(super) fn set_up_second_factor(browser: &mut Chromium) {
    let secret = browser.value("#totpSecret");
    browser.fill("#totp", &one_time(secret.as_bytes()));
    browser.click("#saveTOTPBtn");
}

/// The one-time password of now (RFC 6238).
fn one_time(secret: &[u8]) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &(now / 30).to_be_bytes());
    let tag = tag.as_ref();
    let start = usize::from(tag[19] & 0xf);
    let number = u32::from_be_bytes(tag[start..start + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
