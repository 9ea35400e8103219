import { opsEn } from "./ops.en";

/** The words of the dashboard. */
export const t = opsEn;
