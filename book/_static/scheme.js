// The light or the dark scheme.
(() => {
  const root = document.documentElement;
  // Until the theme's script runs, after the first paint, "auto" has no colours and no borders: lines
  // would break elsewhere then, and a dark page would flash.
  if (root.dataset.theme === "auto")
    root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

  // Paper is white: pages print in the light scheme, whatever the screen shows.
  let shown;
  addEventListener("beforeprint", () => {
    shown ??= root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = shown ?? root.dataset.theme;
    shown = undefined;
  });
})();
