//! The file with certificates, and the directory with CAs.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use sbk_pki::{Credential, Summary};

use crate::{human, steps::Step};

/// How many files that cannot be used are named.
const NAMED: usize = 3;

/// Reads the certificates of a file, and looks at its key and its mode.
pub fn read(file: &Path, steps: &mut Vec<Step>) -> Option<Vec<Vec<u8>>> {
    let chain = match sbk_pki::read_certificates(file) {
        Ok(chain) => chain,
        Err(error) => {
            let advice = "name a proxy, or a certificate, as PEM";
            steps.push(Step::refused("file", error.to_string(), advice));
            return None;
        }
    };
    let number = human::things(chain.len() as u64, "certificate", "certificates");
    steps.push(Step::good("file", format!("{}: {number}", file.display())));
    if !holds_key(file) {
        let detail = "it is in another file, which was not looked at";
        steps.push(Step::note("key", detail, None));
        return Some(chain);
    }
    if let Err(error) = Credential::from_proxy(file) {
        let advice = "make a new proxy; a client can connect with this one nowhere";
        steps.push(Step::refused("key", error.to_string(), advice));
        return None;
    }
    steps.push(Step::good("key", "it is that of the first certificate"));
    steps.extend(mode(file));
    Some(chain)
}

fn holds_key(file: &Path) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.contains("PRIVATE KEY-----"))
}

/// Who can read a file with a key.
fn mode(file: &Path) -> Option<Step> {
    let mode = fs::metadata(file).ok()?.permissions().mode() & 0o777;
    let title = "file permissions";
    let others = mode & 0o077;
    Some(if others == 0 {
        Step::good(title, format!("{mode:04o}: only its owner can read it"))
    } else {
        let detail = format!("{mode:04o}: others can read the key, or change it");
        Step::warning(title, detail, format!("chmod 600 {}", file.display()))
    })
}

/// What is in the CA directory.
pub fn directory(path: &Path, summary: &Summary) -> Step {
    let Summary { certificates, crls, signing_policies, voms_servers, problems } = summary;
    let title = "CA directory";
    let things = |number: &usize, one, many| human::things(*number as u64, one, many);
    let detail = format!(
        "{}: {}, {}, {}, {}",
        path.display(),
        things(certificates, "CA", "CAs"),
        things(crls, "revocation list", "revocation lists"),
        things(signing_policies, "signing policy", "signing policies"),
        things(voms_servers, "VOMS server", "VOMS servers"),
    );
    if problems.is_empty() {
        return Step::good(title, detail);
    }
    let named: Vec<_> = problems
        .iter()
        .take(NAMED)
        .map(|problem| format!("{}: {}", problem.file.display(), problem.reason))
        .collect();
    let number = things(&problems.len(), "file", "files");
    Step::warning(title, detail, format!("{number} cannot be used: {}", named.join("; ")))
}
