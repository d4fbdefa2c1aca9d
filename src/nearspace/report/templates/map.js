"use strict";
const page = JSON.parse(document.getElementById("page-data").textContent);
const byId = (id) => document.getElementById(id);
const bytes = (code) => Uint8Array.from(atob(code), (letter) => letter.charCodeAt(0)).buffer;
const n = page.ids.length, STEPS = 65535;
const places = new Uint16Array(bytes(page.places));
const colourings = page.colourings;
// Where labels are numbers, a code is a place on a scale from 0 to 1, and every item has its name.
for (const of of Object.values(colourings)) of.codes = new (of.ends ? Float32Array : Int32Array)(bytes(of.codes));
const labelled = (i) => { const of = colourings.label; return of?.names[of.ends ? i : of.codes[i]]; };
const GREY = [138, 143, 152];
const mixed = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
for (const of of Object.values(colourings)) of.colours = (of.colours ?? page.colours).map(mixed); // a scale has its own
const view = document.querySelector(".view"), over = byId("over"), pen = over.getContext("2d");
const state = { colouring: Object.keys(colourings)[0], alone: null, matches: null, hover: -1, chosen: -1 };
const camera = { x: STEPS / 2, y: STEPS / 2, scale: 1 }; // steps in the middle, pixels a step
let width = 1, height = 1, dense = 1;

// Points: WebGL draws all of them, and once more those that stand out, on top.
const gl = byId("points").getContext("webgl2", { antialias: false, alpha: true, premultipliedAlpha: true });
if (!gl) document.querySelector(".trouble").hidden = false;
const drawing = gl && program();
function program() {
  const shaders = [
    [gl.VERTEX_SHADER, `#version 300 es
      in vec2 place; in vec4 colour; uniform vec2 middle, half_; uniform float scale, size; out vec4 ink;
      void main() { gl_Position = vec4((place - middle) * scale / half_, 0, 1);
        gl_PointSize = size * (colour.a > .97 ? 1.6 : 1.0); ink = colour; }`],
    [gl.FRAGMENT_SHADER, `#version 300 es
      precision highp float; in vec4 ink; uniform float size; out vec4 paint;
      void main() { float far = length(gl_PointCoord - .5) * 2.0;
        float a = ink.a * (1.0 - smoothstep(1.0 - 1.6 / max(size, 2.0), 1.0, far));
        if (a < .01) discard; paint = vec4(ink.rgb * a, a); }`],
  ];
  const made = gl.createProgram();
  for (const [kind, text] of shaders) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text); gl.compileShader(shader); gl.attachShader(made, shader);
  }
  gl.linkProgram(made); gl.useProgram(made);
  const buffer = (name, data, count, type, normal) => {
    const found = gl.createBuffer(), at = gl.getAttribLocation(made, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, found); gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(at); gl.vertexAttribPointer(at, count, type, normal, 0, 0);
    return found;
  };
  buffer("place", places, 2, gl.UNSIGNED_SHORT, false);
  const ink = buffer("colour", new Uint8Array(4 * n), 4, gl.UNSIGNED_BYTE, true);
  const shuffled = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1, seed = 1; i > 0; i--) {
    seed = (seed * 48271) % 2147483647;
    const j = seed % (i + 1); [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
  }
  const all = gl.createBuffer(), some = gl.createBuffer();
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, all); gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, shuffled, gl.STATIC_DRAW);
  gl.enable(gl.BLEND); gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA); gl.clearColor(0, 0, 0, 0);
  const uniforms = Object.fromEntries(["middle", "half_", "scale", "size"].map((name) => [name, gl.getUniformLocation(made, name)]));
  return { ink, uniforms, all, some, bright: 0 };
}

function shade(code) {
  const { colours, ends } = colourings[state.colouring];
  if (code < 0 || !ends) return code < 0 ? GREY : colours[code % colours.length];
  const at = Math.min(code * (colours.length - 1), colours.length - 1.001), low = Math.floor(at);
  return colours[low].map((part, of) => Math.round(part + (at - low) * (colours[low + 1][of] - part)));
}
// Whether an item matches the search and is of the class that was pressed.
const meant = (i) => (!state.matches || state.matches.has(i)) && (state.alone === null || colourings[state.colouring].codes[i] === state.alone);
function paint() {
  if (!gl) return;
  const { codes } = colourings[state.colouring], ink = new Uint8Array(4 * n), bright = [];
  const out = state.matches !== null || state.alone !== null;
  for (let i = 0; i < n; i++) {
    ink.set(shade(codes[i]), 4 * i);
    ink[4 * i + 3] = !out ? 205 : meant(i) ? 255 : 22;
    if (out && meant(i)) bright.push(i);
  }
  gl.bindBuffer(gl.ARRAY_BUFFER, drawing.ink); gl.bufferSubData(gl.ARRAY_BUFFER, 0, ink);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, drawing.some);
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(bright), gl.DYNAMIC_DRAW);
  drawing.bright = bright.length;
  ask();
}

let asked = false;
function ask() { if (!asked) { asked = true; requestAnimationFrame(draw); } }
// Where a frame takes long, only a part of the points is drawn while the map moves, at random.
let share = 1, drawn = 0, movedAt = -Infinity, rest = 0;
function pace(now) {
  const moving = now - movedAt < 120, took = now - drawn;
  drawn = now;
  if (!moving) return 1;
  if (took < 200) share = took > 26 ? Math.max(0.12, share * 0.8) : took < 18 ? Math.min(1, share * 1.08) : share;
  clearTimeout(rest); rest = setTimeout(ask, 150);
  return share;
}
function draw(now) {
  asked = false;
  if (gl) {
    const { uniforms, bright, all, some } = drawing;
    const zoom = camera.scale / home().scale;
    const size = Math.min(14, Math.max(1.8, 170 / Math.sqrt(n)) * Math.min(5, zoom ** 0.45) + 1) * dense;
    gl.viewport(0, 0, gl.canvas.width, gl.canvas.height); gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(uniforms.middle, camera.x, camera.y); gl.uniform2f(uniforms.half_, width / 2, height / 2);
    gl.uniform1f(uniforms.scale, camera.scale); gl.uniform1f(uniforms.size, size);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, all);
    gl.drawElements(gl.POINTS, Math.ceil(n * pace(now)), gl.UNSIGNED_INT, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, some);
    if (bright) gl.drawElements(gl.POINTS, bright, gl.UNSIGNED_INT, 0);
  }
  pen.setTransform(dense, 0, 0, dense, 0, 0); pen.clearRect(0, 0, width, height);
  frame++; drawPictures(); forget(); drawNames();
  for (const at of new Set([state.chosen, state.hover])) if (at >= 0) ring(at);
}
const across = (i) => (places[2 * i] - camera.x) * camera.scale + width / 2;
const down = (i) => (camera.y - places[2 * i + 1]) * camera.scale + height / 2;
const style = (name) => getComputedStyle(document.body).getPropertyValue(name);
let inks = {};
function readStyle() { inks = { ink: style("--ink"), card: style("--card"), sans: getComputedStyle(document.body).fontFamily }; }

function ring(at) {
  pen.beginPath(); pen.arc(across(at), down(at), at === state.chosen ? 11 : 8, 0, 7);
  pen.lineWidth = 4; pen.strokeStyle = inks.card; pen.stroke();
  pen.lineWidth = 2; pen.strokeStyle = inks.ink; pen.stroke();
}
// Signs of a text, of which none is cut in two.
const cut = (text, most) => { const signs = [...text.slice(0, 4 * most)]; return signs.length > most ? signs.slice(0, most - 1).join("") + "…" : text; };
// Of the words of a name so many as leave room for others, but one.
function nameFor(title) {
  const words = title.split(", ");
  while (words.length > 1 && pen.measureText(words.join(", ")).width > Math.max(120, width / 5)) words.pop();
  return cut(words.join(", "), 34);
}
const MOST_NAMED = 60;
function drawNames() {
  pen.font = `600 12.5px ${inks.sans}`; pen.textAlign = "center"; pen.textBaseline = "middle"; pen.lineJoin = "round";
  const taken = [];
  const names = page.clusters.map(({ title, at }) => [600, nameFor(title), (at[0] - camera.x) * camera.scale + width / 2, (camera.y - at[1]) * camera.scale + height / 2]);
  // Where few texts are in view, each stands above its point.
  const few = page.texts.length && !page.sheets ? inView(MOST_NAMED) ?? [] : [];
  names.push(...few.filter((i) => page.texts[i] && meant(i)).map((i) => [400, cut(page.texts[i], 24), across(i), down(i) - 15]));
  for (const [weight, text, x, y] of names) {
    pen.font = `${weight} 12.5px ${inks.sans}`;
    const half = pen.measureText(text).width / 2 + 3;
    if (x + half < 0 || x - half > width || y < 0 || y > height) continue;
    const left = Math.max(half, Math.min(width - half, x));
    if (taken.some(([a, b, c]) => Math.abs(a - left) < c + half && Math.abs(b - y) < 16)) continue;
    taken.push([left, y, half]);
    pen.lineWidth = 4; pen.strokeStyle = inks.card; pen.globalAlpha = 0.85; pen.strokeText(text, left, y);
    pen.globalAlpha = 1; pen.fillStyle = inks.ink; pen.fillText(text, left, y);
  }
}

// A grid over the map finds the points in a box.
const CELLS = 128, starts = new Uint32Array(CELLS * CELLS + 1), inCells = new Uint32Array(n);
const cellOf = (value) => Math.min(CELLS - 1, Math.floor(value * CELLS / (STEPS + 1)));
{
  const cell = (i) => cellOf(places[2 * i + 1]) * CELLS + cellOf(places[2 * i]);
  for (let i = 0; i < n; i++) starts[cell(i) + 1]++;
  for (let c = 0; c < CELLS * CELLS; c++) starts[c + 1] += starts[c];
  const next = starts.slice();
  for (let i = 0; i < n; i++) inCells[next[cell(i)]++] = i;
}
function within(left, low, right, high, most = Infinity) {
  const found = [], side = (value) => cellOf(Math.max(0, Math.min(STEPS, value)));
  for (let row = side(low); row <= side(high); row++) {
    const first = starts[row * CELLS + side(left)], last = starts[row * CELLS + side(right) + 1];
    for (let at = first; at < last; at++) {
      const i = inCells[at], x = places[2 * i], y = places[2 * i + 1];
      if (x >= left && x <= right && y >= low && y <= high) found.push(i);
    }
    if (found.length > most) return null;
  }
  return found;
}
const inView = (most) => {
  const a = width / 2 / camera.scale, b = height / 2 / camera.scale;
  return within(camera.x - a, camera.y - b, camera.x + a, camera.y + b, most);
};
function nearest(x, y, reach) {
  const px = (x - width / 2) / camera.scale + camera.x, py = camera.y - (y - height / 2) / camera.scale, r = reach / camera.scale;
  let best = -1, least = reach * reach;
  for (const i of within(px - r, py - r, px + r, py + r)) {
    const far = (across(i) - x) ** 2 + (down(i) - y) ** 2;
    if (far < least && meant(i)) { least = far; best = i; }
  }
  return best;
}

// Pictures stand on sheets, each decoded when one of its pictures is first shown. The latest are
// kept; what waits, or stands in this frame, is never given up, or it would be decoded for ever.
const codes = document.getElementsByClassName("sheet"), open = new Map(), KEPT = 32;
let frame = 0;
function sheetOf(i, then) {
  if (!page.sheets) return null;
  const { columns, side } = page.sheets, each = columns * columns, number = Math.floor(i / each), slot = i % each;
  let sheet = open.get(number);
  if (sheet) { open.delete(number); open.set(number, sheet); } else {
    sheet = { image: new Image(), ready: false, waiting: new Set(), frame };
    sheet.image.src = `data:image/webp;base64,${codes[number].textContent}`;
    sheet.image.decode().then(() => { sheet.ready = true; for (const call of sheet.waiting) call(); ask(); });
    open.set(number, sheet);
  }
  sheet.frame = frame;
  if (!sheet.ready) { sheet.waiting.add(then); return null; }
  return [sheet.image, (slot % columns) * side, Math.floor(slot / columns) * side, side, side];
}
function forget() {
  for (const [number, sheet] of open) if (open.size > KEPT && sheet.ready && sheet.frame < frame) open.delete(number);
}
function drawPictures() {
  if (!page.sheets) return;
  const shown = inView(1500);
  if (!shown) return;
  const size = Math.max(24, Math.min(48, page.sheets.side)), taken = new Map();
  pen.imageSmoothingEnabled = page.sheets.side > 20;
  const first = (i) => (i === state.chosen || i === state.hover ? -1 : i);
  for (const i of shown.sort((a, b) => first(a) - first(b))) {
    if (!meant(i)) continue;
    const x = across(i), y = down(i), column = Math.floor(x / size), row = Math.floor(y / size);
    let free = true;
    for (let a = -1; a <= 1 && free; a++) for (let b = -1; b <= 1 && free; b++) {
      const other = taken.get((row + a) * 4096 + column + b);
      free = !other || Math.abs(other[0] - x) > size + 3 || Math.abs(other[1] - y) > size + 3;
    }
    if (!free) continue;
    const part = sheetOf(i, ask);
    taken.set(row * 4096 + column, [x, y]);
    if (!part) continue;
    const [r, g, b] = shade(colourings[state.colouring].codes[i]);
    pen.fillStyle = `rgb(${r} ${g} ${b})`; pen.fillRect(x - size / 2 - 2, y - size / 2 - 2, size + 4, size + 4);
    pen.drawImage(...part, x - size / 2, y - size / 2, size, size);
  }
}
function picture(i, size) {
  const canvas = document.createElement("canvas"), { side } = page.sheets;
  canvas.width = canvas.height = side; canvas.className = side < 32 ? "picture small" : "picture";
  canvas.style.width = canvas.style.height = `${size}px`;
  const fill = () => { const part = sheetOf(i, fill); if (part) canvas.getContext("2d").drawImage(...part, 0, 0, side, side); };
  fill();
  return canvas;
}

// Sounds: one at a time. What is chosen sounds at once, what is pointed at where that was asked for.
const voice = page.sounds.length ? new Audio() : null, hear = byId("hear");
const aloud = () => hear?.ariaPressed === "true";
function sound(i) {
  if (!voice || !page.sounds[i]) return;
  voice.src = page.sounds[i];
  voice.play().catch(() => {}); // it was not allowed, or another one came before it began
}
if (hear) hear.onclick = () => {
  hear.ariaPressed = String(!aloud()); hear.textContent = aloud() ? "Sound off" : "Sound on";
  if (aloud()) sound(state.chosen); else voice.pause();
};
function player(i) {
  const box = document.createElement("audio");
  box.controls = true; box.preload = "none"; box.src = page.sounds[i];
  return box;
}

// The camera.
function home() {
  return { x: STEPS / 2, y: STEPS / 2, scale: Math.min(width - 64, height - 64) / STEPS };
}
function look(x, y, scale) {
  const least = home().scale;
  camera.scale = Math.max(least * 0.5, Math.min(least * 4000, scale));
  camera.x = Math.max(0, Math.min(STEPS, x)); camera.y = Math.max(0, Math.min(STEPS, y));
  movedAt = performance.now(); ask();
}
function fly(to) {
  const from = { ...camera }, began = performance.now(), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const step = (now) => {
    const t = calm ? 1 : Math.min(1, (now - began) / 450), e = t * t * (3 - 2 * t);
    const scale = from.scale * (to.scale / from.scale) ** e;
    look(from.x + (to.x - from.x) * e, from.y + (to.y - from.y) * e, scale);
    if (t < 1 && flight === step) requestAnimationFrame(step);
  };
  flight = step; requestAnimationFrame(step);
}
let flight = null;
function zoom(factor, x = width / 2, y = height / 2) {
  const scale = Math.max(home().scale * 0.5, Math.min(home().scale * 4000, camera.scale * factor));
  const a = (x - width / 2), b = (height / 2 - y);
  look(camera.x + a / camera.scale - a / scale, camera.y + b / camera.scale - b / scale, scale);
}
function fit(left, low, right, high) {
  const scale = Math.min((width - 80) / Math.max(right - left, 1), (height - 80) / Math.max(high - low, 1));
  fly({ x: (left + right) / 2, y: (low + high) / 2, scale: Math.min(scale, home().scale * 40) });
}
function fitAll(items) {
  let [left, low, right, high] = [STEPS, STEPS, 0, 0];
  for (const i of items) {
    left = Math.min(left, places[2 * i]); right = Math.max(right, places[2 * i]);
    low = Math.min(low, places[2 * i + 1]); high = Math.max(high, places[2 * i + 1]);
  }
  fit(left, low, right, high);
}
new ResizeObserver(() => {
  const first = width === 1, kept = camera.scale / home().scale;
  width = view.clientWidth; height = view.clientHeight; dense = Math.min(devicePixelRatio || 1, 2);
  for (const canvas of [byId("points"), over]) { canvas.width = width * dense; canvas.height = height * dense; }
  if (first) Object.assign(camera, home()); else camera.scale = kept * home().scale;
  ask();
}).observe(view);

// What is told of an item.
function words(i, most = Infinity) {
  const box = document.createElement("div");
  const add = (name, text) => { if (text) { const line = document.createElement(name); line.textContent = text; box.append(line); } };
  add("b", labelled(i));
  add("p", page.texts[i] && (most < Infinity ? cut(page.texts[i], most) : page.texts[i]));
  add("small", String(page.ids[i]));
  const cluster = colourings.cluster.codes[i];
  add("small", cluster < 0 ? "" : `in ${colourings.cluster.names[cluster]}`);
  return box;
}
function choose(i, there = false) {
  state.chosen = i;
  const box = byId("chosen");
  box.hidden = i < 0; box.replaceChildren();
  if (i >= 0) {
    if (page.sheets) box.append(picture(i, 96));
    const close = document.createElement("button");
    close.className = "close"; close.textContent = "×"; close.ariaLabel = "Close"; close.onclick = () => choose(-1);
    const told = words(i);
    if (page.sounds[i]) told.append(player(i));
    box.append(told, close);
    sound(i);
    if (there) fly({ x: places[2 * i], y: places[2 * i + 1], scale: Math.max(camera.scale, home().scale * Math.max(8, Math.sqrt(n) / 12)) });
  }
  ask();
}
function hover(i, event) {
  if (i !== state.hover) {
    state.hover = i; over.classList.toggle("on", i >= 0); ask();
    if (aloud()) sound(i);
    byId("tip").replaceChildren(...(i < 0 ? [] : [...(page.sheets ? [picture(i, 80)] : []), words(i, 240)]));
  }
  const tip = byId("tip");
  tip.hidden = i < 0;
  if (i < 0) return;
  const box = tip.getBoundingClientRect(), above = event.clientY - box.height - 14;
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${above > 8 ? above : Math.min(event.clientY + 18, innerHeight - box.height - 8)}px`;
}

// Hands: one finger or a mouse moves, two zoom.
const hands = new Map();
let moved = 0;
const where = (event) => { const box = over.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
over.addEventListener("pointerdown", (event) => {
  over.setPointerCapture(event.pointerId); hands.set(event.pointerId, where(event));
  if (hands.size === 1) moved = 0;
  flight = null; hover(-1); view.focus({ preventScroll: true });
});
over.addEventListener("pointermove", (event) => {
  const at = where(event), was = hands.get(event.pointerId);
  if (!was) { if (event.pointerType === "mouse") hover(nearest(...at, 12), event); return; }
  over.classList.add("moving"); moved += Math.abs(at[0] - was[0]) + Math.abs(at[1] - was[1]);
  const other = [...hands].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    zoom(apart(at, other) / Math.max(1, apart(was, other)), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
  }
  const share = other ? 0.5 : 1;
  look(camera.x - share * (at[0] - was[0]) / camera.scale, camera.y + share * (at[1] - was[1]) / camera.scale, camera.scale);
  hands.set(event.pointerId, at);
});
for (const name of ["pointerup", "pointercancel"]) over.addEventListener(name, (event) => {
  if (hands.delete(event.pointerId) && name === "pointerup" && moved < 6) choose(nearest(...where(event), event.pointerType === "mouse" ? 12 : 22));
  if (!hands.size) over.classList.remove("moving");
});
over.addEventListener("pointerleave", () => hover(-1));
over.addEventListener("wheel", (event) => {
  event.preventDefault(); flight = null; hover(-1);
  zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * (event.deltaMode ? 20 : 1))) / 260), ...where(event));
}, { passive: false });
over.addEventListener("dblclick", (event) => { const [x, y] = where(event); zoom(2, x, y); });
for (const button of document.querySelectorAll("[data-zoom]")) button.onclick = () => {
  const factor = Number(button.dataset.zoom);
  fly(factor ? { ...camera, scale: camera.scale * factor } : home());
};
view.addEventListener("keydown", (event) => {
  const step = 60 / camera.scale, { x, y, scale } = camera;
  const moves = { ArrowLeft: [x - step, y], ArrowRight: [x + step, y], ArrowUp: [x, y + step], ArrowDown: [x, y - step] };
  if (moves[event.key]) look(...moves[event.key], scale);
  else if (event.key === "+" || event.key === "=") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
  else if (event.key === "0") fly(home());
  else if (event.key === "Escape") choose(-1);
  else return;
  event.preventDefault();
});

// Colours and their legend; a class stands out alone until it is pressed again.
const LEGEND = 40;
function legend() {
  const { names, counts, told, ends, colours, missing } = colourings[state.colouring], box = byId("legend");
  const without = missing ? [Object.assign(document.createElement("span"), { textContent: ` no label: ${missing.toLocaleString("en")}` })] : [];
  for (const mark of document.querySelectorAll("[data-cluster]")) tint(mark);
  box.className = ends ? "scale" : "legend";
  if (ends) {
    const [low, high] = ends.map((end) => Object.assign(document.createElement("span"), { textContent: end })), bar = document.createElement("i");
    bar.style.background = `linear-gradient(90deg, ${colours.map((parts) => `rgb(${parts.join(" ")})`)})`;
    return box.replaceChildren(low, bar, high, ...without);
  }
  box.replaceChildren(...names.slice(0, LEGEND).map((name, code) => {
    const key = document.createElement("button"), mark = document.createElement("i");
    mark.className = "swatch"; mark.style.background = `rgb(${shade(code).join(" ")})`;
    key.append(mark, name); key.title = `${counts[code].toLocaleString("en")} items${told?.[code] ? `: ${told[code]}` : ""}`;
    key.type = "button"; key.ariaPressed = String(state.alone === code);
    key.onclick = () => { state.alone = state.alone === code ? null : code; legend(); paint(); };
    return key;
  }));
  if (names.length > LEGEND) box.append(` and ${(names.length - LEGEND).toLocaleString("en")} more`);
  box.append(...without);
}
// A cluster has the colour that most of its points have.
function tint(mark) {
  const at = Number(mark.dataset.cluster), of = colourings.label, code = state.colouring === "cluster" ? at : of.ends ? -1 : of.names.indexOf(page.clusters[at].label);
  mark.style.background = `rgb(${shade(code).join(" ")})`;
}
for (const name of Object.keys(colourings)) byId("colouring").add(new Option(`by ${name}`, name));
byId("colouring").onchange = (event) => { state.colouring = event.target.value; state.alone = null; legend(); paint(); };

// Search: what matches stands out.
let hay = null, waiting = 0;
function search(text) {
  const wanted = text.trim().toLowerCase();
  hay ??= page.ids.map((id, i) => `${id}\n${labelled(i) ?? ""}\n${page.texts[i] ?? ""}`.toLowerCase());
  state.matches = wanted ? new Set() : null;
  if (wanted) for (let i = 0; i < n; i++) if (hay[i].includes(wanted)) state.matches.add(i);
  const count = state.matches?.size ?? 0, results = byId("results");
  byId("told").textContent = !wanted ? `${n.toLocaleString("en")} items` : `${count.toLocaleString("en")} of ${n.toLocaleString("en")} match${count > 1 ? "; Enter shows them all" : ""}`;
  results.hidden = !count;
  results.replaceChildren(...[...(state.matches ?? [])].slice(0, 50).map((i) => row([i], "", "")));
  paint();
}
byId("search").addEventListener("input", (event) => { clearTimeout(waiting); waiting = setTimeout(search, 120, event.target.value); });
byId("search").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  clearTimeout(waiting); search(event.target.value);
  if (state.matches?.size) fitAll(state.matches);
  if (state.matches?.size === 1) choose([...state.matches][0]);
});

// Lists, each made when it is first opened.
function row(items, what, count) {
  const button = document.createElement("button"), text = document.createElement("span"), number = document.createElement("span");
  button.type = "button";
  if (page.sheets) button.append(...items.slice(0, 4).map((i) => picture(i, 34)));
  text.className = "what"; number.className = "count";
  const named = (i) => [labelled(i), page.texts[i] || page.ids[i]].filter((part) => part !== undefined && part !== "").join(" · ");
  text.textContent = what || items.slice(0, 3).map((i) => (items.length > 1 ? page.ids[i] : named(i))).join(", ");
  button.title = items.map((i) => page.ids[i]).join(", ");
  number.textContent = count;
  button.append(text, number);
  button.onclick = () => { choose(items[0], items.length === 1); if (items.length > 1) fitAll(items); };
  if (voice) button.onfocus = () => { if (aloud()) sound(items[0]); };
  return button;
}
const lists = {
  clusters: () => page.clusters.map(({ name, size, box }, code) => {
    const button = row([], name, size.toLocaleString("en")), mark = document.createElement("i");
    mark.className = "swatch"; mark.dataset.cluster = code; button.prepend(mark); button.title = "";
    tint(mark);
    button.onclick = () => fit(...box);
    return button;
  }),
  outliers: () => page.outliers.map(([i, times]) => row([i], "", `${times.toFixed(1)} ×`)),
  alike: () => [
    ...page.alike.map(([items, size, distance]) => row(items, "", (size > 2 ? `${size} items, ` : "") + (distance ? `${distance.toPrecision(2)} apart` : "equal"))),
    ...page.nearly.map(([items, , distance]) => row(items, "", `${distance.toPrecision(2)} apart: just not one`)),
  ],
};
for (const [name, make] of Object.entries(lists)) {
  const box = byId(name), fill = () => { if (box.open && !box.dataset.made) { box.dataset.made = "yes"; box.querySelector(".rows").replaceChildren(...make()); } };
  box.addEventListener("toggle", fill); fill();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readStyle(); ask(); });
readStyle(); legend(); search("");
