"use strict";
const page = JSON.parse(document.getElementById("page-data").textContent);

// Every item is stored once and put wherever it is shown.
const drawn = (list, at) => page.fragments[page[list][at]];
for (const slot of document.querySelectorAll("[data-item]")) {
  const [list, at] = slot.dataset.item.split(":");
  slot.innerHTML = drawn(list, at);
}

// Sounds: one at a time. A picture of one plays it when it is pressed; what is pointed at on a map
// sounds where that was asked for, since browsers let a page sound only after a click.
let aloud = false;
function play(voice) {
  for (const other of document.querySelectorAll("audio")) if (other !== voice) other.pause();
  if (!voice) return;
  voice.currentTime = 0;
  voice.play().catch(() => {}); // it was not allowed, or another one came before it began
}
for (const picture of document.querySelectorAll(".sound img")) {
  picture.tabIndex = 0; picture.role = "button"; picture.ariaLabel = `Play: ${picture.alt}`;
}
document.addEventListener("click", (event) => {
  const picture = event.target.closest(".sound img");
  if (!picture) return;
  event.preventDefault(); // in a summary it would open and close
  play(picture.nextElementSibling);
});
document.addEventListener("keydown", (event) => {
  if (!event.target.matches(".sound img") || !["Enter", " "].includes(event.key)) return;
  event.preventDefault();
  play(event.target.nextElementSibling);
});
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);
const hear = document.getElementById("hear");
hear?.addEventListener("click", () => {
  aloud = !aloud;
  hear.ariaPressed = String(aloud);
  hear.textContent = aloud ? "Sound off" : "Sound on";
  if (!aloud) play(null);
});

// A head of the ranked table sorts by its column, the other way round when pressed again.
for (const table of document.querySelectorAll(".ranked:has(thead)")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const value = (row, at) => {
    const cell = row.cells.length === heads.length ? row.cells[at] : null;
    if (!cell || cell.dataset.value === "") return null;
    if (!("value" in cell.dataset)) return cell.textContent.trim() || null;
    const number = Number(cell.dataset.value);
    return Number.isNaN(number) ? null : number;
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));
  heads.forEach((head, at) => {
    if (head.classList.contains("drawn")) return;
    const key = document.createElement("button");
    key.append(...head.childNodes);
    head.append(key);
    key.addEventListener("click", () => {
      const rows = [...body.rows], filled = rows.filter((row) => value(row, at) !== null);
      const numbers = typeof value(filled[0] ?? rows[0], at) === "number";
      const falls = head.ariaSort ? head.ariaSort === "ascending" : numbers;
      for (const other of heads) other.ariaSort = null;
      head.ariaSort = falls ? "descending" : "ascending";
      filled.sort((a, b) => (falls ? -1 : 1) * compare(value(a, at), value(b, at)));
      body.append(...filled, ...rows.filter((row) => value(row, at) === null));
    });
  });
}

const figureData = document.getElementById("figure-data");
const figures = figureData ? JSON.parse(figureData.textContent) : {};
const maps = [];
for (const plot of document.querySelectorAll(".plot")) draw(plot, figures[plot.dataset.figure]);

function draw(plot, figure) {
  const { labels } = figure.layout.meta ?? {};
  if (labels) Object.assign(figure.data.at(-1), plot.clientWidth < 900 ? labels.narrow : labels.wide);
  figure.layout.font.family = getComputedStyle(document.body).fontFamily;
  Plotly.newPlot(plot, figure.data, figure.layout, { displayModeBar: false, responsive: true });
  if (!plot.closest(".map")) return;
  maps.push(plot);
  plot.on("plotly_hover", (event) => point(event.points[0].pointIndex, event.event));
  plot.on("plotly_unhover", () => point(null));
}

// Pointing at an item shows it, and rings it on every map.
function point(at, event) {
  const tip = document.getElementById("tip");
  tip.hidden = at === null || !page.shown.length;
  for (const plot of maps) {
    const ring = plot.parentElement.querySelector(".ring");
    ring.hidden = at === null;
    if (at === null) continue;
    const { x, y } = plot.data[0];
    ring.style.left = `${(x[at] + 40) / 10.8}%`;
    ring.style.bottom = `${(y[at] + 40) / 10.8}%`;
  }
  if (tip.hidden) { delete tip.dataset.at; return; }
  const label = document.createElement("b");
  label.textContent = page.classes[page.codes[at]] ?? "";
  const is = String(at);
  if (tip.dataset.at !== is) { // moving over a point does not begin its sound anew
    tip.innerHTML = `<span class="item">${drawn("shown", at)}</span>`;
    tip.append(label);
    tip.dataset.at = is;
    if (aloud) play(tip.querySelector("audio"));
  }
  const { width, height } = tip.getBoundingClientRect();
  const above = event.clientY - height - 14;
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${above > 8 ? above : event.clientY + 18}px`;
}
addEventListener("scroll", () => maps.length && point(null), { passive: true });

// A class of the legend stands out alone on every map, until it is pressed again.
const keys = document.querySelectorAll(".legend button");
for (const key of keys) {
  key.addEventListener("click", () => {
    const alone = key.getAttribute("aria-pressed") === "false";
    for (const other of keys) other.setAttribute("aria-pressed", String(alone && other === key));
    const code = Number(key.dataset.code);
    const opacity = alone ? page.codes.map((own) => (own === code ? 0.95 : 0.07)) : 0.85;
    for (const plot of maps) Plotly.restyle(plot, { "marker.opacity": [opacity] });
  });
}

// On paper a chart is scaled to the room it has.
const charts = (change) => document.querySelectorAll(".main-svg").forEach(change);
addEventListener("beforeprint", () =>
  charts((svg) => svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`)));
addEventListener("afterprint", () => charts((svg) => svg.removeAttribute("viewBox")));
