import { mount } from "svelte";
import App from "./App.svelte";
import "./styles/tokens.css";
import "./styles/base.css";
import { language } from "./texts";
import { keys } from "./lib/keys.svelte";
import { router } from "./lib/router.svelte";
import { market } from "./lib/market.svelte";
import { provider } from "./lib/provider.svelte";

document.documentElement.lang = language;
router.start();
keys.start();
const target = document.getElementById("app");
if (target) mount(App, { target });
void market.start();
void provider.start();
