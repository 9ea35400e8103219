import { line } from "../../lib/connection.svelte";
import { t } from "../../texts/ops";
import type { Deed } from "./acting.svelte";
import { shortId } from "./words";

/** A deed to an account; `after` shows what has come of it. */
function deed(verb: string, account: string, name: string | null, preview: (values: Record<string, string>) => string[], run: Deed["run"], after: () => void, more: Partial<Deed> = {}): Deed {
  return {
    title: `${verb}: ${name ?? shortId(account)}`,
    preview,
    reason: "required",
    verb,
    run: async (reason, values) => {
      await run(reason, values);
      after();
    },
    done: t.accounts.done,
    ...more,
  };
}

export function approve(account: string, name: string | null, market: string, gives: boolean, after: () => void): Deed {
  const words = t.accounts;
  const run: Deed["run"] = (reason) => line.client.account.verify({ account, market, reason, ...(gives ? {} : { revoke: true }) });
  return deed(gives ? words.approve : words.unapprove, account, name, () => (gives ? words.approvePreview : words.unapprovePreview), run, after, { grave: !gives, undo: () => approve(account, name, market, !gives, after) });
}

/** `bids`: on how many lots that are not over it has bids. */
export function suspend(account: string, name: string | null, market: string, stops: boolean, bids: number, after: () => void): Deed {
  const words = t.accounts;
  const run: Deed["run"] = (reason) => line.client.account.suspend({ account, market, reason, ...(stops ? {} : { lift: true }) });
  return deed(stops ? words.suspend : words.lift, account, name, () => (stops ? words.suspendPreview(bids) : words.liftPreview), run, after, stops ? { grave: true, undo: () => suspend(account, name, market, false, bids, after) } : { confirm: words.liftConfirm });
}

export function link(account: string, name: string | null, market: string, other: string | null, after: () => void): Deed {
  const words = t.accounts;
  if (other !== null) return deed(words.unlink, account, name, () => [], (reason) => line.client.account.link({ account, other, market, reason, unlink: true }), after, { grave: true });
  const run: Deed["run"] = (reason, values) => line.client.account.link({ account, other: (values.other ?? "").trim(), market, reason });
  return deed(words.link, account, name, () => words.linkPreview, run, after, { fields: [{ name: "other", label: words.other, type: "text", value: "" }] });
}

/** Every token of the account's is void from now on: a lost machine, a stolen token. */
export function signOut(account: string, name: string | null, after: () => void): Deed {
  const words = t.accounts;
  return deed(words.signOut, account, name, () => words.signOutPreview, (reason) => line.client.account.sign_out({ account, reason }), after, { grave: true });
}

export function grant(account: string, name: string | null, market: string, gives: boolean, roles: readonly string[], after: () => void): Deed {
  const words = t.accounts;
  const options = Object.entries(words.roleNames).filter(([role]) => roles.includes(role) !== gives);
  const preview = (values: Record<string, string>): string[] => (gives ? words.grantPreview : words.revokePreview)(words.roleNames[values.role ?? ""] ?? "");
  const run: Deed["run"] = (_reason, values) => line.client.account.grant({ account, market, role: values.role ?? "", ...(gives ? {} : { revoke: true }) });
  return deed(gives ? words.grant : words.revoke, account, name, preview, run, after, { reason: "none", grave: !gives, fields: [{ name: "role", label: words.role, type: "select", value: options[0]?.[0] ?? "", options }] });
}
