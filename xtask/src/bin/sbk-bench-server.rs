//! The service as a process of its own for benchmarks: it prints its address and runs until its
//! standard input ends.

use std::io::{self, Read, Write};

use anyhow::{Context, Result};
use sbk_server::Config;

/// The allocator that `sbk` has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut config = Config::default();
    config.database.url = std::env::args().nth(1).context("give the URL of the database")?;
    config.server.listen.set_port(0);
    let _logs = sbk_server::start_logs(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let running = sbk_server::start(&config).await?;
        println!("{}", running.address());
        io::stdout().flush()?;
        tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
        running.stop().await;
        Ok(())
    })
}
