//! Tells how chains are judged: `explain <CA directory> <PEM file>...`
#![expect(clippy::print_stdout, reason = "it is a program for people")]

use std::{env, fs, time::SystemTime};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sbk_model::Timestamp;
use sbk_pki::{Settings, TrustStore};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let directory = arguments.next().ok_or("name a CA directory")?;
    let store = TrustStore::open(Settings::new(directory))?;
    println!("{:?}", store.summary());
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let now = Timestamp::from_micros(i64::try_from(since.as_micros())?);
    for file in arguments {
        println!("\n{file}");
        let pem = fs::read(&file)?;
        let chain: Vec<CertificateDer<'_>> =
            CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>()?;
        let chain: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
        for step in store.explain(&chain, now) {
            println!("  {:?} {}: {}", step.outcome, step.title, step.detail);
            if let Some(advice) = step.advice {
                println!("    {advice}");
            }
        }
    }
    Ok(())
}
