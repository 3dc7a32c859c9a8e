//! A certificate for `localhost` and `127.0.0.1`, signed by an authority that exists for one run.

#![expect(clippy::disallowed_methods, reason = "the certificate goes into the run folder")]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

use super::SandboxError;
use super::error::Doing;

/// Paths of the PEM files.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) ca: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Makes an authority and a server certificate, and writes them to `folder`. The authority's key is thrown away.
pub(super) fn write(folder: &Path) -> Result<Files, SandboxError> {
    let ca_key = KeyPair::generate()?;
    let ca_params = authority();
    let ca = ca_params.self_signed(&ca_key)?;
    let key = KeyPair::generate()?;
    let certificate = server()?.signed_by(&key, &Issuer::from_params(&ca_params, &ca_key))?;
    let file = |name: &str, pem: String| {
        let path = folder.join(name);
        fs::write(&path, pem).doing(|| format!("write {}", path.display())).map(|()| path)
    };
    Ok(Files {
        ca: file("ca.pem", ca.pem())?,
        certificate: file("server.pem", certificate.pem())?,
        key: file("server.key", key.serialize_pem())?,
    })
}

fn authority() -> CertificateParams {
    let mut params = valid(CertificateParams::default());
    params.distinguished_name.push(DnType::CommonName, "realmform sandbox CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn server() -> Result<CertificateParams, SandboxError> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = valid(CertificateParams::new(names)?);
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// From yesterday, for clocks that disagree, to next month: macOS refuses certificates that are valid for years.
fn valid(mut params: CertificateParams) -> CertificateParams {
    let midnight = |date: Date| {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(date.year().into(), month, day)
    };
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    params.not_before = midnight(today.saturating_sub(Span::new().days(1)));
    params.not_after = midnight(today.saturating_add(Span::new().days(30)));
    params
}
