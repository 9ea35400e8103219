/** One filled or stroked path of a drawing, in a box of 120 by 90 units. */
export interface Shape {
  d: string;
  fill?: string;
  stroke?: string;
  /** Width of the stroke, units of the box. */
  width?: number;
  opacity?: number;
}

/** The tones of one drawing: paper behind, the thing's body, its dark parts, its lights, and one colour that sings. */
export interface Palette {
  ground: string;
  shade: string;
  body: string;
  deep: string;
  light: string;
  accent: string;
}

/** Muted like a printed catalogue, so that a page of them stays calm. */
export const PALETTES: readonly Palette[] = [
  { ground: "#dfe5d8", shade: "#c9d3c0", body: "#6f8a6a", deep: "#2f4636", light: "#f6f6ec", accent: "#c9803a" },
  { ground: "#ecdfc9", shade: "#dfcba9", body: "#b98a4e", deep: "#4f3620", light: "#fbf5e8", accent: "#2f6f6a" },
  { ground: "#d9e0e6", shade: "#c1cdd7", body: "#6b8399", deep: "#24384c", light: "#f4f7f9", accent: "#c4643c" },
  { ground: "#eddcd5", shade: "#e0c4ba", body: "#b5705f", deep: "#52261f", light: "#fbf2ee", accent: "#3f6a72" },
  { ground: "#e3dbe6", shade: "#d0c4d6", body: "#846b93", deep: "#382847", light: "#f7f3f8", accent: "#c98a3a" },
  { ground: "#d5e4e1", shade: "#bbd3cf", body: "#4f8a86", deep: "#173f40", light: "#f0f8f6", accent: "#cf7d4a" },
  { ground: "#f0e4c3", shade: "#e4d19c", body: "#c59a35", deep: "#4d3a10", light: "#fdf8e6", accent: "#7b3f3a" },
  { ground: "#e4e1dc", shade: "#d1ccc4", body: "#8f877b", deep: "#35312b", light: "#f8f6f3", accent: "#a5482f" },
];

/** Chance for one drawing: the same id draws the same picture everywhere. */
export class Dice {
  private state: number;

  constructor(text: string) {
    // FNV-1a over the id, then mulberry32.
    let hash = 0x811c9dc5;
    for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    this.state = hash | 0;
  }

  /** 0 (included) to 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  between(low: number, high: number): number {
    return Math.round((low + this.next() * (high - low)) * 10) / 10;
  }

  pick<T>(options: readonly T[]): T {
    return options[Math.floor(this.next() * options.length)] as T;
  }
}

const n = (value: number): string => String(Math.round(value * 10) / 10);

export function circle(x: number, y: number, r: number): string {
  return ellipse(x, y, r, r);
}

export function ellipse(x: number, y: number, rx: number, ry: number): string {
  return `M${n(x - rx)} ${n(y)}a${n(rx)} ${n(ry)} 0 1 0 ${n(2 * rx)} 0a${n(rx)} ${n(ry)} 0 1 0 ${n(-2 * rx)} 0z`;
}

export function rect(x: number, y: number, w: number, h: number, r = 0): string {
  if (r === 0) return `M${n(x)} ${n(y)}h${n(w)}v${n(h)}h${n(-w)}z`;
  const a = (dx: number, dy: number) => `a${n(r)} ${n(r)} 0 0 1 ${n(dx)} ${n(dy)}`;
  return `M${n(x + r)} ${n(y)}h${n(w - 2 * r)}${a(r, r)}v${n(h - 2 * r)}${a(-r, r)}h${n(2 * r - w)}${a(-r, -r)}v${n(2 * r - h)}${a(r, -r)}z`;
}

export function line(x1: number, y1: number, x2: number, y2: number): string {
  return `M${n(x1)} ${n(y1)}L${n(x2)} ${n(y2)}`;
}

export function polygon(...points: [number, number][]): string {
  return `M${points.map(([x, y]) => `${n(x)} ${n(y)}`).join("L")}z`;
}

/** The point at an angle (0 is up, clockwise, turns) and a distance from a centre. */
export function at(x: number, y: number, turn: number, r: number): [number, number] {
  return [x + Math.sin(turn * 2 * Math.PI) * r, y - Math.cos(turn * 2 * Math.PI) * r];
}
