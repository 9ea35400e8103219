import { circle, ellipse, line, polygon, rect, type Dice, type Palette, type Shape } from "./shapes.js";

/** Things that stand or hang: vases, pictures, instruments, bottles, furniture, lamps, and a parcel for everything else. */

export function vase(p: Palette, dice: Dice): Shape[] {
  const neck = dice.between(5, 9);
  const lip = neck + dice.between(2, 6);
  const belly = dice.between(20, 28);
  const foot = dice.between(9, 14);
  const high = dice.between(34, 52);
  const half = (s: 1 | -1): string => `${60 + s * lip} 14C${60 + s * neck} 18 ${60 + s * neck} 22 ${60 + s * neck} 26C${60 + s * neck} 32 ${60 + s * belly} 34 ${60 + s * belly} ${high}`;
  const low = (s: 1 | -1): string => `C${60 + s * belly} 62 ${60 + s * foot} 66 ${60 + s * foot} 76`;
  // The right half is walked back upwards: the same curves with their points in the opposite order.
  const back = `C${60 + foot} 66 ${60 + belly} 62 ${60 + belly} ${high}C${60 + belly} 34 ${60 + neck} 32 ${60 + neck} 26C${60 + neck} 22 ${60 + neck} 18 ${60 + lip} 14z`;
  const colour = dice.pick([p.body, p.accent, p.light]);
  const ink = colour === p.light ? p.body : p.light;
  const shapes: Shape[] = [
    { d: ellipse(60, 77, foot + 12, 3), fill: p.deep, opacity: 0.2 },
    { d: `M${half(-1)}${low(-1)}L${60 + foot} 76${back}`, fill: colour },
    { d: ellipse(60, 14, lip, 2.2), fill: p.deep, opacity: 0.55 },
    { d: `M${60 - belly * 0.62} ${high - 6}C${60 - belly * 0.72} ${high + 4} ${60 - belly * 0.55} ${high + 12} ${60 - foot * 0.7} 70`, stroke: "#ffffff", width: 2.4, opacity: 0.45 },
  ];
  if (dice.next() < 0.5) {
    const petals = Array.from({ length: 6 }, (_, i) => ellipse(60 + Math.cos((i / 3) * Math.PI) * 5.5, high + Math.sin((i / 3) * Math.PI) * 5.5, 3.2, 3.2)).join("");
    shapes.push({ d: petals, fill: ink, opacity: 0.9 }, { d: circle(60, high, 2.6), fill: p.deep });
    shapes.push({ d: `M60 ${high + 8}q-2 8 -9 10M60 ${high + 8}q2 8 9 10`, stroke: ink, width: 1.6 });
  } else {
    const band = belly - 1.5;
    shapes.push({ d: `M${60 - band} ${high - 2}q${band} 7 ${2 * band} 0M${60 - band} ${high + 3}q${band} 7 ${2 * band} 0`, stroke: ink, width: 1.6 });
    const dots = Array.from({ length: 5 }, (_, i) => circle(60 + (i - 2) * band * 0.38, high - 5.5 + (i % 4 === 0 ? 0 : 2), 1.7)).join("");
    shapes.push({ d: dots, fill: ink });
  }
  return shapes;
}

export function painting(p: Palette, dice: Dice): Shape[] {
  const upright = dice.next() < 0.35;
  const [x, y, w, h] = upright ? [37, 8, 46, 60] : [24, 13, 72, 52];
  const [ix, iy, iw, ih] = [x + 8, y + 8, w - 16, h - 16];
  const shapes: Shape[] = [
    { d: rect(x + 2, y + 4, w, h), fill: p.deep, opacity: 0.2 },
    { d: rect(x, y, w, h), fill: dice.pick([p.body, p.deep, p.accent]) },
    { d: rect(x + 2, y + 2, w - 4, h - 4), stroke: p.light, width: 0.7, opacity: 0.7 },
    { d: rect(ix - 3, iy - 3, iw + 6, ih + 6), fill: p.light },
    { d: rect(ix, iy, iw, ih), fill: p.shade },
  ];
  return shapes.concat(dice.pick([hills, hills, cubes, sitter])(p, dice, ix, iy, iw, ih));
}

function hills(p: Palette, dice: Dice, x: number, y: number, w: number, h: number): Shape[] {
  const rise = (share: number) => y + h * share;
  const slope = (from: number, colour: string, opacity = 1): Shape => {
    const [a, b] = [rise(from + dice.between(-0.08, 0.08)), rise(from + dice.between(-0.08, 0.08))];
    return { d: `M${x} ${a}C${x + w * 0.3} ${a - h * 0.2} ${x + w * 0.6} ${b + h * 0.18} ${x + w} ${b}V${y + h}H${x}z`, fill: colour, opacity };
  };
  const sun = circle(x + w * dice.between(0.25, 0.75), rise(0.26), Math.min(w, h) * 0.12);
  return [{ d: sun, fill: p.accent }, slope(0.48, p.body, 0.55), slope(0.64, p.body), slope(0.82, p.deep)];
}

function cubes(p: Palette, dice: Dice, x: number, y: number, w: number, h: number): Shape[] {
  const r = Math.min(w, h) * dice.between(0.24, 0.32);
  return [
    { d: rect(x, y + h * 0.55, w, h * 0.45), fill: p.body },
    { d: circle(x + w * 0.38, y + h * 0.46, r), fill: p.accent },
    { d: rect(x + w * 0.55, y + h * 0.14, w * 0.2, h * 0.7), fill: p.deep },
    { d: polygon([x + w * 0.12, y + h * 0.9], [x + w * 0.5, y + h * 0.9], [x + w * 0.3, y + h * 0.6]), fill: p.light },
    { d: line(x + w * 0.06, y + h * 0.1, x + w * 0.94, y + h * dice.between(0.3, 0.9)), stroke: p.deep, width: 1 },
  ];
}

function sitter(p: Palette, dice: Dice, x: number, y: number, w: number, h: number): Shape[] {
  const cx = x + w / 2;
  const head = Math.min(w, h) * 0.19;
  return [
    { d: rect(x, y, w, h), fill: p.body, opacity: 0.6 },
    { d: `M${cx - w * 0.36} ${y + h}C${cx - w * 0.34} ${y + h * 0.62} ${cx - head} ${y + h * 0.62} ${cx} ${y + h * 0.6}C${cx + head} ${y + h * 0.62} ${cx + w * 0.34} ${y + h * 0.62} ${cx + w * 0.36} ${y + h}z`, fill: p.deep },
    { d: ellipse(cx, y + h * 0.4, head, head * 1.25), fill: p.light },
    { d: `M${cx - head * 1.1} ${y + h * 0.4}C${cx - head * 1.2} ${y + h * 0.08} ${cx + head * 1.2} ${y + h * 0.08} ${cx + head * 1.1} ${y + h * 0.4}C${cx + head * 0.6} ${y + h * 0.25} ${cx - head * 0.3} ${y + h * 0.24} ${cx - head * 1.1} ${y + h * 0.4}z`, fill: dice.pick([p.deep, p.accent]) },
    { d: polygon([cx - head * 0.5, y + h * 0.64], [cx + head * 0.5, y + h * 0.64], [cx, y + h * 0.82]), fill: p.accent },
  ];
}

export function instrument(p: Palette, dice: Dice): Shape[] {
  const wood = dice.pick(["#b0642f", "#8f4a26", "#c58a45", p.accent]);
  const guitar = dice.next() < 0.45;
  const body = guitar
    ? "M60 84C42 84 36 72 40 62C43 55 46 54 45 47C44 38 51 35 60 35C69 35 76 38 75 47C74 54 77 55 80 62C84 72 78 84 60 84z"
    : "M60 84C45 84 40 75 43 67C45 62 50 62 50 57C50 53 44 52 46 45C48 38 54 37 60 37C66 37 72 38 74 45C76 52 70 53 70 57C70 62 75 62 77 67C80 75 75 84 60 84z";
  const shapes: Shape[] = [
    { d: body, fill: wood },
    { d: body, stroke: p.deep, width: 1.2, opacity: 0.45 },
    { d: rect(57.5, 9, 5, guitar ? 46 : 50, 1), fill: p.deep },
    { d: guitar ? rect(55, 1, 10, 11, 2) : `${circle(60, 6, 3.6)}${rect(57.5, 6, 5, 6)}`, fill: p.deep },
    { d: `${rect(52, guitar ? 2.5 : 9.5, 5, 2, 1)}${rect(63, guitar ? 7 : 12.5, 5, 2, 1)}`, fill: p.body },
  ];
  if (guitar) shapes.push({ d: circle(60, 55, 7), fill: "#2a1a10" }, { d: circle(60, 55, 8.2), stroke: p.light, width: 0.9 }, { d: rect(52, 72, 16, 3, 1), fill: p.deep });
  else shapes.push({ d: "M51 59c-3 3 1 8 -2 11M69 59c3 3 -1 8 2 11", stroke: "#2a1a10", width: 1.5 }, { d: polygon([57.5, 70], [62.5, 70], [64, 82], [56, 82]), fill: p.deep });
  shapes.push({ d: `${line(58.6, 10, 58.6, 72)}${line(60, 10, 60, 72)}${line(61.4, 10, 61.4, 72)}`, stroke: p.light, width: 0.45, opacity: 0.9 });
  return shapes;
}

export function bottle(p: Palette, dice: Dice): Shape[] {
  const two = dice.next() < 0.5;
  const xs = two ? [46, 74] : [52];
  const shapes: Shape[] = [{ d: ellipse(60, 79, 36, 3), fill: p.deep, opacity: 0.2 }];
  for (const x of xs) {
    const glass = dice.pick(["#26382b", "#3a1f22", p.deep]);
    const capsule = dice.pick([p.accent, "#7b2f35", p.body]);
    shapes.push(
      { d: `M${x - 4} 9h8v20c0 6 8 7 8 15v32c0 2 -1 3 -3 3h-18c-2 0 -3 -1 -3 -3v-32c0 -8 8 -9 8 -15z`, fill: glass },
      { d: rect(x - 4.5, 8, 9, 15, 1), fill: capsule },
      { d: rect(x - 12, 49, 24, 19), fill: p.light },
      { d: `${line(x - 8, 54, x + 8, 54)}${line(x - 6, 64, x + 6, 64)}`, stroke: p.deep, width: 0.9 },
      { d: dice.pick([circle(x, 59, 2.3), polygon([x, 56.5], [x + 3.5, 61.5], [x - 3.5, 61.5])]), fill: p.accent },
      { d: `M${x - 9} 74V45`, stroke: "#ffffff", width: 1.3, opacity: 0.25 },
    );
  }
  if (!two) {
    shapes.push({ d: "M76 38h20c1 14 -3 21 -10 22c-7 -1 -11 -8 -10 -22z", fill: p.light, opacity: 0.75 }, { d: "M77 47h18c-1 7 -4 10.5 -9 11.3c-5 -.8 -8 -4.3 -9 -11.3z", fill: dice.pick(["#7b2f35", "#d8b44a"]) });
    shapes.push({ d: `${line(86, 60, 86, 77)}${line(79, 78, 93, 78)}`, stroke: p.body, width: 1.6 });
  }
  return shapes;
}

export function furniture(p: Palette, dice: Dice): Shape[] {
  const wood = dice.pick(["#8a5a33", "#6d4226", p.deep]);
  const floor: Shape = { d: ellipse(60, 80, 40, 3), fill: p.deep, opacity: 0.18 };
  if (dice.next() < 0.5) {
    const cloth = dice.pick([p.body, p.accent]);
    return [
      floor,
      { d: `${line(38, 62, 33, 80)}${line(82, 62, 87, 80)}${line(46, 64, 44, 78)}${line(74, 64, 76, 78)}`, stroke: wood, width: 3 },
      { d: "M39 52C36 30 38 16 45 13C53 10 67 10 75 13C82 16 84 30 81 52z", fill: cloth },
      { d: `${circle(52, 26, 1.2)}${circle(60, 25, 1.2)}${circle(68, 26, 1.2)}${circle(56, 36, 1.2)}${circle(64, 36, 1.2)}`, fill: p.deep, opacity: 0.5 },
      { d: rect(36, 48, 48, 14, 5), fill: cloth },
      { d: rect(36, 48, 48, 14, 5), fill: "#ffffff", opacity: 0.18 },
      { d: `${rect(29, 40, 9, 24, 4)}${rect(82, 40, 9, 24, 4)}`, fill: wood },
    ];
  }
  const rows = dice.pick([2, 3]);
  const shapes: Shape[] = [floor, { d: `${line(32, 64, 29, 80)}${line(88, 64, 91, 80)}`, stroke: wood, width: 3.5 }, { d: rect(24, 20, 72, 46, 2), fill: wood }, { d: rect(22, 17, 76, 5, 1.5), fill: p.body }];
  for (let row = 0; row < rows; row += 1) {
    const h = 40 / rows;
    for (const x of [28, 61]) {
      shapes.push({ d: rect(x, 24 + row * h, 31, h - 3, 1), fill: p.light, opacity: 0.16 }, { d: circle(x + 15.5, 24 + row * h + (h - 3) / 2, 1.7), fill: p.accent });
    }
  }
  return shapes;
}

export function lamp(p: Palette, dice: Dice): Shape[] {
  const tilt = dice.between(-6, 6);
  const shade = dice.pick([p.accent, p.body]);
  return [
    { d: ellipse(60, 78, 26, 3), fill: p.deep, opacity: 0.2 },
    { d: polygon([36, 44], [84, 44], [104, 78], [16, 78]), fill: "#fff3c4", opacity: 0.5 },
    { d: `M60 76C${60 + tilt} 62 ${60 - tilt} 52 60 40`, stroke: p.deep, width: 3 },
    { d: rect(46, 73, 28, 5, 2.5), fill: p.deep },
    { d: "M48 14h24l12 30h-48z", fill: shade },
    { d: "M52 14h4l-6 30h-7z", fill: "#ffffff", opacity: 0.25 },
    { d: rect(36, 42.5, 48, 3, 1.5), fill: p.light },
  ];
}

export function parcel(p: Palette, dice: Dice): Shape[] {
  const ribbon = dice.pick([p.accent, p.deep]);
  return [
    { d: ellipse(60, 77, 36, 3.5), fill: p.deep, opacity: 0.2 },
    { d: polygon([28, 34], [60, 44], [60, 78], [28, 66]), fill: p.body },
    { d: polygon([92, 34], [60, 44], [60, 78], [92, 66]), fill: p.body },
    { d: polygon([92, 34], [60, 44], [60, 78], [92, 66]), fill: p.deep, opacity: 0.25 },
    { d: polygon([28, 34], [60, 24], [92, 34], [60, 44]), fill: p.light },
    { d: polygon([42, 29.6], [74, 39.6], [80, 37.7], [48, 27.7]), fill: ribbon },
    { d: polygon([74, 39.6], [80, 37.7], [80, 70.5], [74, 72.8]), fill: ribbon },
    { d: "M61 33c-10 -14 -20 -8 -14 -2c4 3 10 3 14 2c4 -14 18 -12 14 -4c-3 4 -9 5 -14 4z", stroke: ribbon, width: 2.2 },
  ];
}
