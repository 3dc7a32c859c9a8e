//! The metadata of a SAML 2.0 identity provider.

use jiff::Timestamp;
use roxmltree::{Document, Node};

use super::Config;

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const SOAP: &str = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP";

/// The configuration that a document says.
pub(super) fn read(document: &str, now: Timestamp) -> Result<Config, String> {
    // A document type, with which texts could be made endless, is an error of the parser.
    let document = Document::parse(document).map_err(|error| format!("this is no SAML metadata: {error}"))?;
    let is_provider =
        |node: &Node<'_, '_>| named(node, "EntityDescriptor") && child(node, "IDPSSODescriptor").is_some();
    let providers: Vec<Node<'_, '_>> = document.descendants().filter(is_provider).collect();
    let [entity] = providers.as_slice() else {
        return Err(match providers.len() {
            0 => "this is no SAML metadata of an identity provider: it has no IDPSSODescriptor".to_owned(),
            many => format!("the metadata is of {many} identity providers: get that of the one that is meant"),
        });
    };
    let descriptor = child(entity, "IDPSSODescriptor").unwrap_or(*entity);
    for node in entity.ancestors().chain([descriptor]) {
        check_valid(&node, now)?;
    }
    let mut config = Config::new();
    let id = entity.attribute("entityID").ok_or("the metadata has no entityID")?;
    config.insert("idpEntityId", id.to_owned());
    let (url, by_post) = endpoint(&descriptor, "SingleSignOnService")
        .ok_or("the metadata has no SingleSignOnService by POST or redirect")?;
    config.insert("singleSignOnServiceUrl", url);
    config.insert("postBindingAuthnRequest", by_post.to_string());
    config.insert("postBindingResponse", by_post.to_string());
    if let Some((url, by_post)) = endpoint(&descriptor, "SingleLogoutService") {
        config.insert("singleLogoutServiceUrl", url);
        config.insert("postBindingLogout", by_post.to_string());
    }
    let mut artifacts = services(&descriptor, "ArtifactResolutionService");
    let artifacts = artifacts.find(|(binding, _)| binding == SOAP);
    config.extend(artifacts.map(|(_, url)| ("artifactResolutionServiceUrl", url)));
    let format = child(&descriptor, "NameIDFormat").and_then(|it| it.text().map(|text| text.trim().to_owned()));
    config.extend(format.map(|format| ("nameIDPolicyFormat", format)));
    let wants_signed = matches!(descriptor.attribute("WantAuthnRequestsSigned"), Some("true" | "1"));
    config.insert("wantAuthnRequestsSigned", wants_signed.to_string());
    certificates(&descriptor, &mut config)?;
    Ok(config)
}

/// Metadata ends so that a certificate that was withdrawn is not believed for ever.
fn check_valid(node: &Node<'_, '_>, now: Timestamp) -> Result<(), String> {
    let Some(until) = node.attribute("validUntil") else { return Ok(()) };
    // A time without a zone is one of UTC.
    let time = until.parse::<Timestamp>().or_else(|_| format!("{until}Z").parse());
    match time.map_err(|_| format!("the metadata's validUntil is no time: {until}"))? {
        time if time <= now => Err(format!("the metadata was valid until {until}: get it anew")),
        _ => Ok(()),
    }
}

/// The one by POST, else the last by redirect, as Keycloak has it, and whether it is by POST.
fn endpoint(descriptor: &Node<'_, '_>, name: &str) -> Option<(String, bool)> {
    let by = |wanted: &'static str| {
        services(descriptor, name).filter(move |(binding, _)| binding == wanted).map(|(_, url)| url)
    };
    by(POST).next().map(|url| (url, true)).or_else(|| by(REDIRECT).last().map(|url| (url, false)))
}

/// The bindings and locations of services.
fn services(descriptor: &Node<'_, '_>, name: &str) -> impl Iterator<Item = (String, String)> {
    let services = descriptor.children().filter(move |node| named(node, name));
    services.filter_map(|node| Some((node.attribute("Binding")?.to_owned(), node.attribute("Location")?.to_owned())))
}

/// Those that signatures are held against, and the one that is encrypted for. A key without a use is for what has none.
fn certificates(descriptor: &Node<'_, '_>, config: &mut Config) -> Result<(), String> {
    let of_use = |wanted: Option<&str>| {
        let keys = descriptor.children().filter(|node| named(node, "KeyDescriptor") && node.attribute("use") == wanted);
        let certificate = keys.filter_map(|key| {
            let mut inner = key.descendants();
            let found = inner.find(|node| node.has_tag_name((SIGNATURE, "X509Certificate")))?;
            let text: String = found.text()?.split_whitespace().collect();
            (!text.is_empty()).then_some(text)
        });
        certificate.collect::<Vec<String>>()
    };
    let any = of_use(None).pop();
    let signing = of_use(Some("signing"));
    let signing = if signing.is_empty() { any.clone().into_iter().collect() } else { signing };
    if signing.is_empty() {
        return Err("the metadata has no certificate to hold signatures against".to_owned());
    }
    config.insert("signingCertificate", signing.join(","));
    config.insert("validateSignature", "true".to_owned());
    config.extend(of_use(Some("encryption")).pop().or(any).map(|it| ("encryptionPublicKey", it)));
    Ok(())
}

fn child<'a, 'input>(node: &Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| named(child, name))
}

fn named(node: &Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((METADATA, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(attributes: &str, inner: &str) -> String {
        format!(
            r#"<EntityDescriptor xmlns="{METADATA}" xmlns:ds="{SIGNATURE}" entityID="https://idp.example" {attributes}>
            <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{inner}</IDPSSODescriptor>
            </EntityDescriptor>"#
        )
    }

    fn key(attributes: &str, certificate: &str) -> String {
        format!(
            "<KeyDescriptor {attributes}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate>\
             </ds:X509Data></ds:KeyInfo></KeyDescriptor>"
        )
    }

    fn sign_on(binding: &str) -> String {
        format!("<SingleSignOnService Binding=\"{binding}\" Location=\"https://idp.example/{}\"/>", binding.len())
    }

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_key_without_a_use_is_for_both() {
        let text = metadata("", &(key("", "\n AA\n AA\n") + &sign_on(REDIRECT)));
        let config = read(&text, now()).unwrap();
        assert_eq!((&*config["signingCertificate"], &*config["encryptionPublicKey"]), ("AAAA", "AAAA"));
        assert_eq!(config["postBindingResponse"], "false");
        let both = key("use=\"signing\"", "SS") + &key("use=\"signing\"", "TT") + &key("", "AA") + &sign_on(POST);
        let config = read(&metadata("", &both), now()).unwrap();
        assert_eq!((&*config["signingCertificate"], &*config["encryptionPublicKey"]), ("SS,TT", "AA"));
    }

    #[test]
    fn one_provider_of_a_federation_is_taken_and_of_several_none() {
        let one = metadata("", &(key("", "AA") + &sign_on(POST)));
        let service =
            format!("<EntityDescriptor xmlns=\"{METADATA}\" entityID=\"sp\"><SPSSODescriptor/></EntityDescriptor>");
        let federation = |inner: &str| format!("<EntitiesDescriptor xmlns=\"{METADATA}\">{inner}</EntitiesDescriptor>");
        assert_eq!(read(&federation(&format!("{service}{one}")), now()).unwrap()["idpEntityId"], "https://idp.example");
        let error = read(&federation(&format!("{one}{one}")), now()).unwrap_err();
        assert_eq!(error, "the metadata is of 2 identity providers: get that of the one that is meant");
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let error = |text: &str| read(text, now()).unwrap_err();
        let full = key("", "AA") + &sign_on(POST);
        assert!(error("no XML").starts_with("this is no SAML metadata: "));
        assert!(error("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").starts_with("this is no SAML metadata: "));
        let none = format!("<EntityDescriptor xmlns=\"{METADATA}\" entityID=\"a\"/>");
        assert!(error(&none).ends_with("it has no IDPSSODescriptor"));
        assert!(error(&metadata("", &key("", "AA"))).contains("no SingleSignOnService"));
        assert!(error(&metadata("", &sign_on(POST))).contains("no certificate"));
        let ended = "validUntil=\"2025-12-31T23:59:59Z\"";
        assert_eq!(error(&metadata(ended, &full)), "the metadata was valid until 2025-12-31T23:59:59Z: get it anew");
        assert!(error(&metadata("validUntil=\"soon\"", &full)).contains("no time: soon"));
        read(&metadata("validUntil=\"2026-02-01T00:00:00\"", &full), now()).unwrap();
    }
}
