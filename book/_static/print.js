// Paper is white: pages print in the light scheme, whatever the screen shows.
(() => {
  const root = document.documentElement;
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
