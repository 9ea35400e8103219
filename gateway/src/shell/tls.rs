//! TLS on the one port (rustls): where a certificate is configured, the port speaks nothing else.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use crate::error::GatewayError;
use crate::options::GatewayOptions;

/// The first byte of a TLS record that opens a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;
/// Encrypted bytes of one connection that may wait for the system, on top of what its own buffers may hold.
const CIPHER_BYTES: usize = 64 * 1024;
/// What a client hears that speaks plain HTTP to a port of TLS.
const SPEAKS_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\
    content-length: 55\r\n\r\nThis port speaks TLS: use https:// and wss:// instead.\n";

/// The certificate and key that the options name; `None` where they name none.
///
/// # Errors
/// [`GatewayError::Option`] where one of the two is missing, [`GatewayError::Key`] for a file that cannot be used.
pub(super) fn open(options: &GatewayOptions) -> Result<Option<Arc<ServerConfig>>, GatewayError> {
    let (certificate, key) = match (&options.tls_certificate, &options.tls_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            return Err(GatewayError::Option {
                option: "gateway.tls_certificate",
                problem: "a certificate and its key belong together, and only one of them is given".into(),
                remedy: "set both gateway.tls_certificate and gateway.tls_key, or none",
            });
        }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable("gateway.tls_certificate", certificate, &error))?;
    if chain.is_empty() {
        return Err(unusable("gateway.tls_certificate", certificate, &"there is no certificate in it"));
    }
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unusable("gateway.tls_key", key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_no_client_auth())
        .and_then(|builder| builder.with_single_cert(chain, secret))
        .map_err(|error| unusable("gateway.tls_key", key, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}

fn unusable(option: &'static str, path: &Path, problem: &dyn std::fmt::Display) -> GatewayError {
    GatewayError::Key {
        option,
        path: path.to_owned(),
        problem: problem.to_string(),
        remedy: "give PEM files: the certificate with its chain, server's own first, and the private key that belongs to it",
    }
}

/// Whether the client begins a handshake. One that speaks plain HTTP is told what the port speaks.
pub(super) async fn is_handshake(stream: &mut TcpStream) -> bool {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) if first[0] == HANDSHAKE => true,
        Ok(1) => {
            let _ = stream.write_all(SPEAKS_TLS).await;
            false
        }
        _ => false,
    }
}

/// The session of one connection after its handshake: bytes in, bytes out; the socket stays the caller's.
pub(super) struct Session(Box<ServerConnection>);

impl Session {
    pub(super) fn new(mut connection: ServerConnection) -> Self {
        connection.set_buffer_limit(Some(CIPHER_BYTES));
        Self(Box::new(connection))
    }

    /// Takes what came from the socket. Its plain bytes are then to be read with [`Self::read`].
    pub(super) fn receive(&mut self, cipher: &mut &[u8]) -> std::io::Result<()> {
        self.0.read_tls(cipher)?;
        self.0
            .process_new_packets()
            .map(drop)
            .map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))
    }

    /// Plain bytes that were received: `Ok(0)` when the client has said that there are no more, `WouldBlock` when more
    /// have to come first.
    pub(super) fn read(&mut self, plain: &mut [u8]) -> std::io::Result<usize> {
        self.0.reader().read(plain)
    }

    /// Takes plain bytes to be sent, as many as there is room for.
    pub(super) fn write(&mut self, plain: &[u8]) -> std::io::Result<usize> {
        self.0.writer().write(plain)
    }

    /// Whether encrypted bytes wait for the socket.
    pub(super) fn wants_write(&self) -> bool {
        self.0.wants_write()
    }

    /// Says that nothing more will be written.
    pub(super) fn close(&mut self) {
        self.0.send_close_notify();
    }

    /// Gives the system what waits, as far as it takes it.
    pub(super) fn flush(&mut self, half: &OwnedWriteHalf) -> std::io::Result<()> {
        while self.0.wants_write() {
            self.0.write_tls(&mut TryWrite(half))?;
        }
        Ok(())
    }
}

/// The socket as rustls writes to it: never waits.
struct TryWrite<'a>(&'a OwnedWriteHalf);

impl Write for TryWrite<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, parts: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
        self.0.try_write_vectored(parts)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_has_the_length_it_says() {
        let text = std::str::from_utf8(SPEAKS_TLS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }

    #[test]
    fn certificates_and_keys_are_judged() {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let path = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let certificate = path("certificate", &made.cert.pem());
        let key = path("key", &made.signing_key.serialize_pem());
        let other = path("other", &rcgen::KeyPair::generate().unwrap().serialize_pem());
        let empty = path("empty", "");
        let missing = Some(directory.path().join("missing"));
        let check =
            |certificate: &Option<std::path::PathBuf>, key: &Option<std::path::PathBuf>, expected: &str| {
                let options = GatewayOptions {
                    tls_certificate: certificate.clone(),
                    tls_key: key.clone(),
                    ..GatewayOptions::default()
                };
                let said = match open(&options) {
                    Ok(config) => if config.is_some() { "tls" } else { "plain" }.to_owned(),
                    Err(error) => error.to_string(),
                };
                assert!(said.contains(expected), "{said}");
            };
        check(&None, &None, "plain");
        check(&certificate, &key, "tls");
        check(&certificate, &None, "belong together");
        check(&None, &key, "belong together");
        check(&empty, &key, "no certificate");
        check(&missing, &key, "gateway.tls_certificate");
        check(&certificate, &empty, "gateway.tls_key");
        check(&certificate, &other, "gateway.tls_key");
    }
}
