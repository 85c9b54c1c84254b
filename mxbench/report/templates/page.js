"use strict";
// The page without this script is complete but for filters, details and the switch of colours; sorting is the library's.

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (id) => document.getElementById(id);
document.documentElement.classList.add("scripts");

// Colours: as the system has them, until the switch is used; remembered where the browser allows a file that.

const dark = matchMedia("(prefers-color-scheme: dark)");

function remembered(theme) {
  try {
    if (theme) localStorage.setItem("mxbench-theme", theme);
    return localStorage.getItem("mxbench-theme");
  } catch {
    return null;
  }
}

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  one("theme").setAttribute("aria-pressed", String(theme === "dark"));
}

paint(remembered() || (dark.matches ? "dark" : "light"));
dark.addEventListener("change", () => remembered() || paint(dark.matches ? "dark" : "light"));
one("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  remembered(theme);
  paint(theme);
});

// Sorting: the library begins with the highest value unless its table says "asc"; here each column says so for itself.

document.addEventListener("click", (event) => {
  const head = event.target.closest(".sortable thead th");
  if (head) head.closest("table").classList.toggle("asc", head.dataset.first === "ascending");
}, true);

// Filters, for all tables at once.

function filter() {
  const words = one("network").value.toLowerCase().split(/[\s,]+/).filter(Boolean);
  const size = one("batch-size").value, state = one("state").value;
  let shown = 0, count = 0;
  for (const table of all(".cells")) {
    let here = 0;
    for (const row of all("tbody tr", table)) {
      const fits = (!words.length || words.some((word) => row.dataset.network.includes(word)))
        && (!size || row.dataset.batchSize === size) && (!state || row.dataset.state === state);
      row.hidden = !fits;
      here += fits;
      count += 1;
    }
    table.hidden = !here;
    table.parentNode.querySelector(".nothing").hidden = here > 0;
    shown += here;
  }
  one("shown").textContent = `${shown} of ${count} cells`;
}

for (const kind of ["input", "change"]) one("filter").addEventListener(kind, filter);
one("filter").addEventListener("submit", (event) => event.preventDefault());
one("filter").addEventListener("reset", () => setTimeout(filter));
filter();

// Details of a cell: shown while pointed at, kept when clicked. All text comes in as text, never as markup.

const cells = JSON.parse(one("cells").textContent);
const card = one("card");
let opener = null, kept = false;

function element(name, text, parent) {
  const made = parent.appendChild(document.createElement(name));
  if (text) made.textContent = text;
  return made;
}

function drawing(name, attributes, parent) {
  const made = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function drawWindows(windows, parent) {
  const width = 280, height = 56, speeds = windows.map(([speed]) => speed);
  const low = Math.min(...speeds), range = Math.max(...speeds) - low || 1;
  const picture = drawing("svg", {viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${windows.length} windows, ${low.toFixed(2)} to ${Math.max(...speeds).toFixed(2)} images/sec`}, parent);
  windows.forEach(([speed, counts], number) => drawing("circle", {
    cx: 5 + (width - 10) * (windows.length > 1 ? number / (windows.length - 1) : 0.5), r: 2.5,
    cy: 5 + (height - 10) * (1 - (speed - low) / range), class: counts ? "counts" : "warm-up"}, picture));
}

function fill(cell) {
  card.replaceChildren();
  element("h3", cell.title, card);
  const list = element("dl", "", card);
  for (const [name, text] of cell.lines) {
    element("dt", name, list);
    element("dd", text, list);
  }
  for (const windows of cell.windows) drawWindows(windows, card);
  if (cell.windows.length) element("p", "Speed of each window in turn; hollow: warm-up, which does not count", card);
  if (cell.warnings.length) {
    const warnings = element("ul", "", card);
    for (const warning of cell.warnings) element("li", warning, warnings);
  }
}

function place() {
  const from = opener.getBoundingClientRect(), gap = 8, size = card.getBoundingClientRect();
  const below = from.bottom + gap + size.height <= innerHeight;
  const top = below ? from.bottom + gap : Math.max(gap, from.top - gap - size.height);
  card.style.top = `${Math.max(gap, Math.min(top, innerHeight - size.height - gap))}px`;
  card.style.left = `${Math.max(gap, Math.min(from.left, document.documentElement.clientWidth - size.width - gap))}px`;
}

function open(button, keep) {
  if (opener && opener !== button) close();
  kept = keep;
  if (opener !== button) {
    opener = button;
    fill(cells[button.dataset.detail]);
    card.hidden = false;
    card.scrollTop = 0;
    place();
  }
  button.setAttribute("aria-expanded", "true");
}

function close() {
  if (opener) opener.setAttribute("aria-expanded", "false");
  card.hidden = true;
  opener = null;
  kept = false;
}

let leaving = 0;
const leave = () => { leaving = setTimeout(() => kept || close(), 200); };
card.addEventListener("mouseenter", () => clearTimeout(leaving));
card.addEventListener("mouseleave", leave);
for (const button of all("button.details")) {
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "card");
  button.addEventListener("click", () => (opener === button && kept ? close() : open(button, true)));
  button.addEventListener("mouseenter", () => {
    clearTimeout(leaving);
    if (!kept) open(button, false);
  });
  button.addEventListener("mouseleave", leave);
}
document.addEventListener("keydown", (event) => event.key === "Escape" && close());
document.addEventListener("click", (event) => {
  if (opener && !card.contains(event.target) && !event.target.closest("button.details")) close();
});
addEventListener("scroll", (event) => card.contains(event.target) || close(), true);
addEventListener("resize", close);
