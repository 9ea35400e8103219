import { en, type Texts } from "./en";

/** The catalogues that exist, by language. */
const CATALOGUES: Readonly<Record<string, Texts>> = { en };

/** The first language of the browser that there is a catalogue for, else English. */
function choose(): { language: string; texts: Texts } {
  for (const wanted of navigator.languages ?? []) {
    const language = wanted.split("-")[0] ?? "";
    const texts = CATALOGUES[language];
    if (texts) return { language, texts };
  }
  return { language: "en", texts: en };
}

export const { language, texts: t } = choose();
