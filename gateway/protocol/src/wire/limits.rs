//! Every limit of the protocol by its name, with its unit and its reason. What a deployment may change is an option of
//! the gateway whose default stands here; the values in force are told in the reply to `connect`.

/// The largest WebSocket frame and message, and the largest HTTP body, in bytes: a full page of creations, and small
/// enough that ten thousand connections cannot fill the memory.
pub const FRAME_BYTES: usize = 256 * 1024;

/// The most messages in one frame's array.
pub const FRAME_MESSAGES: usize = 1_024;

/// The longest `key`, in characters.
pub const KEY_CHARS: usize = 64;

/// The longest `key` in bytes: the link carries its length in one byte.
pub const KEY_BYTES: usize = 255;

/// The largest `id` of a request: 2^53 - 1, the largest integer that every JSON reader keeps exactly.
pub const ID_MAX: u64 = (1 << 53) - 1;

/// How long a command or query may wait where the request names no `deadline_ms`.
pub const DEADLINE_DEFAULT_MS: u64 = 5_000;

/// How long a new connection may take to say `connect`, in milliseconds.
pub const CONNECT_WITHIN_MS: u64 = 5_000;

/// How often a heartbeat is sent, in milliseconds.
pub const HEARTBEAT_MS: u64 = 15_000;

/// The most events that a resume answers; more is answered with a snapshot.
pub const RESUME_EVENTS: usize = 1_024;

/// The most bytes (of event data) that a resume answers; more is answered with a snapshot.
pub const RESUME_BYTES: usize = 256 * 1024;

/// Requests of one connection that may be under way: enough for the deepest pipeline that still gains throughput.
pub const IN_FLIGHT: usize = 8_192;

/// Channels that one connection may watch.
pub const SUBSCRIPTIONS: usize = 10_000;

/// Event bytes that may wait for a slow watcher before it is given the newest state only, or closed (4102).
pub const WATCHER_BYTES: usize = 256 * 1024;

/// How deep a JSON or MessagePack value may nest: deeper than anything of ours, shallow enough for any stack.
pub const NESTING: u32 = 32;

/// The longest text that an error message quotes from a request, in characters.
pub const QUOTED_CHARS: usize = 64;

/// Frames in a row that hold no readable message before the connection is closed (4001): a client that speaks another
/// protocol is told so and does not come back.
pub const UNREADABLE_FRAMES: u32 = 16;
