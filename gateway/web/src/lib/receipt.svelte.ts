import { VendueError } from "@vendue/client";
import { line } from "./connection.svelte";

/** Milliseconds between two questions: a receipt is there some seconds after the bid, with the notary's next signature. */
const ASK_AGAIN_MS = 1_500;

/** Questions until it is said that there is none yet. */
const ASKED_MAX = 8;

/** The signed proof of what one command was answered, to be kept as a file by the person. */
export class Receipt {
  status = $state<"offered" | "waiting" | "kept" | "failed">("offered");

  constructor(
    private readonly target: string,
    private readonly key: string,
  ) {}

  async keep(): Promise<void> {
    if (this.status === "waiting") return;
    this.status = "waiting";
    for (let asked = 0; asked < ASKED_MAX; asked += 1) {
      try {
        const receipt = await line.client.call("command.receipt", { target: this.target, key: this.key });
        save(`receipt-${this.target}-${receipt.position}.json`, JSON.stringify(receipt, null, 2));
        this.status = "kept";
        return;
      } catch (error) {
        if (!(error instanceof VendueError)) throw error;
        if (error.code !== "unavailable" && error.code !== "not_found") break;
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      }
    }
    this.status = "failed";
  }
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
