// Before the first paint: a theme that the person chose earlier. "system" leaves it to the machine.
try {
  const chosen = localStorage.getItem("vendue.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden: then it is the machine's theme.
}
