import { WebSocketServer, WebSocket, type RawData } from "ws";
import type { AddressInfo } from "node:net";

type Json = Record<string, unknown>;
export type Answer = { result: unknown } | { error: Json } | "silence";
export type Handler = (params: Json, connection: Peer) => Answer;

interface Peer {
  socket: WebSocket;
  batch: boolean;
  channels: Set<string>;
}

interface Channel {
  epoch: string;
  seq: number;
  state: Json;
  ring: Json[];
}

/** A server small enough to be understood, with every fault a client must survive: it drops, repeats, skips and forgets. */
export class FakeServer {
  readonly handlers = new Map<string, Handler>();
  readonly peers = new Set<Peer>();
  readonly channels = new Map<string, Channel>();
  /** Outcomes by key, as an actor keeps them; `executions` counts how often the rules ran for a key. */
  readonly outcomes = new Map<string, Json>();
  readonly executions = new Map<string, number>();
  readonly seen: Json[] = [];
  connects = 0;
  /** Events that a resume may carry. */
  ringMax = 64;
  heartbeat_ms = 15_000;
  /** The answer to `connect`. */
  admit: (params: Json) => Answer = () => ({ result: this.hello() });
  private server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.server = server;
    server.on("connection", (socket) => this.accept(socket));
    this.handlers.set("ping", (params) => ({ result: { t0: params.t0 } }));
    this.handlers.set("subscribe", (params, peer) => this.subscribe(params, peer));
    this.handlers.set("unsubscribe", (params, peer) => ({ result: { removed: peer.channels.delete(String(params.channel)) } }));
    this.handlers.set("command.result", (params) => {
      const earlier = this.outcomes.get(String(params.key));
      return earlier ? { result: earlier } : { error: { code: "not_found", message: "no such command" } };
    });
  }

  static async start(port = 0): Promise<FakeServer> {
    const server = new WebSocketServer({ host: "127.0.0.1", port, handleProtocols: (offered) => (offered.has("vendue.v1.json") ? "vendue.v1.json" : false) });
    await new Promise((resolve) => server.once("listening", resolve));
    return new FakeServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/ws`;
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) peer.socket.terminate();
    await new Promise((resolve) => this.server.close(resolve));
  }

  hello(): Json {
    return { connection: "c1", account: null, roles: [], server: { version: "0", epoch: "e1" }, time: now(), heartbeat_ms: this.heartbeat_ms, limits: {} };
  }

  /** A command whose rules run once for each key. `act` says what the outcome is. */
  command(method: string, act: (params: Json) => Json): void {
    this.handlers.set(method, (params) => {
      const key = String(params.key);
      let outcome = this.outcomes.get(key);
      if (!outcome) {
        this.executions.set(key, (this.executions.get(key) ?? 0) + 1);
        outcome = { ok: true, result: act(params) };
        this.outcomes.set(key, outcome);
      }
      return { result: outcome.result };
    });
  }

  channel(name: string, state: Json = {}): Channel {
    let channel = this.channels.get(name);
    if (!channel) {
      channel = { epoch: "e1", seq: 0, state, ring: [] };
      this.channels.set(name, channel);
    }
    return channel;
  }

  /** Something happened: every subscriber hears it, except those for whom `lose` says otherwise. */
  publish(name: string, type: string, data: Json, lose: () => "deliver" | "skip" | "twice" = () => "deliver"): void {
    const channel = this.channel(name);
    channel.seq += 1;
    channel.state = { ...channel.state, ...data };
    const event = { channel: name, epoch: channel.epoch, seq: channel.seq, ts: now(), type, data };
    channel.ring.push(event);
    if (channel.ring.length > this.ringMax) channel.ring.shift();
    for (const peer of this.peers) {
      if (!peer.channels.has(name)) continue;
      const fate = lose();
      if (fate !== "skip") this.send(peer, event);
      if (fate === "twice") this.send(peer, event);
    }
  }

  heartbeat(): void {
    for (const peer of this.peers) {
      const seqs = Object.fromEntries([...peer.channels].map((name) => [name, this.channel(name).seq]));
      this.send(peer, { type: "heartbeat", time: now(), seqs });
    }
  }

  broadcast(message: Json): void {
    for (const peer of this.peers) this.send(peer, message);
  }

  /** Every connection ends: with a close code, or as if the network was cut. */
  drop(code?: number): void {
    for (const peer of [...this.peers]) {
      this.peers.delete(peer);
      if (code === undefined) peer.socket.terminate();
      else peer.socket.close(code);
    }
  }

  private subscribe(params: Json, peer: Peer): Answer {
    const name = String(params.channel);
    const channel = this.channels.get(name);
    if (!channel) return { error: { code: "unknown_channel", message: name } };
    peer.channels.add(name);
    const resume = params.resume as { epoch: string; seq: number } | undefined;
    const missed = channel.ring.filter((event) => resume && (event.seq as number) > resume.seq);
    const whole = resume && resume.epoch === channel.epoch && missed.length === channel.seq - resume.seq;
    const at = { epoch: channel.epoch, seq: channel.seq };
    return { result: whole ? { ...at, resumed: true, events: missed } : { ...at, resumed: false, snapshot: channel.state } };
  }

  private accept(socket: WebSocket): void {
    const peer: Peer = { socket, batch: false, channels: new Set() };
    socket.on("error", () => undefined);
    socket.on("close", () => this.peers.delete(peer));
    socket.on("message", (data: RawData) => {
      const parsed = JSON.parse(String(data)) as Json | Json[];
      for (const message of Array.isArray(parsed) ? parsed : [parsed]) this.handle(peer, message);
    });
  }

  private handle(peer: Peer, message: Json): void {
    const t_in = now();
    const params = (message.params ?? {}) as Json;
    this.seen.push(message);
    let answer: Answer;
    if (message.method === "connect") {
      this.connects += 1;
      answer = this.admit(params);
      if (answer !== "silence" && "result" in answer) this.peers.add(peer);
    } else {
      const handler = this.handlers.get(String(message.method));
      answer = handler ? handler(params, peer) : { error: { code: "unknown_method", message: String(message.method) } };
    }
    if (answer === "silence") return;
    const body = "result" in answer ? { ok: true, result: answer.result } : { ok: false, error: answer.error };
    this.send(peer, { id: message.id, ...body, t_in, t_out: now() });
  }

  private send(peer: Peer, message: Json): void {
    if (peer.socket.readyState === WebSocket.OPEN) peer.socket.send(JSON.stringify(message));
  }
}

export function now(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

/** Waits for a condition; the bound only keeps a broken test from hanging. */
export async function until(what: string, condition: () => boolean, bound_ms = 20_000): Promise<void> {
  const end = performance.now() + bound_ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
