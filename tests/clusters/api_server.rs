//! What the API server of a cluster does with a token, and kubelogin to get one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::Value;

use crate::support::admin::claims;
use crate::support::browser::Browser;

/// One that is started with `--oidc-issuer-url` and `--oidc-client-id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiServer {
    pub(super) issuer: String,
    pub(super) audience: String,
}

const REDIRECT: &str = "http://localhost:8000";
const VERIFIER: &str = "a-verifier-of-this-test-and-of-nothing-else-at-all";

impl ApiServer {
    /// The claims of a token, or why it is refused: who signed it, whose and for whom it is, and until when.
    pub(super) fn believe(&self, token: &str) -> Result<Value, String> {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let claims = claims(token);
        if claims["iss"] != self.issuer.as_str() {
            return Err("of another issuer".to_owned());
        }
        let header: Value = serde_json::from_slice(&decoded(token.split('.').next().unwrap())).unwrap();
        assert_eq!(header["alg"], "RS256");
        let keys = document(self.discovery()["jwks_uri"].as_str().unwrap());
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]);
        let part = |name: &str| decoded(key.unwrap()[name].as_str().unwrap());
        let key = RsaPublicKeyComponents { n: part("n"), e: part("e") };
        let verified = key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decoded(signature));
        verified.map_err(|_| "not signed by the issuer".to_owned())?;
        let audiences = match &claims["aud"] {
            Value::Array(several) => several.clone(),
            one => vec![one.clone()],
        };
        if !audiences.contains(&self.audience.as_str().into()) {
            return Err(format!("not for {}", self.audience));
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        if claims["exp"].as_u64().unwrap() <= now { Err("out of date".to_owned()) } else { Ok(claims) }
    }

    /// The tokens that somebody gets who signs in with the browser.
    pub(super) fn sign_in(&self, username: &str, password: &str) -> Value {
        let browser = Browser::new();
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let proof = format!("&code_challenge_method=S256&code_challenge={challenge}");
        let form = browser.get(&self.start(&proof)).form();
        let next = browser.post(&form, &[("username", username), ("password", password)]).next;
        let code = next.split(['?', '&']).find_map(|part| part.strip_prefix("code="));
        let code = code.unwrap_or_else(|| panic!("{next}"));
        let token = self.discovery()["token_endpoint"].as_str().unwrap().to_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.audience),
            ("redirect_uri", REDIRECT),
            ("code", code),
            ("code_verifier", VERIFIER),
        ];
        serde_json::from_str(&browser.post(&token, &form).text).unwrap()
    }

    /// Where somebody is sent who starts without a challenge.
    pub(super) fn sign_in_without_proof(&self) -> String {
        Browser::new().get(&self.start("")).next
    }

    fn start(&self, proof: &str) -> String {
        let endpoint = self.discovery()["authorization_endpoint"].as_str().unwrap().to_owned();
        format!(
            "{endpoint}?response_type=code&client_id={}&scope=openid&state=s&redirect_uri={REDIRECT}{proof}",
            self.audience
        )
    }

    fn discovery(&self) -> Value {
        let found = document(&format!("{}/.well-known/openid-configuration", self.issuer));
        assert_eq!(found["issuer"], self.issuer.as_str());
        found
    }
}

/// The same token for another audience, as whoever has it could write it.
pub(super) fn forged(token: &str, audience: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims = claims(token);
    claims["aud"] = audience.into();
    format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
}

fn document(url: &str) -> Value {
    serde_json::from_str(&Browser::new().get(url).text).unwrap()
}

fn decoded(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}
