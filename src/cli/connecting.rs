//! To a server, protected or not.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::args::AccessFlags;
use super::exit::Configuration;
use crate::serve::{Client, ClientOptions};

/// The variable of the environment that holds the access token. A flag would show it in the list of processes.
const TOKEN: &str = "FOLDIN_TOKEN";

/// Connects as the flags say.
///
/// # Errors
/// A file cannot be read; nobody answers; the two sides do not trust each other.
pub async fn connect(server: &str, access: &AccessFlags) -> Result<Client> {
    let (address, options) = (address(server, access)?, options(access)?);
    Ok(Client::connect_with(&address, options).await?)
}

fn address(server: &str, flags: &AccessFlags) -> Result<String> {
    let encrypted = flags.tls_ca.is_some() || flags.tls_cert.is_some() || flags.tls_name.is_some();
    match server.split_once("://") {
        Some(("https", _)) => Ok(server.to_owned()),
        Some(("http", _)) if !encrypted => Ok(server.to_owned()),
        Some(_) => {
            bail!(Configuration(format!("--server {server}: give HOST:PORT or https://HOST:PORT for TLS")))
        }
        None => Ok(format!("{}://{server}", if encrypted { "https" } else { "http" })),
    }
}

fn options(flags: &AccessFlags) -> Result<ClientOptions> {
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

    #[test]
    fn what_is_encrypted_and_what_is_not() {
        let plain = AccessFlags::default();
        let trusting = AccessFlags { tls_ca: Some("ca.pem".into()), ..AccessFlags::default() };
        assert_eq!(address("h:1", &plain).unwrap(), "http://h:1");
        assert_eq!(address("h:1", &trusting).unwrap(), "https://h:1");
        assert_eq!(address("https://h:1", &plain).unwrap(), "https://h:1");
        // Never less than asked for.
        assert!(address("http://h:1", &trusting).is_err());
        assert!(address("ftp://h:1", &plain).is_err());
    }
}
