//! What the CA directory and the VOMS directory hold at one moment.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use openssl::{
    hash::{MessageDigest, hash},
    x509::{X509, X509Ref},
};

use crate::{
    Error, Settings,
    anchors::Anchors,
    crl::Crl,
    signing_policy::SigningPolicy,
    voms::{Lsc, LscError},
};

/// The longest file that is read: the longest revocation lists have a few million bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// What was read from the directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many CA certificates there are.
    pub certificates: usize,
    /// How many revocation lists there are.
    pub crls: usize,
    /// How many signing policies there are.
    pub signing_policies: usize,
    /// How many VOMS servers are known.
    pub voms_servers: usize,
    /// Files that could not be used.
    pub problems: Vec<FileProblem>,
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// One reading of the directories; a reload makes another.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub anchors: Anchors,
    pub crls: Vec<Crl>,
    /// By the number in the file's name. One that cannot be read allows nothing.
    policies: HashMap<u32, SigningPolicy>,
    /// The numbers of revocation lists that cannot be read.
    broken_crls: HashSet<u32>,
    voms_servers: HashMap<(String, String), Lsc>,
    problems: Vec<FileProblem>,
}

impl Directory {
    pub fn read(settings: &Settings) -> Result<Self, Error> {
        let failed = |source| Error::Directory { path: settings.directory.clone(), source };
        let mut directory = Self::default();
        for path in files(&settings.directory).map_err(failed)? {
            directory.take(&path);
        }
        if directory.anchors.len() == 0 {
            return Err(Error::NoCa { path: settings.directory.clone() });
        }
        if let Some(path) = &settings.vomsdir {
            directory.take_voms(path);
        }
        Ok(directory)
    }

    pub fn summary(&self) -> Summary {
        Summary {
            certificates: self.anchors.len(),
            crls: self.crls.len(),
            signing_policies: self.policies.len(),
            voms_servers: self.voms_servers.len(),
            problems: self.problems.clone(),
        }
    }

    /// The signing policy of a CA, if there is a file.
    pub fn policy(&self, ca: &X509Ref) -> Option<&SigningPolicy> {
        numbers(ca).iter().find_map(|number| self.policies.get(number))
    }

    /// Whether there is a revocation list of this CA that cannot be read.
    pub fn has_broken_crl(&self, ca: &X509Ref) -> bool {
        numbers(ca).iter().any(|number| self.broken_crls.contains(number))
    }

    /// What is known of a VO's server.
    pub fn lsc(&self, vo: &str, host: &str) -> Option<&Lsc> {
        self.voms_servers.get(&(vo.to_owned(), host.to_owned()))
    }

    fn take(&mut self, path: &Path) {
        let Some((number, kind)) = kind(path) else { return };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let taken = read(path).and_then(|bytes| match kind {
            Kind::Certificate => self.take_certificates(&bytes, &name),
            Kind::Crl => Crl::read(&bytes, &name).map(|crl| self.crls.push(crl)),
            Kind::SigningPolicy => {
                let text = String::from_utf8_lossy(&bytes);
                let policy = SigningPolicy::parse(&text).map_err(|error| error.to_string())?;
                self.policies.insert(number, policy);
                Ok(())
            }
        });
        if let Err(reason) = taken {
            match kind {
                Kind::Certificate => {}
                Kind::Crl => {
                    self.broken_crls.insert(number);
                }
                Kind::SigningPolicy => {
                    self.policies.insert(number, SigningPolicy::nothing());
                }
            }
            self.problems.push(FileProblem { file: path.to_owned(), reason });
        }
    }

    fn take_certificates(&mut self, bytes: &[u8], file: &str) -> Result<(), String> {
        let der = bytes.starts_with(b"\x30");
        let read = if der {
            X509::from_der(bytes).map(|x509| vec![x509])
        } else {
            X509::stack_from_pem(bytes)
        };
        let certificates = read.map_err(|_| "it is no certificate".to_owned())?;
        if certificates.is_empty() {
            return Err("it holds no certificate".to_owned());
        }
        for x509 in certificates {
            self.anchors.add(x509, file);
        }
        Ok(())
    }

    fn take_voms(&mut self, vomsdir: &Path) {
        let vos = match files(vomsdir) {
            Ok(vos) => vos,
            Err(error) => {
                let reason = error.to_string();
                return self.problems.push(FileProblem { file: vomsdir.to_owned(), reason });
            }
        };
        for vo in vos.iter().filter(|path| path.is_dir()) {
            for path in files(vo).unwrap_or_default() {
                if path.extension().is_some_and(|extension| extension == "lsc") {
                    self.take_lsc(vo, &path);
                }
            }
        }
    }

    fn take_lsc(&mut self, vo: &Path, path: &Path) {
        let name = |part: Option<&std::ffi::OsStr>| {
            part.unwrap_or_default().to_string_lossy().into_owned()
        };
        let read = read(path).and_then(|bytes| {
            let text = String::from_utf8_lossy(&bytes);
            Lsc::parse(&text).map_err(|error: LscError| error.to_string())
        });
        match read {
            Ok(lsc) => {
                self.voms_servers.insert((name(vo.file_name()), name(path.file_stem())), lsc);
            }
            Err(reason) => self.problems.push(FileProblem { file: path.to_owned(), reason }),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Certificate,
    Crl,
    SigningPolicy,
}

/// Reads a name such as `0e01c749.0`, `0e01c749.r0`, `0e01c749.signing_policy`.
fn kind(path: &Path) -> Option<(u32, Kind)> {
    let (number, ending) = path.file_name()?.to_str()?.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if number.len() != 8 {
        return None;
    }
    let number = u32::from_str_radix(number, 16).ok()?;
    match ending {
        "signing_policy" => Some((number, Kind::SigningPolicy)),
        _ if is_number(ending) => Some((number, Kind::Certificate)),
        _ if ending.strip_prefix('r').is_some_and(is_number) => Some((number, Kind::Crl)),
        _ => None,
    }
}

/// The two numbers under which a CA's files may stand: OpenSSL's hash of its name, and that of
/// versions before 1.0.
fn numbers(ca: &X509Ref) -> Vec<u32> {
    let old = ca.subject_name().to_der().and_then(|der| hash(MessageDigest::md5(), &der)).ok();
    let old = old.and_then(|digest| digest.first_chunk().map(|first| u32::from_le_bytes(*first)));
    std::iter::once(ca.subject_name_hash()).chain(old).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > MAX_FILE {
        return Err(format!("it has {length} bytes, more than {MAX_FILE}"));
    }
    fs::read(path).map_err(|error| error.to_string())
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}

/// A digest over names, times and lengths of all files, which differs once one has changed.
pub(crate) fn stamp(settings: &Settings) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    add_stamp(&mut hasher, &settings.directory)?;
    if let Some(vomsdir) = settings.vomsdir.as_ref().filter(|path| path.is_dir()) {
        add_stamp(&mut hasher, vomsdir)?;
        for vo in files(vomsdir)?.iter().filter(|path| path.is_dir()) {
            add_stamp(&mut hasher, vo)?;
        }
    }
    Ok(hasher.finalize())
}

fn add_stamp(hasher: &mut blake3::Hasher, directory: &Path) -> io::Result<()> {
    for path in files(directory)? {
        hasher.update(path.as_os_str().as_encoded_bytes());
        hasher.update(&[0]);
        // A link to nothing is part of the directory as well, and no reason to fail.
        let Ok(file) = fs::metadata(&path) else { continue };
        let modified = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        hasher.update(&modified.unwrap_or_default().as_nanos().to_le_bytes());
        hasher.update(&file.len().to_le_bytes());
    }
    Ok(())
}
