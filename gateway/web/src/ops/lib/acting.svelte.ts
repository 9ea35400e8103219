import { VendueError } from "@vendue/client";
import { t } from "../../texts/ops";
import { problemWords } from "./words";

/** One thing that is asked for beside the reason. */
export interface Field {
  name: string;
  label: string;
  type: "text" | "number" | "datetime-local" | "select";
  value: string;
  options?: readonly (readonly [value: string, words: string])[];
  /** It may stay empty. */
  optional?: boolean;
}

/** Something that an operator is about to do. */
export interface Deed {
  title: string;
  /** What it will do, in sentences; they may follow from the fields. */
  preview: (values: Record<string, string>) => string[];
  /** `none`: the method takes no reason. */
  reason: "required" | "none";
  /** Starting something again asks once more: this is what has to be confirmed. */
  confirm?: string;
  fields?: Field[];
  verb: string;
  /** It stops or takes away something. */
  grave?: boolean;
  run: (reason: string, values: Record<string, string>) => Promise<unknown>;
  done: string;
  /** What takes it back, where the rules have such a thing. */
  undo?: () => Deed;
}

export interface Notice {
  id: number;
  tone: "good" | "bad";
  text: string;
  undo: (() => Deed) | null;
}

/** Milliseconds that a notice stays; one with an undo stays longer. */
const NOTICE_MS = 6_000;
const UNDO_MS = 20_000;

/** The one thing that is being done, and what has been done just now. */
class Acting {
  deed = $state.raw<Deed | null>(null);
  waiting = $state(false);
  problem = $state("");
  notices = $state.raw<Notice[]>([]);
  private nextNotice = 1;

  begin(deed: Deed): void {
    this.deed = deed;
    this.problem = "";
    this.waiting = false;
  }

  leave(): void {
    if (!this.waiting) this.deed = null;
  }

  async perform(reason: string, values: Record<string, string>): Promise<void> {
    const deed = this.deed;
    if (!deed || this.waiting) return;
    this.waiting = true;
    this.problem = "";
    try {
      await deed.run(reason, values);
      this.deed = null;
      this.tell("good", deed.done, deed.undo ?? null);
    } catch (error) {
      this.problem = error instanceof VendueError ? problemWords(error) : error instanceof Error ? error.message : t.broken;
    }
    this.waiting = false;
  }

  tell(tone: Notice["tone"], text: string, undo: (() => Deed) | null = null): void {
    const notice = { id: this.nextNotice++, tone, text, undo };
    this.notices = [...this.notices.slice(-2), notice];
    setTimeout(() => this.dismiss(notice.id), undo ? UNDO_MS : NOTICE_MS);
  }

  dismiss(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
  }
}

export const acting = new Acting();
