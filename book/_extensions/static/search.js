/* The search of the book: what is found, in which order, and how it is shown.

   coursekit_search.py writes the sections of all pages and the synonyms to search_data.js, Sphinx
   its stemmer to language_data.js, and MiniSearch keeps the index and scores sections (BM25). Added
   here: both spellings, names as in code, synonyms, typing errors, and the weights below. */
(() => {
  "use strict";

  // How much more a word counts in the title of a page, in a heading and so on, than in the text.
  const BOOST = { title: 12, heading: 6, names: 20, rows: 2, page: 2, text: 1, code: 0.5 };
  const SYNONYM = 0.6; // how much a synonym counts
  const SIDE_BY_SIDE = 0.5; // added to a factor of 1, for a heading and for the text, if the words do
  const WHOLE_HEADING = 0.5; // added if they are all of the heading
  const MINOR = 0.5; // weight of a section that repeats or asks, such as a summary
  const OTHER_SECTIONS = 0.3; // share of the score of a page's other sections in the page's
  const MOST_WAYS = 12;
  const MOST_PAGES = 20;
  const MOST_SECTIONS = 3; // of one page
  const EXCERPT = 180; // characters
  const WAIT = 120; // milliseconds after a key

  const { pages, sections, synonyms, minor } = window.coursekitSearch;

  // -------------------------------------------------------------------------------- words

  // Words with the hyphens, apostrophes and dots within them, and the operators of R.
  const WORD = /%[^\s%]*%|\|>|<-|[\p{L}\p{N}_]+(?:[-.'’][\p{L}\p{N}_]+)*/gu;
  const words = (text) => text.match(WORD) ?? [];
  const stemmer = new Stemmer();
  const SPELLINGS = [
    [/(\w{3})iz(e[drs]?|ers|ing|ations?|able)$/, "$1is$2"],
    [/(\w{2})yz(e[drs]?|ers|ing)$/, "$1ys$2"],
    [/^(behavi|col|fav|neighb)or/, "$1our"],
    [/^center(ed)?(s?)$/, (_, past, plural) => `centre${past ? "d" : ""}${plural}`],
    [/^gray/, "grey"],
  ];

  function stem(word) {
    const british = SPELLINGS.reduce((left, rule) => left.replace(...rule), word.toLowerCase());
    return /^[a-z]+$/.test(british) ? stemmer.stemWord(british) : british;
  }

  // A word as it is indexed: whole, and in parts if it has a hyphen, an underscore or CamelCase.
  const shown = new Map(); // a word of the book for each stem
  const spelled = new Map(); // the stem of each word of the book
  function forms(word) {
    const whole = word.replace(/['’]s$/, "").replace(/[-'’]/g, "");
    const parts = word
      .replace(/['’]s$/, "")
      .split(/[-_.'’]|(?<=\p{Ll})(?=\p{Lu})/u)
      .filter((part) => part && part !== whole);
    const all = [whole, ...parts].map(stem);
    return [...new Set(all)];
  }

  // What is left out of headings and text. In code, "for" and "if" are names.
  const QUESTIONS = "can do does from how i my what when which why you your".split(" ");
  const isTelling = (word) => ![...stopwords, ...QUESTIONS].includes(word.toLowerCase());
  // More of what questions consist of.
  const ASKING = (
    "am could did get have me must need our should use we were where who would"
  ).split(" ");
  const isAskedFor = (word) => isTelling(word) && !ASKING.includes(word.toLowerCase());

  const isName = (word) => /[_.]|\p{Ll}\p{Lu}/u.test(word);

  function indexed(word, field) {
    if (field !== "code" && field !== "names" && !isTelling(word)) return null;
    const all = forms(word);
    const usual = /^\p{Lu}?\p{Ll}+$/u.test(word) ? word.toLowerCase() : word;
    if (!shown.has(all[0])) shown.set(all[0], usual);
    spelled.set(word.toLowerCase(), all[0]);
    // The heading iris_linear_softmax is not about softmax.
    return isName(word) && field !== "text" && field !== "code" ? all[0] : all;
  }

  // -------------------------------------------------------------------------------- index

  const isMinor = (id) => minor.includes(sections[id][2]);
  const index = new MiniSearch({
    fields: Object.keys(BOOST),
    tokenize: words,
    processTerm: indexed,
    searchOptions: {
      // Queries are taken apart below.
      tokenize: (word) => [word],
      processTerm: (word) => word,
      boost: BOOST,
      boostDocument: (id) => pages[sections[id][0]][3] * (isMinor(id) ? MINOR : 1),
    },
  });
  index.addAll(
    sections.map(([page, anchor, heading, text, code, names, rows], id) => {
      const headings = anchor ? { heading, page: pages[page][1] } : { title: heading };
      return { id, ...headings, text, code, names, rows };
    })
  );

  // Words as they are spelled: a letter wrong in an ending, and what is left of it is no stem.
  const spellings = new MiniSearch({ fields: ["word"], storeFields: ["word", "stem"] });
  spellings.addAll([...spelled].map(([word, stem], id) => ({ id, word, stem })));

  const same = (left, right) => left.join(" ") === right.join(" ");
  const groups = synonyms.map((group) =>
    group
      .map((phrase) => words(phrase).map((word) => forms(word)[0]))
      .filter((phrase, place, all) => all.findIndex((other) => same(other, phrase)) === place)
  );

  // -------------------------------------------------------------------------------- query

  const and = (queries) => ({ combineWith: "AND", queries });
  const or = (queries) => ({ combineWith: "OR", queries });
  const finds = (word, options = {}) => index.search(word, options).length > 0;

  // What to look for if the reader types a word. `unfinished`: more letters may follow.
  function queryOf(word, unfinished, corrected) {
    const [whole, ...parts] = forms(word);
    const queries = [];
    if (finds(whole)) queries.push(whole);
    // A name such as layer_dense means this function, not everything about dense layers.
    if (parts.length && parts.every((part) => finds(part)) && !(queries.length && /[_.]/.test(word)))
      queries.push(and(parts));
    if (whole.length > 2 && (unfinished || !queries.length)) {
      const beginnings = [whole, word.toLowerCase()].filter((left) => finds(left, { prefix: true }));
      if (beginnings.length) queries.push({ queries: [beginnings[0]], prefix: true });
    }
    if (queries.length) return or(queries);
    // Longer words may have two letters wrong.
    for (const fuzzy of whole.length > 7 ? [1, 2] : [1]) {
      if (whole.length < 4) continue;
      if (finds(whole, { fuzzy })) {
        corrected.set(word, nearest(whole, fuzzy));
        return { queries: [whole], fuzzy };
      }
      const [like] = spellings.search(word.toLowerCase(), { fuzzy });
      if (!like) continue;
      corrected.set(word, like.word);
      return or([like.stem]);
    }
    return null;
  }

  // Of the book's words with so many letters changed, the one with most letters in common.
  function nearest(whole, fuzzy) {
    const terms = index.search(whole, { fuzzy }).flatMap((result) => result.terms);
    const without = (left, right) =>
      [...right].reduce((rest, letter) => rest.replace(letter, ""), left).length;
    const unlike = (term) => without(term, whole) + without(whole, term) + 9 * !shown.has(term);
    const [best] = terms.sort((left, right) => unlike(left) - unlike(right));
    return shown.get(best) ?? best;
  }

  // The ways to ask for the same: the query as typed, then with each synonym of words in it. A way
  // has the stems of its words, a query for each and a weight.
  function waysToAsk(typed, queries) {
    const own = { stems: typed.map((word) => forms(word)[0]), queries, weight: 1 };
    const ways = [own];
    for (const group of groups)
      for (const phrase of group) {
        const place = own.stems.findIndex((_, start) =>
          same(own.stems.slice(start, start + phrase.length), phrase)
        );
        if (place < 0) continue;
        const replace = (words, others) => words.toSpliced(place, phrase.length, ...others);
        for (const other of group.filter((each) => !same(each, phrase)))
          ways.push({
            stems: replace(own.stems, other),
            queries: replace(queries, other),
            weight: SYNONYM,
          });
      }
    return ways.slice(0, MOST_WAYS);
  }

  function search(query, isFinished) {
    const all = words(query);
    const telling = [isAskedFor, isTelling, () => true].map((is) => all.filter(is));
    const typed = telling.find((some) => some.length) ?? [];
    const corrected = new Map();
    const queries = typed.map((word, place) =>
      queryOf(word, !isFinished && place === typed.length - 1, corrected)
    );
    const best = new Map();
    const ways = waysToAsk(typed, queries);
    for (const combine of [and, or]) {
      for (const { stems, queries: parts, weight } of ways) {
        if (combine === and && parts.includes(null)) continue;
        for (const result of index.search(combine(parts.filter(Boolean)))) {
          // The title of the page helps to find a section, but does not do alone.
          if (Object.values(result.match).every((fields) => fields.every((one) => one === "page")))
            continue;
          const factor = closeness(sections[result.id], stems);
          // The words of a synonym mean it only if they stand together.
          if (weight < 1 && stems.length > 1 && factor < 1 + SIDE_BY_SIDE / 2) continue;
          result.score *= factor * weight * asked(result.id, stems);
          if (!(best.get(result.id)?.score >= result.score)) best.set(result.id, result);
        }
      }
      if (best.size) break;
    }
    return { pages: byPage([...best.values()]), corrected };
  }

  // Who types "solution" or "exercises" asks for the pages whose titles begin with that word.
  function asked(id, stems) {
    const [, title, , weight] = pages[sections[id][0]];
    const kind = /^(\p{L}+):/u.exec(title);
    return kind && stems.length > 1 && stems.includes(stem(kind[1])) ? 1 / weight : 1;
  }

  // How near to each other the words of the query stand in a section.
  function closeness([, , heading, text], stems) {
    const wanted = new Set(stems);
    const stemmed = (part) => words(part).filter(isTelling).map((word) => forms(word)[0]);
    const inHeading = stemmed(heading);
    const nearness = (part) => (wanted.size > 1 ? wanted.size / span(part, wanted) : 0);
    return (
      1 +
      SIDE_BY_SIDE * (nearness(inHeading) + nearness(stemmed(text))) +
      (same(inHeading, stems) ? WHOLE_HEADING : 0)
    );
  }

  // The number of words in the shortest piece of a text that holds all that are wanted.
  function span(text, wanted) {
    const last = new Map();
    let shortest = Infinity;
    text.forEach((word, place) => {
      if (!wanted.has(word)) return;
      last.set(word, place);
      if (last.size === wanted.size)
        shortest = Math.min(shortest, place - Math.min(...last.values()) + 1);
    });
    return shortest;
  }

  function byPage(found) {
    const results = new Map();
    for (const result of found) {
      const [page] = sections[result.id];
      if (!results.has(page)) results.set(page, { page, score: 0, found: [] });
      results.get(page).found.push(result);
    }
    for (const result of results.values()) {
      result.found.sort((left, right) => right.score - left.score);
      const [best, ...others] = result.found.map((section) => section.score);
      result.score = best + OTHER_SECTIONS * others.slice(0, 5).reduce((sum, one) => sum + one, 0);
    }
    return [...results.values()].sort((left, right) => right.score - left.score);
  }

  // A word of the book that is spelled like one that is not.
  function suggestion(query) {
    for (const word of words(query)) {
      const [whole] = forms(word);
      for (let fuzzy = 1; fuzzy <= Math.min(3, whole.length / 2); fuzzy++)
        if (finds(whole, { fuzzy })) return nearest(whole, fuzzy);
    }
    return null;
  }

  // ------------------------------------------------------------------------------- results

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // The part of a text with most of the words that were found, which are marked.
  function excerpt(text, isFound) {
    const hits = [...text.matchAll(WORD)].filter(([word]) => isFound(word));
    const within = (hit) =>
      new Set(
        hits
          .filter(({ index: start }) => start >= hit.index && start < hit.index + EXCERPT - 60)
          .map(([word]) => forms(word)[0])
      ).size;
    let best = null;
    for (const hit of hits) if (!best || within(hit) > best.count) best = { hit, count: within(hit) };
    let from = Math.max(0, (best?.hit.index ?? 0) - 60);
    if (from > 0) from = text.indexOf(" ", from) + 1;
    let to = Math.min(text.length, from + EXCERPT);
    if (to < text.length) to = Math.max(text.lastIndexOf(" ", to), from + 60);
    const pieces = [from > 0 ? "… " : ""];
    let done = from;
    for (const { 0: word, index: start } of hits) {
      if (start < done || start + word.length > to) continue;
      pieces.push(text.slice(done, start), element("mark", {}, word));
      done = start + word.length;
    }
    return [...pieces, text.slice(done, to), to < text.length ? " …" : ""];
  }

  function codeOf(names) {
    const items = names.slice(0, 5).flatMap((name) => [" ", element("code", {}, name)]);
    return items.length ? [" In code:", ...items] : [];
  }

  function sectionItem({ id, match }, root) {
    const [page, anchor, heading, text, code] = sections[id];
    const terms = new Set(Object.keys(match));
    const isFound = (word) => forms(word).some((form) => terms.has(form));
    const inCode = words(code).filter((name) => isFound(name) && !words(text).includes(name));
    const address = `${root}${pages[page][0]}${anchor ? `#${anchor}` : ""}`;
    return element(
      "li",
      {},
      anchor ? element("a", { href: address }, heading) : "",
      element("p", { class: "context" }, ...excerpt(text, isFound), ...codeOf(inCode))
    );
  }

  function pageItem({ page, found }, root) {
    const [address, title, part] = pages[page];
    // What stands below the title needs no heading if it comes first.
    const shown = found.slice(0, MOST_SECTIONS);
    shown.sort((left, right) => !!sections[left.id][1] - !!sections[right.id][1]);
    return element(
      "li",
      { class: "search-page" },
      element("a", { href: root + address }, title),
      part ? element("span", { class: "search-part" }, part) : "",
      element("ul", {}, ...shown.map((each) => sectionItem(each, root)))
    );
  }

  // ---------------------------------------------------------------------------------- page

  const root = document.documentElement.dataset.content_root ?? "./";
  const container = document.getElementById("search-results");
  const input = document.querySelector(".bd-search-container input[name='q']");
  const summary = element("p", { class: "search-summary", role: "status" });
  const list = element("ol", { class: "search-pages", "aria-label": "Pages found" });
  container.append(summary, list);

  function show(query, isFinished) {
    const text = query.trim();
    if (!text) {
      summary.replaceChildren();
      list.replaceChildren();
      return;
    }
    const { pages: found, corrected } = search(text, isFinished);
    list.replaceChildren(...found.slice(0, MOST_PAGES).map((page) => pageItem(page, root)));
    summary.replaceChildren(...summaryOf(text, found.length, corrected));
  }

  function summaryOf(text, count, corrected) {
    if (!count) {
      const word = suggestion(text);
      const link = word && element("a", { href: `?q=${encodeURIComponent(word)}` }, word);
      return [`Nothing found for “${text}”.`, ...(link ? [" Did you mean ", link, "?"] : [])];
    }
    const number = count === 1 ? "1 page" : `${count} pages`;
    const most = count > MOST_PAGES ? `, the first ${MOST_PAGES} below` : "";
    const instead = [...corrected].map(([typed, word]) => ` “${typed}” was read as “${word}”.`);
    return [`${number} found for “${text}”${most}.`, ...instead];
  }

  function update(isFinished) {
    show(input.value, isFinished);
    // The address leads back here. A file's cannot be changed.
    if (location.protocol.startsWith("http"))
      history.replaceState(null, "", `?q=${encodeURIComponent(input.value)}`);
  }

  let timer = null;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => update(false), WAIT);
  });
  input.form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    update(true);
  });

  input.value = new URLSearchParams(location.search).get("q") ?? "";
  // The theme means to do so, but takes the first box of the page, which is in its closed dialog.
  input.focus();
  input.select();
  show(input.value, true);
})();
