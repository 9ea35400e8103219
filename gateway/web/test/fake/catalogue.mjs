/** What the fake market sells: enough kinds that every drawing, length of title and size of price occurs. */
export const CATALOGUE = [
  ["watches", "Longines wristwatch, 1947, pink gold", "Manual movement calibre 12.68Z, dial with sector and subsidiary seconds. Case hallmarked; strap later. Running, serviced last year.", 68000],
  ["ceramics", "Celadon vase with incised lotus", "Stoneware under a crackled green glaze, height 27 cm. A firing line at the foot, otherwise whole.", 32000],
  ["paintings", "View of the estuary at low tide, oil on panel", "Signed lower right with a monogram. 31 by 44 cm, in its period frame. Cleaned; two small retouchings in the sky.", 125000],
  ["instruments", "Violin, Mirecourt workshop, about 1890", "One-piece back of medium flame, length 358 mm. Old repaired crack on the table, sounding and ready to play.", 190000],
  ["books", "A Voyage round the World, second edition, two volumes", "Quarter calf over marbled boards, 14 of 15 plates present. Some foxing, joints tender.", 45000],
  ["wine", "Six bottles of Barolo Riserva, 1996", "Original wooden case. Levels into neck; labels slightly bin-soiled. Stored in one cellar since release.", 54000],
  ["furniture", "Teak lounge chair, Copenhagen, about 1958", "Solid teak with brass fittings, wool cushions renewed. Maker's stamp under the seat rail.", 82000],
  ["cameras", "Rangefinder camera with 50 mm lens, 1954", "Shutter times correct to a third of a stop, viewfinder clear. Leatherette with one chip.", 97000],
  ["jewellery", "Ring with a cushion-cut sapphire of 2.1 carats", "White gold, old-cut diamonds at the shoulders. Laboratory report: no indications of heating.", 240000],
  ["coins", "Three thalers, 17th century", "Very fine to extremely fine; one with a trace of mounting.", 21000],
  ["lighting", "Brass desk lamp with green shade", "Rewired. Height 41 cm. Shade of cased glass without chips.", 9000],
  ["posters", "Lithograph poster for a winter resort, 1936", "On linen, 100 by 64 cm. Colours fresh, folds visible.", 38000],
  ["watches", "Diver's chronograph, steel, 1968", "Screw-down crown, bezel with full lume. Box, papers and the receipt of the first owner.", 310000],
  ["ceramics", "Majolica jug", "Tin glaze over red earth, painted with a heron. Rim restored.", 4500],
  ["books", "Atlas of the northern provinces with 41 engraved maps, coloured by a contemporary hand", "Folio, vellum. Complete. A stain in the lower margin of eight maps that does not touch the images.", 680000],
  ["cameras", "Folding plate camera, walnut and brass", "Bellows light-tight. With three holders and a travelling case.", 15500],
];

export const STOCK = [
  ["books", "Catalogue of the autumn sale, printed", 2400, 140],
  ["ceramics", "Tea bowl from the market's own kiln", 5800, 12],
  ["lighting", "Brass picture light", 7900, 3],
  ["wine", "Riesling Kabinett 2022, one bottle", 1650, 48],
  ["posters", "Giclée print of the estuary view", 9500, 0],
  ["", "Gift voucher", 10000, 500],
];
