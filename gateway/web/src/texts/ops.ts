import { opsEn, type OpsTexts } from "./ops.en.js";
import { opsZh } from "./ops.zh.js";

/** The catalogues that exist, by language. */
const CATALOGUES: Readonly<Record<string, OpsTexts>> = { en: opsEn, zh: opsZh };

/** The first language of the browser that there is a catalogue for, else English. */
function choose(): { language: string; texts: OpsTexts } {
  const wanted = typeof navigator === "undefined" ? [] : (navigator.languages ?? []);
  for (const tag of wanted) {
    const language = tag.split("-")[0] ?? "";
    const texts = CATALOGUES[language];
    if (texts) return { language, texts };
  }
  return { language: "en", texts: opsEn };
}

/** The words of the dashboard. */
export const { language, texts: t } = choose();
