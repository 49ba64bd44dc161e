use std::net::SocketAddr;

use clap::Args;

use crate::{connection::Target, context::Context, failure::Failure};

/// How to serve.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sbk serve --database sqlite:sbk.db
  sbk serve --database postgres://sbk@db.example.org/sbk --listen 127.0.0.1:9000
  sbk serve --config sbk.toml

The tables are brought to the newest version first, unless the configuration says otherwise.
`sbk config sample` explains every setting.")]
pub struct Serve {
    /// Listen at this address, in place of what the configuration says
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Serve {
    /// Serves until the program is told to end.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let mut config = context.configuration()?;
        match &context.target {
            Target::Database(url) => config.database.url.clone_from(url),
            Target::Server(_) => {
                let text = "--server (or SBK_SERVER) names a service elsewhere; name what this \
                            one keeps with --database";
                return Err(Failure::Usage(text.to_owned()));
            }
            Target::Default => {}
        }
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        let _logs = sbk_server::start_logs(&config.log)?;
        Ok(sbk_server::serve(config).await?)
    }
}
