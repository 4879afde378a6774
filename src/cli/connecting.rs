//! To a server, protected or not.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::args::ServerFlags;
use super::exit::Configuration;
use crate::serve::{Client, ClientOptions};

/// The variable of the environment that holds the access token. A flag would show it in the list of processes.
const TOKEN: &str = "FOLDIN_TOKEN";

/// Connects as the flags say.
///
/// # Errors
/// A file cannot be read; nobody answers; the two sides do not trust each other.
pub async fn connect(flags: &ServerFlags) -> Result<Client> {
    let (address, options) = (address(flags)?, options(flags)?);
    Ok(Client::connect_with(&address, options).await?)
}

fn address(flags: &ServerFlags) -> Result<String> {
    let encrypted = flags.tls_ca.is_some() || flags.tls_cert.is_some() || flags.tls_name.is_some();
    match flags.server.split_once("://") {
        Some(("https", _)) => Ok(flags.server.clone()),
        Some(("http", _)) if !encrypted => Ok(flags.server.clone()),
        Some(_) => {
            bail!(Configuration(format!("--server {}: give HOST:PORT or https://HOST:PORT for TLS", flags.server)))
        }
        None => Ok(format!("{}://{}", if encrypted { "https" } else { "http" }, flags.server)),
    }
}

fn options(flags: &ServerFlags) -> Result<ClientOptions> {
    let pem = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let identity = match (&flags.tls_cert, &flags.tls_key) {
        (Some(cert), Some(key)) => Some((pem(cert)?, pem(key)?)),
        _ => None,
    };
    let token = match &flags.token_file {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            Some(text.with_context(|| format!("cannot read {}", path.display()))?.trim().to_owned())
        }
        None => std::env::var(TOKEN).ok(),
    };
    Ok(ClientOptions {
        authorities: flags.tls_ca.as_deref().map(pem).transpose()?,
        identity,
        server_name: flags.tls_name.clone(),
        token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(server: &str, tls_ca: Option<&str>) -> ServerFlags {
        ServerFlags {
            server: server.into(),
            tls_ca: tls_ca.map(Into::into),
            tls_cert: None,
            tls_key: None,
            tls_name: None,
            token_file: None,
        }
    }

    #[test]
    fn what_is_encrypted_and_what_is_not() {
        assert_eq!(address(&flags("h:1", None)).unwrap(), "http://h:1");
        assert_eq!(address(&flags("h:1", Some("ca.pem"))).unwrap(), "https://h:1");
        assert_eq!(address(&flags("https://h:1", None)).unwrap(), "https://h:1");
        // Never less than asked for.
        assert!(address(&flags("http://h:1", Some("ca.pem"))).is_err());
        assert!(address(&flags("ftp://h:1", None)).is_err());
    }
}
