import type { Stats } from "./stats.js";

/** What is used of a WebSocket: the browser's, Node's own (from 22) and the `ws` package's all have it. */
export interface SocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}
export type SocketConstructor = new (url: string, protocols?: string | string[]) => SocketLike;

/** Any message: the protocol's messages are JSON objects. */
export type Message = Record<string, unknown>;

export interface SocketHandlers {
  opened(): void;
  message(message: Message): void;
  /** Called once, however the socket ended. */
  closed(code: number, reason: string): void;
}

export const SUBPROTOCOL = "vendue.v1.json";

/** Messages in one frame (protocol, section 1). */
const FRAME_MESSAGES_MAX = 1_024;

/** UTF-16 units in one frame: even at 3 bytes each it stays below the protocol's 256 KiB. */
const FRAME_UNITS_MAX = 80_000;

/** One connection: frames in, frames out. What is sent in one turn of the event loop goes out in one frame. */
export class Socket {
  private readonly socket: SocketLike;
  private outbox: string[] = [];
  private ended = false;

  constructor(
    url: string,
    constructor: SocketConstructor,
    private readonly handlers: SocketHandlers,
    private readonly stats: Stats,
  ) {
    this.socket = new constructor(url, [SUBPROTOCOL]);
    this.socket.onopen = () => !this.ended && handlers.opened();
    this.socket.onmessage = (event: { data: unknown }) => !this.ended && this.receive(event.data);
    this.socket.onclose = (event: { code: number; reason: unknown }) => this.end(event.code, String(event.reason ?? ""));
    // Every error is followed by a close; a handler is set so that Node does not treat it as uncaught.
    this.socket.onerror = () => undefined;
  }

  /** Sends at once, in a frame of its own: what `connect` needs. */
  sendNow(message: Message): void {
    this.write(JSON.stringify(message));
  }

  /** Sends with the other messages of this turn. */
  send(message: Message): void {
    this.outbox.push(JSON.stringify(message));
    if (this.outbox.length === 1) queueMicrotask(() => this.flush());
  }

  /** Ends it from this side without waiting for the other: a dead peer never answers a close. */
  abandon(code: number, reason: string): void {
    if (this.ended) return;
    this.end(code, reason);
    try {
      this.socket.close(1000);
    } catch {
      // It was still connecting or already gone: either way nothing is left to do.
    }
  }

  private flush(): void {
    if (this.ended) return;
    const messages = this.outbox;
    this.outbox = [];
    let frame: string[] = [];
    let units = 0;
    for (const message of messages) {
      if (frame.length > 0 && (frame.length === FRAME_MESSAGES_MAX || units + message.length + 2 > FRAME_UNITS_MAX)) {
        this.writeFrame(frame);
        frame = [];
        units = 0;
      }
      frame.push(message);
      units += message.length + 1;
    }
    this.writeFrame(frame);
  }

  private writeFrame(messages: string[]): void {
    if (messages.length === 1) this.write(messages[0] as string);
    else if (messages.length > 1) this.write(`[${messages.join(",")}]`);
  }

  private write(text: string): void {
    try {
      this.socket.send(text);
      this.stats.frames_out += 1;
    } catch {
      // The socket is closing; its close event follows and whoever waits is told then.
    }
  }

  private receive(data: unknown): void {
    this.stats.frames_in += 1;
    const text = String(data);
    this.stats.characters_in += text.length;
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      this.stats.malformed += 1;
      return;
    }
    for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
      if (this.ended) return;
      if (typeof message === "object" && message !== null) this.handlers.message(message as Message);
      else this.stats.malformed += 1;
    }
  }

  private end(code: number, reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.handlers.closed(code, reason);
  }
}
