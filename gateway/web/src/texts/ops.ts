import { opsEn } from "./ops.en.js";

/** The words of the dashboard. */
export const t = opsEn;
