/** CSV as spreadsheets write and read it (RFC 4180). */

/** A cell that a spreadsheet would take for a formula is made harmless: titles come from strangers. */
function cell(value: unknown): string {
  let text = value === null || value === undefined ? "" : String(value);
  if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function writeCsv(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** A line of a file: its number there, the first is 1, and its cells. */
export interface Line {
  number: number;
  cells: string[];
}

/** Reads comma, semicolon or tab, whichever the first line has most of. Empty lines are passed over. */
export function readCsv(text: string): Line[] {
  const plain = text.replace(/^\uFEFF/, "");
  const first = plain.slice(0, plain.search(/[\r\n]|$/));
  const separator = [",", ";", "\t"].sort((one, other) => first.split(other).length - first.split(one).length)[0] ?? ",";
  const lines: Line[] = [];
  let cells: string[] = [];
  let value = "";
  let quoted = false;
  let number = 1;
  let began = 1;
  const end = (): void => {
    cells.push(value);
    if (cells.some((one) => one.trim() !== "")) lines.push({ number: began, cells: cells.map((one) => one.trim()) });
    [cells, value, began] = [[], "", number];
  };
  for (let at = 0; at < plain.length; at += 1) {
    const letter = plain[at];
    if (letter === "\n") number += 1;
    if (quoted) {
      if (letter !== '"') value += letter;
      else if (plain[at + 1] === '"') (value += '"'), (at += 1);
      else quoted = false;
    } else if (letter === '"' && value.trim() === "") [quoted, value] = [true, ""];
    else if (letter === separator) cells.push(value), (value = "");
    else if (letter === "\n") end();
    else if (letter !== "\r") value += letter;
  }
  end();
  return lines;
}

/** Gives the browser a file to keep. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
