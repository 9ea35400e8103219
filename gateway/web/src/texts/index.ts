import { en, type Texts } from "./en.js";
import { zh } from "./zh.js";

/** The catalogues that exist, by language. */
const CATALOGUES = { en, zh } as const satisfies Readonly<Record<string, Texts>>;
export type Language = keyof typeof CATALOGUES;
export const LANGUAGES = Object.keys(CATALOGUES) as Language[];

const KEY = "vendue.language";

const known = (name: string | null | undefined): Language | null => LANGUAGES.find((language) => language === name) ?? null;

function stored(): Language | null {
  try {
    return known(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

/** What the person chose, else the first language of the browser that there is a catalogue for, else English. */
function choose(): Language {
  const wanted = (navigator.languages ?? []).map((name) => known(name.split("-")[0]));
  return stored() ?? wanted.find((language) => language !== null) ?? "en";
}

export const language: Language = choose();
export const t: Texts = CATALOGUES[language];

/** For `Intl`: the person's own region where it speaks the language of the texts. */
export const locale: string = (navigator.languages ?? []).find((name) => name.split("-")[0] === language) ?? language;

/** Takes another language: the page is loaded again, and stays where it is. */
export function speak(next: Language): void {
  try {
    localStorage.setItem(KEY, next);
  } catch {
    return;
  }
  location.reload();
}
