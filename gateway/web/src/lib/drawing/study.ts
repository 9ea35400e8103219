import { at, circle, ellipse, line, polygon, rect, type Dice, type Palette, type Shape } from "./shapes.js";

/** Things of a study: maps, globes, optical instruments, and the dish on the wall. */

export function map(p: Palette, dice: Dice): Shape[] {
  const [x, y] = [dice.between(46, 54), dice.between(40, 48)];
  const coast = Array.from({ length: 14 }, (_, i): [number, number] => at(x, y, i / 14, dice.between(11, 19)));
  const lines = [34, 46, 58].map((row) => line(18, row, 102, row)).join("") + [39, 60, 81].map((column) => line(column, 19, column, 71)).join("");
  const rose = [0, 0.25, 0.5, 0.75].map((turn) => polygon(at(86, 57, turn, 8.5), at(86, 57, turn + 0.125, 2.6), at(86, 57, turn - 0.125, 2.6))).join("");
  return [
    { d: rect(15, 17, 92, 59, 1), fill: p.deep, opacity: 0.18 },
    { d: rect(13, 14, 94, 62, 1), fill: p.light },
    { d: rect(18, 19, 84, 52), fill: p.shade, opacity: 0.45 },
    { d: polygon(...coast), fill: p.body, opacity: 0.75 },
    { d: polygon(...coast), stroke: p.deep, width: 0.9 },
    { d: lines, stroke: p.deep, width: 0.35, opacity: 0.45 },
    { d: rect(18, 19, 84, 52), stroke: p.deep, width: 0.9 },
    { d: line(x - 8, y + 5, x + 1, y - 2) + line(x + 1, y - 2, x + 7, y - 7), stroke: p.light, width: 1.1 },
    { d: circle(x + 1, y - 2, 1.6), fill: p.accent },
    { d: circle(86, 57, 5.2), stroke: p.deep, width: 0.5 },
    { d: rose, fill: p.accent },
    { d: rect(75, 24, 21, 10, 1), fill: p.light },
    { d: line(79, 27.5, 92, 27.5) + line(81, 30.5, 90, 30.5), stroke: p.deep, width: 0.8 },
  ];
}

export function globe(p: Palette, dice: Dice): Shape[] {
  const tilt = dice.between(-2, 2);
  return [
    { d: ellipse(60, 80, 22, 3), fill: p.deep, opacity: 0.18 },
    { d: polygon([56, 64], [64, 64], [66, 76], [54, 76]), fill: p.deep },
    { d: rect(44, 75, 32, 4.5, 2), fill: p.deep },
    { d: circle(60, 41, 27), stroke: p.accent, width: 2.6 },
    { d: circle(60, 41, 23), fill: p.body },
    { d: polygon([46 + tilt, 30], [55, 25], [62 + tilt, 31], [58, 40], [50, 44]), fill: p.light, opacity: 0.8 },
    { d: polygon([63, 47], [74 + tilt, 44], [76, 53], [68, 59]), fill: p.light, opacity: 0.8 },
    { d: ellipse(60, 41, 9, 23) + line(37, 41, 83, 41), stroke: p.deep, width: 0.6, opacity: 0.5 },
    { d: circle(60, 13.5, 2) + circle(60, 68.5, 2), fill: p.accent },
  ];
}

export function lens(p: Palette, dice: Dice): Shape[] {
  const [x, y] = [52, 37];
  const turn = dice.between(0.33, 0.4);
  const [from, to] = [at(x, y, turn, 24), at(x, y, turn, 50)];
  return [
    { d: ellipse(66, 79, 30, 3), fill: p.deep, opacity: 0.14 },
    { d: line(...from, ...to), stroke: p.deep, width: 7 },
    { d: line(...from, ...at(x, y, turn, 30)), stroke: p.accent, width: 7.4 },
    { d: circle(x, y, 22), fill: p.light, opacity: 0.75 },
    { d: circle(x, y, 22), stroke: p.accent, width: 4.6 },
    { d: circle(x, y, 19.2), stroke: p.deep, width: 0.8, opacity: 0.5 },
    { d: ellipse(x - 7, y - 8, 5.5, 3.6), fill: p.ground, opacity: 0.95 },
  ];
}

export function dish(p: Palette, dice: Dice): Shape[] {
  const petals = dice.pick([6, 8]);
  const rim = Array.from({ length: 16 }, (_, i) => circle(...at(60, 45, i / 16, 28), 1.7)).join("");
  const flower = Array.from({ length: petals }, (_, i) => circle(...at(60, 45, i / petals, 8), 4.4)).join("");
  return [
    { d: circle(61.5, 47.5, 34), fill: p.deep, opacity: 0.2 },
    { d: circle(60, 45, 34), fill: p.light },
    { d: circle(60, 45, 32.2), stroke: p.body, width: 1.4 },
    { d: circle(60, 45, 22), stroke: p.body, width: 1 },
    { d: rim, fill: p.body },
    { d: flower, fill: p.body },
    { d: circle(60, 45, 4.2), fill: p.accent },
  ];
}
