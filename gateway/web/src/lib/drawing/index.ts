import { bottle, furniture, instrument, lamp, painting, parcel, vase } from "./large.js";
import { book, camera, coin, jewel, watch } from "./small.js";
import { dish, globe, lens, map } from "./study.js";
import { Dice, PALETTES, rect, type Palette, type Shape } from "./shapes.js";

export type { Shape } from "./shapes.js";

type Draw = (palette: Palette, dice: Dice) => Shape[];

interface Kind {
  words: RegExp;
  draw: Draw;
  flat?: boolean;
}

/** Words of a title that say more than any category does: an instrument can be a violin or a sextant. */
const NAMED: readonly Kind[] = [
  { words: /\bglobe\b/i, draw: globe },
  { words: /microscope|sextant|telescope|loupe|magnif|theodolite/i, draw: lens },
  { words: /\b(sea|admiralty) chart\b/i, draw: map, flat: true },
  { words: /\bcharger\b|\bdish\b|\bplatter\b/i, draw: dish, flat: true },
];

/** Which words of a category or title mean which drawing; the first that fits. `flat` things are seen from above. */
const KINDS: readonly Kind[] = [
  { words: /watch|chronograph|wristwatch|clock|timepiece/i, draw: watch, flat: true },
  { words: /camera|lens|photograph|leica|rolleiflex/i, draw: camera },
  { words: /ceramic|vase|porcelain|pottery|bowl|stoneware|glass|jug|tea ?pot/i, draw: vase },
  { words: /wine|bottle|whisk|spirits|cognac|port\b|champagne/i, draw: bottle },
  { words: /book|manuscript|edition|library|atlas|letters?\b/i, draw: book },
  { words: /\bmaps?\b/i, draw: map, flat: true },
  { words: /instrument|violin|cello|guitar|viola|music/i, draw: instrument },
  { words: /furniture|chair|cabinet|desk|table\b|sideboard|chest|sofa|bench/i, draw: furniture },
  { words: /lamp|light|lantern/i, draw: lamp },
  { words: /jewel|ring\b|necklace|brooch|pendant|diamond|earring|bracelet/i, draw: jewel },
  { words: /coin|medal|stamp|numismat/i, draw: coin, flat: true },
  { words: /paint|picture|\bart\b|print|drawing|canvas|watercolou?r|poster|etching|photo|portrait|landscape/i, draw: painting },
];

function kindOf(category: string, title: string): { draw: Draw; flat: boolean } {
  const kind = NAMED.find(({ words }) => words.test(title)) ?? KINDS.find(({ words }) => words.test(category)) ?? KINDS.find(({ words }) => words.test(title));
  return kind ? { draw: kind.draw, flat: kind.flat ?? false } : { draw: parcel, flat: false };
}

/** A small picture of what is sold, in a box of 120 by 90: the same for the same id, and of the kind that the category names. */
export function drawing(id: string, category: string, title = ""): Shape[] {
  const dice = new Dice(id);
  const palette = dice.pick(PALETTES);
  const { draw, flat } = kindOf(category, title);
  const ground: Shape[] = [{ d: rect(-120, -90, 360, 270), fill: palette.ground }];
  if (!flat) ground.push({ d: rect(-120, 68, 360, 112), fill: palette.shade });
  return ground.concat(draw(palette, dice));
}
