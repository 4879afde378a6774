//! TLS from PEM files.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::serve::{ServeError, TlsFiles};

/// The configuration from the contents of the files: certificates, key, and the authorities of clients if any.
pub(in crate::serve) fn server_config(files: &TlsFiles, content: &[Vec<u8>]) -> Result<Arc<ServerConfig>, ServeError> {
    let [cert, key, rest @ ..] = content else {
        return Err(unusable(&files.cert, "two files are needed".into()));
    };
    let chain = certificates(&files.cert, cert)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| unusable(&files.key, format!("there is no private key in it ({error})")))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.cert, error.to_string()))?;
    let builder = match (&files.client_ca, rest) {
        (Some(path), [authorities]) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path, authorities)? {
                roots.add(certificate).map_err(|error| unusable(path, error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| unusable(path, error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
        _ => builder.with_no_client_auth(),
    };
    // Refuses a key that belongs to another certificate.
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&files.cert, format!("with {}: {error}", files.key.display())))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session would not look at the client's certificate again, and these connections live long anyway.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(path, format!("it is not PEM ({error})")))?;
    if found.is_empty() {
        return Err(unusable(path, "there is no certificate in it".into()));
    }
    Ok(found)
}

fn unusable(path: &Path, reason: String) -> ServeError {
    ServeError::Tls { path: path.into(), reason }
}
