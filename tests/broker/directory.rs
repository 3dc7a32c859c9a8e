//! A directory as Active Directory shows itself, of `OpenLDAP`.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::support::debian::slapd;
use crate::support::tools::supervised;

/// What Keycloak asks an Active Directory for, and the directory in a folder: `FOLDER` and `PACKAGE`.
const CONFIGURATION: &str = "\
include PACKAGE/etc/ldap/schema/core.schema
include PACKAGE/etc/ldap/schema/cosine.schema
include PACKAGE/etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
attributetype ( 1.2.840.113556.1.4.96 NAME 'pwdLastSet' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson
  MAY ( sAMAccountName $ objectGUID $ userAccountControl $ pwdLastSet ) )
objectclass ( 1.2.840.113556.1.5.8 NAME 'group' SUP top MUST cn MAY member )
modulepath PACKAGE/usr/lib/ldap
moduleload back_mdb
database mdb
suffix dc=globex,dc=example
rootdn cn=keycloak,ou=services,dc=globex,dc=example
rootpw PASSWORD
directory FOLDER
";

/// One person in one of two groups. The id is sixteen bytes.
const ENTRIES: &str = "\
dn: dc=globex,dc=example
objectClass: domain

dn: ou=people,dc=globex,dc=example
objectClass: organizationalUnit

dn: ou=groups,dc=globex,dc=example
objectClass: organizationalUnit

dn: cn=Kim Roe,ou=people,dc=globex,dc=example
objectClass: user
sn: Roe
givenName: Kim
mail: kim@globex.example
sAMAccountName: kim
objectGUID:: MDEyMzQ1Njc4OWFiY2RlZg==
userAccountControl: 512
pwdLastSet: 133500000000000000
userPassword: PASSWORD

dn: cn=operators,ou=groups,dc=globex,dc=example
objectClass: group
member: cn=Nobody,ou=people,dc=globex,dc=example

dn: cn=auditors,ou=groups,dc=globex,dc=example
objectClass: group
member: cn=Kim Roe,ou=people,dc=globex,dc=example
";

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);

/// It ends with this value or with this process.
pub(super) struct Directory {
    pub(super) url: String,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Directory {
    /// Everybody in it has this password; `None` where it cannot be had.
    pub(super) fn start(password: &str) -> Option<Self> {
        let package = slapd()?;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            let text = text.replace("PACKAGE/", package.path("").to_str().unwrap());
            let text = text.replace("FOLDER", folder.path().to_str().unwrap()).replace("PASSWORD", password);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (configuration, entries) = (write("slapd.conf", CONFIGURATION), write("entries.ldif", ENTRIES));
        let mut add = Command::new(package.program());
        add.args(["-Tadd", "-f", &configuration, "-l", &entries]).env("LD_LIBRARY_PATH", package.libraries());
        let added = add.output().unwrap();
        assert!(added.status.success(), "{added:?}");
        let log = folder.path().join("log");
        // A port that is free now may be taken before the server listens.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let url = format!("ldap://127.0.0.1:{port}");
            // The supervisor's environment is empty.
            let libraries = format!("LD_LIBRARY_PATH={}", package.libraries());
            let program = package.program();
            let command = [&libraries, program.to_str().unwrap(), "-d0", "-f", &configuration, "-h", &url];
            let mut process = supervised(Path::new("/usr/bin/env"), &command, &log);
            if answers(&mut process, port) {
                return Some(Self { url, process, _folder: folder });
            }
        }
        panic!("{}", std::fs::read_to_string(log).unwrap());
    }
}

fn answers(process: &mut Child, port: u16) -> bool {
    let started = Instant::now();
    while process.try_wait().unwrap().is_none() && started.elapsed() < START {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}
