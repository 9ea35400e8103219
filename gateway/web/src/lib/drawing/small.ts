import { at, circle, ellipse, line, polygon, rect, type Dice, type Palette, type Shape } from "./shapes.js";

/** Things that lie on a table: watches, jewels, coins, cameras, books. */

export function watch(p: Palette, dice: Dice): Shape[] {
  const [x, y] = [60, 45];
  const minute = dice.next();
  const hour = (Math.floor(dice.next() * 12) + minute) / 12;
  const strap = dice.pick([p.deep, p.accent, p.body]);
  const dial = dice.pick([p.light, p.light, p.deep]);
  const ink = dial === p.light ? p.deep : p.light;
  const ticks = Array.from({ length: 12 }, (_, i) => line(...at(x, y, i / 12, 17.5), ...at(x, y, i / 12, i % 3 === 0 ? 13.5 : 15.5))).join("");
  const shapes: Shape[] = [
    { d: polygon([46, -90], [74, -90], [73, 26], [47, 26]), fill: strap },
    { d: polygon([47, 64], [73, 64], [74, 180], [46, 180]), fill: strap },
    { d: `${line(49, -90, 50, 22)}${line(71, -90, 70, 22)}${line(50, 68, 49, 180)}${line(70, 68, 71, 180)}`, stroke: p.light, width: 0.8, opacity: 0.55 },
    { d: rect(84, 41.5, 5, 7, 1.5), fill: p.body },
    { d: circle(x, y, 26), fill: p.body },
    { d: circle(x, y, 22.5), fill: p.shade },
    { d: circle(x, y, 20.5), fill: dial },
    { d: ticks, stroke: ink, width: 1.2 },
  ];
  if (dice.next() < 0.55) {
    const [sx, sy] = at(x, y, dice.pick([0.25, 0.5, 0.75]), 9);
    shapes.push({ d: circle(sx, sy, 4.6), fill: dial, stroke: ink, width: 0.8 }, { d: line(sx, sy, ...at(sx, sy, dice.next(), 3.6)), stroke: ink, width: 0.8 });
  }
  shapes.push(
    { d: line(x, y, ...at(x, y, hour, 9.5)), stroke: ink, width: 2.2 },
    { d: line(x, y, ...at(x, y, minute, 15)), stroke: ink, width: 1.5 },
    { d: second(x, y, dice.next()), stroke: p.accent, width: 0.9 },
    { d: circle(x, y, 1.7), fill: p.accent },
  );
  return shapes;
}

function second(x: number, y: number, turn: number): string {
  return line(...at(x, y, turn, -4), ...at(x, y, turn, 16.5));
}

export function jewel(p: Palette, dice: Dice): Shape[] {
  const gem = dice.pick([p.accent, p.body, "#5b8fb0", "#8fb07a"]);
  const shapes: Shape[] = [
    { d: ellipse(60, 78, 24, 3.5), fill: p.deep, opacity: 0.18 },
    { d: circle(60, 56, 20), stroke: p.body, width: 6 },
    { d: circle(60, 56, 21.8), stroke: p.light, width: 1.2, opacity: 0.7 },
    { d: polygon([46, 24], [52, 16], [68, 16], [74, 24], [60, 40]), fill: gem },
    { d: polygon([52, 16], [68, 16], [66, 24], [54, 24]), fill: p.light, opacity: 0.6 },
    { d: polygon([46, 24], [54, 24], [60, 40]), fill: p.deep, opacity: 0.28 },
    { d: polygon([66, 24], [74, 24], [60, 40]), fill: p.deep, opacity: 0.14 },
  ];
  if (dice.next() < 0.6) shapes.push({ d: circle(42.5, 33, 3) + circle(77.5, 33, 3), fill: p.light });
  return shapes;
}

export function coin(p: Palette, dice: Dice): Shape[] {
  const shapes: Shape[] = [];
  const spots: [number, number, number][] = [[42, 54, 19], [78, 50, 16], [62, 34, 21]];
  for (const [x, y, r] of spots) {
    const rim = Array.from({ length: 28 }, (_, i) => line(...at(x, y, i / 28, r - 1.2), ...at(x, y, i / 28, r - 3))).join("");
    shapes.push({ d: circle(x + 1.5, y + 2, r), fill: p.deep, opacity: 0.2 }, { d: circle(x, y, r), fill: dice.pick([p.body, p.accent, p.body]) }, { d: rim, stroke: p.light, width: 0.7, opacity: 0.7 });
    shapes.push({ d: circle(x, y, r - 5), stroke: p.light, width: 0.8, opacity: 0.8 });
    const points = dice.pick([5, 6, 8]);
    const star = Array.from({ length: points * 2 }, (_, i) => at(x, y, i / (points * 2), r * (i % 2 === 0 ? 0.52 : 0.24)));
    shapes.push({ d: polygon(...star), fill: p.light, opacity: 0.9 });
  }
  return shapes;
}

export function camera(p: Palette, dice: Dice): Shape[] {
  const wide = dice.between(70, 80);
  const left = 60 - wide / 2;
  const leather = dice.pick([p.deep, p.deep, p.accent]);
  const hump = dice.next() < 0.5;
  const lens = dice.between(17, 19.5);
  const shapes: Shape[] = [
    { d: ellipse(60, 76, 44, 3.5), fill: p.deep, opacity: 0.2 },
    { d: rect(left + 8, 19, 13, 6, 2), fill: p.body },
    { d: rect(left + wide - 17, 17.5, 9, 7, 2), fill: p.accent },
    { d: hump ? polygon([47, 25], [51, 14], [69, 14], [73, 25]) : rect(50, 19, 20, 8, 1.5), fill: p.body },
    { d: rect(left, 24, wide, 50, 6), fill: p.body },
    { d: rect(left, 34, wide, 31), fill: leather },
    { d: rect(left + 6, 27, 12, 5, 1), fill: p.light, opacity: 0.85 },
    { d: circle(60, 50, lens + 2.5), fill: p.shade },
    { d: circle(60, 50, lens), fill: "#20242a" },
    { d: circle(60, 50, lens - 4), stroke: p.body, width: 1.2 },
    { d: circle(60, 50, lens - 8), fill: "#39475a" },
    { d: circle(60, 50, 4), fill: "#0e1116" },
    { d: ellipse(55, 44.5, 3.6, 2.4), fill: "#ffffff", opacity: 0.7 },
  ];
  if (dice.next() < 0.6) shapes.push({ d: circle(left + wide - 9, 41, 2.3), fill: p.accent });
  return shapes;
}

export function book(p: Palette, dice: Dice): Shape[] {
  const shapes: Shape[] = [{ d: ellipse(60, 77, 46, 3), fill: p.deep, opacity: 0.18 }];
  let x = 19;
  let last = "";
  while (x < 92) {
    const w = dice.between(9, 15);
    const h = dice.between(42, 60);
    const colours = [p.body, p.deep, p.accent, p.light].filter((colour) => colour !== last);
    last = dice.pick(colours);
    const ink = last === p.light ? p.deep : p.light;
    shapes.push({ d: rect(x, 76 - h, w, h, 1), fill: last });
    shapes.push({ d: rect(x, 76 - h + 6, w, 1.4) + rect(x, 76 - 9, w, 1.4), fill: ink, opacity: 0.75 });
    if (w > 10.5) shapes.push({ d: rect(x + 2.5, 76 - h + 12, w - 5, h * 0.26, 0.8), fill: ink, opacity: 0.85 });
    else shapes.push({ d: circle(x + w / 2, 76 - h / 2, 1.8), fill: ink, opacity: 0.85 });
    x += w + 0.8;
  }
  return shapes;
}
