// Shows the definition of a term in a box: while the mouse rests on the link, while the link has the
// focus of the keyboard, and after a tap; a second tap follows the link. Esc or leaving it hides the
// box. Without this script, browsers show the same text as the title of the link.
{
  const WAIT = 150; // milliseconds until the mouse shows or hides the box, which it can enter
  const GAP = 8; // pixels between the box, the link and the sides of the window
  const definitions = new Map();
  let shown = null; // the link whose box is open
  let timer = 0;
  let byTouch = false;

  // What is heard: a description of each link, in the page but never seen.
  const heard = document.createElement("div");
  heard.hidden = true;
  // What is seen. Screen readers pass over it, or they would read the definition twice.
  const box = document.createElement("div");
  box.className = "glossary-box";
  box.hidden = true;
  box.setAttribute("aria-hidden", "true");
  document.body.append(heard, box);

  function place(link) {
    const { clientWidth, clientHeight } = document.documentElement;
    const lines = link.getClientRects(); // a link may continue on the next line
    const first = lines[0];
    const last = lines[lines.length - 1];
    const above = first.top - GAP - box.offsetHeight;
    const below = last.bottom + GAP;
    const goesBelow = below + box.offsetHeight <= clientHeight || above < 0;
    const rightmost = clientWidth - box.offsetWidth - GAP;
    const left = Math.max(GAP, Math.min((goesBelow ? last : first).left, rightmost));
    box.style.left = `${left + window.scrollX}px`;
    box.style.top = `${(goesBelow ? below : above) + window.scrollY}px`;
  }

  function show(link) {
    clearTimeout(timer);
    shown = link;
    box.textContent = definitions.get(link);
    box.classList.toggle("glossary-tapped", byTouch);
    box.style.left = box.style.top = "0";
    box.hidden = false;
    place(link);
  }

  function hide() {
    clearTimeout(timer);
    shown = null;
    box.hidden = true;
  }

  function leave() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!shown?.matches(":hover, :focus-visible") && !box.matches(":hover")) hide();
    }, WAIT);
  }

  const isTouch = (event) => event.pointerType === "touch";

  document.querySelectorAll("a.glossary-term[title]").forEach((link, number) => {
    const text = document.createElement("span");
    text.id = `glossary-definition-${number + 1}`;
    text.textContent = link.title;
    heard.append(text);
    definitions.set(link, link.title);
    link.setAttribute("aria-describedby", text.id);
    link.removeAttribute("title");

    link.addEventListener("pointerenter", (event) => {
      if (isTouch(event)) return;
      clearTimeout(timer);
      if (shown !== link) timer = setTimeout(show, WAIT, link);
    });
    // A finger leaves the link before its click arrives.
    link.addEventListener("pointerleave", (event) => isTouch(event) || leave());
    link.addEventListener("focus", () => link.matches(":focus-visible") && show(link));
    link.addEventListener("blur", leave);
    link.addEventListener("click", (event) => {
      const byFinger = byTouch && event.detail > 0; // not by Enter or a screen reader
      if (!byFinger || shown === link) return;
      event.preventDefault();
      show(link);
    });
  });

  box.addEventListener("pointerleave", (event) => isTouch(event) || leave());
  document.addEventListener(
    "pointerdown",
    (event) => {
      byTouch = isTouch(event);
      if (shown && !shown.contains(event.target) && !box.contains(event.target)) hide();
    },
    true,
  );
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    else byTouch = false;
  });
  window.addEventListener("resize", hide);
  window.addEventListener("pagehide", hide);
}
