//! One connection of the generator: a plain socket after the handshake, and the bids that are in flight on it.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};

use super::args::Encoding;
use super::frame::{self, Opcode};
use super::message::FIRST_ID;
use super::work::Job;
use crate::failure::Failure;

/// How long the handshake may wait for the server.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A bid in flight.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flying {
    /// Its request's id; 0: none.
    pub id: u64,
    /// What was asked for.
    pub sent: Job,
    /// When it was due, on the generator's clock.
    pub due_ns: u64,
    /// When it was written.
    pub sent_ns: u64,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// One place for each bid that may be in flight; an id tells its place by its remainder.
    flying: Vec<Flying>,
    /// Places that are free.
    free: Vec<u16>,
    /// How often each place was used.
    turns: Vec<u64>,
    /// What was last told at each place: (id, whether it said yes).
    told: Vec<(u64, bool)>,
    /// The part of a frame that has come so far.
    rest: Vec<u8>,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
}

/// What a write led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Everything is with the kernel.
    All,
    /// The socket is full: wait until it takes more.
    Full,
}

impl Connection {
    /// Connects, shakes hands and says `connect`; refuses a pipeline that the server would.
    ///
    /// # Errors
    /// Where that does not work, in words.
    pub fn open(url: &str, token: &str, encoding: Encoding, pipeline: u16) -> Result<Self, Failure> {
        Self::open_as(url, Some(token), encoding, pipeline)
    }

    /// Connects as nobody: for watching.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub fn open_guest(url: &str, encoding: Encoding) -> Result<Self, Failure> {
        Self::open_as(url, None, encoding, 1)
    }

    fn open_as(url: &str, token: Option<&str>, encoding: Encoding, pipeline: u16) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::Generator(format!("cannot connect to {url}: {why}"));
        let stream = dial(url).map_err(wrong)?;
        let request = request(url, encoding).map_err(wrong)?;
        let (mut socket, _) =
            tungstenite::client::client(request, stream).map_err(|error| wrong(error.to_string()))?;
        greet(&mut socket, token, encoding, pipeline).map_err(wrong)?;
        // The library's part is over: from here on frames are made by hand on the same socket.
        let stream = socket.get_ref().try_clone().map_err(Failure::system("cannot take the socket over"))?;
        stream.set_read_timeout(None).map_err(Failure::system("cannot set up the socket"))?;
        stream.set_nonblocking(true).map_err(Failure::system("cannot set up the socket"))?;
        let places = usize::from(pipeline).next_power_of_two();
        Ok(Self {
            stream,
            flying: vec![Flying::default(); places],
            free: (0..pipeline).rev().collect(),
            turns: vec![0; places],
            told: vec![(0, false); places],
            rest: Vec::new(),
            unsent: Vec::new(),
        })
    }

    /// The socket.
    #[must_use]
    pub const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// How many bids could be sent now.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.unsent.is_empty() { self.free.len() } else { 0 }
    }

    /// Begins anew on another socket, after this one broke or was broken: what was in flight still is, and has to be sent again.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub fn reopen(
        &mut self,
        url: &str,
        token: &str,
        encoding: Encoding,
        pipeline: u16,
    ) -> Result<(), Failure> {
        self.begin_anew(Self::open(url, token, encoding, pipeline)?);
        Ok(())
    }

    /// The same for who watches.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub fn reopen_guest(&mut self, url: &str, encoding: Encoding) -> Result<(), Failure> {
        self.begin_anew(Self::open_guest(url, encoding)?);
        Ok(())
    }

    fn begin_anew(&mut self, fresh: Self) {
        self.stream = fresh.stream;
        self.rest.clear();
        self.unsent.clear();
    }

    /// What is in flight.
    pub fn flying(&self) -> impl Iterator<Item = &Flying> {
        self.flying.iter().filter(|bid| bid.id != 0)
    }

    /// What is in flight with this id.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<&Flying> {
        let at = (id.wrapping_sub(FIRST_ID) as usize) & (self.flying.len() - 1);
        self.flying.get(at).filter(|bid| bid.id == id)
    }

    /// Whether something waits to be written.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Bids without a reply.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flying.iter().filter(|bid| bid.id != 0).count()
    }

    /// Takes a free place for a bid; its id. There must be [`Connection::room`].
    #[inline]
    pub fn launch(&mut self, sent: Job, due_ns: u64, sent_ns: u64) -> Option<u64> {
        let place = self.free.pop()?;
        let at = usize::from(place);
        let id = FIRST_ID + self.turns[at] * self.flying.len() as u64 + u64::from(place);
        self.turns[at] += 1;
        self.flying[at] = Flying { id, sent, due_ns, sent_ns };
        Some(id)
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// Where the connection broke.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<Written> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(Written::Full);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.unsent.extend_from_slice(rest);
                    return Ok(Written::Full);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Written::All)
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// Where the connection broke.
    pub fn flush(&mut self) -> std::io::Result<Written> {
        let waiting = std::mem::take(&mut self.unsent);
        self.write(&waiting)
    }

    /// Reads once into `buffer`; each whole text or binary frame goes to `message`. Returns the number of bytes read; what is
    /// incomplete is kept for the next time.
    ///
    /// # Errors
    /// Where the connection broke or was closed, or the frames are not as they must be; in words.
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        mut message: impl FnMut(&mut Landing<'_>, &[u8]) -> Result<(), String>,
    ) -> Result<usize, String> {
        let kept = self.rest.len();
        if kept + 1 >= buffer.len() {
            return Err("the server sent a frame larger than the protocol's".into());
        }
        buffer[..kept].copy_from_slice(&self.rest);
        let read = match self.stream.read(&mut buffer[kept..]) {
            Ok(0) => return Err("the server closed the connection".into()),
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(0);
            }
            Err(error) => return Err(error.to_string()),
        };
        self.rest.clear();
        let mut bytes = &buffer[..kept + read];
        let mut pong = Vec::new();
        while let Some(frame) = frame::read(bytes)? {
            match frame.opcode {
                Opcode::Text | Opcode::Binary => {
                    let Self { flying, free, told, .. } = self;
                    message(&mut Landing { flying, free, told }, frame.payload)?;
                }
                Opcode::Ping => {
                    frame::write(&mut pong, Opcode::Pong, 0, |out| out.extend_from_slice(frame.payload))
                }
                Opcode::Pong => {}
                Opcode::Close => return Err(closed(frame.payload)),
            }
            bytes = &bytes[frame.length..];
        }
        self.rest.extend_from_slice(bytes);
        if !pong.is_empty() {
            self.write(&pong).map_err(|error| error.to_string())?;
        }
        Ok(read)
    }
}

/// Bids in flight, while replies come in.
#[derive(Debug)]
pub struct Landing<'a> {
    flying: &'a mut [Flying],
    free: &'a mut Vec<u16>,
    told: &'a mut [(u64, bool)],
}

/// Whose reply it is.
#[derive(Debug, Clone, Copy)]
pub enum Landed {
    /// A bid's in flight; its place is free again.
    First(Flying),
    /// One that was answered already, and whether that said yes.
    Again(bool),
    /// Nobody's.
    Unknown,
}

impl Landing<'_> {
    /// Takes the reply with this id.
    #[inline]
    pub fn land(&mut self, id: u64, yes: bool) -> Landed {
        let at = (id.wrapping_sub(FIRST_ID) as usize) & (self.flying.len() - 1);
        let bid = self.flying[at];
        if bid.id != id {
            let (last, said_yes) = self.told[at];
            return if last == id { Landed::Again(said_yes) } else { Landed::Unknown };
        }
        self.flying[at].id = 0;
        self.told[at] = (id, yes);
        self.free.push(at as u16);
        Landed::First(bid)
    }

    /// Whether this id is in flight.
    #[must_use]
    pub fn is_flying(&self, id: u64) -> bool {
        self.flying[(id.wrapping_sub(FIRST_ID) as usize) & (self.flying.len() - 1)].id == id
    }
}

fn closed(payload: &[u8]) -> String {
    match payload {
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            format!("the server closed the connection (code {code}): {}", String::from_utf8_lossy(reason))
        }
        _ => "the server closed the connection".into(),
    }
}

fn dial(url: &str) -> Result<TcpStream, String> {
    let rest = url.strip_prefix("ws://").ok_or("the address must begin with ws://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let address =
        authority.to_socket_addrs().map_err(|error| error.to_string())?.next().ok_or("no such host")?;
    let stream =
        TcpStream::connect_timeout(&address, HANDSHAKE_TIMEOUT).map_err(|error| error.to_string())?;
    let set = || {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(HANDSHAKE_TIMEOUT))
    };
    set().map_err(|error| error.to_string())?;
    Ok(stream)
}

fn request(url: &str, encoding: Encoding) -> Result<tungstenite::handshake::client::Request, String> {
    let mut request = url.into_client_request().map_err(|error| error.to_string())?;
    let subprotocol = match encoding {
        Encoding::Json => HeaderValue::from_static("vendue.v1.json"),
        Encoding::Msgpack => HeaderValue::from_static("vendue.v1.msgpack"),
    };
    request.headers_mut().insert("Sec-WebSocket-Protocol", subprotocol);
    Ok(request)
}

fn greet(
    socket: &mut tungstenite::WebSocket<TcpStream>,
    token: Option<&str>,
    encoding: Encoding,
    pipeline: u16,
) -> Result<(), String> {
    let client = json!({"name": "vendue-loadtest", "version": env!("CARGO_PKG_VERSION")});
    let connect = json!({"id": 0, "method": "connect", "params": {"token": token, "client": client, "batch": pipeline > 1}});
    let message = match encoding {
        Encoding::Json => Message::text(connect.to_string()),
        Encoding::Msgpack => {
            Message::binary(rmp_serde::to_vec_named(&connect).map_err(|error| error.to_string())?)
        }
    };
    socket.send(message).map_err(|error| error.to_string())?;
    loop {
        let reply: Value = match socket.read().map_err(|error| error.to_string())? {
            Message::Text(text) => serde_json::from_str(&text).map_err(|error| error.to_string())?,
            Message::Binary(bytes) => rmp_serde::from_slice(&bytes).map_err(|error| error.to_string())?,
            Message::Close(close) => return Err(format!("closed before the reply to connect: {close:?}")),
            _ => continue,
        };
        let reply = if reply.is_array() { &reply[0] } else { &reply };
        if reply["id"] != 0 {
            continue;
        }
        if reply["ok"] != true {
            return Err(format!("connect was refused: {}", reply["error"]));
        }
        let limit = reply["result"]["limits"]["in_flight"].as_u64().unwrap_or(u64::MAX);
        if u64::from(pipeline) > limit {
            return Err(format!(
                "--pipeline {pipeline} is above the server's limit of {limit} requests in flight"
            ));
        }
        return Ok(());
    }
}
