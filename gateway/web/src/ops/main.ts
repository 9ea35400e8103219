import { mount } from "svelte";
import "../styles/tokens.css";
import "../styles/base.css";
import "uplot/dist/uPlot.min.css";
import "./ops.css";
import { language } from "../texts/ops";
import OpsApp from "./OpsApp.svelte";
import { desk } from "./lib/desk.svelte";
import { path } from "./lib/path.svelte";

document.documentElement.lang = language;
path.start();
const target = document.getElementById("app");
if (target) mount(OpsApp, { target });
desk.start();
